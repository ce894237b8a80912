"""Loss landscapes: the curve L(x), or filled contours of L(x, y), with critical points and the barrier L_b - L_a."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fpsim.plotting.style import BLACK, GREEN, LABEL, SHADE, SMALL, VERMILLION, axes_or_new, figure_of
from fpsim.targets import Target, as_set, as_target
from fpsim.valleys.finding import valley
from landscapes.picture import NODES, box_of, draw_contours, draw_curve, legend, mark_points, require_drawable

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Array = NDArray[np.float64]


def landscape_picture(
    landscape: Any, axes: Axes | None = None, points: Any = None, start: ArrayLike | None = None, target: Any = None
) -> Figure:
    """The loss with its critical points: a curve in one dimension, filled contours in two.

    The barrier of the escape from ``start`` to ``target`` is annotated; in one dimension without them, the lowest
    climb out of the deepest minimum is.

    Args:
        landscape: a landscape in one or two dimensions.
        axes: where to draw; a new figure if None.
        points: critical points to mark; those in the landscape's own box if None.
        start: a point to mark, shape (d,) or a number.
        target: a number (1-D), a :class:`~fpsim.targets.Target` or a level function, shaded; or a point (d,), marked.

    Raises:
        ValueError: beyond two dimensions, for a drift field, or without a box to draw in.
    """
    if not hasattr(landscape, "loss"):
        raise ValueError(f"{landscape.name} is a drift field, which has no loss to draw; draw its paths instead")
    require_drawable(landscape)
    found = landscape.critical_points() if points is None else points
    box = box_of(landscape, found)
    begin = None if start is None else np.atleast_1d(np.asarray(start, dtype=float))
    goal = _as_goal(target, begin, landscape.dimension)
    axes = axes_or_new(axes)
    draw = draw_curve if landscape.dimension == 1 else draw_contours
    draw(axes, landscape, box, found)
    if goal is not None:
        shade_target(axes, goal, landscape.dimension)
    mark_points(axes, landscape, found, begin, target if goal is None else None)
    climb = _climb(landscape, found, begin, goal)
    if climb is not None:
        _annotate_barrier(axes, *climb)
    legend(axes)
    return figure_of(axes)


def _as_goal(target: Any, start: Array | None, dimension: int) -> Target | None:
    """The target as a set, if it is one: a number needs the start to know its side, a point (d,) is no set."""
    known = as_set(target)
    if target is None or known is not None:
        return known
    point = np.atleast_1d(np.asarray(target, dtype=float))
    return as_target(float(point[0]), start) if dimension == 1 and start is not None else None


def shade_target(axes: Axes, goal: Target, dimension: int) -> None:
    """Shade {level >= 0} within the present view."""
    (left, right), (low, high) = axes.get_xlim(), axes.get_ylim()
    if dimension == 1:
        x = np.linspace(2 * left - right, 2 * right - left, 3 * NODES[1])  # others may widen the view later
        inside = goal.level(x[None]) >= 0
        axes.fill_between(
            x, 0, 1, where=inside.tolist(), color=GREEN, alpha=0.15, linewidth=0, transform=axes.get_xaxis_transform(),
            label="target", zorder=0,
        )  # fmt: skip
        axes.set_xlim(left, right)
        return
    x, y = np.linspace(left, right, NODES[2]), np.linspace(low, high, NODES[2])
    level = goal.level(np.stack(np.meshgrid(x, y)))
    if level.max() >= 0:
        axes.contourf(x, y, level, [0, math.inf], colors=[GREEN], alpha=0.3, hatches=["////"])
        axes.contour(x, y, level, [0], colors=[BLACK], linewidths=1.2)
    axes.plot([], [], "s", color=GREEN, alpha=0.6, markersize=8, markeredgecolor=BLACK, label="target")


def _climb(landscape: Any, found: Sequence[Any], start: Array | None, goal: Target | None) -> tuple[Any, Any] | None:
    """The minimum and the saddle whose difference in height to annotate."""
    if start is not None and goal is not None:
        way = valley(landscape, start, goal)
        return None if way.saddle is None else (way.minimum, way.saddle)
    minima = sorted((p for p in found if p.kind == "minimum"), key=lambda p: float(p.x[0]))
    saddles = [p for p in found if p.kind == "saddle"]
    if landscape.dimension > 1 or not minima or not saddles:
        return None
    deepest = min(minima, key=lambda p: round(p.loss, 12))
    left = [p for p in saddles if p.x[0] < deepest.x[0]]
    right = [p for p in saddles if p.x[0] > deepest.x[0]]
    beside = ([max(left, key=lambda p: p.x[0])] if left else []) + ([min(right, key=lambda p: p.x[0])] if right else [])
    return deepest, min(beside, key=lambda p: p.loss)


def _annotate_barrier(axes: Axes, minimum: Any, saddle: Any) -> None:
    text = rf"$\Delta L$ = {saddle.loss - minimum.loss:.4g}"
    if minimum.x.size == 2:
        axes.annotate(
            text, saddle.x, xytext=(8, 8), textcoords="offset points", fontsize=SMALL, color=BLACK, zorder=5,
            bbox={"boxstyle": "round,pad=0.2", "facecolor": "white", "alpha": 0.8, "linewidth": 0},
        )  # fmt: skip
        return
    (a,), (b,) = minimum.x, saddle.x
    axes.plot([a, b], [minimum.loss] * 2, color=SHADE, linewidth=1, linestyle="--", zorder=1)
    look = {"arrowstyle": "<->", "color": VERMILLION, "linewidth": 1.3, "shrinkA": 0, "shrinkB": 3}
    axes.annotate("", (b, saddle.loss), xytext=(b, minimum.loss), arrowprops=look, zorder=1)
    middle = minimum.loss + 0.35 * (saddle.loss - minimum.loss)
    side = _roomier_side(axes, b, middle)
    axes.annotate(
        text, (b, middle), xytext=(6 * side, 0), textcoords="offset points", fontsize=LABEL, color=VERMILLION,
        ha="left" if side > 0 else "right", va="center", zorder=3,
        bbox={"boxstyle": "round,pad=0.1", "facecolor": "white", "alpha": 0.85, "linewidth": 0},
    )  # fmt: skip


def _roomier_side(axes: Axes, x: float, height: float) -> int:
    """+1 or -1: on which side of ``x`` the first line of ``axes``, or its edge, is farther away at ``height``."""
    across, up = (np.asarray(data, dtype=float) for data in axes.lines[0].get_data())
    left, right = axes.get_xlim()
    below = across[up <= height]
    nearest_right = min([right, *below[below > x]])
    nearest_left = max([left, *below[below < x]])
    return 1 if nearest_right - x >= x - nearest_left else -1
