"""The chance never to have been in the target, by rational Krylov subspaces of the backward equation.

    du/dt = A u,   u(0) = 1 outside the target,   S(t) = u(t, start) ~ e_start V exp(t (1 - H^-1)/gamma) V^T 1

V spans the powers of (1 - gamma A)^-1 on u(0) and H is that matrix in it (van den Eshof and Hochbruck, SIAM Journal on
Scientific Computing 27 (2006) 1438).  One factorisation serves all times, however large the steepest rates of A are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fpsim.density.evolution import Evolution, methods_for, propagate
from fpsim.density.motion import Motion

Array = NDArray[Any]
POLE = 0.05
"""gamma, as a share of the longest time."""
SIZES = (15, 25, 35, 45, 55)
"""Sizes of the subspace, tried until two agree."""
AGREEMENT = 1e-7


@dataclass(frozen=True)
class Decay:
    """The chance S not to have ended at each time, and -dS/dt, each (times,); ``method`` says how they were made."""

    left: Array
    lost: Array
    method: str


def outlived(motion: Motion, masses: Array, times: Array) -> Decay:
    """S and -dS/dt of masses (n,) on a walk that ends, at increasing ``times`` >= 0.

    Short times and lines are carried by :func:`fpsim.density.evolution.propagate`; where only small implicit steps
    would be left, a subspace answers, unless rates are negative or subspaces do not agree.
    """
    later = times[times > 0]
    if not motion.opposed:
        for method in methods_for(motion, later):
            if method == "implicit":
                found = subspace(motion.rates, motion.killing, masses, times)
                if found is not None:
                    return found
            else:
                try:
                    return _carried(propagate(motion, masses, times, method))
                except ValueError:  # not accurate here
                    continue
    return _carried(propagate(motion, masses, times))


def _carried(result: Evolution) -> Decay:
    return Decay(result.masses.sum(axis=1), result.lost, result.method)


def decay(rates: Any, leaving: Array, masses: Array, time: Array) -> Array | None:
    """sum_i masses_i (exp(t (rates - leaving)) 1)_i at each ``time``; None where subspaces do not agree."""
    found = subspace(rates, leaving - np.asarray(rates.sum(axis=1)).ravel(), masses, time)
    return None if found is None else found.left


def subspace(rates: Any, killing: Array, masses: Array, time: Array) -> Decay | None:
    """S and -dS/dt from a rational Krylov subspace; None where subspaces of two sizes do not agree."""
    from scipy.sparse import diags, identity

    from fpsim.density.solver import factorise

    leaving = np.asarray(rates.sum(axis=1)).ravel() + killing
    gamma, n, later = POLE * float(time[-1]), killing.size, time > 0
    solve = factorise((identity(n) - gamma * (rates - diags(leaving))).tocsc()).solve
    basis, hessenberg = np.zeros((SIZES[-1] + 1, n)), np.zeros((SIZES[-1] + 1, SIZES[-1]))
    basis[0], before = 1 / np.sqrt(n), np.full((2, len(time)), np.inf)
    for j in range(SIZES[-1]):
        new = solve(basis[j])
        for _ in range(2):  # Gram and Schmidt twice: orthogonal to rounding
            share = basis[: j + 1] @ new
            new = new - share @ basis[: j + 1]
            hessenberg[: j + 1, j] += share
        hessenberg[j + 1, j] = np.linalg.norm(new)
        closed = hessenberg[j + 1, j] < 1e-14  # the subspace holds the whole solution
        if closed or j + 1 in SIZES:
            seen = np.sqrt(n) * (basis[: j + 1] @ masses)
            now = small(hessenberg[: j + 1, : j + 1], gamma, time) @ seen  # S and gamma S'
            if closed or np.abs(now - before)[:, later].max(initial=0.0) < AGREEMENT * masses.sum():
                lost = np.where(later, np.maximum(-now[1] / gamma, 0.0), masses @ killing)
                return Decay(np.clip(now[0], 0.0, masses.sum()), lost, "krylov")
            before = now
        basis[j + 1] = new / hessenberg[j + 1, j]
    return None


def small(hessenberg: Array, gamma: float, time: Array) -> Array:
    """First columns of E = exp(t M/gamma) and of M E, M = 1 - H^-1: shape (2, times, size)."""
    from scipy.linalg import expm

    matrix = np.eye(len(hessenberg)) - np.linalg.inv(hessenberg)
    steps: dict[float, Array] = {}
    columns, now = np.empty((len(time), len(matrix))), np.eye(len(matrix))[0]
    for k, span in enumerate(np.diff(time, prepend=0.0)):
        length = float(f"{span:.13g}")  # even times differ by rounding only
        if length not in steps:
            steps[length] = expm(length / gamma * matrix)
        now = columns[k] = steps[length] @ now
    return np.stack([columns, columns @ matrix.T])
