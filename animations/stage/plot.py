"""Rectangles of the frame with coordinates of their own, for the Manim scenes.

    across = left + (x - x_low)/(x_high - x_low) (right - left)

and up likewise in y or in log y.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from manim import VGroup

from animations.film.captions import number, power_of_ten
from animations.film.fields import Array
from animations.stage.outline import Outline, dashed
from animations.stage.words import SMALL, Words, text_width
from fpsim.plotting.style import INK, SHADE


class Plot:
    """A rectangle of the frame with its own coordinates.

    Args:
        x, y: (low, high) in the data's units.
        box: (left, bottom, right, top) in units of the frame.
        log: logarithmic y (base 10).
    """

    def __init__(
        self, x: tuple[float, float], y: tuple[float, float], box: tuple[float, float, float, float], log: bool = False
    ) -> None:
        self.x, self.y, self.box, self.log = x, y, box, log

    def at(self, x: Any, y: Any) -> Array:
        """Places in the frame, (n, 2)."""
        x, y = np.broadcast_arrays(np.asarray(x, dtype=float), np.asarray(y, dtype=float))
        low, high = self.y
        if self.log:
            y, low, high = np.log(np.maximum(y, 1e-300)), math.log(low), math.log(high)
        left, bottom, right, top = self.box
        across, up = (x - self.x[0]) / (self.x[1] - self.x[0]), (y - low) / (high - low)
        return np.column_stack([left + across.ravel() * (right - left), bottom + up.ravel() * (top - bottom)])

    def inside(self, x: Any, y: Any) -> Array:
        """The same, NaN outside the box."""
        xy = self.at(x, y)
        left, bottom, right, top = self.box
        slack = 1e-9
        inside = (xy[:, 0] >= left - slack) & (xy[:, 0] <= right + slack)
        inside &= (xy[:, 1] >= bottom - slack) & (xy[:, 1] <= top + slack)
        return np.where(inside[:, None], xy, np.nan)

    def beyond(self, x: Any) -> Array:
        """On which side of the box ``x`` (n,) is: -1 left of it, 1 right of it, 0 within."""
        low, high = min(self.x), max(self.x)
        side = np.sign(self.x[1] - self.x[0])
        return side * ((np.asarray(x) > high).astype(float) - (np.asarray(x) < low))

    def under(self, x: Any, y: Any) -> Array:
        """The same closed along the bottom, where lower values are drawn too."""
        xy = self.at(x, np.maximum(y, self.y[0]))
        return np.concatenate([[[xy[0, 0], self.box[1]]], xy, [[xy[-1, 0], self.box[1]]]])

    def axes(
        self, x_label: str = "", y_label: str = "", x_ticks: Sequence[float] | int = 5,
        y_ticks: Sequence[float] | int = 4, size: float = SMALL, sides: str = "xy",
    ) -> VGroup:  # fmt: skip
        """Lines, ticks, numbers and labels of the axes named in ``sides``; ticks are values, or about how many."""
        left, bottom, right, top = self.box
        group = VGroup()
        if "x" in sides:
            values = _ticks(self.x, x_ticks, False)
            places = self.at(values, np.full(len(values), self.y[0]))
            group.add(Outline(INK, 1.6).line([[left, bottom], [right, bottom]]))
            for value, (across, _) in zip(values, places, strict=True):
                group.add(Outline(INK, 1.6).line([[across, bottom], [across, bottom - 0.07]]))
                group.add(Words(number(value), (across, bottom - 0.12 - 0.76 * size), size, align="center"))
            if x_label:
                group.add(Words(x_label, ((left + right) / 2, bottom - 0.22 - 1.9 * size), size, align="center"))
        if "y" in sides:
            values = _ticks(self.y, y_ticks, self.log)
            places = self.at(np.full(len(values), self.x[0]), values)
            group.add(Outline(INK, 1.6).line([[left, bottom], [left, top]]))
            powers = self.log and max(values, default=1.0) >= 1e4
            names = [power_of_ten(value) if powers else number(value) for value in values]
            for name, (_, up) in zip(names, places, strict=True):
                group.add(Outline(INK, 1.6).line([[left, up], [left - 0.07, up]]))
                group.add(Words(name, (left - 0.12, up - 0.37 * size), size, align="right"))
            widest = max((text_width(name, size) for name in names), default=0.0)
            if y_label:
                group.add(Words(y_label, (left - 0.27 - widest, (bottom + top) / 2), size, align="center", turned=True))
        return group

    def guide(self, x: float | None = None, y: float | None = None, color: str = SHADE, width: float = 1.6) -> Outline:
        """A dashed line across the box at ``x`` or at ``y``."""
        left, bottom, right, top = self.box
        if x is not None:
            across = self.at(x, self.y[0])[0, 0]
            return Outline(color, width).line(dashed(np.array([[across, bottom], [across, top]])))
        up = self.at(self.x[0], y)[0, 1]
        return Outline(color, width).line(dashed(np.array([[left, up], [right, up]])))


def _ticks(ends: tuple[float, float], wanted: Sequence[float] | int, log: bool) -> list[float]:
    from matplotlib.ticker import LogLocator, MaxNLocator

    values: Any = wanted
    if isinstance(wanted, int):
        locator: Any = LogLocator(numticks=wanted + 2) if log else MaxNLocator(wanted, steps=[1, 2, 2.5, 5, 10])
        values = locator.tick_values(*ends)
    slack = 1e-9 * abs(ends[1] - ends[0])
    return [float(v) for v in values if min(ends) - slack <= v <= max(ends) + slack]
