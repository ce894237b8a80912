"""The mean escape time by adaptive multilevel splitting, at a step whose bias is measured as by_paths measures it.

What moves and how arrivals are seen is that of :mod:`fpsim.routes.paths`; the mean comes from loops around the start's
valley and from the chance that a loop ends in the target (:mod:`fpsim.splitting.multilevel`).
"""

from __future__ import annotations

import math
import time as clock
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fpsim.assumption import Assumption
from fpsim.escape_time import LARGEST_LOG, EscapeTime
from fpsim.kernels.pacing import Stopped
from fpsim.kernels.random_numbers import own_seed, seed_words
from fpsim.paths.edges import start_edges
from fpsim.paths.enclosure import enclosed
from fpsim.paths.exits import check_deadline, require_fine_step
from fpsim.paths.step import check_drift, check_step
from fpsim.paths.threads import thread_count
from fpsim.routes.ladder import LEVELS, Bias, Level, bias
from fpsim.routes.plan import Plan
from fpsim.routes.problem import Problem
from fpsim.routes.route import Cost, Route, route
from fpsim.routes.steps import ROUGHEST, Places, places
from fpsim.sde.gates import InfiniteTimeError, require_open
from fpsim.splitting.dynamics import Stop, most_steps
from fpsim.splitting.ensemble import MeanOfLoops, describe_loops, mean_of_loops, repetitions
from fpsim.splitting.iterations import check_counts
from fpsim.splitting.multilevel import PILOT, TRIAL, repetition
from fpsim.splitting.plan import Planned, planned
from fpsim.splitting.scores import Score, TableScore, score_of
from fpsim.splitting.stochastic import StochasticFlights

Array = NDArray[np.float64]
TRIAL_PARTICLES = 256
LARGEST_BIAS = 0.05
QUARTERINGS = 2
FINEST = 2.0**-10


@dataclass(frozen=True)
class SplittingRun:
    """What by_splitting was asked for; attributes as in ``EscapeProblem.by_splitting``."""

    problem: Problem
    repetitions: int
    particles: int
    score: Any
    step: float | None
    seed: int
    threads: int | None
    step_bias: bool
    ends: float
    store: Path | None
    progress: Callable[[float], None] | None

    def dynamics(self, step: float, level: int) -> StochasticFlights:
        """What moves at one step; each level of a ladder draws its own numbers."""
        problem = self.problem
        edges = start_edges(problem.sde, problem.point, problem.walls, self.seed)
        watched = enclosed(problem.target, edges, True)
        require_fine_step(problem.sde, watched, edges, step)
        seed = own_seed(self.seed, "splitting", level)
        return StochasticFlights(problem.sde, watched, edges, step, seed, True, self.own_score)

    @cached_property
    def own_score(self) -> Score | None:
        """The score, if it is not the distance to the target."""
        if isinstance(self.score, str) and self.score == "committor":
            return committor_score(self.problem)
        return None if self.score is None else score_of(self.score, self.problem.sde.dimension)

    @cached_property
    def stop(self) -> Stop:
        """The deadline of all flights."""
        return Stop(self.ends, self.most)

    @property
    def most(self) -> float:
        """Steps of a run at most."""
        return most_steps(self.dynamics(self.problem.default_step if self.step is None else self.step, 0))

    def plan(self, step: float) -> Planned:
        """Where loops begin and end, at one step."""
        with np.errstate(all="ignore"):
            stiff = np.abs(np.linalg.eigvals(self.problem.sde.landscape.jacobian(self.problem.rest[:, None])[..., 0]))
        slowest = max(float(stiff.min()), float(stiff.max()) / SLOWEST, 1e-300)
        first = 1 / (slowest * step) if math.isfinite(slowest) and stiff.max() > 0 else 64.0
        moving = self.dynamics(step, -1)
        return planned(moving, self.problem.point, self.particles, PILOT, min(first, LONGEST_FIRST), self.stop)

    def mean(self, step: float, level: int, found: Planned, at: float) -> MeanOfLoops:
        """The mean at one step, by the plan that was ``found`` at another."""
        settled = 4 * max(1, math.ceil(found.plan.settled * at / step / 4))
        plan = replace(found.plan, settled=found.plan.settled if found.direct else settled)
        begun, part = _shares(level, not self.step_bias)
        progress = self.progress
        report = None if progress is None else lambda share: progress(begun + part * share)
        left = self.ends - clock.perf_counter()
        ends = clock.perf_counter() + left * part / (1 - begun) if math.isfinite(left) else math.inf
        store = self.store if level == 0 else None
        done = repetitions(
            self.dynamics(step, level), plan, self.repetitions, own_seed(self.seed, "branching", level),
            thread_count(self.threads), Stop(ends, self.most), report, store,
        )  # fmt: skip
        return mean_of_loops(done, self.particles)

    def places(self, found: Planned, step: float) -> Places:
        """Where flights go: around the start, and on the way to the target."""
        trail: list[Array] = []
        plan = replace(found.plan, particles=min(TRIAL_PARTICLES, self.particles))
        repetition(self.dynamics(step, -2), plan, TRIAL, self.seed, self.stop, trail)
        point = self.problem.point[:, None]
        way = np.concatenate(trail).T if trail else point
        return places(self.problem.sde, self.problem.walls, self.problem.target, point, way, step)


WORDS = ("distance", "committor")
SLOWEST, LONGEST_FIRST = 100.0, 2e4
"""The walkers' first time: the slowest decay at rest, but at most this many of the fastest, and so many steps."""


def committor_score(problem: Problem) -> TableScore:
    """The logarithm of the grid's committor between the start's rest and the target, in one to three dimensions."""
    d = problem.sde.dimension
    if d > 3:
        raise ValueError(f"a committor needs a grid, which has 1 to 3 dimensions, and this problem {d}; use a path")
    if problem.walls is not None:
        raise ValueError("a committor as score knows no walls; use the distance, a path or a function")
    from fpsim.density.automatic import automatic_grid
    from fpsim.density.fokker_planck import FokkerPlanck
    from fpsim.targets import Ball

    grid = automatic_grid(problem.sde, problem.point, problem.target, {1: 800, 2: 120, 3: 40}[d])
    centers = [grid.centers(k) for k in range(d)]
    near = np.array([c[np.argmin(np.abs(c - x))] for c, x in zip(centers, problem.rest, strict=True)])
    home = Ball(near, 1.5 * float(max(grid.spacing)))
    field = np.asarray(FokkerPlanck(problem.sde, grid).committor(home, problem.target)["committor"].values)
    least = float(field[field > 0].min())
    return TableScore(centers, np.log(np.maximum(field, least)), f"committor of a grid of {grid.size} cells")


class SplittingRoute(Route):
    """Adaptive multilevel splitting: any dimension, noise and target, and times that plain paths do not reach."""

    name = "splitting"
    reference = "Brehier, Gazeau, Goudenege, Lelievre, Rousset, Ann. Appl. Probab. 26 (2016) 3559, theorem 3.2"
    papers = ("brehier2016",)
    room = 0.5

    def samples(self, problem: Problem) -> bool:
        """Always."""
        return True

    def share_of(self, followed: bool) -> float:
        """Nearly all, if nothing else comes."""
        return 0.75 if followed else 0.95

    def cost(self, problem: Problem, expected: float | None = None) -> Cost:
        """It grows with the logarithm of the time."""
        return Cost("seconds to minutes, whatever the time")

    def answer(
        self, problem: Problem, seed: int = 0, repetitions: int = 20, particles: int = 1000, score: Any = None,
        step: float | None = None, threads: int | None = None, step_bias: bool = True,
        progress: Callable[[float], None] | None = None, deadline: float = math.inf, store: str | Path | None = None,
    ) -> EscapeTime:  # fmt: skip
        """What :meth:`fpsim.EscapeProblem.by_splitting` documents."""
        require_open(problem.sde, problem.start[0], problem.target)
        check_counts(repetitions, particles)
        seed_words(seed)
        run = SplittingRun(
            problem, int(repetitions), int(particles), score, None if step is None else check_step(step), seed,
            threads, step_bias, clock.perf_counter() + check_deadline(deadline),
            None if store is None else Path(store), progress,
        )  # fmt: skip
        return _answer(run)

    def within(self, problem: Problem, plan: Plan, share: float) -> EscapeTime:
        """As many repetitions as fit, where no plain paths have answered."""
        if plan.infinite:
            raise InfiniteTimeError(f"the mean time is infinite ({plan.infinite})")
        if any(found.method == "paths" for found in plan.routes):
            raise ValueError("plain paths reach this time; splitting is for those that they do not")
        return self.answer(
            problem, plan.seed, step=plan.step, threads=plan.threads, progress=plan.report(self.name),
            deadline=max(0.85 * share * plan.allowance.left, 1e-3),
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
    checks = [*_resolved(run, way, h)]
    if known is not None:
        law = "the means at h, 2h, 4h, 8h follow m + a h (chi^2, 0.5 %)"
        checks.append(Assumption(law, known.ruled, known.detail, key="step law"))
    checks.append(planned_at.check)
    score = "distance" if run.own_score is None else "committor" if run.score == "committor" else str(run.own_score)
    settings = {
        "repetitions": len(found.repetitions), "particles": run.particles, "step": h, "score": score,
        **describe_loops(found, h),
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
        mean, known = _ladder(run, h, found)
        small = max(LARGEST_BIAS, 3 * mean.error)
        late = clock.perf_counter() + 5 * (clock.perf_counter() - began) > run.ends
        if run.step is not None or known is None or (known.ruled and known.error <= small) or late:
            break
        h = float(f"{h / 4:.2g}")
        found = run.plan(h)
    return h, mean, known, found, way


def _ladder(run: SplittingRun, h: float, found: Planned) -> tuple[MeanOfLoops, Bias | None]:
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
    return mean, _relative(bias(levels), mean, h)


def _relative(found: Bias, mean: MeanOfLoops, h: float) -> Bias:
    """The bias of ratios, with the means of which they are."""
    log = mean.log_mean + math.log(h)
    scale = f"{math.exp(log):.4g}" if log <= LARGEST_LOG else f"e^{log:.6g}"
    return replace(found, detail=f"{found.detail}, in units of {scale}")


def _shares(level: int, alone: bool) -> tuple[float, float]:
    """Which part of the work comes before a level of the ladder, and its own."""
    if alone:
        return 0.0, 1.0
    total = 2 - 2.0 ** (1 - LEVELS)
    return (2.0**-level - 2.0 ** (1 - LEVELS)) / total, 2.0**-level / total


def _resolved(run: SplittingRun, way: Places, step: float) -> tuple[Assumption, ...]:
    """Whether a kick jumps over features of drift and D, over the target or the room between walls; and stability."""
    rough, crowded, size = way.roughness(step), way.crowding(step), step * run.problem.stiffness
    return (
        Assumption(
            f"a kick jumps over no feature of drift, D, target or walls (error of a kick <= {ROUGHEST:g})",
            rough <= ROUGHEST and crowded <= 1, f"{rough:.2g}; kick / room {crowded:.2g}", key="kick",
        ),
        Assumption("step * curvature at the minimum <= 0.2", size <= 0.2, f"{size:.3g}", key="stiffness"),
    )  # fmt: skip
