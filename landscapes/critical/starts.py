"""Where to start looking for critical points: brackets of L' in 1-D, cells in 2-D, many points beyond."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from landscapes.critical.asked import Array, HasSlope
from landscapes.roots import bracketed

if TYPE_CHECKING:
    from landscapes.field import Bounds


def seeds(landscape: HasSlope, bounds: Bounds, effort: int = 1) -> Array:
    """Return starting points (d, n) for Newton's method in a box; more of them with more effort."""
    if landscape.dimension == 1:
        return _isolated_roots(landscape, bounds, 2000 * effort)
    if landscape.dimension == 2:
        return _suspicious_cells(landscape, bounds, 150 * effort)
    return _many(landscape, bounds, 300 * effort)


def _isolated_roots(landscape: HasSlope, bounds: Bounds, cells: int) -> Array:
    """Return the roots of L' and its near-touching points.

    Cells in which L' changes sign or |L'| dips are scanned again, twice, so that roots closer than a cell are
    told apart; where |L'| still dips, L'' = 0 locates the bottom of the dip.
    """

    def slope(x: Array) -> Array:
        return np.asarray(landscape.gradient(x[np.newaxis])[0])

    def curvature(x: Array) -> Array:
        return np.asarray(landscape.hessian(x[np.newaxis])[0, 0])

    ((low, high),) = bounds
    x = np.linspace(low, high, cells + 1)
    g = slope(x)
    flat = (g[:-1] == 0) & (g[1:] == 0)
    if np.any(flat):
        raise ValueError(
            f"{landscape.name} is flat near x = {x[np.argmax(flat)]:.6g}: its critical points are not isolated."
        )
    for _ in range(2):
        left = np.flatnonzero(_suspicious(slope(x)))[:200]
        finer = np.linspace(x[left], x[left + 1], 101).ravel()
        x = np.unique(np.concatenate([x, finer]))
    g, h = slope(x), curvature(x)
    side = np.sign(g)
    dip = (side[:-1] * side[1:] > 0) & (side[:-1] * h[:-1] < 0) & (side[1:] * h[1:] > 0)
    bottoms = _roots(curvature, x, dip)
    x = np.unique(np.concatenate([x, bottoms]))
    g = slope(x)
    change = g[:-1] * g[1:] < 0
    roots = _roots(slope, x, change)
    return np.concatenate([roots, x[g == 0], bottoms])[np.newaxis]


def _suspicious(g: Array) -> NDArray[np.bool_]:
    """Mark the cells around sign changes of L' and around local minima of |L'|."""
    change = g[:-1] * g[1:] <= 0
    size = np.abs(g)
    lowest = (size[1:-1] <= size[:-2]) & (size[1:-1] <= size[2:])
    marked = change.copy()
    marked[:-1] |= change[1:]
    marked[1:] |= change[:-1]
    marked[:-1] |= lowest
    marked[1:] |= lowest
    return marked


def _roots(function: Callable[[Array], Array], x: Array, cells: NDArray[np.bool_]) -> Array:
    """Return a root in each marked cell, at whose ends the function has opposite signs."""
    return np.asarray(bracketed(function, x[:-1][cells], x[1:][cells]).x) if cells.any() else np.empty(0)


def _suspicious_cells(landscape: HasSlope, bounds: Bounds, cells: int) -> Array:
    """Return the centres of cells where both components of the gradient may vanish, and a coarse grid."""
    axes = [np.linspace(low, high, cells + 1) for low, high in bounds]
    gradient = landscape.gradient(np.stack(np.meshgrid(*axes, indexing="ij")))
    corners = np.stack(
        [gradient[:, i : cells + i, j : cells + j] for i in (0, 1) for j in (0, 1)]
    )  # (4, 2, cells, cells)
    vanishing = np.all((corners.min(axis=0) <= 0) & (corners.max(axis=0) >= 0), axis=0)
    padded = np.pad(vanishing, 1)
    near = np.zeros_like(vanishing)
    for i, j in itertools.product(range(3), range(3)):
        near |= padded[i : cells + i, j : cells + j]
    centres = [0.5 * (axis[1:] + axis[:-1]) for axis in axes]
    found = np.stack([centres[k][index] for k, index in enumerate(np.nonzero(near))])
    found = found[:, :: max(1, found.shape[1] // 4000)]
    coarse = np.stack(np.meshgrid(*(axis[5 :: cells // 12] for axis in axes), indexing="ij")).reshape(2, -1)
    return np.concatenate([found, coarse], axis=1)


def _many(landscape: HasSlope, bounds: Bounds, count: int) -> Array:
    """Return combinations of the coordinate-wise critical points, corners half-way out, and random points."""
    low, high = np.array(bounds).T
    d = len(low)
    rng = np.random.default_rng(0)
    limit = max(64, 40_000 // d)
    middle, width = 0.5 * (low + high)[:, np.newaxis], (high - low)[:, np.newaxis]
    random = middle + (rng.random((d, min(count, limit))) - 0.5) * width
    corners = middle + 0.25 * width * np.array(list(itertools.islice(itertools.product((-1, 1), repeat=d), limit))).T
    bottoms, tops = zip(*(_along_axis(landscape, bounds, i) for i in range(d)), strict=True)
    chosen = list(itertools.islice(_combinations(bottoms, tops), limit))
    combined = np.array(chosen).T if chosen else random[:, :0]
    return np.concatenate([combined, corners, random], axis=1)


def halfway(minima: Array, limit: int) -> Array:
    """Return the midpoints between minima, the closest pairs first: saddles are often near."""
    i, j = np.triu_indices(minima.shape[1], k=1)
    order = np.argsort(np.sum((minima[:, i] - minima[:, j]) ** 2, axis=0), kind="stable")[:limit]
    return np.asarray(0.5 * (minima[:, i] + minima[:, j])[:, order])


def _along_axis(landscape: HasSlope, bounds: Bounds, i: int) -> tuple[Array, Array]:
    """Return the minima and maxima of L along axis i through the middle of the box."""
    low, high = np.array(bounds).T
    x = np.repeat(0.5 * (low + high)[:, np.newaxis], 401, axis=1)
    x[i] = np.linspace(low[i], high[i], 401)
    g = landscape.gradient(x)[i]
    middle = 0.5 * (x[i][1:] + x[i][:-1])
    return middle[(g[:-1] < 0) & (g[1:] >= 0)], middle[(g[:-1] > 0) & (g[1:] <= 0)]


def _combinations(bottoms: tuple[Array, ...], tops: tuple[Array, ...]) -> itertools.chain[tuple[float, ...]]:
    """Yield first the products of minima, then those with one maximum, with two, ..."""
    d = len(bottoms)
    free = [i for i in range(d) if bottoms[i].size and tops[i].size]
    tops_only = {i for i in range(d) if not bottoms[i].size}

    def with_tops(k: int) -> itertools.chain[tuple[float, ...]]:
        return itertools.chain.from_iterable(
            itertools.product(*(tops[i] if i in tops_only or i in chosen else bottoms[i] for i in range(d)))
            for chosen in itertools.combinations(free, k)
        )

    if any(not bottoms[i].size and not tops[i].size for i in range(d)):
        free = []  # nothing to combine, however many ways there are to choose
    # itertools.product stores its inputs, not its output: huge products are cut by the caller
    return itertools.chain.from_iterable(with_tops(k) for k in range(len(free) + 1))
