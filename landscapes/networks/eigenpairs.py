"""The outermost eigenvalues of a symmetric operator that is known by its products only:  A v = lambda v."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from landscapes.evaluation import Array

if TYPE_CHECKING:
    from scipy.sparse.linalg import LinearOperator


def top_eigenpairs(
    operator: LinearOperator, count: int = 5, which: Literal["LA", "SA", "LM"] = "LA", seed: int = 0
) -> tuple[Array, Array]:
    """The outermost eigenvalues (k,) of a symmetric operator, in descending order, and their vectors (d, k).

    Implicitly restarted Lanczos to machine precision (ARPACK; Lehoucq, Sorensen, Yang 1998), from a seeded vector.

    Args:
        operator: such as ``landscape.hessian_operator(x)``.
        count: k, less than d.
        which: ``"LA"`` the largest, ``"SA"`` the smallest, ``"LM"`` the largest in size.
        seed: of the first vector.

    Raises:
        ValueError: for an impossible count, or if the iteration does not converge (an eigenvalue may be many-fold).
    """
    from scipy.sparse.linalg import ArpackNoConvergence, eigsh

    d = operator.shape[0]
    if not 1 <= count < d:
        raise ValueError(f"between 1 and {d - 1} eigenpairs can be asked for here; got {count!r}")
    first = np.random.default_rng(seed).standard_normal(d)
    try:
        values, vectors = eigsh(operator, k=count, which=which, v0=first)
    except ArpackNoConvergence as error:
        raise ValueError(f"the {count} eigenpairs did not converge: {error}; ask for fewer") from error
    order = np.argsort(values)[::-1]
    return values[order], vectors[:, order]
