"""The part of a walk that carries masses in time:  d(p_j)/dt = sum_i p_i rates_ij - p_j (jumps_j + killing_j)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
SHORTEST_ARM = 20.0
"""Killing rates of a series are capped at this multiple of the largest jump rate."""


@dataclass(frozen=True)
class Motion:
    """The part of a walk that evolves.

    Attributes:
        rates: sparse rates from row to column, (n, n).
        killing: rates out, (n,).
        log_stationary: log of the stationary masses if the walk is in detailed balance with them, (n,).
        is_line: whether the walk is tridiagonal.
        dimension: of the grid: how much a factorisation fills.
    """

    rates: Any
    killing: Array
    log_stationary: Array | None = None
    is_line: bool = False
    dimension: int = 2

    @cached_property
    def jumps(self) -> Array:
        """Total rate of jumps out of each cell, (n,)."""
        return np.asarray(self.rates.sum(axis=1)).ravel()

    @cached_property
    def bands(self) -> tuple[Array, Array]:
        """Rates up and down a line, (n - 1,) each."""
        return self.rates.diagonal(1), self.rates.diagonal(-1)

    @cached_property
    def capped(self) -> Array:
        """Killing rates without the few huge ones where a boundary nearly touches a cell centre, (n,).

        The cap moves the boundary there by less than a twentieth of a cell.
        """
        return np.minimum(self.killing, SHORTEST_ARM * self.jumps.max(initial=1e-300))

    @property
    def leaving(self) -> Array:
        """Total rate out of each cell, (n,)."""
        return self.jumps + self.capped

    @cached_property
    def opposed(self) -> float:
        """Largest sum of negative rates into or out of a cell; zero unless the walk is guided."""
        if self.rates.nnz == 0 or self.rates.data.min() >= 0:
            return 0.0
        negative = self.rates.copy()
        negative.data = np.maximum(-negative.data, 0.0)
        return float(max(np.asarray(negative.sum(axis=k)).max() for k in (0, 1)))
