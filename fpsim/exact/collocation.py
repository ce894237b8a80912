"""Functions that are a polynomial on each of a set of panels, and their mean under a normal law,

    E f(y) = sum_kj f(node_kj) int_panel_k l_j(y) normal(y; mean, spread^2) dy,

l_j the Lagrange polynomials of the panel's Gauss-Legendre nodes.  The integrals are done in units of the spread, so
that they stay exact down to spread = 0, where they are the value of the interpolant at the mean.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.polynomial import legendre
from numpy.typing import NDArray

Array = NDArray[np.float64]
Breaks = Callable[[float, float], Array]

WINDOW = 10.0  # what lies further than this many standard deviations from the mean (chance 1e-23) is left out
GAUGES = ((0.0, 2.0, legendre.leggauss(18)), (2.0, 2 * WINDOW + 1, legendre.leggauss(44)))
"""Nodes that integrate a normal law over pieces of up to so many standard deviations to rounding."""


@dataclass(frozen=True)
class Panels:
    """Panels in ascending order (..., low[k], high[k], ...); ``open_low``/``open_high``: which outer ends may grow."""

    low: Array
    high: Array
    open_low: bool
    open_high: bool

    def nodes(self, order: int) -> Array:
        """Gauss nodes (panels, order)."""
        middle, half = (self.low + self.high) / 2, (self.high - self.low) / 2
        return np.asarray(middle[:, None] + half[:, None] * tables(order)[0])

    def split(self, which: NDArray[np.bool_]) -> Panels:
        """The same panels with some cut in two."""
        middle = (self.low + self.high)[which] / 2
        return replace(self, low=np.sort(np.append(self.low, middle)), high=np.sort(np.append(self.high, middle)))

    def grown(self, breaks: Breaks, share: float = 0.5) -> Panels:
        """Panels added at the open ends, ``share`` of the whole length at each."""
        length = float(self.high[-1] - self.low[0])
        low, high = self.low, self.high
        if self.open_low:
            edges = panel_edges(low[0] - share * length, low[0], 4, breaks)
            low, high = np.append(edges[:-1], low), np.append(edges[1:], high)
        if self.open_high:
            edges = panel_edges(high[-1], high[-1] + share * length, 4, breaks)
            low, high = np.append(low, edges[:-1]), np.append(high, edges[1:])
        return replace(self, low=low, high=high)


def panel_edges(low: float, high: float, number: int, breaks: Breaks) -> Array:
    """Edges of ``number`` equal panels from ``low`` to ``high``, and of further ones at the breaks."""
    inner = breaks(low, high)
    edges = np.union1d(np.linspace(low, high, number + 1), inner[(inner > low) & (inner < high)])
    width = np.diff(edges)
    return np.asarray(edges[np.append(True, width > 1e-12 * (high - low))])


@lru_cache(maxsize=8)
def tables(order: int) -> tuple[Array, Array]:
    """Nodes, and the matrix that turns values at the nodes into Legendre coefficients: values @ matrix."""
    nodes, weights = legendre.leggauss(order)
    return nodes, legendre.legvander(nodes, order - 1) * weights[:, None] * (np.arange(order) + 0.5)


def values_at(place: Any, order: int) -> Array:
    """Weights (..., order) that take values at the nodes to the value at ``place`` in [-1, 1]."""
    return np.asarray(legendre.legvander(np.asarray(place), order - 1) @ tables(order)[1].T)


def panel_weights(low: Array, high: Array, order: int, mean: Array, spread: Array) -> Array:
    """int_panel l_j(y) normal(y; mean, spread^2) dy for the Lagrange polynomials l_j, shape (rows, panels, order)."""
    out = np.zeros((mean.size, low.size, order))
    point = spread <= 1e-14 * (np.abs(mean) + 1e-300)
    safe = np.where(point, 1.0, spread)
    for k in range(low.size):
        middle, half = (low[k] + high[k]) / 2, (high[k] - low[k]) / 2
        here = np.flatnonzero(point & (mean >= low[k]) & (mean < high[k]))
        if here.size:
            out[here, k] = values_at((mean[here] - middle) / half, order)
        a = np.where(point, 0.0, np.maximum((low[k] - mean) / safe, -WINDOW))
        b = np.where(point, 0.0, np.minimum((high[k] - mean) / safe, WINDOW))
        for least, most, (t, w) in GAUGES:
            rows = np.flatnonzero((b - a > least) & (b - a <= most))
            z = ((a + b) / 2)[rows, None] + ((b - a) / 2)[rows, None] * t
            mass = ((b - a) / 2)[rows, None] * w * np.exp(-z * z / 2) / math.sqrt(2 * math.pi)
            places = (mean[rows, None] + spread[rows, None] * z - middle) / half
            out[rows, k] = _moments(mass, places, order) @ tables(order)[1].T
    return out


def _moments(mass: Array, places: Array, order: int) -> Array:
    """sum_q mass P_j(places) for the Legendre polynomials P_0 ... P_(order - 1), shape (rows, order)."""
    out = np.empty((mass.shape[0], order))
    before, here = np.ones_like(places), places
    for j in range(order):
        out[:, j] = np.einsum("rq,rq->r", mass, before)
        before, here = here, ((2 * j + 3) * places * here - (j + 1) * before) / (j + 2)
    return out


def interval_chance(mean: Array, spread: Array, low: float, high: float) -> Array:
    """P(low <= y < high) for y normal, accurate in both tails; ``spread`` may be 0."""
    from scipy.special import ndtr

    safe = np.where(spread > 0, spread, 1.0)
    a, b = (low - mean) / safe, (high - mean) / safe
    chance = np.where(a > 0, ndtr(-a) - ndtr(-b), ndtr(b) - ndtr(a))
    return np.where(spread > 0, chance, (mean >= low) & (mean < high)).astype(float)
