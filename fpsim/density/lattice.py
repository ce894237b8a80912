"""The walk on a 2-D or 3-D grid for any drift b and any tensor D(x).

    D(x) = sum_e lambda_e(x) e e^T,  lambda_e >= 0 (Selling),       b = D v,
    A f = sum_e lambda_e [ w(phi_e) (f(x + e) - f(x)) + w(phi_-e) (f(x - e) - f(x)) ],   phi_e = -int_0^1 v(x + se).e ds

so that drift and diffusion run along the same grid directions and every rate is >= 0 (Selling's decomposition for
anisotropic diffusion: Fehrenbach, Mirebeau 2014; exponential fitting: Scharfetter, Gummel 1969).
Where D is diagonal the directions are the axes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fpsim.density.walk import Indices, Walk, Wall
from fpsim.grid import Grid

Array = NDArray[np.float64]
REACH = 12  # longest offset in cells; beyond it cross terms are cut to nearest neighbours
CHUNK = 40_000  # nodes per batch, to bound memory
GAUSS = ((0.5 - np.sqrt(1 / 12), 0.5), (0.5 + np.sqrt(1 / 12), 0.5))


@dataclass(frozen=True)
class Jumps:
    """Jumps out of some cells, all with their own offset: cells (m,), offset (m, d), scale, mid and end (m,)."""

    cells: Indices
    offset: Indices
    scale: Array
    mid: Array
    end: Array


def lattice_walk(sde: Any, grid: Grid, walls: tuple[Wall, ...]) -> Walk:
    """The walk of an SDE in two or three dimensions.

    Raises:
        ValueError: where drift or diffusion are not finite, or the diffusion is not positive semi-definite.
    """
    constant = bool(sde.noise.is_constant)
    diagonal = sde.structure != "full" or (constant and _is_diagonal(sde.diffusion(grid.points[:, :1])[..., 0]))
    counts: dict[str, int] = {"upwind": 0, "nearest_neighbours": 0}
    batches: list[Jumps] = []
    for first in range(0, grid.size, CHUNK):
        cells = np.arange(first, min(first + CHUNK, grid.size))
        x = grid.points[:, cells]
        tensor = np.asarray(sde.diffusion(x), dtype=float)
        drift = np.asarray(sde.drift(x), dtype=float)
        _check(x, drift, tensor)
        if diagonal:
            batches += _axis_jumps(sde, grid, cells, x, tensor, drift, counts)
        else:
            batches += _tensor_jumps(sde, grid, cells, x, tensor, drift, counts)
    return _assemble(grid, walls, batches, counts)


def _is_diagonal(matrix: Array) -> bool:
    return not np.any(matrix - np.diag(np.diag(matrix)))


def _check(x: Array, drift: Array, tensor: Array) -> None:
    """Refuse non-finite values and negative variances."""
    for name, values in (("drift", drift), ("diffusion", tensor)):
        bad = ~np.isfinite(values.reshape(-1, x.shape[1])).all(axis=0)
        if bad.any():
            raise ValueError(f"the {name} is not finite at x = {x[:, bad][:, 0].tolist()}; choose a smaller box")
    lowest = np.linalg.eigvalsh(np.moveaxis(tensor, -1, 0)).min(axis=1)
    bad = lowest < -1e-10 * np.abs(tensor).reshape(-1, x.shape[1]).max(axis=0)
    if bad.any():
        raise ValueError(
            f"the diffusion has a negative eigenvalue ({lowest[bad][0]:g}) at x = {x[:, bad][:, 0].tolist()}"
        )


def _axis_jumps(
    sde: Any, grid: Grid, cells: Indices, x: Array, tensor: Array, drift: Array, counts: dict[str, int]
) -> Iterator[Jumps]:
    """Jumps along the axes, for a diagonal tensor."""
    upwind = np.zeros(cells.size, dtype=bool)
    for k in range(grid.dimension):
        h, variance = grid.spacing[k], tensor[k, k]
        noisy = variance > 1e-14 * np.max(np.abs(np.diagonal(tensor)), axis=-1, initial=0.0)
        upwind |= ~noisy
        for sign in (1, -1):
            offset = np.zeros((cells.size, grid.dimension), dtype=np.int64)
            offset[:, k] = sign
            mid, end = _axis_potential(sde, x, k, sign * h, variance)
            fitted = noisy & np.isfinite(mid) & np.isfinite(end)
            wind = np.maximum(sign * drift[k] / h, 0.0)
            scale = np.where(fitted, variance / h**2, wind)
            yield Jumps(cells, offset, scale, np.where(fitted, mid, 0.0), np.where(fitted, end, 0.0))
    counts["upwind"] += int(upwind.sum())


def _axis_potential(sde: Any, x: Array, axis: int, step: float, variance: Array) -> tuple[Array, Array]:
    """Potential at half and full distance ``step`` along ``axis`` relative to ``x``, each (n,)."""
    if sde.noise.is_constant and hasattr(sde.landscape, "loss"):
        here = sde.landscape.loss(x)
        with np.errstate(divide="ignore", invalid="ignore"):  # where there is no noise; the caller looks
            rises = [(sde.landscape.loss(_moved(x, axis, f * step)) - here) / variance for f in (0.5, 1.0)]
        return rises[0], rises[1]
    parts = []
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = [np.log(variance)] + [np.log(sde.diffusion(_moved(x, axis, f * step))[axis, axis]) for f in (0.5, 1.0)]
        for half in (0, 1):
            total = np.zeros_like(variance)
            for place, weight in GAUSS:
                y = _moved(x, axis, step * (half + place) / 2)
                total -= weight * sde.landscape.drift(y)[axis] / sde.diffusion(y)[axis, axis] * step / 2
            parts.append(total - sde.convention_weight * (logs[half + 1] - logs[half]))
    return parts[0], parts[0] + parts[1]


def _moved(x: Array, axis: int, distance: float) -> Array:
    out = x.copy()
    out[axis] += distance
    return out


def _tensor_jumps(
    sde: Any, grid: Grid, cells: Indices, x: Array, tensor: Array, drift: Array, counts: dict[str, int]
) -> Iterator[Jumps]:
    """Jumps along Selling's directions, for a full tensor; plain upwind drift where D is singular."""
    from fpsim.kernels.assembly import split_tensors

    d, h = grid.dimension, grid.spacing
    scaled = np.ascontiguousarray(np.moveaxis(tensor / h[:, None, None] / h[None, :, None], -1, 0))
    values = np.linalg.eigvalsh(scaled)
    singular = values[:, 0] <= 1e-10 * values[:, -1]
    offsets, weights, clipped = split_tensors(scaled, REACH)
    counts["upwind"] += int(singular.sum())
    counts["nearest_neighbours"] += int(clipped.sum())
    for slot in range(offsets.shape[1]):
        for sign in (1, -1):
            offset = sign * offsets[:, slot]
            used = weights[:, slot] > 1e-13 * values[:, -1]
            mid, end = _edge_potential(sde, x[:, used], (offset[used] * h).T)
            flat = singular[used] | ~np.isfinite(mid) | ~np.isfinite(end)
            yield Jumps(
                cells[used], offset[used], weights[used, slot], np.where(flat, 0.0, mid), np.where(flat, 0.0, end)
            )
    for k in range(d):
        for sign in (1, -1):
            offset = np.zeros((int(singular.sum()), d), dtype=np.int64)
            offset[:, k] = sign
            wind = np.maximum(sign * drift[k, singular] / h[k], 0.0)
            yield Jumps(cells[singular], offset, wind, 0 * wind, 0 * wind)


def _edge_potential(sde: Any, x: Array, step: Array) -> tuple[Array, Array]:
    """-int v . step at half and full length of ``step`` (d, m) from ``x`` (d, m), v = D^-1 b, each (m,)."""
    parts = []
    for half in (0, 1):
        total = np.zeros(x.shape[1])
        for place, weight in GAUSS:
            y = x + step * (half + place) / 2
            matrix = np.moveaxis(np.asarray(sde.diffusion(y), dtype=float), -1, 0)
            total -= weight / 2 * np.einsum("im,im->m", _solve(matrix, np.asarray(sde.drift(y))), step)
        parts.append(total)
    return parts[0], parts[0] + parts[1]


def _solve(matrix: Array, vector: Array) -> Array:
    """Solution of matrix (m, d, d) times unknown = vector (d, m), by Cramer's rule; infinite or NaN where singular."""
    with np.errstate(divide="ignore", invalid="ignore"):
        if len(vector) == 2:
            (a, b), (c, e) = (matrix[:, 0, 0], matrix[:, 0, 1]), (matrix[:, 1, 0], matrix[:, 1, 1])
            determinant = a * e - b * c
            return np.stack([e * vector[0] - b * vector[1], a * vector[1] - c * vector[0]]) / determinant
        first, second, third = (matrix[:, :, k] for k in range(3))
        v = vector.T
        determinant = np.einsum("mi,mi->m", first, np.cross(second, third))
        rows = ((v, second, third), (first, v, third), (first, second, v))
        return np.stack([np.einsum("mi,mi->m", p, np.cross(q, r)) for p, q, r in rows]) / determinant


def _assemble(grid: Grid, walls: tuple[Wall, ...], batches: list[Jumps], counts: dict[str, int]) -> Walk:
    """Join the batches, wrap periodic sides, drop jumps through reflecting walls and count absorbed ones as killing."""
    from fpsim.kernels.assembly import cut_rates

    cells, offset, scale, mid, end = (
        np.concatenate([getattr(b, name) for b in batches]) for name in ("cells", "offset", "scale", "mid", "end")
    )
    shape = np.array(grid.shape)
    place = np.stack(np.unravel_index(cells, grid.shape), axis=1)
    reached = place + offset
    fraction = np.full(cells.size, np.inf)
    absorbed = np.zeros(cells.size, dtype=bool)
    for k, wall in enumerate(walls):
        if wall[0] == "periodic":
            reached[:, k] %= shape[k]
            continue
        length = np.maximum(np.abs(offset[:, k]), 1)
        for side, outside in enumerate((reached[:, k] < 0, reached[:, k] >= shape[k])):
            distance = (place[:, k] + 0.5 if side == 0 else shape[k] - place[:, k] - 0.5) / length
            nearer = outside & (distance < fraction)
            fraction[nearer] = distance[nearer]
            absorbed[nearer] = wall[side] == "absorbing"
    leaves = np.isfinite(fraction)
    killing = np.zeros(grid.size)
    out = leaves & absorbed
    np.add.at(killing, cells[out], cut_rates(scale[out], mid[out], end[out], fraction[out]))
    long = leaves & ~absorbed & (np.abs(offset).sum(axis=1) > 1)
    counts["boundary"] = int(np.unique(cells[long]).size)
    stay = ~leaves & (scale > 0)
    target = np.ravel_multi_index(tuple(reached[stay].T), grid.shape).astype(np.int64)
    walk = Walk(grid, walls, cells[stay], target, offset[stay], scale[stay], mid[stay], end[stay], killing, counts)
    return _connected(walk) if counts["boundary"] else walk


def _connected(walk: Walk) -> Walk:
    """The walk with plain steps to nearest neighbours out of cells that dropped offsets have shut in (in corners)."""
    from scipy.sparse.csgraph import connected_components

    grid, n = walk.grid, walk.grid.size
    _, parts = connected_components(walk.rates, connection="strong")
    main = np.bincount(parts).argmax()
    shut = np.flatnonzero(parts != main)
    counts = {**walk.counts, "nearest_neighbours": walk.counts["nearest_neighbours"] + shut.size}
    if shut.size == 0:
        return walk
    place = np.stack(np.unravel_index(shut, grid.shape), axis=1)
    speed = np.bincount(walk.source, walk.scale, minlength=n).max()
    sources, targets, offsets = [walk.source], [walk.target], [walk.offset]
    for k in range(grid.dimension):
        for sign in (1, -1):
            step = np.zeros(grid.dimension, dtype=np.int64)
            step[k] = sign
            reached = place + step
            inside = (reached[:, k] >= 0) & (reached[:, k] < grid.shape[k])
            sources.append(shut[inside])
            targets.append(np.ravel_multi_index(tuple(reached[inside].T), grid.shape).astype(np.int64))
            offsets.append(np.repeat(step[None], int(inside.sum()), axis=0))
    source = np.concatenate(sources)
    flat = np.zeros(source.size - walk.source.size)
    return replace(
        walk,
        source=source,
        target=np.concatenate(targets),
        offset=np.concatenate(offsets),
        scale=np.concatenate([walk.scale, flat + speed / 10]),
        mid=np.concatenate([walk.mid, flat]),
        end=np.concatenate([walk.end, flat]),
        counts=counts,
    )
