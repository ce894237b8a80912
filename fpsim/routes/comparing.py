"""Every route to one escape time, within a budget: exact ones first, since they say what simulation would cost.

Each route gets a share of the seconds that are left and is stopped when it has spent them
(:mod:`fpsim.routes.allowance`). Paths are timed on this machine, with this problem, before their number is chosen,
and end at the budget with what there is then.  What is loaded and compiled once per process is start-up and not
counted.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from importlib import import_module
from opcode import opmap

import numpy as np
from numpy.typing import DTypeLike

from fpsim.cuda.device import Device, chosen
from fpsim.kernels.random_numbers import seed_words
from fpsim.paths.step import check_step, require_count
from fpsim.paths.threads import thread_count
from fpsim.results import Comparison, Skipped
from fpsim.route import by_exactness
from fpsim.routes.allowance import Allowance, OverBudgetError, within
from fpsim.routes.diagnosis import diagnose
from fpsim.routes.plan import Plan
from fpsim.routes.problem import Problem
from fpsim.routes.route import Route, applicable
from fpsim.sde.gates import EdgeReachedError, InfiniteTimeError

NOTES_SECONDS = 0.5


class ComparisonInterrupted(KeyboardInterrupt):
    """Ctrl-C during a comparison; ``found`` holds the routes that had ended."""

    def __init__(self, found: Comparison) -> None:
        super().__init__()
        self.found = found


def compare(
    problem: Problem, budget: float, paths: int, step: float | None, seed: int, threads: int | None,
    dtype: DTypeLike, progress: Callable[[str, float], None] | None, device: Device = "cpu",
) -> Comparison:  # fmt: skip
    """What :meth:`fpsim.EscapeProblem.compare` documents."""
    require_count(paths, "paths")
    if step is not None:
        check_step(step)
    seed_words(seed)
    thread_count(threads)
    if device == "cuda":  # without one, no route says so in place of an answer
        chosen(device, math.inf)
    if not (budget > 0 and math.isfinite(budget)):
        raise ValueError(f"the budget must be a positive number of seconds; got {budget!r}")
    _start_up(dtype)
    return _Comparing(problem, Plan(Allowance(budget), paths, step, seed, threads, dtype, progress, device)).run()


class _Comparing:
    """One comparison on its way."""

    def __init__(self, problem: Problem, plan: Plan) -> None:
        self.problem, self.plan = problem, plan
        self.skipped: list[Skipped] = []
        self.notes: tuple[str, ...] = ()

    def run(self) -> Comparison:
        """Every applicable route in turn; on Ctrl-C what has been answered."""
        routes = applicable(self.problem)
        try:
            for route in routes:
                self.attempt(route, followed=route is not routes[-1])
            self.notes = _notes(self.problem, max(self.plan.allowance.left, NOTES_SECONDS))
        except KeyboardInterrupt:
            raise ComparisonInterrupted(self._found()) from None
        return self._found()

    def _found(self) -> Comparison:
        first = by_exactness(found.method for found in self.plan.routes)
        routes = sorted(self.plan.routes, key=lambda f: first.index(f.method) if f.method in first else len(first))
        return Comparison(str(self.problem), tuple(routes), tuple(self.skipped), self.notes, self.plan.infinite)

    def attempt(self, route: Route, followed: bool) -> None:
        """One route within its share; why it gave nothing stands among the skipped."""
        plan, name, share = self.plan, route.name, route.share_of(followed)
        try:
            seconds = share * plan.allowance.left + route.room
            plan.routes.append(within(seconds, lambda: route.within(self.problem, plan, share)))
        except InfiniteTimeError as error:
            plan.infinite = plan.infinite or ("" if isinstance(error, EdgeReachedError) else name)
            self.skipped.append(Skipped(name, str(error)))
        except (ValueError, TypeError, ArithmeticError, MemoryError, RuntimeError) as error:
            if isinstance(error, TypeError) and not _is_refusal(error):
                raise
            what = "" if _is_refusal(error) else f"it ended with {type(error).__name__}: "
            self.skipped.append(Skipped(name, what + " ".join(str(error).split()), getattr(error, "seconds", None)))


def _is_refusal(error: BaseException) -> bool:
    """Whether an error was raised on purpose, by a ``raise`` of the project; a fault of a program is none.

    A ``TypeError`` of any other origin is raised; what else goes wrong (numerics of a library, memory) is listed under
    its name.
    """
    at = error.__traceback__
    while at is not None and at.tb_next is not None:
        at = at.tb_next
    if at is None or at.tb_frame.f_globals.get("__name__", "").partition(".")[0] not in ("fpsim", "landscapes"):
        return False
    return at.tb_frame.f_code.co_code[at.tb_lasti] == opmap["RAISE_VARARGS"]


def _start_up(dtype: DTypeLike) -> None:
    """Load what every comparison needs, so that no budget pays for it and no import is ever cut short."""
    for name in ("scipy.linalg", "scipy.optimize", "scipy.sparse.linalg", "scipy.special", "sympy"):
        import_module(name)
    from fpsim.kernels.exits import exits
    from fpsim.kernels.fill import fill_normals

    exits[np.dtype(dtype)]
    fill_normals[np.float64]


def _notes(problem: Problem, seconds: float) -> tuple[str, ...]:
    """What the diagnosis found wanting, apart from what the formulas say themselves."""
    try:
        found = within(seconds, lambda: diagnose(problem, routes=False).checks)
    except OverBudgetError:
        return ("the diagnosis did not end within the budget",)
    failed = [check for check in found if not check.holds and check.key != "small noise"]
    return tuple(f"not so: {check.statement} ({check.detail})" for check in failed)
