"""Exponentials of a generator by rational Krylov subspaces: one factorisation serves all times, however stiff.

    exp(t G) v ~ |v| V^T exp(t (1 - H^-1)/gamma) e_1

V spans the powers of (1 - gamma G)^-1 on v and H is that matrix in it.  The error falls geometrically in the size of
the subspace, whatever the steepest rates of G (van den Eshof and Hochbruck, SIAM J. Sci. Comput. 27 (2006) 1438).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fpsim.density.motion import Motion
from fpsim.density.solver import factorise
from landscapes.progress import tell

Array = NDArray[np.float64]
POLE = 0.1
"""gamma, as a share of the longest time that a subspace serves."""
DECADE = 10.0
"""Longest time over the shortest that one subspace serves."""
NEARER, FURTHER = 4.0, 2.0
"""By how much a stretch of time that no subspace serves is cut, and the next one lengthened after success."""
MOST_STRETCHES = 200
"""Beyond which a subspace is not worth it."""
SIZES = (15, 20, 25, 30, 40, 50, 60)
"""Sizes of a subspace of densities, tried until two agree."""
AGREEMENT = 1e-11
"""L1 difference of two sizes, relative to the mass."""
CLOSED = 1e-14
"""Norm of what a further power adds at which the subspace holds the whole solution."""


class Subspace(NamedTuple):
    """Orthonormal rows V (m, n), H (m, m), and whether further powers add nothing."""

    basis: Array
    hessenberg: Array
    is_closed: bool


def subspaces(solve: Any, start: Array, sizes: Sequence[int]) -> Iterator[Subspace]:
    """Subspaces of growing size of the powers of ``solve`` on the unit vector ``start`` (n,)."""
    basis, hessenberg = np.zeros((sizes[-1] + 1, start.size)), np.zeros((sizes[-1] + 1, sizes[-1]))
    basis[0] = start
    for j in range(sizes[-1]):
        new = solve(basis[j])
        for _ in range(2):  # Gram and Schmidt twice: orthogonal to rounding
            share = basis[: j + 1] @ new
            new = new - share @ basis[: j + 1]
            hessenberg[: j + 1, j] += share
        hessenberg[j + 1, j] = np.linalg.norm(new)
        is_closed = bool(hessenberg[j + 1, j] < CLOSED)
        if is_closed or j + 1 in sizes:
            yield Subspace(basis[: j + 1], hessenberg[: j + 1, : j + 1], is_closed)
        if is_closed:
            return
        basis[j + 1] = new / hessenberg[j + 1, j]


def exponentials(hessenberg: Array, gamma: float, time: Array) -> tuple[Array, Array]:
    """M = (1 - H^-1)/gamma, and the first columns of exp(t M) at increasing times, (times, m)."""
    from scipy.linalg import expm

    matrix = (np.eye(len(hessenberg)) - np.linalg.inv(hessenberg)) / gamma
    steps: dict[float, Array] = {}
    columns, now = np.empty((len(time), len(matrix))), np.eye(len(matrix))[0]
    for k, span in enumerate(np.diff(time, prepend=0.0)):
        length = float(f"{span:.13g}")  # even times differ by rounding only
        if length not in steps:
            steps[length] = expm(length * matrix)
        now = columns[k] = steps[length] @ now
    return matrix, columns


def carried(motion: Motion, masses: Array, times: Array) -> tuple[Array, float]:
    """Masses (n,) at increasing ``times`` > 0, shape (times, n), and their L1 error; infinite where sizes differ.

    A subspace serves a decade of times, or as much of it as the rotation of the drift allows: what it does not reach is
    tried from nearer.
    """
    from scipy.sparse import diags, identity

    generator, unit = (motion.rates.T - diags(motion.leaving)).tocsc(), identity(masses.size, format="csc")
    out: list[Array] = []
    begin, now, worst, reach, pole = 0.0, masses, 0.0, np.inf, 0.0
    for _ in range(MOST_STRETCHES + times.size):
        later = times[len(out) :] - begin
        span = later[later <= min(DECADE * later[0], reach)]
        ahead = span if span.size else np.array([reach])
        gamma = POLE * float(ahead[-1])
        if gamma != pole:
            pole, factors = gamma, factorise(unit - gamma * generator)
        found, error = _agreed(factors.solve, now, gamma, ahead)
        if not np.isfinite(error):
            reach = float(ahead[-1]) / NEARER
            continue
        now, worst, reach = found[-1], worst + error, reach * FURTHER
        out += list(found[: span.size])
        tell(len(out) / times.size)
        begin = float(times[len(out) - 1]) if span.size else begin + float(ahead[-1])
        if len(out) == times.size:
            return np.array(out), worst
    return np.full((times.size, masses.size), np.nan), np.inf


def _agreed(solve: Any, masses: Array, gamma: float, times: Array) -> tuple[Array, float]:
    """Masses at ``times`` from the first subspace that agrees with a smaller one, and their L1 distance."""
    size = float(np.linalg.norm(masses))
    before, apart = np.full((times.size, masses.size), np.inf), np.inf
    for space in subspaces(solve, masses / size, SIZES):
        _, columns = exponentials(space.hessenberg, gamma, times)
        now = size * columns @ space.basis
        apart = 1e-14 if space.is_closed else float(np.abs(now - before).sum(axis=1).max() / masses.sum())
        if apart < AGREEMENT:
            return now, apart
        before = now
    return before, np.inf
