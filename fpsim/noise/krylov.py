"""sqrt(2 D) z and n . D n for D = f(H) of a Hessian that is known by its products with vectors only.

Lanczos' method from z: H Q = Q T + rest with orthonormal Q (d, k) and tridiagonal T, and

    f(H) z ~ |z| Q f(T) e_1,       z . f(H) z ~ |z|^2 (e_1 . f(T) e_1),

exact for k = d, and before that as soon as f is resolved on the spectrum (Higham, "Functions of Matrices", 2008,
section 13.2).  |lambda| has a kink at zero, where networks have many eigenvalues, so that this is asked for, not
assumed: steps are added until the answer changes by less than `TOLERANCE` of its length.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fpsim.noise.examples import by_point
from fpsim.noise.kicks import Kicks

Array = NDArray[np.float64]
TOLERANCE = 1e-3
"""Relative change between two looks below which a kick is taken; its error was measured to be about as large."""
LOOK = 8
"""Steps between two looks at the answer, or an eighth of all, which cost an eigenproblem each."""
MOST = 400
"""Products with the Hessian for one kick, after which it is refused."""


def kicks_by_products(landscape: Any, level: Callable[[Array], Array], frozen: Array | None = None) -> Kicks:
    """Kicks of D = level(H) where a landscape has ``hessian_vector``; H at x, or at a ``frozen`` point (d,)."""

    def each(function: Callable[..., Any], x: Array, v: Array) -> Array:
        def one(point: Array, vector: Array) -> Any:
            place = point if frozen is None else frozen
            return function(lambda u: landscape.hessian_vector(place, u), vector)

        return by_point(one, x, v)

    def kick(x: Array, z: Array) -> Array:
        return each(lambda product, v: applied(product, lambda h: np.sqrt(2 * level(h)), v), x, z)

    def along(x: Array, n: Array) -> Array:
        return each(lambda product, v: form(product, level, v), x, n)

    return Kicks(landscape.dimension, kick, along)


def applied(product: Callable[[Array], Array], function: Callable[[Array], Array], z: Array) -> Array:
    """f(H) z for z (d,), shape (d,); ``product`` is v -> H v.

    Raises:
        ValueError: if it has not converged after `MOST` products.
    """

    def answer(basis: Array, first: Array) -> Array:
        return np.asarray(first @ basis)

    return _converged(product, function, z, answer)


def form(product: Callable[[Array], Array], function: Callable[[Array], Array], n: Array) -> float:
    """n . f(H) n for n (d,).

    Raises:
        ValueError: if it has not converged after `MOST` products.
    """
    length = float(np.linalg.norm(n))
    return length * float(_converged(product, function, n, lambda basis, first: first[:1])[0])


def _converged(
    product: Callable[[Array], Array],
    function: Callable[[Array], Array],
    z: Array,
    answer: Callable[[Array, Array], Array],
) -> Array:
    from scipy.linalg import eigh_tridiagonal

    d, size = len(z), float(np.linalg.norm(z))
    if size == 0:
        return answer(np.zeros((1, d)), np.zeros(1))
    most = min(d, MOST)
    basis, diagonal, beside = np.zeros((most, d)), np.zeros(most), np.zeros(most)
    basis[0], found, look = z / size, None, LOOK
    for k in range(1, most + 1):
        v = np.asarray(product(basis[k - 1]), dtype=np.float64)
        diagonal[k - 1], scale = basis[k - 1] @ v, float(np.linalg.norm(v))
        for _ in range(2):  # twice is enough (Giraud, Langou, Rozloznik 2005)
            v = v - basis[:k].T @ (basis[:k] @ v)
        beside[k - 1] = np.linalg.norm(v)
        ended = k == d or beside[k - 1] <= 1e-13 * max(scale, float(np.abs(diagonal[:k]).max()))
        if ended or k == look:
            look += max(LOOK, k // 8)
            values, vectors = eigh_tridiagonal(diagonal[:k], beside[: k - 1])
            first = size * (vectors @ (function(np.asarray(values, dtype=np.float64)) * vectors[0]))
            new = answer(basis[:k], np.asarray(first, dtype=np.float64))
            if ended or (found is not None and np.linalg.norm(new - found) <= TOLERANCE * np.linalg.norm(new)):
                return new
            found = new
        if k < most:
            basis[k] = v / beside[k - 1]
    raise ValueError(
        f"the kick sqrt(2 D) z of a noise shaped like |H| had not converged to {TOLERANCE:g} after {most} products "
        "with the Hessian; a larger floor smooths it, GradientNoise of the same landscape needs one product"
    )
