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
def uniformised(
    starts: Any, columns: Any, values: Any, x: Any, first: Any, counts: Any, weights: Any, out: Any, begin: Any,
    end: Any,
) -> None:  # fmt: skip
    """Add the powers ``begin <= k < end`` of a non-negative matrix to sums over powers, shape (times, n).

    Time t takes ``counts[t]`` consecutive powers from ``first[t]`` on, with its slice of the flat ``weights``.  ``x``
    holds the power ``begin`` applied to the start, and the power ``end`` afterwards.
    """
    times = first.size
    offset = np.zeros(times + 1, np.int64)
    for t in range(times):
        offset[t + 1] = offset[t] + counts[t]
    y = np.empty_like(x)
    for k in range(begin, end):
        for t in range(times):
            if first[t] <= k < first[t] + counts[t]:
                weight = weights[offset[t] + k - first[t]]
                for i in range(x.size):
                    out[t, i] += weight * x[i]
        _apply(starts, columns, values, x, y)
        x[:] = y


@njit(cache=True, nogil=True)
def chebyshev(
    starts: Any, columns: Any, values: Any, before: Any, now: Any, coefficients: Any, out: Any, begin: int, end: int
) -> None:
    """Add the terms ``begin <= k < end`` of sum_k coefficients[t, k] T_k(M) u to ``out`` (times, n).

    M is symmetric with its spectrum in [-1, 1].  ``before`` and ``now`` hold T_(begin-2) u and T_(begin-1) u, and are
    moved on; ``begin=0`` starts from ``before`` = u and makes the first two terms too.
    """
    times, n = coefficients.shape[0], before.size
    if begin == 0:
        _apply(starts, columns, values, before, now)
        for t in range(times):
            for i in range(n):
                out[t, i] = coefficients[t, 0] * before[i] + coefficients[t, 1] * now[i]
    after = np.empty(n)
    for k in range(max(begin, 2), end):
        _apply(starts, columns, values, now, after)
        for i in range(n):
            after[i] = 2 * after[i] - before[i]
        for t in range(times):
            weight = coefficients[t, k]
            if weight != 0.0:
                for i in range(n):
                    out[t, i] += weight * after[i]
        before[:] = now
        now[:] = after
