"""A set that ends an escape, {level(x) >= 0}, with level < 0 in the valley."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from landscapes.field import in_words

if TYPE_CHECKING:
    import sympy

Array = NDArray[np.float64]
SMALL = 1e-5  # steps of differences, in lengths on which a level function changes


class Target:
    """A closed set {level >= 0}; subclasses say which."""

    is_distance = False
    """Whether the level is the signed distance to the boundary."""

    @property
    def dimension(self) -> int | None:
        """Number of coordinates; ``None`` where the set does not say."""
        return None

    def level(self, x: Array) -> Array:
        """Signed level of ``x`` (d, ...), shape (...): negative outside the target, >= 0 inside."""
        raise NotImplementedError

    def gradient(self, x: Array) -> Array:
        """Gradient of the level, shape (d, ...); by central differences unless a subclass knows better."""
        out, lengths = np.empty_like(x), self._lengths(x)
        for i in range(x.shape[0]):
            step = SMALL * lengths[i]
            ahead, behind = x.copy(), x.copy()
            ahead[i] += step
            behind[i] -= step
            out[i] = (self.level(ahead) - self.level(behind)) / (2 * step)
        return out

    def _lengths(self, x: Array) -> tuple[float, ...]:
        """Length per coordinate on which the level changes: that of the points, unless a subclass knows better."""
        sizes = [float(np.ptp(row)) or float(np.max(np.abs(row), initial=0.0)) for row in x]
        return tuple(size or max(sizes) or 1.0 for size in sizes)

    def symbolic(self, variables: Sequence[sympy.Symbol]) -> tuple[sympy.Expr, dict[sympy.Symbol, float]] | None:
        """Signed distance to the boundary as a formula with its parameters; ``None`` for a general level function."""
        return None

    def check(self, start: Array, dimension: int) -> None:
        """Raise ``ValueError`` unless the level is one finite number at ``start`` and negative there."""
        value = np.asarray(self.level(start[:, None]), dtype=float)
        if value.shape != (1,) or not np.isfinite(value).all():
            raise ValueError(
                f"the target's level function must return one finite number per point (shape (...) for x of shape "
                f"({dimension}, ...)); at {in_words(start)} it returned {value!r}"
            )
        if value[0] >= 0:
            raise ValueError(f"the start {in_words(start)} already lies in the target ({self}); choose one outside it")

    # --- what a plain geometric set knows; a level function knows nothing of it ---

    def ball(self) -> tuple[Array, float] | None:
        """Centre (d,) and radius of a ball."""
        return None

    def plane(self) -> tuple[Array, float] | None:
        """Unit normal (d,) and offset of a half-space {normal . x >= offset}, or of a half-line."""
        return None

    def room(self) -> tuple[Array, float] | None:
        """Centre (d,) and radius of a ball that it is all outside of."""
        return None

    def interval(self) -> tuple[float, float] | None:
        """The closed interval that it is on a line, with infinite ends."""
        ball, plane = self.ball(), self.plane()
        if ball is not None and ball[0].size == 1:
            return float(ball[0][0]) - ball[1], float(ball[0][0]) + ball[1]
        if plane is None or plane[0].size > 1:
            return None
        place = float(plane[1] * plane[0][0])
        return (place, math.inf) if plane[0][0] > 0 else (-math.inf, place)

    def edge(self, start: Array) -> float | None:
        """Where a path on a line from ``start`` (1,) outside of it enters."""
        inside = self.interval()
        return None if inside is None else inside[0] if start[0] < inside[0] else inside[1]

    def anchors(self, start: Array) -> list[Array]:
        """Points (d,) of it that a box around an escape from ``start`` (d,) holds."""
        ball = self.ball()
        if ball is not None:
            return [ball[0]]
        plane = self.plane()
        return [] if plane is None else [start - float(self.level(start)) * plane[0]]

    def far(self, start: Array) -> float:
        """How far ``start`` (d,) is from the far end of what is known of it; of a level function, its reach."""
        ball = self.ball()
        if ball is not None:
            return float(np.linalg.norm(ball[0] - start)) + ball[1]
        if self.plane() is not None:
            return -float(self.level(start[:, None])[0])
        return float(np.linalg.norm(start)) or 1.0

    def folded(self, row: Array, axis: int, low: float, high: float) -> Array:
        """Coordinates along a periodic axis in the turn where the level is to be read: that of a ball's centre."""
        ball = self.ball()
        if ball is not None:
            return np.asarray(row - (high - low) * np.round((row - ball[0][axis]) / (high - low)))
        return np.asarray(low + np.mod(row - low, high - low))

    def describe(self) -> dict[str, Any]:
        """The set as plain data; :func:`fpsim.targets.target_from` is the inverse."""
        return {"class": type(self).__name__, "words": str(self), "made of": "a plain function"}
