"""Derivatives by fourth-order differences of functions that take many points at once."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
STEP = 1e-3  # of differences, in the lengths given
AT_ONCE = 4_000_000  # numbers in a difference's matrices that are held at once
OFFSETS = ((1 / 12, -2), (-2 / 3, -1), (2 / 3, 1), (-1 / 12, 2))  # fourth-order weights of a first derivative


def differences(function: Callable[[Array], Array], x: Array, lengths: tuple[float, ...]) -> Array:
    """The derivatives (d, ..., n) of a function of x (d, n) by every coordinate, to fourth order.

    The function is asked for points (d, 4 k, n), as many coordinates k at once as fit into memory.
    """
    d, n = x.shape
    weights, offsets = (np.array(part) for part in zip(*OFFSETS, strict=True))
    at_once, parts = max(1, AT_ONCE // (4 * d * d * n)), []
    for first in range(0, d, at_once):
        chosen = np.arange(first, min(first + at_once, d))
        points = np.repeat(x[:, None], 4 * chosen.size, axis=1).reshape(d, chosen.size, 4, n)
        steps = STEP * np.array(lengths)[chosen]
        points[chosen, np.arange(chosen.size)] += (steps[:, None] * offsets)[..., None]
        values = np.asarray(function(points.reshape(d, -1, n)))
        values = values.reshape(*values.shape[:-2], chosen.size, 4, n)
        total = np.einsum("...ikn,k->i...n", values, weights)
        parts.append(total / steps.reshape(-1, *(1,) * (total.ndim - 1)))
    return np.concatenate(parts)
