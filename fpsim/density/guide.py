"""Walks for drifts that are no gradients: second order, and without the numerical diffusion of upwind rates.

    J = -D p grad(log p + Phi) + c p,      Phi = -log(p_s D),      c = b + D grad Phi

p_s is a stationary density.  The first term is fitted along Phi (Scharfetter, Gummel 1969), the second carries the
density at the middle of an edge, sqrt(p_i p_j) for p = p_s, so that both are exact for the stationary density and
second order for all others.  p_s comes from the fitted walk: it needs to be a fair guide only, since c takes what it
leaves, and once p_s has settled c p_s has no sources, so that no mode can grow.  Cells in which the density is not
positive, or next to nothing, keep their fitted rates, and are counted.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fpsim.density.edges import STEEPEST
from fpsim.density.solver import DIRECT_LIMIT, valley_bottoms
from fpsim.density.stationary import stationary_masses
from fpsim.density.walk import Walk

Array = NDArray[np.float64]
ROUNDS = 8  # most times that cells without a positive density are taken out
SETTLED = 1e-3  # L1 change of the guide at which it has found itself
EMPTY = 1e-9  # density, relative to the largest, below which rates stay fitted
NEGATIVE = 1e-12  # share of negative mass that is rounding


def is_gradient(sde: Any) -> bool:
    """Whether the drift is D grad of something by construction: a loss under isotropic constant noise."""
    while hasattr(sde, "sde"):  # in stretched coordinates too
        sde = sde.sde
    return bool(sde.noise.is_constant and sde.structure == "isotropic" and hasattr(sde.landscape, "loss"))


def guided_walk(sde: Any, fitted: Walk) -> Walk:
    """The walk of an SDE in 1-D (a ring) to 3-D from its fitted one."""
    closed = replace(fitted, rim=replace(fitted.rim, absorbing=np.zeros_like(fitted.rim.absorbing)))
    masses = _stationary(closed)
    if masses is None:
        return fitted  # no stationary density to be had: the fitted walk serves
    bottoms = valley_bottoms(closed.rates, closed.killing, closed.grid.points)
    leans = 0.0 if sde.noise.is_constant else _leans(sde, fitted)
    fallen = np.zeros(fitted.grid.size, dtype=bool)
    for _ in range(ROUNDS):
        fallen |= masses < EMPTY * masses.max()
        rise = _rises(fitted, masses, leans)
        rise[fallen[fitted.source] | fallen[fitted.target]] = np.nan
        walk = replace(closed, edges=replace(fitted.edges, rise=rise), bottoms=bottoms)
        found = _stationary(walk)
        sound = found is not None
        if found is None and fitted.grid.size > DIRECT_LIMIT[fitted.grid.dimension]:
            break
        if found is None:
            found = _pinned(walk, int(bottoms[np.argmax(masses[bottoms])]))
        negative = np.minimum(found, 0.0)
        change = float(np.abs(found - masses).sum())
        masses = np.maximum(found, 0.0)
        if sound and change < SETTLED and -negative.sum() <= NEGATIVE:
            return _counted(fitted, walk, int(fallen.sum()))
    return replace(fitted, counts={**fitted.counts, "upwind": fitted.grid.size})


def _rises(walk: Walk, masses: Array, leans: Any) -> Array:
    """Phi(end) - Phi(source) of every edge for the stationary masses (n,), shape (m,); NaN where it is too steep."""
    logs = np.log(np.maximum(masses, 1e-300 * masses.max()))
    rises = logs[walk.source] - logs[walk.target] - leans
    return np.where(np.abs(rises) > STEEPEST, np.nan, rises)


def _leans(sde: Any, walk: Walk) -> Array:
    """log of D(end) / D(source) with D along the edge, 1 / (e D^-1 e), shape (m,)."""
    tensors = np.moveaxis(np.asarray(sde.diffusion(walk.grid.points), dtype=float), -1, 0)
    steps = walk.offset * walk.grid.spacing
    along = []
    for cells in (walk.source, walk.target):
        with np.errstate(all="ignore"):
            if sde.structure == "full":
                # a little of the identity keeps singular tensors from being infinite
                size = np.trace(tensors, axis1=1, axis2=2)[:, None, None] * np.eye(walk.grid.dimension) * 1e-12
                inverse = np.linalg.inv(tensors + size)
                along.append(-np.log(np.einsum("mi,mij,mj->m", steps, inverse[cells], steps)))
            else:
                diagonal = np.einsum("nii->ni", tensors)[cells]
                along.append(np.log((diagonal * steps**2).sum(axis=1)))
    lean = along[1] - along[0]
    return np.where(np.isfinite(lean), lean, 0.0)


def _stationary(walk: Walk) -> Array | None:
    """Stationary masses, shape (n,), negative ones too; ``None`` where they cannot be had."""
    try:
        return stationary_masses(walk, None, signed=True)[0]
    except (ValueError, RuntimeError):
        return None


def _pinned(walk: Walk, cell: int) -> Array:
    """Stationary masses relative to those of one cell, by a factorisation with pivoting, shape (n,)."""
    from scipy.sparse.linalg import spsolve

    rest = np.flatnonzero(np.arange(walk.grid.size) != cell)
    generator = walk.generator.tocsc()
    masses = np.ones(walk.grid.size)
    masses[rest] = spsolve(generator[rest][:, rest], -generator[rest][:, [cell]].toarray().ravel())
    return np.asarray(masses / masses.sum())


def _counted(fitted: Walk, walk: Walk, fallen: int) -> Walk:
    """The guided walk with the walls of the fitted one, and the number of cells that stay fitted."""
    return replace(walk, rim=fitted.rim, counts={**fitted.counts, "upwind": fallen})
