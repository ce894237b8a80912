"""Escape times by a sequence of grids, with an error estimate and a check that they converge at all.

    T(h) = T + C h^2 + ...,      T ~ (T(h_2) h_1^2 - T(h_1) h_2^2) / (h_1^2 - h_2^2)       (Richardson)

The order is measured on three grids.  Where the noise vanishes against the drift (D = kappa |L''| at an inflection
point) the time grows without bound as the cells shrink; then there is no limit to extrapolate to, and that is said.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fpsim.density.bounds import DEFAULT_CELLS, fitted_grid, needed_box, require_cells
from fpsim.density.cuts import restrict
from fpsim.density.passage import mean_and_variance
from fpsim.results import Assumption
from fpsim.targets import Target, as_target

Array = NDArray[np.float64]
RATIO = {1: 2.0, 2: 1.5, 3: 1.5}
ROUGH = 1e-2  # largest last change of a sequence without a clear order that is still taken for convergence
FEWEST_CELLS = 48  # on the finest of three grids
LOWEST_ORDER = 1.4  # measured between three grids; second order is expected
GOAL = 1e-8  # 1-D without given cells: refine until the error estimate is this small
MOST_CELLS = 300_000


class GridEscape(NamedTuple):
    """An escape time by grids.

    Attributes:
        mean: the mean time from start to target, extrapolated if the grids converge.
        variance: its variance.
        error: estimated discretisation error of the mean.
        converged: the refinement check, with the measured order.
        settings: box, cells, times on each grid, fallbacks, accuracy of the linear solver.
    """

    mean: float
    variance: float
    error: float
    converged: Assumption
    settings: dict[str, Any]


class Level(NamedTuple):
    """The answer on one grid: cell width, mean, variance, cells, accuracy, fallback counts."""

    h: float
    mean: float
    variance: float
    grid: str
    accuracy: float
    fallbacks: dict[str, int]


def escape_time_by_grid(
    sde: Any, start: ArrayLike, target: Any, cells: int | None = None, walls: Any = None
) -> GridEscape:
    """Mean and variance of the time from ``start`` to ``target``, on grids in sequence.

    Args:
        sde: an :class:`fpsim.SDE` in one to three dimensions.
        start: a point.
        target: a target, a level function or (1-D) a number.
        cells: per axis on the finest of three grids; left out, 200 in 2-D, 48 in 3-D, and in 1-D as many as an error of
            1e-8 takes.
        walls: reflecting or periodic walls.

    Raises:
        ValueError: if the box cannot be found, the start lies in the target, or a system is not solved accurately.
    """
    if walls is not None:
        raise ValueError(f"the grid route knows no walls yet, and this problem has {walls}; use by_paths")
    if sde.dimension > 3:
        raise ValueError(f"grids serve one to three dimensions; this problem has {sde.dimension} (use paths)")
    if cells is not None:
        require_cells(cells, FEWEST_CELLS)
    point = np.atleast_1d(np.asarray(start, dtype=float))
    goal = as_target(target, point)
    box = needed_box(sde, point, goal)
    ratio = RATIO[sde.dimension]
    finest = cells or (1600 if sde.dimension == 1 else DEFAULT_CELLS[sde.dimension])
    levels = [_on_grid(sde, point, goal, box, round(finest / ratio**k)) for k in (2, 1, 0)]
    if not levels[0].h > levels[1].h > levels[2].h:
        raise ValueError(f"with {finest} cells per axis the three grids do not differ enough to be compared; give more")
    while cells is None and sde.dimension == 1 and finest * 2 <= MOST_CELLS:
        mean, _, error, order = extrapolated(levels[-3:])
        if error <= GOAL * abs(mean) or (order is None and levels[-1].mean > 1.5 * levels[-2].mean):
            break
        finest *= 2
        levels.append(_on_grid(sde, point, goal, box, finest))
    mean, variance, error, order = extrapolated(levels[-3:])
    settings = {
        "grid": levels[-1].grid,
        "times_on_grids": [level.mean for level in levels],
        "cell_widths": [level.h for level in levels],
        "solver_accuracy": levels[-1].accuracy,
        **{f"cells_{reason}": count for reason, count in levels[-1].fallbacks.items() if count},
    }
    return GridEscape(mean, variance, error, verdict(levels[-3:], order), settings)


def _on_grid(sde: Any, start: Array, target: Target, box: Any, cells: int) -> Level:
    from fpsim.fokker_planck import FokkerPlanck

    grid = fitted_grid(box, start, target, cells)
    walk = FokkerPlanck(sde, grid).walk
    part = restrict(walk, [target], whole_cells=False)
    mean, variance, accuracy = mean_and_variance(walk, part)
    values = [grid.at(part.spread(field), start) for field in (mean, variance)]
    return Level(float(grid.spacing[0]), values[0], values[1], str(grid), accuracy, walk.counts)


def extrapolated(levels: list[Level]) -> tuple[float, float, float, float | None]:
    """Mean, variance, error estimate and measured order from three grids, coarsest first."""
    first, second, third = levels
    order = measured_order(levels)
    steps = abs(second.mean - first.mean), abs(third.mean - second.mean)
    rough = max(1e-13 * abs(third.mean), third.accuracy * abs(third.mean))
    if order is None or order < LOWEST_ORDER:
        return third.mean, third.variance, max(*steps, rough), order
    fine = _richardson(second.h, second.mean, third.h, third.mean)
    coarse = _richardson(first.h, first.mean, second.h, second.mean)
    variance = _richardson(second.h, second.variance, third.h, third.variance)
    return fine, variance, max(abs(fine - coarse), 0.1 * abs(fine - third.mean), rough), order


def _richardson(h1: float, t1: float, h2: float, t2: float) -> float:
    return (t2 * h1**2 - t1 * h2**2) / (h1**2 - h2**2)


def measured_order(levels: list[Level]) -> float | None:
    """p with T(h) = T + C h^p through three grids; ``None`` if the differences do not shrink."""
    from scipy.optimize import brentq

    (h1, t1), (h2, t2), (h3, t3) = ((level.h, level.mean) for level in levels)
    if t2 == t3 or (t1 - t2) / (t2 - t3) <= 0:
        return None

    def gap(p: float) -> float:
        return float((h1**p - h2**p) / (h2**p - h3**p) - (t1 - t2) / (t2 - t3))

    if gap(0.05) > 0:
        return None
    return float(brentq(gap, 0.05, 12.0)) if gap(12.0) > 0 else 12.0


def verdict(levels: list[Level], order: float | None) -> Assumption:
    """Whether the sequence converges, in words."""
    steps = [levels[k + 1].mean - levels[k].mean for k in (0, 1)]
    change = abs(steps[1] / levels[2].mean)
    wavers = steps[0] * steps[1] < 0  # boundaries that cut the cells differently on every grid do that
    shrinks = abs(steps[1]) < 0.9 * abs(steps[0]) and change < ROUGH / 10
    holds = change < 1e-7 or (order is not None and order >= LOWEST_ORDER) or (wavers and change < ROUGH) or shrinks
    detail = f"order {order:.2f}" if order is not None else "no order measurable"
    detail += f", last change {change:.2g}"
    if not holds:
        detail += ": no limit in sight as the cells shrink (noise vanishing against the drift, or cells too large)"
    return Assumption("the time converges as the grid is refined", bool(holds), detail)
