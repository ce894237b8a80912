"""The Fokker-Planck equation of an SDE on a grid: one generator, and every quantity is linear algebra on it.

    dp/dt = -div(b p) + sum_ij d_i d_j (D_ij p)        (Ito drift b, full tensor D(x))

The generator is the transpose of a positive discretisation of the backward operator b . grad + D : Hess, so mass is
conserved to rounding and no density, time or chance is ever negative.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fpsim.density.answers import Answer, committor, ended_by, held, left_valley, passage, sets_on
from fpsim.density.cuts import on_grid, restrict
from fpsim.density.discretisation import (
    Discretisation,
    across,
    at_centers,
    densities_apart,
    fields_apart,
    judged,
    numbers_apart,
    resolution,
)
from fpsim.density.guide import guided_walk, is_gradient
from fpsim.density.passage import FluxOverPopulation, QuasiStationary
from fpsim.density.spectrum import Spectrum, spectral_gap, spectrum
from fpsim.density.stationary import probability_current, reversible_potential, stationary_masses
from fpsim.density.transitions import Transitions, transitions
from fpsim.density.walk import Walk, as_walls
from fpsim.grid import Grid, require_inside
from fpsim.memory import require_memory
from fpsim.pending import with_pending
from fpsim.sde import require_sde

if TYPE_CHECKING:
    import xarray

Array = NDArray[np.float64]
BYTES = {1: 400, 2: 1500, 3: 3000}  # of memory per cell, about, before anything is solved
SEED_CELLS = 400  # cells of a grid whose every eigenvalue is worked out, to know where to look on a finer one


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
        from fpsim.storage import dataset

        moments, begin = as_times(times), self.grid.density(density)
        result, walk = self._propagated(None, begin, moments, method, tolerance)
        values = result.masses.reshape((-1, *self.grid.shape)) / self.grid.volume
        data = dataset(
            {
                "density": (("time", *self.grid.dims), values, "1/volume", "probability density"),
                "mass": ("time", result.masses.sum(axis=1), "", "probability left"),
            },
            {"time": ("time", moments, "time", "time"), **self.grid.coordinates()},
            **self._facts(
                grid=str(self.grid), method=result.method, most_negative_before_clipping=result.negative,
                mass_rescaled_by=result.mass_error, time_error=result.time_error,
            ),
        )  # fmt: skip

        def again(other: FokkerPlanck) -> dict[str, Any]:
            source = at_centers(begin, self.grid, other.grid) if isinstance(density, np.ndarray) else density
            if isinstance(density, np.ndarray) and density.size == self.grid.dimension != self.grid.size:
                source = density
            source = np.maximum(source, 0.0) if np.shape(source) == other.grid.shape else source
            found, _ = other._propagated(None, other.grid.density(source), moments, method, tolerance)
            return {"density": found.masses.reshape((-1, *other.grid.shape)) / other.grid.volume}

        last = np.maximum(result.masses[-1], 0.0)
        return self._with_error(
            data, again, {"density": values}, "L1 distance of the density, largest over the times", 1.0, walk,
            lambda: [resolution(last, self.grid)] if last.sum() > 0 else [],
        )  # fmt: skip

    def _with_error(
        self, data: xarray.Dataset, again: Any, fine: dict[str, Any], of: str, scale: float, walk: Walk, checks: Any
    ) -> xarray.Dataset:
        """The dataset of a density, with its discretisation error to be worked out at the first look."""

        def compare(other: FokkerPlanck, rough: dict[str, Any], near: dict[str, Any]) -> dict[str, Any]:
            found = densities_apart(near["density"], self.grid, rough["density"], other.grid)
            return {name: np.max(values, axis=0) if values.ndim > 1 else values for name, values in found.items()}

        return with_pending(data, lambda: judged(self, again, fine, of, scale, compare, checks, walk).attributes())

    def _propagated(
        self, sets: list[Any] | None, begin: Array, times: Array, method: Any, tolerance: float
    ) -> tuple[Any, Walk]:
        """Masses in time from a density, and the walk that took them there; ``sets`` end it."""
        from fpsim.density.evolution import Motion, NotPositive, propagate

        masses, balance = begin.ravel() * self.grid.volume, None if self.walk.is_line else self._balance
        for walk in (self.walk, self.fitted):
            if sets is None:
                motion, moved = Motion(walk.rates, walk.killing, balance, walk.is_line), masses
            else:
                part = restrict(walk, sets)
                kept = None if balance is None else balance[part.keep]
                motion, moved = Motion(part.rates, part.killing, kept, walk.is_line), masses[part.keep]
            try:
                return propagate(motion, moved, times, method, tolerance), walk
            except NotPositive:
                continue
        raise AssertionError("fitted rates keep densities positive")

    def stationary(self) -> xarray.Dataset:
        """The stationary ``density`` per volume, mass one; ``discretisation_error`` is its estimated L1 error.

        Raises:
            ValueError: if a wall absorbs (see :meth:`quasi_stationary`) or the solution is not accurate.
        """
        masses, accuracy = self._stationary
        entries = {"density": (masses / self.grid.volume, "1/volume", "stationary density")}
        data = self.grid.dataset(entries, **self._facts(linear_solver_accuracy=accuracy))

        def again(other: FokkerPlanck) -> dict[str, Any]:
            return {"density": other._stationary[0].reshape(other.grid.shape) / other.grid.volume}

        fine = {"density": masses.reshape(self.grid.shape) / self.grid.volume}
        return self._with_error(
            data, again, fine, "L1 distance of the density", 1.0, self.walk, lambda: [resolution(masses, self.grid)]
        )

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
        found = passage(self, target, start)
        entries = {
            "mean": (found.values["mean"], "time", f"mean time to {found.words}"),
            "variance": (found.values["variance"], "time^2", f"variance of the time to {found.words}"),
        }
        if "target_chance" in found.values:
            entries["target_chance"] = (found.values["target_chance"], "", "chance to meet the target before a wall")
        more = {} if target is None else {"target": str(target)}
        return self._judged_fields(
            entries, found, lambda other: passage(other, target, start), [] if target is None else [target], more
        )

    def _judged_fields(
        self, entries: dict[str, Any], found: Answer, again: Any, sets: list[Any], more: dict[str, Any]
    ) -> xarray.Dataset:
        """Fields on the grid, with their discretisation error to be worked out at the first look."""
        words = {"time_to": found.words} if found.words else {}
        data = self.grid.dataset(entries, **self._facts(linear_solver_accuracy=found.accuracy, **words, **more))
        inside = ~found.part.keep

        def compare(other: FokkerPlanck, rough: dict[str, Any], near: dict[str, Any]) -> dict[str, Any]:
            return {
                f"{name}_error": fields_apart(near[name], inside, self.grid, rough[name], other.grid) for name in near
            }

        def made() -> dict[str, Any]:
            first = next(iter(found.values))
            of = f"largest absolute error of {first} away from the sets cut out"
            wide = [across(s, found.part.inside[k], self.grid) for k, s in enumerate(sets)]
            checks = [check for check in wide if check is not None]
            scale = float(found.values[first].max())
            return judged(
                self, lambda other: again(other).values, found.values, of, scale, compare, lambda: checks, found.walk
            ).attributes()

        return with_pending(data, made)

    def survival(self, start: Any, target: Any, times: ArrayLike) -> xarray.Dataset:
        """Chance not to have met the target yet and the density of the time at which it is met.

        ``start`` is a point, a density array or a function of x; a number as target is oriented by a start point.
        Absorbing walls end walks as well (``time_to`` says so); ``target=None`` leaves them alone.
        """
        from fpsim.storage import dataset

        moments = as_times(times)
        point = start if not callable(start) and np.size(start) == self.grid.dimension else None
        sets = sets_on(self, target, point)
        begin = self.grid.density(start)
        result, walk = self._propagated(sets, begin, moments, None, 1e-5)
        words = ended_by(restrict(walk, sets))
        left = result.masses.sum(axis=1)
        entries = {
            "survival": ("time", left, "", f"probability not to have met {words}"),
            "first_passage_density": ("time", result.lost, "1/time", f"density of the time to {words}"),
        }
        facts = self._facts(target=str(target), time_to=words, grid=str(self.grid), method=result.method)
        data = dataset(entries, {"time": ("time", moments, "time", "time")}, **facts)

        def again(other: FokkerPlanck) -> dict[str, Any]:
            source = start
            if np.shape(start) in (self.grid.shape, (self.grid.size,)) and point is None:
                source = np.maximum(at_centers(begin, self.grid, other.grid), 0.0)
            rough, _ = other._propagated(sets_on(other, target, point), other.grid.density(source), moments, None, 1e-5)
            return {"survival": rough.masses.sum(axis=1)}

        def compare(other: FokkerPlanck, rough: dict[str, Any], near: dict[str, Any]) -> dict[str, Any]:
            return {"survival_error": np.abs(rough["survival"] - near["survival"]).max()}

        def made() -> dict[str, Any]:
            of = "largest absolute error of survival"
            return judged(self, again, {"survival": left}, of, 1.0, compare, tuple, walk).attributes()

        return with_pending(data, made)

    def committor(self, a: Any, b: Any) -> xarray.Dataset:
        """``committor``: the chance to meet ``b`` before ``a``, from every cell; ``.plot()`` draws it."""
        from fpsim.density.drawn import committor_of

        found = committor(self, a, b)
        entries = {"committor": (found.values["committor"], "", "chance to meet b before a")}
        again = partial(committor, a=a, b=b)
        facts = {"a": str(a), "b": str(b), "variables": list(self.sde.landscape.variables)}
        return committor_of(self._judged_fields(entries, found, again, [a, b], facts))

    def transitions(self, a: Any, b: Any) -> Transitions:
        """Reactive flux, rate constants, committors and reactive current between two sets in the stationary state."""
        found = self._transitions(a, b)
        fine = {name: getattr(found, name) for name in ("rate", "return_rate", "flux")}

        def again(other: FokkerPlanck) -> dict[str, Any]:
            rough = other._transitions(a, b)
            return {name: getattr(rough, name) for name in fine}

        def estimate() -> Discretisation:
            sets = [on_grid(s, self.grid) for s in (a, b)]
            inside = restrict(self.walk, sets).inside
            checks = [across(s, inside[k], self.grid) for k, s in enumerate(sets)]
            known = [check for check in checks if check is not None]
            return judged(self, again, fine, "rate", found.rate, numbers_apart, lambda: known)

        return replace(found, estimate=estimate)

    def _transitions(self, a: Any, b: Any) -> Transitions:
        part = restrict(self.walk, [on_grid(a, self.grid), on_grid(b, self.grid)])
        return transitions(self.walk, part, self._stationary[0], self._facts(a=str(a), b=str(b)))

    def flux_over_population(self, source: Any, target: Any, valley: Any = None) -> FluxOverPopulation:
        """Kramers' time: inject unit current at ``source``, take it out at ``target``, divide probability by current.

        Args:
            source: a point, density array or function of x where probability is injected.
            target: where it is removed.
            valley: the cells to count, as a set whose level is negative inside the valley (all of them if left out).
        """
        found = held(self, source, target, valley)
        population, masses = found.values["population"], np.maximum(found.values["masses"], 0.0)
        density = self.grid.dataset({"density": (masses / population / self.grid.volume, "1/volume", "steady state")})

        def estimate() -> Discretisation:
            def again(other: FokkerPlanck) -> dict[str, Any]:
                begin = source
                if np.shape(source) in (self.grid.shape, (self.grid.size,)) and self.grid.size != self.grid.dimension:
                    begin = np.maximum(at_centers(self.grid.density(source), self.grid, other.grid), 0.0)
                return {"time": held(other, begin, target, valley).values["population"]}

            return judged(
                self, again, {"time": population}, "time", population, numbers_apart, tuple, found.walk
            )

        return FluxOverPopulation(population, population, 1.0, density, estimate=estimate)

    def quasi_stationary(self, valley: Any, start: ArrayLike | None = None) -> QuasiStationary:
        """Quasi-stationary law and exit rate of a valley.

        Args:
            valley: a set or level function that is negative inside the valley and >= 0 outside (a target), or in 1-D
                a number with ``start`` on the valley's side.  ``None``: the box itself, left through absorbing walls.
            start: orients a number.
        """
        found = left_valley(self, valley, start)
        rate, masses = found.values["rate"], np.maximum(found.values["masses"], 0.0)
        entries = {"density": (masses / self.grid.volume, "1/volume", "quasi-stationary density")}
        facts = self._facts(linear_solver_accuracy=found.accuracy, exit_rate=rate, exit_through=found.words)

        def estimate() -> Discretisation:
            return judged(
                self, lambda other: {"rate": left_valley(other, valley, start).values["rate"]}, {"rate": rate},
                "rate", rate, numbers_apart, lambda: [resolution(masses, self.grid)], found.walk,
            )  # fmt: skip

        found_law = QuasiStationary(rate, self.grid.dataset(entries, **facts), estimate=estimate)
        with_pending(found_law.density, lambda: found_law.discretisation.attributes())
        return found_law

    def spectrum(self, k: int = 6) -> Spectrum:
        """The ``k`` eigenvalues of the generator of largest real part, with their modes and the spectral gap."""
        found = self._spectrum(k)

        def again(other: FokkerPlanck) -> dict[str, Any]:
            return {"eigenvalues": other._spectrum(min(k, other.grid.size - 2)).eigenvalues}

        def compare(other: FokkerPlanck, rough: dict[str, Any], near: dict[str, Any]) -> dict[str, Any]:
            apart = np.abs(near["eigenvalues"][:, None] - rough["eigenvalues"][None, :])
            gaps = [np.abs(spectral_gap(values["eigenvalues"]) - found.gap) for values in (rough,)]
            return {"gap_error": gaps[0], "eigenvalue_errors": apart.min(axis=1)}

        def estimate() -> Discretisation:
            fine = {"eigenvalues": found.eigenvalues}
            return judged(self, again, fine, "gap", found.gap, compare, lambda: found.checks)

        return replace(found, estimate=estimate)

    def _spectrum(self, k: int) -> Spectrum:
        return spectrum(self.walk, self._balance, k, partial(self._seed_values, k))

    def _seed_values(self, k: int) -> Any:
        """All eigenvalues on a grid so coarse that they can be had, largest real parts first."""
        factor = (SEED_CELLS / self.grid.size) ** (1 / self.grid.dimension)
        values = np.linalg.eigvals(self.refined(factor).generator.toarray())
        return values[np.argsort(-values.real)][: 4 * k]

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
