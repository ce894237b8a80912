"""Mean and variance of the number of iterations that a 1-D chain needs, without sampling.

    T(x) = 1 + int_{outside the target} p(x, y) T(y) dy,      p(x, .) = normal(m(x), s(x)^2)

with m(x) = x + eta b(x) and s(x) = eta sqrt(C(x)); the second moment solves the same equation with 2 T - 1 for 1.
T is a polynomial on each of a set of panels, the equation holds at their Gauss nodes, and the integral of p against
the polynomials is done in units of s, so that where the noise vanishes it turns into the value at m(x).  Panel edges
lie on the target and on the zeros of Hessian-shaped noise, where T has kinks.

A panel is halved while (unresolved part of T) x (expected visits) counts; the domain grows until leaving it has no
chance and the answer stays.
Where the noise vanishes nowhere, times that this cannot resolve are found with positive weights
(:mod:`fpsim.sgd.elimination`).  Background: Kemeny and Snell, Finite Markov Chains (1960), theorems 3.2.4 and 3.3.3.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fpsim.sgd.chain_equation import HIGH_ORDER, ChainEquation, Unresolved
from fpsim.sgd.elimination import COARSE, TooManyStates, long_passage
from fpsim.targets import Target
from landscapes.notebook import Shown

if TYPE_CHECKING:
    from fpsim.sgd.iteration import Iteration

LARGEST_LOG = 709.7
SHARES = (0.5, 0.1, 0.03)  # of its length, by which the domain grows at each end
SETTLED = 1e-3  # change of a mean as the domain grows above which it may be infinite
STEADY = 3  # growths over which a mean that is accepted with fewer digits must not change
TENTHS = 6  # growths of the domain by a tenth, with positive weights


@dataclass(frozen=True, repr=False)
class ChainPassage(Shown):
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

    def plot(self, axes: Any = None) -> Any:
        """The exponential law of the mean number of iterations, with its error; returns the figure."""
        from fpsim.plotting import law_chart

        return law_chart(self.log_iterations, self.relative_error, "chain", "iterations", axes=axes)

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


class Inaccurate(ValueError):
    """The time was found with fewer digits than were asked for."""


def passage_of_chain(
    chain: Iteration, start: float, target: Target, tolerance: float = 1e-8, accepted: float | None = None
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
    problem = ChainEquation(chain, float(start), target_interval(target))
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


def _by_collocation(problem: ChainEquation, target: Target, tolerance: float, share: float) -> ChainPassage:
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


def _by_elimination(problem: ChainEquation, target: Target, tolerance: float, accepted: float) -> ChainPassage:
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
    inside = target.interval()
    if inside is not None:
        return inside
    raise ValueError(
        f"the states of a 1-D chain are cut at the target's boundary: give a number, HalfSpace or Ball; got {target} "
        "(exit_times takes any level function)"
    )
