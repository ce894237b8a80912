"""Grids that are finer where a problem is finer: uniform cells in coordinates u with x_k = g_k(u_k).

    cells per length     1 / H + sum_i kappa / sqrt(a_i^2 + (x - c_i)^2)     (c_i, a_i: places and lengths of features)
    in u (Ito)           b_u = b / g' - D_kk g'' / g'^3,        D_u = D_kl / (g_k' g_l')

A feature a million times smaller than the box costs about thirty times as many cells as one of the box's own size,
not a million times.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fpsim.density.grid import Grid
from fpsim.density.space import Box, Space
from fpsim.targets import LevelSet, Point, Target

Array = NDArray[np.float64]
KNOTS = 8192
SHARE = 0.5  # of an axis' cells that go to its features


class Feature(NamedTuple):
    """A place along one axis (nan: everywhere) near which cells have to be smaller than ``length``."""

    axis: int
    place: float
    length: float
    name: str


@dataclass(frozen=True)
class Stretch:
    """x_k = g_k(u_k) for u_k in (0, 1), one cubic spline per axis."""

    maps: tuple[Any, ...]
    slopes: tuple[Any, ...]
    bends: tuple[Any, ...]

    @classmethod
    def of(cls, box: Box, features: list[Feature]) -> Stretch | None:
        """The map whose cells follow ``features``; ``None`` if none of them has a place."""
        if all(np.isnan(f.place) for f in features):
            return None
        from scipy.interpolate import CubicSpline

        maps = []
        for k, (low, high) in enumerate(box):
            own = [(f.place, f.length) for f in features if f.axis == k and np.isfinite(f.place)]
            maps.append(CubicSpline(np.linspace(0, 1, KNOTS + 1), _knots(low, high, own)))
        return cls(tuple(maps), tuple(m.derivative() for m in maps), tuple(m.derivative(2) for m in maps))

    def x(self, u: Array) -> Array:
        """Points u (d, ...) as points x."""
        return np.stack([g(row) for g, row in zip(self.maps, u, strict=True)])

    def u(self, x: Array) -> Array:
        """One point x (d,) as u."""
        return np.array([_solved(g, float(value)) for g, value in zip(self.maps, x, strict=True)])

    def target(self, target: Target, start: Array, space: Space) -> Target:
        """A target as a set of points u, seen from ``start`` (d,)."""
        edge = target.edge(start)
        if edge is not None and not space.has_period:
            return Point(*(float(self.u(np.array([v]))[0]) for v in (edge, start[0])))
        return LevelSet(lambda u: space.level(target, self.x(u)))

    def widths(self, grid: Grid) -> list[tuple[Array, Array]]:
        """Cell centres and cell widths in x along each axis of a grid in u."""
        return [
            (g(grid.centers(k)), slope(grid.centers(k)) * grid.spacing[k])
            for k, (g, slope) in enumerate(zip(self.maps, self.slopes, strict=True))
        ]


def _knots(low: float, high: float, features: list[tuple[float, float]]) -> Array:
    """x at equal steps of u, (KNOTS + 1,)."""
    width = high - low
    if not features:
        return np.linspace(low, high, KNOTS + 1)
    place, length = (np.array(column) for column in zip(*features, strict=True))

    def clusters(x: Array) -> Array:
        return np.asarray(np.arcsinh((x[:, None] - place) / length).sum(axis=1))

    total = float(clusters(np.array([high]))[0] - clusters(np.array([low]))[0])
    foot = float(clusters(np.array([low]))[0])

    def count(x: Array) -> Array:
        return (1 - SHARE) * (x - low) / width + SHARE * (clusters(x) - foot) / total

    reach = np.sinh(np.linspace(0, 1, 600)[:, None] * np.arcsinh(width / length)) * length
    trial = np.concatenate([np.linspace(low, high, 600), (place - reach).ravel(), (place + reach).ravel()])
    trial = np.unique(np.clip(trial, low, high))
    goal = np.linspace(0, 1, KNOTS + 1)
    x = np.interp(goal, count(trial), trial)
    for _ in range(6):  # Newton; the table is close already
        density = (1 - SHARE) / width + SHARE / total * (1 / np.hypot(x[:, None] - place, length)).sum(axis=1)
        x = np.clip(x - (count(x) - goal) / density, low, high)
    x[0], x[-1] = low, high
    return np.asarray(np.maximum.accumulate(x))


def _solved(g: Any, value: float) -> float:
    from scipy.optimize import brentq

    ends = float(g(0.0)), float(g(1.0))
    if value in ends:
        return float(ends.index(value))
    return float(brentq(lambda u: float(g(u)) - value, -1e-3, 1 + 1e-3, xtol=1e-16, rtol=1e-15))


@dataclass(frozen=True)
class StretchedSDE:
    """An SDE in the coordinates u of a stretch: what the grid's walk asks of an SDE, and nothing more."""

    sde: Any
    stretch: Stretch
    noise = SimpleNamespace(is_constant=False, breaks=lambda landscape, low, high: None)
    convention_weight = 0.0
    inertia = None

    @property
    def dimension(self) -> int:
        """Number of coordinates."""
        return int(self.sde.dimension)

    @property
    def structure(self) -> str:
        """Shape of D: diagonal unless it is full."""
        return "full" if self.sde.structure == "full" else "diagonal"

    @property
    def landscape(self) -> Any:
        """The drift alone."""
        return SimpleNamespace(drift=self.drift, dimension=self.dimension)

    def _slopes(self, u: Array) -> Array:
        return np.stack([slope(row) for slope, row in zip(self.stretch.slopes, u, strict=True)])

    def drift(self, u: Array) -> Array:
        """b / g' - D g'' / g'^3 at u (d, ...), shape (d, ...)."""
        x, slope = self.stretch.x(u), self._slopes(u)
        bend = np.stack([b(row) for b, row in zip(self.stretch.bends, u, strict=True)])
        tensor = self.sde.diffusion(x)
        variance = np.stack([tensor[k, k] for k in range(self.dimension)])
        return np.asarray(self.sde.drift(x) / slope - variance * bend / slope**3)

    def diffusion(self, u: Array) -> Array:
        """D_kl / (g_k' g_l') at u (d, ...), shape (d, d, ...)."""
        slope = self._slopes(u)
        return np.asarray(self.sde.diffusion(self.stretch.x(u)) / slope[:, None] / slope[None, :])
