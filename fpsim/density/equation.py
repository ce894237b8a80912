"""The Fokker-Planck equation of an SDE on a grid, as what its answers are worked out from: the walk between cells.

    d(mass)/dt = generator @ mass,      generator = (discretised b . grad + D : Hess)^T

The generator is the transpose of a discretisation of the backward operator, so mass is conserved to rounding.  Where
the drift is a gradient all rates are positive, and so is every density, time and chance; where it is none they are
second order without numerical diffusion, and positive rates take over where an answer needs them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from fpsim.density.grid import Grid, require_inside
from fpsim.density.guide import guided_walk, is_gradient
from fpsim.density.motion import Motion
from fpsim.density.stationary import reversible_potential, stationary_masses
from fpsim.density.walk import Walk, as_walls
from fpsim.memory import require_memory
from fpsim.schedules.scheduled import Scheduled
from fpsim.sde.sde import require_sde
from landscapes.progress import tell

Array = NDArray[np.float64]
BYTES = {1: 400, 2: 1500, 3: 3000}
"""Of memory per cell, about, by dimension, before anything is solved."""


@dataclass(frozen=True)
class Equation:
    """An SDE on a grid; users meet it, with its arguments explained, as :class:`fpsim.FokkerPlanck`."""

    sde: Any
    grid: Grid
    boundary: Any = "reflecting"

    def __post_init__(self) -> None:
        if isinstance(self.sde, Scheduled):
            self.sde.refuse_inertia("FokkerPlanck")
        else:
            require_sde(self.sde, "FokkerPlanck")
        if not isinstance(self.grid, Grid):
            raise TypeError(
                f"the second argument of FokkerPlanck is a Grid((low, high, cells), ...); got {self.grid!r}"
            )
        if self.grid.dimension != self.sde.dimension:
            raise ValueError(
                f"the SDE has {self.sde.dimension} dimensions and the grid {self.grid.dimension}; they must agree"
            )
        if not isinstance(self.sde, Scheduled) and self.sde.inertia is not None:
            object.__setattr__(self, "grid", self.grid.named("x", "v"))
        as_walls(self.boundary, self.grid.dimension)
        require_memory(
            BYTES[self.grid.dimension] * self.grid.size, f"the rates between {self.grid.size:.6g} cells ({self.grid})",
            "use fewer cells",
        )  # fmt: skip
        require_inside(self.sde, self.grid)

    @cached_property
    def walk(self) -> Walk:
        """The rates between cells: fitted to the drift's potential where there is one, guided where there is none.

        Raises:
            ValueError: under a schedule, where there are no rates that stay; ``evolve`` and ``survival`` ask for none.
        """
        if self.fitted.is_line or is_gradient(self.sde) or self.fitted_balance is not None:
            return self.fitted
        return guided_walk(self.sde, self.fitted)

    @cached_property
    def fitted(self) -> Walk:
        """The walk with all rates >= 0, exact for gradients and with numerical diffusion for other drifts."""
        require_sde(self.sde, "this answer of FokkerPlanck")
        walls = as_walls(self.boundary, self.grid.dimension)
        if self.grid.dimension == 1:
            from fpsim.density.line import line_walk as made
        else:
            from fpsim.density.lattice import lattice_walk as made
        walk = made(self.sde, self.grid, walls)
        tell(0.1)
        return walk

    @cached_property
    def motion(self) -> Motion:
        """The part of the walk that carries masses in time."""
        walk = self.walk
        balance = None if walk.is_line else self.balance
        return Motion(walk.rates, walk.killing, balance, walk.is_line, self.grid.dimension)

    @property
    def generator(self) -> Any:
        """Sparse matrix with d(density)/dt = generator @ density.ravel(); columns sum to zero unless a wall absorbs."""
        return self.walk.generator

    @property
    def fallbacks(self) -> dict[str, int]:
        """Cells with a stencil of lower order: upwind drift, cross terms cut short, offsets dropped at a wall."""
        return dict(self.walk.counts)

    @cached_property
    def balance(self) -> Array | None:
        """Log of the stationary masses if the walk is in detailed balance with them, else ``None``."""
        return self.fitted_balance if self.walk.is_fitted else None

    @cached_property
    def fitted_balance(self) -> Array | None:
        return reversible_potential(self.fitted)

    @cached_property
    def stationary_law(self) -> tuple[Array, float]:
        return stationary_masses(self.walk, self.balance)

    @cached_property
    def _coarser(self) -> dict[float, Self]:
        return {}

    def refined(self, factor: float) -> Self:
        """The same equation with ``factor`` times the cells along every axis (kept for the next call)."""
        if factor not in self._coarser:
            self._coarser[factor] = type(self)(self.sde, self.grid.refined(factor), self.boundary)
        return self._coarser[factor]

    def facts(self, **more: Any) -> dict[str, Any]:
        return {"problem": str(self.sde), "boundary": str(self.boundary), "fallback_cells": self.fallbacks, **more}
