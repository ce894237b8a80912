"""Long first-passage times of a 1-D chain with noise everywhere: positive weights, elimination without a difference.

    T_i = 1 + sum_j P_ij T_j,        P_ij = w_j normal(x_j; m(x_i), s(x_i)^2),        out_i = 1 - sum_j P_ij

on Gauss nodes x_j with weights w_j.  All numbers are positive; states are taken out one after the other, from the
target inwards,

    P_ij += P_ik P_kj / s_k,     out_i += P_ik out_k / s_k,     s_k = sum_(j left) P_kj + out_k,

and since s_k is such a sum, never 1 - P_kk, every digit survives however rare the exit is (Grassmann, Taksar, Heyman,
Operations Research 33 (1985) 1107).  The chances to get out are kept as logarithms, so that times have no upper end.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fpsim.exact.collocation import interval_chance, tables

Array = NDArray[np.float64]
Line = Callable[[Array], tuple[Array, Array]]

ORDER = 10  # nodes per panel
WIDTH, COARSE = 2.0, 2.8  # of a panel, in standard deviations of a step; the coarse ones tell the error
MOST = 2200  # nodes


class TooManyStates(ValueError):
    """Steps are too short against the domain."""


@dataclass(frozen=True)
class LongPassage:
    """Log mean and relative variance (variance / mean^2) of the number of steps from a start, and the states used."""

    log_mean: float
    relative_variance: float
    nodes: int


def long_passage(
    line: Line, start: float, goal: tuple[float, float], domain: tuple[float, float], width: float = WIDTH
) -> LongPassage:
    """Steps from ``start`` into the interval ``goal`` for a chain that stays in ``domain``.

    Args:
        line: mean and standard deviation of the next state at points (n,).
        start: a point outside the goal.
        goal: the target, (low, high), an end may be infinite.
        domain: where the states are taken from; what would leave it stays at its end.
        width: of the panels, in standard deviations.

    Raises:
        ValueError: if the noise vanishes somewhere, or too many nodes are needed.
    """
    pieces = [(a, b) for a, b in ((domain[0], min(goal[0], domain[1])), (max(goal[1], domain[0]), domain[1])) if a < b]
    nodes, weights = (
        np.concatenate(part) for part in zip(*(_nodes(line, a, b, width) for a, b in pieces), strict=True)
    )
    away = np.maximum(goal[0] - nodes, nodes - goal[1])
    order = np.argsort(-away)
    home = int(np.flatnonzero(order == int(np.abs(nodes - start).argmin()))[0])
    order = np.concatenate([order[home : home + 1], np.delete(order, home)])
    nodes, weights = nodes[order], weights[order]
    mean, spread = line(np.append(nodes, start))
    moves = weights * np.exp(-(((nodes - mean[:, None]) / spread[:, None]) ** 2) / 2)
    moves /= spread[:, None] * math.sqrt(2 * math.pi)
    for end, low, high in ((domain[0], -math.inf, domain[0]), (domain[1], domain[1], math.inf)):
        if not goal[0] <= end <= goal[1]:
            moves[:, int(np.abs(nodes - end).argmin())] += interval_chance(mean, spread, low, high)
    with np.errstate(divide="ignore"):
        out = _log_chance(mean, spread, goal)
    return _eliminated(moves[:-1], out[:-1], moves[-1])


def _nodes(line: Line, low: float, high: float, width: float) -> tuple[Array, Array]:
    """Gauss nodes and weights on panels no wider than ``width`` standard deviations of a step there."""
    sample = np.linspace(low, high, 4001)
    spread = line(sample)[1]
    if not spread.min() > 0:
        raise ValueError("the noise vanishes somewhere, so that single steps have no density")
    count = np.concatenate([[0.0], np.cumsum(np.diff(sample) / np.minimum(spread[1:], spread[:-1]) / width)])
    panels = math.ceil(count[-1])
    if panels * ORDER > MOST:
        raise TooManyStates(
            f"a chain with a time as long as this takes {panels * ORDER} states of a step's width, and at most {MOST} "
            "are taken; use by_quadrature or a formula for small steps, or a larger learning rate"
        )
    edges = np.interp(np.linspace(0.0, count[-1], panels + 1), count, sample)
    half = np.diff(edges)[:, None] / 2
    gauss = np.polynomial.legendre.leggauss(ORDER)[1]
    return (edges[:-1, None] + half * (1 + tables(ORDER)[0])).ravel(), (half * gauss).ravel()


def _log_chance(mean: Array, spread: Array, goal: tuple[float, float]) -> Array:
    """ln P(low <= y <= high) for y normal, also where the chance itself underflows."""
    from scipy.special import log_ndtr

    low, high = (goal[0] - mean) / spread, (goal[1] - mean) / spread
    flipped = low + high < 0  # measured from the tail on the far side
    low, high = np.where(flipped, -high, low), np.where(flipped, -low, high)
    upper, beyond = log_ndtr(-low), log_ndtr(-high)
    return np.asarray(upper + np.log1p(-np.exp(np.minimum(beyond - upper, 0.0))))


def _eliminated(moves: Array, out: Array, first: Array) -> LongPassage:
    """Take the states out, the last first; ``first`` are the moves from the start itself."""
    n = out.size
    rates = np.empty(n)
    for k in range(n - 1, 0, -1):
        rates[k] = moves[k, :k].sum() + math.exp(out[k])
        share = moves[:k, k] / rates[k]
        moves[:k, :k] += share[:, None] * moves[k, :k]
        moves[:k, k] = share
        with np.errstate(divide="ignore"):
            out[:k] = np.logaddexp(out[:k], np.log(share) + out[k])
    if not np.isfinite(out[0]):
        raise ValueError("no state of the chain leads into the target")

    def solved(right: Array) -> tuple[float, Array]:
        """The logarithm of T_0, and T / T_0, for positive ``right`` in place of 1."""
        total = right.copy()
        for k in range(n - 1, 0, -1):
            total[:k] += moves[:k, k] * total[k]
        log_home = math.log(total[0]) - out[0]
        small = math.exp(-min(log_home, 700.0))
        found = np.ones(n)
        for k in range(1, n):
            found[k] = (total[k] * small + moves[k, :k] @ found[:k]) / rates[k]
        return log_home, found

    log_home, found = solved(np.ones(n))
    log_second, second = solved(found)  # of the equation for E T(T + 1) / 2 in units of T_0
    small = math.exp(-min(log_home, 700.0))
    mean = float(first @ found) + small
    log_mean = log_home + math.log(mean)
    # E T^2 = 2 M - E T with M = T + P M at the start
    gap = math.exp(min(log_second - log_home, 700.0))
    moment = (float(first @ second) * gap + mean * small) / mean**2
    return LongPassage(log_mean, 2 * moment - small / mean - 1, n)
