"""The curve of least action between two points: L-BFGS in the coordinates of a Gauss-Newton matrix.

Points move across the curve only, so that its parametrisation stays what it is, and are spaced evenly again from round
to round.  In the variables z = L^T u, with L L^T the Gauss-Newton matrix of

    S = sum_k T_k |K_k^{-1/2} (v_k / T_k - b(m_k))|^2 / 2,      K = H_pp,  b' = H_px,

a block tridiagonal matrix, the problem is well conditioned whatever the number of points.  J. Nocedal and S. Wright,
Numerical Optimization (2006), algorithms 3.1, 7.4 and 7.5.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fpsim.action.curve import Curve, Rests, curve, spaced, tangents
from fpsim.action.hamiltonian import Hamiltonian, NoWayError, dot, times

Array = NDArray[np.float64]
MEMORY = 12
STEPS = 30  # of L-BFGS per round
ROUNDS = 40
PER_ROUND = 1e-3
RESOLVED = 0.1  # over n^4: changes from round to round below this share of the action are below what n pieces resolve
DENSE = 40_000_000  # numbers in the blocks of a matrix that is held
ARMIJO = 1e-4


@dataclass(frozen=True)
class Metric:
    """A block tridiagonal matrix L L^T: lower blocks ``diagonal`` (k, d, d) and ``below`` (k - 1, d, d)."""

    diagonal: Array
    below: Array

    def to_points(self, z: Array) -> Array:
        """L^-T z for z (k, d)."""
        from scipy.linalg import solve_triangular

        u = np.empty_like(z)
        for k in range(len(z) - 1, -1, -1):
            right = z[k] - (self.below[k].T @ u[k + 1] if k + 1 < len(z) else 0.0)
            u[k] = solve_triangular(self.diagonal[k], right, lower=True, trans="T", check_finite=False)
        return u

    def from_gradient(self, g: Array) -> Array:
        """L^-1 g for g (k, d)."""
        from scipy.linalg import solve_triangular

        z = np.empty_like(g)
        for k in range(len(g)):
            right = g[k] - (self.below[k - 1] @ z[k - 1] if k else 0.0)
            z[k] = solve_triangular(self.diagonal[k], right, lower=True, check_finite=False)
        return z


def metric(h: Hamiltonian, at: Curve, along: Array) -> Metric:
    """The Gauss-Newton matrix of the inner points, with unit tangents ``along`` (d, n + 1) taken out."""
    d, n = at.middles.shape
    if d * d * n > DENSE:
        raise ValueError(
            f"a least action in {d} dimensions with {n} pieces needs matrices of {8e-9 * d * d * n:.1f} GB; use fewer "
            "pieces or coordinates"
        )
    time, eye = at.pieces.time, np.eye(d)
    bend = np.moveaxis(h.bend(at.middles, at.pieces.momentum), -1, 0)
    rough = getattr(h, "rough_shear", lambda x: h.shear(x, np.zeros_like(x)))
    shear = np.moveaxis(rough(at.middles), -1, 0)  # that of the drift will do, and is cheap
    ahead, behind = eye / time[:, None, None] - shear / 2, -eye / time[:, None, None] - shear / 2
    by_ahead, by_behind = (time[:, None, None] * np.linalg.solve(bend, b) for b in (ahead, behind))
    blocks = np.swapaxes(ahead, 1, 2)[:-1] @ by_ahead[:-1] + np.swapaxes(behind, 1, 2)[1:] @ by_behind[1:]
    below = np.swapaxes(ahead, 1, 2)[1:-1] @ by_behind[1:-1]
    t = along[:, 1:-1].T
    across = eye - t[:, :, None] * t[:, None, :]
    sizes = np.trace(blocks, axis1=1, axis2=2) / d
    blocks = across @ blocks @ across + sizes[:, None, None] * t[:, :, None] * t[:, None, :]
    return _cholesky(blocks + 1e-12 * sizes[:, None, None] * eye, across[1:] @ below @ across[:-1])


def _cholesky(blocks: Array, below: Array) -> Metric:
    """The block Cholesky factor; ``below[k]`` couples block k + 1 (rows) to block k."""
    from scipy.linalg import cholesky, solve_triangular

    factors, lower = np.empty_like(blocks), np.empty_like(below)
    for k in range(len(blocks)):
        own = blocks[k] - (lower[k - 1] @ lower[k - 1].T if k else 0.0)
        factors[k] = cholesky(own, lower=True, check_finite=False)
        if k < len(below):
            lower[k] = solve_triangular(factors[k], below[k].T, lower=True, check_finite=False).T
    return Metric(factors, lower)


@dataclass(frozen=True)
class Least:
    """A curve of least action, and how well it is one: the force across it, and what its action may still change by."""

    curve: Curve
    force: float
    promise: float
    settled: bool


def least(
    h: Hamiltonian, x: Array, pieces: int, rests: Rests, tolerance: float = 1e-11, rounds: int = ROUNDS,
    watch: Callable[[], None] | None = None,
) -> Least:  # fmt: skip
    """The curve of least action next to the points ``x`` (d, n + 1), in ``pieces`` pieces.

    Args:
        h: the Hamiltonian.
        x: a curve between the two ends, in any number of points.
        pieces: of the result.
        rests: whether start and end are fixed points.
        tolerance: the decrease still promised, relative to the action, at which it is called settled.
        rounds: most rounds of spacing and descending.
        watch: called once a round; it may raise.
    """
    best = curve(h, spaced(x, pieces, rests))
    promise, change, settled, top = np.inf, np.inf, False, best.action
    for count in range(rounds):
        if watch is not None:
            watch()
        start = curve(h, spaced(best.x, pieces, rests), best.pieces) if count else best
        along = tangents(start.x)
        found, promise = _descend(h, start, metric(h, start, along), along, tolerance / 10)
        scale = max(found.action, 1e-6 * top)
        change, best = abs(best.action - found.action), found
        settled = promise <= tolerance * scale and change <= max(10 * tolerance, RESOLVED / pieces**4) * scale
        if settled and (count or change == 0.0):
            break
    return Least(best, _force(h, best), float(promise + change), settled)


def _force(h: Hamiltonian, at: Curve) -> float:
    """The largest force across the curve, per unit of its length, in units of (largest p) / (its length).

    Forces and momenta are measured by the noise, |p|^2 = p . H_pp p, which weighs down where hardly any acts.
    """
    along = tangents(at.x)[:, 1:-1]
    g, steps = at.gradient[:, 1:-1], np.linalg.norm(np.diff(at.x), axis=0)
    bend = h.bend(at.middles, at.pieces.momentum)
    g = g - along * (g * along).sum(axis=0)
    across = _sizes((bend[..., 1:] + bend[..., :-1]) / 2, g) / ((steps[1:] + steps[:-1]) / 2)
    size = float(_sizes(bend, at.pieces.momentum).max())
    return float(across.max(initial=0.0)) * float(steps.sum()) / max(size, 1e-300)


def _sizes(matrices: Array, vectors: Array) -> Array:
    """(v . M v)^(1/2) for (d, d, n) and (d, n), shape (n,)."""
    return np.asarray(np.sqrt(np.maximum(dot(vectors, times(matrices, vectors)), 0.0)))


def _descend(h: Hamiltonian, start: Curve, matrix: Metric, along: Array, enough: float) -> tuple[Curve, float]:
    """L-BFGS across the curve; the new curve and half the squared gradient in the metric, the decrease promised.

    It ends where that is ``enough`` of the action, or `PER_ROUND` of what it was: spacing the points anew costs more.
    """
    t = along[:, 1:-1].T

    def across(u: Array) -> Array:
        """The part of moves (k, d) of the inner points across the curve."""
        return np.asarray(u - t * (u * t).sum(axis=1, keepdims=True))

    def slope(at: Curve) -> Array:
        """The gradient across the curve in the coordinates z."""
        return matrix.from_gradient(across(at.gradient[:, 1:-1].T)).ravel()

    here, z, g = start, np.zeros(start.x[:, 1:-1].size), slope(start)
    pairs: list[tuple[Array, Array]] = []
    goal = max(2 * enough * start.action, PER_ROUND * float(g @ g))
    for _ in range(STEPS):
        step = -_two_loops(g, pairs)
        if not g @ step < 0:
            pairs, step = [], -g
        found = _line_search(h, here, start, matrix, across, z, g, step)
        if found is None:
            break
        new, share = found
        after = slope(new)
        if (after - g) @ step > 1e-10 * np.linalg.norm(after - g) * np.linalg.norm(step):
            pairs = [*pairs[1 - MEMORY :], (share * step, after - g)]
        gain, z, g, here = here.action - new.action, z + share * step, after, new
        if gain <= 1e-15 * abs(new.action) or g @ g <= max(goal, 1e-13 * abs(new.action)):
            break
    return here, float(g @ g) / 2


def _line_search(
    h: Hamiltonian, here: Curve, start: Curve, matrix: Metric, across: Callable[[Array], Array], z: Array, g: Array,
    step: Array,
) -> tuple[Curve, float] | None:  # fmt: skip
    """Halve the step until the action falls; ``None`` where it does not."""
    share, shape = 1.0, start.x[:, 1:-1].T.shape
    length = float(np.linalg.norm(np.diff(start.x), axis=0).sum())
    move = across(matrix.to_points(step.reshape(shape)))
    share = min(1.0, 0.2 * length / max(float(np.abs(move).max()), 1e-300))
    for _ in range(30):
        points = start.x.copy()
        points[:, 1:-1] += across(matrix.to_points((z + share * step).reshape(shape))).T
        try:
            new = curve(h, points, here.pieces)
        except NoWayError:
            new = None
        if new is not None and new.action <= here.action + ARMIJO * share * (g @ step) + 1e-15 * abs(here.action):
            return new, share
        share /= 2
    return None


def _two_loops(g: Array, pairs: list[tuple[Array, Array]]) -> Array:
    """The L-BFGS matrix applied to ``g``."""
    q, weights = g.copy(), []
    for s, y in reversed(pairs):
        a = (s @ q) / (s @ y)
        q -= a * y
        weights.append(a)
    if pairs:
        s, y = pairs[-1]
        q *= (s @ y) / (y @ y)
    for (s, y), a in zip(pairs, reversed(weights), strict=True):
        q += (a - (y @ q) / (s @ y)) * s
    return q
