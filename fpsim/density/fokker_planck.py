"""The Fokker-Planck equation of an SDE on a grid: one generator, and every quantity is linear algebra on it.

dp/dt = -div(b p) + sum_ij d_i d_j (D_ij p)        (Ito drift b, full tensor D(x))
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from fpsim.density import moving
from fpsim.density.equation import Equation
from fpsim.density.fields import evolved, met_first, passed, standing, survived
from fpsim.density.passage import QuasiStationary
from fpsim.density.rates import exchanged, left, modes
from fpsim.density.spectrum import Spectrum
from fpsim.density.stationary import probability_current
from fpsim.density.transitions import Transitions
from fpsim.schedules.scheduled import Scheduled
from landscapes.progress import Progress, heard, shows_progress

if TYPE_CHECKING:
    import xarray


class FokkerPlanck(Equation):
    """An SDE on a grid.  Every call takes ``progress`` (``True`` for a bar) as :func:`fpsim.simulate` does.

    Args:
        sde: an :class:`fpsim.SDE` in one to three dimensions; under a schedule for ``evolve`` and ``survival`` only.
        grid: a :class:`fpsim.Grid` of the same dimension.
        boundary: ``"reflecting"``, ``"absorbing"`` or ``"periodic"``, or one (low, high) pair of them per dimension.

    Raises:
        ValueError: for mismatched dimensions, unknown walls, or a noise that still lacks its minimum or saddle.
    """

    @shows_progress("density")
    def evolve(
        self, density: Any, times: ArrayLike, method: Any = None, tolerance: float = 1e-5, progress: Progress = None
    ) -> xarray.Dataset:
        """The density at each of ``times``, from ``density`` at time zero.

        Args:
            density: array of ``grid.shape`` (per volume; scaled to mass one), a function of x (d, ...), or a point.
            times: increasing times >= 0.
            method: ``"contour"``, ``"chebyshev"``, ``"uniformisation"`` or ``"implicit"``; chosen if left out.
            tolerance: L1 error allowed to implicit time steps (the other methods are exact to rounding), and to those
                of a schedule, whose error is the attribute ``time_error``.

        Returns:
            Dataset with ``density`` (time, x[, y[, z]]) per volume and ``mass`` (time).  Its attribute
            ``discretisation_error`` is the largest L1 error over all times.
        """
        with heard(progress):
            if isinstance(self.sde, Scheduled):
                return moving.evolved(self, density, moving.times_of(times), tolerance)
            return evolved(self, density, times, method, tolerance)

    @shows_progress("stationary density")
    def stationary(self, progress: Progress = None) -> xarray.Dataset:
        """The stationary ``density`` per volume, mass one; ``discretisation_error`` is its estimated L1 error.

        Raises:
            ValueError: if a wall absorbs (see :meth:`quasi_stationary`) or the solution is not accurate.
        """
        with heard(progress):
            return standing(self)

    @shows_progress("mean first passage")
    def mean_first_passage_time(
        self, target: Any = None, start: ArrayLike | None = None, progress: Progress = None
    ) -> xarray.Dataset:
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
        with heard(progress):
            return passed(self, target, start)

    @shows_progress("survival")
    def survival(self, start: Any, target: Any, times: ArrayLike, progress: Progress = None) -> xarray.Dataset:
        """Chance not to have met the target yet and the density of the time at which it is met.

        ``start`` is a point, a density array or a function of x; a number as target is oriented by a start point.
        Absorbing walls end walks as well (``time_to`` says so); ``target=None`` leaves them alone.
        """
        with heard(progress):
            if isinstance(self.sde, Scheduled):
                return moving.survived(self, start, target, moving.times_of(times), 1e-5)
            return survived(self, start, target, times)

    @shows_progress("committor")
    def committor(self, a: Any, b: Any, progress: Progress = None) -> xarray.Dataset:
        """``committor``: the chance to meet ``b`` before ``a``, from every cell; ``.plot()`` draws it."""
        with heard(progress):
            return met_first(self, a, b)

    @shows_progress("transitions")
    def transitions(self, a: Any, b: Any, progress: Progress = None) -> Transitions:
        """Reactive flux, rate constants, committors and reactive current between two sets in the stationary state."""
        with heard(progress):
            return exchanged(self, a, b)

    @shows_progress("quasi-stationary law")
    def quasi_stationary(
        self, valley: Any, start: ArrayLike | None = None, progress: Progress = None
    ) -> QuasiStationary:
        """Quasi-stationary law and exit rate of a valley.

        Args:
            valley: a set or level function that is negative inside the valley and >= 0 outside (a target), or in 1-D
                a number with ``start`` on the valley's side.  ``None``: the box itself, left through absorbing walls.
            start: orients a number.
        """
        with heard(progress):
            return left(self, valley, start)

    @shows_progress("spectrum")
    def spectrum(self, k: int = 6, progress: Progress = None) -> Spectrum:
        """The ``k`` eigenvalues of the generator of largest real part, with their modes and the spectral gap."""
        with heard(progress):
            return modes(self, k)

    def current(self, density: ArrayLike) -> xarray.Dataset:
        """Probability ``current`` (component, x[, y[, z]]) of a density: b p - div(D p) on the cell centres."""
        values = np.asarray(density, dtype=float)
        if values.shape != self.grid.shape:
            raise ValueError(f"the density has shape {values.shape}; the grid needs {self.grid.shape}")
        return probability_current(self.walk, values.ravel() * self.grid.volume)
