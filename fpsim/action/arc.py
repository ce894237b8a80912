"""A way of least action in its own time, from next to the fixed point that it leaves to next to the one it reaches:
what linear fluctuations about it need.

    (dx)'   ( H_px  H_pp ) (dx)
    (dp)  = (-H_xx -H_xp ) (dp)
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fpsim.action.curve import lengths_along
from fpsim.action.differences import differences
from fpsim.action.hamiltonian import Hamiltonian, pull

Array = NDArray[np.float64]
SHARE = 0.02  # of the way's length that is left out at either end
CROWD = 0.1  # how much nodes crowd there, where the way takes long


@dataclass(frozen=True)
class Arc:
    """Nodes along a way.

    Attributes:
        time: (n,) rising.
        x, p: (n, d).
        tangent, column: (n, d) the unit direction of x', and p' / |x'|.
        curvature, shear, bend: (n, d, d) H_xx, H_px and H_pp.
        lag: (n,) H_x . H_p.
    """

    time: Array
    x: Array
    p: Array
    tangent: Array
    column: Array
    curvature: Array
    shear: Array
    bend: Array
    lag: Array

    def __getitem__(self, keep: Any) -> Arc:
        """The same at some of the nodes."""
        return Arc(**{part.name: getattr(self, part.name)[keep] for part in fields(self)})


def arc(h: Hamiltonian, x: Array, nodes: int, lengths: tuple[float, ...]) -> Arc:
    """The arc of a way ``x`` (d, n) from one fixed point to another in an odd number of about ``nodes`` nodes."""
    time, y, p = _nodes(h, x, nodes)
    velocity, force = h.by_momentum(y, p), -h.by_place(y, p)
    speed = np.linalg.norm(velocity, axis=0)
    curvature, shear = second_derivatives(h, y, p, lengths)
    bend = np.ascontiguousarray(np.moveaxis(h.bend(y, p), -1, 0))
    lag = -(force * velocity).sum(axis=0)
    return Arc(time, y.T, p.T, (velocity / speed).T, (force / speed).T, curvature, shear, bend, lag)


def _nodes(h: Hamiltonian, x: Array, nodes: int) -> tuple[Array, Array, Array]:
    """Times (n,), points and momenta (d, n) without the two ends' shares of the length."""
    from scipy.interpolate import CubicSpline

    along = lengths_along(x)
    numbers = np.arange(x.shape[1], dtype=np.float64)  # in which the points are smooth also at the ends
    place = CubicSpline(numbers, x, axis=1)
    ends = np.interp([SHARE * along[-1], (1 - SHARE) * along[-1]], along, numbers)
    u = _closer_at_the_ends(float(ends[0]), float(ends[1]), x.shape[1] - 1, 2 * (nodes // 2) + 1)
    found = pull(h, np.asarray(place(u)), np.asarray(place(u, 1)))
    return np.asarray(CubicSpline(u, found.time).antiderivative()(u)), np.asarray(place(u)), found.momentum


def _closer_at_the_ends(low: float, high: float, last: int, nodes: int) -> Array:
    """Numbers from ``low`` to ``high``, evenly but for a share of them that halve the distance to 0 and ``last``."""
    fine = np.linspace(low, high, 50 * nodes)
    level = fine / last + CROWD * np.log(fine / (last - fine))
    found = np.interp(np.linspace(level[0], level[-1], nodes), level, fine)
    found[0], found[-1] = low, high
    return np.asarray(found)


def second_derivatives(h: Hamiltonian, x: Array, p: Array, lengths: tuple[float, ...]) -> tuple[Array, Array]:
    """H_xx and H_px at points, (n, d, d) each: the Hamiltonian's own, or by differences."""
    own = getattr(h, "second", None)
    if own is not None:
        curvature, shear = own(x, p)
        return np.asarray(curvature), np.asarray(shear)
    d, n = x.shape

    def force(y: Array) -> Array:
        """H_x at points (d, ..., n) and the momenta of the last axis."""
        many = y.reshape(d, -1)
        return h.by_place(many, np.tile(p, many.shape[1] // n)).reshape(y.shape)

    change = differences(force, x, lengths)
    curvature = np.moveaxis(change + np.swapaxes(change, 0, 1), -1, 0) / 2
    return np.ascontiguousarray(curvature), np.ascontiguousarray(np.moveaxis(h.shear(x, p), -1, 0))
