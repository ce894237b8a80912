"""ln(iterations) against S/eta, a line for each theory."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fpsim.plotting.style import CYCLE, INK, SMALL, axes_or_new, figure_of, tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

CLIMB = 12.0
"""Largest rise of ln(iterations) that is drawn, of the steepest theory."""
DASHES = ("-", "--", ":", "-.")


def theory_lines(rows: Sequence[Any], axes: Axes | None = None) -> Figure:
    """What theories (``name``, ``slope``, ``slope_error``, ``log_prefactor``) say; without a prefactor from zero on."""
    axes = axes_or_new(axes, 5.8, 4.0)
    end = CLIMB / max(row.slope for row in rows)
    x = np.linspace(0.0, end, 50)
    for k, row in enumerate(rows):
        front = row.log_prefactor + row.by_steps
        foot = 0.0 if math.isnan(front) else front
        color, style = CYCLE[k % len(CYCLE)], DASHES[k // len(CYCLE) % len(DASHES)]
        words = f"{row.name}: {row.slope:.4g}" + (" (slope only)" if math.isnan(front) else "")
        axes.plot(x, foot + row.slope * x, color=color, linestyle=style, linewidth=1.4, label=words)
        low, high = (foot + (row.slope + sign * row.slope_error) * x for sign in (-1, 1))
        axes.fill_between(x, low, high, color=color, alpha=0.15, linewidth=0)
    axes.set_xlim(0, end)
    tidy(axes, r"batch size / learning rate, $S/\eta$", "ln(iterations)")
    axes.legend(fontsize=SMALL, frameon=False, labelcolor=INK, title="slope", title_fontsize=SMALL)
    return figure_of(axes)
