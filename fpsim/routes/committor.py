"""The chance to meet the target before the start's rest, on a grid:  A q = 0,  q = 0 at rest,  1 on the target."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fpsim.routes.problem import Problem
from fpsim.targets import LevelSet

if TYPE_CHECKING:
    import xarray

CELLS = {1: 800, 2: 120, 3: 40}
"""Per axis of the grid."""
HOME = 1.5
"""Radius of the set around the start's rest, in cells."""


def committor(problem: Problem) -> xarray.Dataset:
    """The dataset of :meth:`fpsim.FokkerPlanck.committor`.

    Raises:
        ValueError: beyond three dimensions, and with walls.
    """
    from fpsim.density.automatic import automatic_grid
    from fpsim.density.fokker_planck import FokkerPlanck

    d = problem.sde.dimension
    if d > 3:
        raise ValueError(f"a committor needs a grid, which has 1 to 3 dimensions, and this problem {d}")
    if problem.walls is not None:
        raise ValueError("the grid of a committor knows no walls")
    grid = automatic_grid(problem.sde, problem.point, problem.target, CELLS[d])
    centers = [grid.centers(k) for k in range(grid.dimension)]
    near = np.array([c[np.argmin(np.abs(c - x))] for c, x in zip(centers, problem.rest, strict=True)])
    wide = np.asarray(grid.spacing)
    home = LevelSet(lambda x: HOME - np.sqrt(np.sum(((x.T - near) / wide) ** 2, axis=-1)).T)
    return FokkerPlanck(problem.sde, grid).committor(home, problem.target)
