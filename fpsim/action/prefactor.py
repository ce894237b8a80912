"""What stands before the exponential of an escape along a way of least action, for drifts that are no gradient.

    tau = (2 pi / lambda_+) sqrt(|det Q_b| / det Q_a) exp(int F dt - int p . b_1 dt) exp(V_b - V_a)

Q = Hess V of the quasi-potential, from its Lyapunov equation J^T Q + Q J + 2 Q D Q = 0 at the minimum a along the way

    dQ/dt = -(H_xx + H_xp Q + Q H_px + Q H_pp Q),      x' = H_p(x, grad V),
    F = tr J + tr(D Q) + 2 (div D) . p,                p = grad V,

to the saddle b, whose Jacobian has the one positive eigenvalue lambda_+; b_1 is what the convention adds to the drift.
The column of Q along the way is known, Q x' = p'; only the rest of it is integrated, which is stable.
F. Bouchet and J. Reygner, Ann. Henri Poincare 17 (2016) 3499 (arXiv 1507.02104), equation 1.10 and section 4.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fpsim.action.curve import lengths_along, marks
from fpsim.action.differences import differences
from fpsim.action.hamiltonian import Quadratic, pull

Array = NDArray[np.float64]
ENDS = (0.01, 0.02, 0.04)  # of the way's length: left out at both fixed points, the limit of none is extrapolated
POINTS = 400  # of the way, at which its coefficients are taken
FOCAL = 1e8  # growth of Q at which neighbouring ways cross
RESONANT = 1e-6  # sums of two rates below this share of the largest leave a part of Q open


class FocalPointError(ValueError):
    """The quasi-potential is not smooth along the way."""


@dataclass(frozen=True)
class Prefactor:
    """The parts of ln(tau) - exponent.

    Attributes:
        growth: lambda_+, the growing rate at the saddle.
        determinants: ln sqrt(|det Q_b| / det Q_a).
        divergence: int F dt.
        convention: - int p . b_1 dt.
        hessian: (d, d) Q at the saddle.
        mismatch: how far the Hessian that arrives is from the saddle's own, relative.
        error: of the logarithm, by extrapolation into the fixed points.
    """

    growth: float
    determinants: float
    divergence: float
    convention: float
    hessian: Array
    mismatch: float
    error: float

    @property
    def log(self) -> float:
        """ln of all of it, 2 pi / lambda_+ included."""
        return math.log(2 * math.pi / self.growth) + self.determinants + self.divergence + self.convention


def prefactor(sde: Any, x: Array, lengths: tuple[float, ...]) -> Prefactor:
    """The prefactor of the escape along ``x`` (d, n), from a stable fixed point to a saddle of index 1.

    Args:
        sde: an SDE, for the noise as given.
        x: points of the way of least action; the ends are fixed points to rounding.
        lengths: (d,) on which drift and noise vary.

    Raises:
        FocalPointError: where neighbouring ways cross, so that V has no second derivative.
        ValueError: if the end has not one growing direction.
    """
    h = Quadratic(sde, lengths)
    a, b = x[:, 0], x[:, -1]
    at_a, at_b = (_spectrum(h, point) for point in (a, b))
    growing = at_b[0].real > 0
    if growing.sum() != 1 or (at_a[0].real >= 0).any():
        raise ValueError("a prefactor needs a way from a stable fixed point to a saddle with one growing direction")
    first, arrived = _inverse(_covariance(*at_a, _noise(h, a), None)), None
    mismatch = error = 0.0
    if len(x) == 1:
        swell = math.log(float(_noise(h, b)[0, 0] / _noise(h, a)[0, 0]))
        logs = swell, -sde.convention_weight * swell
    else:
        logs, arrived, error = _limit([_transported(h, sde, x, first, share) for share in ENDS])
    last = _inverse(_covariance(*at_b, _noise(h, b), None if arrived is None else _inverse(arrived)))
    if arrived is not None:
        mismatch = float(np.linalg.norm(last - arrived) / np.linalg.norm(last))
    sizes = [float(np.linalg.slogdet(q)[1]) for q in (first, last)]
    return Prefactor(float(at_b[0].real.max()), (sizes[1] - sizes[0]) / 2, *logs, last, mismatch, error)


def _inverse(matrix: Array) -> Array:
    return np.asarray(np.linalg.inv(matrix), dtype=np.float64)


def _limit(found: list[tuple[Array, Array]]) -> tuple[tuple[float, float], Array, float]:
    """Logarithms and Hessian for no part of the way left out, from three parts of sizes 1, 2, 4; and their error."""
    (one, q1), (two, q2), (four, _) = found
    value = (8 * one - 6 * two + four) / 3
    error = float(np.abs(value - (2 * one - two)).sum() + np.abs(value - one).sum() / 2)
    return (float(value[0]), float(value[1])), 2 * q1 - q2, error


def _noise(h: Quadratic, x: Array) -> Array:
    return h.noise(x[:, None])[..., 0]


def _spectrum(h: Quadratic, x: Array) -> tuple[Any, Any]:
    return np.linalg.eig(h.sde.landscape.jacobian(x[:, None])[..., 0])


def _covariance(rates: Any, modes: Any, noise: Array, known: Array | None) -> Array:
    """X = Q^-1 with J X + X J^T = -2 D; where two rates cancel the equation leaves it open, and ``known`` decides."""
    back = np.linalg.inv(modes)
    sums = rates[:, None] + rates[None, :]
    open_ = np.abs(sums) <= RESONANT * np.abs(rates).max()
    inner = -2 * (back @ noise @ back.T) / np.where(open_, 1.0, sums)
    if open_.any():
        inner = np.where(open_, 0.0 if known is None else back @ known @ back.T, inner)
    return np.ascontiguousarray((modes @ inner @ modes.T).real)


@dataclass(frozen=True)
class _Fields:
    """What the transport needs, as splines over the length s of the way: arrays (k, ...) at k points of it."""

    s: Array
    parts: tuple[Array, ...]

    def __call__(self, s: float) -> list[Array]:
        return [np.asarray(spline(s)) for spline in self._splines]

    @cached_property
    def _splines(self) -> list[Any]:
        from scipy.interpolate import CubicSpline

        return [CubicSpline(self.s, part) for part in self.parts]


def _fields(h: Quadratic, sde: Any, x: Array, share: float) -> _Fields:
    """Tangent, its derivative, p' / v, velocity, H_xx, H_px, D, sources of int F dt and of the convention."""
    from scipy.interpolate import CubicSpline

    along = lengths_along(x)
    keep = np.concatenate([[True], np.diff(along) > 1e-12 * along[-1]])
    place = CubicSpline(along[keep], x[:, keep], axis=1)
    s = along[-1] * (share + (1 - 2 * share) * marks(POINTS, (True, True)))
    y, slope, bend = (np.asarray(place(s, order)) for order in (0, 1, 2))
    size = np.linalg.norm(slope, axis=0)
    tangent = slope / size
    bend = (bend - tangent * (tangent * bend).sum(axis=0)) / size**2
    found = pull(h, y, tangent)
    p, speed = found.momentum, 1 / found.time
    jacobian, noise = np.asarray(h.sde.landscape.jacobian(y)), h.noise(y)
    drifting = np.zeros_like(y) if sde.noise.is_constant else sde.divergence(y)
    swell = np.trace(jacobian) + 2 * (drifting * p).sum(axis=0)
    turn = -sde.convention_weight * (drifting * p).sum(axis=0)
    column = -h.by_place(y, p) / speed
    parts = (tangent, bend, column, speed, _curvature(h, y, p), h.shear(y, p), noise, swell, turn)
    return _Fields(s, tuple(np.ascontiguousarray(np.moveaxis(part, -1, 0)) for part in parts))


def _transported(h: Quadratic, sde: Any, x: Array, first: Array, share: float) -> tuple[Array, Array]:
    """Int F dt and - int p . b_1 dt between a ``share`` of the way and as much before its end, and Q there."""
    from scipy.integrate import solve_ivp

    fields, d = _fields(h, sde, x, share), len(x)
    begin, end = float(fields.s[0]), float(fields.s[-1])
    frame = np.linalg.svd(fields.parts[0][:1])[2][1:].T  # (d, d - 1), across the way
    largest = FOCAL * float(np.linalg.norm(first))

    def whole(state: Array, tangent: Array, column: Array) -> tuple[Array, Array]:
        across, inner = state[: d * (d - 1)].reshape(d, d - 1), state[d * (d - 1) : -2].reshape(d - 1, d - 1)
        outer = np.outer(tangent, column)
        q = across @ inner @ across.T + outer + outer.T - (tangent @ column) * np.outer(tangent, tangent)
        return across, q

    def slope(s: float, state: Array) -> Array:
        tangent, bend, column, speed, curvature, shear, noise, swell, turn = fields(s)
        across, q = whole(state, tangent, column)
        rate = -(curvature + shear.T @ q + q @ shear + 2 * q @ noise @ q) / speed
        twist = np.outer(across.T @ q @ tangent, across.T @ bend)
        inner = across.T @ rate @ across - twist - twist.T
        frame_rate = -np.outer(tangent, bend @ across)
        sources = [(swell + np.trace(noise @ q)) / speed, turn / speed]
        return np.concatenate([frame_rate.ravel(), inner.ravel(), sources])

    def focal(_: float, state: Array) -> float:
        return largest - float(np.linalg.norm(state[d * (d - 1) : -2]))

    vars(focal)["terminal"] = True
    state = np.concatenate([frame.ravel(), (frame.T @ first @ frame).ravel(), [0.0, 0.0]])
    with np.errstate(all="ignore"):
        found = solve_ivp(slope, (begin, end), state, method="LSODA", rtol=1e-8, atol=1e-10, events=focal)
    last = found.y[:, -1]
    if found.status != 0 or not np.isfinite(last).all():
        share = (found.t[-1] - begin) / (end - begin)
        raise FocalPointError(f"neighbouring ways of least action cross {100 * share:.3g} % up the way")
    ends = begin * (slope(begin, state)[-2:] + slope(end, last)[-2:])  # linear from zero over the part left out
    tangent, column = fields.parts[0][-1], fields.parts[2][-1]
    return last[-2:] + ends, whole(last, tangent, column)[1]


def _curvature(h: Quadratic, x: Array, p: Array) -> Array:
    """H_xx at points, (d, d, n), by differences of H_x."""
    d, n = x.shape

    def force(y: Array) -> Array:
        many = y.reshape(d, -1)
        return h.by_place(many, np.tile(p, many.shape[1] // n)).reshape(y.shape)

    change = differences(force, x, h.lengths)
    return (change + np.swapaxes(change, 0, 1)) / 2
