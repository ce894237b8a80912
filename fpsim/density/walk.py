"""A continuous-time walk on grid cells: the discrete form of the backward operator, and its transpose, the generator.

    (A f)_i = sum_j rate_ij (f_j - f_i) - killing_i f_i,        d p / dt = A^T p

Every rate is >= 0 and every row of A sums to minus its killing, so that positivity and mass are exact whatever the
drift and the diffusion tensor are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
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
            f"boundary is one of {list(WORDS)} or one (low, high) pair of them per dimension ({dimension}); got {boundary!r}"
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

    def restricted(self, keep: NDArray[np.bool_], lost: Array) -> Restricted:
        """The walk on the cells ``keep`` (n,), with ``lost`` (n,) the rates into what was cut away."""
        return Restricted(self, keep, lost)


@dataclass(frozen=True)
class Restricted:
    """A walk that ends when it leaves the cells ``keep``: rates among them and killing rates, in their own numbering."""

    walk: Walk
    keep: NDArray[np.bool_]
    lost: Array

    @cached_property
    def rates(self) -> Any:
        """Rates among the kept cells, sparse (k, k)."""
        if self.keep.all() and not self.lost.any():
            return self.walk.rates
        matrix = self.walk.rates
        if self.cut is not None:
            matrix = matrix - matrix.multiply(self.cut)
        return matrix[self.keep][:, self.keep].tocsr()

    cut: Any = None

    @cached_property
    def killing(self) -> Array:
        """Rates out of the kept cells, through walls and into what was cut away, shape (k,)."""
        return (self.walk.killing + self.lost)[self.keep]

    @cached_property
    def leaving(self) -> Array:
        """Total rate out of each kept cell, shape (k,)."""
        return np.asarray(self.rates.sum(axis=1)).ravel() + self.killing

    def spread(self, values: Array, outside: float = 0.0) -> Array:
        """Values on the kept cells as a field on the whole grid, shape (n,)."""
        out = np.full(self.keep.size, outside)
        out[self.keep] = values
        return out


def crossing_fraction(level: Callable[[Array], Array], start: Array, step: Array) -> Array:
    """First fraction of ``start + fraction * step`` (d, m) at which ``level`` turns >= 0, shape (m,), by bisection."""
    low, high = np.zeros(start.shape[1]), np.ones(start.shape[1])
    below, above = level(start), level(start + step)
    for _ in range(60):
        secant = low + (high - low) * below / np.where(below == above, 1.0, below - above)
        middle = (low + high) / 2
        trial = np.where((secant > low) & (secant < high), secant, middle)
        for candidate in (trial, (low + high) / 2):
            candidate = np.clip(candidate, low, high)
            value = level(start + candidate * step)
            inside = value >= 0
            high, above = np.where(inside, candidate, high), np.where(inside, value, above)
            low, below = np.where(inside, low, candidate), np.where(inside, below, value)
        if np.all(high - low < 1e-13):
            break
    return np.maximum(high, 1e-8)


def with_counts(walk: Walk, **counts: int) -> Walk:
    """The walk with further fallback counts noted."""
    return replace(walk, counts={**walk.counts, **counts})
