"""A curve as points x_0 ... x_n, its action, and the force on every point.

    S = sum_k F(m_k, v_k),     m_k = (x_k + x_{k+1}) / 2,   v_k = x_{k+1} - x_k,
    dS/dx_k = p_{k-1} - p_k - (T_{k-1} H_x(m_{k-1}, p_{k-1}) + T_k H_x(m_k, p_k)) / 2

by the envelope theorem.  The midpoint rule is of second order, S_n = S + c_2 / n^2 + c_4 / n^4 + ..., for points that
are a smooth function of k/n.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fpsim.action.hamiltonian import Hamiltonian, Pull, pull

Array = NDArray[np.float64]
Rests = tuple[bool, bool]  # whether start and end of a curve are fixed points of the drift
PASSES = 4  # of a spline through its own evenly spaced points


@dataclass(frozen=True)
class Curve:
    """A curve with its action.

    Attributes:
        x: (d, n + 1) points.
        pieces: momentum, time and action of the n pieces between them.
        gradient: (d, n + 1) of the action by the points.
    """

    x: Array
    pieces: Pull
    gradient: Array

    @property
    def action(self) -> float:
        """S."""
        return float(self.pieces.action.sum())

    @property
    def middles(self) -> Array:
        """(d, n) midpoints of the pieces."""
        return (self.x[:, 1:] + self.x[:, :-1]) / 2


def curve(h: Hamiltonian, x: Array, guess: Pull | None = None) -> Curve:
    """The curve through points ``x`` (d, n + 1)."""
    middles, steps = (x[:, 1:] + x[:, :-1]) / 2, np.diff(x)
    pieces = pull(h, middles, steps, guess)
    bend = -pieces.time * h.by_place(middles, pieces.momentum) / 2
    gradient = np.zeros_like(x)
    gradient[:, 1:] += pieces.momentum + bend
    gradient[:, :-1] += bend - pieces.momentum
    return Curve(x, pieces, gradient)


def lengths_along(x: Array) -> Array:
    """Arc length at the points of a polygon, shape (n + 1,)."""
    return np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(x), axis=0))])


def marks(pieces: int, rests: Rests) -> Array:
    """Shares of the length (n + 1,) at which points lie: evenly, but ever closer where an end is at rest.

    There the dynamics is slow and ways may wind or bend without end; with distances u^2 from the end that part is
    resolved to O(n^-4), and u = k/n remains a smooth parameter.
    """
    u = np.linspace(0.0, 1.0, pieces + 1)
    if rests == (True, True):
        return np.asarray(u**2 * (3 - 2 * u))
    return np.asarray(u**2) if rests[0] else np.asarray(1 - (1 - u) ** 2) if rests[1] else u


def spaced(x: Array, pieces: int, rests: Rests = (False, False)) -> Array:
    """The same curve by points at the :func:`marks` of its length, through a cubic spline."""
    from scipy.interpolate import CubicSpline

    wanted = marks(pieces, rests)
    for _ in range(PASSES):
        along = lengths_along(x)
        keep = np.concatenate([[True], np.diff(along) > 1e-14 * along[-1]])
        if keep.sum() < 4:
            return np.asarray([np.interp(wanted * along[-1], along, row) for row in x])
        inner = CubicSpline(along[keep], x[:, keep], axis=1)(wanted * along[-1])
        inner[:, 0], inner[:, -1] = x[:, 0], x[:, -1]
        x = inner
    return x


def tangents(x: Array) -> Array:
    """Unit tangents at the points (d, n + 1), by central differences."""
    t = np.empty_like(x)
    t[:, 1:-1] = x[:, 2:] - x[:, :-2]
    t[:, 0], t[:, -1] = x[:, 1] - x[:, 0], x[:, -1] - x[:, -2]
    return np.asarray(t / np.maximum(np.linalg.norm(t, axis=0), 1e-300))
