"""Functions known on a grid: piecewise polynomials with cells of equal length,

    f(x) = sum_k c_ik u^k,      u = (x - low)/spacing - i,      i = floor((x - low)/spacing) within 0 ... cells - 1.

Beyond the grid the polynomial of the outermost cell goes on.  A table may hold one function, or a family of functions
on one grid, told apart by a row number.  Derivatives, means and variances of tables are tables again, without error.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Table:
    """A piecewise polynomial, or a family of them.

    Attributes:
        low: where the first cell begins.
        spacing: length of a cell.
        coefficients: (cells, order) by rising powers of u, or (rows, cells, order) for a family; read-only.

    Raises:
        ValueError: for other shapes or numbers that are not finite.
    """

    low: float
    spacing: float
    coefficients: Array

    def __post_init__(self) -> None:
        coefficients = np.array(self.coefficients, dtype=np.float64)
        if coefficients.ndim not in (2, 3) or coefficients.size == 0:
            raise ValueError(
                f"coefficients have shape (cells, order) or (rows, cells, order); got {coefficients.shape}"
            )
        if not (np.isfinite(coefficients).all() and math.isfinite(self.low) and 0 < self.spacing < math.inf):
            raise ValueError("a table holds finite numbers, on cells of a positive length")
        coefficients.flags.writeable = False
        object.__setattr__(self, "coefficients", coefficients)

    @property
    def rows(self) -> int | None:
        """The number of functions in a family; None for a single function."""
        return len(self.coefficients) if self.coefficients.ndim == 3 else None

    @property
    def cells(self) -> int:
        """The number of cells."""
        return self.coefficients.shape[-2]

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the content."""
        content = hashlib.sha256(repr((self.low, self.spacing, self.coefficients.shape)).encode())
        content.update(self.coefficients.tobytes())
        return content.hexdigest()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Table) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    def __call__(self, x: ArrayLike, row: ArrayLike | None = None) -> Array:
        """Values at x (...); of a family, those of ``row`` (...)."""
        u, cell = self._places(x)
        c = self.coefficients[cell] if row is None else self.coefficients[np.asarray(row).astype(np.int64), cell]
        return _horner(np.moveaxis(c, -1, 0), u)

    def every_row(self, x: ArrayLike) -> Array:
        """Values of all functions of a family at x (...), shape (rows, ...)."""
        u, cell = self._places(x)
        order = self.coefficients.shape[-1]
        value = self.coefficients[:, cell, order - 1]
        for k in range(order - 2, -1, -1):
            value = value * u + self.coefficients[:, cell, k]
        return np.asarray(value)

    def derivative(self) -> Table:
        """The derivative with respect to x."""
        c = self.coefficients
        if c.shape[-1] == 1:
            return Table(self.low, self.spacing, np.zeros_like(c))
        return Table(self.low, self.spacing, c[..., 1:] * np.arange(1, c.shape[-1]) / self.spacing)

    def mean(self) -> Table:
        """The mean of a family."""
        return Table(self.low, self.spacing, self.coefficients.mean(axis=0))

    def variance(self) -> Table:
        """The variance of a family, with the divisor ``rows``: a polynomial of twice the degree in each cell."""
        gaps = self.coefficients - self.coefficients.mean(axis=0)
        order = gaps.shape[-1]
        squares = np.zeros((self.cells, 2 * order - 1))
        for j in range(order):
            for k in range(order):
                squares[:, j + k] += (gaps[..., j] * gaps[..., k]).mean(axis=0)
        return Table(self.low, self.spacing, squares)

    def _places(self, x: ArrayLike) -> tuple[Array, NDArray[np.int64]]:
        """Local coordinate u and cell; the same arithmetic as in compiled code."""
        t = (np.asarray(x, dtype=np.float64) - self.low) * (1 / self.spacing)
        with np.errstate(invalid="ignore"):
            cell = np.fmin(np.fmax(np.floor(t), 0.0), self.cells - 1.0)  # not a number: cell 0, and u is not a number
            return np.asarray(t - cell), cell.astype(np.int64)


def _horner(coefficients: Array, u: Array) -> Array:
    value = coefficients[-1]
    for c in coefficients[-2::-1]:
        value = value * u + c
    return np.asarray(value)
