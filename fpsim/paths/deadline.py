"""Exits of a run that was stopped by the clock, as a sample with one horizon.

At the stop some paths are out, some under way, some not begun.  Paths begin in an order fixed beforehand, in lanes
that become free, so that *when* a path begins says nothing about what becomes of it.  For any c the paths that began
at least c before the stop are therefore a fair sample of exits followed for the time c (their number is a stopping
time of each lane's sequence of paths, so that by Wald's identity sums over them have the right expectation; a mean
over n of them is biased by O(1/n) only).  Later paths, and what happened after c, are left out.  Of all c the one is
taken that leaves most time at risk, and so most exits.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
CHOICES = 64
"""Common horizons that are tried: these parts of the longest time that a path was followed."""


def common_horizon(times: Array, followed: Array, longest: int) -> tuple[Array, int]:
    """Which paths make the sample, and its horizon.

    Args:
        times: (paths,) exit times in steps; infinite if censored at ``longest``, NaN if under way or not begun.
        followed: (paths,) groups of four steps from a path's beginning to the stop; -1 if not begun.
        longest: groups of four steps after which paths were censored anyhow.

    Returns:
        (paths,) of bool, and the horizon in groups of four steps (0 if no path was followed for a whole group).
    """
    reach = np.minimum(followed, longest)
    risk = np.where(np.isfinite(times), times / 4, np.inf)
    best, chosen = -1.0, 0
    for part in range(CHOICES, 0, -1):
        c = int(reach.max()) * part // CHOICES
        total = float(np.minimum(risk[reach >= c], c).sum())
        if c > 0 and total > best:
            best, chosen = total, c
    return reach >= max(chosen, 1), chosen
