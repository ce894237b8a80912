"""The cells of a problem: about as many as wanted over the box that it needs, fitted to start, target and walls."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fpsim.density.bounds import needed_box
from fpsim.density.grid import Grid
from fpsim.density.space import Box, Space
from fpsim.sde.sde import require_sde
from fpsim.targets import Target, as_target

Array = NDArray[np.float64]
DEFAULT_CELLS = {1: 1000, 2: 200, 3: 48}
"""Per axis, by dimension."""
FEWEST_CELLS = 16
"""Per axis."""


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
    require_sde(sde, "automatic_grid")
    point = np.atleast_1d(np.asarray(sde.started(start), dtype=float))
    goal = None if target is None else as_target(target, point)
    space = Space.of(sde, point)
    box = needed_box(sde, point, goal, space)
    return fitted_grid(box, point, goal, cells or DEFAULT_CELLS[sde.dimension], space.fixed(box))


def require_cells(cells: Any, fewest: int) -> int:
    """A whole number of at least ``fewest`` cells per axis, or ``ValueError``."""
    if isinstance(cells, bool) or not isinstance(cells, int | np.integer) or cells < fewest:
        raise ValueError(f"cells per axis must be a whole number of at least {fewest}; got {cells!r}")
    return int(cells)


def fitted_grid(
    box: Box, start: Array, target: Target | None, cells: int, fixed: tuple[tuple[bool, bool], ...] = ()
) -> Grid:
    """About ``cells`` cells per axis over ``box``: a centre on ``start`` and (1-D) a face on the target.

    Ends that are ``fixed`` (walls, edges of the domain) keep their place instead; a face is on the target still.
    """
    axes, edge = [], None if target is None else target.edge(start)
    for k, (low, high) in enumerate(box):
        h = (high - low) / cells
        ends = fixed[k] if fixed else (False, False)
        if any(ends):
            if edge is not None and not all(ends) and low < edge < high:
                anchor = low if ends[0] else high
                way = abs(edge - anchor)
                h = way / max(math.floor(way / h + 1e-6), 4)
                count = math.ceil((high - low) / h - 1e-6) + 1
                low, high = (low, low + count * h) if ends[0] else (high - count * h, high)
                axes.append((low, high, count))
            else:
                axes.append((low, high, cells))
            continue
        if edge is not None:
            gap = abs(edge - start[0])
            h = gap / (max(math.floor(gap / h + 1e-6), 1) + 0.5)
        below = max(math.ceil((start[k] - low) / h - 0.5 - 1e-6), 0)
        above = max(math.ceil((high - start[k]) / h - 0.5 - 1e-6), 0)
        axes.append((start[k] - (below + 0.5) * h, start[k] + (above + 0.5) * h, max(below + above + 1, 4)))
    return Grid(*axes)
