"""Zeros of the curvature on a line, where |L''| has kinks:  L''(x) = 0."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from landscapes.kinds import HasDrift
from landscapes.roots import bracketed

Array = NDArray[np.float64]


def inflections(landscape: HasDrift, low: float, high: float, samples: int = 4001) -> Array:
    """Zeros of the curvature of a 1-D landscape (or of its drift's derivative) in (low, high), in order."""
    x = np.linspace(low, high, samples)

    def curvature(points: Array) -> Array:
        return np.asarray(-landscape.jacobian(points[None])[0, 0], dtype=np.float64)

    values = curvature(x)
    change = np.flatnonzero(values[:-1] * values[1:] < 0)
    found = bracketed(curvature, x[change], x[change + 1]).x if change.size else np.empty(0)
    return np.union1d(found, x[1:-1][values[1:-1] == 0])
