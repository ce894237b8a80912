"""A sharp and a flat valley of one landscape, and escapes from each under one noise model.

    ln(time) = exponent / noise + ln(prefactor) + O(noise),        noise = T or kappa = eta/(2S)

The landscape is :class:`~landscapes.SharpFlatWell` with the minima a fixed distance apart, which keeps the barrier and
the curvature of the saddle the same for both valleys and for every ratio of their curvatures.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fpsim.escape import EscapeProblem
from fpsim.exact.first_passage import first_passage
from fpsim.exact.integrals import RUNNING, WEIGHTS, halved, nodes_of, panel_logs, resolve
from fpsim.noise import ConstantDiffusion, Diffusion, DiffusionField, HessianDiffusion
from fpsim.sde.sde import SDE, Convention
from landscapes import SharpFlatWell
from validation.study.lines import Line, asymptote

Array = NDArray[np.float64]

BARRIER, DISTANCE = 0.25, 2.0
SADDLE = 16 * BARRIER / DISTANCE**2
"""|L''| at the saddle, for every ratio of the curvatures."""
CLIMB = 0.5
FLOOR = 0.1
LEARNING_RATE = 0.1
MULTIPLES = (1.0, 1.4, 2.0, 2.8, 4.0)


@dataclass(frozen=True)
class Model:
    """A noise model and a reading of the stochastic integral."""

    name: str
    convention: Convention = "ito"

    @property
    def formula(self) -> str:
        """The closed formula that applies."""
        return {"white": "white-noise", "two-level": "xie"}.get(self.name, "state-dependent")

    def noise(self, level: float, floor: float = FLOOR) -> Diffusion[Any]:
        """White noise of temperature ``level``, or Hessian noise with eta/(2S) = ``level``."""
        if self.name == "white":
            return ConstantDiffusion(level)
        size = LEARNING_RATE / (2 * level)
        if self.name == "two-level":
            return HessianDiffusion(learning_rate=LEARNING_RATE, batch_size=size, at="path", climb_fraction=CLIMB)
        return HessianDiffusion(learning_rate=LEARNING_RATE, batch_size=size, at="everywhere", floor=floor)

    def __str__(self) -> str:
        return self.name if self.name == "white" else f"{self.name}, {self.convention}"


WHITE = Model("white")
TWO_LEVEL = tuple(Model("two-level", convention) for convention in ("ito", "stratonovich", "anti-ito"))
FLOORED = Model("floored")


@cache
def pair(ratio: float) -> SharpFlatWell:
    """Two valleys with curvatures in that ratio; the sharp one lies at x < 0, the saddle at 0."""
    sharp = 8 * BARRIER * (1 + math.sqrt(ratio)) ** 2 / DISTANCE**2
    return SharpFlatWell(sharp, sharp / ratio, BARRIER)


@dataclass(frozen=True)
class Valley:
    """One valley of a pair with curvatures in the given ratio."""

    ratio: float
    side: str

    @property
    def landscape(self) -> SharpFlatWell:
        """The pair that it belongs to."""
        return pair(self.ratio)

    @property
    def curvature(self) -> float:
        """L'' at this valley's minimum."""
        return float(self.landscape.parameters[self.side])

    def problem(self, model: Model, level: float, floor: float = FLOOR) -> EscapeProblem:
        """The escape from this minimum to the other one."""
        places = self.landscape.default_start, self.landscape.default_target
        ends = tuple(float(place[0]) for place in places if place is not None)
        start, target = ends if self.side == "sharp" else ends[::-1]
        return EscapeProblem(SDE(self.landscape, model.noise(level, floor), model.convention), start, target)

    def first_inverse_noise(self, exponent: float) -> float:
        """Smallest 1/noise from which the asymptote is read: 40 noise units in all, 16 at either level of the noise."""
        return max(40 / exponent, 16 / (CLIMB * BARRIER / self.curvature), 16 / ((1 - CLIMB) * BARRIER / SADDLE))


@dataclass(frozen=True)
class Arrhenius:
    """Exponent and ln(prefactor) of one valley, exact and by formula."""

    model: Model
    valley: Valley
    exact: Line
    exponent: float
    log_prefactor: float


def log_time(problem: EscapeProblem) -> float:
    """Exact ln(time) by quadrature, also where the time itself overflows."""
    return first_passage(problem.sde, problem.point, problem.target, tolerance=1e-8).log_mean


@cache
def formula_terms(model: Model, valley: Valley) -> tuple[float, float]:
    """Exponent and ln(prefactor) of the shipped formula, read off at two noises."""
    levels, logs = (0.01, 0.02), []
    for level in levels:
        problem = valley.problem(model, level)
        logs.append(problem.by_formula(model.formula).log_mean)
    exponent = (logs[0] - logs[1]) / (1 / levels[0] - 1 / levels[1])
    return exponent, logs[0] - exponent / levels[0]


def arrhenius(model: Model, valley: Valley) -> Arrhenius:
    """Measure exponent and prefactor from exact times at five noises."""
    exponent, prefactor = formula_terms(model, valley)
    x = valley.first_inverse_noise(exponent) * np.array(MULTIPLES)
    logs = [log_time(valley.problem(model, 1 / float(v))) for v in x]
    return Arrhenius(model, valley, asymptote(x, logs), exponent, prefactor)


# --- the stationary law -------------------------------------------------------------------------------------------


@cache
def switches(ratio: float) -> tuple[float, ...]:
    """Where the two-level noise changes, on both sides of the saddle, at any level."""
    valleys = [Valley(ratio, side) for side in ("sharp", "flat")]
    noises: list[Any] = [valley.problem(TWO_LEVEL[0], BARRIER).sde.noise for valley in valleys]
    return tuple(noise.switch(pair(ratio)) for noise in noises)


def both_valleys(model: Model, ratio: float, level: float) -> SDE:
    """The SDE on the whole line; the two-level noise switches on each side of the saddle."""
    sharp, flat = Valley(ratio, "sharp"), Valley(ratio, "flat")
    noise = model.noise(level)
    if model.name == "two-level":
        cuts = switches(ratio)
        levels = level * np.array([sharp.curvature, SADDLE, flat.curvature])

        def tensor(x: Array) -> Array:
            return levels[np.searchsorted(cuts, x[0])]

        noise = DiffusionField(tensor, 1)
    return SDE(sharp.landscape, noise, "ito" if model.name == "two-level" else model.convention)


def log_odds(model: Model, ratio: float, level: float) -> float:
    """ln(P(flat) / P(sharp)) of the stationary law p ~ D^(l - 1) exp(-int L'/D), by quadrature.

    Raises:
        ValueError: if the law has weight beyond five boxes of the landscape.
    """
    sde = both_valleys(model, ratio, level)
    weight = {"ito": 0.0, "stratonovich": 0.5, "anti-ito": 1.0}[model.convention]

    def fields(y: Array) -> tuple[Array, Array]:
        x = y.reshape(1, -1)
        d = sde.diffusion(x)[0, 0]
        return (-sde.landscape.drift(x)[0] / d).reshape(y.shape), np.log(d).reshape(y.shape)

    box = sde.potential.critical_points().bounds
    for boxes in (1.0, 1.5, 2.0, 3.0, 5.0):
        low, high = (boxes * end for end in box[0])
        edges = halved(resolve(fields, np.union1d(np.linspace(low, high, 65), [0.0]), 1e-12, 8.0)[0])
        slope, log_d = fields(nodes_of(edges))
        half = np.diff(edges) / 2
        logs = panel_logs((weight - 1) * log_d - _integral(slope, half), half)
        if max(logs[0], logs[-1]) < logs.max() - 40:
            left = edges[1:] <= 0
            return float(np.logaddexp.reduce(logs[~left]) - np.logaddexp.reduce(logs[left]))
    raise ValueError(f"the stationary law at noise {level:g} has weight beyond [{low:.3g}, {high:.3g}]; use less noise")


def _integral(slope: Array, half: Array) -> Array:
    """int L'/D from the first edge to every node, from the values at the nodes."""
    steps = half * (slope @ WEIGHTS)
    return np.asarray((np.cumsum(steps) - steps)[:, None] + half[:, None] * (slope @ RUNNING))


def grid_log_odds(model: Model, ratio: float, level: float, cells: int = 4000) -> float:
    """The same from the stationary vector of the Fokker-Planck generator (Ito models)."""
    from fpsim.density.fokker_planck import FokkerPlanck
    from fpsim.density.grid import Grid

    sde = both_valleys(model, ratio, level)
    low, high = (2 * v for v in sde.potential.critical_points().bounds[0])
    step = (high - low) / cells
    low = -step * round(-low / step)  # the saddle at 0 becomes a face between two cells
    grid = Grid((low, low + cells * step, cells))
    density: Any = FokkerPlanck(sde, grid).stationary().density.values
    right = np.asarray(grid.points)[0] > 0
    return math.log(density[right].sum() / density[~right].sum())
