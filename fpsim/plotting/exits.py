"""Exit times of paths against the exponential law  p(t) = exp(-t/tau)/tau,  P(T > t) = exp(-t/tau).

Escape over a high barrier is exponential: the path forgets where it came from long before it leaves (Day, Stochastics 8
(1983) 297).  On a logarithmic axis the law is a straight line, and what is faster or slower than it stands out.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fpsim.plotting.drawable import Exits
from fpsim.plotting.style import BLACK, BLUE, INK, SMALL, TIME, axes_or_new, figure_of, remark, tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Array = NDArray[np.float64]


def exit_histogram(sample: Exits, mean: float, axes: Axes | None = None) -> Figure:
    """Density of exit times on a log axis against exp(-t/mean)/mean.

    The density counts all paths, censored ones included, so that it meets the law up to the horizon.  Error bars are
    central 68 % Poisson intervals (Garwood, Biometrika 28 (1936) 437).

    Args:
        sample: the exits.
        mean: mean exit time of the law, in the units of the sample.
        axes: where to draw; a new figure if None.

    Raises:
        ValueError: if no path left, or for a mean that is not positive and finite.
    """
    _check(sample, mean)
    exits, paths = sample.exits, sample.times.size
    bins = int(np.clip(2 * exits.size ** (1 / 3), 5, 36))  # the Rice rule
    counts, edges = np.histogram(exits, bins, range=(0.0, float(exits.max())))
    per_path = 1 / (paths * np.diff(edges))
    density, seen = counts * per_path, counts > 0
    low, high = (bound * per_path for bound in poisson_interval(counts))

    axes = axes_or_new(axes)
    bottom = 0.5 * float(low[seen].min())
    axes.stairs(density, edges, baseline=bottom, fill=True, color=BLUE, alpha=0.18, linewidth=0)
    centers = (edges[1:] + edges[:-1]) / 2
    axes.errorbar(
        centers[seen],
        density[seen],
        yerr=[(density - low)[seen], (high - density)[seen]],
        fmt="o",
        color=BLUE,
        markersize=3.5,
        elinewidth=1,
        label=_count(sample),
    )
    axes.plot(edges, np.exp(-edges / mean) / mean, color=BLACK, linewidth=1.4, label=_law(mean, density=True))
    axes.set_yscale("log")
    axes.set_ylim(bottom, 2.5 * float(high.max()))
    axes.set_xlim(0, float(edges[-1]))
    tidy(axes, f"exit {TIME}", "probability density (1 / time)")
    axes.legend(loc="upper right", fontsize=SMALL, frameon=False, labelcolor=INK)
    _state_censored(axes, sample)
    return figure_of(axes)


def survival_chart(sample: Exits, mean: float, axes: Axes | None = None) -> Figure:
    """Share of paths that have not left, on a log axis, with its band and the law exp(-t/mean).

    The band holds for all times at once with 95 % (Dvoretzky, Kiefer, Wolfowitz 1956; constant by Massart 1990).

    Args:
        sample: the exits.
        mean: mean exit time of the law, in the units of the sample.
        axes: where to draw; a new figure if None.

    Raises:
        ValueError: if no path left, or for a mean that is not positive and finite.
    """
    _check(sample, mean)
    t, probability, half = sample.survival()
    left = probability > 0
    bottom = 0.4 * float(probability[left].min())
    axes = axes_or_new(axes)
    low, high = np.maximum(probability - half, bottom), np.minimum(probability + half, 1.0)
    axes.fill_between(t, low, high, color=BLUE, alpha=0.18, linewidth=0, label="95 % band")
    axes.plot(t[left], probability[left], color=BLUE, linewidth=1.6, label=_count(sample))
    axes.plot(t, np.exp(-t / mean), color=BLACK, linewidth=1.4, linestyle="--", label=_law(mean, density=False))
    axes.set_yscale("log")
    axes.set_ylim(bottom, 1.6)
    axes.set_xlim(0, float(t[-1]))
    tidy(axes, TIME, "share of paths not yet out")
    axes.legend(loc="upper right", fontsize=SMALL, frameon=False, labelcolor=INK)
    _state_censored(axes, sample)
    return figure_of(axes)


def poisson_interval(counts: NDArray[np.int64], coverage: float = 0.6827) -> tuple[Array, Array]:
    """Exact central interval for the mean of a Poisson number (Garwood 1936), lower and upper end per count."""
    from scipy.special import gammaincinv

    n, tail = np.asarray(counts, dtype=np.float64), (1 - coverage) / 2
    low = np.where(n > 0, gammaincinv(np.maximum(n, 1), tail), 0.0)
    return low, np.asarray(gammaincinv(n + 1, 1 - tail), dtype=np.float64)


def _check(sample: Exits, mean: float) -> None:
    if not (math.isfinite(mean) and mean > 0):
        raise ValueError(f"the exponential law needs a mean that is a positive time; got {mean!r}")
    if not sample.exits.size:
        raise ValueError(
            f"none of {sample.times.size} paths left before the horizon of {sample.horizon:g}, so there is nothing to "
            "draw; use a longer horizon"
        )


def _count(sample: Exits) -> str:
    return f"{sample.times.size:,} paths".replace(",", "\u202f")


def _law(mean: float, density: bool) -> str:
    formula = r"$e^{-t/\tau}/\tau$" if density else r"$e^{-t/\tau}$"
    return rf"{formula},  $\tau$ = {mean:.4g}"


def _state_censored(axes: Axes, sample: Exits) -> None:
    censored = int(sample.censored.sum())
    if censored:
        remark(axes, f"{censored} paths still inside at t = {sample.horizon:g} (censored)", 0.02, 0.03, "left")
