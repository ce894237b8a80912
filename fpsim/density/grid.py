"""Uniform cells on a box, in one to three dimensions.

    x_i = low + (i + 1/2) h,      h = (high - low) / cells        along every axis

Densities live on the cell centres ("nodes") as probability per volume; walls are cell faces.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fpsim.memory import require_memory

if TYPE_CHECKING:
    import xarray

    from fpsim.storage import Column

Array = NDArray[np.float64]
Axis = tuple[float, float, int]
AXIS_NAMES = ("x", "y", "z")


FEWEST_FLOATS = 16  # within a cell, at the ends of an axis
BYTES_PER_CELL = {1: 200, 2: 400, 3: 1200}
"""What rates and fields take on a grid, by dimension, without any factorisation."""


@dataclass(frozen=True)
class Grid:
    """A box cut into equal cells: ``Grid((-3, 3, 400))``, ``Grid((-3, 3, 200), (-2, 2, 100))``.

    Args:
        axes: one ``(low, high, cells)`` per dimension, one to three of them.

    Raises:
        ValueError: for bounds out of order, fewer than 4 cells or more than three dimensions.
    """

    axes: tuple[Axis, ...]
    dims: tuple[str, ...] = field(compare=False, repr=False)
    """Names of the axes in results: x, y, z; x, v for motion with inertia."""

    def __init__(self, *axes: Sequence[float]) -> None:
        if not 1 <= len(axes) <= 3:
            raise ValueError(f"a Grid has one to three (low, high, cells); got {len(axes)}")
        checked: list[Axis] = []
        for axis in axes:
            if np.ndim(axis) != 1 or len(axis) != 3:
                raise ValueError(f"each axis of a Grid is (low, high, cells); got {axis!r}")
            low, high, cells = float(axis[0]), float(axis[1]), int(axis[2])
            if not (math.isfinite(low) and math.isfinite(high) and low < high and cells == axis[2] and cells >= 4):
                raise ValueError(f"an axis needs finite low < high and a whole number of cells >= 4; got {tuple(axis)}")
            if not (high - low) / cells > FEWEST_FLOATS * np.spacing(max(abs(low), abs(high))):
                raise ValueError(
                    f"the cells of an axis from {low:.6g} to {high:.6g} are {(high - low) / cells:.2g} wide, which "
                    "floats cannot tell apart there; take a wider box (under more noise) or fewer cells"
                )
            checked.append((low, high, cells))
        object.__setattr__(self, "axes", tuple(checked))
        object.__setattr__(self, "dims", AXIS_NAMES[: len(checked)])
        size = BYTES_PER_CELL[self.dimension] * self.size
        require_memory(size, f"a grid of {' x '.join(map(str, self.shape))} cells", "use fewer cells")

    @property
    def dimension(self) -> int:
        """Number of axes d."""
        return len(self.axes)

    @property
    def shape(self) -> tuple[int, ...]:
        """Cells along each axis."""
        return tuple(cells for _, _, cells in self.axes)

    @property
    def size(self) -> int:
        """Number of cells in all."""
        return math.prod(self.shape)

    @property
    def spacing(self) -> Array:
        """Cell widths, shape (d,)."""
        return np.asarray([(high - low) / cells for low, high, cells in self.axes], dtype=np.float64)

    @property
    def low(self) -> Array:
        """Lower corner, shape (d,)."""
        return np.array([low for low, _, _ in self.axes])

    @cached_property
    def volume(self) -> float:
        """Volume of one cell."""
        return math.prod(self.spacing.tolist())

    def centers(self, axis: int = 0) -> Array:
        """Cell centres along one axis, shape (cells,)."""
        low, high, cells = self.axes[axis]
        return np.asarray(low + (np.arange(cells) + 0.5) * ((high - low) / cells), dtype=np.float64)

    @cached_property
    def points(self) -> Array:
        """All cell centres, shape (d, size), last axis fastest."""
        require_memory(16 * self.dimension * self.size, f"{self.size:.6g} cells", "use fewer cells")
        mesh = np.meshgrid(*(self.centers(k) for k in range(self.dimension)), indexing="ij")
        return np.stack([m.ravel() for m in mesh])

    def named(self, *dims: str) -> Grid:
        """The same with other names of the axes."""
        other = Grid(*self.axes)
        object.__setattr__(other, "dims", dims)
        return other

    @cached_property
    def coordinates(self) -> dict[str, Column]:
        """The axes as :func:`fpsim.storage.dataset` wants them."""
        from fpsim.storage import column

        return {
            name: column(name, name, self.centers(k), "", f"coordinate {name} (cell centres)")
            for k, name in enumerate(self.dims)
        }

    def refined(self, factor: float) -> Grid:
        """The same box with ``factor`` times the cells along every axis (rounded to whole cells)."""
        return Grid(*((low, high, max(4, round(cells * factor))) for low, high, cells in self.axes)).named(*self.dims)

    def as_point(self, point: ArrayLike) -> Array:
        """A number or sequence as a point (d,) inside the box.

        Raises:
            ValueError: for a wrong length or a point outside.
        """
        x = np.atleast_1d(np.asarray(point, dtype=float))
        if x.shape != (self.dimension,):
            raise ValueError(f"a point of this grid has {self.dimension} coordinates; got {point!r}")
        for k, (low, high, _) in enumerate(self.axes):
            if not low <= x[k] <= high:
                raise ValueError(
                    f"the point {x.tolist()} lies outside the grid, whose axis {k} spans [{low:g}, {high:g}]"
                )
        return x

    def weights(self, point: ArrayLike, order: int = 3) -> tuple[NDArray[np.int64], Array]:
        """Nodes and Lagrange weights: ``sum(w * field[nodes])`` interpolates at ``point`` with degree ``order``."""
        x = self.as_point(point)
        nodes, weights = np.zeros(1, dtype=np.int64), np.ones(1)
        for k, (low, _, cells) in enumerate(self.axes):
            place = (x[k] - low) / self.spacing[k] - 0.5
            nearest = round(place)
            if abs(place - nearest) < 1e-9 and 0 <= nearest < cells:
                stencil, w = np.array([nearest]), np.ones(1)
            else:
                first = min(max(math.floor(place) - (order - 1) // 2, 0), cells - order - 1)
                stencil = np.arange(first, first + order + 1)
                w = np.array([np.prod([(place - o) / (s - o) for o in stencil if o != s]) for s in stencil])
            nodes = (nodes[:, None] * cells + stencil).ravel()
            weights = (weights[:, None] * w).ravel()
        return nodes, weights

    def at(self, field: ArrayLike, point: ArrayLike) -> float:
        """A field on the nodes, interpolated (cubic) at ``point``."""
        nodes, weights = self.weights(point)
        return float(np.asarray(field, dtype=float).ravel()[nodes] @ weights)

    def density(self, source: Any) -> Array:
        """A density per volume, shape ``grid.shape``, mass one, from an array, a function of x (d, ...) or a point.

        A point becomes a unit mass shared linearly among the nearest nodes.

        Raises:
            ValueError: for a wrong shape, negative or non-finite values, or no mass.
        """
        if callable(source):
            values = np.asarray(source(self.points), dtype=float)
        elif np.shape(source) == self.shape or np.shape(source) == (self.size,):
            values = np.array(source, dtype=float)
        elif np.ndim(source) <= 1:
            nodes, weights = self.weights(source, order=1)
            values = np.zeros(self.size)
            values[nodes] = np.maximum(weights, 0.0)
        else:
            raise ValueError(
                f"a density is an array of shape {self.shape}, a function of x with shape (d, ...) or a point; "
                f"got an array of shape {np.shape(source)}"
            )
        if values.size != self.size or not np.isfinite(values).all() or (values < 0).any():
            raise ValueError("a density must be finite and non-negative on every cell of the grid")
        mass = values.sum() * self.volume
        if not mass > 0:
            raise ValueError("the density has no mass on this grid; does its support lie inside the box?")
        return np.asarray(values.reshape(self.shape) / mass)

    def dataset(self, entries: dict[str, tuple[Any, str, str]], **facts: Any) -> xarray.Dataset:
        """Fields ``name -> (values, units, long_name)`` on this grid as a dataset, ``facts`` as its attributes."""
        from fpsim.storage import dataset

        shaped = {
            name: (self.dims, np.asarray(values).reshape(self.shape), units, long_name)
            for name, (values, units, long_name) in entries.items()
        }
        return dataset(shaped, self.coordinates, grid=str(self), **facts)

    def __str__(self) -> str:
        return " x ".join(f"[{low:g}, {high:g}]/{cells}" for low, high, cells in self.axes)


def require_inside(sde: Any, grid: Grid) -> None:
    """Refuse a grid that reaches out of the set on which the landscape's formula is defined.

    Raises:
        ValueError: for such a grid.
    """
    domain = getattr(getattr(sde, "landscape", None), "domain", None)
    if domain is None or domain.is_everywhere:
        return
    middle = np.array([(low + high) / 2 for low, high, _ in grid.axes])
    inside = domain.contains(grid.points)
    if inside.all() and grid.dimension == 1:
        (low, high, _), (edge_low, edge_high) = grid.axes[0], domain.interval(middle)[0]
        slack = 1e-9 * (high - low)
        inside[[0, -1]] = low >= edge_low - slack, high <= edge_high + slack
    if inside.all():
        inside = domain.same_piece(grid.points, grid.points[:, 0])
    if not inside.all():
        needs = " and ".join([f"{u} > 0" for u in domain.positive] + [f"{v} != 0" for v in domain.nonzero])
        raise ValueError(
            f"the grid {grid} reaches out of the landscape's domain ({needs}), as at {grid.points[:, ~inside][:, 0]}; "
            "choose a box inside it"
        )
