"""Products with the Hessian, v -> Hess L(x) v, by differences of the gradient.

A product costs six gradients, H v = d/dt grad L(x + t v) (sixth order, :mod:`landscapes.differences`), or roughly two,
where no matrix is known or worth forming.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from landscapes.differences import along
from landscapes.evaluation import PlainFunctions

if TYPE_CHECKING:
    from scipy.sparse.linalg import LinearOperator

Array = NDArray[np.float64]
DENSE = 500
"""Dimensions up to which the Hessian is formed, once for all products at a point."""
LINEAR, RUN = 0.1, 4
"""A gradient is linear where quotients over a step and its double differ by less, for so many doublings."""
NOWHERE = 2.0**-80
"""Coordinates this small are those of the origin, as Newton's method leaves them, and tell no length."""
SHARE = 1 / 16
"""Step of a difference, in lengths to which the gradient is linear."""


def length_along(gradient: Callable[[Array], Array], x: Array, v: Array) -> float:
    """The length, in units of |v|, to which a gradient stays linear from x (d,) along v (d,), within `LINEAR`.

    Difference quotients over steps that double are looked at from small to large: where they first settle, over a
    factor of 16, the end of that is the length. A gradient that is linear for ever has no length but that of x.
    """
    size = float(np.max(np.abs(x), initial=0.0))
    anchor, nowhere = (size, False) if size > NOWHERE else (1.0, True)
    before, run = None, 0
    for step in anchor * np.exp2(np.arange(-80.0 if nowhere else -26.0, 60.0)):
        try:
            with np.errstate(all="ignore"):
                ahead, here = gradient(x[:, None] + v[:, None] * (step * np.array([[1.0, 0.0]]))).T
            quotient = (ahead - here) / step
        except (ArithmeticError, ValueError):  # out of the function's domain
            quotient = np.full_like(x, np.nan)
        if before is not None:
            size = max(float(np.linalg.norm(quotient)), float(np.linalg.norm(before)))
            if float(np.linalg.norm(quotient - before)) <= LINEAR * size and size > 0:
                run += 1
            elif run >= RUN:
                return float(step / 2)
            else:
                run = 0
        before = quotient
    return anchor


def with_length(landscape: Any, length: float) -> Any:
    """The same landscape, where its gradient comes from differences and it has no box: these step below a length."""
    if not landscape.is_differenced or landscape.bounds is not None:
        return landscape
    new = copy.copy(landscape)
    new.__dict__["_functions"] = replace(landscape._functions, scale=(length,) * landscape.dimension)
    return new


def hessian_operator(landscape: Any, x: Array, rough: bool = False) -> LinearOperator:
    """v -> Hess L(x) v at x (d,) as a symmetric scipy operator; the public call is ``Landscape.hessian_operator``.

    ``rough``: products of two gradients in place of six, right to some 1e-4, for searches.
    """
    from scipy.sparse.linalg import LinearOperator, aslinearoperator

    d, functions = landscape.dimension, landscape._functions
    plain = isinstance(functions, PlainFunctions)
    if (d <= DENSE and not (plain and _slope_alone(functions))) or (plain and functions.curvature_function is not None):
        matrix = np.asarray(landscape.hessian(x))
        return aslinearoperator((matrix + matrix.T) / 2)
    probe = np.random.default_rng(0).standard_normal(d)
    step = SHARE * length_along(landscape.gradient, x, probe / np.linalg.norm(probe)) / d**0.5  # as short along an axis
    if d <= DENSE:
        columns = along(landscape.gradient, np.repeat(x[:, None], d, axis=1), np.eye(d), 1, step)
        return aslinearoperator((columns + columns.T) / 2)

    def product(v: Array) -> Array:
        """H v (d,) by differences of gradients along v (d,)."""
        flat = np.asarray(v, dtype=np.float64).reshape(d)
        size = float(np.linalg.norm(flat))
        if size == 0:
            return np.zeros(d)
        if not rough:
            return size * along(landscape.gradient, x, flat / size, 1, step)
        ends = x[:, None] + flat[:, None] * (step / size * np.array([[1.0, -1.0]]))
        ahead, behind = np.asarray(landscape.gradient(ends)).T
        return np.asarray(size / (2 * step) * (ahead - behind))

    return LinearOperator((d, d), matvec=product, rmatvec=product, dtype=np.float64)


def _slope_alone(functions: PlainFunctions) -> bool:
    """Whether there is a gradient and no Hessian."""
    return functions.slope_function is not None and functions.curvature_function is None
