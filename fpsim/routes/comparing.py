"""Every route to one escape time, within a budget: exact ones first, since they say what simulation would cost.

Each route gets a share of the seconds that are left and is stopped when it has spent them
(:mod:`fpsim.routes.allowance`). Paths are timed on this machine, with this problem, before their number is chosen,
and end at the budget with what there is then.  What is loaded and compiled once per process is start-up and not
counted.
"""

from __future__ import annotations

import math
import time as clock
from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from fpsim.escape_time import EscapeTime
from fpsim.kernels.random_numbers import seed_words
from fpsim.paths.exits import exit_times
from fpsim.paths.step import check_step, require_count
from fpsim.paths.threads import thread_count
from fpsim.results import Comparison, Skipped
from fpsim.routes.allowance import Allowance, OverBudgetError, within
from fpsim.routes.problem import Problem
from fpsim.sde.gates import InfiniteTimeError, require_open

WITH_COARSE = 1.9
"""Cost of by_paths in runs at its step: those at 2, 4 and 8 times the step come with it."""
FEWEST_PATHS = 1000
FEWEST_EXITS = 100
"""Exits that a run stopped at the budget must be expected to see, or it is not begun."""
TRIAL_PATHS = 256
TRIAL_SECONDS = 0.05
TRIAL_SHARE = 0.1
"""Most of the seconds left that measuring the speed, or a rough time, may take."""
SHARES = {"quadrature": 0.4, "formula": 0.25, "grid": 0.6, "paths": 0.95, "chain": 0.7}
"""The part of the seconds left that a route may take before the others have had theirs."""
WITH_CHAIN = 0.75
"""The share of paths where the chain comes after them."""
ROOM = 0.5
"""Seconds beyond their share in which paths that stop at their deadline may still be evaluated."""
GRID_SECONDS = {1: 1.0, 2: 6.0, 3: 20.0}
"""What the default grids usually take on one core, by dimension."""
ORDER = {"quadrature": 0, "grid": 1, "paths": 2, "chain": 3}
NOTES_SECONDS = 0.5


class ComparisonInterrupted(KeyboardInterrupt):
    """Ctrl-C during a comparison; ``found`` holds the routes that had ended."""

    def __init__(self, found: Comparison) -> None:
        super().__init__()
        self.found = found


def compare(
    problem: Problem, budget: float, paths: int, step: float | None, seed: int, threads: int | None,
    dtype: DTypeLike, progress: Callable[[str, float], None] | None,
) -> Comparison:  # fmt: skip
    """What :meth:`fpsim.EscapeProblem.compare` documents."""
    require_count(paths, "paths")
    if step is not None:
        check_step(step)
    seed_words(seed)
    thread_count(threads)
    if not (budget > 0 and math.isfinite(budget)):
        raise ValueError(f"the budget must be a positive number of seconds; got {budget!r}")
    _start_up(dtype)
    return _Comparing(problem, budget, paths, step, seed, threads, dtype, progress).run()


class _Comparing:
    """One comparison on its way."""

    def __init__(
        self, problem: Problem, budget: float, paths: int, step: float | None, seed: int, threads: int | None,
        dtype: DTypeLike, progress: Callable[[str, float], None] | None,
    ) -> None:  # fmt: skip
        self.problem, self.paths, self.step, self.seed = problem, paths, step, seed
        self.threads, self.dtype, self.progress = threads, dtype, progress
        self.allowance = Allowance(budget)
        self.routes: list[EscapeTime] = []
        self.skipped: list[Skipped] = []
        self.notes: tuple[str, ...] = ()
        self.infinite = ""

    def run(self) -> Comparison:
        problem = self.problem
        try:
            if problem.sde.dimension == 1:
                self.attempt("quadrature", problem.by_quadrature)
            for name in problem.formulas():
                self.attempt(name, lambda name=name: problem.by_formula(name), "formula")  # type: ignore[misc]
            self.attempt("grid", self._by_grid)
            exact = problem.sde.dimension == 1  # then the chain says what paths would cost
            chain = ("chain",) if hasattr(problem.sde.noise, "learning_rate") else ()
            for name in (*chain, "paths") if exact else ("paths", *chain):
                self.attempt(name, self._by_chain if name == "chain" else self._by_paths)
            self.notes = _notes(problem, max(self.allowance.left, NOTES_SECONDS))
        except KeyboardInterrupt:
            raise ComparisonInterrupted(self._found()) from None
        return self._found()

    def _found(self) -> Comparison:
        routes = sorted(self.routes, key=lambda route: ORDER.get(route.method, 9))
        return Comparison(str(self.problem), tuple(routes), tuple(self.skipped), self.notes, self.infinite)

    def attempt(self, name: str, route: Callable[[], EscapeTime], kind: str | None = None) -> None:
        """One route within its share; why it gave nothing stands among the skipped."""
        try:
            room = ROOM if name == "paths" else 0.0
            self.routes.append(within(self._share(kind or name) * self.allowance.left + room, route))
        except InfiniteTimeError as error:
            self.infinite = self.infinite or name
            self.skipped.append(Skipped(name, str(error)))
        except (ValueError, TypeError, ArithmeticError, MemoryError, RuntimeError) as error:
            self.skipped.append(Skipped(name, " ".join(str(error).split()), getattr(error, "seconds", None)))

    def _share(self, name: str) -> float:
        if self.problem.sde.dimension == 1 or not hasattr(self.problem.sde.noise, "learning_rate"):
            return SHARES[name]
        return {**SHARES, "paths": WITH_CHAIN, "chain": 1.0}[name]

    def _by_grid(self) -> EscapeTime:
        """The grid, if its dimension allows and its usual cost fits."""
        d, left = self.problem.sde.dimension, self.allowance.left
        if d > 3:
            raise ValueError(f"grids reach 3 dimensions; this problem has {d}")
        if GRID_SECONDS[d] > left:
            raise OverBudgetError(f"a grid takes about {GRID_SECONDS[d]:g} s of {left:.0f} s left", GRID_SECONDS[d])
        return self.problem.by_grid()

    def _by_paths(self) -> EscapeTime:
        """As many paths as fit, all of them followed to their end if possible, else stopped at the budget."""
        problem = self.problem
        require_open(problem.sde, problem.start[0], problem.target)
        if self.infinite:
            raise InfiniteTimeError(f"the mean time is infinite ({self.infinite}), so a mean of paths has no meaning")
        allowance = Allowance(0.85 * self._share("paths") * self.allowance.left)
        size = problem.default_step if self.step is None else self.step
        count = affordable_paths(problem, self.paths, size, self._expected(), allowance, self.threads)
        report = None if self.progress is None else lambda share: self.progress("paths", share)  # type: ignore[misc]
        return problem.by_paths(
            count, self.step, self.seed, threads=self.threads, dtype=self.dtype, progress=report,
            deadline=allowance.left,
        )  # fmt: skip

    def _by_chain(self) -> EscapeTime:
        """The chain: exact in 1-D, Monte Carlo beyond where its predicted cost fits."""
        problem = self.problem
        if problem.sde.dimension == 1:
            return problem.by_chain()
        eta = problem.sde.noise.learning_rate  # type: ignore[attr-defined]
        count = affordable_paths(problem, self.paths, 1.5 * eta, self._expected(), self.allowance, None)
        return problem.by_chain(paths=count, seed=self.seed)

    def _expected(self) -> float | None:
        """The time to count on: of an exact route, else of any formula."""
        exact = [route.mean for route in self.routes if route.method in ("quadrature", "grid")]
        return next(iter([*exact, *(route.mean for route in self.routes)]), None)


def _start_up(dtype: DTypeLike) -> None:
    """Load what every comparison needs, so that no budget pays for it and no import is ever cut short."""
    for name in ("scipy.linalg", "scipy.optimize", "scipy.sparse.linalg", "scipy.special", "sympy"):
        import_module(name)
    from fpsim.kernels.exits import exits
    from fpsim.kernels.fill import fill_normals

    exits[np.dtype(dtype)]
    fill_normals[np.float64]


def predicted_seconds(
    problem: Problem, paths: int, step: float, expected: float, threads: int | None, most: float = 1.0
) -> float:
    """Cost of ``problem.by_paths``, its runs at 2, 4 and 8 times the step included, from the speed of a short trial."""
    return WITH_COARSE * paths * expected / step / measured_speed(problem, step, threads, most)[0]


def affordable_paths(
    problem: Problem, paths: int, step: float, expected: float | None, allowance: Allowance, threads: int | None
) -> int:
    """Number of paths that fits into what is left of ``allowance``, as this machine follows them.

    Raises:
        OverBudgetError: if too few would leave within the time to say anything.
    """
    if expected == math.inf:
        raise OverBudgetError("no simulation reaches a mean time beyond 1e308")
    speed, rough = measured_speed(problem, step, threads, TRIAL_SHARE * allowance.left)
    if expected is None:
        expected = rough or _pilot(problem, step, speed, allowance, threads)
    affordable = 0.8 * allowance.left * speed * step / WITH_COARSE  # time that all paths together can be followed
    if paths * expected <= affordable:
        return paths
    fewest = min(FEWEST_PATHS, paths)
    if affordable < min(FEWEST_EXITS, fewest) * expected:
        needed = WITH_COARSE * fewest * expected / step / speed
        raise OverBudgetError(f"{fewest} paths would take about {needed:.3g} s of {allowance.left:.0f} s left", needed)
    return max(fewest, int(affordable / expected))


def measured_speed(problem: Problem, step: float, threads: int | None, most: float) -> tuple[float, float | None]:
    """Path-steps per second of this problem on this machine, and a rough mean time if enough trial paths left.

    Runs of a few paths grow until one takes TRIAL_SECONDS; the first, which compiles, is not counted.
    """
    allowance, steps, count = Allowance(max(most, TRIAL_SECONDS)), 4, TRIAL_PATHS * thread_count(threads)
    _trial(problem, step, steps, count, threads)
    while True:
        sample, spent = _trial(problem, step, steps, count, threads)
        done = max(float(sample.times.sum()) / step, 1.0)
        if spent >= TRIAL_SECONDS or 4 * spent > allowance.left or sample.exits.size == count:
            out = int(sample.exits.size)
            return done / max(spent, 1e-6), float(sample.times.sum() / out) if out >= count / 2 else None
        steps *= 4


def _trial(problem: Problem, step: float, steps: int, count: int, threads: int | None) -> tuple[Any, float]:
    began = clock.perf_counter()
    sample = exit_times(
        problem.sde, problem.start, problem.target, count, step, 0, steps * step, threads=threads, walls=problem.walls
    )
    return sample, clock.perf_counter() - began


def _pilot(problem: Problem, step: float, speed: float, allowance: Allowance, threads: int | None) -> float:
    """A rough mean exit time over a short horizon, where no other route gives one."""
    steps = max(1000, int(TRIAL_SHARE * allowance.left * speed / TRIAL_PATHS))
    sample, _ = _trial(problem, step, steps, TRIAL_PATHS, threads)
    exits = int(sample.exits.size)
    if exits < 10:
        raise OverBudgetError(
            f"only {exits} of {TRIAL_PATHS} trial paths left within t = {steps * step:.3g}: the escape is too rare"
        )
    return float(sample.times.sum() / exits)


def _notes(problem: Problem, seconds: float) -> tuple[str, ...]:
    """What the diagnosis found wanting, apart from what the formulas say themselves."""
    from fpsim.routes.diagnosis import diagnose

    said = "asymptotic formulas"
    try:
        found = within(seconds, lambda: diagnose(problem, routes=False).checks)
    except OverBudgetError:
        return ("the diagnosis did not end within the budget",)
    failed = [check for check in found if not check.holds and said not in check.statement]
    return tuple(f"not so: {check.statement} ({check.detail})" for check in failed)
