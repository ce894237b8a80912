"""An escape on one grid: its mean time and variance, and how well the cells resolve what is known to be narrow."""

from __future__ import annotations

import math
import time as clock
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fpsim.assumption import Assumption
from fpsim.density.automatic import fitted_grid
from fpsim.density.cuts import Restricted, restrict
from fpsim.density.grid import Grid
from fpsim.density.passage import mean_and_variance
from fpsim.density.rarity import carried_by_rare_paths
from fpsim.density.space import Box, Space, everywhere
from fpsim.density.stretch import Feature, Stretch, StretchedSDE
from fpsim.density.walk import Walk
from fpsim.targets import Target

Array = NDArray[np.float64]
RESOLVED = 2.0  # cells per length of every known narrow place
LARGEST_LOG = 350.0  # of times that are computed as such, squares and all; beyond, in logarithms


class Level(NamedTuple):
    """The answer on one grid: cell width, mean, variance, cells, accuracy, fallback counts, size and cost."""

    h: float
    mean: float
    variance: float
    grid: str
    accuracy: float
    fallbacks: dict[str, int]
    size: int = 0
    seconds: float = 0.0


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

        ends = sorted((self.start[0], self.target.edge(self.start) or self.start[0]))
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
        start, target = stretch.u(self.start), stretch.target(self.target, self.start, self.space)
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
            Assumption(
                "cells are small against the target and every known narrow place",
                worst >= RESOLVED,
                detail,
                key="resolved",
            ),
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


def _words(grid: Grid, stretch: Stretch | None) -> str:
    """The grid in words."""
    if stretch is None:
        return str(grid)
    parts = []
    for (x, h), (_, _, cells) in zip(stretch.widths(grid), grid.axes, strict=True):
        parts.append(f"[{x[0] - h[0] / 2:g}, {x[-1] + h[-1] / 2:g}]/{cells} (cells of {h.min():.2g} to {h.max():.2g})")
    return " x ".join(parts)
