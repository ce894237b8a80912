"""What takes longer than a move of a slider: fields in two dimensions, paths behind the survival curve, all routes.

Each is a function of the settings that tells its progress, and runs as a job (:mod:`fpsim.explore.jobs`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fpsim.escape import EscapeProblem
from fpsim.explore.arrays import number, packed
from fpsim.explore.clock import clock
from fpsim.explore.comparison import REFUSALS, at_once, table
from fpsim.explore.picture import evolution, survival
from fpsim.explore.settings import Settings
from fpsim.targets import Ball

Tell = Callable[[float, str], None]

BUDGET = 15.0
"""Seconds of a comparison of all routes."""
CELLS, COARSE = 64, 44
"""Per axis, and of the grid that tells the error."""
EXITS = 2000
"""Paths behind a survival curve."""
DEADLINE = 12.0
"""Seconds after which they stop where they are."""


def compare(settings: Settings, tell: Tell) -> dict[str, Any]:
    """Every applicable route, within BUDGET seconds."""
    shares: dict[str, float] = {}

    def progress(name: str, share: float) -> None:
        shares[name] = share
        tell(share, name)

    return {"table": table(settings.problem.compare(BUDGET, seed=settings.seed, threads=1, progress=progress))}


def exits(settings: Settings, tell: Tell) -> dict[str, Any]:
    """Survival of simulated paths with its 95 % band for all times at once, and their mean with both errors."""
    found = settings.problem.by_paths(
        EXITS, seed=settings.seed, threads=1, progress=lambda share: tell(share, "paths"), deadline=DEADLINE
    )
    sample = found.sample
    assert sample is not None
    t, probability, half = sample.survival(200)
    return {
        "times": packed(t), "values": packed(probability), "half": number(float(half[0])),
        "paths": sample.times.size, "out": int(sample.exits.size), "horizon": float(t[-1]), "step": sample.step,
        "mean": number(found.mean), "standard_error": number(found.standard_error),
        "systematic_error": number(found.systematic_error), "seconds": found.seconds,
    }  # fmt: skip


def fields(settings: Settings, tell: Tell) -> dict[str, Any]:
    """In two dimensions: density on its way, chance to meet the target first, mean time and survival, on one grid."""
    from fpsim.density.automatic import automatic_grid
    from fpsim.density.fokker_planck import FokkerPlanck

    problem = settings.problem
    if problem.sde.dimension != 2:
        raise ValueError("fields are a job in two dimensions; in one they come with the picture")
    time = clock(settings, problem, at_once(problem))
    tell(0.0, "grid")
    solver = FokkerPlanck(problem.sde, automatic_grid(problem.sde, problem.start, None, CELLS))
    found: dict[str, Any] = {"cells": list(solver.grid.shape)}
    tell(0.1, "density")
    found["density"] = evolution(solver, problem, time.film)
    tell(0.6, "first passage")
    coarse = FokkerPlanck(problem.sde, automatic_grid(problem.sde, problem.start, None, COARSE))
    found["mean"], other = (_mean(each, problem) for each in (solver, coarse))
    found["error"] = abs(found["mean"] - other) * COARSE / (CELLS - COARSE)  # if errors fall like the cells' width
    tell(0.8, "committor")
    found["committor"] = _committor(solver, problem)
    tell(0.9, "survival")
    found["survival"] = survival(solver, problem, 3 * found["mean"])
    return found


def _mean(solver: Any, problem: EscapeProblem) -> float:
    passage = solver.mean_first_passage_time(problem.target, problem.start)
    return float(solver.grid.at(passage["mean"].values, problem.start))


def _committor(solver: Any, problem: EscapeProblem) -> dict[str, Any]:
    """The chance to meet the target before a ball around the start comes again."""
    target = problem.target
    ball = target.ball()
    radius = 2 * float(solver.grid.spacing.max()) if ball is None else float(ball[1])
    try:
        found = solver.committor(Ball(problem.start, radius), target)
    except REFUSALS as error:
        return {"refused": " ".join(str(error).split())}
    return {"axes": [packed(solver.grid.centers(k)) for k in range(2)], "values": packed(found["committor"].values)}


JOBS: dict[str, Callable[[Settings, Tell], dict[str, Any]]] = {"compare": compare, "exits": exits, "fields": fields}
