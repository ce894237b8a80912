"""The part of space that a problem lives in: inside its walls, where its formulas are defined, and closed to rings.

low < x < high per axis: walls, and edges of the domain that cross one axis only
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fpsim.density.grid import Grid
from fpsim.targets import Target
from fpsim.walls import Walls

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
Box = tuple[tuple[float, float], ...]
EDGE = 1e-9  # how close to an edge of the domain a box may come, in distances of the start to it
NOTHING = -1e300  # log of a density where there is none


@dataclass(frozen=True)
class Space:
    """Limits per axis, and what they are.

    Attributes:
        low, high: per axis, infinite where nothing limits.
        kind: ``"periodic"``, ``"reflecting"`` or ``None`` per axis.
        edges: ends of the domain per axis, infinite where there are none.
        is_open: whether a limit below and above, per axis, is the end of the domain rather than a wall.
        domain: where the formulas are defined; its cells are asked one by one if its edges are no planes.
    """

    low: tuple[float, ...]
    high: tuple[float, ...]
    kind: tuple[str | None, ...]
    edges: tuple[tuple[float, float], ...]
    is_open: tuple[tuple[bool, bool], ...]
    domain: Any

    @classmethod
    def of(cls, sde: Any, start: Array, walls: Walls | None = None) -> Space:
        """The space around ``start``."""
        domain = sde.domain
        pairs = domain.interval(start)
        conditions = domain.conditions(start)
        curved = {v for c in conditions if len(c.free_symbols & set(domain.variables)) > 1 for v in c.free_symbols}
        low, high, kinds, edges, is_open = [], [], [], [], []
        for k, (a, b) in enumerate(pairs):
            if domain.variables[k] in curved:
                a, b = -np.inf, np.inf
            edges.append((float(a), float(b)))
            a, b = (
                a + EDGE * (start[k] - a) if np.isfinite(a) else a,
                b - EDGE * (b - start[k]) if np.isfinite(b) else b,
            )
            kind = None if walls is None else walls.kind[k]
            is_open.append((True, True))
            if walls is not None and kind is not None:
                first, last = walls.box[k]
                is_open[k] = first < edges[k][0], last > edges[k][1]
                a, b = max(a, first), min(b, last)
            low.append(float(a))
            high.append(float(b))
            kinds.append(kind)
        return cls(tuple(low), tuple(high), tuple(kinds), tuple(edges), tuple(is_open), domain if curved else None)

    @property
    def has_period(self) -> bool:
        """Whether an axis is closed to a ring."""
        return "periodic" in self.kind

    def clipped(self, box: Box) -> Box:
        """The box within the limits; all of the ring along periodic axes."""
        out = []
        for (a, b), low, high, kind in zip(box, self.low, self.high, self.kind, strict=True):
            out.append((low, high) if kind == "periodic" else (max(a, low), min(b, high)))
        return tuple(out)

    def fixed(self, box: Box) -> tuple[tuple[bool, bool], ...]:
        """Whether the box ends at a limit below and above, per axis."""
        ends = zip(box, self.low, self.high, strict=True)
        return tuple((a <= low, b >= high) for (a, b), low, high in ends)

    def words(self, covered: tuple[tuple[bool, bool], ...]) -> tuple[tuple[str, str], ...]:
        """Walls of a grid: absorbing on the sides that the target covers whole."""
        words = ("reflecting", "absorbing")
        pairs = zip(self.kind, covered, strict=True)
        return tuple(("periodic",) * 2 if k == "periodic" else (words[a], words[b]) for k, (a, b) in pairs)

    def covered(self, target: Target, box: Box) -> tuple[tuple[bool, bool], ...]:
        """Sides (below, above) per axis on which a wall lies on the boundary of the target."""
        sides = tuple((low <= a, b <= high) for (low, high), a, b in zip(box, self.low, self.high, strict=True))
        found = []
        for k, pair in enumerate(sides):
            ends = []
            for side, at_wall in zip((0, 1), pair, strict=True):
                is_wall = at_wall and self.kind[k] == "reflecting"
                ends.append(bool(is_wall and np.all(self.level(target, _face(box, k, side)) >= -1e-12 * _size(box))))
            found.append((ends[0], ends[1]))
        return tuple(found)

    def up_to(self, target: Target) -> Space:
        """The space with reflecting walls moved up to a plane target before them: behind it nothing counts."""
        low, high = list(self.low), list(self.high)
        for k, kind in enumerate(self.kind):
            side, place = _plane(target, k)
            if kind != "reflecting" or side == 0 or not low[k] < place < high[k]:
                continue
            if side > 0:
                high[k] = place
            else:
                low[k] = place
        return replace(self, low=tuple(low), high=tuple(high))

    def length(self, sde: Any, start: Array, target: Any) -> float:
        """A length of the problem, where start and target do not span a box."""
        from fpsim.lengths import noise_length, problem_length

        if sde.landscape.bounds is None and target is None:
            return noise_length(sde, start)
        return problem_length(sde.landscape, start, target)

    def knows_density(self, sde: Any) -> bool:
        """Whether the stationary density can be sampled: on a line, or exp(-L/D) of isotropic white noise."""
        return sde.dimension == 1 or _is_boltzmann(sde)

    def log_density(self, sde: Any, grid: Grid, start: Array) -> Array:
        """Log of the stationary masses on a coarse grid, shape (n,); ``NOTHING`` outside the domain."""
        if _is_boltzmann(sde):
            within = (
                np.ones(grid.size, dtype=bool) if self.domain is None else self.domain.same_piece(grid.points, start)
            )
            logs = np.full(grid.size, NOTHING)
            with np.errstate(all="ignore"):
                loss = np.asarray(sde.landscape.loss(grid.points[:, within]), dtype=float)
                logs[within] = -loss / sde.diffusion(grid.points[:, :1])[0, 0, 0]
            return np.where(np.isfinite(logs), logs, NOTHING)
        if sde.dimension == 1:
            return _on_line(sde, grid, start)
        from fpsim.density.equation import Equation

        coarse = Equation(everywhere(sde, start), grid, tuple((kind or "reflecting",) * 2 for kind in self.kind))
        if coarse.balance is not None:
            return coarse.balance
        return np.asarray(np.log(np.maximum(coarse.stationary_law[0], 1e-300)))

    def level(self, target: Target, x: Array) -> Array:
        """The target's level at ``x`` (d, ...), of the nearest image of a ball on a ring."""
        out = x.copy()
        for k, kind in enumerate(self.kind):
            if kind == "periodic":
                out[k] = target.folded(x[k], k, self.low[k], self.high[k])
        return np.asarray(target.level(out), dtype=float)

    def inside(self, target: Target, grid: Grid, start: Array) -> Mask:
        """Cells of a coarse grid that belong to the target, at least the one that holds it, shape (n,)."""
        inside = np.asarray(self.level(target, grid.points) >= 0)
        box = tuple((low, high) for low, high, _ in grid.axes)
        for k, sides in enumerate(self.covered(target, box)):
            layers = np.unravel_index(np.arange(grid.size), grid.shape)[k]
            inside |= (sides[0] & (layers == 0)) | (sides[1] & (layers == grid.shape[k] - 1))
        if not inside.any():
            place = self.found(target, grid, start)
            if place is not None:
                inside[cell_of(grid, place)] = True
        return inside

    def found(self, target: Target, grid: Grid, start: Array) -> Array | None:
        """A point of a target that is smaller than the cells of ``grid``; ``None`` if none is found in its box."""
        ball = target.ball()
        if ball is not None:
            place = ball[0]
            for k, kind in enumerate(self.kind):
                if kind == "periodic":
                    place[k] = self.low[k] + np.mod(place[k] - self.low[k], self.high[k] - self.low[k])
            low, high = grid.low, grid.low + np.array(grid.shape) * grid.spacing
            return place if np.all((place >= low - grid.spacing) & (place <= high + grid.spacing)) else None
        from scipy.optimize import minimize

        low, high = grid.low, grid.low + np.array(grid.shape) * grid.spacing

        def negative(x: Array) -> float:
            return -float(self.level(target, np.clip(x, low, high)[:, None])[0])

        best = np.argsort(-self.level(target, grid.points))[:4]
        for cell in best:
            first, size = grid.points[:, cell], abs(negative(grid.points[:, cell]))
            options: Any = {"initial_simplex": np.vstack([0 * first, np.eye(first.size)]), "maxiter": 200}
            options |= {"xatol": 1e-9, "fatol": 1e-12}

            def steps(y: Array, first: Array = first, size: float = size) -> float:
                return negative(first + y * grid.spacing) / size

            search = minimize(steps, 0 * first, method="Nelder-Mead", options=options)
            if search.fun <= 0:
                return np.clip(first + search.x * grid.spacing, low, high)
        return None


def cell_of(grid: Grid, point: Array) -> int:
    """Number of the cell that holds ``point`` (d,), or of the nearest one."""
    place = np.floor((point - grid.low) / grid.spacing).astype(int)
    return int(np.ravel_multi_index(tuple(np.clip(place, 0, np.array(grid.shape) - 1)), grid.shape))


def _plane(target: Target, axis: int) -> tuple[int, float]:
    """Side (+1 or -1) and place of a target bounded by a plane across an axis; side 0 for others."""
    plane = target.plane()
    if plane is None or abs(plane[0][axis]) != 1.0:
        return 0, 0.0
    return int(plane[0][axis]), float(plane[1] * plane[0][axis])


def _face(box: Box, axis: int, side: int) -> Array:
    """Points on one side of a box, shape (d, n)."""
    rows = [np.linspace(low, high, 33) for low, high in box]
    rows[axis] = np.array([box[axis][side]])
    return np.stack([m.ravel() for m in np.meshgrid(*rows, indexing="ij")])


def _size(box: Box) -> float:
    return max(high - low for low, high in box)


@dataclass(frozen=True)
class Within:
    """An SDE that answers something finite outside its domain too, where no path goes."""

    sde: Any
    start: Array

    def __getattr__(self, name: str) -> Any:
        return getattr(self.sde, name)

    @property
    def landscape(self) -> Any:
        """The landscape, with the same answers outside its domain."""
        landscape = self.sde.landscape
        parts = {"drift": lambda x: landscape.drift(self._inside(x)), "dimension": landscape.dimension}
        if hasattr(landscape, "loss"):
            parts["loss"] = lambda x: landscape.loss(self._inside(x))
        return SimpleNamespace(**parts)

    def _inside(self, x: Array) -> Array:
        """``x`` (d, ...) with points outside the domain moved to the start."""
        start = self.start.reshape(-1, *[1] * (x.ndim - 1))
        return np.asarray(np.where(self.sde.domain.same_piece(x, self.start), x, start))

    def drift(self, x: Array) -> Array:
        """The drift; that of the start outside the domain."""
        return np.asarray(self.sde.drift(self._inside(x)))

    def diffusion(self, x: Array) -> Array:
        """The diffusion; that of the start outside the domain."""
        return np.asarray(self.sde.diffusion(self._inside(x)))


def everywhere(sde: Any, start: Array) -> Any:
    """The SDE, made to answer outside its domain if it has edges and more than one dimension."""
    return sde if sde.dimension == 1 or sde.domain.is_everywhere else Within(sde, start)


def _is_boltzmann(sde: Any) -> bool:
    return bool(sde.noise.is_constant and sde.structure == "isotropic" and hasattr(sde.landscape, "loss"))


def _on_line(sde: Any, grid: Grid, start: Array) -> Array:
    """ln of exp(-W) D^(l-1), W = int -b/D dx by the trapezoidal rule from the start on, shape (n,)."""
    x = grid.points
    with np.errstate(all="ignore"):
        diffusion = np.asarray(sde.diffusion(x)[0, 0], dtype=float)
        slope = np.asarray(sde.landscape.drift(x)[0], dtype=float) / diffusion
        logs = np.log(diffusion) * (sde.convention_weight - 1)
    usable = np.isfinite(slope) & np.isfinite(logs)
    slope, logs = np.where(usable, slope, 0.0), np.where(usable, logs, 0.0)
    rise = np.concatenate([[0.0], np.cumsum((slope[1:] + slope[:-1]) / 2) * float(grid.spacing[0])])
    return np.asarray(np.where(usable, rise + logs - rise[cell_of(grid, start)], NOTHING))
