"""Functions known on a rectangular grid of the plane: tensor products of quintic splines, a family on one grid,

    s_j(x, y) = sum_ab c_abj B_a(x) B_b(y),

with exact derivatives.  Beyond the edges, at (x, y) = p + (u, v) with p the nearest point of the grid, each goes on as

    s_j(p) + u s_x(p) + v s_y(p) + u v s_xy(p) + wall (u^2 + v^2)/2,

which has one continuous derivative everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
DEGREE = 5


@dataclass(frozen=True, eq=False)
class Surfaces:
    """A family of tensor-product splines.

    Attributes:
        knots: of x and of y.
        coefficients: (a, b, m).
        box: ((low, high), (low, high)) of the grid.
        wall: curvature that is added beyond it.
    """

    knots: tuple[Array, Array]
    coefficients: Array
    box: tuple[tuple[float, float], tuple[float, float]]
    wall: float

    @classmethod
    def through(cls, x: Array, y: Array, values: Array, wall: float) -> Surfaces:
        """Interpolants of values (nx, ny, m) at nodes x (nx,) and y (ny,), with not-a-knot ends."""
        from scipy.interpolate import make_interp_spline

        first = make_interp_spline(x, values, k=DEGREE, axis=0)
        second = make_interp_spline(y, first.c, k=DEGREE, axis=1)  # its coefficients come with y in front
        ends = (float(x[0]), float(x[-1])), (float(y[0]), float(y[-1]))
        return cls((first.t, second.t), np.moveaxis(second.c, 0, 1), ends, wall)

    @cached_property
    def mean(self) -> Surfaces:
        """The mean of the family, as a family of one."""
        return Surfaces(self.knots, self.coefficients.mean(axis=-1, keepdims=True), self.box, self.wall)

    def values(self, x: Array) -> Array:
        """The functions at x (2, n), shape (m, n)."""
        p, (u, v) = self._inside(x)
        flat = self._at(p, 0, 0) + u * self._at(p, 1, 0) + v * self._at(p, 0, 1)
        return flat + u * v * self._at(p, 1, 1) + self.wall / 2 * (u**2 + v**2)

    def gradients(self, x: Array, rows: NDArray[np.int64] | None = None) -> Array:
        """Gradients at x (2, n), shape (m, 2, n); of ``rows`` (k, n) only, of its own for each point, (k, 2, n)."""
        p, (u, v) = self._inside(x)
        twist = self._at(p, 1, 1, rows)
        along_x = self._at(p, 1, 0, rows) + v * twist + self.wall * u
        along_y = self._at(p, 0, 1, rows) + u * twist + self.wall * v
        return np.stack([along_x, along_y], axis=1)

    def hessians(self, x: Array) -> Array:
        """Second derivatives at x (2, n), shape (m, 2, 2, n)."""
        p, (u, v) = self._inside(x)
        xx = np.where(u == 0, self._at(p, 2, 0) + v * self._at(p, 2, 1), self.wall)
        yy = np.where(v == 0, self._at(p, 0, 2) + u * self._at(p, 1, 2), self.wall)
        xy = self._at(p, 1, 1)
        return np.stack([np.stack([xx, xy], axis=1), np.stack([xy, yy], axis=1)], axis=1)

    def _inside(self, x: Array) -> tuple[Array, Array]:
        """The nearest points of the grid's box, and how far beyond the points lie."""
        low, high = np.array(self.box).T[:, :, None]
        nearest = np.clip(x, low, high)
        return nearest, x - nearest

    @cached_property
    def _splines(self) -> Any:
        from scipy.interpolate import NdBSpline

        return NdBSpline(self.knots, np.ascontiguousarray(self.coefficients), DEGREE)

    def _at(self, p: Array, nu: int, mu: int, rows: NDArray[np.int64] | None = None) -> Array:
        """Partial derivatives of order (nu, mu) at p (2, n) within the box, shape (m, n) or that of ``rows``."""
        if rows is None:
            return np.ascontiguousarray(self._splines(p.T, nu=(nu, mu)).T)
        (a, across), (b, up) = (_basis(t, q, k) for t, q, k in zip(self.knots, p, (nu, mu), strict=True))
        local = self.coefficients[a[:, :, None, None], b[:, None, :, None], rows.T[:, None, None, :]]
        return np.asarray(np.einsum("na,nb,nabk->kn", across, up, local, optimize=True))


def _basis(knots: Array, x: Array, derivative: int) -> tuple[NDArray[np.int64], Array]:
    """The numbers (n, 6) of the splines that do not vanish at x (n,), and their derivatives there."""
    from scipy.interpolate import BSpline

    count = len(knots) - DEGREE - 1
    cell = np.clip(np.searchsorted(knots, x, side="right") - 1, DEGREE, count - 1)
    numbers = cell[:, None] + np.arange(-DEGREE, 1)
    every = BSpline(knots, np.eye(count), DEGREE)(x, nu=derivative)
    return numbers, np.take_along_axis(every, numbers, axis=1)
