"""What a mean time says of the exits, P(T > t) = exp(-t/tau), with the band of its error; and survival with its own."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fpsim.digits import power_of_e
from fpsim.plotting.style import BLUE, INK, LABEL, SMALL, VERMILLION, axes_or_new, figure_of, tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LONGEST = 4.0
"""Mean times that are drawn."""
WIDEST = 5.0
"""Logarithm of the largest error of a time that a band can show."""


def law_chart(
    log_mean: float, log_error: float, method: str, units: str, failed: Sequence[Any] = (), axes: Axes | None = None
) -> Figure:
    """The exponential law of a mean time that no sample stands behind, on a log axis.

    Args:
        log_mean, log_error: ln of the mean and its error.
        method, units: the route, and the clock it counts by.
        failed: assumptions that do not hold, which are named in the picture.
        axes: where to draw; a new figure if None.
    """
    t = np.linspace(0.0, LONGEST, 200)
    fits = abs(log_mean) < 300
    unit = math.exp(log_mean) if fits else 1.0
    band = min(log_error, WIDEST)
    axes = axes_or_new(axes)
    if band > 0:
        low, high = (np.exp(-t * math.exp(sign * band)) for sign in (1, -1))
        axes.fill_between(t * unit, low, high, color=BLUE, alpha=0.18, linewidth=0, label="its error")
    mean = f"{unit:.5g}" if fits else power_of_e(log_mean, log_error)
    axes.plot(t * unit, np.exp(-t), color=BLUE, linewidth=1.6, label=rf"$e^{{-t/\tau}}$,  $\tau$ = {mean}")
    axes.set_yscale("log")
    axes.set_ylim(math.exp(-LONGEST) / 2, 1.6)
    axes.set_xlim(0, LONGEST * unit)
    tidy(axes, units if fits else rf"{units} / $\tau$", "share not yet out, if exits forget")
    axes.set_title(f"{method}: the law of its mean", fontsize=LABEL, color=INK, loc="left")
    for row, one in enumerate(failed):
        axes.text(0.02, 0.03 + 0.07 * row, f"FAILED: {one.statement}", transform=axes.transAxes, fontsize=SMALL,
                  color=VERMILLION)  # fmt: skip
    axes.legend(loc="upper right", fontsize=SMALL, frameon=False, labelcolor=INK)
    return figure_of(axes)


def survival_band(found: Any, axes: Axes | None = None) -> Figure:
    """A survival (fields ``time``, ``chance``, ``error``, ``method``, ``units``) on a log axis with its error."""
    axes = axes_or_new(axes)
    seen = found.chance > 0
    if not seen.any():
        raise ValueError("nothing is left at any of these times, so there is nothing to draw; ask for earlier ones")
    bottom = 0.5 * float(found.chance[seen].min())
    low, high = np.maximum(found.chance - found.error, bottom), np.minimum(found.chance + found.error, 1.0)
    mark = "o-" if found.time.size < 20 else "-"
    axes.fill_between(found.time, low, high, color=BLUE, alpha=0.18, linewidth=0, label="its error")
    axes.plot(found.time[seen], found.chance[seen], mark, color=BLUE, markersize=4, linewidth=1.6, label=found.method)
    axes.set_yscale("log")
    axes.set_ylim(bottom, 1.3)
    tidy(axes, found.units, "chance not to have met the target")
    axes.legend(loc="lower left", fontsize=SMALL, frameon=False, labelcolor=INK)
    return figure_of(axes)
