"""SGD in all parameters of a network, many replicas at once, one loop for every kind of noise:

    x <- x - eta (grad L(x) + noise)

    "with-replacement"      the gradient of S examples drawn independently
    "without-replacement"   of S different examples, drawn anew for every batch
    "reshuffled"            of the next S examples of a shuffled data set, which is shuffled again when it is used up
    "gaussian"              grad L + J^T (z - mean z)/(m S)^(1/2), z standard normal (m,): Gaussian, covariance C1(x)/S
    "isotropic"             grad L + |that| u, u uniform on the sphere: every direction alike, E|noise|^2 = tr C1(x)/S

J (m x d) are the derivatives of the losses of the examples, C1 the covariance of one example's gradient: no matrix is
formed.  The random numbers of a replica are a function of (seed, replica, iteration), so that a replica draws the same
alone and in every ensemble, and in the compiled engine; sums of torch may differ in the last digits with the number of
replicas beside it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fpsim.kernels.random_numbers import Stream
from fpsim.sgd import draws
from fpsim.sgd.batches import MiniBatchSGD

if TYPE_CHECKING:
    from fpsim.networks.replicas import Replicas
    from landscapes.networks.landscape import NeuralLandscape

Array = NDArray[np.float64]
Noise = Literal["with-replacement", "without-replacement", "reshuffled", "gaussian", "isotropic"]

BLOCK = 32
"""Iterations whose random numbers are drawn together."""
FAR = 1e6
"""A replica is lost when a parameter is farther than this from where the replica started, or not finite."""


@dataclass(frozen=True, eq=False)
class NetworkSGD:
    """What moves, and by which noise.

    Args:
        landscape: the network with its m examples; its precision is that of the gradients.
        learning_rate: eta > 0.
        batch_size: S; a whole number for the three kinds of mini-batches, any positive number for the other two.
        noise: as listed above.  Epochs drop the m mod S examples that are left over.
        start: the parameters (d,) at iteration 0.

    Raises:
        TypeError: for a landscape without examples.
        ValueError: for an unknown noise, impossible numbers, or a start that is not finite or of another shape.
    """

    landscape: NeuralLandscape
    learning_rate: float
    batch_size: float
    noise: Noise
    start: Array

    def __post_init__(self) -> None:
        if not hasattr(self.landscape, "weighted_gradient"):
            raise TypeError(f"SGD of a network needs a NeuralLandscape; got {self.landscape!r}")
        if self.noise not in get_args(Noise):
            raise ValueError(f"noise is one of {', '.join(map(repr, get_args(Noise)))}; got {self.noise!r}")
        if not (np.isfinite(self.learning_rate) and self.learning_rate > 0):
            raise ValueError(f"learning_rate is a positive number; got {self.learning_rate!r}")
        self._check_batch()
        start, d = np.array(self.start, dtype=np.float64), self.landscape.dimension
        if start.shape != (d,) or not np.isfinite(start).all():
            raise ValueError(f"start is {d} finite parameters, shape ({d},); got shape {start.shape}")
        start.flags.writeable = False
        object.__setattr__(self, "start", start)

    def _check_batch(self) -> None:
        size, m = self.batch_size, self.landscape.number_of_examples
        if not self.draws_examples:
            if not (np.isfinite(size) and size > 0):
                raise ValueError(f"batch_size is a positive number; got {size!r}")
        elif isinstance(size, bool) or not (np.isfinite(size) and size == int(size) and size >= 1):
            raise ValueError(f"a mini-batch holds a whole number of examples, 1 or more; got {size!r}")
        elif self.noise != "with-replacement" and size > m:
            raise ValueError(f"{size} different examples cannot be drawn from {m}; use 'with-replacement' or less")

    @property
    def draws_examples(self) -> bool:
        """Whether the noise is that of real mini-batches."""
        return self.noise not in ("gaussian", "isotropic")

    @property
    def covariance_factor(self) -> float:
        """S times the covariance of the noise over C1 (for "isotropic": of their traces), for a batch by itself.

        Batches of one epoch are also correlated with each other, which this number does not tell.
        """
        m = self.landscape.number_of_examples
        if self.noise in ("without-replacement", "reshuffled"):
            return (m - self.batch_size) / (m - 1) if m > 1 else 0.0
        return 1.0

    @property
    def batches(self) -> MiniBatchSGD:
        """The same as a ``MiniBatchSGD``, which compiles where the network's layers are known."""
        size = int(self.batch_size) if self.draws_examples else self.batch_size
        return MiniBatchSGD(self.landscape, self.learning_rate, size, self.noise)

    def __str__(self) -> str:
        return f"SGD on {self.landscape.name}, eta = {self.learning_rate:g}, S = {self.batch_size:g}, {self.noise}"


def advance(
    sgd: NetworkSGD, engine: Replicas, x: Array, replicas: ArrayLike, begin: int, steps: int, seed: int
) -> tuple[Array, NDArray[np.int64]]:
    """Take replicas from iteration ``begin`` to ``begin + steps``.

    Args:
        sgd: what moves.
        engine: many copies of ``sgd.landscape``, or of the same network in another precision.
        x: parameters (R, d) at iteration ``begin``.
        replicas: numbers (R,), which choose the random numbers.
        begin, steps: whole numbers >= 0.
        seed: integer in [0, 2^64).

    Returns:
        parameters (R, d), and the iterations (R,) at which replicas were lost, 0 for those that were not.  A lost
        replica (a parameter beyond `FAR`, or not finite: eta is too large for where it went) keeps its last position
        that was in order.
    """
    numbers = np.asarray(replicas, dtype=np.int64)
    x, lost = np.array(x, dtype=np.float64), np.zeros(len(numbers), dtype=np.int64)
    alive = np.arange(len(numbers))
    for offset, numbers_drawn in enumerate(_draws(sgd, numbers, begin, steps, seed), 1):
        own = tuple(part[alive] for part in numbers_drawn)
        moved = x[alive] - sgd.learning_rate * slopes_of(sgd, engine, x[alive], own)
        sound = (np.abs(moved - sgd.start) <= FAR).all(axis=1)  # false for NaN too
        x[alive[sound]] = moved[sound]
        lost[alive[~sound]] = begin + offset
        alive = alive[sound]
        if not alive.size:
            break
    return x, lost


def slopes_of(sgd: NetworkSGD, engine: Replicas, x: Array, own: tuple[NDArray[Any], ...]) -> Array:
    """Gradient plus noise (R, d)."""
    if sgd.draws_examples:
        picks = own[0]
        return engine.weighted_gradients(x, picks, np.full(picks.shape, 1 / picks.shape[1]))
    m = sgd.landscape.number_of_examples
    weights = (own[0] - own[0].mean(axis=1, keepdims=True)) / np.sqrt(m * sgd.batch_size)
    if sgd.noise == "gaussian":
        return engine.combined_gradients(x, 1 / m + weights)
    lengths = np.linalg.norm(engine.combined_gradients(x, weights), axis=1, keepdims=True)
    return engine.gradients(x) + lengths * own[1]


# --- random numbers ---


def _draws(
    sgd: NetworkSGD, replicas: NDArray[np.int64], begin: int, steps: int, seed: int
) -> Iterator[tuple[NDArray[Any], ...]]:
    """Per iteration, what each replica draws: examples (R, S), or normals (R, m) and directions (R, d)."""
    for first in range(begin, begin + steps, BLOCK):
        parts = drawn(sgd, seed, replicas, first, min(BLOCK, begin + steps - first))
        yield from zip(*parts, strict=True)


def drawn(sgd: NetworkSGD, seed: int, replicas: NDArray[np.int64], begin: int, steps: int) -> tuple[NDArray[Any], ...]:
    """Everything that replicas (R,) draw in iterations ``begin`` ..., each (steps, R, ...)."""
    m = sgd.landscape.number_of_examples
    if sgd.draws_examples:
        examples = draws.picks(sgd.noise, m, int(sgd.batch_size), seed, replicas, begin, steps)
        return (examples.swapaxes(1, 2),)
    z = draws.normals(m, seed, replicas, begin, steps, Stream.INCREMENTS).swapaxes(1, 2)
    if sgd.noise == "gaussian":
        return (z,)
    u = draws.normals(sgd.landscape.dimension, seed, replicas, begin, steps, Stream.DIRECTIONS).swapaxes(1, 2)
    length = np.linalg.norm(u, axis=2, keepdims=True)
    return z, u / np.where(length > 0, length, 1.0)  # as in the kernels, a direction without length kicks nowhere
