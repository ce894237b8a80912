"""A continuous-time walk on grid cells: the discrete form of the backward operator, and its transpose, the generator.

    (A f)_i = sum_j rate_ij (f_j - f_i) - killing_i f_i,        d p / dt = A^T p

Every row of A sums to minus its killing, so that mass is exact.  Fitted rates are >= 0, and positivity is exact with
them; rates of a guided walk (see ``edges``) are second order for drifts that are no gradients, and may be negative.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fpsim.density.edges import Edges
from fpsim.density.grid import Grid

Array = NDArray[np.float64]
Indices = NDArray[np.int64]
Wall = tuple[str, str]
WORDS = ("reflecting", "absorbing", "periodic")


def as_walls(boundary: Any, dimension: int) -> tuple[Wall, ...]:
    """One word, or one (low, high) pair of words per dimension, as a pair per dimension.

    Raises:
        ValueError: for unknown words, a wrong number of pairs, or one periodic side facing another kind.
    """
    if isinstance(boundary, str):
        walls: tuple[Wall, ...] = ((boundary, boundary),) * dimension
    else:
        pairs = (tuple(boundary),) if dimension == 1 and all(isinstance(b, str) for b in boundary) else tuple(boundary)
        walls = tuple((pair, pair) if isinstance(pair, str) else tuple(pair) for pair in pairs)
    known = all(len(pair) == 2 and pair[0] in WORDS and pair[1] in WORDS for pair in walls)
    if len(walls) != dimension or not known:
        raise ValueError(
            f"boundary is one of {list(WORDS)} or one (low, high) pair of them per dimension ({dimension}); "
            f"got {boundary!r}"
        )
    for low, high in walls:
        if (low == "periodic") != (high == "periodic"):
            raise ValueError(f"an axis is periodic on both sides or on neither; got ({low!r}, {high!r})")
    return walls


@dataclass(frozen=True)
class Rim:
    """Edges that end at a wall.

    Attributes:
        edges: the edges, their potentials straight up to the wall.
        fraction: where along each the wall is, shape (m,).
        absorbing: whether that wall absorbs, shape (m,).
    """

    edges: Edges
    fraction: Array
    absorbing: NDArray[np.bool_]


@dataclass(frozen=True)
class Walk:
    """Jump rates between cells, edge by edge.

    Attributes:
        grid: the cells.
        walls: (low, high) boundary words per dimension.
        edges: what gives the rate of each directed edge, m of them.
        target: cells that the edges lead to, shape (m,).
        rim: the edges that end at a wall.
        counts: cells in which the stencil fell back to a lower order, by reason.
        bottoms: cells at the bottoms of the valleys, where the rates would not show them.
    """

    grid: Grid
    walls: tuple[Wall, ...]
    edges: Edges
    target: Indices
    rim: Rim
    counts: dict[str, int] = field(default_factory=dict)
    bottoms: Indices | None = None

    def bottoms_in(self, keep: NDArray[np.bool_]) -> Indices | None:
        """The bottoms among the cells that are kept, in their numbering."""
        if self.bottoms is None or not keep[self.bottoms].any():
            return None
        return np.asarray((np.cumsum(keep) - 1)[self.bottoms[keep[self.bottoms]]], dtype=np.int64)

    @property
    def source(self) -> Indices:
        """Cells that the edges leave, shape (m,)."""
        return self.edges.source

    @property
    def offset(self) -> Indices:
        """The edges in whole cells, shape (m, d)."""
        return self.edges.offset

    @property
    def is_fitted(self) -> bool:
        """Whether all rates are >= 0 by construction."""
        return self.edges.rise is None

    @cached_property
    def rate(self) -> Array:
        """Rate of each edge, shape (m,)."""
        return self.edges.rates()

    @cached_property
    def killing(self) -> Array:
        """Rate at which each cell loses mass through absorbing walls, shape (n,)."""
        rim, n = self.rim, self.grid.size
        if not rim.absorbing.any():
            return np.zeros(n)
        out = rim.edges.take(rim.absorbing)
        return np.asarray(np.bincount(out.source, out.rates(rim.fraction[rim.absorbing]), minlength=n), dtype=float)

    def fitted_in(self, cells: NDArray[np.bool_]) -> Walk:
        """The walk with fitted rates out of ``cells`` (n,)."""
        rise = None if self.edges.rise is None else np.where(cells[self.source], np.nan, self.edges.rise)
        return replace(self, edges=replace(self.edges, rise=rise))

    @cached_property
    def rates(self) -> Any:
        """Rates from row to column as a sparse matrix with an empty diagonal, shape (n, n)."""
        from scipy.sparse import csr_matrix

        n = self.grid.size
        matrix = csr_matrix((self.rate, (self.source, self.target)), shape=(n, n))
        matrix.sum_duplicates()
        return matrix

    @cached_property
    def leaving(self) -> Array:
        """Total rate out of each cell, shape (n,)."""
        return np.asarray(self.rates.sum(axis=1)).ravel() + self.killing

    @cached_property
    def generator(self) -> Any:
        """A^T as a sparse matrix: d(mass)/dt = generator @ mass, and the same for densities per volume."""
        from scipy.sparse import diags

        return (self.rates.T - diags(self.leaving)).tocsr()

    @property
    def conserves_mass(self) -> bool:
        """Whether no wall absorbs."""
        return not self.killing.any()

    @cached_property
    def is_line(self) -> bool:
        """Whether the generator is tridiagonal (1-D without periodic walls)."""
        return self.grid.dimension == 1 and self.walls[0][0] != "periodic"

    @cached_property
    def line(self) -> tuple[Array, Array]:
        """Rates upwards and downwards between neighbours of a 1-D walk, each (n - 1,)."""
        return self.rates.diagonal(1), self.rates.diagonal(-1)
