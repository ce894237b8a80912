"""A double well cooled like T(t) = c / ln(e + t/u), begun in the shallower valley of depth d:

    dP/dt = -k(T) P + k'(T) (1 - P),      k ~ (e + t/u)^(-d/c)

The integral of k diverges if and only if c >= d (Hajek, Mathematics of Operations Research 13 (1988) 311, theorem 1):
then P, the chance of the shallower valley, goes to zero; else it freezes at what this equation of two states says.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

import fpsim
from validation.annealing.two_states import WELL, cooling, equilibrium, exact_rates, places, two_states
from validation.study.findings import Findings, Rows

if TYPE_CHECKING:
    from validation.study.run import Run


@dataclass(frozen=True)
class Size:
    """How much is computed: c over the depth, the times, cells of the grid, and paths up to the first times."""

    shares: tuple[float, ...]
    times: tuple[float, ...]
    cells: int
    paths: int
    walked: int = 1

    @classmethod
    def of(cls, quick: bool, seed: int = 0) -> Size:
        """Half a minute, or some minutes."""
        if quick:
            return cls((0.4, 1.0, 1.6), (1e2, 1e3, 1e4, 1e5), 160, 1000)
        return cls((0.3, 0.4, 0.6, 0.8, 1.0, 1.3, 1.6), (1e2, 3e2, 1e3, 1e4, 1e5, 1e6), 300, 10_000, 2)


@dataclass(frozen=True)
class Cooled(Findings):
    """The chance of the shallower valley, one row per c and time.

    Attributes:
        chance: by the Fokker-Planck equation of every moment, by the equation of two states, by paths, at equilibrium.
        rates: ln of both rates against 1/T, exact.
    """

    chance: Rows
    rates: Rows


def measure(run: Run[Size]) -> Cooled:
    """Rates once, then every c is a piece."""
    rates = run.rows("rates", exact_rates)
    rows = [
        run.piece("cooled", partial(_cooled, run.size, rates, share, run.seed), "times", "cells", "paths", share=share)
        for share in run.size.shares
    ]
    return Cooled([row for found in run.together(rows) for row in found], rates)


def _cooled(size: Size, rates: Rows, share: float, seed: int) -> Rows:
    """All times for one c."""
    _, top, shallow, _ = places()
    curve, times = cooling(share), np.array(size.times)
    plan = fpsim.Scheduled(fpsim.SDE(WELL, fpsim.ConstantDiffusion(0.1)), temperature=curve)
    grid = fpsim.Grid((-2.2, 2.2, size.cells))
    density = fpsim.FokkerPlanck(plan, grid).evolve([shallow], times, tolerance=1e-3)
    cells = (grid.points[0] > top) * grid.volume
    by_grid, states = density.density.values @ cells, two_states(curve, rates, times)
    walked = [_walked(plan, shallow, top, t, size.paths, seed) for t in size.times[: size.walked]]
    rows: Rows = []
    for i, t in enumerate(size.times):
        temperature = float(curve(t))
        paths, error = walked[i] if i < len(walked) else (math.nan, math.nan)
        rows.append(
            {
                "c / depth": share, "time": t, "temperature": temperature, "grid": float(by_grid[i]),
                "two states": float(states[i]), "paths": paths, "paths_error": error,
                "equilibrium": equilibrium(temperature, rates), "time_error": float(density.attrs["time_error"]),
            }
        )  # fmt: skip
    return rows


def _walked(plan: fpsim.Scheduled, start: float, top: float, t: float, paths: int, seed: int) -> tuple[float, float]:
    """Share of paths beyond the top at t, with its standard error."""
    found: Any = fpsim.simulate(plan, start, t, 0.02, paths, seed=seed, keep="final")
    share = float((found.x[-1, :, 0] > top).mean())
    return share, math.sqrt(max(share * (1 - share), 1 / paths) / paths)
