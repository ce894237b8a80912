"""The way of least action: in the plane, or as the action spent along it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from fpsim.plotting.style import BLUE, INK, LABEL, ORANGE, SHADE, SMALL, VERMILLION, axes_or_new, figure_of, tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Array = NDArray[np.float64]


class Way(Protocol):
    """A way: points and momenta (d, n), where its legs end, and other ways with points (d, m)."""

    @property
    def x(self) -> Array: ...
    @property
    def momentum(self) -> Array: ...
    @property
    def stops(self) -> Sequence[Any]: ...
    @property
    def others(self) -> Sequence[Any]: ...
    @property
    def exponent(self) -> float: ...


def action_chart(found: Way, axes: Axes | None = None, landscape: Any = None) -> Figure:
    """The way in the plane in two dimensions, else the action spent against the length of the way.

    Args:
        found: the least action.
        axes: where to draw; a new figure if None.
        landscape: in two dimensions, whose contours are drawn below (if it has a loss and a box).
    """
    axes = axes_or_new(axes)
    if len(found.x) == 2:
        _in_plane(found, axes, landscape)
    else:
        _along(found, axes)
    axes.set_title(f"Way of least action: exponent {found.exponent:.5g}", fontsize=LABEL, color=INK, loc="left")
    return figure_of(axes)


def _in_plane(found: Way, axes: Axes, landscape: Any) -> None:
    if landscape is not None and hasattr(landscape, "loss") and landscape.bounds is not None:
        from landscapes.picture import draw_contours

        draw_contours(axes, landscape, landscape.bounds, ())
    for other in found.others:
        axes.plot(*other.x, color=SHADE, linewidth=1.2, linestyle="--", zorder=3)
    axes.plot(*found.x, color=VERMILLION, linewidth=2, zorder=4)
    axes.plot(*found.x[:, 0], "o", color=BLUE, zorder=5)
    for stop in found.stops:
        axes.plot(*stop.x, "X" if stop.index == 1 else "o", color=ORANGE if stop.index == 1 else BLUE, zorder=5)
    names = landscape.variables if landscape is not None else ("$x_0$", "$x_1$")
    tidy(axes, str(names[0]), str(names[1]))


def _along(found: Way, axes: Axes) -> None:
    steps = np.diff(found.x)
    length = np.concatenate([[0.0], np.cumsum(np.linalg.norm(steps, axis=0))])
    middle = (found.momentum[:, 1:] + found.momentum[:, :-1]) / 2
    spent = np.concatenate([[0.0], np.cumsum((middle * steps).sum(axis=0))])
    axes.plot(length, spent, color=VERMILLION, linewidth=2)
    ends = [int(np.argmin(np.linalg.norm(found.x - np.array(stop.x)[:, None], axis=0))) for stop in found.stops]
    for stop, k in zip(found.stops, ends, strict=True):
        axes.plot(length[k], spent[k], "X" if stop.index == 1 else "o", color=ORANGE if stop.index == 1 else BLUE)
        if stop.index == 1:
            axes.annotate("saddle", (length[k], spent[k]), (0, 5), textcoords="offset points", fontsize=SMALL,
                          color=INK, ha="right")  # fmt: skip
    tidy(axes, "length of the way", "action spent")
