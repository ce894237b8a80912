"""A continuous-time walk on grid cells: the discrete form of the backward operator, and its transpose, the generator.

    (A f)_i = sum_j rate_ij (f_j - f_i) - killing_i f_i,        d p / dt = A^T p

Every rate is >= 0 and every row of A sums to minus its killing, so that positivity and mass are exact whatever the
drift and the diffusion tensor are.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fpsim.grid import Grid

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
class Walk:
    """Jump rates between cells, edge by edge.

    Attributes:
        grid: the cells.
        walls: (low, high) boundary words per dimension.
        source, target: cells that each directed edge joins, shape (m,).
        offset: the edge in whole cells, shape (m, d).
        scale, mid, end: rate of the edge without potential, and the potential at its middle and its end relative to
            its source, shape (m,).
        killing: rate at which each cell loses mass through absorbing walls, shape (n,).
        counts: cells in which the stencil fell back to a lower order, by reason.
    """

    grid: Grid
    walls: tuple[Wall, ...]
    source: Indices
    target: Indices
    offset: Indices
    scale: Array
    mid: Array
    end: Array
    killing: Array
    counts: dict[str, int] = field(default_factory=dict)

    @cached_property
    def rate(self) -> Array:
        """Rate of each edge, shape (m,)."""
        from fpsim.kernels.assembly import edge_rates

        return np.asarray(edge_rates(self.scale, self.mid, self.end))

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
