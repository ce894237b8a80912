"""Loss landscapes: the curve L(x), or filled contours of L(x, y), with critical points and the barrier L_b - L_a."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fpsim.plotting.style import (
    BLACK,
    BLUE,
    GREEN,
    INK,
    LABEL,
    PURPLE,
    SHADE,
    SMALL,
    VERMILLION,
    axes_or_new,
    figure_of,
    tidy,
)
from fpsim.targets import Target, as_target
from fpsim.valleys import valley

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Array = NDArray[np.float64]

KINDS = {"minimum": ("o", BLUE), "saddle": ("^", VERMILLION), "maximum": ("s", SHADE), "degenerate": ("X", PURPLE)}
HEADROOM = {1: 1.1, 2: 0.7}  # how far above the highest saddle to draw, in heights of saddle over minimum
NODES = {1: 801, 2: 241}
LEVELS = 22


def landscape_picture(
    landscape: Any,
    axes: Axes | None = None,
    points: Any = None,
    start: ArrayLike | None = None,
    target: Any = None,
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
    if landscape.dimension > 2:
        raise ValueError(
            f"{landscape.name} has {landscape.dimension} dimensions; pictures of the loss exist in one and two "
            "(draw a cut: a landscape of one or two coordinates with the others fixed)"
        )
    found = landscape.critical_points() if points is None else points
    box = landscape.bounds if landscape.bounds is not None else getattr(found, "bounds", None)
    if box is None:
        raise ValueError(f"{landscape.name} has no box to draw; give points=landscape.critical_points(bounds=[...])")
    begin = None if start is None else np.atleast_1d(np.asarray(start, dtype=float))
    goal = _as_goal(target, begin, landscape.dimension)
    axes = axes_or_new(axes)
    draw = _draw_curve if landscape.dimension == 1 else _draw_contours
    draw(axes, landscape, box, found)
    if goal is not None:
        _shade_target(axes, goal, landscape.dimension)
    _mark_points(axes, landscape, found, begin, target if goal is None else None)
    climb = _climb(landscape, found, begin, goal)
    if climb is not None:
        _annotate_barrier(axes, *climb)
    axes.legend(
        loc="lower left", bbox_to_anchor=(0, 1.0), ncols=5, fontsize=SMALL, frameon=False, labelcolor=INK,
        borderaxespad=0.1, handletextpad=0.3, columnspacing=0.6, handlelength=1.4,
    )  # fmt: skip
    return figure_of(axes)


def view_top(found: Sequence[Any], low: float, high: float, dimension: int) -> float:
    """Height up to which the loss is drawn: somewhat above the highest saddle, so that the wells fill the picture."""
    saddles = [p.loss for p in found if p.kind == "saddle"]
    minima = [p.loss for p in found if p.kind == "minimum"]
    if not saddles or not minima:
        return high
    top, bottom = float(max(saddles)), float(min(low, *minima))
    return min(high + 0.05 * (high - low), top + HEADROOM[dimension] * (top - bottom))


def _as_goal(target: Any, start: Array | None, dimension: int) -> Target | None:
    """The target as a set, if it is one: a number needs the start to know its side, a point (d,) is no set."""
    if target is None or isinstance(target, Target):
        return target
    if callable(target):
        from fpsim.targets import LevelSet

        return LevelSet(target)
    point = np.atleast_1d(np.asarray(target, dtype=float))
    return as_target(float(point[0]), start) if dimension == 1 and start is not None else None


def _draw_curve(axes: Axes, landscape: Any, box: Any, found: Sequence[Any]) -> None:
    ((left, right),) = box
    x = np.linspace(left, right, NODES[1])
    loss = landscape.loss(x[None])
    low, high = float(loss.min()), float(loss.max())
    top = view_top(found, low, high, 1)
    seen = x[loss <= top]
    axes.plot(x, loss, color=INK, linewidth=1.8, zorder=2)
    axes.set_xlim(float(seen[0]), float(seen[-1]))
    axes.set_ylim(low - 0.08 * (top - low), top)
    tidy(axes, landscape.variables[0], f"loss L({landscape.variables[0]})")


def _draw_contours(axes: Axes, landscape: Any, box: Any, found: Sequence[Any]) -> None:
    from matplotlib import colormaps
    from matplotlib.colors import ListedColormap
    from matplotlib.ticker import MaxNLocator

    x, y = (np.linspace(low, high, NODES[2]) for low, high in box)
    loss = landscape.loss(np.stack(np.meshgrid(x, y)))
    low, high = float(loss.min()), float(loss.max())
    top = view_top(found, low, high, 2)
    levels = MaxNLocator(LEVELS).tick_values(low, top)
    colors = ListedColormap(colormaps["YlGnBu_r"](np.linspace(0.3, 1, 256)))  # light enough for marks on top
    filled = axes.contourf(x, y, loss, levels, cmap=colors, extend="max" if levels[-1] < high else "neither")
    axes.contour(x, y, loss, levels[1:], colors="white", linewidths=0.4, linestyles="solid", alpha=0.6)
    first, second = landscape.variables
    bar = figure_of(axes).colorbar(filled, ax=axes, pad=0.02, ticks=MaxNLocator(5))
    bar.set_label(f"loss L({first}, {second})", fontsize=LABEL, color=INK)
    bar.ax.tick_params(labelsize=SMALL, colors=INK)
    bar.outline.set_visible(False)
    tidy(axes, first, second)


def _mark_points(axes: Axes, landscape: Any, found: Sequence[Any], start: Array | None, target: Any) -> None:
    def mark(points: Sequence[Any], label: str, **look: Any) -> None:
        x = np.array([np.atleast_1d(p) for p in points], dtype=float).T
        up = landscape.loss(x) if landscape.dimension == 1 else x[1]
        axes.plot(x[0], up, linestyle="", label=label, zorder=4, **look)

    for kind, (marker, color) in KINDS.items():
        here = [p.x for p in found if p.kind == kind]
        if here:
            mark(here, kind, marker=marker, color=color, markersize=7, markeredgecolor="white", markeredgewidth=0.9)
    ring = {"color": "none", "markeredgewidth": 1.4}
    if start is not None:
        mark([start], "start", marker="o", markersize=10, markeredgecolor=BLACK, **ring)
    if target is not None:
        mark([target], "target", marker="s", markersize=11, markeredgecolor=BLACK, **ring)


def _shade_target(axes: Axes, goal: Target, dimension: int) -> None:
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
