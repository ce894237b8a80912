"""Quintic splines through tabulated functions l_j, and the walls that confine them beyond the ends of the table.

Outward from an end e, with cells of length h and a common curvature K:

    l_j''(e + u h) = w(u) l_j''(e) + (1 - w(u)) K,     w = 1 - 3 u^2 + 2 u^3     for 0 <= u <= 1,  and K beyond.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from landscapes.formula.tables import Array, Table


def splines(x: Array, values: Array) -> Table:
    """Quintic splines through the values (m, n) as a family with n - 1 cells (not-a-knot ends)."""
    from scipy.interpolate import make_interp_spline

    spacing = float((x[-1] - x[0]) / (len(x) - 1))
    grid = x[0] + spacing * np.arange(len(x))
    spline = make_interp_spline(grid, values.T, k=5)
    orders = [spline.derivative(k)(grid[:-1]) if k else spline(grid[:-1]) for k in range(6)]
    taylor = [order * (spacing**k / math.factorial(k)) for k, order in enumerate(orders)]
    return Table(float(x[0]), spacing, np.stack(taylor, axis=-1).swapaxes(0, 1))


def with_walls(inner: Table, wall: float) -> Table:
    """The family with two more cells at either end, in which every example becomes linear and the mean quadratic."""
    h = inner.spacing
    low, high = inner.low, inner.low + inner.cells * h
    slope = inner.derivative()
    bend = slope.derivative()
    right = _wall([table.every_row(high) for table in (inner, slope, bend)], h, wall)
    value, down, curve = (table.every_row(low) for table in (inner, slope, bend))
    left = [_mirrored(cell) for cell in _wall([value, -down, curve], h, wall)]
    outside = [cell[:, None] for cell in (*left[::-1], *right)]
    return Table(low - 2 * h, h, np.concatenate([*outside[:2], inner.coefficients, *outside[2:]], axis=1))


def _wall(end: Sequence[Array], h: float, wall: float) -> list[Array]:
    """Coefficients (m, 6) of two cells outward from an end, given values, outward slopes and curvatures (m,).

    The curvature passes from its own to ``wall`` by the weight 1 - 3 u^2 + 2 u^3, integrated twice.
    """
    value, slope, curve = end
    fade = np.array([0, 0, 1 / 2, 0, -1 / 4, 1 / 10])
    square = np.array([0, 0, 1 / 2, 0, 0, 0])
    first = np.outer(h**2 * curve, fade) + h**2 * wall * (square - fade)
    first[:, 0] += value
    first[:, 1] += h * slope
    second = np.broadcast_to(h**2 * wall * square, first.shape).copy()
    second[:, 0] += first.sum(axis=1)
    second[:, 1] += first @ np.arange(6)
    return [first, second]


def _mirrored(coefficients: Array) -> Array:
    """The polynomials p(1 - u)."""
    order = coefficients.shape[-1]
    turn = np.array([[math.comb(k, j) * (-1.0) ** j for j in range(order)] for k in range(order)])
    return coefficients @ turn


def require_confinement(family: Table, x: Array) -> None:
    """Refuse a mean loss that does not rise outward from both ends of the nodes."""
    slope, h = family.mean().derivative(), family.spacing
    for end, side, word in ((x[0], -1, "lower"), (x[-1], 1, "upper")):
        rise = side * slope(end + side * h * np.array([0.0, 0.5, 1.0]))
        if not np.all(rise > 0):
            raise ValueError(
                f"the mean loss does not rise outward at the {word} end x = {end:g} (outward slope {rise.min():.3g}), "
                "and beyond it nothing is known; let the nodes reach up a wall on both sides"
            )
