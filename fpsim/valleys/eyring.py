"""The Eyring-Kramers rate over a saddle, D = T I:  k = |lambda_1(b)| / (2 pi) sqrt(det H_a / |det H_b|) e^(-dL / T).

A. Bovier, M. Eckhoff, V. Gayrard, M. Klein, J. Eur. Math. Soc. 6 (2004) 399, theorem 3.2.  Its relative error is O(T);
how far the loss is from quadratic within a thermal width of both ends is its measure here.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from landscapes.products import DENSE

Array = NDArray[np.float64]


def require_spectrum(landscape: Any) -> None:
    """Refuse dimensions in which the determinants of the rates are not at hand."""
    if landscape.dimension > DENSE:
        raise ValueError(
            f"rates need the determinants of both Hessians, which are formed up to {DENSE} dimensions; this landscape "
            f"has {landscape.dimension} (saddle and string give its barriers)"
        )


def require_temperature(temperature: float) -> float:
    """A positive, finite number."""
    if not (np.isfinite(temperature) and temperature > 0):
        raise ValueError(f"a temperature is a positive number, the T of D = T I; got {temperature!r}")
    return float(temperature)


def log_rate(minimum: Any, saddle: Any, temperature: float) -> float:
    """ln k from a minimum over a saddle (fields ``loss`` and ``eigenvalues``, all of them)."""
    bottom, top = np.asarray(minimum.eigenvalues), np.abs(saddle.eigenvalues)
    determinants = float(np.sum(np.log(bottom)) - np.sum(np.log(top))) / 2
    return math.log(top[0] / (2 * math.pi)) + determinants - float(saddle.loss - minimum.loss) / temperature


def log_rate_error(minimum: Any, saddle: Any, temperature: float) -> float:
    """Numerical error of :func:`log_rate`: of both losses, and of all curvatures to first order."""
    bottom, top = np.asarray(minimum.eigenvalues), np.abs(saddle.eigenvalues)
    softness = float(np.sum(1 / bottom) / 2 + np.sum(1 / top) / 2 + 1 / top[0])
    return 2 * float(saddle.loss_error) / temperature + float(saddle.eigenvalue_error) * softness


def anharmonicity(landscape: Any, points: Any, temperature: float) -> float:
    """How far, in noise units, the loss is from quadratic a thermal width away from some points: the sum of theirs."""
    total = 0.0
    for point in points:
        values, vectors = np.linalg.eigh(np.asarray(landscape.hessian(point.x)))
        steps = vectors * np.sqrt(temperature / np.abs(values))
        around = point.x[:, None] + np.concatenate([steps, -steps], axis=1)
        change = np.asarray(landscape.loss(around)) - float(landscape.loss(point.x))
        total += float(np.max(np.abs(change / temperature - np.tile(np.sign(values), 2) / 2)))
    return total
