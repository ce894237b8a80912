"""Pictures of paths between valleys: on the landscape in two dimensions, else the loss along the path."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from landscapes.look import BLUE, INK, VERMILLION, axes_or_new, figure_of, tidy
from landscapes.picture import draw_contours, legend, mark_points

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def draw_string(path: Any, axes: Axes | None = None) -> Figure:
    """A path of least loss (fields ``x``, ``arc``, ``loss``, ``saddles``, ``minima``); returns the figure."""
    axes = axes_or_new(axes)
    place = path.landscape
    if place is not None and place.dimension == 2 and place.bounds is not None:
        points = [*path.minima, *path.saddles]
        draw_contours(axes, place, place.bounds, points)
        axes.plot(path.x[0], path.x[1], color=INK, linewidth=1.6, zorder=3)
        mark_points(axes, place, points, None, None)
        legend(axes)
        return figure_of(axes)
    axes.plot(path.arc, path.loss, color=INK, linewidth=1.8, zorder=2)
    marks = ((path.minima, "o", BLUE, "minimum"), (path.saddles, "^", VERMILLION, "saddle"))
    for stations, marker, color, word in marks:
        places = [path.arc[abs(path.x - s.x[:, None]).sum(axis=0).argmin()] for s in stations]
        axes.plot(places, [s.loss for s in stations], marker, color=color, markersize=7, markeredgecolor="white",
                  markeredgewidth=0.9, label=word, zorder=3)  # fmt: skip
    tidy(axes, "length along the path", "loss")
    legend(axes)
    return figure_of(axes)
