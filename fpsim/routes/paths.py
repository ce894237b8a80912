"""The mean escape time from simulated paths, with the errors of its sample, its step and its horizon.

A run at the step h is accompanied by runs at 2h, 4h and 8h with independent numbers (together 0.9 of its cost), from
which the bias of the step is told (:mod:`fpsim.routes.ladder`).  Unless the step is given, it is chosen so that no kick
jumps over a feature of drift, D, target or walls (:mod:`fpsim.routes.places`), and quartered until the means follow
their law.  Without a horizon, a pilot says first whether paths arrive at all (:mod:`fpsim.routes.reach`).
"""

from __future__ import annotations

import math
import time as clock
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from fpsim.assumption import Assumption
from fpsim.cuda.device import Device, check_fast_math
from fpsim.description import describe_walls
from fpsim.escape_time import EscapeTime
from fpsim.paths.censoring import CensoredMean, censored_mean, moved
from fpsim.paths.exit_sample import ExitSample
from fpsim.paths.exits import check_deadline
from fpsim.paths.slow_drift import differences_noticed
from fpsim.paths.step import check_step, require_count
from fpsim.routes.allowance import Allowance
from fpsim.routes.ladder import LEVELS, Bias, Level, bias, law_check
from fpsim.routes.paths_run import PathsRun
from fpsim.routes.plan import Plan
from fpsim.routes.problem import Problem
from fpsim.routes.reach import BeyondReachError
from fpsim.routes.route import Cost, Route
from fpsim.routes.speed import affordable_paths, predicted_seconds
from fpsim.sde.gates import InfiniteTimeError, require_open
from fpsim.walls import Walls, as_walls, require_place
from landscapes.progress import Progress, shows_progress

LARGEST_BIAS = 0.05
"""Share of the mean above which a bias makes a step that was not given smaller."""
QUARTERINGS = 4
FINEST = 2.0**-14
"""Steps smaller than this part of the first are not tried."""
REFINED_STEPS = {"cuda": 1e12, "compiled": 1e10, "numpy": 1e8}
"""Coordinate-steps up to which a step is refined without being asked."""
SURVIVORS, TRIAL_STEPS = 4000, 4e8


class PathsRoute(Route):
    """Simulated paths: any dimension, any noise, any target."""

    name = "paths"
    reference = "Gobet, Stochastic Processes and their Applications 87 (2000) 167 (killed Euler scheme, weak order 1)"
    papers = ("gobet2000",)
    share, alone, room = 0.75, 0.95, 0.5

    def samples(self, problem: Problem) -> bool:
        """Always."""
        return True

    def cost(self, problem: Problem, expected: float | None = None) -> Cost:
        """What 20 000 paths would take here, from a short trial."""
        if expected is None:
            return Cost()
        if math.isinf(expected):
            return Cost("no simulation reaches a mean time beyond 1e308")
        seconds = predicted_seconds(problem, 20_000, problem.default_step, expected, None)
        return Cost(f"20000 paths take about {seconds:.2g} s")

    @shows_progress("paths")
    def answer(
        self, problem: Problem, paths: int = 20_000, step: float | None = None, seed: int = 0,
        horizon: float = math.inf, start: Any = None, bridge: bool = True, boundary: Any = None,
        threads: int | None = None, dtype: DTypeLike = np.float64, step_bias: bool = True,
        progress: Progress = None, deadline: float = math.inf, device: Device = "cpu",
        fast_math: bool = False,
    ) -> EscapeTime:  # fmt: skip
        """What :meth:`fpsim.EscapeProblem.by_paths` documents."""
        require_open(problem.sde, problem.start[0], problem.target)
        if require_count(paths, "paths") < 2:
            raise ValueError("a mean with an error needs at least 2 paths; got 1")
        check_fast_math(fast_math, device, dtype)
        bridge = bridge and not problem.sde.noise.leaps  # nothing to watch between jumps
        run = PathsRun(
            problem, int(paths), None if step is None else check_step(step), seed, horizon,
            problem.start if start is None else start, bridge, _walls(problem, boundary), threads, dtype, step_bias,
            clock.perf_counter() + check_deadline(deadline), progress, device, fast_math,
        )  # fmt: skip
        with differences_noticed(problem.sde.landscape):
            found = _answer(run)
        if run.walls == problem.walls:
            return found
        return found.of_problem({**problem.facts, "walls": describe_walls(run.walls)}, walls=str(run.walls))

    def within(self, problem: Problem, plan: Plan, share: float) -> EscapeTime:
        """As many paths as fit, all of them followed to their end if possible, else stopped at the budget."""
        require_open(problem.sde, problem.start[0], problem.target)
        if plan.infinite:
            raise InfiniteTimeError(f"the mean time is infinite ({plan.infinite}), so a mean of paths has no meaning")
        allowance = Allowance(0.85 * share * plan.allowance.left)
        size = problem.default_step if plan.step is None else plan.step
        count = affordable_paths(problem, plan.paths, size, plan.expected(), allowance, plan.threads, plan.device)
        return self.answer(
            problem, count, plan.step, plan.seed, threads=plan.threads, dtype=plan.dtype,
            progress=plan.report(self.name), deadline=allowance.left, device=plan.device,
        )  # fmt: skip


by_paths = PathsRoute()


def _walls(problem: Problem, boundary: Any) -> Walls | None:
    """The walls of the problem, or those of an older option that may not contradict them."""
    walls = as_walls(boundary, problem.sde.place)
    if walls is None or walls == problem.walls:
        return problem.walls
    if problem.walls is not None:
        raise ValueError(f"this problem has {problem.walls}, but by_paths was given {walls}; leave boundary= out")
    require_place(problem.sde, problem.point, walls)
    return walls


def _answer(run: PathsRun) -> EscapeTime:
    began = clock.perf_counter()
    if run.bridge and run.step is not None:
        _require_stable(run, run.step)
    h, sample, estimate, found = _refined(run)
    error = 0.0
    if found:
        # half the square of a kick's error may be unseen by coarse steps, if all of them jump over a fine feature
        unseen = run.places.roughness(h) ** 2 / 2 if run.bridge else 0.0
        error = math.hypot(found.error, unseen * estimate.mean)
    checks = list(run.places.checks(h, run.problem.stiffness)) if run.bridge else []
    if found:
        checks.append(law_check(found, run.places.order(run.bridge)))
    if estimate.tail is not None:
        checks.append(
            Assumption(
                "the exit rate has settled at the horizon (3 sigma)",
                estimate.tail.settled,
                str(estimate.tail),
                key="settled",
            )
        )
    censored = int(sample.censored.sum())
    settings = {"paths": sample.times.size, "step": h, "bridge": run.bridge, "dtype": np.dtype(run.dtype).name}
    if censored:
        settings["horizon"] = sample.horizon
    if run.device != "cpu":
        settings["device"] = run.device
    if run.fast_math:
        settings["fast_math"] = sample.settings["fast_math"]
    if "stopped" in sample.settings:
        settings["stopped"] = sample.settings["stopped"]
    if run.start is not run.problem.start:
        settings["start"] = "a distribution" if callable(run.start) else "given points"
    return run.problem.result(
        "paths", began, estimate.mean, standard_error=estimate.standard_error,
        systematic_error=math.hypot(error, estimate.tail_error), censored=censored, seed=int(run.seed),
        assumptions=tuple(checks), variance=None if censored else float(np.var(sample.times, ddof=1)),
        settings=settings, sample=sample,
    )  # fmt: skip


def _refined(run: PathsRun) -> tuple[float, ExitSample, CensoredMean, Bias | None]:
    """Step, sample, mean and bias; a step that was not given is quartered until its bias is known and small."""
    h = _resolving(run) if run.step is None else float(run.step)
    for _ in range(QUARTERINGS + 1):
        began = clock.perf_counter()
        found, sample, estimate = _ladder(run, h)
        small = max(LARGEST_BIAS * estimate.mean, 3 * estimate.standard_error)
        good = found is None or (found.ruled and found.error <= small)
        late = clock.perf_counter() + 5 * (clock.perf_counter() - began) > run.ends
        if good or late or run.step is not None or not _affordable(run, sample, estimate.mean, h / 4):
            break
        h = float(f"{h / 4:.2g}")
    return h, sample, estimate, found


def _ladder(run: PathsRun, h: float) -> tuple[Bias | None, ExitSample, CensoredMean]:
    """Runs at 8h, 4h, 2h and h, the coarse ones first since they are cheap; those that fail are left out."""
    coarse: list[Level] = []
    for level in range(LEVELS - 1, 0, -1) if run.step_bias else ():
        try:
            found = _mean(run, run.whole(2**level * h, level))
            coarse.insert(0, Level(2**level * h, found.mean, found.standard_error))
        except (BeyondReachError, InfiniteTimeError):
            raise
        except ValueError:  # unstable, too coarse for the target, unsettled: at the step itself it is an error
            coarse.clear()
    sample = run.whole(h)
    estimate = _mean(run, sample, survivors=True)
    levels = [Level(h, estimate.mean, estimate.standard_error), *coarse]
    return bias(levels, run.places.order(run.bridge)) if run.step_bias else None, sample, estimate


def _mean(run: PathsRun, sample: ExitSample, survivors: bool = False) -> CensoredMean:
    """The mean of a sample; with a look at whether the survivors' places have settled."""
    alike = None
    if survivors and sample.censored.any() and "stopped" not in sample.settings:
        early = run.exits(sample.step, -2, min(run.paths, SURVIVORS), sample.horizon / 2)
        alike = moved(early.places[early.censored], sample.places[sample.censored])
    return censored_mean(sample.times, sample.censored, sample.horizon, alike)


def _resolving(run: PathsRun) -> float:
    """The first step whose kicks jump over nothing."""
    h = first = run.problem.default_step
    pilot = run.pilot
    while run.bridge and not run.places.fine_enough(h):
        h /= 2
        if 8 * h < pilot.step / 4 and 256 * float(pilot.times.mean()) / h < TRIAL_STEPS:
            pilot = run.trial(8 * h)  # a mean at too coarse a step says little about the cost at a fine one
        mean = float(pilot.times.sum()) / max(pilot.exits.size, 1)
        if h < FINEST * first or not _affordable(run, pilot, mean, h):
            raise ValueError(
                f"paths need a step below {2 * h:.2g} to see the features of drift, D, target and walls that a kick "
                f"meets (a kick's error is {run.places.roughness(2 * h):.2g} there), and more than "
                f"{run.paths * mean / h:.1e} steps; use an exact route, fewer paths, or give step= and read the check"
            )
    return h if h == first else float(f"{h:.2g}")


def _affordable(run: PathsRun, sample: ExitSample, mean: float, step: float) -> bool:
    """Whether a step may be made as small as this without being asked."""
    most = REFINED_STEPS[sample.settings["engine"]] / run.problem.sde.dimension
    return max(run.paths, 256) * min(mean, run.horizon) / step <= most and clock.perf_counter() < run.ends


def _require_stable(run: PathsRun, step: float) -> None:
    """Refuse a step at which the noiseless walk already leaves its resting place."""
    size = step * run.problem.stiffness
    if size >= 2:
        raise ValueError(
            f"at step = {step:g} the walk is unstable where the drift comes to rest (step * stiffness = {size:.3g}, "
            f"not below 2); reduce step= to {run.problem.default_step:g} or so"
        )
