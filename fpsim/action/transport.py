"""Second derivatives of the quasi-potential along a way of least action, and what stands before its exponential.

    Q' = -(H_xx + H_xp Q + Q H_px + Q H_pp Q),        Q = Hess V,     x' = H_p(x, p),   p = grad V,
    (ln K)' = -F,      F = tr H_px + tr(H_pp Q) / 2,        density = K exp(-V)

From node to node the coefficients are constant, and (1, Q) is carried by the exponential of the linear flow: the step
is stable at any length, and int F the logarithm of a determinant.  The error falls with the square of the step.  The
column of Q along the way is known, Q x' = p', and put in at every node; only the rest of Q is stable.

A chain of steps eta carries deviations by a map in place of a flow; Laplace's method for one step gives K its factor:

    dx' = (1 + eta H_px) dx + eta H_pp dp',      dp' = (1 + eta H_xp)^-1 (dp - eta H_xx dx),
    K' / K = (det(1 + eta H_px) det(dx'/dx))^(-1/2),       dx'/dx for dp = Q dx.

The map's logarithm over eta is the flow whose values it has after every step, and is carried as above.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fpsim.action.arc import Arc

Array = NDArray[np.float64]
STEEP = 4.0  # largest rate times step of one exponential
FOCAL = 1e8  # growth of Q at which neighbouring ways cross


class FocalPointError(ValueError):
    """The quasi-potential is not smooth along the way."""


class OvershootError(ValueError):
    """Steps that carry a deviation beyond the way."""

    def __init__(self, eta: float, rate: float) -> None:
        super().__init__(
            f"what finite steps do to a prefactor is known for eta times every rate below 1; here it is "
            f"{eta:g} x {rate:.3g} = {eta * rate:.3g}"
        )


@dataclass(frozen=True)
class Transported:
    """What has arrived at a node: Q (d, d), ln sqrt(|det Q| / det Q at the first node), and int F dt since there."""

    hessian: Array
    determinants: float
    divergence: float


def transported(way: Arc, first: Array, eta: float = 0.0) -> Iterator[Transported]:
    """Carry Q = ``first`` (d, d) from the first node of an arc to all others, in steps ``eta`` if they are finite.

    Raises:
        FocalPointError: where neighbouring ways cross.
    """
    total, largest, span = 0.0, FOCAL * float(np.linalg.norm(first)), way.time[-1] - way.time[0]
    q = with_column(first, way.tangent[0], way.column[0])
    begin = _size(q)
    for k, step in enumerate(np.diff(way.time)):
        try:
            q, gain = _stepped(way, k, float(step), q, eta)
        except np.linalg.LinAlgError:
            gain = math.nan
        if not (math.isfinite(gain) and np.linalg.norm(q) <= largest):
            share = 100 * (way.time[k + 1] - way.time[0]) / span
            raise FocalPointError(f"neighbouring ways of least action cross {share:.3g} % up the way")
        total += gain
        q = with_column(q, way.tangent[k + 1], way.column[k + 1])
        yield Transported(q, (_size(q) - begin) / 2, total)


def _size(matrix: Array) -> float:
    return float(np.linalg.slogdet(matrix)[1])


def with_column(q: Array, tangent: Array, column: Array) -> Array:
    """The symmetric matrix that takes a unit ``tangent`` to ``column`` and is ``q`` across it."""
    across = np.eye(len(q)) - np.outer(tangent, tangent)
    outer = np.outer(tangent, column)
    return np.asarray(across @ q @ across + outer + outer.T - (tangent @ column) * np.outer(tangent, tangent))


def _stepped(way: Arc, k: int, step: float, q: Array, eta: float) -> tuple[Array, float]:
    """Q after the step from node k, and int F dt over it (nan where (1, Q) turns over)."""
    from scipy.linalg import expm

    d, logs = len(q), 0.0
    curvature, shear, bend = ((part[k] + part[k + 1]) / 2 for part in (way.curvature, way.shear, way.bend))
    flow, swell = linear_flow(curvature, shear, bend, eta)
    times = max(1, math.ceil(step * float(np.linalg.norm(shear, 2)) / STEEP))
    carried = expm(flow * (step / times))
    for _ in range(times):
        both = carried @ np.concatenate([np.eye(d), q])
        sign, log = np.linalg.slogdet(both[:d])
        if sign <= 0:
            return q, math.nan
        q, logs = np.linalg.solve(both[:d].T, both[d:].T).T, logs + float(log)
        q = (q + q.T) / 2
    return q, (logs + step * swell) / 2


def linear_flow(curvature: Array, shear: Array, bend: Array, eta: float = 0.0) -> tuple[Array, float]:
    """What carries (dx, dp), (2 d, 2 d), and what int F dt grows by beside its determinant; per time."""
    if not eta:
        return np.block([[shear, bend], [-curvature, -shear.T]]), float(np.trace(shear))
    from scipy.linalg import logm

    ahead = np.eye(len(shear)) + eta * shear
    sign, log = np.linalg.slogdet(ahead)
    if sign <= 0 or np.linalg.eigvals(ahead).real.min() <= 0:
        raise OvershootError(eta, float(-np.linalg.eigvals(shear).real.min()))
    back = np.linalg.inv(ahead.T)
    push = eta * bend @ back
    once = np.block([[ahead - eta * push @ curvature, push], [-eta * back @ curvature, back]])
    return np.asarray(logm(once)).real / eta, float(log) / eta
