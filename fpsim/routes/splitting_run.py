"""Splitting as :meth:`fpsim.EscapeProblem.by_splitting` was asked for it: its flights, plans and means at one step."""

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

from fpsim.cuda.device import Device
from fpsim.kernels.random_numbers import own_seed
from fpsim.paths.edges import start_edges
from fpsim.paths.enclosure import enclosed
from fpsim.paths.exits import require_fine_step
from fpsim.paths.threads import thread_count
from fpsim.routes.committor import committor
from fpsim.routes.ladder import share_of_work
from fpsim.routes.places import Places, places
from fpsim.routes.problem import Problem
from fpsim.splitting.card import placed
from fpsim.splitting.dynamics import Dynamics, Stop, most_steps
from fpsim.splitting.ensemble import MeanOfLoops, mean_of_loops, repetitions
from fpsim.splitting.multilevel import PILOT, TRIAL, repetition
from fpsim.splitting.plan import Planned, planned
from fpsim.splitting.scores import Score, TableScore, score_of
from fpsim.splitting.stochastic import StochasticFlights

Array = NDArray[np.float64]
TRIAL_PARTICLES = 256
SLOWEST, LONGEST_FIRST = 100.0, 2e4
"""The walkers' first time: the slowest decay at rest, but at most this many of the fastest, and so many steps."""


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
    device: Device = "cpu"

    def flights(self, step: float, level: int) -> Dynamics:
        """What moves at one step on the device that was asked for."""
        flights = float(self.repetitions) * self.particles
        return placed(self.dynamics(step, level), self.device, flights)

    def dynamics(self, step: float, level: int) -> StochasticFlights:
        """The same on the CPU; each level of a ladder draws its own numbers."""
        problem = self.problem
        sde = problem.sde.between(problem.walls)
        edges = start_edges(sde, problem.point, problem.walls, self.seed)
        watched = enclosed(problem.target, edges, True)
        require_fine_step(sde, watched, edges, step)
        seed = own_seed(self.seed, "splitting", level)
        return StochasticFlights(sde, watched, edges, step, seed, True, self.own_score)

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
        return most_steps(self.flights(self.problem.default_step if self.step is None else self.step, 0))

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
        begun, part = share_of_work(level, not self.step_bias)
        progress = self.progress
        report = None if progress is None else lambda share: progress(begun + part * share)
        left = self.ends - clock.perf_counter()
        ends = clock.perf_counter() + left * part / (1 - begun) if math.isfinite(left) else math.inf
        store = self.store if level == 0 else None
        done = repetitions(
            self.flights(step, level), plan, self.repetitions, own_seed(self.seed, "branching", level),
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


def committor_score(problem: Problem) -> TableScore:
    """The logarithm of the grid's committor between the start's rest and the target, in one to three dimensions."""
    try:
        found = committor(problem).committor
    except ValueError as error:
        raise ValueError(f"{error}; use the distance, a path or a function as score") from None
    field, centers = found.values, [found[name].values for name in found.dims]
    least = float(field[field > 0].min())
    return TableScore(centers, np.log(np.maximum(field, least)), f"committor of a grid of {field.size} cells")
