"""Zeros of the curvature on a line, where |L''| has kinks:  L''(x) = 0."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from landscapes.kinds import HasDrift

Array = NDArray[np.float64]


def inflections(landscape: HasDrift, low: float, high: float, samples: int = 4001) -> Array:
    """Zeros of the curvature of a 1-D landscape (or of its drift's derivative) in (low, high), in order."""
    x = np.linspace(low, high, samples)

    def curvature(points: Array) -> Array:
        return np.asarray(-landscape.jacobian(points[None])[0, 0], dtype=np.float64)

    values = curvature(x)
    change = np.flatnonzero(values[:-1] * values[1:] < 0)
    left, right = x[change], x[change + 1]
    sign = np.sign(values[change])
    for _ in range(60 if change.size else 0):
        middle = (left + right) / 2
        ahead = curvature(middle) * sign > 0
        left, right = np.where(ahead, middle, left), np.where(ahead, right, middle)
    return np.union1d((left + right) / 2, x[1:-1][values[1:-1] == 0])
