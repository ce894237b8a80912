"""The chance never to have been in the target, by rational Krylov subspaces of the backward equation.

    du/dt = A u,   u(0) = 1 outside the target,   S(t) = u(t, start) ~ e_start V exp(t (1 - H^-1)/gamma) V^T 1

V and H are a subspace of :mod:`fpsim.density.rational`, which serves all times, however steep the rates of A are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fpsim.density.evolution import Evolution, methods_for, propagate
from fpsim.density.motion import Motion
from fpsim.density.rational import exponentials, subspaces
from fpsim.density.solver import factorise
from landscapes.progress import tell

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

    A subspace of the backward equation answers where one is the quickest way, unless rates are negative or subspaces do
    not agree; all else is carried by :func:`fpsim.density.evolution.propagate`.
    """
    later = times[times > 0]
    if not motion.opposed:
        for method in methods_for(motion, later):
            if method in ("krylov", "implicit"):
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


def subspace(rates: Any, killing: Array, masses: Array, time: Array) -> Decay | None:
    """S and -dS/dt from a rational Krylov subspace; None where subspaces of two sizes do not agree."""
    from scipy.sparse import diags, identity

    leaving = np.asarray(rates.sum(axis=1)).ravel() + killing
    gamma, n, later = POLE * float(time[-1]), killing.size, time > 0
    solve = factorise((identity(n) - gamma * (rates - diags(leaving))).tocsc()).solve
    tell(0.6)
    before, units = np.full((2, len(time)), np.inf), np.array([[1.0], [gamma]])
    for space in subspaces(solve, np.full(n, 1 / np.sqrt(n)), SIZES):
        matrix, columns = exponentials(space.hessenberg, gamma, time)
        now = np.stack([columns, columns @ matrix.T]) @ (np.sqrt(n) * (space.basis @ masses))  # S and S'
        apart = float(np.abs((now - before) * units)[:, later].max(initial=0.0))
        if space.is_closed or apart < AGREEMENT * masses.sum():
            lost = np.where(later, np.maximum(-now[1], 0.0), masses @ killing)
            return Decay(np.clip(now[0], 0.0, masses.sum()), lost, "krylov")
        before = now
    return None
