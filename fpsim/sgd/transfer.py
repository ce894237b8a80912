"""Mean and variance of the number of iterations that a 1-D chain needs, without sampling.

    T(x) = 1 + int_{outside the target} p(x, y) T(y) dy,      p(x, .) = normal(m(x), s(x)^2)

with m(x) = x + eta b(x) and s(x) = eta sqrt(C(x)); the second moment solves the same equation with 2 T - 1 for 1.
T is a polynomial on each of a set of panels, the equation holds at their Gauss nodes, and the integral of p against
the polynomials is done in units of s, so that where the noise vanishes it turns into the value at m(x).  Panel edges
lie on the target and on the zeros of Hessian-shaped noise, where T has kinks.

A panel is halved while (unresolved part of T) x (expected visits) counts; the domain grows until leaving it has no
chance and the answer stays.
Where the noise vanishes nowhere, times that this cannot resolve are found with positive weights
(:mod:`fpsim.sgd.elimination`).
With T(x) = T(x_o) + w(x) the small exit chances enter as they are, not as one minus a row sum, so that a rare exit
keeps its digits.  Background: Kemeny and Snell, Finite Markov Chains (1960), theorems 3.2.4 and 3.3.3.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fpsim.exact.collocation import Breaks, Panels, interval_chance, panel_edges, panel_weights, tables, values_at
from fpsim.sgd.elimination import COARSE, TooManyStates, long_passage
from fpsim.targets import Ball, HalfSpace, Point, Target

if TYPE_CHECKING:
    from fpsim.sgd.chain import Chain

Array = NDArray[np.float64]

ORDER, HIGH_ORDER = 10, 14  # nodes per panel, and for the error estimate
MOST_NODES = 6000
LONGEST = 1e16  # iterations; beyond, rounding counts and positive weights are taken
LARGEST_LOG = 709.7
SHARES = (0.5, 0.1, 0.03)  # of its length, by which the domain grows at each end
SETTLED = 1e-3  # change of a mean as the domain grows above which it may be infinite
STEADY = 3  # growths over which a mean that is accepted with fewer digits must not change
TENTHS = 6  # growths of the domain by a tenth, with positive weights
GROWTHS = 24  # the domain grows by half each time: 17,000-fold in all


@dataclass(frozen=True)
class ChainPassage:
    """The number of iterations N from a start to a target.

    Attributes:
        iterations: mean of N; infinite beyond 1e308 (then see ``log_iterations``).
        variance: variance of N.
        relative_error: estimated relative error of mean and variance (the larger).
        learning_rate: eta; time is eta * iterations.
        start: the start.
        target: the target in words.
        domain: the interval that the states of the chain were taken from; it was enlarged until nothing changed.
        nodes: number of states.
        log_iterations: logarithm of the mean.
    """

    iterations: float
    variance: float
    relative_error: float
    learning_rate: float
    start: float
    target: str
    domain: tuple[float, float]
    nodes: int
    log_iterations: float

    @property
    def time(self) -> float:
        """Mean time, eta * iterations."""
        return self.learning_rate * self.iterations

    @property
    def time_variance(self) -> float:
        """Variance of the time."""
        return self.learning_rate**2 * self.variance

    @property
    def _count(self) -> str:
        return f"{self.iterations:.8g}" if math.isfinite(self.iterations) else f"e^{self.log_iterations:.8g}"

    def __str__(self) -> str:
        low, high = self.domain
        return (
            f"chain from {self.start:g} to {self.target}: {self._count} iterations (sd "
            f"{math.sqrt(self.variance):.6g}), time {self.time:.8g} at learning rate {self.learning_rate:g}\n"
            f"  relative error {self.relative_error:.1e}; domain [{low:.6g}, {high:.6g}], {self.nodes} states"
        )


class Unresolved(ValueError):
    """The equation was solved, and its digits do not tell the time."""


class Inaccurate(ValueError):
    """The time was found with fewer digits than were asked for."""


def passage_of_chain(
    chain: Chain, start: float, target: Target, tolerance: float = 1e-8, accepted: float | None = None
) -> ChainPassage:
    """Mean and variance of the number of iterations from ``start`` into ``target``.

    Args:
        chain: a 1-D chain.
        start: a number outside the target.
        target: a half-line (a number, ``HalfSpace``) or an interval (``Ball``).
        tolerance: relative error to be reached.
        accepted: a larger one that will do for long times, where tables and kinks of the landscape allow no less.

    Raises:
        ValueError: for level functions, if the mean is infinite (the far side does not confine, or the target cannot
            be reached), or if ``tolerance`` is not reached.
    """
    problem = _Problem(chain, float(start), target_interval(target), _breaks(chain))
    refusals: list[ValueError] = []
    for share in SHARES if problem.overshoots() else SHARES[:1]:
        try:
            return _by_collocation(problem, target, tolerance, share)
        except ValueError as error:
            refusals.append(error)
    if any(isinstance(error, Unresolved) for error in refusals):
        try:
            return _by_elimination(problem, target, tolerance, accepted or tolerance)
        except (TooManyStates, Inaccurate):
            raise
        except ValueError:
            pass
    raise refusals[0]


def _by_collocation(problem: _Problem, target: Target, tolerance: float, share: float) -> ChainPassage:
    panels, change = problem.steady_panels(tolerance, share)
    for strictness in (1.0, 1e-3, 1e-6):
        panels, found = problem.resolved(panels, strictness * tolerance)
        finer = problem.solve(panels, HIGH_ORDER)
        error = max(abs(1 - found.mean / finer.mean), abs(1 - found.second / finer.second), change, finer.rounding)
        if error <= tolerance:
            break
    else:
        raise ValueError(
            f"the transfer matrix reached a relative error of {error:.1e} with {finer.nodes} states, not "
            f"tolerance = {tolerance:g}; ask for a larger tolerance"
        )
    variance = finer.second - finer.mean**2
    domain = (float(panels.low[0]), float(panels.high[-1]))
    return ChainPassage(
        finer.mean, variance, error, problem.chain.eta, problem.start, str(target), domain, finer.nodes,
        math.log(finer.mean),
    )  # fmt: skip


def _by_elimination(problem: _Problem, target: Target, tolerance: float, accepted: float) -> ChainPassage:
    """Where noise is everywhere: times of any length, on a domain that grows until the answer stays."""
    line, low, high = problem.chain.line, *problem.reach()
    found, changes = None, [math.inf] * STEADY
    for _ in range(TENTHS):
        before, found = found, long_passage(line, problem.start, problem.goal, (low, high), COARSE)
        if before is not None:
            changes.append(abs(found.log_mean - before.log_mean))
        change = changes[-1] if changes[-1] <= tolerance / 4 else max(changes[-STEADY:])
        if change <= max(tolerance, accepted) / 4:
            break
        low, high = problem.widened(low, high)
    if not change <= SETTLED:
        raise ValueError(f"the mean still changes by {change:.1e} of it when the domain grows; sample with exit_times")
    finer = long_passage(line, problem.start, problem.goal, (low, high))
    error = max(abs(finer.log_mean - found.log_mean), change)  # type: ignore[union-attr]
    if not error <= max(tolerance, accepted):
        raise Inaccurate(
            f"the mean number of iterations is about e^{finer.log_mean:.6g}, told to a relative error of {error:.1e}, "
            f"not tolerance = {tolerance:g}; ask for a larger tolerance"
        )
    mean = math.exp(finer.log_mean) if finer.log_mean < LARGEST_LOG else math.inf
    variance = mean**2 * finer.relative_variance if finer.log_mean < LARGEST_LOG / 2 else math.inf
    return ChainPassage(
        mean, variance, error, problem.chain.eta, problem.start, str(target), (low, high), finer.nodes, finer.log_mean
    )


def target_interval(target: Target) -> tuple[float, float]:
    """The interval (low, high) of a 1-D target; ``ValueError`` for a level function."""
    if isinstance(target, Point):
        return (target.value, math.inf) if target.direction > 0 else (-math.inf, target.value)
    if isinstance(target, HalfSpace):
        edge = target.offset * target.normal[0]
        return (edge, math.inf) if target.normal[0] > 0 else (-math.inf, edge)
    if isinstance(target, Ball):
        return target.center[0] - target.radius, target.center[0] + target.radius
    raise ValueError(
        f"the states of a 1-D chain are cut at the target's boundary: give a number, HalfSpace or Ball; got {target} "
        "(exit_times takes any level function)"
    )


def _breaks(chain: Chain) -> Breaks:
    """Points in (low, high) where D has a zero or a kink, as far as the noise model tells."""
    from fpsim.noise import HessianDiffusion
    from fpsim.sde.gates import inflections

    noise = chain.noise

    def known(low: float, high: float) -> Array:
        if isinstance(noise, HessianDiffusion) and noise.at == "everywhere":
            return inflections(chain.landscape, low, high)
        if isinstance(noise, HessianDiffusion) and noise.at == "path":
            return np.array([noise.switch(chain.landscape)])
        return np.empty(0)

    return known


# --- one linear problem -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Solution:
    """Mean and second moment at the start, w and the expected visits at the nodes, and what is not exact about them.

    ``lost`` is the expected number of steps out of the domain before arriving, ``rounding`` relative.
    """

    mean: float
    second: float
    differences: Array
    visits: Array
    lost: float
    rounding: float

    @property
    def nodes(self) -> int:
        return self.differences.size


@dataclass(frozen=True)
class _Problem:
    """A 1-D chain from ``start`` to the interval ``goal``."""

    chain: Chain
    start: float
    goal: tuple[float, float]
    breaks: Breaks

    def reach(self) -> tuple[float, float]:
        """An interval around start and target, and the landscape's box if it has one, up to a target without end."""
        low, high = self.goal
        near = [edge for edge in self.goal if math.isfinite(edge)]
        span = max(abs(self.start - edge) for edge in near)
        reach = (min([self.start, *near]) - span, max([self.start, *near]) + span)
        if self.chain.landscape.bounds is not None:
            box = self.chain.landscape.bounds[0]
            reach = min(reach[0], box[0]), max(reach[1], box[1])
        return (high if math.isinf(low) else reach[0]), (low if math.isinf(high) else reach[1])

    def overshoots(self) -> bool:
        """Whether steps from not far outside jump across the whole domain: smaller growths may end before that."""
        low, high = self.reach()
        far = np.array([low - (high - low), high + (high - low)])
        mean, _ = self.chain.line(far)
        return bool(mean[0] > far[1] or mean[1] < far[0])

    def widened(self, low: float, high: float) -> tuple[float, float]:
        """The interval with a tenth of its length more at each end that is not the target's."""
        more = (high - low) / 10
        return (low if low == self.goal[1] else low - more), (high if high == self.goal[0] else high + more)

    def first_panels(self) -> Panels:
        """Panels around start and target, within the landscape's box if it has one."""
        low, high = self.goal
        reach = self.reach()
        pieces = [panel_edges(a, b, 12, self.breaks) for a, b in ((reach[0], low), (high, reach[1])) if a < b]
        return Panels(
            np.concatenate([p[:-1] for p in pieces]), np.concatenate([p[1:] for p in pieces]),
            math.isfinite(low), math.isfinite(high),
        )  # fmt: skip

    def steady_panels(self, tolerance: float, share: float) -> tuple[Panels, float]:
        """Panels on a domain that is large enough, and the relative error that its ends may cause.

        Large enough: the chance to leave it before arriving is negligible, and the mean does not change when it grows
        by half (or cannot be told there, since the chain runs away to infinity from so far out).
        """
        panels, found = self.resolved(self.first_panels(), tolerance)
        for _ in range(GROWTHS):
            before = found
            try:
                larger, found = self.resolved(panels.grown(self.breaks, share), tolerance)
                change = abs(found.mean - before.mean) / found.mean
            except ValueError:
                larger, change = panels, math.inf
            if before.lost <= tolerance / 100 and (change <= tolerance / 4 or larger is panels):
                return panels, before.lost + (change if change < math.inf else 0.0)
            if larger is panels:
                break
            panels = larger
        raise ValueError(
            f"the chain leaves the domain [{panels.low[0]:.4g}, {panels.high[-1]:.4g}] before it arrives with chance "
            f"{before.lost:.1e}, and the mean is infinite or keeps growing with the domain: the far side does not "
            "confine; sample it with exit_times(horizon=...)"
        )

    def resolved(self, panels: Panels, tolerance: float) -> tuple[Panels, _Solution]:
        """Halve panels until what they leave out of T, weighed with the expected visits, is small.

        Smooth kernels are kinder than this measure by many powers of ten; the error estimate decides in the end.
        """
        while True:
            found = self.solve(panels, ORDER)
            values = found.differences.reshape(-1, ORDER)
            tail = np.abs(values @ tables(ORDER)[1])[:, -2:].max(axis=1)
            visits = np.abs(found.visits).reshape(-1, ORDER).sum(axis=1)
            wrong = tail * visits / found.mean > 30 * tolerance
            wrong &= panels.high - panels.low > 1e-9 * (panels.high[-1] - panels.low[0])
            if not wrong.any():
                return panels, found
            panels = panels.split(wrong)
            if panels.low.size * ORDER > MOST_NODES:
                raise ValueError(
                    f"more than {MOST_NODES} states are needed for tolerance = {tolerance:g}; ask for a larger one, or "
                    "sample with exit_times"
                )

    def solve(self, panels: Panels, order: int) -> _Solution:
        """Collocation with ``order`` nodes per panel."""
        from scipy.linalg import lu_factor, lu_solve

        nodes = panels.nodes(order).ravel()
        mean, spread = self.chain.line(np.append(nodes, self.start))
        moves, beyond = self._moves(panels, order, mean, spread)
        out = interval_chance(mean, spread, *self.goal)
        first, first_out, moves, out = moves[-1], out[-1], moves[:-1], out[:-1]
        scale = out.max()
        if not scale > 0:
            raise ValueError("no state of the chain leads into the target in one step; it cannot be reached")
        origin = int(np.abs(nodes - self.start).argmin())
        matrix = np.eye(nodes.size) - moves
        matrix[:, origin] = out / scale
        factors = lu_factor(matrix, check_finite=False)
        rounding = 0.0

        def solved(right: Array) -> tuple[float, Array]:
            """T(origin) and T - T(origin), with two rounds of iterative refinement."""
            nonlocal rounding
            u = np.zeros(nodes.size)
            for _ in range(3):
                w = np.where(np.arange(nodes.size) == origin, 0.0, u)
                change = lu_solve(factors, right - (u[origin] / scale * out + w - moves @ w), check_finite=False)
                u = u + change
            rounding = max(rounding, abs(change[origin] / u[origin]))
            w = np.where(np.arange(nodes.size) == origin, 0.0, u)
            return float(u[origin] / scale), w

        base, w = solved(np.ones(nodes.size))
        at_start = base + (1 - base * first_out + first @ w)
        base2, w2 = solved(2 * (base + w) - 1)
        second = base2 + (2 * at_start - 1 - base2 * first_out + first @ w2)
        right = first.copy()
        right[origin] = (1 - first_out) / scale
        visits = lu_solve(factors, right, trans=1, check_finite=False)
        if not (np.isfinite([at_start, second]).all() and 1 - 1e-9 <= at_start < LONGEST and rounding < 1e-3):
            raise Unresolved(
                f"the mean number of iterations cannot be told from infinity here: its equation gave {at_start:g} with "
                f"a rounding error of {rounding:.1g} of it; the far side may not confine (the explicit step runs away "
                "there), or the chain is stuck in between; sample it with exit_times(horizon=...)"
            )
        lost = float(np.append(visits, 1.0) @ beyond)
        return _Solution(float(at_start), float(second), w, visits, lost, float(rounding))

    def _moves(self, panels: Panels, order: int, mean: Array, spread: Array) -> tuple[Array, Array]:
        """Matrix (rows, nodes) of E[f(x')], f constant beyond an open end, and the chance to get there (rows,)."""
        moves, lost = panel_weights(panels.low, panels.high, order, mean, spread), np.zeros(mean.size)
        low, high = float(panels.low[0]), float(panels.high[-1])
        ends = ((panels.open_low, 0, -math.inf, low), (panels.open_high, -1, high, math.inf))
        for open_, panel, a, b in ends:
            if open_:
                beyond = interval_chance(mean, spread, a, b)
                moves[:, panel] += beyond[:, None] * values_at(1.0 if panel else -1.0, order)
                lost += beyond
        return moves.reshape(mean.size, -1), lost
