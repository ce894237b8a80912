"""exp(t A^T) p for sparse walks by sums of matrix powers.

    exp(t A) = sum_k Poisson(k; q t) (I + A/q)^k                  (uniformisation: every term is positive)
    exp(-t H) = sum_k c_k(t) T_k(1 - 2 H / rho)                   (Chebyshev, for a symmetric H on [0, rho])

Jensen 1953; Tal-Ezer, Kosloff 1984.  One sweep serves all output times.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def _apply(starts: Any, columns: Any, values: Any, x: Any, out: Any) -> None:
    for i in range(starts.size - 1):
        total = 0.0
        for k in range(starts[i], starts[i + 1]):
            total += values[k] * x[columns[k]]
        out[i] = total


@njit(cache=True, nogil=True)
def uniformised(starts: Any, columns: Any, values: Any, p: Any, first: Any, counts: Any, weights: Any) -> Any:
    """Sums over powers of a non-negative matrix, shape (times, n).

    Time t takes ``counts[t]`` consecutive powers from ``first[t]`` on, with its slice of the flat ``weights``.
    """
    times = first.size
    out = np.zeros((times, p.size))
    last = 0
    begin = np.zeros(times + 1, np.int64)
    for t in range(times):
        begin[t + 1] = begin[t] + counts[t]
        last = max(last, first[t] + counts[t])
    x, y = p.copy(), np.empty_like(p)
    for k in range(last):
        for t in range(times):
            if first[t] <= k < first[t] + counts[t]:
                weight = weights[begin[t] + k - first[t]]
                for i in range(p.size):
                    out[t, i] += weight * x[i]
        _apply(starts, columns, values, x, y)
        x, y = y, x
    return out


@njit(cache=True, nogil=True)
def chebyshev(starts: Any, columns: Any, values: Any, u: Any, coefficients: Any) -> Any:
    """sum_k coefficients[t, k] T_k(M) u for a symmetric M with spectrum in [-1, 1], shape (times, n)."""
    times, terms = coefficients.shape
    n = u.size
    out = np.zeros((times, n))
    before, now, after = u.copy(), np.empty(n), np.empty(n)
    _apply(starts, columns, values, u, now)
    for t in range(times):
        for i in range(n):
            out[t, i] = coefficients[t, 0] * before[i] + coefficients[t, 1] * now[i]
    for k in range(2, terms):
        _apply(starts, columns, values, now, after)
        for i in range(n):
            after[i] = 2 * after[i] - before[i]
        for t in range(times):
            weight = coefficients[t, k]
            if weight != 0.0:
                for i in range(n):
                    out[t, i] += weight * after[i]
        before, now, after = now, after, before
    return out
