"""Linear systems of a walk that ends: (leaving - rates) f = g and its transpose, accurate however rare the end is.

    f = G + H f_K,      f_K = (censored walk on K)^-1 (g_K + rates_KR G)

K holds one cell at the bottom of each valley, G the integral of g until K or the end is met, H the chance to meet each
cell of K first.  Those are well-conditioned although the full system is nearly singular when escapes are rare; the
small censored walk is solved without subtractions (Grassmann, Taksar, Heyman 1985; the same splitting as the capacity
formula of Bovier, Eckhoff, Gayrard, Klein 2004).
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from landscapes.progress import tell

Array = NDArray[np.float64]
Indices = NDArray[np.int64]
DIRECT_LIMIT = {1: 10**7, 2: 10**6, 3: 30_000}  # cells up to which a sparse factorisation is the quicker way
PIVOTING = 1e-9  # accuracy at which a factorisation without pivoting is done again with it
ACCURACY = 1e-6  # a solution known to less than this is an error
REFERENCES = 8  # most valleys that are censored apart


class Solver(Protocol):
    """Solves with (leaving - rates) and its transpose for non-negative right-hand sides; states its accuracy."""

    accuracy: float

    def backward(self, g: Array) -> Array:
        """f with (leaving - rates) f = g: the expected integral of g along the walk, shape (k,)."""

    def forward(self, source: Array) -> Array:
        """y with (leaving - rates)^T y = source: the expected time spent in each cell, shape (k,)."""


def solver_for(rates: Any, killing: Array, points: Array, is_line: bool, bottoms: Indices | None = None) -> Solver:
    """The solver that suits the system: a line, a sparse factorisation, or multigrid where that is too large.

    ``bottoms`` are cells at the bottoms of the valleys where they are known.

    Raises:
        ValueError: if the walk never ends.
    """
    if not killing.any():
        raise ValueError("nothing ends this walk: no target in reach and no absorbing wall, so the time is infinite")
    if is_line:
        return LineSolver(rates.diagonal(1), rates.diagonal(-1), killing)
    if rates.shape[0] <= DIRECT_LIMIT[len(points)]:
        return DirectSolver(rates, killing, points, bottoms)
    return MultigridSolver(rates, killing)


class LineSolver:
    """Subtraction-free elimination of a tridiagonal walk: right to rounding."""

    accuracy = 1e-13

    def __init__(self, up: Array, down: Array, killing: Array) -> None:
        from fpsim.kernels.tridiagonal import eliminate

        self.up, self.down = up, down
        self.pivot, _ = eliminate(up, down, killing)
        if not (self.pivot > 0).all():
            raise ValueError("part of the line cannot reach the target: the rates out of it vanish (noise too small?)")

    def backward(self, g: Array) -> Array:
        """See :class:`Solver`."""
        from fpsim.kernels.tridiagonal import backward

        return _finite(backward(self.up, self.down, self.pivot, g))

    def forward(self, source: Array) -> Array:
        """See :class:`Solver`."""
        from fpsim.kernels.tridiagonal import forward

        return _finite(forward(self.up, self.down, self.pivot, source))


class DirectSolver:
    """Sparse LU of the walk with its valley bottoms censored."""

    def __init__(self, rates: Any, killing: Array, points: Array, bottoms: Indices | None = None) -> None:
        from scipy.sparse import diags

        n = rates.shape[0]
        leaving = np.asarray(rates.sum(axis=1)).ravel() + killing
        self.bottoms = valley_bottoms(rates, killing, points) if bottoms is None else bottoms
        rest = np.ones(n, dtype=bool)
        rest[self.bottoms] = False
        self.rest = np.flatnonzero(rest)
        self.outward = rates[self.bottoms][:, self.rest]
        matrix = (diags(leaving[self.rest]) - rates[self.rest][:, self.rest]).tocsc()
        inward = rates[self.rest][:, self.bottoms].toarray()
        for pivoting in (False, True):  # only the rates of guided walks ever need it
            self.factor = factorise(matrix, pivoting)
            tell(0.6)  # what takes longest
            self.first_hit = np.column_stack(
                [self._solve(inward[:, k]) for k in range(self.bottoms.size)] or [np.empty((self.rest.size, 0))]
            )
            ended = self._solve(killing[self.rest]) if killing.any() else np.zeros(self.rest.size)
            self.accuracy = float(np.max(np.abs(self.first_hit.sum(axis=1) + ended - 1), initial=1e-15))
            if self.accuracy < PIVOTING or rates.data.min(initial=0.0) >= 0:
                break
        check_accuracy(self.accuracy)
        self.censored = np.asarray(rates[self.bottoms][:, self.bottoms].toarray() + self.outward @ self.first_hit)
        np.fill_diagonal(self.censored, 0.0)
        self.ending = killing[self.bottoms] + self.outward @ ended

    def _solve(self, g: Array, transposed: bool = False) -> Array:
        return np.asarray(self.factor.solve(np.ascontiguousarray(g, dtype=float), "T" if transposed else "N"))

    def backward(self, g: Array) -> Array:
        """See :class:`Solver`."""
        out = np.empty(g.size)
        partial = self._solve(g[self.rest])
        small = censored_solve(self.censored, self.ending, g[self.bottoms] + self.outward @ partial)
        out[self.bottoms], out[self.rest] = small, partial + self.first_hit @ small
        return _finite(out)

    def forward(self, source: Array) -> Array:
        """See :class:`Solver`."""
        out = np.empty(source.size)
        arriving = source[self.bottoms] + self.first_hit.T @ source[self.rest]
        small = censored_solve(self.censored, self.ending, arriving, transposed=True)
        out[self.bottoms] = small
        out[self.rest] = self._solve(source[self.rest] + self.outward.T @ small, transposed=True)
        return _finite(out)

    def visits(self) -> Array:
        """Expected time in each cell that is no bottom between one bottom (at rate one) and the next, (bottoms, n)."""
        rows = self.outward.toarray()
        return np.array([self._solve(row, transposed=True) for row in rows]).reshape(rows.shape)

    def stationary(self) -> Array:
        """Stationary masses of a walk without killing, up to a factor, shape (n,)."""
        out = np.empty(self.rest.size + self.bottoms.size)
        small = censored_stationary(self.censored)
        out[self.bottoms] = small
        out[self.rest] = self._solve(self.outward.T @ small, transposed=True)
        return _finite(out)


class MultigridSolver:
    """Krylov iterations preconditioned by classical algebraic multigrid (pyamg): for large 3-D systems."""

    def __init__(self, rates: Any, killing: Array) -> None:
        from scipy.sparse import diags

        leaving = np.asarray(rates.sum(axis=1)).ravel() + killing
        # rows scaled to one: rates span many orders of magnitude
        self.leaving = leaving
        self.matrix = (diags(np.ones(leaving.size)) - diags(1 / leaving) @ rates).tocsr()
        self.accuracy = 0.0
        self.cycles: dict[bool, Any] = {}

    def _iterate(self, b: Array, transposed: bool) -> Array:
        """Solve, then once more for the remainder; the size of that correction is the accuracy stated."""
        import pyamg
        from scipy.sparse.linalg import bicgstab

        matrix = self.matrix.T.tocsr() if transposed else self.matrix
        if transposed not in self.cycles:
            self.cycles[transposed] = pyamg.ruge_stuben_solver(matrix, max_coarse=500).aspreconditioner(cycle="V")
        x, scale = np.zeros(b.size), 1.0
        for calls in range(1, 4):
            tell(1 - 2.0**-calls)
            correction, failed = bicgstab(
                matrix, b - matrix @ x, rtol=1e-9, atol=0.0, maxiter=400, M=self.cycles[transposed]
            )
            x = x + correction
            scale = float(np.abs(correction).max() / np.abs(x).max())
            if scale < 1e-9:
                break
        self.accuracy = max(self.accuracy, scale)
        if failed and scale > 1e-9:
            self.accuracy = max(self.accuracy, 1.0)
        check_accuracy(self.accuracy)
        return x

    def backward(self, g: Array) -> Array:
        """See :class:`Solver`."""
        return _finite(np.maximum(self._iterate(g / self.leaving, False), 0.0))

    def forward(self, source: Array) -> Array:
        """See :class:`Solver`."""
        return _finite(np.maximum(self._iterate(source, True) / self.leaving, 0.0))


def factorise(matrix: Any, pivoting: bool = False) -> Any:
    """Sparse LU with pivots on the diagonal, which keeps an M-matrix free of cancellation off the diagonal."""
    from scipy.sparse.linalg import splu

    if pivoting:
        return splu(matrix)
    return splu(matrix, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True})


def check_accuracy(accuracy: float) -> None:
    """Raise ``ValueError`` for a solution that is not accurate."""
    if not accuracy < ACCURACY:
        raise ValueError(
            f"the linear system is too near singular: its solution is known to {accuracy:.1g} only (deep valleys "
            "besides the target, or an unconnected part of the grid); choose a smaller box or a target that "
            "ends the walk"
        )


def valley_bottoms(rates: Any, killing: Array, points: Array) -> NDArray[np.int64]:
    """Cells that the mean drift of the walk leads to, the largest basins first, at most ``REFERENCES``.

    ``points`` (d, n) are the places of the cells; along each axis the walk's own diffusion is the unit of lengths.
    """
    from fpsim.kernels.assembly import downhill

    n, reach = killing.size, np.ptp(points, axis=1) / 2
    steps = points[:, rates.indices] - points[:, np.repeat(np.arange(n), np.diff(rates.indptr))]
    within = np.all(np.abs(steps) <= reach[:, None], axis=0)  # the others go through a periodic wall
    units = np.sqrt((np.abs(rates.data) * within * steps**2).sum(axis=1))
    units[~(units > 0)] = 1.0
    reach, places = reach / units, np.ascontiguousarray((points / units[:, None]).T)
    step = np.append(downhill(rates.indptr, rates.indices, rates.data, places, reach, killing), n)
    step[step < 0] = n  # cell n stands for "ended"
    far = step
    for _ in range(int(np.ceil(np.log2(n + 1))) + 1):
        far = far[far]
    ends, sizes = np.unique(far[:n], return_counts=True)
    first = place = ends
    for _ in range(64):  # around a bottom the descent may go in circles: one cell stands for the circle
        place = step[place]
        first = np.minimum(first, place)
    bottoms, which = np.unique(first[ends < n], return_inverse=True)
    if bottoms.size == 0:
        return np.array([int(np.argmin(killing))], dtype=np.int64)
    basins = np.bincount(which, sizes[ends < n])
    return np.sort(bottoms[np.argsort(-basins, kind="stable")[:REFERENCES]])


def aligned(rates: Any) -> tuple[Any, Any]:
    """Rates and reverse rates on one common sparsity pattern: ``forth.data[k]`` faces ``back.data[k]``."""
    pattern = rates.copy()
    pattern.data = np.ones_like(pattern.data)
    both = (pattern + pattern.T).tocsr()
    both.sort_indices()
    forth, back = both.copy(), both.copy()
    rows = np.repeat(np.arange(both.shape[0]), np.diff(both.indptr))
    if pattern.nnz == both.nnz:
        forth, back = rates.tocsr().copy(), rates.T.tocsr()
        forth.sort_indices()
        back.sort_indices()
        return forth, back
    forth.data = np.asarray(rates[rows, both.indices]).ravel()
    back.data = np.asarray(rates[both.indices, rows]).ravel()
    return forth, back


def censored_solve(rates: Array, killing: Array, b: Array, transposed: bool = False) -> Array:
    """x with (leaving - rates) x = b for a small dense walk (or its transpose), without subtractions, shape (m,)."""
    if (rates < 0).any() or (killing < 0).any():  # of a guided walk: there are subtractions in it anyway
        matrix = np.diag(rates.sum(axis=1) + killing) - rates
        return np.asarray(np.linalg.solve(matrix.T if transposed else matrix, b))
    q, kill, m = rates.copy(), killing.copy(), killing.size
    x, pivot = b.astype(float).copy(), np.empty(m)
    for k in range(m):
        pivot[k] = kill[k] + q[k, k + 1 :].sum()
        if not pivot[k] > 0:
            raise ValueError("part of the grid cannot reach the target: the rates out of it vanish (noise too small?)")
        chance = q[k + 1 :, k] / pivot[k]
        kill[k + 1 :] += chance * kill[k]
        q[k + 1 :, k + 1 :] += np.outer(chance, q[k, k + 1 :])
        x[k + 1 :] += (q[k, k + 1 :] / pivot[k] if transposed else chance) * x[k]
    for k in range(m - 1, -1, -1):
        row = q[k + 1 :, k] if transposed else q[k, k + 1 :]
        x[k] = (x[k] + row @ x[k + 1 :]) / pivot[k]
    return x


def censored_stationary(rates: Array) -> Array:
    """Stationary masses of a small dense walk, without subtractions, shape (m,)."""
    q, m = rates.copy(), rates.shape[0]
    if (rates < 0).any():
        matrix = np.vstack([(rates - np.diag(rates.sum(axis=1))).T / np.abs(rates).max(), np.ones(m)])
        return np.asarray(np.linalg.lstsq(matrix, np.append(np.zeros(m), 1.0), rcond=None)[0])
    pivot = np.empty(m)
    for k in range(m - 1):
        pivot[k] = q[k, k + 1 :].sum()
        if not pivot[k] > 0:
            raise ValueError(
                "parts of the grid are not joined by any rates (noise too small, or none along an axis), so that there "
                "is no one stationary density; give more noise or more cells"
            )
        q[k + 1 :, k + 1 :] += np.outer(q[k + 1 :, k] / pivot[k], q[k, k + 1 :])
    x = np.zeros(m)
    x[m - 1] = 1.0
    for k in range(m - 2, -1, -1):
        x[k] = x[k + 1 :] @ q[k + 1 :, k] / pivot[k]
    return np.asarray(x / x.sum())


def _finite(values: Any) -> Array:
    """The values, unless some are not finite: an error then."""
    if not np.isfinite(values).all():
        raise ValueError("the result overflows double precision (or the system is singular): the escape is too rare")
    return np.asarray(values)
