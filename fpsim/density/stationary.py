"""Stationary laws and probability currents of a walk.

detailed balance:  log p_j - log p_i = log(rate_ij / rate_ji)  around every loop;      else A^T p = 0
J(x_i) = (1 / 2 volume) sum_j (p_i rate_ij - p_j rate_ji) (x_j - x_i)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fpsim.density.solver import DIRECT_LIMIT, DirectSolver, aligned, check_accuracy
from fpsim.density.walk import Walk

if TYPE_CHECKING:
    import xarray

Array = NDArray[np.float64]
LOOP_TOLERANCE = 1e-8  # mismatch of log-weights around loops that still counts as detailed balance


def reversible_potential(walk: Walk) -> Array | None:
    """Log of the stationary masses, shape (n,), if the walk has detailed balance; ``None`` if not."""
    from fpsim.kernels.assembly import LIMIT, spread_potential

    if walk.is_line:
        from fpsim.kernels.tridiagonal import log_stationary

        logs = log_stationary(*walk.line)
        return np.asarray(logs - logs.max())
    forth, back = aligned(walk.rates)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = np.log(forth.data) - np.log(back.data)
    if not np.isfinite(ratios).all():
        return None
    logs = spread_potential(forth.indptr, forth.indices, ratios, int(np.argmin(walk.leaving)))
    rows = np.repeat(np.arange(logs.size), np.diff(forth.indptr))
    gaps = np.abs(logs[forth.indices] - logs[rows] - ratios)
    if np.isnan(gaps).any() or np.max(gaps[np.abs(ratios) < LIMIT - 1], initial=0.0) > LOOP_TOLERANCE:
        return None
    return np.asarray(logs - logs.max())


def stationary_masses(walk: Walk, balance: Array | None, signed: bool = False) -> tuple[Array, float]:
    """Stationary masses (n,) that sum to one, and their accuracy; negative ones of a guided walk only if ``signed``.

    Raises:
        ValueError: if walls absorb, or the solution is not accurate.
    """
    if not walk.conserves_mass:
        raise ValueError("with absorbing walls nothing is stationary; use quasi_stationary(None)")
    if balance is not None:
        masses = np.exp(balance)
        return masses / masses.sum(), 1e-13
    if walk.grid.size <= DIRECT_LIMIT[walk.grid.dimension]:
        solver = DirectSolver(walk.rates, walk.killing, walk.grid.points, walk.bottoms)
        masses, accuracy = solver.stationary(), solver.accuracy
    else:
        masses, accuracy = _by_multigrid(walk)
    if not signed:
        masses = np.maximum(masses, 0.0)
    return masses / masses.sum(), accuracy


def _by_multigrid(walk: Walk) -> tuple[Array, float]:
    """The masses relative to those of one censored cell, for systems too large to factorise."""
    from fpsim.density.solver import MultigridSolver, valley_bottoms

    pinned = valley_bottoms(walk.rates, walk.killing, walk.grid.points)[0]
    rest = np.flatnonzero(np.arange(walk.grid.size) != pinned)
    column = np.asarray(walk.rates[rest][:, [pinned]].todense()).ravel()
    source = np.asarray(walk.rates[[pinned]][:, rest].todense()).ravel()
    solver = MultigridSolver(walk.rates[rest][:, rest].tocsr(), column)
    masses = np.ones(walk.grid.size)
    masses[rest] = solver.forward(source)
    check_accuracy(solver.accuracy)
    return masses, solver.accuracy


def net_current(walk: Walk, flow: Array) -> Array:
    """Vector field (d, n) of directed flows (m,) along the walk's edges, in probability per time and area."""
    steps = walk.offset * walk.grid.spacing
    out = np.zeros((walk.grid.dimension, walk.grid.size))
    for k in range(walk.grid.dimension):
        share = flow * steps[:, k] / (2 * walk.grid.volume)
        out[k] = np.bincount(walk.source, share, minlength=walk.grid.size)
        out[k] += np.bincount(walk.target, share, minlength=walk.grid.size)
    return out


def probability_current(walk: Walk, masses: Array) -> xarray.Dataset:
    """The current of ``masses`` (n,) as a dataset ``current`` (component, x[, y[, z]])."""
    return current_dataset(walk, net_current(walk, masses[walk.source] * walk.rate), "probability current")


def current_dataset(walk: Walk, field: Array, name: str) -> xarray.Dataset:
    """A vector field (d, n) on the grid as ``current``."""
    from fpsim.storage import dataset

    grid = walk.grid
    values: Any = field.reshape((grid.dimension, *grid.shape))
    coordinates = {"component": ("component", list(grid.dims), "", "component"), **grid.coordinates}
    return dataset({"current": (("component", *grid.dims), values, "1/time", name)}, coordinates, grid=str(grid))
