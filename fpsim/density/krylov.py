"""The chance never to have been in the target, by rational Krylov subspaces of the backward equation.

    du/dt = A u,   u(0) = 1 outside the target,   S(t) = u(t, start) ~ e_start V exp(t (1 - H^-1)/gamma) V^T 1

V spans the powers of (1 - gamma A)^-1 on u(0) and H is that matrix in it (van den Eshof and Hochbruck, SIAM Journal on
Scientific Computing 27 (2006) 1438).  One factorisation serves all times, however large the steepest rates of A are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    from fpsim.density.fokker_planck import FokkerPlanck

Array = NDArray[Any]
POLE = 0.05
"""gamma, as a share of the longest time."""
SIZES = (15, 25, 35, 45, 55)
"""Sizes of the subspace, tried until two agree."""
AGREEMENT = 1e-7


def survival(equation: FokkerPlanck, start: ArrayLike, target: Any, time: Array) -> Array:
    """S at each of the increasing ``time`` (n,) from the point ``start`` (d,).

    Where the subspaces do not agree, the solver's own time steps are taken.
    """
    from fpsim.density.cuts import on_grid, restrict

    grid = equation.grid
    part = restrict(equation.walk, [on_grid(target, grid, start)])
    leaving = np.asarray(part.rates.sum(axis=1)).ravel() + part.killing
    found = decay(part.rates, leaving, (grid.density(start).ravel() * grid.volume)[part.keep], time)
    if found is None:
        return np.asarray(equation.survival(start, target, time).survival.values)
    return found


def decay(rates: Any, leaving: Array, masses: Array, time: Array) -> Array | None:
    """sum_i masses_i (exp(t (rates - leaving)) 1)_i at each ``time``; None where subspaces do not agree."""
    from scipy.sparse import diags, identity

    from fpsim.density.solver import factorise

    gamma, n = POLE * float(time[-1]), leaving.size
    solve = factorise((identity(n) - gamma * (rates - diags(leaving))).tocsc()).solve
    basis, hessenberg = np.zeros((SIZES[-1] + 1, n)), np.zeros((SIZES[-1] + 1, SIZES[-1]))
    basis[0], before = 1 / np.sqrt(n), np.full(len(time), np.inf)
    for j in range(SIZES[-1]):
        new = solve(basis[j])
        for _ in range(2):  # Gram and Schmidt twice: orthogonal to rounding
            share = basis[: j + 1] @ new
            new = new - share @ basis[: j + 1]
            hessenberg[: j + 1, j] += share
        hessenberg[j + 1, j] = np.linalg.norm(new)
        closed = hessenberg[j + 1, j] < 1e-14  # the subspace holds the whole solution
        if closed or j + 1 in SIZES:
            now = np.sqrt(n) * small(hessenberg[: j + 1, : j + 1], gamma, time) @ (basis[: j + 1] @ masses)
            if closed or np.abs(now - before).max() < AGREEMENT:
                return np.asarray(now)
            before = now
        basis[j + 1] = new / hessenberg[j + 1, j]
    return None


def small(hessenberg: Array, gamma: float, time: Array) -> Array:
    """First columns of exp(t (1 - H^-1)/gamma), (times, size)."""
    from scipy.linalg import expm

    matrix = (np.eye(len(hessenberg)) - np.linalg.inv(hessenberg)) / gamma
    return np.array([expm(float(t) * matrix)[:, 0] for t in time])
