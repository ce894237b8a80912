"""The cheapest way out of a valley in jumps:  V = sum_k (x_{k+1} - m(x_k))^2 / (2 eta^2 C1(x_k))."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fpsim.plotting.drawable import Jumps
from fpsim.plotting.style import BLUE, INK, LABEL, SHADE, SMALL, VERMILLION, axes_or_new, figure_of, tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TAIL = 1e-3
"""Jumps that spend less than this share of V, at the minimum and on the barrier, are not drawn."""


def jump_chart(found: Jumps, axes: Axes | None = None) -> Figure:
    """Position against the iteration, and the share of V spent until then.

    Args:
        found: the quasi-potential.
        axes: where to draw; a new figure if None.
    """
    spent = np.concatenate([[0.0], np.cumsum(found.costs)]) / found.value
    first, last = np.searchsorted(spent, [TAIL, 1 - TAIL])
    shown = slice(max(0, int(first) - 2), int(last) + 3)
    x, count = found.path[shown], np.arange(found.path[shown].size)
    axes = axes_or_new(axes)
    axes.plot(count, x, "o-", color=BLUE, markersize=4, linewidth=1)
    axes.axhline(found.path[0], color=SHADE, linewidth=0.8, linestyle=(0, (4, 3)))
    axes.annotate("minimum", (count[-1], found.path[0]), (0, 3), textcoords="offset points", fontsize=SMALL,
                  color=INK, ha="right")  # fmt: skip
    other = axes.twinx()
    other.step(count, spent[shown], where="mid", color=VERMILLION, linewidth=1.2)
    other.set_ylim(-0.02, 1.05)
    other.set_ylabel("share of V spent", fontsize=LABEL, color=VERMILLION)
    other.tick_params(labelsize=SMALL, colors=VERMILLION)
    other.spines["top"].set_visible(False)
    axes.locator_params(axis="x", integer=True)
    tidy(axes, "iteration", "position")
    axes.set_title(f"Cheapest jumps to {found.target}: V = {found.value:.5g}", fontsize=LABEL, color=INK, loc="left")
    return figure_of(axes)
