"""The double integrals of :mod:`fpsim.exact.first_passage` on given panels, in logarithms, for a target to the right.

    I(y) = int_e^y m dz,      mean = int_{x0}^c s' I dy,      variance = 2 int_{x0}^c s' (int_e^y s' I^2 dz) dy

Beyond the far bound m is nil, or a power of the distance (:class:`fpsim.exact.far_side.Tail`).  A path from x0 visits
z < x0 before c with probability s[x0, c] / s[z, c].
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fpsim.exact.far_side import FarSide
from fpsim.exact.integrals import RUNNING, WEIGHTS, nodes_of, panel_logs, running
from fpsim.exact.oriented import Oriented

Array = NDArray[np.float64]

RARE = 1e-6  # a place that fewer of the paths visit is seen by no simulation


@dataclass(frozen=True)
class Solution:
    """Logarithms of mean and variance at the start, of the mean at every edge, and what limits them."""

    log_mean: float
    log_variance: float
    log_times: Array
    tail: float
    swing: float
    rare: tuple[float, float, float, float] | None


def weights(view: Oriented, edges: Array) -> tuple[Array, Array, Array, Array]:
    """Half-widths, ln s' and ln m at all nodes, and W at the nodes."""
    half = np.diff(edges) / 2
    slope, log_d = view.fields(nodes_of(edges))
    risen = half * (slope @ WEIGHTS)
    potential = np.concatenate([[0.0], np.cumsum(risen)[:-1]])[:, None] + half[:, None] * (slope @ RUNNING)
    return half, potential - view.weight * log_d, -potential + (view.weight - 1) * log_d, potential


def solve(view: Oriented, edges: Array, start: float, far: FarSide, seldom: bool = False) -> Solution:
    """The double integrals of the module docstring on given panels."""
    half, log_scale, log_weight, potential = weights(view, edges)
    mass_beyond, spread_beyond, infinite = _beyond(view, far)
    inner, before = running(log_weight, half, mass_beyond)
    first = int(np.searchsorted(edges, start))
    times = panel_logs(log_scale + inner, half)
    log_times = np.append(np.logaddexp.accumulate(times[::-1])[::-1], -np.inf)
    log_variance = math.inf if infinite else math.nan  # without a verdict on the far end no variance is vouched for
    if not infinite and not (far.edge is not None and far.edge.kind == "undecided"):
        spread, _ = running(log_scale + 2 * inner, half, spread_beyond)
        log_variance = math.log(2) + float(np.logaddexp.reduce(panel_logs(log_scale + spread, half)[first:]))
    lost = _lost(edges, log_weight, before, first, far)
    rare = _seldom(edges, first, half, log_scale, log_weight, before) if seldom else None
    return Solution(float(log_times[first]), log_variance, log_times, lost, float(np.ptp(potential)), rare)


def _beyond(view: Oriented, far: FarSide) -> tuple[float, float, bool]:
    """Logarithms of the integrals of m and of s' I^2 beyond the far bound; whether the second is infinite."""
    tail = far.tail
    if tail is None:
        return -math.inf, -math.inf, False
    log_d, arm = float(view.fields(np.array([far.bound]))[1][0]), math.log(tail.distance)
    mass = (view.weight - 1) * log_d + arm - math.log(tail.mass)
    if tail.spread <= 1e-9:
        return mass, -math.inf, True
    return mass, 2 * mass - view.weight * log_d + arm - math.log(tail.spread), False


def _lost(edges: Array, log_weight: Array, before: Array, first: int, far: FarSide) -> float:
    """Relative error of what lies beyond the far bound."""
    if far.tail is not None:
        return far.tail.error * math.exp(min(0.0, before[0] - before[first]))
    # left out: not more than this if the weight falls off there no slower than over the first panels
    width = min(edges[first] - edges[0], edges[0] - far.limit)
    return math.exp(min(0.0, float(log_weight[0, 0]) + math.log(width) - before[first])) if width > 0 else 0.0


def _seldom(
    edges: Array, first: int, half: Array, log_scale: Array, log_weight: Array, before: Array
) -> tuple[float, float, float, float] | None:
    """Share, place, chance and the logarithm of the rest, if there are places that are hardly ever visited."""
    arms = np.logaddexp.accumulate(panel_logs(log_scale, half)[::-1])[::-1]  # ln of the scale from edges to the target
    seldom = np.flatnonzero(arms[first] - arms[:first] <= math.log(RARE))
    if not seldom.size:
        return None
    last = int(seldom[-1])
    inner, _ = running(log_weight[last:], half[last:])
    rest = float(np.logaddexp.reduce(panel_logs(log_scale[last:] + inner, half[last:])[first - last :]))
    log_share = float(arms[first] + before[last]) - float(np.logaddexp(arms[first] + before[last], rest))
    return math.exp(log_share), float(edges[last]), math.exp(arms[first] - arms[last]), rest
