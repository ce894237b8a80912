"""Pictures of landscapes: the curve L(x), filled contours of L(x, y), or the arrows of a drift, with fixed points."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from landscapes.look import (
    BLACK,
    BLUE,
    INK,
    LABEL,
    PURPLE,
    SHADE,
    SMALL,
    VERMILLION,
    axes_or_new,
    figure_of,
    remark,
    tidy,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Array = NDArray[np.float64]

KINDS = {
    "minimum": ("o", BLUE), "stable node": ("o", BLUE), "stable focus": ("o", BLUE), "saddle": ("^", VERMILLION),
    "maximum": ("s", SHADE), "unstable node": ("s", SHADE), "unstable focus": ("s", SHADE), "degenerate": ("X", PURPLE),
}  # fmt: skip
HEADROOM = {1: 1.1, 2: 0.7}  # how far above the highest saddle to draw, in heights of saddle over minimum
NODES = {1: 801, 2: 241}
LEVELS = 22
ARROWS = 25  # per axis


def picture(field: Any, axes: Axes | None = None, points: Any = None) -> Figure:
    """A landscape or drift field in one or two dimensions, with its critical or fixed points.

    Args:
        field: what to draw.
        axes: where; a new figure if None.
        points: points to mark; those in the field's own box if None.

    Raises:
        ValueError: beyond two dimensions, or without a box to draw in.
    """
    is_loss = hasattr(field, "loss")
    require_drawable(field)
    found = points
    if found is None:
        found = field.critical_points() if is_loss else field.fixed_points()
    box = box_of(field, found)
    axes = axes_or_new(axes)
    if is_loss:
        (draw_curve if field.dimension == 1 else draw_contours)(axes, field, box, found)
    else:
        (_draw_drift_curve if field.dimension == 1 else draw_arrows)(axes, field, box)
    mark_points(axes, field, found, None, None)
    legend(axes)
    return figure_of(axes)


def require_drawable(field: Any) -> None:
    """Refuse more than two dimensions in a sentence."""
    if field.dimension > 2:
        raise ValueError(
            f"{field.name} has {field.dimension} dimensions; pictures exist in one and two "
            "(draw a cut: a landscape of one or two coordinates with the others fixed)"
        )


def box_of(field: Any, found: Any) -> Any:
    """The box to draw: the field's own, or the one that its points were looked for in."""
    box = field.bounds if field.bounds is not None else getattr(found, "bounds", None)
    if box is None:
        word = "critical_points" if hasattr(field, "loss") else "fixed_points"
        raise ValueError(f"{field.name} has no box to draw; give points={word}(bounds=[(low, high), ...])")
    return box


def legend(axes: Axes, columns: int = 5) -> None:
    """What the marks mean, above the picture."""
    if not axes.get_legend_handles_labels()[0]:
        return
    axes.legend(
        loc="lower left", bbox_to_anchor=(0, 1.0), ncols=columns, fontsize=SMALL, frameon=False, labelcolor=INK,
        borderaxespad=0.1, handletextpad=0.3, columnspacing=0.6, handlelength=1.4,
    )  # fmt: skip


def view_top(found: Sequence[Any], low: float, high: float, dimension: int) -> float:
    """Height up to which the loss is drawn: somewhat above the highest saddle, so that the wells fill the picture."""
    saddles = [p.loss for p in found if p.kind == "saddle"]
    minima = [p.loss for p in found if p.kind == "minimum"]
    if not saddles or not minima:
        return high
    top, bottom = float(max(saddles)), float(min(low, *minima))
    return min(high + 0.05 * (high - low), top + HEADROOM[dimension] * (top - bottom))


def draw_curve(axes: Axes, landscape: Any, box: Any, found: Sequence[Any]) -> None:
    """The curve of a loss in one dimension."""
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


def draw_contours(axes: Axes, landscape: Any, box: Any, found: Sequence[Any]) -> None:
    """Filled contours of a loss in two dimensions."""
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


def _draw_drift_curve(axes: Axes, field: Any, box: Any) -> None:
    ((left, right),) = box
    x = np.linspace(left, right, NODES[1])
    axes.plot(x, field.drift(x[None])[0], color=INK, linewidth=1.8, zorder=2)
    axes.axhline(0.0, color=SHADE, linewidth=1, linestyle="--", zorder=1)
    axes.set_xlim(left, right)
    tidy(axes, field.variables[0], f"drift b({field.variables[0]})")


def draw_arrows(axes: Axes, field: Any, box: Any) -> None:
    """Directions as arrows of one length; their colour is the speed."""
    sides = [np.linspace(low, high, ARROWS + 2)[1:-1] for low, high in box]
    x, y = np.meshgrid(*sides)
    u, v = field.drift(np.stack([x, y]))
    speed = np.hypot(u, v)
    length = np.maximum(speed, 1e-300)
    arrows = axes.quiver(
        x, y, u / length, v / length, speed, cmap="viridis_r", scale=ARROWS * 1.2, width=0.0035, pivot="mid", zorder=2
    )
    bar = figure_of(axes).colorbar(arrows, ax=axes, pad=0.02)
    bar.set_label("speed |b|", fontsize=LABEL, color=INK)
    bar.ax.tick_params(labelsize=SMALL, colors=INK)
    bar.outline.set_visible(False)
    (left, right), (low, high) = box
    axes.set(xlim=(left, right), ylim=(low, high))
    tidy(axes, *field.variables)


def by_index(points: Sequence[Any], axes: Axes | None = None) -> Figure:
    """Critical or fixed points of any dimension: the loss, or the fastest growth of a drift, over the index."""
    from matplotlib.ticker import MaxNLocator

    axes = axes_or_new(axes)
    is_loss = all(hasattr(point, "loss") for point in points)
    for kind, (marker, color) in KINDS.items():
        here = [p for p in points if p.kind == kind]
        if here:
            up = [float(p.loss) if is_loss else float(p.eigenvalues.real.max()) for p in here]
            axes.plot(
                [p.index for p in here], up, linestyle="", label=kind, marker=marker, color=color, markersize=7,
                markeredgecolor="white", markeredgewidth=0.9,
            )  # fmt: skip
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    tidy(axes, "index (directions downhill)", "loss L") if is_loss else tidy(axes, "index", "fastest growth")
    legend(axes)
    if not points:
        remark(axes, "no points found", 0.02, 0.98, "left")
    return figure_of(axes)


def mark_points(axes: Axes, field: Any, found: Sequence[Any], start: Array | None, target: Any) -> None:
    """Critical or fixed points by their kind; a start and a target that is a point."""

    def height(x: Array) -> Array:
        return np.asarray(field.loss(x) if hasattr(field, "loss") else np.zeros(x.shape[1]))

    def mark(points: Sequence[Any], label: str, **look: Any) -> None:
        x = np.array([np.atleast_1d(p) for p in points], dtype=float).T
        up = height(x) if field.dimension == 1 else x[1]
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
