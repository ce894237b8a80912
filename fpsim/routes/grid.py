"""Escape times by a sequence of grids, with an error estimate and a check that they converge at all.

    T(h) = T + C h^2 + ...        least squares over the finest grids; the spread of such fits is the error

Cells are uniform, or follow small targets and narrow places (``stretch``).  The order is measured.  Where the noise
vanishes against the drift (D = kappa |L''| at an inflection point) the time grows without bound as the cells shrink;
then there is no limit to extrapolate to, and that is said.
"""

from __future__ import annotations

import math
import time as clock
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from fpsim.assumption import Assumption
from fpsim.density.automatic import DEFAULT_CELLS, require_cells
from fpsim.density.bounds import needed_box
from fpsim.density.narrow import small_features
from fpsim.density.open_ends import refuse_open_ends
from fpsim.density.space import Space
from fpsim.escape_time import EscapeTime
from fpsim.routes.allowance import OverBudgetError
from fpsim.routes.grid_sequence import extrapolated, sequence, verdict
from fpsim.routes.grid_setting import Level, Setting
from fpsim.routes.phase_grid import PhaseSetting
from fpsim.routes.plan import Plan
from fpsim.routes.problem import Problem
from fpsim.routes.route import Cost, Route
from fpsim.sde.gates import require_open
from fpsim.targets import Point, as_target
from fpsim.walls import Walls
from landscapes.progress import Progress, shows_progress

FEWEST_CELLS = 48  # on the finest grid
FINEST = {1: 1600, 2: DEFAULT_CELLS[2], 3: DEFAULT_CELLS[3]}
FINEST_STRETCHED = {1: 3200, 2: 240, 3: 56}
MOST_CELLS = {1: 10**7, 2: 4 * 10**6, 3: 4 * 10**6}  # in all; what memory holds
USUAL_SECONDS = {1: 1.0, 2: 6.0, 3: 20.0}
"""What the default grids usually take on one core, by dimension."""
LARGEST = 709.7  # logarithm of the largest float


class GridEscape(NamedTuple):
    """An escape time by grids.

    Attributes:
        mean: the mean time from start to target, extrapolated if the grids converge.
        variance: its variance.
        error: estimated discretisation error of the mean.
        converged: the refinement check, with the measured order.
        settings: box, cells, times on each grid, fallbacks, accuracy of the linear solver.
        assumptions: all checks, ``converged`` first.
        log_mean, log_error: logarithm of the mean, where no float holds it (then ``mean`` is infinite), and its error.
    """

    mean: float
    variance: float
    error: float
    converged: Assumption
    settings: dict[str, Any]
    assumptions: tuple[Assumption, ...]
    log_mean: float
    log_error: float


class GridRoute(Route):
    """The Fokker-Planck generator on grids, in one to three dimensions."""

    name = "grid"
    reference = (
        "Scharfetter, Gummel, IEEE Trans. Electron Devices 16 (1969) 64; "
        "Fehrenbach, Mirebeau, J. Math. Imaging Vision 49 (2014) 123"
    )
    papers = ("scharfetter1969", "fehrenbach2014")
    share = 0.6

    def cost(self, problem: Problem, expected: float | None = None) -> Cost:
        """By dimension."""
        d = problem.sde.dimension
        return Cost("seconds" if d <= 2 else "about a minute (3-D)" if d == 3 else f"no grid in {d} dimensions")

    @shows_progress("grid")
    def answer(
        self, problem: Problem, cells: int | None = None, deadline: float = math.inf, progress: Progress = None
    ) -> EscapeTime:
        """What :meth:`fpsim.EscapeProblem.by_grid` documents."""
        require_open(problem.sde, problem.start[0], problem.target)
        began = clock.perf_counter()
        if problem.sde.inertia is None:
            ends = problem.point, problem.target
            found = escape_time_by_grid(problem.sde, *ends, cells, problem.walls, deadline, progress)
        else:
            found = _with_inertia(problem, cells, clock.perf_counter() + deadline, progress)
        settings = {**found.settings, **({} if cells is None else {"cells": cells})}
        return problem.result(
            self.name, began, found.mean, systematic_error=found.error,
            variance=found.variance if math.isfinite(found.variance) else None, settings=settings,
            assumptions=found.assumptions, log_mean=found.log_mean, log_error=found.log_error,
        )  # fmt: skip

    def within(self, problem: Problem, plan: Plan, share: float) -> EscapeTime:
        """The grid, if its dimension allows and its usual cost fits."""
        d, left = problem.sde.dimension, plan.allowance.left
        if problem.sde.noise.leaps:
            problem.sde.diffusion(problem.point[:, None])  # says that there is no D, whatever the time left
        if d > 3:
            raise ValueError(f"grids reach 3 dimensions; this problem has {d}")
        if USUAL_SECONDS[d] > left:
            raise OverBudgetError(
                f"a grid takes about {USUAL_SECONDS[d]:g} s, and {max(left, 0):.2g} s are left", USUAL_SECONDS[d]
            )
        return self.answer(problem, progress=plan.report(self.name))


by_grid = GridRoute()


def escape_time_by_grid(
    sde: Any,
    start: ArrayLike,
    target: Any,
    cells: int | None = None,
    walls: Walls | None = None,
    seconds: float = math.inf,
    progress: Progress = None,
) -> GridEscape:
    """Mean and variance of the time from ``start`` to ``target``, on grids in sequence.

    Args:
        sde: an :class:`fpsim.SDE` in one to three dimensions.
        start: a point.
        target: a target, a level function or (1-D) a number.
        cells: per axis on the finest grid; left out, 200 in 2-D, 48 in 3-D (more where cells follow small targets),
            and in 1-D as many as an error of 1e-8 takes.
        walls: reflecting or periodic walls.
        seconds: to end within, with as many grids as fit (three at least, or :class:`OverTimeError`).
        progress: called with the share of the work on all grids.

    Raises:
        ValueError: if the box cannot be found, the start lies in the target, or a system is not solved accurately.
    """
    deadline = clock.perf_counter() + seconds
    if sde.dimension > 3:
        raise ValueError(f"grids serve one to three dimensions; this problem has {sde.dimension} (use paths)")
    if cells is not None:
        require_cells(cells, FEWEST_CELLS)
    point = np.atleast_1d(np.asarray(start, dtype=float))
    goal = as_target(target, point)
    if sde.dimension == 1 and not (walls is not None and walls.kind[0] == "periodic"):
        edge = goal.edge(point)
        goal = goal if edge is None else Point(edge, float(point[0]))
    space = Space.of(sde, point, walls).up_to(goal)
    box = needed_box(sde, point, goal, space)
    refuse_open_ends(sde, point, goal, space, box)
    finest = cells or FINEST[sde.dimension]
    widths = np.array([(high - low) / finest for low, high in box])
    features = small_features(sde, point, goal, space, box, widths)
    if cells is None and any(math.isfinite(f.place) for f in features):
        finest = FINEST_STRETCHED[sde.dimension]
    if finest**sde.dimension > MOST_CELLS[sde.dimension]:
        raise ValueError(f"{finest} cells along each of {sde.dimension} axes do not fit into memory; give fewer")
    setting = Setting(sde, point, goal, space, box, features).scaled(FEWEST_CELLS, finest)
    levels, checks = sequence(setting, finest, cells is None, deadline, progress)
    return _told(levels, checks, setting.log_scale)


def _with_inertia(problem: Problem, cells: int | None, deadline: float, progress: Progress) -> GridEscape:
    """The same on grids in (x, v)."""
    finest = DEFAULT_CELLS[2] if cells is None else require_cells(cells, FEWEST_CELLS)
    setting = PhaseSetting.of(problem)
    setting.require_free_paths(finest)
    levels, checks = sequence(setting, finest, cells is None, deadline, progress)
    return _told(levels, checks, 0.0)


def _told(levels: list[Level], checks: tuple[Assumption, ...], log_scale: float) -> GridEscape:
    """What a sequence of grids tells, with times in units of e^log_scale."""
    mean, variance, error, order = extrapolated(levels)
    settings = {
        "grid": levels[-1].grid,
        "times_on_grids": [level.mean for level in levels],
        "cell_widths": [level.h for level in levels],
        "solver_accuracy": levels[-1].accuracy,
        **{f"cells_{reason}": count for reason, count in levels[-1].fallbacks.items() if count},
    }
    converged = verdict(levels, order)
    log_mean = math.log(mean) + log_scale if mean > 0 else -math.inf
    if log_scale:
        settings["times_on_grids"] = [f"e^{math.log(level.mean) + log_scale:.12g}" for level in levels]
        log_error = error / mean
        mean = math.exp(log_mean) if log_mean < LARGEST else math.inf
        error = log_error * mean
    else:
        log_error = error / abs(mean) if mean else math.inf
    return GridEscape(mean, variance, error, converged, settings, (converged, *checks), log_mean, log_error)
