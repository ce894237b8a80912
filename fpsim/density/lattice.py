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

from fpsim.density.edges import Edges, Indices, joined
from fpsim.density.grid import Grid
from fpsim.density.walk import Rim, Walk, Wall

Array = NDArray[np.float64]
REACH = 40  # longest offset in cells; beyond it the noise across is thickened
CHUNK = 40_000  # nodes per batch, to bound memory
GAUSS = ((0.5 - np.sqrt(1 / 12), 0.5), (0.5 + np.sqrt(1 / 12), 0.5))


@dataclass(frozen=True)
class Box:
    """The walls around a grid, as edges out of its cells meet them."""

    grid: Grid
    walls: tuple[Wall, ...]

    def reach(self, cells: Indices, offset: Indices) -> Array:
        """Fraction of each edge (m,) that lies inside the walls: 1 for edges that end in a cell."""
        place = np.stack(np.unravel_index(cells, self.grid.shape), axis=1)
        out = np.ones(cells.size)
        for k, (shape, wall) in enumerate(zip(self.grid.shape, self.walls, strict=True)):
            if wall[0] != "periodic":
                steps = offset[:, k]
                room = np.where(steps < 0, place[:, k] + 0.5, shape - place[:, k] - 0.5)
                out = np.minimum(out, room / np.maximum(np.abs(steps), 0.25))
        return out


def lattice_walk(sde: Any, grid: Grid, walls: tuple[Wall, ...]) -> Walk:
    """The fitted walk of an SDE in two or three dimensions.

    Raises:
        ValueError: where drift or diffusion are not finite, or the diffusion is not positive semi-definite.
    """
    constant = bool(sde.noise.is_constant)
    diagonal = sde.structure != "full" or (constant and _is_diagonal(sde.diffusion(grid.points[:, :1])[..., 0]))
    counts: dict[str, int] = {"upwind": 0, "thickened": 0, "nearest_neighbours": 0}
    batches: list[Edges] = []
    box = Box(grid, walls)
    for first in range(0, grid.size, CHUNK):
        cells = np.arange(first, min(first + CHUNK, grid.size))
        x = grid.points[:, cells]
        tensor = np.asarray(sde.diffusion(x), dtype=float)
        drift = np.asarray(sde.drift(x), dtype=float)
        _check(x, drift, tensor)
        if diagonal:
            batches += _axis_edges(sde, box, cells, x, tensor, counts)
        else:
            batches += _tensor_edges(sde, box, cells, x, tensor, counts)
    return _assemble(sde, grid, walls, joined(batches), counts)


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


def _axis_edges(sde: Any, box: Box, cells: Indices, x: Array, tensor: Array, counts: dict[str, int]) -> Iterator[Edges]:
    """Edges along the axes, for a diagonal tensor."""
    upwind = np.zeros(cells.size, dtype=bool)
    for k in range(box.grid.dimension):
        h, variance = box.grid.spacing[k], tensor[k, k]
        noisy = variance > 1e-14 * np.max(np.abs(np.diagonal(tensor)), axis=-1, initial=0.0)
        for sign in (1, -1):
            offset = np.zeros((cells.size, box.grid.dimension), dtype=np.int64)
            offset[:, k] = sign
            reach = box.reach(cells, offset)
            mid, end = _straightened(*_axis_potential(sde, x, k, sign * h * reach, variance), reach)
            fitted = noisy & np.isfinite(mid) & np.isfinite(end)
            upwind |= ~fitted & (reach == 1)
            wind = None if fitted.all() else np.where(fitted, 0.0, _wind(sde, x, k, sign * h, reach))
            scale = np.where(fitted, variance / h**2, 0.0)
            yield Edges(cells, offset, scale, np.where(fitted, mid, 0.0), np.where(fitted, end, 0.0), wind)
    counts["upwind"] += int(upwind.sum())


def _straightened(mid: Array, end: Array, reach: Array) -> tuple[Array, Array]:
    """Potentials of whole edges; straight along those known only as far as a wall."""
    cut = reach < 1
    return np.where(cut, end / reach / 2, mid), np.where(cut, end / reach, end)


def _wind(sde: Any, x: Array, axis: int, step: float, reach: Array) -> Array:
    """Drift along an edge over its length, at its middle (or at the wall), shape (n,)."""
    return np.asarray(sde.drift(_moved(x, axis, step * np.minimum(reach, 0.5)))[axis] / step, dtype=float)


def _axis_potential(sde: Any, x: Array, axis: int, step: Array, variance: Array) -> tuple[Array, Array]:
    """Potential at half and full distance ``step`` (n,) along ``axis`` relative to ``x``, each (n,)."""
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


def _moved(x: Array, axis: int, distance: Array | float) -> Array:
    out = x.copy()
    out[axis] += distance
    return out


def _tensor_edges(
    sde: Any, box: Box, cells: Indices, x: Array, tensor: Array, counts: dict[str, int]
) -> Iterator[Edges]:
    """Edges along Selling's directions, for a full tensor; plain drift along the axes where D is singular."""
    from fpsim.kernels.assembly import split_tensors

    d, h = box.grid.dimension, box.grid.spacing
    scaled = np.ascontiguousarray(np.moveaxis(tensor / h[:, None, None] / h[None, :, None], -1, 0))
    values = np.linalg.eigvalsh(scaled)
    singular = values[:, 0] <= 1e-10 * values[:, -1]
    offsets, weights, clipped = split_tensors(scaled, REACH)
    counts["upwind"] += int(singular.sum())
    counts["thickened"] += int(clipped.sum())
    used_tensors = None
    if clipped.any():  # drift and noise have to run along the same edges
        parts = np.einsum("nm,nma,nmb->nab", weights[clipped], offsets[clipped], offsets[clipped])
        used_tensors = np.full((cells.size, d, d), np.nan)
        used_tensors[clipped] = parts * h[:, None] * h[None, :]
    for slot in range(offsets.shape[1]):
        for sign in (1, -1):
            used = weights[:, slot] > 1e-13 * values[:, -1]
            offset = sign * offsets[used, slot]
            reach = box.reach(cells[used], offset)
            thick = None if used_tensors is None else used_tensors[used]
            mid, end = _straightened(*_edge_potential(sde, x[:, used], (offset * h).T * reach, thick), reach)
            flat = singular[used] | ~np.isfinite(mid) | ~np.isfinite(end)
            yield Edges(cells[used], offset, weights[used, slot], np.where(flat, 0.0, mid), np.where(flat, 0.0, end))
    for k in range(d if singular.any() else 0):
        for sign in (1, -1):
            offset = np.zeros((int(singular.sum()), d), dtype=np.int64)
            offset[:, k] = sign
            wind = _wind(sde, x[:, singular], k, sign * h[k], box.reach(cells[singular], offset))
            yield Edges(cells[singular], offset, 0 * wind, 0 * wind, 0 * wind, wind)


def _edge_potential(sde: Any, x: Array, step: Array, thick: Array | None) -> tuple[Array, Array]:
    """-int v . step at half and full length of ``step`` (d, m) from ``x`` (d, m), v = D^-1 b, each (m,).

    ``thick`` (m, d, d) takes the place of D where it is finite.
    """
    parts = []
    for half in (0, 1):
        total = np.zeros(x.shape[1])
        for place, weight in GAUSS:
            y = x + step * (half + place) / 2
            matrix = np.moveaxis(np.asarray(sde.diffusion(y), dtype=float), -1, 0)
            if thick is not None:
                matrix = np.where(np.isfinite(thick), thick, matrix)
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


def _assemble(sde: Any, grid: Grid, walls: tuple[Wall, ...], edges: Edges, counts: dict[str, int]) -> Walk:
    """Wrap periodic sides and keep the edges that end at a wall apart."""
    inner = np.ones(edges.source.size, dtype=bool)
    reached = np.stack(np.unravel_index(edges.source, grid.shape), axis=1) + edges.offset
    if sde.inertia is not None:
        reached = _turned(grid, walls, reached)
    for k, (shape, wall) in enumerate(zip(grid.shape, walls, strict=True)):
        if wall[0] == "periodic":
            reached[:, k] %= shape
        else:
            inner &= (reached[:, k] >= 0) & (reached[:, k] < shape)
    rim = _rim(grid, walls, edges.take(~inner))
    long = ~rim.absorbing & (np.abs(rim.edges.offset).sum(axis=1) > 1)
    counts["boundary"] = int(np.unique(rim.edges.source[long]).size)
    inner &= (edges.scale > 0) | (False if edges.wind is None else edges.wind != 0)
    target = np.ravel_multi_index(tuple(reached[inner].T), grid.shape).astype(np.int64)
    walk = Walk(grid, walls, edges.take(inner), target, rim, counts)
    return _connected(sde, walk) if counts["boundary"] else walk


def _turned(grid: Grid, walls: tuple[Wall, ...], reached: Indices) -> Indices:
    """Ends (m, 2) of edges in (x, v), of which those beyond a reflecting wall of x come back with their v turned round.

    Raises:
        ValueError: for a grid whose velocities are not symmetric.
    """
    low, high, speeds = grid.axes[1]
    if "reflecting" in walls[0] and not np.isclose(low, -high, rtol=1e-12):
        raise ValueError(
            f"a reflecting wall turns velocities round, so that a grid of (x, v) has velocities (-s, s, cells); got "
            f"({low:g}, {high:g}, {speeds})"
        )
    out = reached.copy()
    for wall, beyond, last in zip(walls[0], (-1, grid.shape[0]), (0, grid.shape[0] - 1), strict=True):
        if wall == "reflecting":
            met = reached[:, 0] == beyond
            out[met] = np.stack([np.full(int(met.sum()), last), speeds - 1 - reached[met, 1]], axis=1)
    return out


def _rim(grid: Grid, walls: tuple[Wall, ...], edges: Edges) -> Rim:
    """The edges that end at a wall, with the wall that each meets first."""
    place = np.stack(np.unravel_index(edges.source, grid.shape), axis=1)
    fraction = np.full(edges.source.size, np.inf)
    absorbing = np.zeros(edges.source.size, dtype=bool)
    for k, (shape, wall) in enumerate(zip(grid.shape, walls, strict=True)):
        if wall[0] == "periodic":
            continue
        steps = edges.offset[:, k]
        for side, outside in enumerate((place[:, k] + steps < 0, place[:, k] + steps >= shape)):
            room = (place[:, k] + 0.5 if side == 0 else shape - place[:, k] - 0.5) / np.maximum(np.abs(steps), 1)
            nearer = outside & (room < fraction)
            fraction[nearer] = room[nearer]
            absorbing[nearer] = wall[side] == "absorbing"
    return Rim(edges, fraction, absorbing)


def _connected(sde: Any, walk: Walk) -> Walk:
    """The walk with steps between nearest neighbours for cells that dropped offsets have shut in (in corners)."""
    from scipy.sparse.csgraph import connected_components

    grid, n = walk.grid, walk.grid.size
    _, parts = connected_components(walk.rates, connection="strong")
    main = np.bincount(parts).argmax()
    shut = np.flatnonzero(parts != main)
    counts = {**walk.counts, "nearest_neighbours": walk.counts["nearest_neighbours"] + shut.size}
    if shut.size == 0:
        return walk
    place = np.stack(np.unravel_index(shut, grid.shape), axis=1)
    speed = np.bincount(walk.source, walk.edges.scale, minlength=n).max() / 10
    targets, more = [walk.target], [walk.edges]
    for k in range(grid.dimension):
        for sign in (1, -1):
            step = np.zeros(grid.dimension, dtype=np.int64)
            step[k] = sign
            reached = place + step
            inside = (reached[:, k] >= 0) & (reached[:, k] < grid.shape[k])
            near, far = shut[inside], np.ravel_multi_index(tuple(reached[inside].T), grid.shape).astype(np.int64)
            offset, scale = np.repeat(step[None], near.size, axis=0), np.full(near.size, speed)
            mid, end = _edge_potential(sde, grid.points[:, near], (offset * grid.spacing).T, None)
            mid, end = np.nan_to_num(mid), np.nan_to_num(end)
            # both ways, so that detailed balance survives
            more += [Edges(near, offset, scale, mid, end), Edges(far, -offset, scale, mid - end, -end)]
            targets += [far, near]
    return replace(walk, edges=joined(more), target=np.concatenate(targets), counts=counts)
