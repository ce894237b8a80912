"""A target for the place x alone, seen from states (x, v) with velocities."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fpsim.targets.target import Array, Target

if TYPE_CHECKING:
    import sympy


@dataclass(frozen=True)
class PlaceTarget(Target):
    """{(x, v): x in ``inner``}, with as many velocities as places, or in all ``copies`` times as many coordinates."""

    inner: Target
    copies: int = 2

    @property
    def dimension(self) -> int | None:
        """That of the places, times the copies."""
        own = self.inner.dimension
        return None if own is None else self.copies * own

    def _place(self, x: Array) -> Array:
        return x[: len(x) // self.copies]

    def level(self, x: Array) -> Array:
        """The target's level at the place alone."""
        return self.inner.level(self._place(x))

    def gradient(self, x: Array) -> Array:
        """The target's gradient, zero along velocities."""
        slope = self.inner.gradient(self._place(x))
        return np.concatenate([slope, *[np.zeros_like(slope)] * (self.copies - 1)])

    def symbolic(self, variables: Sequence[sympy.Symbol]) -> tuple[sympy.Expr, dict[sympy.Symbol, float]] | None:
        """The target's formula in the place alone."""
        return self.inner.symbolic(variables[: len(variables) // self.copies])

    def plane(self) -> tuple[Array, float] | None:
        """That of the target, with a normal that has no velocities."""
        own = self.inner.plane()
        return None if own is None else (np.pad(own[0], (0, own[0].size * (self.copies - 1))), own[1])

    def far(self, start: Array) -> float:
        """As far as the target is from the place."""
        return self.inner.far(self._place(start))

    def describe(self) -> dict[str, Any]:
        """The target for the place."""
        return self.inner.describe()

    def __str__(self) -> str:
        return str(self.inner)
