"""ln det A - ln det B of two positive matrices known by their products:  tr(log A - log B).

log A v by Lanczos' method; the trace by XTrace (E. Epperly, J. Tropp, R. Webber, SIAM J. Matrix Anal. Appl. 45 (2024)
1), which finds a matrix of low rank exactly and tells its error.  Two Hessians of one loss differ where the loss bends,
often in few directions: it is their difference that is sampled, since each alone scatters far more.  What they differ
by everywhere, a multiple s of the identity, hides those few, and is taken out first: tr M = s d + tr(M - s I).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Product = Callable[[Array], Array]
PROBES = (8, 16, 32, 64)
"""Random vectors, until the error is small enough."""
SMALL = 1e-3
"""An error of ln det that is small enough."""
LOOK, STEPS = 8, 1200
"""How often Lanczos' method looks whether it has settled, and its steps at most."""
SETTLED = 1e-9
SCATTER = 2.0
"""Estimates that share their basis scatter together: their mean is farther off than their spread would tell."""


@dataclass(frozen=True)
class LogDeterminants:
    """ln det A - ln det B: value, one standard error, and how many products with each matrix it took."""

    value: float
    error: float
    products: int


def log_determinants(a: Product, b: Product, d: int, seed: int = 0) -> LogDeterminants:
    """ln det A - ln det B.

    Args:
        a, b: v -> A v and v -> B v, (d,).
        d: the dimension.
        seed: of the random vectors.

    Raises:
        ValueError: if a curvature that is not positive is met, or Lanczos' method does not settle.
    """
    rng, count = np.random.default_rng(seed), [0]

    def apply(v: Array) -> Array:
        (first, steps), (second, more) = logarithm(a, v), logarithm(b, v)
        count[0] += max(steps, more)
        return first - second

    if d <= PROBES[-1]:  # as many vectors tell the trace itself
        value = float(sum(apply(v) @ v for v in np.eye(d)))
        return LogDeterminants(value, SETTLED * d, count[0])
    omega, y = np.empty((d, 0)), np.empty((d, 0))
    value, error = np.nan, np.inf
    for probes in PROBES:
        fresh = rng.standard_normal((d, probes - omega.shape[1]))
        fresh *= d**0.5 / np.linalg.norm(fresh, axis=0)
        omega = np.concatenate([omega, fresh], axis=1)
        y = np.concatenate([y, np.stack([apply(v) for v in fresh.T], axis=1)], axis=1)
        shift = _everywhere(omega, y)
        value, error = xtrace(lambda v, s=shift: apply(v) - s * v, omega, y - shift * omega)  # type: ignore[misc]
        value += shift * d
        if error <= SMALL:
            break
    return LogDeterminants(value, error + SETTLED * d, count[0])


def _everywhere(omega: Array, y: Array) -> float:
    """The multiple of the identity in a matrix, from its products y (d, m) with random vectors omega (d, m).

    Seen from the space of these, a part of low rank moves few eigenvalues: the middle one is not among them.  It counts
    only if without it the products fall off faster.
    """
    q, r = np.linalg.qr(omega)
    inside = np.linalg.solve(r.T, (q.T @ y).T)  # (Q^T M Q)^T
    middle = float(np.median(np.linalg.eigvalsh((inside + inside.T) / 2)))
    with_it, without = (np.abs(np.diag(np.linalg.qr(part, mode="r"))) for part in (y, y - middle * omega))
    return middle if without.min() * with_it.max() < with_it.min() * without.max() else 0.0


def xtrace(apply: Product, omega: Array, y: Array) -> tuple[float, float]:
    """The trace of a symmetric matrix from its products y (d, m) with vectors omega (d, m), and its standard error.

    Each vector in turn is left out of the basis that the others span, and estimates the trace of what they miss.
    """
    d, m = omega.shape
    q, r = np.linalg.qr(y)
    size = np.abs(np.diag(r))
    seen = size > 1e-13 * max(float(size.max()), 1e-300)
    if not seen.all():  # of lower rank than there are vectors: nothing is missed
        return float(sum(v @ apply(v) for v in q[:, seen].T)), 0.0
    core = q.T @ np.stack([apply(v) for v in q.T], axis=1)
    left = np.linalg.inv(r).T
    left = left / np.linalg.norm(left, axis=0)  # column i: what of the basis vector i alone adds
    inside = q.T @ omega
    x = inside - left * np.sum(left * inside, axis=0)
    known = np.trace(core) - np.sum(left * (core @ left), axis=0)
    missed = np.sum(omega * y, axis=0) - 2 * np.sum(x * r, axis=0) + np.sum(x * (core @ x), axis=0)
    rest = np.maximum(d - np.sum(x**2, axis=0), 1e-300)  # |omega - Q x|^2
    each = known + missed * (d - m + 1) / rest
    return float(each.mean()), SCATTER * float(each.std(ddof=1) / m**0.5)


def logarithm(product: Product, v: Array) -> tuple[Array, int]:
    """log(A) v for a positive A, and how many products it took.

    Raises:
        ValueError: if A is not positive, or its condition is so bad that the steps do not suffice.
    """
    size = float(np.linalg.norm(v))
    if size == 0:
        return np.zeros_like(v), 0
    basis: list[Array] = [v / size]
    diagonal: list[float] = []
    beside: list[float] = []
    before = np.zeros(0)
    for k in range(1, min(STEPS, len(v)) + 1):
        w = product(basis[-1])
        diagonal.append(float(basis[-1] @ w))
        space = np.stack(basis)
        for _ in range(2):  # full orthogonalisation, twice
            w = w - space.T @ (space @ w)
        length = float(np.linalg.norm(w))
        done = length <= 1e-13 * max(abs(t) for t in diagonal) or k == len(v)
        if done or k % LOOK == 0:
            now = _first_column(np.array(diagonal), np.array(beside))
            change = now.copy()
            change[: before.size] -= before
            if done or np.linalg.norm(change) <= SETTLED * np.linalg.norm(now):
                return size * (space.T @ now), k
            before = now
        basis.append(w / length)
        beside.append(length)
    raise ValueError(
        f"the logarithm of the Hessian did not settle in {STEPS} products: its curvatures span too many powers of ten"
    )


def _first_column(diagonal: Array, beside: Array) -> Array:
    """log(T) e_1 for a tridiagonal T (k, k)."""
    from scipy.linalg import eigh_tridiagonal

    values, vectors = eigh_tridiagonal(diagonal, beside)
    if not values[0] > 0:
        raise ValueError(f"determinants need positive curvatures across the way; one is {values[0]:.3g}")
    return np.asarray(vectors @ (np.log(values) * vectors[0]))
