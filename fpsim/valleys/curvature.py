"""The Hessian H at a point as searches ask for it: lowest modes, solves, steps inside a trust region.

A matrix up to `landscapes.products.DENSE` dimensions; beyond, products v -> H v only, with the lowest modes by Lanczos'
method (R. Lehoucq, D. Sorensen, C. Yang, ARPACK Users' Guide, 1998) and solves by conjugate gradients, which meet
negative curvature themselves (T. Steihaug, SIAM J. Numer. Anal. 20 (1983) 626).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fpsim.valleys.patience import look_at_the_clock
from landscapes.differences import along
from landscapes.field import in_words
from landscapes.products import DENSE

Array = NDArray[np.float64]
LOWEST = 4
"""Modes that are worked out where the Hessian is known by products only."""
ROUGH = 1e-6
"""Accuracy above which products may be rough."""
VECTORS, ROOM = 80, 10_000_000
"""Lanczos' vectors that are kept from restart to restart, and how many numbers they may hold."""
SEED = 1


class Curvature:
    """Hess L at x (d,).

    Args:
        landscape: the loss.
        x: the point.
        guess: a direction (d,) that Lanczos' method starts from.
        accuracy: relative accuracy of modes by products, and of these.

    Raises:
        ValueError: where it is not finite.
    """

    def __init__(self, landscape: Any, x: Array, guess: Array | None = None, accuracy: float = 1e-3) -> None:
        self.landscape, self.x, self.guess, self.accuracy = landscape, x, guess, accuracy
        look_at_the_clock()
        self.operator = landscape.hessian_operator(x, rough=accuracy > ROUGH)
        dense = landscape.dimension <= DENSE
        with np.errstate(invalid="ignore"):
            self.matrix: Array | None = self.operator @ np.eye(landscape.dimension) if dense else None
        if self.matrix is not None and not np.isfinite(self.matrix).all():
            raise ValueError(f"the curvature of {landscape.name} at {in_words(x)} is not finite")

    def product(self, v: Array) -> Array:
        """H v."""
        if self.matrix is not None:
            return np.asarray(self.matrix @ v)
        look_at_the_clock()
        return np.asarray(self.operator @ v)

    @cached_property
    def modes(self) -> tuple[Array, Array]:
        """Eigenvalues, ascending, and eigenvectors as columns: all of them, or the lowest few."""
        if self.matrix is not None:
            values, vectors = np.linalg.eigh(self.matrix)
            return values, vectors
        from scipy.sparse.linalg import ArpackNoConvergence, eigsh

        d = len(self.x)
        start = np.random.default_rng(SEED).standard_normal(d)
        if self.guess is not None:
            start = self.guess + 0.1 * np.linalg.norm(self.guess) * start / np.linalg.norm(start)
        try:
            kept = max(20, min(VECTORS, ROOM // d))
            values, vectors = eigsh(
                self.operator, k=LOWEST, which="SA", v0=start, tol=self.accuracy, ncv=kept, maxiter=40 * d
            )
        except ArpackNoConvergence as error:
            raise ValueError(f"the lowest curvatures of {self.landscape.name} did not converge: {error}") from None
        order = np.argsort(values)
        return values[order], vectors[:, order]

    @cached_property
    def size(self) -> float:
        """A bound on |H| to within a factor: the largest eigenvalue in modulus, or the largest |H v| / |v| seen."""
        values = self.modes[0]
        if self.matrix is not None:
            return float(np.abs(values).max())
        v = np.random.default_rng(SEED).standard_normal(len(self.x))
        for _ in range(10):  # power method
            w = self.product(v / np.linalg.norm(v))
            v = w
        return max(float(np.linalg.norm(v)), float(np.abs(values).max()))

    def error(self, length: float) -> float:
        """How far the lowest eigenvalues may be wrong: rounding, and what differences of the gradient say of H v.

        Args:
            length: on which the landscape varies; the differences step below it.
        """
        values, vectors = self.modes
        worst = 0.0
        for value, v in zip(values[:2], vectors.T[:2], strict=True):
            seen = [along(self.landscape.gradient, self.x, v, 1, length * 4.0**-k) for k in range(3, 8)]
            worst = max(worst, min(float(np.linalg.norm(one - value * v)) for one in seen))
        return worst + len(self.x) ** 0.5 * 4 * float(np.finfo(float).eps) * self.size

    def newton(self, gradient: Array) -> Array:
        """-H^-1 gradient; curvatures that are zero within rounding are left alone."""
        if self.matrix is not None:
            values, vectors = self.modes
            known = np.abs(values) > 1e-14 * max(self.size, 1e-300)
            along = vectors.T @ gradient
            return -vectors @ np.where(known, along / np.where(known, values, 1.0), 0.0)
        from scipy.sparse.linalg import minres

        return np.asarray(minres(self.operator, -gradient, rtol=1e-12, maxiter=20 * len(gradient))[0])

    def shifted(self, shift: float) -> Callable[[Array], Array]:
        """The inverse of H + shift."""
        if self.matrix is not None:
            from scipy.linalg import lu_factor, lu_solve

            factors = lu_factor(self.matrix + shift * np.eye(len(self.x)))
            return lambda right: np.asarray(lu_solve(factors, right))
        from scipy.sparse.linalg import LinearOperator, minres

        def product(v: Array) -> Array:
            return np.asarray(self.product(v.reshape(-1)) + shift * v.reshape(-1))

        operator = LinearOperator(self.operator.shape, matvec=product, rmatvec=product, dtype=np.float64)
        return lambda right: np.asarray(minres(operator, right, rtol=1e-6)[0])


def downhill(
    product: Callable[[Array], Array], gradient: Array, radius: float = np.inf, accuracy: float = 1e-3
) -> tuple[Array, bool]:
    """The step that lowers gradient . s + s . H s / 2 within a radius, and whether only positive curvature was met.

    Steihaug's conjugate gradients; ``product`` is v -> H v, on a subspace if it projects and the gradient lies there.
    """
    step, rest = np.zeros_like(gradient), gradient
    along, size = -rest, float(np.linalg.norm(gradient))
    for _ in range(2 * len(gradient) + 5):
        square = float(rest @ rest)
        if square**0.5 <= accuracy * size:
            break
        turned = product(along)
        bend = float(along @ turned)
        if bend <= 1e-14 * float(along @ along):
            return (step + _to_edge(step, along, radius) * along if np.isfinite(radius) else step), False
        share = square / bend
        if float(np.linalg.norm(step + share * along)) >= radius:
            return step + _to_edge(step, along, radius) * along, True
        step, rest = step + share * along, rest + share * turned
        along = -rest + float(rest @ rest) / square * along
    return step, True


def _to_edge(step: Array, along: Array, radius: float) -> float:
    """t >= 0 with |step + t along| = radius."""
    a, b, c = float(along @ along), float(step @ along), float(step @ step) - radius**2
    return (-b + max(b * b - a * c, 0.0) ** 0.5) / a
