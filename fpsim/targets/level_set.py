"""A target that is any function's {level(x) >= 0}, and the lengths on which such a function changes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import ArrayLike

from fpsim.targets.target import Array, Target

STEPS = np.exp2(np.arange(-128.0, 129.0, 2.0))  # 38 powers of ten up and down from the start's own size
CHANGE = 1 / 16  # share of the level at the start by which a step of the reach changes it


@dataclass(frozen=True)
class LevelSet(Target):
    """{function(x) >= 0} for any function of ``x`` with shape (d, ...) that is negative in the valley.

    ``lengths``, one per coordinate, are those on which the level changes; an escape problem finds them at its start.
    """

    function: Callable[[Array], ArrayLike]
    lengths: tuple[float, ...] | None = field(default=None, compare=False, repr=False)

    def level(self, x: Array) -> Array:
        """The user's function, shape (...)."""
        return np.asarray(self.function(x), dtype=float)

    def _lengths(self, x: Array) -> tuple[float, ...]:
        return self.lengths or super()._lengths(x)

    def far(self, start: Array) -> float:
        """By the slope of the level, where it has one at the start."""
        lengths = self.lengths or reach(self.level, start)
        slope = float(np.linalg.norm(self.gradient(start[:, None])))
        level = -float(self.level(start[:, None])[0])
        return level / slope if slope * max(lengths) > CHANGE * level else max(lengths)

    def seen_from(self, start: Array) -> LevelSet:
        """The same set with its lengths as found at a start (d,)."""
        return self if self.lengths else replace(self, lengths=reach(self.level, start))

    def __str__(self) -> str:
        return f"{getattr(self.function, '__name__', 'level')}(x) >= 0"


def reach(level: Callable[[Array], Array], start: Array) -> tuple[float, ...]:
    """Per coordinate the shortest step from ``start`` (d,) that changes a level function visibly, a power of four.

    It is found by trying; a coordinate that the level does not depend on takes the longest of the others.
    """
    own = float(np.abs(start).max()) or 1.0
    with np.errstate(all="ignore"):
        here = float(level(start[:, None])[0])
        found = [_visible(level, start, own * STEPS, axis, here) for axis in range(start.size)]
    known = [length for length in found if length is not None]
    return tuple(length if length is not None else max(known, default=own) for length in found)


def _visible(level: Callable[[Array], Array], start: Array, steps: Array, axis: int, here: float) -> float | None:
    for step in steps:
        moved = np.repeat(start[:, None], 2, axis=1)
        moved[axis] += [-step, step]
        try:
            values = np.asarray(level(moved), dtype=np.float64)
        except (ArithmeticError, ValueError):  # outside of what the level function knows
            continue
        change = np.abs(values - here)
        if np.any(change[np.isfinite(change)] >= CHANGE * abs(here)):
            return float(step)
    return None
