"""The time to leave an interval (a, b) through either end.

    T(x) = int G(x, z) m(z) dz,      G(x, z) = s[a, min] s[max, b] / s[a, b]

with the scale s' and the speed m of :mod:`fpsim.exact.first_passage`; all terms are positive.  The second moment is
2 int G(x, z) m(z) T(z) dz (Karlin and Taylor, A Second Course in Stochastic Processes, 1981, section 15.3).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from fpsim.exact.integrals import panel_logs, running

Array = NDArray[np.float64]


def solve_two_sided(half: Array, log_scale: Array, log_weight: Array, start: int) -> tuple[float, float]:
    """Logarithms of mean and variance from the edge with number ``start``."""
    ahead, behind = _both_ways(log_scale, half)
    whole = float(np.logaddexp.reduce(panel_logs(log_scale, half)))

    def potential(log_source: Array) -> tuple[Array, Array]:
        """ln int G(x, z) m(z) source(z) dz at all nodes x, and at the left edges."""
        weight = log_weight + log_source
        low, low_edges = running(weight + ahead, half)  # sources to the left of x
        high, high_edges = _reversed(weight + behind, half)
        at_nodes = np.logaddexp(behind + low, ahead + high) - whole
        scale_low = np.concatenate([[-np.inf], np.logaddexp.accumulate(panel_logs(log_scale, half))])[:-1]
        scale_high = np.logaddexp.accumulate(panel_logs(log_scale, half)[::-1])[::-1]
        return at_nodes, np.logaddexp(scale_high + low_edges, scale_low + high_edges) - whole

    times, mean = potential(np.zeros_like(log_weight))
    _, second = potential(times)
    log_mean, log_second = float(mean[start]), math.log(2) + float(second[start])
    excess = -math.expm1(2 * log_mean - log_second)
    return log_mean, log_second + math.log(excess) if excess > 0 else -math.inf


def _both_ways(log_values: Array, half: Array) -> tuple[Array, Array]:
    """ln of the integrals from the first edge up to every node, and from every node to the last edge."""
    return running(log_values, half)[0], _reversed(log_values, half)[0]


def _reversed(log_values: Array, half: Array) -> tuple[Array, Array]:
    """ln of the integrals from every node, and from every left edge, to the last edge."""
    nodes, _ = running(log_values[::-1, ::-1], half[::-1])
    edges = np.logaddexp.accumulate(panel_logs(log_values, half)[::-1])[::-1]
    return nodes[::-1, ::-1], edges
