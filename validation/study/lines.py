"""Straight lines through ln(time), and what they tend to.

    y = slope x + intercept                              (least squares; Pearson's r)
    y = slope x + intercept + c_1/x + c_2/x^2 + ...      (the asymptote of exact numbers for large x)

The escape time is ln(time) = exponent / noise + ln(prefactor) + O(noise): with x = 1/noise the asymptote gives exponent
and prefactor, where a straight line through a finite range would mix them with the corrections.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Line:
    """A fitted line.

    Attributes:
        slope, slope_error: one sigma for sampled data; for an asymptote the change when its last term is left out.
        intercept, intercept_error: likewise, at x = 0.
        correlation: Pearson's r of the data.
    """

    slope: float
    slope_error: float
    intercept: float
    intercept_error: float
    correlation: float


def straight_line(x: ArrayLike, y: ArrayLike, error: ArrayLike | None = None) -> Line:
    """Least squares with one-sigma errors: from ``error`` where given, from the scatter about the line otherwise.

    Raises:
        ValueError: for fewer than three points (two with ``error``).
    """
    a, b = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    if a.size < (3 if error is None else 2):
        raise ValueError(f"a line with an error needs three points (two with their errors); got {a.size}")
    weight = np.ones_like(a) if error is None else 1 / np.asarray(error, dtype=float)
    matrix = np.stack([a, np.ones_like(a)], axis=1) * weight[:, None]
    found = np.linalg.lstsq(matrix, b * weight)[0]
    covariance = np.linalg.inv(matrix.T @ matrix)
    if error is None:
        covariance *= float(np.sum((b - found[0] * a - found[1]) ** 2)) / (a.size - 2)
    errors = np.sqrt(np.diag(covariance))
    return Line(float(found[0]), float(errors[0]), float(found[1]), float(errors[1]), _correlation(a, b))


def asymptote(x: ArrayLike, y: ArrayLike, corrections: int = 2, logarithm: bool = False) -> Line:
    """The line that exact numbers y(x) tend to for large x.

    Args:
        x: increasing positive numbers.
        y: exact values.
        corrections: number of inverse powers of x that are fitted beside the line.
        logarithm: whether a multiple of ln(x) is fitted too (a prefactor that is a power of x).

    Raises:
        ValueError: for fewer points than terms.
    """
    a, b = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    terms = 2 + logarithm + corrections
    if a.size < terms:
        raise ValueError(f"an asymptote with {terms} terms needs as many points; got {a.size}")
    fine, coarse = (_asymptotic_fit(a, b, n, logarithm) for n in (corrections, corrections - 1))
    gap = np.abs(fine - coarse)
    return Line(float(fine[0]), float(gap[0]), float(fine[1]), float(gap[1]), _correlation(a, b))


def _asymptotic_fit(x: Array, y: Array, corrections: int, logarithm: bool) -> Array:
    scale = x.max()
    u = x / scale
    columns = [u, np.ones_like(u), *(u**-k for k in range(1, corrections + 1))]
    if logarithm:
        columns.append(np.log(x))
    found = np.linalg.lstsq(np.stack(columns, axis=1), y)[0]
    return np.array([found[0] / scale, found[1]])


def _correlation(x: Array, y: Array) -> float:
    """Pearson's r; 0 where one of them does not vary."""
    if np.ptp(x) == 0 or np.ptp(y) == 0:
        return 0.0
    return float(np.corrcoef(x, y)[0, 1])
