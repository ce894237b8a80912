"""Simulated paths X_t, and the moments of an ensemble, against time (in two dimensions paths in the plane)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fpsim.plotting.drawable import Spread, Trajectories
from fpsim.plotting.style import BLACK, CYCLE, INK, SMALL, TIME, axes_or_new, figure_of, remark, tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_PATHS = 3
MOST_DIMENSIONS = len(CYCLE)


def path_chart(paths: Trajectories, axes: Axes | None = None) -> Figure:
    """The first paths: x against time, in two dimensions y against x, beyond them the first coordinate against time.

    Raises:
        ValueError: if only the last states were kept.
    """
    if paths.time.size < 2:
        raise ValueError("only the last states were kept, so there are no paths to draw; simulate with keep='paths'")
    dimension, shown = paths.x.shape[2], min(MOST_PATHS, paths.x.shape[1])
    axes, names = axes_or_new(axes), paths.names
    for path in range(shown):
        x = paths.x[:, path]
        across, up = (x[:, 0], x[:, 1]) if dimension == 2 else (paths.time, x[:, 0])
        axes.plot(across, up, color=CYCLE[path], linewidth=0.9, alpha=0.85)
    if dimension == 2:
        begins = paths.x[0, :shown]
        axes.plot(begins[:, 0], begins[:, 1], "o", color="white", markeredgecolor=BLACK, markersize=6, label="start")
        axes.legend(loc="best", fontsize=SMALL, frameon=False, labelcolor=INK)
        tidy(axes, *(names if "variables" in paths.settings else ("x", "y")))
    else:
        axes.set_xlim(float(paths.time[0]), float(paths.time[-1]))
        tidy(axes, TIME, names[0] if dimension == 1 else f"{names[0]} (first of {dimension} coordinates)")
    if shown < paths.x.shape[1]:
        remark(axes, f"first {shown} of {paths.x.shape[1]} paths", 1.0, 1.01, "right")
    return figure_of(axes)


def moment_chart(moments: Spread, axes: Axes | None = None) -> Figure:
    """Mean of each coordinate with a band of one standard deviation, against time."""
    dimension = moments.mean.shape[1]
    shown = min(MOST_DIMENSIONS, dimension)
    axes, names = axes_or_new(axes), moments.names
    for i in range(shown):
        mean, deviation = moments.mean[:, i], np.sqrt(moments.variance[:, i])
        axes.fill_between(moments.time, mean - deviation, mean + deviation, color=CYCLE[i], alpha=0.18, linewidth=0)
        axes.plot(moments.time, mean, color=CYCLE[i], linewidth=1.6, label="mean" if dimension == 1 else names[i])
    axes.set_xlim(float(moments.time[0]), float(moments.time[-1]))
    tidy(axes, TIME, names[0] if dimension == 1 else "coordinates")
    axes.legend(loc="best", fontsize=SMALL, frameon=False, labelcolor=INK)
    which = "" if shown == dimension else f"; first {shown} of {dimension} coordinates"
    remark(axes, f"band: one standard deviation of {moments.paths} paths{which}", 1.0, 1.01, "right")
    return figure_of(axes)
