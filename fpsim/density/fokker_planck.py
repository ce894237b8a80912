"""The Fokker-Planck equation of an SDE on a grid: one generator, and every quantity is linear algebra on it.

    dp/dt = -div(b p) + sum_ij d_i d_j (D_ij p)        (Ito drift b, full tensor D(x))

The generator is the transpose of a discretisation of the backward operator b . grad + D : Hess, so mass is conserved to
rounding.  Where the drift is a gradient all rates are positive, and so is every density, time and chance; where it is
none they are second order without numerical diffusion, and positive rates take over where an answer needs them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fpsim.density.grid import Grid, require_inside
from fpsim.density.guide import guided_walk, is_gradient
from fpsim.density.passage import FluxOverPopulation, QuasiStationary
from fpsim.density.spectrum import Spectrum
from fpsim.density.stationary import probability_current, reversible_potential, stationary_masses
from fpsim.density.transitions import Transitions
from fpsim.density.walk import Walk, as_walls
from fpsim.memory import require_memory
from fpsim.sde.sde import require_sde

if TYPE_CHECKING:
    import xarray

Array = NDArray[np.float64]
BYTES = {1: 400, 2: 1500, 3: 3000}  # of memory per cell, about, before anything is solved


@dataclass(frozen=True)
class FokkerPlanck:
    """An SDE on a grid.

    Args:
        sde: an :class:`fpsim.SDE` in one to three dimensions.
        grid: a :class:`fpsim.Grid` of the same dimension.
        boundary: ``"reflecting"``, ``"absorbing"`` or ``"periodic"``, or one (low, high) pair of them per dimension.

    Raises:
        ValueError: for mismatched dimensions, unknown walls, or a noise that still lacks its minimum or saddle.
    """

    sde: Any
    grid: Grid
    boundary: Any = "reflecting"

    def __post_init__(self) -> None:
        require_sde(self.sde, "FokkerPlanck")
        if not isinstance(self.grid, Grid):
            raise TypeError(
                f"the second argument of FokkerPlanck is a Grid((low, high, cells), ...); got {self.grid!r}"
            )
        if self.grid.dimension != self.sde.dimension:
            raise ValueError(
                f"the SDE has {self.sde.dimension} dimensions and the grid {self.grid.dimension}; they must agree"
            )
        as_walls(self.boundary, self.grid.dimension)
        require_memory(
            BYTES[self.grid.dimension] * self.grid.size, f"the rates between {self.grid.size:.6g} cells ({self.grid})",
            "use fewer cells",
        )  # fmt: skip
        require_inside(self.sde, self.grid)

    @cached_property
    def walk(self) -> Walk:
        """The rates between cells: fitted to the drift's potential where there is one, guided where there is none."""
        if self.fitted.is_line or is_gradient(self.sde) or self._fitted_balance is not None:
            return self.fitted
        return guided_walk(self.sde, self.fitted)

    @cached_property
    def fitted(self) -> Walk:
        """The walk with all rates >= 0, exact for gradients and with numerical diffusion for other drifts."""
        walls = as_walls(self.boundary, self.grid.dimension)
        if self.grid.dimension == 1:
            from fpsim.density.line import line_walk

            return line_walk(self.sde, self.grid, walls)
        from fpsim.density.lattice import lattice_walk

        return lattice_walk(self.sde, self.grid, walls)

    @property
    def generator(self) -> Any:
        """Sparse matrix with d(density)/dt = generator @ density.ravel(); columns sum to zero unless a wall absorbs."""
        return self.walk.generator

    @property
    def fallbacks(self) -> dict[str, int]:
        """Cells with a stencil of lower order: upwind drift, cross terms cut short, offsets dropped at a wall."""
        return dict(self.walk.counts)

    @cached_property
    def _balance(self) -> Array | None:
        """Log of the stationary masses if the walk is in detailed balance with them, else ``None``."""
        return self._fitted_balance if self.walk.is_fitted else None

    @cached_property
    def _fitted_balance(self) -> Array | None:
        return reversible_potential(self.fitted)

    @cached_property
    def _stationary(self) -> tuple[Array, float]:
        return stationary_masses(self.walk, self._balance)

    @cached_property
    def _coarser(self) -> dict[float, FokkerPlanck]:
        return {}

    def refined(self, factor: float) -> FokkerPlanck:
        """The same equation with ``factor`` times the cells along every axis (kept for the next call)."""
        if factor not in self._coarser:
            self._coarser[factor] = FokkerPlanck(self.sde, self.grid.refined(factor), self.boundary)
        return self._coarser[factor]

    def _facts(self, **more: Any) -> dict[str, Any]:
        return {"problem": str(self.sde), "boundary": str(self.boundary), "fallback_cells": self.fallbacks, **more}

    def evolve(self, density: Any, times: ArrayLike, method: Any = None, tolerance: float = 1e-5) -> xarray.Dataset:
        """The density at each of ``times``, from ``density`` at time zero.

        Args:
            density: array of ``grid.shape`` (per volume; scaled to mass one), a function of x (d, ...), or a point.
            times: increasing times >= 0.
            method: ``"contour"``, ``"chebyshev"``, ``"uniformisation"`` or ``"implicit"``; chosen if left out.
            tolerance: L1 error allowed to implicit time steps (the other methods are exact to rounding).

        Returns:
            Dataset with ``density`` (time, x[, y[, z]]) per volume and ``mass`` (time).  Its attribute
            ``discretisation_error`` is the largest L1 error over all times.
        """
        from fpsim.density.fields import evolved

        return evolved(self, density, times, method, tolerance)

    def stationary(self) -> xarray.Dataset:
        """The stationary ``density`` per volume, mass one; ``discretisation_error`` is its estimated L1 error.

        Raises:
            ValueError: if a wall absorbs (see :meth:`quasi_stationary`) or the solution is not accurate.
        """
        from fpsim.density.fields import standing

        return standing(self)

    def mean_first_passage_time(self, target: Any = None, start: ArrayLike | None = None) -> xarray.Dataset:
        """Mean and variance of the time to the target from every cell.

        Args:
            target: a target, a level function, or in 1-D a number (met from both sides unless ``start`` is given).
                ``None``: the time to leave through absorbing walls.  With a target *and* absorbing walls it is the time
                to whichever comes first, as the attribute ``time_to`` says.
            start: orients a number as a 1-D target, {x >= number} or {x <= number}.

        Returns:
            Dataset with ``mean`` and ``variance`` (zero inside the target), and ``target_chance`` (the chance to meet
            the target first) where walls absorb too.  ``discretisation_error`` is the largest error of ``mean``.
        """
        from fpsim.density.fields import passed

        return passed(self, target, start)

    def survival(self, start: Any, target: Any, times: ArrayLike) -> xarray.Dataset:
        """Chance not to have met the target yet and the density of the time at which it is met.

        ``start`` is a point, a density array or a function of x; a number as target is oriented by a start point.
        Absorbing walls end walks as well (``time_to`` says so); ``target=None`` leaves them alone.
        """
        from fpsim.density.fields import survived

        return survived(self, start, target, times)

    def committor(self, a: Any, b: Any) -> xarray.Dataset:
        """``committor``: the chance to meet ``b`` before ``a``, from every cell; ``.plot()`` draws it."""
        from fpsim.density.fields import met_first

        return met_first(self, a, b)

    def transitions(self, a: Any, b: Any) -> Transitions:
        """Reactive flux, rate constants, committors and reactive current between two sets in the stationary state."""
        from fpsim.density.rates import exchanged

        return exchanged(self, a, b)

    def flux_over_population(self, source: Any, target: Any, valley: Any = None) -> FluxOverPopulation:
        """Kramers' time: inject unit current at ``source``, take it out at ``target``, divide probability by current.

        Args:
            source: a point, density array or function of x where probability is injected.
            target: where it is removed.
            valley: the cells to count, as a set whose level is negative inside the valley (all of them if left out).
        """
        from fpsim.density.rates import injected

        return injected(self, source, target, valley)

    def quasi_stationary(self, valley: Any, start: ArrayLike | None = None) -> QuasiStationary:
        """Quasi-stationary law and exit rate of a valley.

        Args:
            valley: a set or level function that is negative inside the valley and >= 0 outside (a target), or in 1-D
                a number with ``start`` on the valley's side.  ``None``: the box itself, left through absorbing walls.
            start: orients a number.
        """
        from fpsim.density.rates import left

        return left(self, valley, start)

    def spectrum(self, k: int = 6) -> Spectrum:
        """The ``k`` eigenvalues of the generator of largest real part, with their modes and the spectral gap."""
        from fpsim.density.rates import modes

        return modes(self, k)

    def current(self, density: ArrayLike) -> xarray.Dataset:
        """Probability ``current`` (component, x[, y[, z]]) of a density: b p - div(D p) on the cell centres."""
        values = np.asarray(density, dtype=float)
        if values.shape != self.grid.shape:
            raise ValueError(f"the density has shape {values.shape}; the grid needs {self.grid.shape}")
        return probability_current(self.walk, values.ravel() * self.grid.volume)
