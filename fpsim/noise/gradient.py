"""SGD with a measured noise covariance, D = eta C1(x) / (2 S)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from fpsim.noise.constant import ConstantDiffusion
from fpsim.noise.examples import ExampleCovariance, examples_of
from fpsim.noise.field import DiffusionField
from fpsim.noise.kicks import Kicks
from fpsim.noise.minibatch import MiniBatchNoise
from fpsim.noise.model import Array, Diffusion, Structure, SymbolicTensor


@dataclass(frozen=True, kw_only=True)
class GradientNoise(MiniBatchNoise):
    """SGD with a measured noise covariance: D = eta C1(x) / (2 S).

    Args:
        learning_rate: eta > 0.
        batch_size: S > 0.
        covariance: covariance of ONE example's gradient: a number, a matrix, a :class:`DiffusionField`, a function of x
            (d, ...) returning (d, d, ...), or a landscape with examples (``DatasetLandscape``, ``NeuralLandscape``),
            whose own is then taken, without a matrix where that is less work.
    """

    covariance: Any

    def __post_init__(self) -> None:
        super().__post_init__()
        owner = examples_of(self.covariance)
        if owner is not None:
            object.__setattr__(self, "covariance", ExampleCovariance(owner))
        elif not isinstance(self.covariance, Diffusion) and not callable(self.covariance):
            object.__setattr__(self, "covariance", ConstantDiffusion(self.covariance))

    @property
    def is_constant(self) -> bool:  # type: ignore[override]
        """Whether the covariance was given as a constant."""
        return isinstance(self.covariance, ConstantDiffusion)

    def _field(self, dimension: int) -> Diffusion:
        if isinstance(self.covariance, Diffusion):
            return self.covariance
        return DiffusionField(self.covariance, dimension, "full")

    def structure(self, landscape: Any) -> Structure:
        """That of the covariance; full for a plain function."""
        return self._field(landscape.dimension).structure(landscape)

    def check(self, dimension: int) -> None:
        """Refuse a covariance that does not fit the dimension."""
        self._field(dimension).check(dimension)

    def tensor(self, landscape: Any, x: Array) -> Array:
        """eta C1(x) / (2 S) at x (d, ...), shape (d, d, ...)."""
        return self.kappa * self._field(x.shape[0]).tensor(landscape, x)

    def kicks(self, landscape: Any) -> Kicks:
        """Those of the covariance, times (eta / (2 S))^(1/2)."""
        inner = self._field(landscape.dimension).kicks(landscape)
        return Kicks(
            inner.normals,
            lambda x, z: np.sqrt(self.kappa) * inner.kick(x, z),
            lambda x, n: self.kappa * inner.along(x, n),
        )

    def symbolic(self, landscape: Any) -> SymbolicTensor | None:
        """The covariance's own formula times eta / (2 S); None where it has none."""
        import sympy

        inner = self._field(landscape.dimension).symbolic(landscape)
        if inner is None:
            return None
        kappa = sympy.Symbol("noise factor", real=True)
        return kappa * inner[0], {**inner[1], kappa: self.kappa}

    def __str__(self) -> str:
        return f"D = eta/(2S) C1(x), eta = {self.learning_rate:g}, S = {self.batch_size:g}"
