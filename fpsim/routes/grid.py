"""Escape times by a sequence of grids, with an error estimate and a check that they converge at all.

    T(h) = T + C h^2 + ...        least squares over the finest grids; the spread of such fits is the error

Cells are uniform, or follow small targets and narrow places (``stretch``).  The order is measured.  Where the noise
vanishes against the drift (D = kappa |L''| at an inflection point) the time grows without bound as the cells shrink;
then there is no limit to extrapolate to, and that is said.
"""

from __future__ import annotations

import math
import time as clock
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fpsim.assumption import Assumption
from fpsim.density.automatic import DEFAULT_CELLS, fitted_grid, require_cells
from fpsim.density.bounds import needed_box
from fpsim.density.cuts import Restricted, restrict
from fpsim.density.grid import Grid
from fpsim.density.narrow import small_features
from fpsim.density.open_ends import refuse_open_ends
from fpsim.density.passage import mean_and_variance
from fpsim.density.rarity import carried_by_rare_paths
from fpsim.density.space import Box, Space, everywhere
from fpsim.density.stretch import Feature, Stretch, StretchedSDE
from fpsim.density.walk import Walk
from fpsim.routes.grid_sequence import Level, extrapolated, verdict
from fpsim.targets import Point, Target, as_target
from fpsim.valleys.valley import boundary
from fpsim.walls import Walls

Array = NDArray[np.float64]
RATIOS = {1: (4.0, 2.0, 1.0), 2: (2.25, 1.837, 1.5, 1.225, 1.0), 3: (2.25, 1.5, 1.0)}
FEWEST_CELLS = 48  # on the finest grid
FINEST = {1: 1600, 2: DEFAULT_CELLS[2], 3: DEFAULT_CELLS[3]}
FINEST_STRETCHED = {1: 3200, 2: 240, 3: 56}
GOAL = 1e-8  # 1-D without given cells: refine until the error estimate is this small
MOST_CELLS = {1: 10**7, 2: 4 * 10**6, 3: 4 * 10**6}  # in all; what memory holds
MOST_ON_LINE = 300_000
RESOLVED = 2.0  # cells per length of every known narrow place
LARGEST = 709.7  # logarithm of the largest float
LARGEST_LOG = 350.0  # of times that are computed as such, squares and all; beyond, in logarithms
GROWTH = {1: 1.0, 2: 1.5, 3: 1.5}  # cost ~ (number of cells)^this


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


class OverTimeError(ValueError):
    """Three grids would not be finished in time; ``seconds`` says what they would take."""

    def __init__(self, message: str, seconds: float) -> None:
        super().__init__(message)
        self.seconds = seconds


@dataclass(frozen=True)
class Setting:
    """A problem on a box, ready for grids of any number of cells."""

    sde: Any
    start: Array
    target: Target
    space: Space
    box: Box
    features: list[Feature] = field(default_factory=list)
    log_scale: float = 0.0

    def scaled(self, cells: int, finest: int) -> Setting:
        """The same with times in units of e^log_scale, where a line's time squared overflows on few ``cells``."""
        if self.start.size > 1 or self.space.has_period or self._log_time(cells) <= LARGEST_LOG:
            return self
        return replace(self, log_scale=self._log_time(finest))

    def _log_time(self, cells: int) -> float:
        """Logarithm of the time from the cell nearest to the start."""
        grid, start, _, part, _ = self._cut(cells)
        near = int(np.argmin(np.abs(grid.points[0, part.keep] - start[0])))
        return float(_log_times(part)[near])

    def on_grid(self, cells: int, looks: bool = False) -> tuple[Level, tuple[Assumption, ...]]:
        """The answer on one grid; ``looks`` at how rare the paths are that carry the mean, too."""
        began = clock.perf_counter()
        grid, start, walk, part, stretch = self._cut(cells)
        mean, variance, accuracy = _times(walk, part, self.log_scale)
        if stretch is not None:  # places are known to rounding only
            size = max(abs(end) for side in self.box for end in side)
            accuracy = max(accuracy, 4e-16 * size / min(known.length for known in self.features))
        values = [grid.at(part.spread(values), start) for values in (mean, variance)]
        if self.log_scale:
            self._require_floats(walk, grid.points if stretch is None else stretch.x(grid.points), values[0])
        place = stretch.x if stretch else np.asarray
        checks = carried_by_rare_paths(walk, part, start, place) if looks and not self.log_scale else ()
        seconds = clock.perf_counter() - began
        level = Level(
            float(grid.spacing[0]), values[0], values[1], _words(grid, stretch), float(accuracy), walk.counts,
            grid.size, seconds,
        )  # fmt: skip
        return level, (*checks, *self._resolution(grid, stretch))

    def _require_floats(self, walk: Walk, points: Array, mean: float) -> None:
        """Refuse a way to the target on which rates were cut to what floats hold; only very long times see it."""
        from fpsim.kernels.assembly import LIMIT

        ends = sorted((self.start[0], boundary(self.target, self.start) or self.start[0]))
        inner = (points[0] >= ends[0]) & (points[0] <= ends[1])
        climb = float(np.abs(walk.edges.end[inner[walk.source]]).max(initial=0.0))
        if climb > LIMIT or not abs(math.log(mean)) < LARGEST_LOG:
            raise ValueError(
                f"one of {walk.grid.size} cells climbs by {climb:.3g} times the noise, where rates as floats hold "
                f"{LIMIT:g} at most and grids must agree; use by_quadrature, a formula or more cells"
            )

    def _cut(self, cells: int) -> tuple[Grid, Array, Walk, Restricted, Stretch | None]:
        """Grid and start (stretched where there are features), the walk, and what is left of it outside the target."""
        from fpsim.density.fokker_planck import FokkerPlanck

        stretch = Stretch.of(self.box, self.features)
        grid, start, target, sde = self._grid(cells, stretch)
        points = grid.points if stretch is None else stretch.x(grid.points)
        within = None if self.space.domain is None else np.asarray(self.space.domain.same_piece(points, self.start))
        walk = FokkerPlanck(sde, grid, self.space.words(self.space.covered(self.target, self.box))).walk
        holds = bool((self.space.level(self.target, points) >= 0).any())  # else only a wall is the target
        part = restrict(walk, [target] if holds or walk.conserves_mass else [], whole_cells=False, within=within)
        return grid, start, walk, part, stretch

    def _grid(self, cells: int, stretch: Stretch | None) -> tuple[Grid, Array, Target, Any]:
        """Grid, start, target and SDE, in stretched coordinates if there are any."""
        fixed = self.space.fixed(self.box)
        sde = everywhere(self.sde, self.start)
        if stretch is None:
            return fitted_grid(self.box, self.start, self.target, cells, fixed), self.start, self.target, sde
        start, target = stretch.u(self.start), stretch.target(self.target, self.space)
        grid = fitted_grid(((0.0, 1.0),) * start.size, start, target, cells, fixed)
        return grid, start, target, StretchedSDE(sde, stretch)

    def _resolution(self, grid: Grid, stretch: Stretch | None) -> tuple[Assumption, ...]:
        """Whether cells are small against all known narrow places."""
        if not self.features:
            return ()
        if stretch is None:
            widths = [
                (grid.centers(k), np.full(n, h)) for k, (n, h) in enumerate(zip(grid.shape, grid.spacing, strict=True))
            ]
        else:
            widths = stretch.widths(grid)
        worst, detail = math.inf, ""
        for known in self.features:
            centers, h = widths[known.axis]
            width = float(h.max() if math.isnan(known.place) else np.interp(known.place, centers, h))
            if known.length / width < worst:
                worst = known.length / width
                detail = f"{worst:.2g} cells over the {known.length:.3g} of {known.name}"
        return (
            Assumption("cells are small against the target and every known narrow place", worst >= RESOLVED, detail),
        )


def _times(walk: Walk, part: Restricted, log_scale: float) -> tuple[Array, Array, float]:
    """Means (k,), variances and accuracy, in units of e^log_scale."""
    if log_scale:
        mean = np.exp(np.minimum(_log_times(part) - log_scale, LARGEST_LOG))
        return mean, np.full(mean.size, np.inf), 1e-12
    return mean_and_variance(walk, part)


def _log_times(part: Restricted) -> Array:
    from fpsim.kernels.tridiagonal import log_times

    return np.asarray(log_times(part.rates.diagonal(1), part.rates.diagonal(-1), part.killing))


def escape_time_by_grid(
    sde: Any,
    start: ArrayLike,
    target: Any,
    cells: int | None = None,
    walls: Walls | None = None,
    seconds: float = math.inf,
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
        edge = boundary(goal, point)
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
    levels, checks = _sequence(setting, finest, cells is None, deadline)
    mean, variance, error, order = extrapolated(levels)
    settings = {
        "grid": levels[-1].grid,
        "times_on_grids": [level.mean for level in levels],
        "cell_widths": [level.h for level in levels],
        "solver_accuracy": levels[-1].accuracy,
        **{f"cells_{reason}": count for reason, count in levels[-1].fallbacks.items() if count},
    }
    converged = verdict(levels, order)
    log_mean = math.log(mean) + setting.log_scale if mean > 0 else -math.inf
    if setting.log_scale:
        settings["times_on_grids"] = [f"e^{math.log(level.mean) + setting.log_scale:.12g}" for level in levels]
        log_error = error / mean
        mean = math.exp(log_mean) if log_mean < LARGEST else math.inf
        error = log_error * mean
    else:
        log_error = error / abs(mean) if mean else math.inf
    return GridEscape(mean, variance, error, converged, settings, (converged, *checks), log_mean, log_error)


def _sequence(
    setting: Setting, finest: int, is_free: bool, deadline: float
) -> tuple[list[Level], tuple[Assumption, ...]]:
    """The answers on all grids, coarsest first, and the checks of the first and last of them."""
    d = setting.start.size
    levels: list[Level] = []
    checks: dict[str, Assumption] = {}
    counts = [round(finest / ratio) for ratio in RATIOS[d]]
    while counts:
        if len(levels) < 3 or _in_time(levels[-1], counts[0] ** d, d, deadline):
            if levels and not _in_time(levels[-1], sum(c**d for c in counts[: 3 - len(levels)]), d, deadline):
                needed = _cost(levels[-1], sum(c**d for c in counts[: 3 - len(levels)]), d)
                left = max(deadline - clock.perf_counter(), 0.0)
                raise OverTimeError(f"three grids would take about {needed:.2g} s more of {left:.2g} s left", needed)
            level, found = setting.on_grid(counts.pop(0), looks=not levels)
            levels.append(level)
            checks |= {check.statement: check for check in found}
        else:
            break
        if is_free and d == 1 and not counts and finest * 2 <= MOST_ON_LINE:
            mean, _, error, order = extrapolated(levels[-3:])
            if error > GOAL * abs(mean) and not (order is None and levels[-1].mean > 1.5 * levels[-2].mean):
                finest *= 2
                counts.append(finest)
    if not all(a.h > b.h for a, b in pairwise(levels)):
        raise ValueError(f"with {finest} cells per axis the grids do not differ enough to be compared; give more")
    return levels[-len(RATIOS[d]) :], tuple(checks.values())


def _cost(last: Level, size: int, d: int) -> float:
    """Seconds that a grid of ``size`` cells will take, from those of the last one."""
    return float(last.seconds * max(size / last.size, 1.0) ** GROWTH[d])


def _in_time(last: Level, size: int, d: int, deadline: float) -> bool:
    return clock.perf_counter() + _cost(last, size, d) <= deadline


def _words(grid: Grid, stretch: Stretch | None) -> str:
    """The grid in words."""
    if stretch is None:
        return str(grid)
    parts = []
    for (x, h), (_, _, cells) in zip(stretch.widths(grid), grid.axes, strict=True):
        parts.append(f"[{x[0] - h[0] / 2:g}, {x[-1] + h[-1] / 2:g}]/{cells} (cells of {h.min():.2g} to {h.max():.2g})")
    return " x ".join(parts)
