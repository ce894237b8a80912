"""Newton's method for grad L(x) = 0 from many starts at once: x <- x - H(x)^-1 grad L(x).

With |H| (absolute eigenvalues) in place of H the step always leads downhill, so that only minima attract
(Y. Dauphin et al., NIPS 2014, arXiv 1406.2572).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from landscapes.critical.asked import Array, HasSlope

if TYPE_CHECKING:
    from landscapes.field import Bounds


ITERATIONS = 80
LONGEST_STEP = 0.05
"""Steps are cut to this part of the box, so that a flat place throws no point across it."""
CONVERGED = 1e-10
"""A point counts as found when the last full step is below this part of the box."""


def newton(landscape: HasSlope, starts: Array, bounds: Bounds, downhill: bool = False) -> Array:
    """Return the converged end points, shape (d, k), of Newton's method in a box.

    Args:
        landscape: the loss.
        starts: starting points (d, n).
        bounds: the box; points are kept inside it, and those that press against its walls do not converge.
        downhill: use |H|, to find minima only.
    """
    low, high = np.array(bounds).T[:, :, np.newaxis]
    width = high - low
    x = np.clip(starts, low, high)
    active = np.arange(x.shape[1])
    converged = np.zeros(x.shape[1], dtype=bool)
    for _ in range(ITERATIONS):
        if active.size == 0:
            break
        step = _full_step(landscape, x[:, active], downhill)
        close = np.all(np.abs(step) <= CONVERGED * width, axis=0)
        shrink = np.minimum(1.0, LONGEST_STEP / np.maximum(np.max(np.abs(step) / width, axis=0), 1e-300))
        x[:, active] = np.clip(x[:, active] - shrink * step, low, high)
        converged[active[close]] = True
        active = active[~close]
    return x[:, converged]


def _full_step(landscape: HasSlope, x: Array, downhill: bool) -> Array:
    """Return H^-1 grad L, with vanishing curvatures raised to the rounding error of the largest one."""
    gradient = landscape.gradient(x)
    values, vectors = np.linalg.eigh(np.moveaxis(landscape.hessian(x), -1, 0))
    smallest = 1e-14 * np.max(np.abs(values), axis=1, keepdims=True) + 1e-300
    if downhill:
        values = np.abs(values)
    along = np.einsum("nji,jn->ni", vectors, gradient)
    scaled = along / np.where(np.abs(values) > smallest, values, np.copysign(smallest, values))
    return np.asarray(np.einsum("nij,nj->in", vectors, np.clip(scaled, -1e150, 1e150)))


def unique_points(points: Array, width: Array) -> Array:
    """Return one of each cluster of points closer than 1e-7 of the box; shape (d, k)."""
    kept: list[Array] = []
    while points.shape[1]:
        first = points[:, :1]
        kept.append(points[:, 0])
        points = points[:, np.any(np.abs(points - first) > 1e-7 * width[:, np.newaxis], axis=0)]
    return np.array(kept).T if kept else points
