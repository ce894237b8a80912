"""Noise that grows with the loss, as that of a squared loss does:

    D = (eta h / S) L(x) I         or         D = (eta / S) L(x) (|H(x)| + floor I)

Mori, Ziyin, Liu and Ueda, "Power-law escape rate of SGD", ICML 2022 (arXiv 2105.09557): near a
minimum the covariance of one example's gradient is C1 = 2 L H, of which h is the curvature of the outlying directions.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np

from fpsim.noise.facts import Floor
from fpsim.noise.field import on_diagonal
from fpsim.noise.hessian import HessianDiffusion
from fpsim.noise.minibatch import MiniBatchNoise
from fpsim.noise.model import Array, Structure, SymbolicTensor
from fpsim.numbers import positive
from landscapes.field import in_words
from landscapes.kinds import HasDrift, HasMinima, has_loss

SEARCHED = 3
"""Dimensions up to which the minima of the landscape's box are looked at before anything moves."""


@dataclass(frozen=True, kw_only=True)
class LossScaledDiffusion(MiniBatchNoise[HasMinima]):
    """SGD's noise in proportion to the loss.

    Args:
        learning_rate: eta > 0.
        batch_size: S > 0 (any positive real; only eta/S enters).
        shape: ``"isotropic"``, D = (eta h / S) L(x) I, or ``"hessian"``, D = (eta / S) L(x) (|H(x)| + floor I).
        curvature: h > 0 of ``"isotropic"``: the curvature of the directions that the noise is strong in.
        floor: constant added to |H| of ``"hessian"``, in units of curvature (no continuous path crosses its zeros).
        floor_shape: ``"additive"`` (|H| + floor) or ``"smooth"`` (sqrt(H^2 + floor^2)).

    The constant in the loss is physics here: L > 0 at every minimum, or the noise dies there.

    Raises:
        ValueError: for missing or impossible values; with a landscape that has L <= 0 at a minimum or has no loss.
    """

    shape: Literal["isotropic", "hessian"] = "isotropic"
    curvature: float | None = None
    floor: float | None = None
    floor_shape: Literal["additive", "smooth"] = "additive"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.shape not in ("isotropic", "hessian"):
            raise ValueError(f"shape must be 'isotropic' or 'hessian'; got {self.shape!r}")
        if self.shape == "hessian":
            if self.curvature is not None:
                raise ValueError("shape='hessian' takes the curvature from H(x); leave out curvature, or give a floor")
            if self.floor is None:
                raise ValueError(
                    "LossScaledDiffusion(shape='hessian') needs floor=... (in units of curvature): |H| vanishes at "
                    "inflection points, which no continuous path crosses"
                )
            _ = self._inner  # its own refusals
            return
        positive(self.curvature, "curvature=h of LossScaledDiffusion, D = eta h/S L(x),")
        if self.floor is not None or self.floor_shape != "additive":
            raise ValueError("floor and floor_shape belong to shape='hessian'; curvature=h alone is never zero")

    @cached_property
    def _inner(self) -> HessianDiffusion:
        """The noise eta/(2 S) (|H| + floor), of which D is 2 L(x) times."""
        return HessianDiffusion(
            learning_rate=self.learning_rate, batch_size=self.batch_size, at="everywhere", floor=self.floor,
            floor_shape=self.floor_shape,
        )  # fmt: skip

    @property
    def loss_temperature(self) -> float | None:
        """T = eta h / S of D = T L(x) I."""
        return None if self.curvature is None else 2 * self.kappa * self.curvature

    def requires(self, landscape: HasDrift) -> None:
        """Refuse a drift field, which has no loss, and minima at which there is no noise."""
        if not has_loss(landscape):
            raise ValueError(
                f"loss-scaled noise needs a landscape with a loss, and {landscape} is a drift field; use "
                "ConstantDiffusion or DiffusionField"
            )
        if self.shape == "hessian":
            self._inner.requires(landscape)
        if landscape.bounds is None or landscape.dimension > SEARCHED:
            return
        try:
            minima = landscape.minima
        except ValueError:
            return  # points are asked one by one
        for point in minima:
            self._positive(np.array([float(point.loss)]), np.asarray(point.x)[:, None], "its minimum ")

    def resolved(self, landscape: HasMinima, start: Array, target: Any) -> LossScaledDiffusion:
        """The same; refuses a start at which there is no noise."""
        self._loss(landscape, np.asarray(start, dtype=float)[:, None])
        return self

    def _loss(self, landscape: HasMinima, x: Array) -> Array:
        """L at ``x`` (d, ...), which must be positive."""
        return self._positive(np.asarray(landscape.loss(x)), x)

    def _positive(self, loss: Array, x: Array, where: str = "x = ") -> Array:
        low = loss <= 0
        if low.any():
            first = int(np.argmax(low))
            raise ValueError(
                f"loss-scaled noise needs L > 0, and the loss is {loss.ravel()[first]:.6g} at {where}"
                f"{in_words(x.reshape(len(x), -1)[:, first])}; add a constant to the loss (offset=... of DoubleWell, "
                "'+ c' in a formula), on which the escape time then depends"
            )
        return loss

    def structure(self, landscape: HasMinima) -> Structure:
        """Isotropic, or that of the Hessian."""
        return "isotropic" if self.shape == "isotropic" else self._inner.structure(landscape)

    def tensor(self, landscape: HasMinima, x: Array) -> Array:
        """D at x (d, ...), shape (d, d, ...)."""
        loss = self._loss(landscape, x)
        if self.shape == "hessian":
            return 2 * loss * self._inner.tensor(landscape, x)
        return on_diagonal(float(self.loss_temperature or 0) * loss, x.shape[0], True)

    def divergence(self, landscape: HasMinima, x: Array) -> Array:
        """T grad L for D = T L I; refused for the additive floor, whose D has a kink."""
        if self.shape == "isotropic":
            return np.asarray(float(self.loss_temperature or 0) * landscape.gradient(x))
        self.require_divergence()
        return super().divergence(landscape, x)

    def require_divergence(self) -> None:
        """Refuse the additive floor, whose D has a kink."""
        if self.shape == "hessian":
            self._inner.require_divergence()

    def symbolic(self, landscape: HasMinima) -> SymbolicTensor | None:
        """The loss times a number, or times the Hessian's formula."""
        base = landscape.symbolic
        if base is None or base.loss is None:
            return None
        import sympy

        if self.shape == "hessian":
            inner = self._inner.symbolic(landscape)
            return None if inner is None else (2 * base.loss * inner[0], inner[1])
        level = sympy.Symbol("noise temperature", real=True)
        parameters = {**base.parameters, level: float(self.loss_temperature or 0)}
        return level * base.loss * sympy.eye(landscape.dimension), parameters

    def breaks(self, landscape: HasMinima, low: float, high: float) -> Array | None:
        """The inflection points of |H|; kinks of the loss itself are not known."""
        return self._inner.breaks(landscape, low, high) if self.shape == "hessian" else None

    @property
    def floor_of(self) -> Floor | None:
        """That of |H|."""
        return self._inner.floor_of if self.shape == "hessian" else None

    def zeros(self, landscape: HasMinima, low: float, high: float) -> Array:
        """The inflection points, with the slope of D there."""
        if self.shape == "isotropic":
            return super().zeros(landscape, low, high)
        x, slopes = self._inner.zeros(landscape, low, high)
        return np.stack([x, 2 * self._loss(landscape, x[None]) * slopes])

    @property
    def title(self) -> str:
        """Loss-scaled noise."""
        return "Loss-scaled noise"

    @property
    def typeset(self) -> str:
        """In terms of the loss."""
        if self.shape == "isotropic":
            return f"D(x) = T L(x), quad T = eta h / S = {self.loss_temperature:g}"
        return self._typeset(f"2 L(x) {self._inner.absolute.typeset}")

    def __str__(self) -> str:
        rates = f"eta = {self.learning_rate:g}, S = {self.batch_size:g}"
        if self.shape == "isotropic":
            return f"D = eta h/S L(x) I, {rates}, h = {self.curvature:g}, eta h/S = {self.loss_temperature:g}"
        return f"D = eta/S L(x) |H(x)|, {rates}, floor {self.floor:g} ({self.floor_shape})"
