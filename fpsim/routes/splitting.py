"""The mean escape time by adaptive multilevel splitting, at a step whose bias is measured as by_paths measures it.

What moves and how arrivals are seen is that of :mod:`fpsim.routes.paths`; the mean comes from loops around the start's
valley and from the chance that a loop ends in the target (:mod:`fpsim.splitting.multilevel`).
"""

from __future__ import annotations

import math
import time as clock
from dataclasses import replace
from pathlib import Path
from typing import Any

from fpsim.cuda.device import Device
from fpsim.escape_time import LARGEST_LOG, EscapeTime
from fpsim.kernels.pacing import Stopped
from fpsim.kernels.random_numbers import seed_words
from fpsim.paths.exits import check_deadline
from fpsim.paths.slow_drift import differences_noticed
from fpsim.paths.step import check_drift, check_step
from fpsim.routes.ladder import LEVELS, Bias, Level, bias, law_check
from fpsim.routes.places import Places
from fpsim.routes.plan import Plan
from fpsim.routes.problem import Problem
from fpsim.routes.route import Cost, Route, route
from fpsim.routes.splitting_run import SplittingRun
from fpsim.sde.gates import InfiniteTimeError, require_open
from fpsim.splitting.ensemble import MeanOfLoops, describe_loops
from fpsim.splitting.iterations import check_counts
from fpsim.splitting.plan import Planned
from landscapes.progress import Progress, shows_progress

LARGEST_BIAS = 0.05
QUARTERINGS = 2
FINEST = 2.0**-10
WORDS = ("distance", "committor")


class SplittingRoute(Route):
    """Adaptive multilevel splitting: any dimension, noise and target, and times that plain paths do not reach."""

    name = "splitting"
    reference = "Brehier, Gazeau, Goudenege, Lelievre, Rousset, Ann. Appl. Probab. 26 (2016) 3559, theorem 3.2"
    papers = ("brehier2016",)
    share, alone, room = 0.75, 0.95, 0.5

    def samples(self, problem: Problem) -> bool:
        """Always."""
        return True

    def cost(self, problem: Problem, expected: float | None = None) -> Cost:
        """It grows with the logarithm of the time."""
        return Cost("seconds to minutes, whatever the time")

    @shows_progress("splitting")
    def answer(
        self, problem: Problem, seed: int = 0, repetitions: int = 20, particles: int = 1000, score: Any = None,
        step: float | None = None, threads: int | None = None, step_bias: bool = True,
        progress: Progress = None, deadline: float = math.inf, store: str | Path | None = None,
        device: Device = "cpu",
    ) -> EscapeTime:  # fmt: skip
        """What :meth:`fpsim.EscapeProblem.by_splitting` documents."""
        require_open(problem.sde, problem.start[0], problem.target)
        check_counts(repetitions, particles)
        seed_words(seed)
        run = SplittingRun(
            problem, int(repetitions), int(particles), score, None if step is None else check_step(step), seed,
            threads, step_bias, clock.perf_counter() + check_deadline(deadline),
            None if store is None else Path(store), progress, device,
        )  # fmt: skip
        with differences_noticed(problem.sde.landscape):
            return _answer(run)

    def within(self, problem: Problem, plan: Plan, share: float) -> EscapeTime:
        """As many repetitions as fit, where no plain paths have answered."""
        if plan.infinite:
            raise InfiniteTimeError(f"the mean time is infinite ({plan.infinite})")
        if any(found.method == "paths" for found in plan.routes):
            raise ValueError("plain paths reach this time; splitting is for those that they do not")
        return self.answer(
            problem, plan.seed, step=plan.step, threads=plan.threads, progress=plan.report(self.name),
            deadline=max(0.85 * share * plan.allowance.left, 1e-3), device=plan.device,
        )  # fmt: skip

    def options(self, found: EscapeTime) -> dict[str, Any]:
        """Those of the signature; a path or a function as score is not among what a result keeps."""
        if found.settings["score"] not in WORDS:
            raise ValueError(
                f"this run was scored by {found.settings['score']}, which its result does not hold; run by_splitting "
                "again"
            )
        return super().options(found)


by_splitting = SplittingRoute()


def _answer(run: SplittingRun) -> EscapeTime:
    began = clock.perf_counter()
    check_drift(run.problem.sde)
    _refuse_infinite(run.problem)
    try:
        h, found, known, planned_at, way = _refined(run)
    except Stopped:
        raise ValueError("the deadline came before flights had settled around the start; give more time") from None
    bias_error = 0.0 if known is None else known.error
    unseen = way.roughness(h) ** 2 / 2
    relative = math.hypot(bias_error, unseen)
    log_mean = found.log_mean + math.log(h)
    value = math.exp(log_mean) if log_mean <= LARGEST_LOG else math.inf
    finite = math.isfinite(value)
    checks = [*way.checks(h, run.problem.stiffness)]
    if known is not None:
        checks.append(law_check(known))
    checks.append(planned_at.check)
    named = isinstance(run.score, str)  # a path is an array
    score = "distance" if run.own_score is None else run.score if named else str(run.own_score)
    settings = {
        "repetitions": len(found.repetitions), "particles": run.particles, "step": h, "score": score,
        **({} if run.device == "cpu" else {"device": run.device}), **describe_loops(found, h),
    }  # fmt: skip
    return run.problem.result(
        SplittingRoute.name, began, log_mean=log_mean, log_error=math.hypot(found.error, relative),
        standard_error=found.error * value if finite else math.inf,
        systematic_error=relative * value if finite else math.inf, seed=int(run.seed),
        assumptions=(*checks, *found.assumptions), settings=settings,
    )  # fmt: skip


def _refuse_infinite(problem: Problem) -> None:
    """On a line the quadrature knows at once whether the mean is infinite."""
    if problem.edge is not None:
        try:
            route("quadrature").answer(problem)
        except InfiniteTimeError:
            raise
        except (ValueError, ArithmeticError):
            return


def _refined(run: SplittingRun) -> tuple[float, MeanOfLoops, Bias | None, Planned, Places]:
    """Step, mean, its relative bias, plan and places; a step that was not given is made smaller until all is seen."""
    h = run.problem.default_step if run.step is None else float(run.step)
    found = run.plan(h)
    way = run.places(found, h)
    first = h
    while run.step is None and not way.fine_enough(h):
        h = float(f"{h / 2:.2g}")
        if h < FINEST * first:
            raise ValueError(
                f"flights need a step below {2 * h:.2g} to see the features of drift, D, target and walls that a kick "
                f"meets (a kick's error is {way.roughness(2 * h):.2g} there); use an exact route, or give step="
            )
    if h < first:
        found = run.plan(h)
    for _ in range(QUARTERINGS + 1):
        began = clock.perf_counter()
        mean, known = _ladder(run, h, found, way.order(bridge=True))
        small = max(LARGEST_BIAS, 3 * mean.error)
        late = clock.perf_counter() + 5 * (clock.perf_counter() - began) > run.ends
        if run.step is not None or known is None or (known.ruled and known.error <= small) or late:
            break
        h = float(f"{h / 4:.2g}")
        found = run.plan(h)
    return h, mean, known, found, way


def _ladder(run: SplittingRun, h: float, found: Planned, order: float) -> tuple[MeanOfLoops, Bias | None]:
    """Means at 8h, 4h, 2h and h, the coarse ones first; those that fail are left out."""
    coarse: list[tuple[float, MeanOfLoops]] = []
    for level in range(LEVELS - 1, 0, -1) if run.step_bias else ():
        try:
            coarse.insert(0, (2**level * h, run.mean(2**level * h, level, found, h)))
        except (InfiniteTimeError, Stopped):
            raise
        except ValueError:  # unstable, or too coarse for the target: at the step itself it is an error
            coarse.clear()
    mean = run.mean(h, 0, found, h)
    if not run.step_bias:
        return mean, None
    levels = []
    for step, each in [(h, mean), *coarse]:
        ratio = math.exp(min(each.log_mean + math.log(step / h) - mean.log_mean, LARGEST_LOG))
        levels.append(Level(step, ratio, each.error * ratio))
    return mean, _relative(bias(levels, order), mean, h)


def _relative(found: Bias, mean: MeanOfLoops, h: float) -> Bias:
    """The bias of ratios, with the means of which they are."""
    log = mean.log_mean + math.log(h)
    scale = f"{math.exp(log):.4g}" if log <= LARGEST_LOG else f"e^{log:.6g}"
    return replace(found, detail=f"{found.detail}, in units of {scale}")
