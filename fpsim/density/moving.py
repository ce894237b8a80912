"""Densities under a schedule: the equation of every moment for a short while, and a limit.

    p(t + h) = exp(a h/2 A^T(t + h)) exp(a h/2 A^T(t)) p(t) + O(h^3)

(symmetric, of even order 2; a Magnus method as in Hochbruck and Ostermann 2010) is exact where nothing changes,
positive, and comes to rest at what holds at t + h, however stiff A is.  From one output or break of a curve to the
next, steps are halved and extrapolated (Romberg) until two extrapolations agree.
"""

from __future__ import annotations

import math
import time as clock
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fpsim.density.answers import ended_by, sets_on
from fpsim.density.cuts import restrict
from fpsim.density.discretisation import at_centers, densities_apart, judged, resolution
from fpsim.density.equation import Equation
from fpsim.density.evolution import NotPositive, propagate
from fpsim.density.grid import Grid
from fpsim.density.motion import Motion
from fpsim.density.pending import with_pending
from fpsim.schedules.scheduled import Scheduled
from landscapes.progress import part

if TYPE_CHECKING:
    import xarray

Array = NDArray[np.float64]
CHANGE = 0.5
"""Of the logarithm of D, or of the path of a parameter, over a step of the coarsest run."""
LOOKS = 65
"""Places of a stretch at which schedules are compared, to tell how much they change."""
INSIDE = 1e-9
"""Share of a stretch by which its ends are looked at from inside."""
LEVELS = 10
"""Halvings of the steps of a stretch at most."""


@dataclass(frozen=True)
class Course:
    """Masses on the whole grid at the output times.

    Attributes:
        masses: (times, n), non-negative.
        error: estimated error of the time steps, the largest over the times: L1, or of the total where sets end it.
        steps: number of steps of the finest run.
        negative: most negative mass before it was set to zero, relative to the largest.
    """

    masses: Array
    error: float
    steps: int
    negative: float


@dataclass(frozen=True)
class Moving:
    """A scheduled SDE on a grid, with the sets that end it (none: walls only).

    After ``ends``, by the clock on the wall, steps are halved no more, and what has not come to its end by twice the
    time that was given is given up.
    """

    scheduled: Scheduled
    grid: Grid
    boundary: Any
    sets: list[Any]
    ends: float = math.inf

    def frozen(self, t: float) -> Equation:
        """The equation of one moment, in the loss's own time."""
        return Equation(self.scheduled.at(t), self.grid, self.boundary)

    def step(self, masses: Array, t: float, start: float, end: float, tolerance: float) -> Array:
        """Masses (n,) carried from ``start`` to ``end`` by the equation of the moment ``t``."""
        equation = self.frozen(t)
        time = np.array([_elapsed(self.scheduled, start, end)])
        for walk in (equation.walk, equation.fitted):
            part = restrict(walk, self.sets) if self.sets else None
            rates, killing = (walk.rates, walk.killing) if part is None else (part.rates, part.killing)
            balanced = part is None and not walk.is_line and walk is equation.walk
            balance = equation.balance if balanced else None
            own = masses if part is None else masses[part.keep]
            if not own.any():
                return np.zeros_like(masses)
            try:
                motion = Motion(rates, killing, balance, walk.is_line, walk.grid.dimension)
                found = propagate(motion, own, time, None, tolerance).masses[-1]
            except NotPositive:
                continue
            return found if part is None else part.spread(found)
        raise AssertionError("fitted rates keep densities positive")

    def losing(self, masses: Array, t: float) -> float:
        """Mass per unit of the clock that ends at the moment t."""
        walk = self.frozen(t).walk
        pace = float(self.scheduled.pace(t))
        if not self.sets:
            return pace * float(masses @ walk.killing)
        part = restrict(walk, self.sets)
        return pace * float(masses[part.keep] @ part.killing)

    def run(self, masses: Array, times: Array, tolerance: float) -> Course:
        """Masses at ``times``; between two of them, or breaks, steps are halved until two extrapolations agree.

        They agree to a share of ``tolerance``: in the L1 distance of the densities, or, where sets end them, in what is
        left, since the layer at an absorbing edge, which hardly counts, settles last.
        """
        end = float(times[-1])
        knots = np.unique([*self.scheduled.corners(end), *times.tolist()])
        stretches = [(float(low), float(high)) for low, high in pairwise(knots)]
        counts = [self._count(low, high) for low, high in stretches]
        share = tolerance / max(sum(count > 0 for count in counts), 1)
        now, kept, error, steps, negative = masses, {0.0: masses}, 0.0, 0, 0.0
        for (low, high), count in zip(stretches, counts, strict=True):
            with part(low / end, high / end):
                now, own, taken = self._stretch(now, low, high, count, share)
            error, steps = error + own, steps + taken
            negative = min(negative, float(now.min() / max(now.max(), 1e-300)))
            now = np.maximum(now, 0.0)
            kept[high] = now
        return Course(np.array([kept[float(t)] for t in times]), error, steps, negative)

    def _stretch(
        self, masses: Array, low: float, high: float, count: int, tolerance: float
    ) -> tuple[Array, float, int]:
        """Masses after a stretch, the estimated error of its steps, and how many the finest run took."""
        if count == 0:
            return self.step(masses, (low + high) / 2, low, high, tolerance), 0.0, 1
        with part(0.0, 0.5):
            rough = before = self._march(masses, low, high, count, tolerance)
        error = np.inf
        for level in range(1, LEVELS + 1):
            count *= 2
            with part(1 - 2.0**-level, 1 - 2.0 ** -(level + 1)):  # how many it takes is known at the end
                fine = self._march(masses, low, high, count, tolerance)
            better = (4 * fine - rough) / 3
            apart = [better.sum() - before.sum()] if self.sets else better - before
            error, before, rough = float(np.abs(apart).sum()), better, fine
            if error <= tolerance or clock.perf_counter() > self.ends:
                break
        return before, error, count

    def _count(self, low: float, high: float) -> int:
        """Steps of the coarsest run over a stretch; 0 where nothing changes."""
        inside = low + (high - low) * (np.arange(LOOKS) + 0.5) / LOOKS
        path = 0.0
        for values in (np.log(self.scheduled.strength(inside)), np.log(self.scheduled.pace(inside))):
            path = max(path, float(np.abs(np.diff(values)).sum()))
        for _, curve in self.scheduled.parameters:
            values = curve.at(inside)
            scale = float(np.abs(values).max()) or 1.0
            path = max(path, float(np.abs(np.diff(values)).sum()) / scale)
        return 0 if path < 1e-13 else max(1, int(np.ceil(path / CHANGE)))

    def _march(self, masses: Array, low: float, high: float, count: int, tolerance: float) -> Array:
        """Each moment between two steps rules from the middle of the one to the middle of the other."""
        knots = np.linspace(low, high, count + 1)
        ends = [low, *((knots[1:] + knots[:-1]) / 2).tolist(), high]
        inside = INSIDE * (high - low)  # the sides of breaks that the stretch lies on
        begun = clock.perf_counter()
        for t, (start, end) in zip(np.clip(knots, low + inside, high - inside).tolist(), pairwise(ends), strict=True):
            with part(*((place - low) / (high - low) for place in (start, end))):
                masses = self.step(masses, t, start, end, tolerance / 10)
            if clock.perf_counter() > self.ends + max(self.ends - begun, 0.0):
                raise ValueError(
                    f"the deadline came at t = {end:g} of the schedule; give more time, fewer cells or earlier times"
                )
        return masses


def _elapsed(scheduled: Scheduled, start: float, end: float, nodes: int = 8) -> float:
    """int a dt from ``start`` to ``end``: the loss's own time that passes; by Gauss and Legendre between breaks."""
    if scheduled.clock == "time":
        return end - start
    x, weights = np.polynomial.legendre.leggauss(nodes)
    inner = [b for b in scheduled.breaks if start < b < end]
    corners = np.array([start, *inner, end])
    total = 0.0
    for low, high in pairwise(corners):
        total += float(weights @ scheduled.pace(low + (high - low) * (x + 1) / 2)) * (high - low) / 2
    return total if math.isfinite(total) else math.nan


def evolved(equation: Equation, density: Any, times: Array, tolerance: float) -> xarray.Dataset:
    """What :meth:`fpsim.FokkerPlanck.evolve` answers under a schedule."""
    from fpsim.storage import dataset

    grid, scheduled = equation.grid, equation.sde
    scheduled.require(float(times[-1]))
    begin = grid.density(density)

    def course(on: Grid, first: Array) -> Course:
        return Moving(scheduled, on, equation.boundary, []).run(first.ravel() * on.volume, times, tolerance)

    found = course(grid, begin)
    values = found.masses.reshape((-1, *grid.shape)) / grid.volume
    entries = {
        "density": (("time", *grid.dims), values, "1/volume", "probability density"),
        "mass": ("time", found.masses.sum(axis=1), "", "probability left"),
    }
    axis = {"time": ("time", times, scheduled.units, "clock of the schedule"), **grid.coordinates}
    data = dataset(entries, axis, **_facts(equation, found))

    def again(other: Equation) -> dict[str, Any]:
        rough = course(other.grid, _on(other.grid, density, begin, grid))
        return {"density": rough.masses.reshape((-1, *other.grid.shape)) / other.grid.volume}

    def compare(other: Equation, rough: dict[str, Any], near: dict[str, Any]) -> dict[str, Any]:
        apart = densities_apart(near["density"], grid, rough["density"], other.grid)
        return {name: np.max(v, axis=0) if v.ndim > 1 else v for name, v in apart.items()}

    def made() -> dict[str, Any]:
        last = Equation(scheduled.at(float(times[-1])), grid, equation.boundary)
        checks = [resolution(found.masses[-1], grid)] if found.masses[-1].sum() > 0 else []
        of = "L1 distance of the density, largest over the times"
        return judged(last, again, {"density": values}, of, 1.0, compare, lambda: checks).attributes()

    return with_pending(data, made)


def survived(
    equation: Equation, start: Any, target: Any, times: Array, tolerance: float, ends: float = math.inf
) -> xarray.Dataset:
    """What :meth:`fpsim.FokkerPlanck.survival` answers under a schedule."""
    from fpsim.storage import dataset

    grid, scheduled = equation.grid, equation.sde
    scheduled.require(float(times[-1]))
    point = start if not callable(start) and np.size(start) == grid.dimension else None
    begin = grid.density(start)

    def moving(on: Equation) -> Moving:
        return Moving(scheduled, on.grid, equation.boundary, sets_on(on, target, point), ends)

    def course(way: Moving, first: Array) -> Course:
        masses = first.ravel() * way.grid.volume
        for one in way.sets:  # what starts in the target has ended
            masses = np.where(one.level(way.grid.points) >= 0, 0.0, masses)
        return way.run(masses, times, tolerance)

    way = moving(equation)
    found = course(way, begin)
    part = restrict(way.frozen(float(times[-1])).walk, way.sets)
    words = ended_by(part)
    lost = np.array([way.losing(m, float(t)) for m, t in zip(found.masses, times, strict=True)])
    left = found.masses.sum(axis=1)
    entries = {
        "survival": ("time", left, "", f"probability not to have met {words}"),
        "first_passage_density": ("time", lost, f"1/{scheduled.units}", f"density of the time to {words}"),
    }
    facts = {**_facts(equation, found), "target": str(target), "time_to": words}
    data = dataset(entries, {"time": ("time", times, scheduled.units, "clock of the schedule")}, **facts)

    def again(other: Equation) -> dict[str, Any]:
        return {"survival": course(moving(other), _on(other.grid, start, begin, grid)).masses.sum(axis=1)}

    def compare(other: Equation, rough: dict[str, Any], near: dict[str, Any]) -> dict[str, Any]:
        return {"survival_error": np.abs(rough["survival"] - near["survival"]).max()}

    def made() -> dict[str, Any]:
        last = way.frozen(float(times[-1]))
        of = "largest absolute error of survival"
        return judged(last, again, {"survival": left}, of, 1.0, compare).attributes()

    return with_pending(data, made)


def _on(other: Grid, source: Any, begin: Array, grid: Grid) -> Array:
    """The density that a run begins with on another grid."""
    if np.shape(source) in (grid.shape, (grid.size,)) and np.size(source) != grid.dimension:
        return other.density(np.maximum(at_centers(begin, grid, other), 0.0))
    return other.density(source)


def _facts(equation: Equation, found: Course) -> dict[str, Any]:
    return {
        "problem": str(equation.sde), "boundary": str(equation.boundary), "grid": str(equation.grid),
        "method": "exponential midpoint, extrapolated", "time_steps": found.steps, "time_error": found.error,
        "most_negative_before_clipping": found.negative,
    }  # fmt: skip


def times_of(times: ArrayLike) -> Array:
    """Increasing times >= 0, the last of them positive."""
    from fpsim.density.fields import as_times

    found = as_times(times)
    if found[-1] <= 0:
        raise ValueError("under a schedule at least one time is after the start; got only t = 0")
    return found
