"""Outlines for the Manim scenes: one object for a line, an area or three hundred discs, set anew for each frame.

    line piece a -> b  =  cubic a, (2 a + b)/3, (a + 2 b)/3, b,        quarter disc: handles 4 (sqrt 2 - 1)/3 long

Manim's camera spends its time per object and per cubic; 300 particles as one object cost some milliseconds a frame.
"""

from __future__ import annotations

import math

import numpy as np
from manim import VMobject
from manim.constants import CapStyleType, LineJointType
from numpy.typing import ArrayLike

from animations.film.fields import Array

KAPPA = 4 / 3 * (math.sqrt(2) - 1)  # handles of a quarter circle
DISC = np.array(
    [[1, 0], [1, KAPPA], [KAPPA, 1], [0, 1], [0, 1], [-KAPPA, 1], [-1, KAPPA], [-1, 0],
     [-1, 0], [-1, -KAPPA], [-KAPPA, -1], [0, -1], [0, -1], [KAPPA, -1], [1, -KAPPA], [1, 0]]
)  # fmt: skip


class Outline(VMobject):
    """One object whose outline is set as often as needed: a line, an area, many discs.

    Args:
        stroke, width: colour and width of the line (1 is 0.6 pixels at 480p); no line without a colour.
        fill: colour inside.
        opacity: of both.
    """

    def __init__(
        self, stroke: str | None = None, width: float = 2.5, fill: str | None = None, opacity: float = 1.0
    ) -> None:
        super().__init__(
            stroke_color=stroke, stroke_width=width if stroke else 0, stroke_opacity=opacity,
            fill_color=fill, fill_opacity=opacity if fill else 0,
            joint_type=LineJointType.ROUND, cap_style=CapStyleType.BUTT,
        )  # fmt: skip

    def line(self, xy: ArrayLike) -> Outline:
        """Straight pieces through ``xy`` (n, 2); a row with NaN lifts the pen."""
        places: Array = np.asarray(xy, dtype=float).reshape(-1, 2)
        good: Array = np.isfinite(places.sum(axis=1))
        joined = good[:-1] & good[1:]
        return self.cubics(_straight(places[:-1][joined], places[1:][joined]))

    def area(self, xy: ArrayLike) -> Outline:
        """The closed polygon through ``xy`` (n, 2)."""
        places: Array = np.asarray(xy, dtype=float)
        return self.cubics(_straight(places, np.roll(places, -1, axis=0)))

    def discs(self, xy: ArrayLike, radius: float) -> Outline:
        """Discs about ``xy`` (n, 2); where they overlap they are one."""
        places: Array = np.asarray(xy, dtype=float).reshape(-1, 2)
        places = places[np.isfinite(places).all(axis=1)]
        return self.cubics((places[:, None] + radius * DISC).reshape(-1, 2))

    def arrows(self, xy: ArrayLike, side: ArrayLike, size: float) -> Outline:
        """Triangles about ``xy`` (n, 2) that point to the left (``side`` (n,) is -1) or to the right (1)."""
        places: Array = np.asarray(xy, dtype=float).reshape(-1, 1, 2)
        pointing: Array = np.asarray(side, dtype=float).reshape(-1, 1, 1)
        corners = places + size * np.array([[1.0, 0.0], [-0.7, 0.9], [-0.7, -0.9]]) * np.where(
            [True, False], pointing, 1
        )
        return self.cubics(_straight(corners.reshape(-1, 2), np.roll(corners, -1, axis=1).reshape(-1, 2)))

    def cubics(self, xy: Array) -> Outline:
        """Cubic pieces of four points each, (4 n, 2)."""
        self.points = np.column_stack([xy, np.zeros(len(xy))])
        return self


def _straight(begin: Array, end: Array) -> Array:
    steps = np.array([0, 1 / 3, 2 / 3, 1])[None, :, None]
    return ((1 - steps) * begin[:, None] + steps * end[:, None]).reshape(-1, 2)


def dashed(xy: Array, on: float = 0.12, off: float = 0.08) -> Array:
    """The same line in dashes: (m, 2) with rows of NaN between them; lengths in units."""
    xy = np.asarray(xy, dtype=float)
    length = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(xy, axis=0).T))])
    starts = np.arange(0, length[-1], on + off)
    ends = np.minimum(starts + on, length[-1])
    rows = []
    for a, b in zip(starts, ends, strict=True):
        s = np.concatenate([[a], length[(length > a) & (length < b)], [b]])
        rows += [np.column_stack([np.interp(s, length, xy[:, k]) for k in (0, 1)]), np.full((1, 2), np.nan)]
    return np.concatenate(rows) if rows else xy[:0]
