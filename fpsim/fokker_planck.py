"""The Fokker-Planck equation of an SDE on a grid: one generator, and every quantity is linear algebra on it.

    dp/dt = -div(b p) + sum_ij d_i d_j (D_ij p)        (Ito drift b, full tensor D(x))

The generator is the transpose of a positive discretisation of the backward operator b . grad + D : Hess, so mass is
conserved to rounding and no density, time or chance is ever negative.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fpsim.density.cuts import Restricted, on_grid, restrict
from fpsim.density.guide import guided_walk, is_gradient
from fpsim.density.passage import (
    FluxOverPopulation,
    QuasiStationary,
    committors,
    mean_and_variance,
    passage_solver,
    quasi_stationary,
)
from fpsim.density.spectrum import Spectrum, spectrum
from fpsim.density.stationary import probability_current, reversible_potential, stationary_masses
from fpsim.density.transitions import Transitions, transitions
from fpsim.density.walk import Walk, as_walls
from fpsim.grid import Grid
from fpsim.sde import require_sde

if TYPE_CHECKING:
    import xarray

Array = NDArray[np.float64]


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
            Dataset with ``density`` (time, x[, y[, z]]) per volume and ``mass`` (time).
        """
        moments = as_times(times)
        start = self.grid.density(density).ravel() * self.grid.volume
        result = self._propagated(None, start, moments, method, tolerance)
        return self._in_time(result, moments)

    def _propagated(self, part: Restricted | None, masses: Array, times: Array, method: Any, tolerance: float) -> Any:
        from fpsim.density.evolution import Motion, propagate

        balance = None if self.walk.is_line else self._balance
        if part is None:
            motion = Motion(self.walk.rates, self.walk.killing, balance, self.walk.is_line)
        else:
            balance = None if balance is None else balance[part.keep]
            motion = Motion(part.rates, part.killing, balance, self.walk.is_line)
        return propagate(motion, masses, times, method, tolerance)

    def _in_time(self, result: Any, times: Array) -> xarray.Dataset:
        from fpsim.storage import dataset

        density = result.masses.reshape((-1, *self.grid.shape)) / self.grid.volume
        return dataset(
            {
                "density": (("time", *self.grid.dims), density, "1/volume", "probability density"),
                "mass": ("time", result.masses.sum(axis=1), "", "probability left"),
            },
            {"time": ("time", times, "time", "time"), **self.grid.coordinates()},
            **self._facts(
                grid=str(self.grid), method=result.method, most_negative_before_clipping=result.negative,
                mass_rescaled_by=result.mass_error, time_error=result.time_error,
            ),
        )  # fmt: skip

    def stationary(self) -> xarray.Dataset:
        """The stationary ``density`` per volume, mass one.

        Raises:
            ValueError: if a wall absorbs (see :meth:`quasi_stationary`) or the solution is not accurate.
        """
        masses, accuracy = self._stationary
        entries = {"density": (masses / self.grid.volume, "1/volume", "stationary density")}
        return self.grid.dataset(entries, **self._facts(accuracy=accuracy))

    def mean_first_passage_time(self, target: Any, start: ArrayLike | None = None) -> xarray.Dataset:
        """Mean and variance of the time to the target from every cell.

        Args:
            target: a target, a level function, or in 1-D a number (met from both sides unless ``start`` is given).
            start: orients a number as a 1-D target, {x >= number} or {x <= number}.

        Returns:
            Dataset with ``mean`` and ``variance`` (zero inside the target).
        """
        part = restrict(self.walk, [on_grid(target, self.grid, start)])
        mean, variance, accuracy = mean_and_variance(self.walk, part)
        entries = {
            "mean": (part.spread(mean), "time", "mean first-passage time"),
            "variance": (part.spread(variance), "time^2", "variance of the first-passage time"),
        }
        return self.grid.dataset(entries, **self._facts(target=str(target), accuracy=accuracy))

    def survival(self, start: Any, target: Any, times: ArrayLike) -> xarray.Dataset:
        """Chance not to have met the target yet and the density of the time at which it is met.

        ``start`` is a point, a density array or a function of x; a number as target is oriented by a start point.
        """
        from fpsim.storage import dataset

        moments = as_times(times)
        point = start if not callable(start) and np.size(start) == self.grid.dimension else None
        part = restrict(self.walk, [on_grid(target, self.grid, point)])
        masses = (self.grid.density(start).ravel() * self.grid.volume)[part.keep]
        result = self._propagated(part, masses, moments, None, 1e-5)
        entries = {
            "survival": ("time", result.masses.sum(axis=1), "", "probability not to have met the target"),
            "first_passage_density": (
                "time",
                result.lost,
                "1/time",
                "density of the first-passage time",
            ),
        }
        coordinates = {"time": ("time", moments, "time", "time")}
        return dataset(
            entries, coordinates, **self._facts(target=str(target), grid=str(self.grid), method=result.method)
        )

    def committor(self, a: Any, b: Any) -> xarray.Dataset:
        """``committor``: the chance to meet ``b`` before ``a``, from every cell."""
        part = restrict(self.walk, [on_grid(a, self.grid), on_grid(b, self.grid)])
        forward, _, accuracy = committors(self.walk, part)
        field = part.spread(forward)
        field[part.inside[1]] = 1.0
        entries = {"committor": (field, "", "chance to meet b before a")}
        return self.grid.dataset(entries, **self._facts(a=str(a), b=str(b), accuracy=accuracy))

    def transitions(self, a: Any, b: Any) -> Transitions:
        """Reactive flux, rate constants, committors and reactive current between two sets in the stationary state."""
        part = restrict(self.walk, [on_grid(a, self.grid), on_grid(b, self.grid)])
        return transitions(self.walk, part, self._stationary[0], self._facts(a=str(a), b=str(b)))

    def flux_over_population(self, source: Any, target: Any, valley: Any = None) -> FluxOverPopulation:
        """Kramers' time: inject unit current at ``source``, take it out at ``target``, divide probability by current.

        Args:
            source: a point, density array or function of x where probability is injected.
            target: where it is removed.
            valley: the cells to count, as a set whose level is negative inside the valley (all of them if left out).
        """
        point = source if not callable(source) and np.size(source) == self.grid.dimension else None
        part = restrict(self.walk, [on_grid(target, self.grid, point)])
        injected = (self.grid.density(source).ravel() * self.grid.volume)[part.keep]
        held = part.spread(passage_solver(self.walk, part).forward(injected / injected.sum()))
        counted = held
        if valley is not None:
            level = on_grid(valley, self.grid, point).level(self.grid.points)
            counted = np.where(level < 0, held, 0.0)
        population = float(counted.sum())
        density = self.grid.dataset({"density": (held / population / self.grid.volume, "1/volume", "steady state")})
        return FluxOverPopulation(population, population, 1.0, density)

    def quasi_stationary(self, valley: Any, start: ArrayLike | None = None) -> QuasiStationary:
        """Quasi-stationary law and exit rate of a valley.

        Args:
            valley: a set or level function that is negative inside the valley and >= 0 outside (a target), or in 1-D
                a number with ``start`` on the valley's side.  ``None``: the box itself, left through absorbing walls.
            start: orients a number.
        """
        part = restrict(self.walk, [] if valley is None else [on_grid(valley, self.grid, start)])
        rate, masses, accuracy = quasi_stationary(self.walk, part)
        entries = {"density": (part.spread(masses) / self.grid.volume, "1/volume", "quasi-stationary density")}
        return QuasiStationary(rate, self.grid.dataset(entries, **self._facts(accuracy=accuracy, exit_rate=rate)))

    def spectrum(self, k: int = 6) -> Spectrum:
        """The ``k`` eigenvalues of the generator nearest zero, with their modes and the spectral gap."""
        return spectrum(self.walk, self._balance, k)

    def current(self, density: ArrayLike) -> xarray.Dataset:
        """Probability ``current`` (component, x[, y[, z]]) of a density: b p - div(D p) on the cell centres."""
        values = np.asarray(density, dtype=float)
        if values.shape != self.grid.shape:
            raise ValueError(f"the density has shape {values.shape}; the grid needs {self.grid.shape}")
        return probability_current(self.walk, values.ravel() * self.grid.volume)


def as_times(times: ArrayLike) -> Array:
    """One or more increasing times >= 0 as an array.

    Raises:
        ValueError: otherwise.
    """
    moments = np.atleast_1d(np.asarray(times, dtype=float))
    if moments.ndim != 1 or not np.isfinite(moments).all() or (moments < 0).any() or (np.diff(moments) <= 0).any():
        raise ValueError(f"times are one or more increasing numbers >= 0; got {times!r}")
    return moments


def escape_time_by_grid(
    sde: Any,
    start: ArrayLike,
    target: Any,
    cells: int | None = None,
    walls: Any = None,
    seconds: float = math.inf,
) -> Any:
    """Mean escape time by grids in sequence; see :func:`fpsim.density.refinement.escape_time_by_grid`."""
    from fpsim.density.refinement import escape_time_by_grid as by_grid

    return by_grid(sde, start, target, cells, walls, seconds)
