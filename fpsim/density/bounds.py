"""Where a grid has to reach: all wells outside the target, down to tails that no longer matter.

    keep x where log p(x) > min(max log p - 30, log p_bottleneck - 20)

p is the stationary density outside the target and the bottleneck the lowest point of the best way from the start to
the target, so that the tails cut away carry below 1e-12 of the mass and below 1e-8 of the flux.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fpsim.grid import Grid
from fpsim.targets import Ball, HalfSpace, Point, Target, as_target

Array = NDArray[np.float64]
Box = tuple[tuple[float, float], ...]
COARSE = {1: 400, 2: 60, 3: 24}
DEFAULT_CELLS = {1: 1000, 2: 200, 3: 48}
TAIL, FLUX_TAIL = 30.0, 20.0  # e^-30 of the largest density, e^-20 of the bottleneck's
ROUNDS = 60
FEWEST_CELLS = 16


def automatic_grid(sde: Any, start: ArrayLike, target: Any = None, cells: int | None = None) -> Grid:
    """A grid of about ``cells`` cells per axis around the wells of ``sde``.

    A cell centre lies on ``start``; in 1-D a cell face lies on the target, and nothing far beyond it is kept.

    Raises:
        ValueError: if the landscape does not confine, or the target is not found.
    """
    if sde.dimension > 3:
        raise ValueError(f"grids serve one to three dimensions; this problem has {sde.dimension} (use paths)")
    if cells is not None:
        require_cells(cells, FEWEST_CELLS)
    point = np.atleast_1d(np.asarray(start, dtype=float))
    goal = None if target is None else as_target(target, point)
    return fitted_grid(needed_box(sde, point, goal), point, goal, cells or DEFAULT_CELLS[sde.dimension])


def require_cells(cells: Any, fewest: int) -> None:
    """A whole number of at least ``fewest`` cells per axis, or ``ValueError``."""
    if isinstance(cells, bool) or not isinstance(cells, int | np.integer) or cells < fewest:
        raise ValueError(f"cells per axis must be a whole number of at least {fewest}; got {cells!r}")


def fitted_grid(box: Box, start: Array, target: Target | None, cells: int) -> Grid:
    """About ``cells`` cells per axis over ``box``, a centre on ``start`` and (1-D) a face on the target."""
    axes = []
    for k, (low, high) in enumerate(box):
        h = (high - low) / cells
        if isinstance(target, Point):
            gap = abs(target.value - start[0])
            h = gap / (max(round(gap / h - 0.5), 1) + 0.5)
        below = max(math.ceil((start[k] - low) / h - 0.5 - 1e-9), 0)
        above = max(math.ceil((high - start[k]) / h - 0.5 - 1e-9), 0)
        axes.append((start[k] - (below + 0.5) * h, start[k] + (above + 0.5) * h, max(below + above + 1, 4)))
    return Grid(*axes)


def needed_box(sde: Any, start: Array, target: Target | None) -> Box:
    """The smallest box that matters, found on a coarse grid that grows and shrinks.

    Raises:
        ValueError: if it keeps growing: the landscape does not confine there.
    """
    box = _first_box(sde, start, target)
    for _ in range(ROUNDS):
        grid = Grid(*((low, high, COARSE[sde.dimension]) for low, high in box))
        needed = _needed_cells(sde, grid, start, target)
        following = []
        settled = True
        for k, (low, high) in enumerate(box):
            along = np.flatnonzero(needed.any(axis=tuple(j for j in range(grid.dimension) if j != k)))
            h, first, last = grid.spacing[k], along[0], along[-1]
            width = high - low
            new_low = low - width / 4 if first == 0 else low + max(first - 2, 0) * h
            new_high = high + width / 4 if last == grid.shape[k] - 1 else low + min(last + 3, grid.shape[k]) * h
            settled &= first > 0 and last < grid.shape[k] - 1 and new_high - new_low > 0.8 * width
            following.append((new_low, new_high))
        box = tuple(following)
        if settled:
            return box
    raise ValueError(
        f"no finite box holds the density: after {ROUNDS} rounds the box was {_words(box)} and its tails still "
        "count (the landscape does not confine on the far side, so the time is infinite); choose another target or "
        "give a Grid"
    )


def _first_box(sde: Any, start: Array, target: Target | None) -> Box:
    """The landscape's own box, or one around start and target."""
    points = [start]
    if isinstance(target, Point):
        points.append(np.array([target.value]))
    elif isinstance(target, Ball):
        points += [np.asarray(target.center) - target.radius, np.asarray(target.center) + target.radius]
    elif isinstance(target, HalfSpace):
        normal = np.asarray(target.normal)
        points.append(start + normal * (target.offset - normal @ start))
    bounds = getattr(sde.landscape, "bounds", None)
    if bounds is not None:
        points += [np.array([low for low, _ in bounds]), np.array([high for _, high in bounds])]
    low, high = np.min(points, axis=0), np.max(points, axis=0)
    size = float(np.max(high - low)) or 1.0
    margin = 0.05 * size if bounds is not None else 0.3 * size
    return tuple((float(a - margin), float(b + margin)) for a, b in zip(low, high, strict=True))


def _needed_cells(sde: Any, grid: Grid, start: Array, target: Target | None) -> NDArray[np.bool_]:
    """Cells of a coarse grid that matter, as an array of the grid's shape."""
    logs = _log_density(sde, grid)
    home = np.zeros(grid.size, dtype=bool)
    home[np.argmin(np.abs(grid.points - start[:, None]).sum(axis=0))] = True
    if target is None:
        return np.asarray((home | (logs > logs.max() - TAIL)).reshape(grid.shape))
    inside = np.asarray(target.level(grid.points)) >= 0
    inside[home] = False
    if not inside.any():
        # not in the box yet: ask for more room on every side
        return np.ones(grid.shape, dtype=bool)
    outside = np.where(inside, -np.inf, logs)
    level = min(outside.max() - TAIL, _bottleneck(logs.reshape(grid.shape), home, inside) - FLUX_TAIL)
    edge = inside.reshape(grid.shape) & _grown(~inside.reshape(grid.shape))
    needed = (outside > level).reshape(grid.shape)
    return np.asarray(needed | (edge & _grown(needed)) | home.reshape(grid.shape))


def _grown(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    from scipy.ndimage import binary_dilation

    return np.asarray(binary_dilation(mask))


def _log_density(sde: Any, grid: Grid) -> Array:
    """Log of the stationary masses on a coarse grid, shape (n,)."""
    from fpsim.fokker_planck import FokkerPlanck

    coarse = FokkerPlanck(sde, grid)
    balance = coarse._balance
    if balance is not None:
        return balance
    masses = np.asarray(coarse.stationary()["density"]).ravel()
    return np.asarray(np.log(np.maximum(masses, 1e-300)))


def _bottleneck(logs: Array, home: NDArray[np.bool_], inside: NDArray[np.bool_]) -> float:
    """Highest level at which the start's cell is joined to the target, by bisection on connected regions."""
    from scipy.ndimage import label

    start, goal = home.reshape(logs.shape), inside.reshape(logs.shape)
    low, high = float(logs.min()), float(logs.max())
    for _ in range(40):
        middle = (low + high) / 2
        regions, _ = label(start | goal | (logs >= middle))
        if np.isin(regions[goal], regions[start]).any():
            low = middle
        else:
            high = middle
    return low


def _words(box: Box) -> str:
    return " x ".join(f"[{low:g}, {high:g}]" for low, high in box)
