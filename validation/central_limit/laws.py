"""The stable laws that sums of heavy-tailed draws tend to (:mod:`validation.central_limit.run`).

E exp(itX) = exp(-|g t|^alpha),      alpha = min(a, 2)
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def limit_index(tail: float) -> float:
    """The index of the limit of sums of draws with this tail exponent."""
    return min(tail, 2.0)


def limit_scale(tail: float) -> float:
    """The scale g of the limit exp(-|g t|^alpha) of n^(-1/alpha) times a sum of n draws.

    Raises:
        ValueError: at a = 2, where the sums need another scaling than a power of n.
    """
    if tail == 2:
        raise ValueError("at a = 2 sums grow like sqrt(n ln n), not like a power of n; take another exponent")
    if tail > 2:
        return math.sqrt(tail / (tail - 2) / 2)
    if tail == 1:
        return math.pi / 2
    return (math.gamma(2 - tail) * math.cos(math.pi * tail / 2) / (1 - tail)) ** (1 / tail)


def stable_distribution(alpha: float, x: Array) -> Array:
    """P(X <= x) of the law exp(-|t|^alpha), 1 <= alpha <= 2: scipy's quadrature at 300 points, interpolated.

    Beyond |x| = 50, since that quadrature loses its digits far out, four terms of the asymptotic series in x^-alpha
    (H. Bergstrom, Arkiv for Matematik 2 (1952) 375).
    """
    from scipy.stats import levy_stable, norm

    if alpha == 2:
        return np.asarray(norm.cdf(x / math.sqrt(2)))
    if alpha == 1:
        return np.asarray(0.5 + np.arctan(x) / math.pi)
    far, size = 50.0, np.abs(x)
    # equal steps in arcsinh x are fine in the middle and wide in the tail
    nodes = np.linspace(0, math.asinh(far), 300)
    inside = np.interp(np.arcsinh(size), nodes, levy_stable.cdf(np.sinh(nodes), alpha, 0))
    beyond = sum(
        (-1) ** (k + 1) * math.gamma(alpha * k) / math.factorial(k) * math.sin(k * math.pi * alpha / 2)
        * np.maximum(size, far) ** (-alpha * k)
        for k in range(1, 5)
    )  # fmt: skip
    upper = np.where(size < far, inside, 1 - beyond / math.pi)
    return np.asarray(np.where(x < 0, 1 - upper, upper))
