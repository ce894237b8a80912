"""Densities: over the landscape at several times in 1-D, heat maps with the probability current in 2-D."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fpsim.plotting.style import (
    BLACK,
    INK,
    LABEL,
    SHADE,
    SMALL,
    TIME,
    TITLE,
    VERMILLION,
    axes_or_new,
    figure_of,
    new_figure,
    remark,
    tidy,
)
from fpsim.storage import facts_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ARROWS = 17  # per axis
MOST_CURVES = 12


def density_chart(report: Any, axes: Axes | None = None) -> Figure:
    """Density at several times over the loss (1-D), and the survival probability if there is a target.

    Args:
        report: a :class:`fpsim.density.report.DensityReport`.
        axes: where to draw the density alone; a new figure, with the survival beside it, if None.
    """
    if axes is not None:
        return _densities(report, axes)
    figure = new_figure(6.4 if report.survival is None else 10.0, 3.9)
    left, *right = figure.subplots(1, 1 if report.survival is None else 2, squeeze=False)[0]
    _densities(report, left)
    for beside in right:
        survival_curve(report.survival, beside)
    return figure


def _densities(report: Any, left: Axes) -> Figure:
    """Density at several times over the loss."""
    x = report.evolution[report.solver.grid.dims[0]].values
    times, density = report.evolution.time.values, report.evolution.density.values
    chosen = np.unique(np.linspace(0, times.size - 1, min(times.size, MOST_CURVES)).round().astype(int))
    for share, i in zip(np.linspace(0.15, 0.85, chosen.size), chosen, strict=True):
        left.plot(x, density[i], color=_viridis(share), linewidth=1.6, label=f"t = {times[i]:.3g}")
    if report.stationary is not None:
        left.plot(x, report.stationary.density, color=BLACK, linewidth=1.2, linestyle="--", label="stationary")
    _show_loss(report, left, x, float(density[chosen].max()))
    if chosen.size < times.size:
        remark(left, f"{chosen.size} of {times.size} times", 0.0, 1.0, "left")
    tidy(left, report.solver.sde.landscape.variables[0], "probability density")
    left.legend(frameon=False, fontsize=SMALL)
    left.set_title("Density over the landscape", fontsize=TITLE, color=INK, loc="left")
    return figure_of(left)


def survival_curve(survival: Any, axes: Axes | None = None) -> Figure:
    """Chance not to have met the target yet, on a log axis; ``survival`` as from ``FokkerPlanck.survival``."""
    axes = axes_or_new(axes)
    left = survival.survival.values
    axes.semilogy(survival.time, np.maximum(left, 1e-300), color=VERMILLION, linewidth=1.6)
    axes.set_ylim(max(left.min() / 2, 1e-12), 1.3)
    tidy(axes, TIME, "survival probability")
    axes.set_title("Not yet in the target", fontsize=TITLE, color=INK, loc="left")
    return figure_of(axes)


def density_map(report: Any, axes: Axes | None = None) -> Figure:
    """The last density as a heat map with arrows of its probability current (2-D).

    Raises:
        ValueError: in three dimensions, which no heat map shows.
    """
    grid = report.solver.grid
    if grid.dimension != 2:
        raise ValueError(f"a density is drawn in one or two dimensions; this one has {grid.dimension} (save it as .nc)")
    last = report.evolution.isel(time=-1)
    axes = axes_or_new(axes, 5.8, 4.6)
    x, y = grid.centers(0), grid.centers(1)
    mesh = axes.pcolormesh(x, y, last.density.values.T, cmap="Blues", shading="nearest", rasterized=True)
    field_arrows(report.solver.current(last.density.values).current.values, x, y, axes)
    loss = report.solver.sde.landscape
    if hasattr(loss, "loss"):
        values = loss.loss(np.stack(np.meshgrid(x, y, indexing="ij")))
        levels = values.min() + np.linspace(0, 1, 9)[1:] ** 2 * min(np.ptp(values), 6 * _climb(report, values))
        axes.contour(x, y, values.T, levels=levels, colors=SHADE, linewidths=0.5)
    bar = figure_of(axes).colorbar(mesh, ax=axes)
    bar.set_label("probability density", fontsize=LABEL, color=INK)
    bar.ax.tick_params(labelsize=SMALL)
    tidy(axes, *loss.variables)
    axes.set_title(f"Density and current at t = {float(last.time):.3g}", fontsize=TITLE, color=INK, loc="left")
    return figure_of(axes)


def committor_map(committor: Any, axes: Axes | None = None) -> Figure:
    """A committor as from ``FokkerPlanck.committor``: a curve (1-D) or filled contours with the 1/2 line (2-D)."""
    axes = axes_or_new(axes, 5.8, 4.6)
    field = committor.committor
    names = facts_of(committor).get("variables", [str(name) for name in field.dims])
    if field.ndim == 1:
        axes.plot(field[field.dims[0]], field, color=VERMILLION, linewidth=1.6)
        tidy(axes, names[0], "chance to meet b before a")
        return figure_of(axes)
    if field.ndim != 2:
        raise ValueError(f"a committor is drawn in one or two dimensions; this one has {field.ndim}")
    x, y = (field[name].values for name in field.dims)
    mesh = axes.contourf(x, y, field.values.T, levels=np.linspace(0, 1, 21), cmap="RdBu_r")
    axes.contour(x, y, field.values.T, levels=[0.5], colors=BLACK, linewidths=1.2)
    figure_of(axes).colorbar(mesh, ax=axes, label="chance to meet b before a")
    tidy(axes, *names)
    return figure_of(axes)


def field_arrows(current: Any, x: Any, y: Any, axes: Axes) -> None:
    """Arrows of a vector field (2, nx, ny) on about 17 x 17 nodes; too short ones are left out."""
    nodes = [np.linspace(0, n - 1, ARROWS + 2).round().astype(int)[1:-1] for n in (x.size, y.size)]
    u, v = (current[k][np.ix_(*nodes)] for k in (0, 1))
    length = np.hypot(u, v)
    shown = length > 1e-3 * max(float(length.max()), 1e-300)
    scale = np.where(shown, (length / max(float(length.max()), 1e-300)) ** 0.35 / np.maximum(length, 1e-300), np.nan)
    axes.quiver(x[nodes[0]], y[nodes[1]], (u * scale).T, (v * scale).T, color=VERMILLION, scale=26, width=0.0035)


def _show_loss(report: Any, axes: Axes, x: Any, top: float) -> None:
    """The loss behind the densities, scaled to the picture."""
    landscape = report.solver.sde.landscape
    if not hasattr(landscape, "loss"):
        return
    loss = landscape.loss(x[None])
    height = _climb(report, loss)
    axes.fill_between(x, 0, (loss - loss.min()) / height * 0.45 * top, color=SHADE, alpha=0.18, linewidth=0)
    remark(axes, "shaded: the loss, scaled", 1.0, 1.0, "right")
    axes.set_ylim(0, 1.08 * top)


def _climb(report: Any, loss: Any) -> float:
    """Height of the highest saddle over the lowest loss, or the range of the loss without one."""
    try:
        saddles = report.solver.sde.landscape.saddles
    except ValueError:
        saddles = ()
    heights = [float(s.loss) - float(loss.min()) for s in saddles]
    return max(heights, default=float(np.ptp(loss)) / 4) or 1.0


def _viridis(share: float) -> Any:
    from matplotlib import colormaps

    return colormaps["viridis"](share)
