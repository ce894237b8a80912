"""Targets on a grid: which cells lie inside, and where the edges of the others meet the boundary.

An edge from x that meets the target at the fraction a of its length carries the rate of the shorter arm; the distance
is found on the target's own level function, so that times converge at second order.  Two forms of that:

    whole cells     rate / a                 mass of the uncut walk, detailed balance survives (Gibou et al. 2002)
    cut cells       rate / a * 2 / (a + b)   the cell reaches from -b/2 to a/2: the error is smooth in the cell's width,
                                             so that it can be extrapolated (Shortley, Weller 1938)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fpsim.density.grid import Grid
from fpsim.density.walk import Walk
from fpsim.targets import as_set, as_target
from landscapes.roots import bracketed

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Restricted:
    """A walk that ends on the sets cut out of it, in the numbering of the cells that are kept.

    Attributes:
        grid: the whole grid.
        keep: the cells that are left, shape (n,).
        inside: the cells in each set, shape (sets, n).
        rates: rates among kept cells, sparse (k, k).
        losses: rates into each set, shape (sets, k).
        walls: rates through absorbing walls, shape (k,).
        crossed: edges of the walk that meet each set.
    """

    grid: Grid
    keep: Mask
    inside: Mask
    rates: Any
    losses: Array
    walls: Array
    crossed: tuple[NDArray[np.int64], ...]

    @cached_property
    def killing(self) -> Array:
        """Rate of ending in any way, shape (k,)."""
        return np.asarray(self.losses.sum(axis=0) + self.walls)

    @cached_property
    def leaving(self) -> Array:
        """Total rate out of each kept cell, shape (k,)."""
        return np.asarray(self.rates.sum(axis=1)).ravel() + self.killing

    def spread(self, values: ArrayLike) -> Array:
        """Values on kept cells as a field on the whole grid, zero elsewhere, shape (n,)."""
        out = np.zeros(self.keep.size)
        out[self.keep] = values
        return out


def on_grid(target: Any, grid: Grid, start: ArrayLike | None = None) -> Any:
    """A target as given by a user, checked; a number in 1-D without a start stays a number (both sides see it).

    Raises:
        ValueError: for a target that is none, or that holds the start.
    """
    if start is not None:
        return as_target(target, grid.as_point(start))
    known = as_set(target)
    if known is not None:
        return known
    if grid.dimension == 1 and isinstance(target, int | float | np.number):
        low, high, _ = grid.axes[0]
        if not low <= float(target) <= high:
            raise ValueError(f"the target {float(target):g} lies outside the grid [{low:g}, {high:g}]")
        return float(target)
    raise ValueError(
        f"a target is Ball(center, radius), HalfSpace(normal, offset), a level function of x (d, ...) or, in 1-D, a "
        f"number; got {target!r}"
    )


def restrict(walk: Walk, targets: Sequence[Any], whole_cells: bool = True, within: Mask | None = None) -> Restricted:
    """Cut the targets (as :func:`on_grid` gives them) out of a walk.

    Args:
        walk: the walk; guided rates out of cells next to a target give way to fitted ones where they are negative.
        targets: the sets to be cut out.
        whole_cells: whether cells at the boundary keep their mass; ``False`` serves mean times.
        within: the cells in which the walk lives, shape (n,); all of them if left out.

    Raises:
        ValueError: if a target holds no cell and crosses no edge, holds all cells, or two targets touch.
    """
    from scipy.sparse import csr_matrix

    grid, n = walk.grid, walk.grid.size
    inside: Mask = np.zeros((len(targets), n), dtype=np.bool_)
    for k, target in enumerate(targets):
        inside[k] = _inside(target, walk)
    if (inside.sum(axis=0) > 1).any():
        raise ValueError("the two sets overlap; choose sets apart from each other")
    keep = np.asarray(~np.any(inside, axis=0))
    if within is not None:
        keep &= within
    if not keep.any():
        raise ValueError("the target covers the whole grid")
    meeting = [_crossings(target, walk, keep, inside[k]) for k, target in enumerate(targets)]
    walk = _safe(walk, meeting)
    losses = np.zeros((len(targets), n))
    alive = keep[walk.source] & keep[walk.target]
    arms = np.ones(walk.source.size)
    for crossed, fraction in meeting:
        alive[crossed] = False
        arms[crossed] = fraction
    share = np.ones(arms.size) if whole_cells else _shares(walk, arms)
    left = walk.rim.absorbing.copy()
    for k, (target, (crossed, fraction)) in enumerate(zip(targets, meeting, strict=True)):
        cut = walk.edges.take(crossed).rates(fraction) * share[crossed]
        met, part = _rim_crossings(target, walk, keep)
        left[met] = False
        cells = np.concatenate([walk.source[crossed], walk.rim.edges.source[met]])
        losses[k] = np.bincount(cells, np.concatenate([cut, walk.rim.edges.take(met).rates(part)]), minlength=n)
    if not all(loss.any() for loss in losses):
        raise ValueError("a target has no cell of the grid next to it: it is outside the box or smaller than a cell")
    number = np.cumsum(keep) - 1
    matrix = csr_matrix(
        (walk.rate[alive] * share[alive], (number[walk.source[alive]], number[walk.target[alive]])),
        shape=(int(keep.sum()),) * 2,
    )
    matrix.sum_duplicates()
    unmet = np.array_equal(left, walk.rim.absorbing)
    through = walk.killing if unmet else replace(walk, rim=replace(walk.rim, absorbing=left)).killing
    met_edges = tuple(crossed for crossed, _ in meeting)
    return Restricted(grid, keep, inside, matrix, losses[:, keep], through[keep], met_edges)


def _safe(walk: Walk, meeting: list[tuple[NDArray[np.int64], Array]]) -> Walk:
    """The walk, fitted in cells from which a guided edge would meet a target at a negative rate or without noise."""
    if walk.is_fitted:
        return walk
    unsafe = np.zeros(walk.grid.size, dtype=bool)
    for crossed, fraction in meeting:
        edges = walk.edges.take(crossed)
        bad = edges.rates(fraction) < 0
        if edges.wind is not None:
            bad |= edges.wind != 0
        unsafe[edges.source[bad]] = True
    return walk.fitted_in(unsafe) if unsafe.any() else walk


def _inside(target: Any, walk: Walk) -> Mask:
    """Cells whose centre lies in the target, shape (n,); a level that is not finite is an error."""
    grid = walk.grid
    if isinstance(target, float):
        return np.asarray(np.abs(grid.points[0] - target) < 1e-9 * grid.spacing[0])
    level = _level(target, walk)(grid.points)
    if level.shape != (grid.size,) or not np.isfinite(level).all():
        raise ValueError(
            f"a level function returns one finite number per point: shape (n,) for x of shape ({grid.dimension}, n); "
            f"got shape {level.shape}"
        )
    # a centre on the boundary belongs to the target, also when rounding puts it a hair outside
    return np.asarray(level >= (-1e-9 * float(grid.spacing.min()) if target.is_distance else 0.0))


def _crossings(target: Any, walk: Walk, keep: Mask, inside: Mask) -> tuple[NDArray[np.int64], Array]:
    """Edges from kept cells that end in the target, and the fraction at which they meet it."""
    grid = walk.grid
    if isinstance(target, float):
        step = walk.offset[:, 0] * grid.spacing[0]
        away = target - grid.points[0, walk.source]
        for _, low, high in _periods(walk):
            away = np.where(away * step < 0, away + np.sign(step) * (high - low), away)
        fraction = away / step
        edges = np.flatnonzero(keep[walk.source] & (fraction > 1e-9) & (fraction <= 1 + 1e-9))
        return edges, np.minimum(fraction[edges], 1.0)
    edges = np.flatnonzero(keep[walk.source] & inside[walk.target])
    start, step = grid.points[:, walk.source[edges]], (walk.offset[edges] * grid.spacing).T
    plane = target.plane()
    if plane is not None and not _periods(walk):
        return edges, np.clip((plane[1] - plane[0] @ start) / (plane[0] @ step), 1e-8, 1.0)
    return edges, crossing_fraction(_level(target, walk), start, step)


def _rim_crossings(target: Any, walk: Walk, keep: Mask) -> tuple[NDArray[np.int64], Array]:
    """Edges to the walls that meet the target there or before, and the fraction at which they do."""
    grid, rim = walk.grid, walk.rim
    start, step = grid.points[:, rim.edges.source], (rim.edges.offset * grid.spacing * rim.fraction[:, None]).T
    kept = keep[rim.edges.source]
    if isinstance(target, float):
        part = (target - start[0]) / step[0]
        met = np.flatnonzero(kept & (part > 1e-9) & (part <= 1 + 1e-9))
        return met, np.minimum(part[met], 1.0) * rim.fraction[met]
    level = _level(target, walk)
    if rim.edges.source.size == 0:
        return np.empty(0, dtype=np.int64), np.empty(0)
    met = np.flatnonzero(kept & (level(start + step) >= -1e-9 * float(grid.spacing.min())))
    return met, crossing_fraction(level, start[:, met], step[:, met]) * rim.fraction[met]


def _shares(walk: Walk, arms: Array) -> Array:
    """2 / (a + b) for each edge of arm a that faces one of arm b at the same cell, shape (m,)."""
    share = np.ones(arms.size)
    touched = np.zeros(walk.grid.size, dtype=bool)
    touched[walk.source[arms < 1]] = True
    edges = np.flatnonzero(touched[walk.source])
    if edges.size:
        offset = walk.offset[edges]
        first = offset[np.arange(edges.size), np.argmax(offset != 0, axis=1)]
        keys = np.column_stack([walk.source[edges], offset * np.sign(first)[:, None]])
        _, pair = np.unique(keys, axis=0, return_inverse=True)
        # an arm that a wall has cut off counts whole: the cell ends half-way
        pair = pair.ravel()
        share[edges] = 2 / (2 + np.bincount(pair, arms[edges] - 1))[pair]
        if walk.edges.wind is not None:  # drift without noise meets nothing at its back
            share[walk.edges.wind != 0] = 1.0
    return share


def _periods(walk: Walk) -> list[tuple[int, float, float]]:
    """(axis, low, high) of the periodic axes."""
    axes = zip(walk.grid.axes, walk.walls, strict=True)
    return [(k, low, high) for k, ((low, high, _), wall) in enumerate(axes) if wall[0] == "periodic"]


def _level(target: Any, walk: Walk) -> Callable[[Array], Array]:
    """The target's level on a box closed to a ring: of the nearest image of a ball, of the folded point else."""
    periods = _periods(walk)

    def level(x: Array) -> Array:
        out = x.copy()
        for k, low, high in periods:
            out[k] = target.folded(x[k], k, low, high)
        return np.asarray(target.level(out), dtype=float)

    return level


def crossing_fraction(level: Callable[[Array], Array], start: Array, step: Array) -> Array:
    """Fraction of ``start + fraction * step`` (d, m) at which ``level`` turns >= 0, shape (m,)."""
    if start.shape[1] == 0:
        return np.empty(0)

    def beyond(fraction: Array, column: NDArray[np.intp]) -> Array:
        return np.asarray(level(start[:, column] + fraction * step[:, column]), dtype=float)

    columns = np.arange(start.shape[1])
    found = bracketed(beyond, 0.0, 1.0, columns, xatol=1e-12)
    fraction = np.where(found.f_x >= 0, found.x, found.bracket[1])
    return np.where(beyond(np.zeros(columns.size), columns) >= 0, 1e-8, np.maximum(fraction, 1e-8))
