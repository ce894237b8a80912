"""How heavy a tail is, from the values beyond a high quantile u: they follow the generalised Pareto law

    P(|z| > u + y | |z| > u) = (1 + xi y/s)^(-1/xi),       E |z|^p finite  <=>  xi < 1/p        (xi > 0)

(J. Pickands, Ann. Statist. 3 (1975) 119). xi by probability-weighted moments, with their standard error at xi = 0 (J.
Hosking, J. Wallis, Technometrics 29 (1987) 339, equations 3 and 9).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

SHARE, FEWEST = 0.1, 10
"""The part of the values that counts as their tail, and how many at least."""


def tail_shape(sizes: NDArray[np.float64]) -> tuple[float, float]:
    """Return xi of the largest tenth of sizes (K,) and its standard error; (infinity, 0) if there are too few."""
    x, k = np.sort(sizes), max(FEWEST, int(SHARE * sizes.size))
    if x.size <= 2 * FEWEST:
        return math.inf, 0.0
    y = x[-k:] - x[-k - 1]
    first, second = y.mean(), float(y @ np.arange(k - 1, -1, -1)) / (k * (k - 1))
    error = math.sqrt(4 / 3 / k)
    if first <= 2 * second:  # all alike: a bounded law
        return (-math.inf if y[-1] <= 0 else math.inf), error
    return float(2 - first / (first - 2 * second)), error
