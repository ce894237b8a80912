"""Every route to one escape time, within a budget: exact ones first, since they say what simulation would cost."""

from __future__ import annotations

import time as clock
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import DTypeLike

from fpsim.blocking import require_open
from fpsim.exits import exit_times
from fpsim.noise import seed_words
from fpsim.results import Comparison, EscapeTime, Skipped
from fpsim.stepping import check_step, require_count
from fpsim.threads import thread_count

if TYPE_CHECKING:
    from fpsim.escape import EscapeProblem

SPEED = {"compiled": 1.0e8, "numpy": 1.0e6}
"""Cautious coordinate-steps per second and thread, for predictions of cost only."""
FEWEST_PATHS = 1000
GRID_SECONDS = {1: 1.0, 2: 6.0, 3: 20.0}
"""What the default grids usually take on one core, by dimension."""
ORDER = {"quadrature": 0, "grid": 1, "paths": 2, "chain": 3}


class OverBudgetError(ValueError):
    """A route would cost more than the budget allows."""

    def __init__(self, message: str, seconds: float | None = None) -> None:
        super().__init__(message)
        self.seconds = seconds


def compare(
    problem: EscapeProblem, budget: float, paths: int, step: float | None, seed: int, threads: int | None,
    dtype: DTypeLike, progress: Callable[[str, float], None] | None,
) -> Comparison:  # fmt: skip
    """What :meth:`fpsim.EscapeProblem.compare` documents."""
    require_count(paths, "paths")
    if step is not None:
        check_step(step)
    seed_words(seed)
    thread_count(threads)
    if not budget > 0:
        raise ValueError(f"the budget must be a positive number of seconds; got {budget!r}")
    began = clock.perf_counter()
    routes: list[EscapeTime] = []
    skipped: list[Skipped] = []

    def attempt(name: str, route: Callable[[], EscapeTime]) -> None:
        try:
            routes.append(route())
        except ValueError as error:
            skipped.append(Skipped(name, str(error), getattr(error, "seconds", None)))

    def by_paths() -> EscapeTime:
        require_open(problem.sde, problem.start[0], problem.target)
        size = problem.default_step if step is None else step
        left = max(budget - (clock.perf_counter() - began), 0.0)
        count = affordable_paths(problem, paths, size, _expected(routes), left, threads)
        report = None if progress is None else lambda share: progress("paths", share)
        return problem.by_paths(count, size, seed, threads=threads, dtype=dtype, progress=report)

    if problem.sde.dimension == 1:
        attempt("quadrature", problem.by_quadrature)
    for name in problem.formulas():
        attempt(name, lambda name=name: problem.by_formula(name))  # type: ignore[misc]
    attempt("grid", lambda: _by_grid(problem, budget - (clock.perf_counter() - began)))
    attempt("paths", by_paths)
    if hasattr(problem.sde.noise, "learning_rate"):
        left = budget - (clock.perf_counter() - began)
        attempt("chain", lambda: _by_chain(problem, paths, seed, _expected(routes), left))
    routes.sort(key=lambda route: ORDER.get(route.method, 9))
    return Comparison(str(problem), tuple(routes), tuple(skipped), _notes(problem))


def _by_grid(problem: EscapeProblem, left: float) -> EscapeTime:
    """The grid, if its dimension allows and its usual cost fits."""
    d = problem.sde.dimension
    if d > 3:
        raise ValueError(f"grids reach 3 dimensions; this problem has {d}")
    if GRID_SECONDS[d] > left:
        raise OverBudgetError(f"a grid takes about {GRID_SECONDS[d]:g} s of {max(left, 0):.0f} s left", GRID_SECONDS[d])
    return problem.by_grid()


def _by_chain(problem: EscapeProblem, paths: int, seed: int, expected: float | None, left: float) -> EscapeTime:
    """The chain: exact in 1-D, Monte Carlo beyond where its predicted cost fits."""
    if problem.sde.dimension == 1:
        return problem.by_chain()
    eta = problem.sde.noise.learning_rate  # type: ignore[attr-defined]
    count = affordable_paths(problem, paths, 1.5 * eta, expected, max(left, 0.0), None)
    return problem.by_chain(paths=count, seed=seed)


def predicted_seconds(problem: EscapeProblem, paths: int, step: float, expected: float, threads: int | None) -> float:
    """Cautious cost of ``problem.by_paths``, its second run at twice the step included."""
    return 1.5 * paths * expected / step / _speed(problem, threads)


def affordable_paths(
    problem: EscapeProblem, paths: int, step: float, expected: float | None, left: float, threads: int | None
) -> int:
    """Number of paths that fits into ``left`` seconds.

    Raises:
        OverBudgetError: if fewer than 1000 (or than were asked for) would.
    """
    if expected is None:
        expected = _pilot(problem, step, left * _speed(problem, threads))
    seconds = predicted_seconds(problem, paths, step, expected, threads)
    if seconds <= left:
        return paths
    fewest, fewer = min(FEWEST_PATHS, paths), int(paths * left / seconds)
    if fewer < fewest:
        needed = seconds * fewest / paths
        raise OverBudgetError(f"{fewest} paths would take about {needed:.3g} s of {left:.0f} s left", needed)
    return fewer


def _expected(routes: list[EscapeTime]) -> float | None:
    """The time to count on: of an exact route, else of any formula."""
    exact = [route.mean for route in routes if route.method in ("quadrature", "grid")]
    return next(iter([*exact, *(route.mean for route in routes)]), None)


def _speed(problem: EscapeProblem, threads: int | None) -> float:
    """Path-steps per second to count on."""
    formulas = problem.sde.symbolic
    compiled = formulas is not None and problem.target.symbolic(formulas.variables) is not None
    speed = SPEED["compiled" if compiled else "numpy"] / problem.sde.dimension
    return speed * thread_count(threads) if compiled else speed


def _pilot(problem: EscapeProblem, step: float, affordable_steps: float) -> float:
    """A rough mean exit time from 256 paths over a short horizon, where no other route gives one."""
    horizon = step * max(1000.0, affordable_steps / 256 / 20)
    sample = exit_times(problem.sde, problem.start, problem.target, 256, step, 0, horizon)
    exits = int(np.sum(~sample.censored))
    if exits < 10:
        raise OverBudgetError(f"only {exits} of 256 trial paths left within t = {horizon:.3g}: the escape is too rare")
    return float(sample.times.sum() / exits)


def _notes(problem: EscapeProblem) -> tuple[str, ...]:
    """What the diagnosis found wanting, apart from what the formulas say themselves."""
    from fpsim.diagnosis import diagnose

    said = "asymptotic formulas"
    found = diagnose(problem, routes=False).checks
    failed = [check for check in found if not check.holds and said not in check.statement]
    return tuple(f"not so: {check.statement} ({check.detail})" for check in failed)
