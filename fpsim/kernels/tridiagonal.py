"""Loops over tridiagonal systems of a walk on a line: subtraction-free solves and resolvents on a contour.

    up_i (f_{i+1} - f_i) + down_i (f_{i-1} - f_i) - kill_i f_i = -g_i

Elimination keeps the killing rate of the censored walk instead of a difference (Grassmann, Taksar, Heyman 1985), so
that every sum has positive terms and each f_i is right to rounding however rare the escape is.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def eliminate(up: Any, down: Any, kill: Any) -> Any:
    """Rates out of each cell with all lower ones censored, upwards or by killing: (pivots, killing), each (n,)."""
    n = kill.size
    pivot, censored = np.empty(n), np.empty(n)
    for i in range(n):
        censored[i] = kill[i]
        if i > 0 and pivot[i - 1] > 0:
            censored[i] += down[i - 1] * (censored[i - 1] / pivot[i - 1])
        pivot[i] = censored[i] + (up[i] if i < n - 1 else 0.0)
    return pivot, censored


@njit(cache=True, nogil=True)
def backward(up: Any, down: Any, pivot: Any, g: Any) -> Any:
    """f with (generator f) = -g, shape (n,): the expected integral of g until the walk is killed."""
    n = g.size
    f = np.empty(n)
    f[0] = g[0]
    for i in range(1, n):
        f[i] = g[i] + down[i - 1] * (f[i - 1] / pivot[i - 1])
    f[n - 1] /= pivot[n - 1]
    for i in range(n - 2, -1, -1):
        f[i] = f[i] / pivot[i] + f[i + 1] * (up[i] / pivot[i])
    return f


@njit(cache=True, nogil=True)
def forward(up: Any, down: Any, pivot: Any, s: Any) -> Any:
    """y with (generator^T y) = -s, shape (n,): the expected time in each cell for unit-rate sources s."""
    n = s.size
    y = np.empty(n)
    y[0] = s[0] / pivot[0]
    for i in range(1, n):
        y[i] = (s[i] + up[i - 1] * y[i - 1]) / pivot[i]
    for i in range(n - 2, -1, -1):
        y[i] += y[i + 1] * (down[i] / pivot[i])
    return y


@njit(cache=True, nogil=True, fastmath={"contract"})
def contour(up: Any, down: Any, kill: Any, p: Any, time: float, count: int) -> Any:
    """exp(time * generator^T) p by ``count`` nodes on the modified Talbot contour, in conjugate pairs, shape (n,).

    Weideman 2006 (SIAM J. Numer. Anal. 44, 2342), table 2; error about exp(-1.36 count) for a real spectrum <= 0.
    The elimination carries z + killing of the censored walk, so that long times keep their digits.  All nodes go
    through it side by side, in real numbers, so that the processor works on several at once.
    """
    n, m = p.size, count // 2
    z, weight = np.empty((2, m)), np.empty((2, m))
    for k in range(m):
        theta = (2 * k + 1) * np.pi / count
        sine = np.sin(0.6407 * theta)
        cotangent = np.cos(0.6407 * theta) / sine
        point = count * (0.5017 * theta * cotangent - 0.6122 + 0.2645j * theta)
        slope = count * (0.5017 * cotangent - 0.5017 * 0.6407 * theta / sine**2 + 0.2645j)
        factor = -2j / count * np.exp(point) * slope / time
        z[0, k], z[1, k] = point.real / time, point.imag / time
        weight[0, k], weight[1, k] = factor.real, factor.imag
    c, r, censored = np.empty((n, 2, m)), np.empty((n, 2, m)), z.copy()
    for i in range(n):
        on = up[i] if i < n - 1 else 0.0
        for k in range(m):
            a, b, f, g = z[0, k] + kill[i], z[1, k], p[i], 0.0
            if i > 0:
                s, t, x, y = censored[0, k], censored[1, k], c[i - 1, 0, k], c[i - 1, 1, k]
                a, b = a + down[i - 1] * (s * x - t * y), b + down[i - 1] * (s * y + t * x)
                f, g = f + up[i - 1] * r[i - 1, 0, k], up[i - 1] * r[i - 1, 1, k]
            censored[0, k], censored[1, k] = a, b
            size = 1.0 / ((a + on) ** 2 + b * b)
            x, y = (a + on) * size, -b * size
            c[i, 0, k], c[i, 1, k] = x, y
            r[i, 0, k], r[i, 1, k] = f * x - g * y, f * y + g * x
    out = np.zeros(n)
    for i in range(n - 1, -1, -1):
        total = 0.0
        for k in range(m):
            if i < n - 1:
                f, g = down[i] * r[i + 1, 0, k], down[i] * r[i + 1, 1, k]
                r[i, 0, k] += c[i, 0, k] * f - c[i, 1, k] * g
                r[i, 1, k] += c[i, 0, k] * g + c[i, 1, k] * f
            total += weight[0, k] * r[i, 0, k] - weight[1, k] * r[i, 1, k]
        out[i] = total
    return out


@njit(cache=True, nogil=True)
def log_stationary(up: Any, down: Any) -> Any:
    """log of the stationary mass, shape (n,), up to a constant: sums of log(up_i / down_i)."""
    out = np.zeros(up.size + 1)
    for i in range(up.size):
        out[i + 1] = out[i] + np.log(up[i]) - np.log(down[i])
    return out


@njit(cache=True, nogil=True)
def log_times(up: Any, down: Any, kill: Any) -> Any:
    """Logarithms of the mean times to the end, shape (n,): ``backward`` for g = 1 where no float holds them."""
    n = kill.size
    pivot, f, before = np.empty(n), np.empty(n), -np.inf
    for i in range(n):
        censored = np.log(kill[i])
        f[i] = 0.0
        if i > 0:
            step = np.log(down[i - 1]) - pivot[i - 1]
            censored = np.logaddexp(censored, step + before)
            f[i] = np.logaddexp(0.0, step + f[i - 1])
        before = censored
        pivot[i] = np.logaddexp(censored, np.log(up[i])) if i < n - 1 else censored
    f[n - 1] -= pivot[n - 1]
    for i in range(n - 2, -1, -1):
        f[i] = np.logaddexp(f[i], f[i + 1] + np.log(up[i])) - pivot[i]
    return f
