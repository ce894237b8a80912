"""What stands before the exponential of an escape along a way of least action, for drifts that are no gradient, noise
that varies, and mini-batches.

    tau = (2 pi / lambda_+) sqrt(|det Q_b| / det Q_a) exp(int F dt - int p . b_1 dt) exp(V_b - V_a)

Q = Hess V of the quasi-potential is carried along the way from J^T Q + Q J + Q H_pp Q = 0 at the minimum a, with F
(:mod:`fpsim.action.transport`); lambda_+ is the growing rate at the saddle b, and b_1 what the convention adds to the
drift.  F. Bouchet and J. Reygner, Ann. Henri Poincare 17 (2016) 3499 (arXiv 1507.02104), equation 1.10 and section 4.

The way is left out next to both fixed points.  With X = Q^-1 the two parts have one derivative,

    (ln sqrt|det Q| + int F)' = - tr(X H_xx) / 2,

and H_xx vanishes with p, whose linear dynamics there is p' = -J^T p: what is left out is - tr(X H_xx(x, int p dt)) / 2
up to the square of the share, whatever the powers with which the way goes out.  Nor does it need V to be smooth at b:
where a direction relaxes there more slowly than lambda_+ the way comes in along that one, and Q and int F grow without
limit (R. Maier, D. Stein, SIAM J. Appl. Math. 57 (1997) 752), but not their sum; the rest then falls with the share
only.  So twice the share, left out at either end, gives its limit: a third of the change; at such a b a third to all.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fpsim.action.arc import SHARE, Arc, arc, second_derivatives
from fpsim.action.curve import lengths_along
from fpsim.action.descent import least
from fpsim.action.hamiltonian import Hamiltonian
from fpsim.action.systems import quadratic
from fpsim.action.transport import FocalPointError, transported

__all__ = ["FocalPointError", "Prefactor", "prefactor", "prefactor_along", "resolved"]

Array = NDArray[np.float64]
NODES = 192
SMALL = 1e-2  # share of a momentum for which H_xx is linear in it
NOT_SO = "a prefactor needs a way from a stable fixed point to a saddle with one growing direction"


@dataclass(frozen=True)
class Prefactor:
    """The parts of ln(tau) - exponent.

    Attributes:
        growth: lambda_+, the growing rate at the saddle.
        determinants: ln sqrt(|det Q_b| / det Q_a).
        divergence: int F dt.
        convention: - int p . b_1 dt.
        lag: int H_x . H_p dt / 2, which a chain of steps eta adds S times, with an action for S/eta = 1.
        width: the thermal width along the growing direction at the saddle.
        mismatch: how far the way comes in from the linear dynamics at the saddle, relative.
        error: of the logarithm, by the step and by the parts left out; by the way itself if :func:`resolved`.
    """

    growth: float
    determinants: float
    divergence: float
    convention: float
    lag: float
    width: float
    mismatch: float
    error: float

    @property
    def log(self) -> float:
        """ln of all of it, 2 pi / lambda_+ included."""
        return math.log(2 * math.pi / self.growth) + self.determinants + self.divergence + self.convention


def prefactor(sde: Any, x: Array, lengths: tuple[float, ...], nodes: int = NODES) -> Prefactor:
    """The prefactor of the escape along ``x`` (d, n), from a stable fixed point to a saddle of index 1.

    Args:
        sde: an SDE, for the noise as given.
        x: points of the way of least action; the ends are fixed points to rounding.
        lengths: (d,) on which drift and noise vary.
        nodes: of the transport.

    Raises:
        FocalPointError: where neighbouring ways cross, so that V has no second derivative.
        ValueError: if the end has not one growing direction.
    """
    h = quadratic(sde, lengths)
    if len(x) == 1:
        return _on_a_line(h, sde.convention_weight, x)
    way = arc(h, x, nodes, lengths)
    found = prefactor_along(h, x, way, lengths)
    if sde.noise.is_constant or not sde.convention_weight:
        return found
    ends = zip((0, -1), (rest(h, x[:, k], lengths) for k in (0, -1)), strict=True)
    beyond = sum(float(sde.divergence(x[:, [k]])[:, 0] @ at.beyond(way.p[k])) for k, at in ends)
    inner = _integral((np.asarray(sde.divergence(way.x.T)).T * way.p).sum(axis=1), way.time)
    return replace(found, convention=-sde.convention_weight * (inner + beyond))


def prefactor_along(h: Hamiltonian, x: Array, way: Arc, lengths: tuple[float, ...], eta: float = 0.0) -> Prefactor:
    """The same for any Hamiltonian and the arc of its way, without what a convention adds; in steps ``eta`` of a chain.

    Finite steps widen stiff fluctuations across the way.  What they shift of the way itself is of the order of eta
    times the rates along it, and left out.
    """
    a, b = (rest(h, x[:, k], lengths) for k in (0, -1))
    if a.growing != 0 or b.growing != 1:
        raise ValueError(NOT_SO)
    spread = a.spread(eta)
    first = _inverse(spread)

    def logs(line: Arc, *nodes: int) -> list[Array]:
        """Of the determinants, of the rest, and of what is left out, for the arc up to some of its nodes."""
        states = list(transported(line, first, eta))
        before = a.missing(spread, line.p[0])
        behind = [b.missing(_inverse(states[k].hessian), line.p[k]) for k in nodes]
        return [np.array([states[k].determinants, states[k].divergence, before + end])
                for k, end in zip(nodes, behind, strict=True)]  # fmt: skip

    low, high = _inner(way)
    (whole, earlier), (coarse,), (later,) = logs(way, -1, high), logs(way[::2], -1), logs(way[low:], -1)
    step, begin, end = ((whole - other) / 3 for other in (coarse, later, earlier))
    across = way.p[-1] - b.decaying(way.p[-1])
    mismatch = math.sqrt(float(across @ b.bend @ across) / float(way.p[-1] @ b.bend @ way.p[-1]))
    parts = whole + step
    lag = (_integral(way.lag, way.time) + _ends(way, x)) / 2
    error = sum(abs(float(part.sum())) for part in (step, begin, end))
    others = float(parts[1:].sum() + begin.sum() + end.sum() * (1 if b.slowest >= b.growth else 2))
    growth = math.log1p(eta * b.growth) / eta if eta else b.growth
    return Prefactor(growth, float(parts[0]), others, 0.0, lag, b.width, mismatch, error)


def resolved(h: Hamiltonian, x: Array, front: Callable[[Array], Prefactor]) -> Prefactor:
    """The prefactor ``front`` of a way (d, n) with an error that covers the way's own: on half as many pieces the
    logarithm is off by four times as much.

    Raises:
        FocalPointError: as ``front`` does, on either way.
    """
    found = front(x)
    if len(x) == 1:
        return found
    half = front(least(h, x, (x.shape[1] - 1) // 2, (True, True)).curve.x)
    return replace(found, error=found.error + abs(found.log - half.log) / 3)


def _inverse(matrix: Array) -> Array:
    return np.asarray(np.linalg.inv(matrix), dtype=np.float64)


def _integral(values: Array, time: Array) -> float:
    from scipy.interpolate import CubicSpline

    return float(CubicSpline(time, values).integrate(time[0], time[-1]))


def _ends(way: Arc, x: Array) -> float:
    """What int H_x . H_p dt has beside the arc: its last values over the rates at which p and x - x_end vanish."""
    total = 0.0
    for k, j in ((0, 1), (-1, -2)):
        sizes = [np.linalg.norm(way.p[n]) * np.linalg.norm(way.x[n] - x[:, k]) for n in (k, j)]
        total += float(way.lag[k] * abs(way.time[k] - way.time[j]) / abs(np.log(sizes[1] / sizes[0])))
    return total


def _inner(way: Arc) -> tuple[int, int]:
    """The first and last node (from the end) that leave out twice as much."""
    along = lengths_along(way.x.T)
    low, high = np.searchsorted(along, along[-1] * np.array([SHARE, 1 - 3 * SHARE]) / (1 - 2 * SHARE))
    return int(low), int(high) - len(along)


@dataclass(frozen=True)
class Rest:
    """A fixed point with what its linear dynamics needs.

    Attributes:
        jacobian, bend: (d, d) H_px and H_pp at p = 0.
        growing: how many of its directions grow.
        growth, slowest: the largest rate, and the smallest one at which something decays.
        left, right: (d,) its left and right vector, of length 1.
        curvature: H_xx at the point for a small momentum (d,), linear in it.
    """

    jacobian: Array
    bend: Array
    growing: int
    growth: float
    slowest: float
    left: Array
    right: Array
    curvature: Callable[[Array], Array]

    def spread(self, eta: float = 0.0) -> Array:
        """Q^-1 at a stable one: J X + X J^T + eta J X J^T = -H_pp."""
        from scipy.linalg import solve_continuous_lyapunov, solve_discrete_lyapunov

        if eta:
            ahead = np.eye(len(self.jacobian)) + eta * self.jacobian
            return np.asarray(solve_discrete_lyapunov(ahead, eta * self.bend))
        return np.asarray(solve_continuous_lyapunov(self.jacobian, -self.bend))

    def beyond(self, momentum: Array) -> Array:
        """Int p dt between here and a node next to it with p (d,): p' = -J^T p, growing from here or decaying to it."""
        if self.growing:
            return self.decaying(momentum) / self.growth
        return np.asarray(np.linalg.solve(-self.jacobian.T, momentum), dtype=np.float64)

    def missing(self, spread: Array, momentum: Array) -> float:
        """- int tr(X H_xx) dt / 2 over the same, for X = Q^-1."""
        return -float(np.sum(spread * self.curvature(self.beyond(momentum)))) / 2

    def decaying(self, momentum: Array) -> Array:
        """The part of p (d,) along w, which decays at the rate lambda_+."""
        return np.asarray(self.left * (self.right @ momentum) / (self.right @ self.left))

    @property
    def width(self) -> float:
        """Thermal width along the growing direction."""
        noise = float(self.left @ self.bend @ self.left) / 2
        return math.sqrt(noise / self.growth) / abs(float(self.left @ self.right)) if self.growth > 0 else math.inf


def rest(h: Hamiltonian, x: Array, lengths: tuple[float, ...]) -> Rest:
    """The fixed point at x (d,)."""
    at, still = x[:, None], np.zeros((len(x), 1))
    jacobian, bend = (np.ascontiguousarray(part(at, still)[..., 0]) for part in (h.shear, h.bend))
    rates, modes = np.linalg.eig(jacobian)
    most = int(np.argmax(rates.real))
    right = modes[:, most].real
    others, back = np.linalg.eig(jacobian.T)
    left = back[:, np.argmax(others.real)].real

    def curvature(p: Array) -> Array:
        """The part of H_xx that is linear in p."""
        both = second_derivatives(h, np.repeat(at, 2, axis=1), p[:, None] * np.array([SMALL, -SMALL]), lengths)[0]
        return np.asarray(both[0] - both[1]) / (2 * SMALL)

    sizes = np.linalg.norm(right), np.linalg.norm(left)
    growing = int((rates.real > 0).sum())
    slowest = float(np.min(-rates.real, where=rates.real < 0, initial=np.inf))
    return Rest(jacobian, bend, growing, float(rates.real[most]), slowest, left / sizes[1], right / sizes[0], curvature)


def _on_a_line(h: Any, weight: float, x: Array) -> Prefactor:
    """One dimension: int F dt = ln(D_b / D_a)."""
    a, b = (rest(h, x[:, k], h.lengths) for k in (0, -1))
    if a.growing != 0 or b.growing != 1:
        raise ValueError(NOT_SO)
    swell = math.log(float(b.bend[0, 0] / a.bend[0, 0]))
    level = math.log(b.growth / -a.growth) / 2 - swell / 2
    return Prefactor(b.growth, level, swell, -weight * swell, math.nan, b.width, 0.0, 0.0)
