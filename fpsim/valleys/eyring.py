"""The Eyring-Kramers rate over a saddle, D = T I:  k = |lambda_1(b)| / (2 pi) sqrt(det H_a / |det H_b|) e^(-dL / T).

A. Bovier, M. Eckhoff, V. Gayrard, M. Klein, J. Eur. Math. Soc. 6 (2004) 399, theorem 3.2.  Its relative error is O(T);
how far the loss is from quadratic within a thermal width of both ends is its measure here.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fpsim.numbers import positive
from fpsim.valleys.curvature import Curvature
from fpsim.valleys.determinants import log_determinants
from landscapes.products import DENSE

Array = NDArray[np.float64]
RESOLVED, ROUNDING = 1e-6, 1e3
"""A step says something above this part of its point, and where it changes the loss by this multiple of rounding."""


def require_spectrum(landscape: Any) -> None:
    """Refuse dimensions in which the determinants of the rates are not at hand."""
    if landscape.dimension > DENSE:
        raise ValueError(
            f"rates need the determinants of both Hessians, which are formed up to {DENSE} dimensions; this landscape "
            f"has {landscape.dimension} (fpsim.passes gives those between two valleys)"
        )


def require_temperature(temperature: float) -> float:
    """A positive, finite number, or ``ValueError``."""
    return positive(temperature, "a temperature, the T of D = T I,")


def half_log_determinants(landscape: Any, minimum: Any, saddle: Any) -> tuple[float, float]:
    """(ln det H_a - ln |det H_b|) / 2 and its numerical error: of all curvatures, or beyond 500 of products alone.

    Along e the curvature of the saddle is turned to its modulus, so that both matrices are positive.
    """
    if landscape.dimension <= DENSE:
        bottom, top = np.asarray(minimum.eigenvalues), np.abs(saddle.eigenvalues)
        softness = float(np.sum(1 / bottom) + np.sum(1 / top)) / 2
        return float(np.sum(np.log(bottom)) - np.sum(np.log(top))) / 2, float(saddle.eigenvalue_error) * softness
    below, above = (Curvature(landscape, at.x, accuracy=1e-10) for at in (minimum, saddle))
    e, turn = saddle.direction, -2 * float(saddle.curvature)
    found = log_determinants(below.product, lambda v: above.product(v) + turn * (e @ v) * e, landscape.dimension)
    return found.value / 2, found.error / 2


def log_rate(landscape: Any, minimum: Any, saddle: Any, temperature: float) -> tuple[float, float]:
    """ln k from a minimum over a saddle, and its numerical error; ``ValueError`` where no float holds it."""
    determinants, off = half_log_determinants(landscape, minimum, saddle)
    up = -float(saddle.eigenvalues[0])
    error = off + 2 * float(saddle.loss_error) / temperature + float(saddle.eigenvalue_error) / up
    climb = float(saddle.loss - minimum.loss) / temperature
    if not math.isfinite(climb):
        raise ValueError(f"barrier / T is {climb:g} at T = {temperature:g}, which no float holds; ask at more noise")
    return math.log(up / (2 * math.pi)) + determinants - climb, error


def anharmonicity(landscape: Any, points: Sequence[Any], temperature: float) -> float:
    """How far, in noise units, the loss is from quadratic a thermal width away from some points: the sum of theirs.

    Along all modes; along the softest ones where only these are known.
    """
    return sum(off_quadratic(landscape.loss, at.x, *Curvature(landscape, at.x).modes, temperature) for at in points)


def off_quadratic(loss: Any, x: Array, values: Array, vectors: Array, level: float) -> float:
    """How far a loss is from quadratic a thermal width (level / |value|)^1/2 from x (d,) along its modes, over level.

    Where the width is lost in rounding, it is told from a wider one: it shrinks like the width, at least.
    """
    eps, bottom = float(np.finfo(float).eps), float(np.asarray(loss(x[:, None]))[0])
    moves = 2 * eps * np.random.default_rng(0).integers(-1, 2, (len(x), 16))
    scatter = float(np.abs(np.asarray(loss(x[:, None] * (1 + moves))) - bottom).max()) + 4 * eps * abs(bottom)
    seen = np.maximum(level, np.maximum(np.abs(values) * (RESOLVED * np.abs(x).max()) ** 2, ROUNDING * scatter))
    steps = vectors * np.sqrt(seen / np.abs(values))
    change = np.asarray(loss(x[:, None] + np.concatenate([steps, -steps], axis=1))) - bottom
    off = np.abs(change / np.tile(seen, 2) - np.tile(np.sign(values), 2) / 2)
    return float(np.max(off * np.tile(np.sqrt(level / seen), 2)))
