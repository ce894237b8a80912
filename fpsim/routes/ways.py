"""What a comparison and a diagnosis ask of each route: whether it applies, what it costs, and its answer in a budget.

The table :data:`WAYS` holds one of them for every row of :data:`fpsim.route.ROUTES`.  What is quick is tried first,
since it says what simulation would cost.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

from numpy.typing import DTypeLike

from fpsim.escape_time import EscapeTime, beyond_floats, format_with_error
from fpsim.route import ROUTES
from fpsim.routes.allowance import Allowance, OverBudgetError
from fpsim.routes.problem import Problem
from fpsim.routes.speed import affordable_paths, predicted_seconds
from fpsim.sde.gates import InfiniteTimeError, require_open

GRID_SECONDS = {1: 1.0, 2: 6.0, 3: 20.0}
"""What the default grids usually take on one core, by dimension."""


@dataclass
class Plan:
    """What a comparison was asked for, and what it has found so far.

    Attributes:
        allowance: the seconds of all routes together.
        paths, step, seed, threads, dtype, progress: as in :meth:`fpsim.EscapeProblem.compare`.
        routes: the answers until now.
        infinite: the route that found the mean time to be infinite, if one did.
    """

    allowance: Allowance
    paths: int
    step: float | None
    seed: int
    threads: int | None
    dtype: DTypeLike
    progress: Callable[[str, float], None] | None
    routes: list[EscapeTime] = field(default_factory=list)
    infinite: str = ""

    def expected(self) -> float | None:
        """The time to count on: that of an exact route, else of any formula, else of any route."""
        best = min(self.routes, key=_doubt, default=None)
        return None if best is None else best.mean


def _doubt(found: EscapeTime) -> int:
    """0 for an answer without sampling error, 1 for a formula, 2 for a sample."""
    route = ROUTES[found.method]
    return 1 if route.process == "formula" else 2 if found.standard_error else 0


class Way:
    """One route as it is tried; subclasses say which.

    ``share`` of the seconds left it may take before the others have had theirs; ``room`` are seconds beyond, in which
    what stops at its deadline may still be evaluated.
    """

    share = 1.0
    room = 0.0

    def is_tried(self, problem: Problem) -> bool:
        """Whether the route is worth trying; one that is may still refuse."""
        return True

    def is_sampled(self, problem: Problem) -> bool:
        """Whether the answer is a mean over paths: these come after the others, which say what paths would cost."""
        return False

    def share_of(self, followed: bool) -> float:
        """The part of the seconds left, knowing whether another route comes after."""
        return self.share

    def take(self, problem: Problem, plan: Plan, share: float) -> EscapeTime:
        """The answer within its ``share`` of what is left of the plan's seconds."""
        raise NotImplementedError

    def foreseen(self, problem: Problem, expected: float | None) -> tuple[str, float | None]:
        """What it will cost, in words, and the mean time where it is known at once; nothing: not said."""
        return "", None


class _Quadrature(Way):
    share = 0.4

    def is_tried(self, problem: Problem) -> bool:
        return problem.sde.dimension == 1

    def take(self, problem: Problem, plan: Plan, share: float) -> EscapeTime:
        return problem.by_quadrature()

    def foreseen(self, problem: Problem, expected: float | None) -> tuple[str, float | None]:
        exact = problem.by_quadrature()
        return f"exact, about a second: {format_with_error(exact)}", exact.mean


class _Formula(Way):
    share = 0.25

    def __init__(self, name: str) -> None:
        self.name = name

    def is_tried(self, problem: Problem) -> bool:
        return self.name in problem.formulas()

    def take(self, problem: Problem, plan: Plan, share: float) -> EscapeTime:
        return problem.by_formula(self.name)

    def foreseen(self, problem: Problem, expected: float | None) -> tuple[str, float | None]:
        found = problem.by_formula(self.name)
        return (f"instant: {found.mean:.4g}" if math.isfinite(found.mean) else beyond_floats(found)), found.mean


class _Grid(Way):
    share = 0.6

    def take(self, problem: Problem, plan: Plan, share: float) -> EscapeTime:
        """The grid, if its dimension allows and its usual cost fits."""
        d, left = problem.sde.dimension, plan.allowance.left
        if d > 3:
            raise ValueError(f"grids reach 3 dimensions; this problem has {d}")
        if GRID_SECONDS[d] > left:
            raise OverBudgetError(f"a grid takes about {GRID_SECONDS[d]:g} s of {left:.0f} s left", GRID_SECONDS[d])
        return problem.by_grid()

    def foreseen(self, problem: Problem, expected: float | None) -> tuple[str, float | None]:
        d = problem.sde.dimension
        return ("seconds" if d <= 2 else "about a minute (3-D)" if d == 3 else f"no grid in {d} dimensions"), None


class _Paths(Way):
    room = 0.5

    def is_sampled(self, problem: Problem) -> bool:
        return True

    def share_of(self, followed: bool) -> float:
        return 0.75 if followed else 0.95

    def take(self, problem: Problem, plan: Plan, share: float) -> EscapeTime:
        """As many paths as fit, all of them followed to their end if possible, else stopped at the budget."""
        require_open(problem.sde, problem.start[0], problem.target)
        if plan.infinite:
            raise InfiniteTimeError(f"the mean time is infinite ({plan.infinite}), so a mean of paths has no meaning")
        allowance = Allowance(0.85 * share * plan.allowance.left)
        size = problem.default_step if plan.step is None else plan.step
        count = affordable_paths(problem, plan.paths, size, plan.expected(), allowance, plan.threads)
        report = None if plan.progress is None else lambda part: plan.progress("paths", part)  # type: ignore[misc]
        return problem.by_paths(
            count, plan.step, plan.seed, threads=plan.threads, dtype=plan.dtype, progress=report,
            deadline=allowance.left,
        )  # fmt: skip

    def foreseen(self, problem: Problem, expected: float | None) -> tuple[str, float | None]:
        """What 20 000 paths would take here, from a short trial."""
        if expected is None:
            return "", None
        if math.isinf(expected):
            return "no simulation reaches a mean time beyond 1e308", None
        seconds = predicted_seconds(problem, 20_000, problem.default_step, expected, None)
        return f"20000 paths take about {seconds:.2g} s", None


class _Chain(Way):
    def is_tried(self, problem: Problem) -> bool:
        return hasattr(problem.sde.noise, "learning_rate")

    def is_sampled(self, problem: Problem) -> bool:
        return problem.sde.dimension > 1

    def share_of(self, followed: bool) -> float:
        return 0.7 if followed else 1.0

    def take(self, problem: Problem, plan: Plan, share: float) -> EscapeTime:
        """The chain: exact in 1-D, Monte Carlo beyond where its predicted cost fits."""
        if problem.sde.dimension == 1:
            return problem.by_chain()
        eta = problem.sde.noise.learning_rate  # type: ignore[attr-defined]
        count = affordable_paths(problem, plan.paths, 1.5 * eta, plan.expected(), plan.allowance, None)
        return problem.by_chain(paths=count, seed=plan.seed)


_OWN = {"quadrature": _Quadrature(), "grid": _Grid(), "paths": _Paths(), "chain": _Chain()}
WAYS: dict[str, Way] = {name: _OWN.get(name) or _Formula(name) for name in ROUTES}
"""All routes."""


def tried(problem: Problem) -> list[str]:
    """The routes worth trying, in order: as in the table, those that sample last."""
    names = [name for name, way in WAYS.items() if way.is_tried(problem)]
    return sorted(names, key=lambda name: WAYS[name].is_sampled(problem))
