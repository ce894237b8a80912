"""Pictures of paths between valleys: on the landscape in two dimensions, else the loss along the path."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from landscapes.field import in_words
from landscapes.look import BLUE, INK, SMALL, VERMILLION, axes_or_new, figure_of, tidy
from landscapes.picture import draw_contours, legend, mark_points

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

NAMED = 8
"""Passes whose places are written beside them."""
LABELLED = 24
"""Valleys whose numbers find room below a tree."""


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


def draw_passes(found: Any, axes: Axes | None = None) -> Figure:
    """Two valleys (``minima``) and the passes between them (``saddles``, and ``shares`` of the rate) by their loss."""
    axes = axes_or_new(axes, 5.2, 3.8)
    feet = [float(m.loss) for m in found.minima]
    for k, saddle in enumerate(found.saddles):
        top = float(saddle.loss)
        axes.plot([0.0, 0.4], [feet[0], top], color=INK, linewidth=0.7, alpha=0.6)
        axes.plot([0.6, 1.0], [top, feet[1]], color=INK, linewidth=0.7, alpha=0.6)
        axes.plot([0.4, 0.6], [top, top], color=VERMILLION, linewidth=2.0)
        share = "" if found.temperature is None else f"  {100 * found.shares[k]:.3g} % of the rate"
        axes.annotate(f"{in_words(saddle.x.round(12))}{share}" if k < NAMED else "", (0.5, top), (0, 3), ha="center",
                      textcoords="offset points", fontsize=SMALL, color=INK)  # fmt: skip
    for place, foot in zip((0.0, 1.0), feet, strict=True):
        axes.plot([place - 0.1, place + 0.1], [foot, foot], color=BLUE, linewidth=3.0)
    axes.set_xticks([0.0, 0.5, 1.0], [in_words(found.minima[0].x), "passes", in_words(found.minima[1].x)])
    tidy(axes, "", "loss")
    axes.margins(y=0.12)
    return figure_of(axes)


def draw_chain(chain: Any, axes: Axes | None = None) -> Figure:
    """A chain of valleys (``minima``, ``links``, ``log_stationary``): discs by their shares, joined by passes."""
    import numpy as np

    axes = axes_or_new(axes)
    x = np.array([m.x for m in chain.minima])
    if x.shape[1] > 2:  # the plane in which the minima spread most
        centred = x - x.mean(axis=0)
        x = centred @ np.linalg.svd(centred, full_matrices=False)[2][:2].T
    elif x.shape[1] == 1:
        x = np.column_stack([x[:, 0], [m.loss for m in chain.minima]])
    if x.shape[1] == 1:
        x = np.column_stack([x[:, 0], np.zeros(len(x))])
    for i, j in chain.links:
        axes.plot(x[[i, j], 0], x[[i, j], 1], color=VERMILLION, linewidth=1.2, zorder=2)
    shares = np.exp(chain.log_stationary - chain.log_stationary.max())
    axes.scatter(x[:, 0], x[:, 1], s=60 + 400 * np.sqrt(shares), color=BLUE, edgecolor="white", zorder=3)
    for k, (across, up) in enumerate(x):
        axes.annotate(str(k), (across, up), color="white", ha="center", va="center", zorder=4)
    names = ("first coordinate", "second coordinate") if len(chain.minima[0].x) == 2 else ("plane of", "the minima")
    tidy(axes, *(("x", "loss") if len(chain.minima[0].x) == 1 else names))
    return figure_of(axes)


def draw_tree(chain: Any, axes: Axes | None = None) -> Figure:
    """The disconnectivity graph: valleys hang from the height at which they join (O. Becker, M. Karplus 1997)."""
    from scipy.cluster.hierarchy import DisjointSet

    axes = axes_or_new(axes)
    n = len(chain.minima)
    joins = sorted(zip((s.loss for s in chain.saddles), chain.links, strict=True))
    groups, merges = DisjointSet(range(n)), []
    members = {k: [k] for k in range(n)}
    for height, (i, j) in joins:
        one, two = groups[i], groups[j]
        if groups.merge(i, j):
            merges.append((height, members[one], members[two]))
            members[groups[i]] = members[one] + members[two]
    order = [k for group in dict.fromkeys(groups[k] for k in range(n)) for k in members[group]]
    place = {k: float(position) for position, k in enumerate(order)}
    foot = {k: chain.minima[k].loss for k in range(n)}
    for height, first, second in merges:
        left, right = place[first[0]], place[second[0]]
        for x, k in ((left, first[0]), (right, second[0])):
            axes.plot([x, x], [foot[k], height], color=INK, linewidth=1.4)
        axes.plot([left, right], [height, height], color=INK, linewidth=1.4)
        for k in (*first, *second):
            place[k], foot[k] = (left + right) / 2, height
    axes.plot(range(n), [chain.minima[k].loss for k in order], "o", color=BLUE, markersize=7, markeredgecolor="white")
    axes.set_xticks(range(n), [str(k) if n <= LABELLED else "" for k in order])
    tidy(axes, "valley", "loss")
    return figure_of(axes)
