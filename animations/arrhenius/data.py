"""What the film ``arrhenius`` holds, and how it is computed; the renderers read it and compute no physics."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import numpy as np

from animations.arrhenius.film import ArrheniusFilm
from animations.film.clock import Clock
from animations.film.data import step_of
from animations.film.fields import Array, FilmData, Pieces
from animations.film.noises import formula_for
from fpsim.fields import Kept
from landscapes.progress import Progress

TRUSTED = 0.2
"""The formula counts as failing where it is further than this share from the exact time."""
HOLD = 0.2
"""Share of the film that the finished picture stands."""
POINT_STEPS = 4e7
"""Path-steps spent on one Monte Carlo point at most."""
FEWEST = 60
"""A point from fewer paths is left out; 60 exits give the time to 13 %."""


@dataclass(frozen=True)
class SeriesData:
    """What is drawn of one series; ``paths`` and ``error`` are NaN where paths are not affordable.

    ``law`` is the closed formula in Typst's mathematics; empty where it is not a short one.
    """

    label: str
    heading: str
    axis: str
    formula_name: str
    law: str
    inverse: Annotated[Array, Kept("level", "", "{axis}")]
    tau: Annotated[Array, Kept("level", "time", "exact mean escape time")]
    formula: Annotated[Array, Kept("level", "time", "mean escape time by the formula")]
    paths: Annotated[Array, Kept("level", "time", "mean escape time of paths")]
    error: Annotated[Array, Kept("level", "time", "error of the mean escape time of paths")]

    @property
    def fails(self) -> Array:
        """Where the formula is further than ``TRUSTED`` from the exact time, (levels,) of bool."""
        return np.asarray(~(np.abs(self.formula / self.tau - 1) <= TRUSTED))


@dataclass(frozen=True)
class ArrheniusData(FilmData):
    """All series, with the film's length and seed."""

    film: ClassVar[str] = "arrhenius"
    gathered: ClassVar[bool] = False

    series: Annotated[tuple[SeriesData, ...], Pieces(SeriesData, own_dims=True, told="; {label}, {heading}")]
    seconds: float
    frames: int
    seed: int
    clock: str = "even"

    def share(self, frame: int) -> float:
        """How much of the picture is in."""
        return float(Clock.of(self.clock).share(min(1.0, frame / max(1.0, (1 - HOLD) * (self.frames - 1)))))

    def span(self) -> tuple[float, float]:
        """The least and the largest time that is drawn."""
        every = np.concatenate([v for one in self.series for v in (one.tau, one.formula, one.paths)])
        return float(np.nanmin(every)), float(np.nanmax(every))

    def panels(self) -> dict[str, list[SeriesData]]:
        """The series of each panel, by its heading."""
        headings = dict.fromkeys(one.heading for one in self.series)
        return {heading: [one for one in self.series if one.heading == heading] for heading in headings}


def compute(film: ArrheniusFilm, progress: Progress) -> ArrheniusData:
    """All times, by each route."""
    found: list[SeriesData] = []
    for i, one in enumerate(film.series):
        rows = []
        levels = one.inverse * np.linspace(film.low, film.high, film.levels)
        for k, inverse in enumerate(levels, i * film.levels):
            rows.append(_times(one.at(float(inverse)), film.paths, film.seed + k))
            progress((k + 1) / (len(film.series) * film.levels))
        name = formula_for(one.problem.sde.noise)
        found.append(SeriesData(one.label, one.heading, one.axis, name, one.law, levels, *np.array(rows).T))
    return ArrheniusData(tuple(found), float(film.seconds), film.frames, film.seed, str(film.clock))


def _times(problem: Any, paths: int, seed: int) -> tuple[float, float, float, float]:
    """(exact, formula, paths, error of the paths)."""
    exact = problem.by_quadrature().mean
    try:
        formula = problem.by_formula(formula_for(problem.sde.noise)).mean
    except ValueError:  # it does not apply at this noise
        formula = math.nan
    step = step_of(problem)
    affordable = min(paths, int(POINT_STEPS * step / (1.5 * exact)))
    if affordable < FEWEST:
        return exact, formula, math.nan, math.nan
    sampled = problem.by_paths(affordable, step, seed)
    return exact, formula, sampled.mean, sampled.error
