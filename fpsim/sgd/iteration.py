"""One iteration of SGD with Gaussian gradient noise:  x' is normal with mean x + eta b(x) and covariance eta^2 C(x)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from fpsim.noise import Diffusion
from fpsim.noise.borrowed import StepNoise
from fpsim.numbers import positive
from fpsim.sde.sde import SDE

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Iteration:
    """One iteration: the normal law of x' from x.  Arguments as of :class:`fpsim.Chain`."""

    landscape: Any
    noise: Diffusion[Any]
    learning_rate: float | None = None

    def __post_init__(self) -> None:
        SDE(self.landscape, self.noise)  # checks that they fit
        own = None if self.noise.minibatch is None else self.noise.minibatch.learning_rate
        given = self.learning_rate
        if own is None and given is None:
            raise ValueError(f"a chain needs a learning rate; this noise has none ({self.noise}): give learning_rate=")
        if given is not None:
            positive(given, "learning_rate")
        if own is not None and given is not None and own != given:
            raise ValueError(
                f"the noise model has learning rate {own:g}, but learning_rate={given:g} was given; change the former"
            )
        if own is not None:
            object.__setattr__(self, "learning_rate", float(own))

    @classmethod
    def from_sde(cls, sde: SDE, learning_rate: float | None = None) -> Self:
        """The chain that an SDE of SGD approximates.

        Raises:
            ValueError: for a convention other than Ito, an SDE with its own correction for the finite step, inertia.
        """
        if sde.inertia is not None:
            raise ValueError(
                f"a chain is SGD's own step, and this is a body's motion ({sde}); SGD with inertia is a chain with "
                "momentum, Chain(landscape, noise, learning_rate) with momentum="
            )
        if sde.convention != "ito":
            raise ValueError(
                "a chain draws its noise at the point it leaves, which is the Ito convention; give an SDE with "
                f"convention='ito' instead of '{sde.convention}'"
            )
        if getattr(sde, "correction", None) is not None:
            raise ValueError("a chain needs no correction for its finite step; give the SDE without correction=")
        return cls(sde.landscape, sde.noise, learning_rate)

    @property
    def eta(self) -> float:
        """The learning rate."""
        assert self.learning_rate is not None
        return self.learning_rate

    @property
    def batch_size(self) -> float:
        """S of the noise model; 1 where it has none."""
        return 1.0 if self.noise.minibatch is None else self.noise.minibatch.batch_size

    @property
    def dimension(self) -> int:
        """Number of coordinates d."""
        return int(self.landscape.dimension)

    @cached_property
    def sde(self) -> SDE:
        """The SDE whose Euler-Maruyama step of length eta is this chain."""
        return SDE(self.landscape, StepNoise(self.noise))

    def mean(self, x: Array) -> Array:
        """E[x' | x] = x + eta b(x) for ``x`` (d, ...), shape (d, ...)."""
        return np.asarray(x + self.eta * self.sde.drift(x))

    def covariance(self, x: Array) -> Array:
        """Cov[x' | x] = eta^2 C(x) = 2 eta D(x) for ``x`` (d, ...), shape (d, d, ...)."""
        return np.asarray(2 * self.eta * self.sde.diffusion(x))

    def second_moment(self, x: Array) -> Array:
        """E g_i^2 of the noisy gradient at ``x`` (d, ...), shape (d, ...)."""
        return np.asarray(np.einsum("ii...->i...", self.covariance(x)) / self.eta**2 + self.sde.drift(x) ** 2)

    def line(self, x: Array) -> tuple[Array, Array]:
        """Mean and standard deviation of x' in one dimension, for ``x`` (n,), each (n,)."""
        if self.dimension != 1:
            raise ValueError(f"this needs a 1-D chain; the landscape has {self.dimension} dimensions")
        with np.errstate(over="ignore"):
            mean, variance = self.mean(x[None])[0], self.covariance(x[None])[0, 0]
        if not (np.isfinite(mean) & np.isfinite(variance)).all():
            worst = x[~(np.isfinite(mean) & np.isfinite(variance))][0]
            raise ValueError(f"gradient or noise is not finite at x = {worst:g}, which the chain may visit")
        return mean, np.sqrt(np.maximum(variance, 0.0))

    def __str__(self) -> str:
        return f"chain on {self.landscape}; {self.noise}; learning rate {self.eta:g}"
