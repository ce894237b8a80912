"""Densities under a schedule: the equation of every moment for a short while, and a limit.

    p(t + h) = exp(a h A^T(t + h/2)) p(t) + O(h^3)        (exponential midpoint: Magnus 1954, Hochbruck, Ostermann 2010)

exact where nothing changes, positive, of even order 2.  Steps are halved and extrapolated (Romberg) until two
extrapolations agree; they end where a curve jumps or has a kink.
"""

from __future__ import annotations

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
from fpsim.schedules.scheduled import Scheduled, elapsed

if TYPE_CHECKING:
    import xarray

Array = NDArray[np.float64]
CHANGE = 0.5
"""Of the logarithm of D, or of the path of a parameter, over a step of the coarsest run."""
LOOKS = 65
"""Places of a stretch at which schedules are compared, to tell how much they change."""
LEVELS = 10
"""Halvings of the steps at most."""


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
    """A scheduled SDE on a grid, with the sets that end it (none: walls only)."""

    scheduled: Scheduled
    grid: Grid
    boundary: Any
    sets: list[Any]

    def frozen(self, t: float) -> Equation:
        """The equation of one moment, in the loss's own time."""
        return Equation(self.scheduled.at(t), self.grid, self.boundary)

    def step(self, masses: Array, start: float, end: float, tolerance: float) -> Array:
        """Masses (n,) carried from ``start`` to ``end`` by the equation of the moment between."""
        equation = self.frozen((start + end) / 2)
        time = np.array([elapsed(self.scheduled, start, end)])
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
        """Masses at ``times``, with steps halved until two extrapolations agree to ``tolerance``.

        That is the L1 distance of the densities; where sets end them, the difference of what is left, since the layer
        at an absorbing edge, which hardly counts, settles last.
        """
        corners = self._corners(float(times[-1]))
        counts = [self._count(low, high) for low, high in pairwise(corners)]
        steps = self._steps(corners, counts, times, 1)
        rough = self._march(masses, steps, times, tolerance)
        if not any(counts):  # nothing changes but at corners: exact
            return Course(rough, 0.0, len(steps) - 1, 0.0)
        before, error, negative = rough, np.inf, 0.0
        for level in range(1, LEVELS):
            steps = self._steps(corners, counts, times, 2**level)
            fine = self._march(masses, steps, times, tolerance)
            better = (4 * fine - rough) / 3
            apart = better.sum(axis=1) - before.sum(axis=1) if self.sets else np.abs(better - before).sum(axis=1)
            error, before, rough = float(np.abs(apart).max()), better, fine
            negative = float(np.min(better.min(axis=1) / better.max(axis=1), initial=0.0))
            if error <= tolerance:
                break
        return Course(np.maximum(before, 0.0), error, len(steps) - 1, negative)

    def _corners(self, end: float) -> Array:
        inner = [b for b in self.scheduled.breaks if b < end]
        return np.unique([0.0, *inner, end])

    def _count(self, low: float, high: float) -> int:
        """Steps of the coarsest run between two corners; 0 where nothing changes."""
        inside = low + (high - low) * (np.arange(LOOKS) + 0.5) / LOOKS
        path = 0.0
        for values in (np.log(self.scheduled.strength(inside)), np.log(self.scheduled.pace(inside))):
            path = max(path, float(np.abs(np.diff(values)).sum()))
        for _, curve in self.scheduled.parameters:
            values = curve.at(inside)
            scale = float(np.abs(values).max()) or 1.0
            path = max(path, float(np.abs(np.diff(values)).sum()) / scale)
        return 0 if path < 1e-13 else max(2, int(np.ceil(path / CHANGE)))

    def _steps(self, corners: Array, counts: list[int], times: Array, finer: int) -> Array:
        """The moments between steps, those of the output among them."""
        knots = np.unique(np.concatenate([corners, times]))
        parts = [np.array([0.0])]
        for low, high in pairwise(knots):
            place = int(np.searchsorted(corners, (low + high) / 2)) - 1
            share = (high - low) / (corners[place + 1] - corners[place])
            count = int(np.ceil(counts[place] * share)) * finer if counts[place] else 1
            parts.append(np.linspace(low, high, count + 1)[1:])
        return np.concatenate(parts)

    def _march(self, masses: Array, steps: Array, times: Array, tolerance: float) -> Array:
        out, now = [], masses
        wanted = set(times.tolist())
        if 0.0 in wanted:
            out.append(masses)
        for start, end in pairwise(steps):
            now = self.step(now, float(start), float(end), tolerance / 10)
            if float(end) in wanted:
                out.append(now)
        return np.array(out)


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
    axis = {"time": ("time", times, scheduled.units, "clock of the schedule"), **grid.coordinates()}
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


def survived(equation: Equation, start: Any, target: Any, times: Array, tolerance: float) -> xarray.Dataset:
    """What :meth:`fpsim.FokkerPlanck.survival` answers under a schedule."""
    from fpsim.storage import dataset

    grid, scheduled = equation.grid, equation.sde
    scheduled.require(float(times[-1]))
    point = start if not callable(start) and np.size(start) == grid.dimension else None
    begin = grid.density(start)

    def moving(on: Equation) -> Moving:
        return Moving(scheduled, on.grid, equation.boundary, sets_on(on, target, point))

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
