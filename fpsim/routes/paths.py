"""The mean escape time from simulated paths, with the errors of its sample, its step and its horizon.

A run at the step h is accompanied by runs at 2h, 4h and 8h with independent numbers (together 0.9 of its cost), from
which the bias of the step is told (:mod:`fpsim.routes.ladder`).  Unless the step is given, it is chosen so that no kick
jumps over a feature of drift, D, target or walls (:mod:`fpsim.routes.steps`), and quartered until the means follow
their law.  Without a horizon, a pilot says first whether paths arrive at all (:mod:`fpsim.routes.reach`).
"""

from __future__ import annotations

import math
import time as clock
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fpsim.assumption import Assumption
from fpsim.escape_time import EscapeTime
from fpsim.kernels.random_numbers import own_seed
from fpsim.paths.censoring import CensoredMean, censored_mean, moved
from fpsim.paths.exits import ExitSample, exit_times
from fpsim.paths.starts import start_points
from fpsim.routes.ladder import LEVELS, Bias, Level, bias
from fpsim.routes.problem import Problem
from fpsim.routes.reach import BeyondReachError, Reach
from fpsim.routes.steps import ROUGHEST, Places, places
from fpsim.sde.gates import InfiniteTimeError
from fpsim.targets import LevelSet

Array = NDArray[np.float64]
LARGEST_BIAS = 0.05
"""Share of the mean above which a bias makes a step that was not given smaller."""
QUARTERINGS = 4
FINEST = 2.0**-14
"""Steps smaller than this part of the first are not tried."""
REFINED_STEPS = {"compiled": 1e10, "numpy": 1e8}
"""Coordinate-steps up to which a step is refined without being asked."""
SURVIVORS, TRIAL_STEPS = 4000, 4e8


@dataclass(frozen=True)
class PathsRun:
    """What by_paths was asked for.

    Attributes:
        problem: what escapes.
        paths, seed, horizon, bridge, walls, threads, dtype: as in ``EscapeProblem.by_paths``.
        start: a point, points or a distribution.
        step: the step asked for, or ``None``.
        step_bias: whether to tell the bias of the step.
        ends: time on the clock at which to stop.
        progress: called with the finished share.
    """

    problem: Problem
    paths: int
    step: float | None
    seed: int
    horizon: float
    start: Any
    bridge: bool
    walls: Any
    threads: int | None
    dtype: Any
    step_bias: bool
    ends: float
    progress: Callable[[float], None] | None

    def exits(self, step: float, level: int = 0, paths: int | None = None, horizon: float | None = None) -> ExitSample:
        """Exits at one step; each level of a ladder draws its own numbers, level 0 those of the seed."""
        sde, target = self.problem.sde, self.problem.target
        seed = self.seed if 0 <= level <= 1 else own_seed(self.seed, "step", level)
        until = self.horizon if horizon is None else horizon
        begun, part = _shares(level, not self.step_bias)
        left = max(self.ends - clock.perf_counter(), 1e-3) * part / (1 - begun)
        progress, report = self.progress, None
        if progress is not None and level >= 0:
            report = lambda share: progress(begun + part * share)  # noqa: E731
        return exit_times(
            sde, self.start, target, self.paths if paths is None else paths, step, seed, until, self.bridge,
            self.threads, self.walls, self.dtype, level == 1, report, left,
        )  # fmt: skip

    def whole(self, step: float, level: int = 0) -> ExitSample:
        """Exits up to the horizon that was asked for; without one, of all paths."""
        if math.isfinite(self.horizon):
            return self.exits(step, level)
        sample = self._reach(step, level).complete(self.pilot)
        return sample if sample.censored.any() else replace(sample, horizon=math.inf)

    def _reach(self, step: float, level: int) -> Reach:
        def run(paths: int, horizon: float) -> ExitSample:
            return self.exits(step, level, paths, horizon)

        return Reach(run, self.paths, step, self.problem.sde.dimension, self._known)

    @cached_property
    def pilot(self) -> ExitSample:
        """Exits of a few paths at a coarse step."""
        first = self.problem.default_step if self.step is None else self.step
        for step in (8 * first, 2 * first):
            try:
                return self.trial(step)
            except (BeyondReachError, InfiniteTimeError):
                raise
            except ValueError:  # too coarse to be stable, or for the target; at the step itself it is an error
                continue
        return self.trial(first)

    def trial(self, step: float) -> ExitSample:
        """Exits of a few paths, which say whether all can be followed."""
        if math.isfinite(self.horizon):
            return self.exits(step, -1, min(256, self.paths))
        return self._reach(step, -1).pilot()

    @cached_property
    def places(self) -> Places:
        """Where the paths go."""
        starts = start_points(self.start, self.problem.sde.dimension, 0, min(64, self.paths), self.seed)
        ends = self.pilot.places[~self.pilot.censored].T
        return places(self.problem.sde, self.walls, self.problem.target, starts, ends, self.pilot.step / 8)

    def _known(self, said: str) -> float | None:
        """The mean by quadrature; an error, begun by what was ``said``, if that finds none."""
        problem = self.problem
        asked = self.start is problem.start and self.walls == problem.walls and not isinstance(problem.target, LevelSet)
        if problem.sde.dimension != 1 or not asked:
            return None
        try:
            return problem.by_quadrature().mean
        except InfiniteTimeError as error:
            raise InfiniteTimeError(f"{said}: {error}") from error
        except ValueError:
            return None


def _shares(level: int, alone: bool) -> tuple[float, float]:
    """Which part of the work comes before a level of a ladder, and its own: they cost 1/8, 1/4, 1/2 and 1."""
    if level < 0 or alone:
        return 0.0, 1.0 if level >= 0 else 0.1
    total = 2 - 2.0 ** (1 - LEVELS)
    return (2.0**-level - 2.0 ** (1 - LEVELS)) / total, 2.0**-level / total


def by_paths(run: PathsRun) -> EscapeTime:
    """What :meth:`fpsim.EscapeProblem.by_paths` documents."""
    began = clock.perf_counter()
    if run.bridge and run.step is not None:
        _require_stable(run, run.step)
    h, sample, estimate, found = _refined(run)
    resolved = _resolved(run, h) if run.bridge else ()
    error = 0.0
    if found:
        # half the square of a kick's error may be unseen by coarse steps, if all of them jump over a fine feature
        unseen = run.places.roughness(h) ** 2 / 2 if run.bridge else 0.0
        error = math.hypot(found.error, unseen * estimate.mean)
    checks = list(resolved)
    if found:
        law = f"the means at h, 2h, 4h, 8h follow m + a h^{_order(run):g} (chi^2, 0.5 %)"
        checks.append(Assumption(law, found.ruled, found.detail))
    if estimate.tail is not None:
        checks.append(
            Assumption("the exit rate has settled at the horizon (3 sigma)", estimate.tail.settled, str(estimate.tail))
        )
    censored = int(sample.censored.sum())
    settings = {"paths": sample.times.size, "step": h, "bridge": run.bridge, "dtype": np.dtype(run.dtype).name}
    if censored:
        settings["horizon"] = sample.horizon
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
    return bias(levels, _order(run)) if run.step_bias else None, sample, estimate


def _mean(run: PathsRun, sample: ExitSample, survivors: bool = False) -> CensoredMean:
    """The mean of a sample; with a look at whether the survivors' places have settled."""
    alike = None
    if survivors and sample.censored.any() and "stopped" not in sample.settings:
        early = run.exits(sample.step, -2, min(run.paths, SURVIVORS), sample.horizon / 2)
        alike = moved(early.places[early.censored], sample.places[sample.censored])
    return censored_mean(sample.times, sample.censored, sample.horizon, alike)


def _order(run: PathsRun) -> float:
    """Weak order of the step: one half where D jumps, or where exits are seen at the steps only."""
    smooth = getattr(run.problem.sde.noise, "at", "") != "path" and not run.places.jumps.size
    return 1.0 if run.bridge and smooth else 0.5


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


def _resolved(run: PathsRun, step: float) -> tuple[Assumption, ...]:
    """Whether a kick jumps over features of drift and D, over the target or the room between walls; and stability."""
    rough, crowded = run.places.roughness(step), run.places.crowding(step)
    size = step * run.problem.stiffness
    return (
        Assumption(
            f"a kick jumps over no feature of drift, D, target or walls (error of a kick <= {ROUGHEST:g})",
            rough <= ROUGHEST and crowded <= 1, f"{rough:.2g}; kick / room {crowded:.2g}",
        ),
        Assumption("step * curvature at the minimum <= 0.2", size <= 0.2, f"{size:.3g}"),
    )  # fmt: skip


def _require_stable(run: PathsRun, step: float) -> None:
    """Refuse a step at which the noiseless walk already leaves its resting place."""
    size = step * run.problem.stiffness
    if size >= 2:
        raise ValueError(
            f"at step = {step:g} the walk is unstable where the drift comes to rest (step * stiffness = {size:.3g}, "
            f"not below 2); reduce step= to {run.problem.default_step:g} or so"
        )
