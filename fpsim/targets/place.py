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
    """{(x, v): x in ``inner``}, with as many velocities as places."""

    inner: Target

    @property
    def dimension(self) -> int | None:
        """Twice that of the places."""
        own = self.inner.dimension
        return None if own is None else 2 * own

    def level(self, x: Array) -> Array:
        """The target's level at the place alone."""
        return self.inner.level(np.split(x, 2)[0])

    def gradient(self, x: Array) -> Array:
        """The target's gradient, zero along velocities."""
        slope = self.inner.gradient(np.split(x, 2)[0])
        return np.concatenate([slope, np.zeros_like(slope)])

    def symbolic(self, variables: Sequence[sympy.Symbol]) -> tuple[sympy.Expr, dict[sympy.Symbol, float]] | None:
        """The target's formula in the place alone."""
        return self.inner.symbolic(variables[: len(variables) // 2])

    def plane(self) -> tuple[Array, float] | None:
        """That of the target, with a normal that has no velocities."""
        own = self.inner.plane()
        return None if own is None else (np.concatenate([own[0], np.zeros_like(own[0])]), own[1])

    def far(self, start: Array) -> float:
        """As far as the target is from the place."""
        return self.inner.far(np.split(start, 2)[0])

    def describe(self) -> dict[str, Any]:
        """The target for the place."""
        return self.inner.describe()

    def __str__(self) -> str:
        return str(self.inner)
