"""Checked central differences: f'(x) = sum_k w_k [f(x + k h) - f(x - k h)] / h + O(h^6).

Derivatives of functions that come without them. The sixth-order formula is used on a ladder of steps, each a
quarter of the one before. The difference between neighbouring steps estimates the error, the pair with the
smallest estimate gives the answer, and an answer that is not finite or not accurate is an error.

No length is absolute: without a scale the ladder is hung where f itself says, at the step of least error among those
at which its differences, coming from small steps, first settle.
Weights: B. Fornberg, Math. Comp. 51 (1988) 699, table 1.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

WEIGHTS = {1: (3 / 4, -3 / 20, 1 / 60), 2: (3 / 2, -3 / 20, 1 / 90)}
"""Sixth-order weights of f(x + k h) -+ f(x - k h), k = 1, 2, 3, by order of the derivative."""
LADDER = tuple(4.0**-k for k in range(1, 9))
"""Steps tried, as fractions of the length on which the function varies."""
TOLERANCE = 1e-6
"""Largest estimated error, relative to the function's change over a step divided by that step."""
EPS = float(np.finfo(np.float64).eps)
ROUNDING = 64 * EPS
"""Error always allowed, relative to the function's size: a flat function has no better derivative."""
SIGHT = np.exp2(np.arange(-120.0, 121.0, 2.0))
"""Steps tried to find the length on which a function varies: 36 powers of ten up and down."""
NEAR = slice(52, 63)
"""Those of them that are tried first, around the points' own size."""
SAMPLE = 4
"""Points of a batch that are asked for that length; the ladder reaches four powers of ten below it."""


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
        scale: length per coordinate on which the function varies; found from the function if None.

    Raises:
        ValueError: where a derivative is not finite or its estimated error is too large.
    """
    lengths = _lengths(function, x, scale, 1)
    return np.stack([_checked(function, x, lengths, (i,), 1) for i in range(len(x))])


def second_derivatives(function: Callable[[Array], Array], x: Array, scale: tuple[float, ...] | None = None) -> Array:
    """Return the matrix (d, d, ...) of second derivatives of a scalar function.

    Mixed derivatives by polarisation: 2 f_ij = f_(i+j)(i+j) - f_ii - f_jj along the sum of two axes.
    Arguments and errors are those of `derivatives`.
    """
    d = len(x)
    lengths = _lengths(function, x, scale, 2)
    result = np.empty((d, d, *x.shape[1:]))
    pure = [_checked(function, x, lengths, (i,), 2) for i in range(d)]
    for i in range(d):
        result[i, i] = pure[i]
        for j in range(i):
            mixed = _checked(function, x, lengths, (i, j), 2)
            change = mixed - pure[i] * lengths[i] ** 2 - pure[j] * lengths[j] ** 2
            result[i, j] = result[j, i] = change / (2 * lengths[i] * lengths[j])
    return result


def _lengths(function: Callable[[Array], Array], x: Array, scale: tuple[float, ...] | None, order: int) -> Array:
    """Length per coordinate (d,) on which f varies: the one given, or the longest that some of the points see."""
    if scale is not None:
        return np.asarray(scale, dtype=np.float64)
    points = x.reshape(len(x), -1)
    some = points[:, np.unique(np.linspace(0, points.shape[1] - 1, SAMPLE).astype(int))] if points.size else points
    return np.asarray([np.max(natural_length(function, some, i, order), initial=0.0) or 1.0 for i in range(len(x))])


def natural_length(function: Callable[[Array], Array], x: Array, axis: int, order: int = 1) -> Array:
    """Return the length (n,) on which f varies along an axis at points (d, n); where f is flat, that of the points.

    It is 16 times the step of least estimated error within the first run of steps at which differences settle.
    """
    anchor = float(np.max(np.abs(x[axis]), initial=0.0))
    if anchor > 0:
        found, inside = _settling(function, x, axis, order, anchor * SIGHT[NEAR])
        if inside:
            return found
    anchor = anchor or float(np.max(np.abs(x), initial=0.0)) or 1.0
    found, _ = _settling(function, x, axis, order, anchor * SIGHT)
    return np.where(np.isfinite(found), found, anchor)


def _settling(function: Callable[[Array], Array], x: Array, axis: int, order: int, steps: Array) -> tuple[Array, bool]:
    """16 times the best step at each point (NaN for none), and whether it is none of the first and last for any."""
    direction = np.zeros((len(x), 1))
    direction[axis] = 1.0
    with np.errstate(all="ignore"):
        tables = [_estimates(function, x, direction, order, step) for step in steps]
        values, rounding, changes = (np.stack([table[k] for table in tables]) for k in range(3))  # (steps, rows, n)
        errors = np.abs(np.diff(values, axis=0)) + rounding[1:]
        sizes = np.maximum(np.abs(values[1:]), changes[1:])
        silent = changes[1:] <= 16 * rounding[1:]  # rows that do not see the step decide nothing
        settled = np.all(silent | (errors <= TOLERANCE * sizes), axis=1) & ~np.all(silent, axis=1)
        seen = ~np.all(silent, axis=0)
    best = [_first_run(settled[:, k], errors[:, seen[:, k], k]) for k in range(x.shape[1])]
    inside = all(0 < k < len(steps) - 2 for k in best)
    return np.asarray([16 * steps[1:][k] if k >= 0 else np.nan for k in best]), inside


def _first_run(settled: NDArray[np.bool_], errors: Array) -> int:
    """The step of least error (steps, rows) in the first run of at least two settled steps; -1 if there is none.

    Rows differ in units: each is measured against its own least error, and the worst of them counts.
    """
    pairs = settled[:-1] & settled[1:]
    if not pairs.any():
        return -1
    first = int(np.argmax(pairs))
    run = errors[first : first + int(np.argmin(np.append(settled[first:], False)))]
    return first + int(np.argmin(np.max(run / np.maximum(run.min(axis=0), 1e-300), axis=1)))


def _estimates(
    function: Callable[[Array], Array], x: Array, direction: Array, order: int, step: float
) -> tuple[Array, Array, Array]:
    """Derivative, its rounding error and the change of f over a step, each (rows, n), NaN where f refuses."""
    try:
        ahead, behind, centre = _samples(function, x, direction, step)
    except (ArithmeticError, ValueError):  # out of the function's domain
        nothing = np.full((1, x.shape[1]), np.nan)
        return nothing, nothing, nothing
    ahead, behind, centre = (
        a.reshape(*a.shape[: a.ndim - centre.ndim], -1, x.shape[1]) for a in (ahead, behind, centre)
    )
    size = np.max(np.abs([ahead, behind]), axis=(0, 1)) + np.abs(centre)
    change = np.max(np.abs([ahead - centre, behind - centre]), axis=(0, 1))
    return _combined(ahead, behind, centre, order, step), 4 * EPS * size / step**order, change / step**order


def _samples(function: Callable[[Array], Array], x: Array, direction: Array, step: float) -> tuple[Array, Array, Array]:
    """Return f at x + k h and x - k h, each with k = 1, 2, 3 along the first axis, and at x."""
    shift = step * direction.reshape(direction.shape + (1,) * (x.ndim - direction.ndim))
    ahead = np.stack([function(x + k * shift) for k in (1, 2, 3)])
    behind = np.stack([function(x - k * shift) for k in (1, 2, 3)])
    return ahead, behind, np.asarray(function(x))


def _combined(ahead: Array, behind: Array, centre: Array, order: int, step: float) -> Array:
    change = ahead - behind if order == 1 else (ahead - centre) + (behind - centre)
    return np.asarray(np.tensordot(WEIGHTS[order], change, axes=1) / step**order)


def _checked(function: Callable[[Array], Array], x: Array, lengths: Array, axes: tuple[int, ...], order: int) -> Array:
    """Return the best rung of the ladder at each point, or raise; one axis: per length, two: along their sum."""
    direction = np.zeros(len(x))
    direction[list(axes)] = lengths[list(axes)]
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
    return np.asarray(result if len(axes) > 1 else result / lengths[axes[0]] ** order)


def _refuse(x: Array, order: int, error: Array, bad: NDArray[np.bool_]) -> None:
    place = tuple(int(i) for i in np.argwhere(bad)[0])
    at: tuple[Any, ...] = (slice(None), *place[len(place) - (x.ndim - 1) :])  # after the axis of f's rows
    shown = np.array2string(x[at], precision=6)
    if not np.isfinite(error[place]):
        raise ValueError(
            f"The derivative of order {order} at x = {shown} cannot be had from differences: the function is not "
            "finite there or beside it; keep start and walls within its domain, or give a formula, which knows it."
        )
    raise ValueError(
        f"The derivative of order {order} at x = {shown} cannot be had from "
        f"differences (estimated error {error[place]:.1e}): the function is not smooth there; "
        "give the derivative as a function."
    )
