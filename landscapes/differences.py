"""Checked central differences: f'(x) = sum_k w_k [f(x + k h) - f(x - k h)] / h + O(h^6).

Derivatives of functions that come without them. The sixth-order formula is used on a ladder of steps, each a
quarter of the one before. The difference between neighbouring steps estimates the error, the pair with the
smallest estimate gives the answer, and an answer that is not finite or not accurate is an error.
Weights: B. Fornberg, Math. Comp. 51 (1988) 699, table 1.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

WEIGHTS = {
    1: (3 / 4, -3 / 20, 1 / 60),
    2: (3 / 2, -3 / 20, 1 / 90),
}
"""Sixth-order weights of f(x + k h) -+ f(x - k h), k = 1, 2, 3, by order of the derivative."""
LADDER = tuple(4.0**-k for k in range(1, 9))
"""Steps tried, as fractions of the length on which the function varies."""
TOLERANCE = 1e-6
"""Largest estimated error, relative to the function's change over a step divided by that step."""
ROUNDING = 64 * float(np.finfo(np.float64).eps)
"""Error always allowed, relative to the function's size: a flat function has no better derivative."""


def along(function: Callable[[Array], Array], x: Array, direction: Array, order: int, step: float) -> Array:
    """Return the sixth-order central difference of f along a direction.

    Args:
        function: maps x (d, ...) to values (..., ) or (m, ...).
        x: points (d, ...).
        direction: (d,) in the units of x.
        order: 1 or 2, the order of the derivative.
        step: the step h, in units of the direction's length.
    """
    ahead, behind, centre = _samples(function, x, direction, step)
    return _combined(ahead, behind, centre, order, step)


def derivatives(function: Callable[[Array], Array], x: Array, scale: tuple[float, ...] | None = None) -> Array:
    """Return the first derivatives (d, ...) of a scalar function, or (d, m, ...) of a function with m rows.

    Args:
        function: maps x (d, ...) to (...) or (m, ...).
        x: points (d, ...).
        scale: length per coordinate on which the function varies; max(1, abs(x)) over the points if None.

    Raises:
        ValueError: where a derivative is not finite or its estimated error is too large.
    """
    lengths = _lengths(x, scale)
    rows = [_checked(function, x, unit * lengths, 1) / lengths[i] for i, unit in enumerate(np.eye(len(x)))]
    return np.stack(rows)


def second_derivatives(function: Callable[[Array], Array], x: Array, scale: tuple[float, ...] | None = None) -> Array:
    """Return the matrix (d, d, ...) of second derivatives of a scalar function.

    Mixed derivatives by polarisation: 2 f_ij = f_(i+j)(i+j) - f_ii - f_jj along the sum of two axes.
    Arguments and errors are those of `derivatives`.
    """
    d = len(x)
    lengths = _lengths(x, scale)
    axes = np.eye(d) * lengths
    result = np.empty((d, d, *x.shape[1:]))
    pure = [_checked(function, x, axis, 2) for axis in axes]
    for i in range(d):
        result[i, i] = pure[i] / lengths[i] ** 2
        for j in range(i):
            mixed = _checked(function, x, axes[i] + axes[j], 2)
            result[i, j] = result[j, i] = (mixed - pure[i] - pure[j]) / (2 * lengths[i] * lengths[j])
    return result


def _lengths(x: Array, scale: tuple[float, ...] | None) -> Array:
    if scale is not None:
        return np.asarray(scale, dtype=np.float64)
    return np.asarray([max(1.0, float(np.max(np.abs(row), initial=0.0))) for row in x])


def _samples(function: Callable[[Array], Array], x: Array, direction: Array, step: float) -> tuple[Array, Array, Array]:
    """Return f at x + k h and x - k h, each with k = 1, 2, 3 along the first axis, and at x."""
    shift = step * direction.reshape((-1,) + (1,) * (x.ndim - 1))
    ahead = np.stack([function(x + k * shift) for k in (1, 2, 3)])
    behind = np.stack([function(x - k * shift) for k in (1, 2, 3)])
    return ahead, behind, np.asarray(function(x))


def _combined(ahead: Array, behind: Array, centre: Array, order: int, step: float) -> Array:
    change = ahead - behind if order == 1 else (ahead - centre) + (behind - centre)
    return np.asarray(np.tensordot(WEIGHTS[order], change, axes=1) / step**order)


def _checked(function: Callable[[Array], Array], x: Array, direction: Array, order: int) -> Array:
    """Return the best rung of the ladder at each point, or raise."""
    values, allowances = [], []
    with np.errstate(all="ignore"):  # steps may leave the function's domain; such rungs are not used
        for step in LADDER:
            ahead, behind, centre = _samples(function, x, direction, step)
            values.append(_combined(ahead, behind, centre, order, step))
            change = np.max(np.abs([ahead - centre, behind - centre]), axis=(0, 1)) / step
            allowances.append(TOLERANCE * np.maximum(np.abs(values[-1]), change) + ROUNDING * np.abs(centre))
        errors = np.abs(np.diff(values, axis=0))
        allowed = np.asarray(allowances[1:])
    errors = np.where(np.isfinite(errors) & np.isfinite(allowed), errors, np.inf)
    best = np.argmin(errors, axis=0)[np.newaxis]
    result, error, limit = (
        np.take_along_axis(table, best, axis=0)[0] for table in (np.asarray(values[1:]), errors, allowed)
    )
    if np.any(~(error <= limit)):
        _refuse(x, order, error, ~(error <= limit))
    return np.asarray(result)


def _refuse(x: Array, order: int, error: Array, bad: NDArray[np.bool_]) -> None:
    place = tuple(int(i) for i in np.argwhere(bad)[0])
    at: tuple[Any, ...] = (slice(None), *place[len(place) - (x.ndim - 1) :])  # after the axis of f's rows
    point = x[at]
    raise ValueError(
        f"The derivative of order {order} at x = {np.array2string(point, precision=6)} cannot be had from "
        f"differences (estimated error {error[place]:.1e}): the function is not smooth or not finite there; "
        "give the derivative as a function."
    )
