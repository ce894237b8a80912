"""Paths as :meth:`fpsim.EscapeProblem.by_paths` was asked for them: at one step, up to a horizon or to the end.

A pilot of a few paths at a coarse step says first whether paths arrive at all (:mod:`fpsim.routes.reach`), and where
they go, which tells what a kick may not jump over (:mod:`fpsim.routes.places`).
"""

from __future__ import annotations

import math
import time as clock
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from numpy.typing import DTypeLike

from fpsim.cuda.device import Device
from fpsim.kernels.random_numbers import own_seed
from fpsim.paths.exit_sample import ExitSample
from fpsim.paths.exits import exit_times
from fpsim.paths.starts import start_points
from fpsim.routes.ladder import share_of_work
from fpsim.routes.places import Places, places
from fpsim.routes.problem import Problem
from fpsim.routes.reach import BeyondReachError, Reach
from fpsim.routes.route import route
from fpsim.sde.gates import InfiniteTimeError
from fpsim.walls import Walls


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
        device, fast_math: of the runs that are kept; pilots run on the CPU.
    """

    problem: Problem
    paths: int
    step: float | None
    seed: int
    horizon: float
    start: Any
    bridge: bool
    walls: Walls | None
    threads: int | None
    dtype: DTypeLike
    step_bias: bool
    ends: float
    progress: Callable[[float], None] | None
    device: Device = "cpu"
    fast_math: bool = False

    def exits(self, step: float, level: int = 0, paths: int | None = None, horizon: float | None = None) -> ExitSample:
        """Exits at one step; each level of a ladder draws its own numbers, level 0 those of the seed."""
        sde, target = self.problem.sde, self.problem.target
        seed = self.seed if 0 <= level <= 1 else own_seed(self.seed, "step", level)
        until = self.horizon if horizon is None else horizon
        begun, part = share_of_work(level, not self.step_bias) if level >= 0 else (0.0, 0.1)
        left = max(self.ends - clock.perf_counter(), 1e-3) * part / (1 - begun)
        progress, report = self.progress, None
        if progress is not None and level >= 0:
            report = lambda share: progress(begun + part * share)  # noqa: E731
        return exit_times(
            sde, self.start, target, self.paths if paths is None else paths, step, seed, until, self.bridge,
            self.threads, self.walls, self.dtype, level == 1, report, left, "cpu" if level < 0 else self.device,
            self.fast_math and level >= 0,
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
        asked = self.start is problem.start and self.walls == problem.walls and problem.edge is not None
        if problem.sde.dimension != 1 or not asked:
            return None
        try:
            return route("quadrature").answer(problem).mean
        except InfiniteTimeError as error:
            raise InfiniteTimeError(f"{said}: {error}") from error
        except ValueError:
            return None
