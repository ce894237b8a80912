"""An escape in the plane: contours of the loss, the most probable way, saddles with their index, the committor."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import wrap
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from fpsim.plotting.drawable import RouteTimes
from fpsim.plotting.landscape import shade_target
from fpsim.plotting.routes import comparison_chart
from fpsim.plotting.style import BLACK, INK, ORANGE, SMALL, axes_or_new, figure_of, new_figure, remark, tidy
from fpsim.targets import Target
from landscapes.picture import draw_arrows, draw_contours, legend, mark_points

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Array = NDArray[np.float64]
CHANCES = (0.1, 0.5, 0.9)
"""Values of the committor whose lines are drawn."""
SIZE = (6.4, 5.0)
WIDE = 72
"""Letters of a remark's line."""
ROOM = 0.006
"""Half the width of a letter, in parts of the picture."""
OTHERS = 8
"""Saddles beside the way whose index finds room."""


class View(Protocol):
    """What is drawn; the fields are those of :class:`fpsim.routes.view.EscapeView`."""

    @property
    def landscape(self) -> Any: ...
    @property
    def start(self) -> Array: ...
    @property
    def target(self) -> Target: ...
    @property
    def points(self) -> Any: ...
    @property
    def path(self) -> Array | None: ...
    @property
    def path_word(self) -> str: ...
    @property
    def passes(self) -> Sequence[tuple[Array, str]]: ...
    @property
    def committor(self) -> Any: ...
    @property
    def remarks(self) -> Sequence[str]: ...


def escape_picture(view: View, axes: Axes | None = None) -> Figure:
    """Contours (of a drift field: arrows), the most probable way, saddles with their index, and the committor.

    The lines are those where the target is met before the start's rest with a chance of 10, 50 and 90 %.

    Raises:
        ValueError: without a box to draw.
    """
    axes = axes_or_new(axes, *SIZE)
    box = _box(view)
    if hasattr(view.landscape, "loss"):
        draw_contours(axes, view.landscape, box, view.points)
    else:
        draw_arrows(axes, view.landscape, box)
    (left, right), (low, high) = axes.get_xlim(), axes.get_ylim()
    shade_target(axes, view.target, 2)
    if view.committor is not None:
        _draw_committor(axes, view.committor)
    if view.path is not None:
        axes.plot(view.path[0], view.path[1], color=ORANGE, linewidth=2.2, zorder=3, label=view.path_word)
    mark_points(axes, view.landscape, view.points, view.start, None)
    axes.set(xlim=(left, right), ylim=(low, high))
    _name_saddles(axes, view)
    legend(axes, columns=3)
    lines = [line for words in view.remarks for line in wrap(words, WIDE)]
    for k, line in enumerate(lines):
        remark(axes, line, 0.0, -0.16 - 0.05 * k, "left")
    tidy(axes, *view.landscape.variables)
    return figure_of(axes)


def escape_figure(view: View, comparison: RouteTimes) -> Figure:
    """The escape in the plane, and beside it its times by all routes."""
    figure = new_figure(2 * SIZE[0], SIZE[1])
    left, right = figure.subplots(1, 2, width_ratios=(1.3, 1))
    escape_picture(view, left)
    comparison_chart(comparison, right)
    return figure


def _box(view: View) -> Any:
    """The landscape's box, or what the committor's grid covers."""
    if view.landscape.bounds is not None:
        return view.landscape.bounds
    if view.committor is None:
        raise ValueError(f"{view.landscape.name} has no box to draw, and no grid says how far to look; give it bounds")
    field = view.committor.committor
    return [(float(field[name].min()), float(field[name].max())) for name in field.dims]


def _draw_committor(axes: Axes, committor: Any) -> None:
    field = committor.committor
    x, y = (field[name].values for name in field.dims)
    axes.contour(
        x, y, field.values.T, levels=CHANCES, colors=BLACK, linewidths=(0.9, 1.5, 0.9), linestyles=("--", "-", "--"),
        zorder=3,
    )  # fmt: skip
    axes.plot([], [], color=BLACK, linewidth=1.5, label="chance to arrive first: 10, 50, 90 %")


def _name_saddles(axes: Axes, view: View) -> None:
    """The index beside every saddle and top, and on the way what it takes to be there."""
    on_way = {tuple(np.round(x, 6)): words for x, words in view.passes}
    others = [p for p in view.points if p.index > 0]
    for p in others if len(others) <= OTHERS + len(on_way) else []:
        words = on_way.pop(tuple(np.round(p.x, 6)), "")
        _name(axes, p.x, f"index {p.index}" + (f", {words}" if words else ""), view.path)
    for x, words in on_way.items():
        _name(axes, np.array(x), f"index 1, {words}", view.path)


def _name(axes: Axes, x: Array, words: str, way: Array | None) -> None:
    """Words beside a point, in the corner that is farthest from the way."""
    corners = [(across, up) for up in (-1, 1) for across in (1, -1)]
    if way is not None:
        (left, right), (low, high) = axes.get_xlim(), axes.get_ylim()
        away = (way - x[:, None]) / np.array([[right - left], [high - low]])  # in parts of the picture
        middles = np.array(corners) * [ROOM * len(words), 0.035]
        corners = [corners[int(np.argmax([np.hypot(*(away - m[:, None])).min() for m in middles]))]]
    across, up = corners[0]
    axes.annotate(
        words, (float(x[0]), float(x[1])), xytext=(7 * across, 12 * up), textcoords="offset points", fontsize=SMALL,
        color=INK, zorder=6, ha="left" if across > 0 else "right", va="center",
        bbox={"boxstyle": "round,pad=0.15", "facecolor": "white", "alpha": 0.75, "linewidth": 0},
    )  # fmt: skip
