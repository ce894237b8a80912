"""The quasi-potential of a 1-D chain with Gaussian noise,

    V(target) = inf  sum_k (x_{k+1} - m(x_k))^2 / (2 eta^2 C1(x_k))      over x_0 = minimum, ..., x_n in the target,

m(x) = x + eta b(x) and C1 = S C the noise covariance of one example.  By the large-deviation principle for
discrete-time Markov chains with small noise (Freidlin and Wentzell, Random Perturbations of Dynamical Systems,
chapter 6; Kifer 1990), ln(iterations) ~ S V as the batch size S grows at fixed eta.

The infimum is a shortest path with costs >= 0.  On a grid the min-plus iteration V(y) = min_x [V(x) + cost(x, y)] is
exact after one sweep in the order of V (Dijkstra).  Newton's method then frees the path from the grid.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from fpsim.sgd.transfer import target_interval
from fpsim.storage import Stored, dataset, facts_of
from fpsim.targets import Target

if TYPE_CHECKING:
    import xarray

    from fpsim.sgd.iteration import Iteration

Array = NDArray[np.float64]
LONGEST_TAIL = 4000  # steps that leave the minimum geometrically
GROWTHS = 24


@dataclass(frozen=True)
class QuasiPotential(Stored):
    """The cost of the cheapest way out of a valley, for one example's noise.

    Attributes:
        value: V; ln(iterations) ~ batch_size * V.
        error: what V may be off by: distance of the polished path from the grids' extrapolated value.
        path: (n,) the optimal jumps from the minimum to the target's edge, one entry per iteration.
        costs: (n - 1,) the cost of each of them; they sum to ``value``.
        grid_values: V on the coarse and the fine grid (both upper bounds).
        spacings: the two grids' spacings.
        domain: the interval searched; it was enlarged until V stayed.
        batch_size: S of the chain (1 where its noise has none).
        target: the target in words.
    """

    value: float
    error: float
    path: Array
    costs: Array
    grid_values: tuple[float, float]
    spacings: tuple[float, float]
    domain: tuple[float, float]
    batch_size: float
    target: str

    @property
    def exponent(self) -> float:
        """batch_size * V, the leading term of ln(iterations)."""
        return self.batch_size * self.value

    def to_xarray(self) -> xarray.Dataset:
        """Dataset with the optimal path over ``iteration`` and its costs over ``jump``."""
        entries = {
            "path": ("iteration", self.path, "", "position on the cheapest way out"),
            "cost": ("jump", self.costs, "", "cost of each jump"),
        }
        names = ("value", "error", "batch_size", "target", "domain", "grid_values", "spacings")
        facts: dict[str, Any] = {name: getattr(self, name) for name in names}
        return dataset(entries, **facts)

    @classmethod
    def from_xarray(cls, data: xarray.Dataset) -> Self:
        """The inverse of :meth:`to_xarray`."""
        facts = facts_of(data)
        facts |= {name: tuple(facts[name]) for name in ("domain", "grid_values", "spacings")}
        return cls(path=data.path.values, costs=data.cost.values, **facts)

    def plot(self, axes: Any = None) -> Any:
        """The cheapest jumps, and the share of V that each of them spends."""
        from fpsim.plotting import jump_chart

        return jump_chart(self, axes)

    def __str__(self) -> str:
        low, high = self.domain
        far = self.path[np.abs(self.path - self.path[-1]).argmax()]
        return (
            f"quasi-potential of the chain from {self.path[0]:.6g} to {self.target}: "
            f"{self.value:.8g} +- {self.error:.1g}\n"
            f"  ln(iterations) ~ S V = {self.exponent:.6g} at S = {self.batch_size:g}\n"
            f"  {self.path.size - 1} jumps, outermost point {far:.5g}, last jump from {self.path[-2]:.5g} "
            f"(cost {self.costs[-1]:.4g}); searched [{low:.4g}, {high:.4g}]; on the grids "
            f"{self.grid_values[0]:.6g}, {self.grid_values[1]:.6g}"
        )


def quasipotential_of_chain(chain: Iteration, start: float, target: Target, points: int = 1500) -> QuasiPotential:
    """V from the minimum that ``start`` runs to without noise.

    Args:
        chain: a 1-D chain; its batch size does not enter V.
        start: a number outside the target.
        target: a half-line (a number, ``HalfSpace``) or an interval (``Ball``).
        points: nodes of the fine grid between minimum and target; the coarse one has half as many.

    Raises:
        ValueError: if the noiseless map does not come to rest outside the target, or the target cannot be reached.
    """
    goal, rest = target_interval(target), _rest(chain, float(start), target_interval(target))
    edge = min((e for e in goal if math.isfinite(e)), key=lambda e: abs(e - rest))
    fine = abs(edge - rest) / points
    domain = _domain(chain, rest, goal, 8 * fine)
    coarse_value, _ = _on_grid(chain, rest, goal, domain, 2 * fine)
    fine_value, jumps = _on_grid(chain, rest, goal, domain, fine)
    path = _polished(chain, _with_tails(chain, jumps, fine))
    costs = _Terms.at(chain, path).cost
    value = float(costs.sum())
    if not value <= fine_value * (1 + 1e-9):
        raise ValueError(
            f"the path could not be polished: it costs {value:.8g}, on the grid {fine_value:.8g}; use more points"
        )
    extrapolated = fine_value - (coarse_value - fine_value) / 3
    error, grids = max(abs(value - extrapolated), 1e-12 * value), (coarse_value, fine_value)
    return QuasiPotential(value, error, path, costs, grids, (2 * fine, fine), domain, chain.batch_size, str(target))


def _rest(chain: Iteration, start: float, goal: tuple[float, float]) -> float:
    """The fixed point that the noiseless map takes ``start`` to."""
    before, here, length = math.nan, start, max(abs(edge - start) for edge in goal if math.isfinite(edge))
    for _ in range(20_000):
        moved = float(chain.line(np.array([here]))[0][0])
        if goal[0] <= moved <= goal[1]:
            raise ValueError(f"without noise the chain runs from {start:g} into the target; leaving costs nothing")
        if abs(moved - here) <= 1e-6 * length:
            return _at_rest(chain, moved, length)
        if abs(moved - before) <= 1e-9 * length:
            break  # a cycle of two
        before, here = here, moved
    raise ValueError(
        f"without noise the chain does not come to rest from {start:g} at learning rate {chain.eta:g}; a learning rate "
        "above 2 / curvature never does"
    )


def _at_rest(chain: Iteration, x: float, length: float) -> float:
    """The zero of the drift next to ``x``, by Newton's method, to rounding in ``length``."""
    for _ in range(50):
        point = np.array([[x]])
        move = float(chain.landscape.drift(point)[0, 0] / chain.landscape.jacobian(point)[0, 0, 0])
        if not abs(move) > 1e-15 * (length + abs(x)):
            break
        x -= move
    return x


# --- on a grid --------------------------------------------------------------------------------------------------------


def _domain(chain: Iteration, rest: float, goal: tuple[float, float], spacing: float) -> tuple[float, float]:
    """An interval outside of which no cheap path goes: enlarged until V on a coarse grid stays twice."""
    near = [e for e in goal if math.isfinite(e)]
    span = max(abs(e - rest) for e in near)
    low, high = min([rest, *near]) - span, max([rest, *near]) + span
    before, steady = math.nan, 0
    for _ in range(GROWTHS):
        left = max(low, goal[1]) if math.isinf(goal[0]) else low
        domain = left, min(high, goal[0]) if math.isinf(goal[1]) else high
        value, _ = _on_grid(chain, rest, goal, domain, spacing)
        steady = steady + 1 if value == before else 0
        if steady == 2:
            return domain
        before, (low, high) = value, (low - (high - low) / 4, high + (high - low) / 4)
    raise ValueError(
        f"the cheapest path grows with the domain, now [{low:.4g}, {high:.4g}]; choose a landscape that confines"
    )


def _on_grid(
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


# --- off the grid -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Terms:
    """Cost of each jump (u -> v), and its first and second derivatives."""

    cost: Array
    u: Array
    v: Array
    uu: Array
    uv: Array
    vv: Array

    @classmethod
    def at(cls, chain: Iteration, path: Array) -> _Terms:
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


def _with_tails(chain: Iteration, jumps: Array, spacing: float) -> Array:
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


def _polished(chain: Iteration, path: Array, rounds: int = 400) -> Array:
    """The nearest path of least cost between the same ends: Newton with a tridiagonal Hessian, damped where needed."""
    from scipy.linalg import solveh_banded

    if path.size == 2:
        return path
    terms, damping = _Terms.at(chain, path), 1e-3
    for _ in range(rounds):
        slope = terms.u[1:] + terms.v[:-1]
        band = np.stack([np.append(0.0, terms.uv[1:-1]), terms.uu[1:] + terms.vv[:-1]])
        move = _newton_move(solveh_banded, band, slope, damping)
        trial = path.copy()
        if move is not None:
            trial[1:-1] -= move
        new = _Terms.at(chain, trial)
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
