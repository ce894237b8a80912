"""SGD itself, on a data set, with actual mini-batches:

    x_{n+1} = x_n - (eta / S) sum_{j in B_n} grad l_j(x_n).

B_n holds S of the m examples: drawn independently (the case of the Cramer exponent), S different ones batch by batch,
or, as practice does, the next S of a random order of all examples that is drawn anew for every epoch.  No stochastic
calculus and no Gaussian noise: the chain is the truth.  Beside them stands its surrogate, the same chain with Gaussian
noise of exactly the covariance C1(x)/S:  g = sum_j (1/m + (z_j - mean z)/(m S)^(1/2)) grad l_j,  z normal (m,);  and
the same kick turned into every direction alike:  g = grad L + |g - grad L| u,  u uniform on the sphere, independent.

With momentum the state is (x, v):  v' = beta v - eta g,  x' = x + v'  (Polyak 1964); steps of Adam and of sign SGD:
:mod:`fpsim.sgd.rules`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np

from fpsim.noise import GradientNoise
from fpsim.noise.examples import ExampleCovariance
from fpsim.numbers import positive, share
from fpsim.sde.sde import SDE
from fpsim.sgd.optimisers import Optimiser, as_optimiser
from landscapes.examples.dataset import DatasetLandscape

LARGEST_BATCH = 4096  # the draws of four steps of a block are held at once
Sampling = Literal["with-replacement", "without-replacement", "reshuffled", "gaussian", "isotropic"]
SAMPLINGS: tuple[Sampling, ...] = ("with-replacement", "without-replacement", "reshuffled")
LAWS: tuple[Sampling, ...] = (*SAMPLINGS, "gaussian", "isotropic")  # as numbered in the kernels


class BatchDivergenceError(ValueError):
    """A path of mini-batch SGD left the finite numbers; ``rate`` is the learning rate, where it is not that of sgd."""

    def __init__(self, path: int, sgd: MiniBatchSGD, step: int | None = None, rate: float | None = None) -> None:
        when, rate = "" if step is None else f" at iteration {step}", sgd.learning_rate if rate is None else rate
        super().__init__(
            f"path {path} diverged{when}: the learning rate {rate:g} is too large for this loss; reduce it"
        )
        self.path, self.step = path, step


@dataclass(frozen=True)
class MiniBatchSGD:
    """Constant-step SGD with real mini-batches.

    Args:
        landscape: a ``DatasetLandscape``, or a ``NeuralLandscape`` (then it moves in all parameters of the network).
        learning_rate: eta > 0.
        batch_size: S, a whole number >= 1.
        sampling: the law of the mini-batches: ``"with-replacement"``, S independent draws;
            ``"without-replacement"``, S different examples, every batch anew; ``"reshuffled"``, m // S batches from a
            random order of the examples, drawn anew for every epoch (what is left of the order is dropped);
            ``"gaussian"``, no mini-batches but Gaussian noise of the covariance C1(x)/S, from all examples at every
            step; ``"isotropic"``, as long as those kicks, but in every direction alike (so tr C1(x)/(S d) times the
            identity is their covariance).  S is any positive number in both.
        momentum: beta, 0 <= beta < 1; paths start at rest.
        optimiser: :class:`~fpsim.sgd.optimisers.Adam` or :class:`~fpsim.sgd.optimisers.SignSGD` instead of SGD, or
            one in words (``"adam"``); its memories are empty at the start, which Adam corrects for
            (:mod:`fpsim.sgd.rules`).

    Raises:
        TypeError: for a landscape without examples, or an optimiser that is none.
        ValueError: for an unknown law, or a batch that is no whole number, or larger than the data set unless drawn
            with replacement.
    """

    landscape: Any
    learning_rate: float
    batch_size: float
    sampling: Sampling = "with-replacement"
    momentum: float = 0.0
    optimiser: Optimiser | None = None

    def __post_init__(self) -> None:
        if not (isinstance(self.landscape, DatasetLandscape) or self.moves_network):
            raise TypeError(
                f"mini-batches need the examples of a DatasetLandscape or a NeuralLandscape; got {self.landscape!r}"
            )
        if self.moves_network and self.landscape.keeps_buffers:
            raise ValueError(
                "training would renew the network's buffers (running statistics), which a landscape keeps; say "
                "NeuralLandscape(..., buffers='frozen') for SGD with frozen ones"
            )
        positive(self.learning_rate, "learning_rate")
        if self.sampling not in LAWS:
            raise ValueError(f"sampling is one of {', '.join(LAWS)}; got {self.sampling!r}")
        share(self.momentum, "momentum")
        object.__setattr__(self, "optimiser", as_optimiser(self.optimiser))
        if self.optimiser is not None and self.momentum:
            raise ValueError(f"{self.optimiser} has its own momentum; leave out momentum={self.momentum:g}")
        self._check_batch()

    def _check_batch(self) -> None:
        size, m = self.batch_size, self.landscape.number_of_examples
        if not self.draws_examples:
            positive(size, "batch_size")
        elif isinstance(size, bool) or not isinstance(size, int | np.integer) or not 1 <= size <= LARGEST_BATCH:
            raise ValueError(f"a mini-batch holds a whole number of examples, 1 to {LARGEST_BATCH}; got {size!r}")
        elif not self.replacement and size > m:
            raise ValueError(
                f"{size} different examples cannot be drawn from {m}; use sampling='with-replacement' or less"
            )

    @property
    def draws_examples(self) -> bool:
        """Whether the noise is that of real mini-batches."""
        return self.sampling in SAMPLINGS

    @property
    def coordinates(self) -> int:
        """Of a state: the d of the landscape, and below them what the steps remember."""
        d = int(self.landscape.dimension)
        return d * (2 if self.momentum else 1) if self.optimiser is None else self.optimiser.rows(d)

    @property
    def is_plain(self) -> bool:
        """Whether a step is linear in the gradient and remembers nothing."""
        return not self.momentum and self.optimiser is None

    @property
    def moves_network(self) -> bool:
        """Whether the coordinates are all parameters of a network."""
        return hasattr(self.landscape, "batch_gradients")

    @property
    def replacement(self) -> bool:
        """Whether an example may occur more than once in a batch."""
        return self.sampling == "with-replacement"

    @property
    def covariance_factor(self) -> float:
        """S times the covariance of a batch's mean gradient over C1 (for ``"isotropic"`` of their traces): 1, or
        (1 - S/m) m/(m - 1) without replacement.

        Reshuffled batches of one epoch are not independent: together they cancel, so this is no long-time diffusion.
        """
        m = self.landscape.number_of_examples
        return 1.0 if self.replacement or not self.draws_examples else (m - self.batch_size) / (m - 1) if m > 1 else 0.0

    def noise(self) -> GradientNoise:
        """Gaussian noise of the same covariance, D = eta C1(x) / (2 S) times :attr:`covariance_factor`.

        Raises:
            ValueError: for ``"isotropic"`` beyond one dimension, whose covariance is another.
        """
        if self.sampling == "isotropic" and self.landscape.dimension > 1:
            raise ValueError(
                "isotropic noise beyond one dimension has the covariance tr C1(x)/(S d) I and no SDE of its own here; "
                "give fpsim.GradientNoise(covariance=...) that matrix, or use sampling='gaussian'"
            )
        covariance = ExampleCovariance(self.landscape, self.covariance_factor)
        return GradientNoise(learning_rate=self.learning_rate, batch_size=self.batch_size, covariance=covariance)

    def surrogate(self) -> SDE:
        """The Ito SDE with Gaussian noise of the same covariance; with step = eta it is the surrogate chain."""
        return SDE(self.landscape, self.noise())

    def __str__(self) -> str:
        words = self.sampling.replace("-", " ")
        words += f", momentum {self.momentum:g}" if self.momentum else ""
        words += f", {self.optimiser}" if self.optimiser is not None else ""
        return f"SGD on {self.landscape}, eta = {self.learning_rate:g}, S = {self.batch_size:g}, {words}"


class HasBatches(Protocol):
    """What can say which mini-batches it takes, such as a ``NetworkSGD``."""

    @property
    def batches(self) -> MiniBatchSGD:
        """The same as a ``MiniBatchSGD``."""
        ...
