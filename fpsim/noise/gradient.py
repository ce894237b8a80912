"""SGD with a measured noise covariance, D = eta C1(x) / (2 S)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from fpsim.noise.constant import ConstantDiffusion
from fpsim.noise.examples import ExampleCovariance, examples_of
from fpsim.noise.field import DiffusionField
from fpsim.noise.given import GivenTensor
from fpsim.noise.kicks import Kicks
from fpsim.noise.minibatch import MiniBatchNoise
from fpsim.noise.model import Array, Diffusion, Structure, SymbolicTensor
from landscapes.kinds import HasDrift, HasExamples


@dataclass(frozen=True, kw_only=True)
class GradientNoise(MiniBatchNoise[HasDrift]):
    """SGD with a measured noise covariance: D = eta C1(x) / (2 S).

    Args:
        learning_rate: eta > 0.
        batch_size: S > 0.
        covariance: covariance of ONE example's gradient: a number, a matrix, a :class:`DiffusionField`, a function of x
            (d, ...) returning (d, d, ...), or a landscape with examples (``DatasetLandscape``, ``NeuralLandscape``),
            whose own is then taken, without a matrix where that is less work.
    """

    covariance: ArrayLike | Diffusion[Any] | Callable[[Array], ArrayLike] | HasExamples

    def __post_init__(self) -> None:
        super().__post_init__()
        given: Any = self.covariance
        owner = examples_of(given)
        if owner is not None:
            object.__setattr__(self, "covariance", ExampleCovariance(owner))
        elif not isinstance(given, Diffusion) and not callable(given):
            object.__setattr__(self, "covariance", ConstantDiffusion(given))

    @property
    def is_constant(self) -> bool:
        """Whether the covariance was given as a constant."""
        return isinstance(self.covariance, ConstantDiffusion)

    def _field(self, dimension: int) -> Diffusion[Any]:
        if isinstance(self.covariance, Diffusion):
            return self.covariance
        assert callable(self.covariance)
        return DiffusionField(self.covariance, dimension, "full")

    def structure(self, landscape: HasDrift) -> Structure:
        """That of the covariance; full for a plain function."""
        return self._field(landscape.dimension).structure(landscape)

    def requires(self, landscape: HasDrift) -> None:
        """Refuse a landscape that the covariance does not fit."""
        self._field(landscape.dimension).requires(landscape)

    def breaks(self, landscape: HasDrift, low: float, high: float) -> Array | None:
        """Those of the covariance."""
        return self._field(landscape.dimension).breaks(landscape, low, high)

    @property
    def title(self) -> str:
        """Gradient noise."""
        return "Gradient noise"

    @property
    def typeset(self) -> str:
        """In terms of C."""
        return self._typeset("C(x)")

    def tensor(self, landscape: HasDrift, x: Array) -> Array:
        """eta C1(x) / (2 S) at x (d, ...), shape (d, d, ...)."""
        return self.kappa * self._field(x.shape[0]).tensor(landscape, x)

    def kicks(self, landscape: HasDrift) -> Kicks:
        """Those of the covariance, times (eta / (2 S))^(1/2)."""
        inner = self._field(landscape.dimension).kicks(landscape)
        return Kicks(
            inner.normals,
            lambda x, z: np.sqrt(self.kappa) * inner.kick(x, z),
            lambda x, n: self.kappa * inner.along(x, n),
        )

    def symbolic(self, landscape: HasDrift) -> SymbolicTensor | None:
        """The covariance's own formula times eta / (2 S); None where it has none."""
        import sympy

        inner = self._field(landscape.dimension).symbolic(landscape)
        if inner is None:
            return None
        kappa = sympy.Symbol("noise factor", real=True)
        return kappa * inner[0], {**inner[1], kappa: self.kappa}

    def given(self, landscape: HasDrift) -> GivenTensor | None:
        """That of the covariance, times eta / (2 S)."""
        inner = self._field(landscape.dimension).given(landscape)
        return None if inner is None else replace(inner, factor=self.kappa * inner.factor)

    def __str__(self) -> str:
        own = self.covariance
        words = f"; C1: {own}" if isinstance(own, ConstantDiffusion | DiffusionField) else ""
        if isinstance(own, ExampleCovariance) and own.factor != 1:
            words = f"; C1 of the examples times {own.factor:g}"
        return f"D = eta/(2S) C1(x), eta = {self.learning_rate:g}, S = {self.batch_size:g}{words}"
