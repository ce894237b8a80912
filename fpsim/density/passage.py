"""First passages on a walk: times, chances, reactive fluxes and quasi-stationary laws.

    A T = -1,     A V = -sum_j rate_ij (T_j - T_i)^2       (mean and variance of the time to the target)
    A q = 0       with q = 0 on a and 1 on b               (committor)
    A^T psi = -lambda psi                                  (quasi-stationary law and exit rate)

Metzner, Schuette, Vanden-Eijnden 2009 (transition path theory for jump processes); Collet, Martinez, San Martin 2013.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fpsim.density.cuts import Restricted
from fpsim.density.discretisation import Judged
from fpsim.density.solver import Solver, check_accuracy, solver_for
from fpsim.density.walk import Walk

if TYPE_CHECKING:
    import xarray

Array = NDArray[np.float64]


@dataclass(frozen=True, repr=False)
class QuasiStationary(Judged):
    """The law of a walk that has not left its valley for a long time.

    Attributes:
        rate: exit rate; the time to leave from this law is exponential with mean 1 / rate.
        density: per volume, mass one.
    """

    rate: float
    density: xarray.Dataset

    @property
    def time(self) -> float:
        """Mean exit time, 1 / rate."""
        return 1 / self.rate

    def plot(self, axes: Any = None) -> Any:
        """The law; returns the figure."""
        from fpsim.plotting import field_chart

        return field_chart(self.density, "density", f"quasi-stationary, exit rate {self.rate:.5g}", axes)

    def __str__(self) -> str:
        return f"exit rate {self.rate:.8g} from the quasi-stationary law (time {self.time:.8g}){self._told()}"


def passage_solver(walk: Walk, part: Restricted) -> Solver:
    """The solver of the walk that ends on the sets cut out of ``part``."""
    points, bottoms = walk.grid.points[:, part.keep], walk.bottoms_in(part.keep)
    return solver_for(part.rates, part.killing, points, walk.is_line, bottoms)


def mean_and_variance(walk: Walk, part: Restricted) -> tuple[Array, Array, float]:
    """Mean and variance of the time to the end, each (k,), and the accuracy of the solution."""
    solver = passage_solver(walk, part)
    mean = solver.backward(np.ones(part.killing.size))
    rows = np.repeat(np.arange(mean.size), np.diff(part.rates.indptr))
    with np.errstate(over="ignore", invalid="ignore"):  # the solver refuses what is not finite
        spread = part.killing * mean**2
        spread += np.bincount(rows, part.rates.data * (mean[part.rates.indices] - mean[rows]) ** 2, minlength=mean.size)
    return mean, solver.backward(spread), solver.accuracy


def committors(walk: Walk, part: Restricted, mass: Array | None = None) -> tuple[Array, Array, float]:
    """Chance to meet the second set first, from each kept cell, forwards and (given stationary masses) backwards.

    The backward committor, the chance to have met the first set last, belongs to the walk reversed in time.
    """
    solver = passage_solver(walk, part)
    forward = solver.backward(part.losses[1])
    if mass is None:
        return forward, np.empty(0), solver.accuracy
    occupied = solver.forward(entering(walk, part, mass)[part.keep])
    return forward, occupied / np.maximum(mass[part.keep], 1e-300), solver.accuracy


def entering(walk: Walk, part: Restricted, mass: Array, k: int = 0) -> Array:
    """Stationary mass per unit time that enters each cell out of set k, shape (n,).

    Edges are shortened as those of the forward walk are, so that detailed balance survives the cut.
    """
    n, inside, crossed = part.keep.size, part.inside[k], part.crossed[k]
    into = np.union1d(
        np.flatnonzero(inside[walk.source] & part.keep[walk.target]), crossed[part.keep[walk.target[crossed]]]
    )
    entering = np.bincount(walk.target[into], mass[walk.source[into]] * walk.rate[into], minlength=n)
    whole = np.bincount(walk.source[crossed], walk.rate[crossed], minlength=n)
    return np.asarray(entering * part.spread(part.losses[k]) / np.maximum(whole, 1e-300))


def quasi_stationary(walk: Walk, part: Restricted) -> tuple[float, Array, float]:
    """Exit rate, quasi-stationary masses (k,) and accuracy, by inverse iteration on positive vectors."""
    solver = passage_solver(walk, part)
    masses = np.full(part.killing.size, 1 / part.killing.size)
    rate = np.inf
    for _ in range(2000):
        occupied = solver.forward(masses)
        total = occupied.sum()
        previous, rate, occupied = rate, 1 / total, occupied / total
        change = np.abs(occupied - masses).sum()
        masses = occupied
        if change < 1e-13 or (change < 1e-11 and abs(rate - previous) < 1e-15 * rate):
            break
    else:
        check_accuracy(float(change))
    # the flux out, a sum of positive terms, is the exit rate once more
    return float(part.killing @ masses), masses, max(solver.accuracy, float(change))


def difference_form(rates: Any, mass: Array, modes: Array) -> Array:
    """sum_ij mass_i rate_ij (f_i - f_j)(g_i - g_j) / 2 for all pairs of columns f, g of ``modes`` (n, k): (k, k)."""
    rows = np.repeat(np.arange(mass.size), np.diff(rates.indptr))
    steps = modes[rates.indices] - modes[rows]
    return np.asarray((steps * (mass[rows] * rates.data)[:, None]).T @ steps / 2)
