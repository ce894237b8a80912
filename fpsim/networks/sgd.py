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

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from fpsim.kernels.random_numbers import Stream
from fpsim.sgd import draws
from fpsim.sgd.batches import MiniBatchSGD

if TYPE_CHECKING:
    from fpsim.networks.replicas import Replicas
    from fpsim.networks.tensors import TensorReplicas
    from landscapes.networks.landscape import NeuralLandscape

Array = NDArray[np.float64]
Integers = NDArray[np.int64]
Noise = Literal["with-replacement", "without-replacement", "reshuffled", "gaussian", "isotropic"]

BLOCK = 32
"""Iterations whose random numbers are drawn together, a multiple of four."""
MOST_DRAWN = 2**24
"""Numbers that are drawn together, at most if that makes four iterations."""
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


def slopes_of(sgd: NetworkSGD, many: Replicas | TensorReplicas, x: Any, own: tuple[Any, ...]) -> Any:
    """Gradient plus noise (R, d) from what is drawn in one iteration; arrays or tensors."""
    if sgd.draws_examples:
        return many.batch_gradients(x, own[0])
    combined = many.combined_gradients(x, own[0])
    if sgd.noise == "gaussian":
        return combined
    return many.gradients(x) + (combined**2).sum(axis=1, keepdims=True) ** 0.5 * own[1]


# --- random numbers ---


def block_of(sgd: NetworkSGD, replicas: int) -> int:
    """Iterations whose random numbers are drawn together, `BLOCK` or fewer if they are many."""
    size = sgd.batch_size if sgd.draws_examples else sgd.landscape.number_of_examples
    size += sgd.landscape.dimension if sgd.noise == "isotropic" else 0
    return int(np.clip(MOST_DRAWN // max(1, 4 * replicas * size), 1, BLOCK // 4)) * 4


def drawn(sgd: NetworkSGD, seed: int, replicas: Integers, begin: int, steps: int) -> tuple[NDArray[Any], ...]:
    """What replicas (R,) draw in iterations ``begin`` ..., each (steps, R, ...).

    That is examples (S), or weights (m) of all examples, with a direction (d) besides for isotropic noise.
    """
    m = sgd.landscape.number_of_examples
    if sgd.draws_examples:
        examples = draws.picks(sgd.noise, m, int(sgd.batch_size), seed, replicas, begin, steps)
        return (examples.swapaxes(1, 2),)
    z = np.ascontiguousarray(draws.normals(m, seed, replicas, begin, steps, Stream.INCREMENTS).swapaxes(1, 2))
    weights = (z - z.mean(axis=2, keepdims=True)) / np.sqrt(m * sgd.batch_size)
    if sgd.noise == "gaussian":
        return (1 / m + weights,)
    u = draws.normals(sgd.landscape.dimension, seed, replicas, begin, steps, Stream.DIRECTIONS).swapaxes(1, 2)
    length = np.linalg.norm(u, axis=2, keepdims=True)
    return weights, u / np.where(length > 0, length, 1.0)  # as in the kernels, a direction without length kicks nowhere
