"""The cheapest path of jumps of a 1-D chain: by Dijkstra on a grid, then freed from it by Newton's method.

Costs and names are those of :mod:`fpsim.sgd.quasipotential`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from fpsim.sgd.iteration import Iteration

Array = NDArray[np.float64]
LONGEST_TAIL = 4000  # steps that leave the minimum geometrically
GROWTHS = 24


def domain_of(chain: Iteration, rest: float, goal: tuple[float, float], spacing: float) -> tuple[float, float]:
    """An interval outside of which no cheap path goes: enlarged until V on a coarse grid stays twice."""
    near = [e for e in goal if math.isfinite(e)]
    span = max(abs(e - rest) for e in near)
    low, high = min([rest, *near]) - span, max([rest, *near]) + span
    before, steady = math.nan, 0
    for _ in range(GROWTHS):
        left = max(low, goal[1]) if math.isinf(goal[0]) else low
        domain = left, min(high, goal[0]) if math.isinf(goal[1]) else high
        value, _ = on_grid(chain, rest, goal, domain, spacing)
        steady = steady + 1 if value == before else 0
        if steady == 2:
            return domain
        before, (low, high) = value, (low - (high - low) / 4, high + (high - low) / 4)
    raise ValueError(
        f"the cheapest path grows with the domain, now [{low:.4g}, {high:.4g}]; choose a landscape that confines"
    )


def on_grid(
    chain: Iteration, rest: float, goal: tuple[float, float], domain: tuple[float, float], spacing: float
) -> tuple[float, Array]:
    """V and its path on the grid rest + k spacing outside the target."""
    first, last = math.ceil((domain[0] - rest) / spacing), math.floor((domain[1] - rest) / spacing)
    x = np.asarray(rest + spacing * np.arange(first, last + 1), dtype=np.float64)
    x = x[(x < goal[0]) | (x > goal[1])]
    mean, spread = chain.line(x)
    variance = chain.batch_size * spread**2
    landing = np.clip(mean, *goal)
    with np.errstate(divide="ignore", invalid="ignore"):
        jump = np.where(landing == mean, 0.0, (landing - mean) ** 2 / (2 * variance))
    value, before, open_ = np.full(x.size, np.inf), np.full(x.size, -1), np.ones(x.size, dtype=bool)
    value[np.abs(x - rest).argmin()] = 0.0
    best, leave = math.inf, -1
    while True:
        here = int(np.where(open_, value, np.inf).argmin())
        if not (open_[here] and value[here] < best):  # the rest cannot improve the target any more
            break
        open_[here] = False
        if value[here] + jump[here] < best:
            best, leave = float(value[here] + jump[here]), here
        if variance[here] > 0:
            offered = value[here] + (x - mean[here]) ** 2 / (2 * variance[here])
            better = open_ & (offered < value)
            value[better], before[better] = offered[better], here
    if leave < 0:
        raise ValueError(f"no path of jumps from {rest:.6g} reaches the target within [{x[0]:.4g}, {x[-1]:.4g}]")
    path = [float(landing[leave])]
    while leave >= 0:
        path.append(float(x[leave]))
        leave = int(before[leave])
    return best, np.array(path[::-1])


@dataclass(frozen=True)
class Terms:
    """Cost of each jump (u -> v), and its first and second derivatives."""

    cost: Array
    u: Array
    v: Array
    uu: Array
    uv: Array
    vv: Array

    @classmethod
    def at(cls, chain: Iteration, path: Array) -> Terms:
        """With q = 1/(eta^2 C1), r = v - m(u): cost = q r^2 / 2."""
        u, v = path[:-1], path[1:]
        step = 2e-4 * float(np.ptp(path))
        places = u + step * np.arange(-2.0, 3.0)[:, None]
        mean, spread = chain.line(places.ravel())
        q = 1 / np.maximum(chain.batch_size * spread**2, 1e-300)
        m, m1, m2 = _derivatives(mean.reshape(places.shape), step)
        q, q1, q2 = _derivatives(q.reshape(places.shape), step)
        r = v - m
        return cls(
            q * r**2 / 2, q1 * r**2 / 2 - q * r * m1, q * r,
            q2 * r**2 / 2 - 2 * q1 * r * m1 - q * r * m2 + q * m1**2, q1 * r - q * m1, q,
        )  # fmt: skip


def _derivatives(values: Array, step: float) -> tuple[Array, Array, Array]:
    """Value, first and second derivative from five equidistant values (fourth order)."""
    first = (values[0] - 8 * values[1] + 8 * values[3] - values[4]) / (12 * step)
    second = (-values[0] + 16 * values[1] - 30 * values[2] + 16 * values[3] - values[4]) / (12 * step**2)
    return values[2], first, second


def with_tails(chain: Iteration, jumps: Array, spacing: float) -> Array:
    """The path with jumps finer than the grid near fixed points, which it leaves and reaches in infinitely many.

    Near the minimum a the cheapest departure is x_k - a ~ (1 - eta A)^-k, the noiseless arrival in reverse; where the
    target's edge is itself at rest (a saddle), the arrival there is the noiseless departure in reverse.
    """
    mean = chain.line(jumps[-1:])[0]
    if abs(mean[0] - jumps[-1]) <= 1e-9 * spacing and jumps.size > 2:
        jumps = np.concatenate([jumps[:-1], _geometric(chain, jumps[-1], jumps[-2])[::-1], jumps[-1:]])
    if jumps.size > 2:
        jumps = np.concatenate([jumps[:1], _geometric(chain, jumps[0], jumps[1]), jumps[1:]])
    return jumps


def _geometric(chain: Iteration, rest: float, near: float) -> Array:
    """Points rest + (near - rest) rho^k, the nearest to ``rest`` first, rho = min(|m'|, 1/|m'|) there."""
    step = 1e-3 * abs(near - rest)
    mean, _ = chain.line(rest + step * np.array([-1.0, 1.0]))
    ratio = abs(float(mean[1] - mean[0]) / (2 * step))
    ratio = min(ratio, 1 / max(ratio, 1e-12))
    if ratio < 1e-6:
        return np.empty(0)
    number = min(LONGEST_TAIL, math.ceil(math.log(1e-6) / math.log(min(ratio, 1 - 1e-9))))
    return np.asarray(rest + (near - rest) * ratio ** np.arange(number, 0, -1))


def polished(chain: Iteration, path: Array, rounds: int = 400) -> Array:
    """The nearest path of least cost between the same ends: Newton with a tridiagonal Hessian, damped where needed."""
    from scipy.linalg import solveh_banded

    if path.size == 2:
        return path
    terms, damping = Terms.at(chain, path), 1e-3
    for _ in range(rounds):
        slope = terms.u[1:] + terms.v[:-1]
        band = np.stack([np.append(0.0, terms.uv[1:-1]), terms.uu[1:] + terms.vv[:-1]])
        move = _newton_move(solveh_banded, band, slope, damping)
        trial = path.copy()
        if move is not None:
            trial[1:-1] -= move
        new = Terms.at(chain, trial)
        if move is None or not new.cost.sum() <= terms.cost.sum():
            damping *= 10
            if damping > 1e12:
                break
            continue
        gain = terms.cost.sum() - new.cost.sum()
        path, terms, damping = trial, new, damping / 10
        if gain <= 1e-15 * new.cost.sum() and damping < 1e-6:
            break
    return path


def _newton_move(solver: Callable[..., Any], band: Array, slope: Array, damping: float) -> Array | None:
    """Solve (H + damping diag) move = slope; ``None`` where the damped Hessian is not positive."""
    scaled = band.copy()
    scaled[1] += damping * np.maximum(np.abs(band[1]), 1e-300)
    try:
        return np.asarray(solver(scaled, slope))
    except np.linalg.LinAlgError:
        return None
