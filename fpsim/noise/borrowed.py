"""A noise model that is another one, asked differently."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from fpsim.noise.facts import Floor, MiniBatch, StableLaw, TwoLevels
from fpsim.noise.given import GivenTensor
from fpsim.noise.kicks import Kicks
from fpsim.noise.leaps import Leap
from fpsim.noise.model import Array, Diffusion, Structure, SymbolicTensor
from landscapes.kinds import HasDrift


@dataclass(frozen=True)
class Borrowed(Diffusion[HasDrift]):
    """The noise ``inner`` in every respect."""

    inner: Diffusion[Any]

    def _place(self, landscape: HasDrift) -> HasDrift:
        """The landscape that D is made of."""
        return landscape

    @property
    def is_constant(self) -> bool:
        """As of the noise itself, here and below."""
        return self.inner.is_constant

    @property
    def jumps(self) -> bool:
        return self.inner.jumps

    @property
    def folds(self) -> bool:
        return self.inner.folds

    def structure(self, landscape: HasDrift) -> Structure:
        return self.inner.structure(self._place(landscape))

    def tensor(self, landscape: HasDrift, x: Array) -> Array:
        return self.inner.tensor(self._place(landscape), x)

    def divergence(self, landscape: HasDrift, x: Array) -> Array:
        return self.inner.divergence(self._place(landscape), x)

    def require_divergence(self) -> None:
        self.inner.require_divergence()

    def kicks(self, landscape: HasDrift) -> Kicks:
        return self.inner.kicks(self._place(landscape))

    def symbolic(self, landscape: HasDrift) -> SymbolicTensor | None:
        return self.inner.symbolic(self._place(landscape))

    def given(self, landscape: HasDrift) -> GivenTensor | None:
        return self.inner.given(self._place(landscape)) if self._place(landscape) is landscape else None

    def requires(self, landscape: HasDrift) -> None:
        self.inner.requires(self._place(landscape))

    @property
    def awaits_escape(self) -> bool:
        return self.inner.awaits_escape

    def resolved(self, landscape: HasDrift, start: Array, target: Any) -> Borrowed:
        inner = self.inner.resolved(self._place(landscape), start, target)
        return self if inner is self.inner else replace(self, inner=inner)

    def breaks(self, landscape: HasDrift, low: float, high: float) -> Array | None:
        return self.inner.breaks(self._place(landscape), low, high)

    @property
    def floor_of(self) -> Floor | None:
        return self.inner.floor_of

    def zeros(self, landscape: HasDrift, low: float, high: float) -> Array:
        return self.inner.zeros(self._place(landscape), low, high)

    @property
    def minibatch(self) -> MiniBatch | None:
        return self.inner.minibatch

    @property
    def two_levels(self) -> TwoLevels | None:
        return self.inner.two_levels

    @property
    def leaps(self) -> bool:
        return self.inner.leaps

    def leap(self, landscape: HasDrift) -> Leap | None:
        return self.inner.leap(self._place(landscape))

    @property
    def longest_step(self) -> float:
        return self.inner.longest_step

    @property
    def white(self) -> Diffusion[Any] | None:
        return self.inner.white

    @property
    def stable(self) -> StableLaw | None:
        return self.inner.stable

    @property
    def loss_temperature(self) -> float | None:
        return self.inner.loss_temperature

    @property
    def strength(self) -> tuple[str, float] | None:
        return self.inner.strength

    def scaled(self, factor: float) -> Borrowed:
        return replace(self, inner=self.inner.scaled(factor))

    @property
    def title(self) -> str:
        return self.inner.title

    @property
    def typeset(self) -> str:
        return self.inner.typeset

    def __str__(self) -> str:
        return str(self.inner)


@dataclass(frozen=True)
class NoiseOf(Borrowed):
    """A noise model that goes on reading its curvature from ``landscape``, whatever landscape the drift is taken of."""

    landscape: HasDrift

    def _place(self, landscape: HasDrift) -> HasDrift:
        return self.landscape

    @property
    def source(self) -> HasDrift:
        """The landscape that it was made for."""
        return self.landscape


@dataclass(frozen=True)
class StepNoise(Borrowed):
    """The noise of single steps: unlike a continuous path's it may vanish, since a step jumps over such points."""

    @property
    def floor_of(self) -> None:
        """None is needed."""
        return

    def zeros(self, landscape: HasDrift, low: float, high: float) -> Array:
        """None that matters."""
        return Diffusion.zeros(self, landscape, low, high)

    def __str__(self) -> str:
        return f"{self.inner} (single steps)"
