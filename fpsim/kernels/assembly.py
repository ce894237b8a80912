"""Jump rates of a walk on grid cells from potentials along its edges, and positive splittings of a tensor.

    rate = scale / int_0^1 exp(phi(s)) ds,      phi(s) = Phi(x + s e) - Phi(x),    grad Phi = -D^-1 b

is Scharfetter-Gummel fitting with the integral done along the true potential instead of its chord (Scharfetter,
Gummel 1969; the chord alone gives scale * z / (exp(z) - 1)).  Selling's formula: Selling 1874; Conway, Sloane 1992.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

LIMIT = 600.0  # exp(+-LIMIT) still is a normal number: steeper edges are "never" in practice


@njit(cache=True, nogil=True)
def mean_exponential(a: float, b: float) -> float:
    """int_0^1 exp(a + (b - a) s) ds."""
    d = b - a
    if abs(d) < 1e-5:
        return np.exp(a) * (1.0 + d / 2 + d * d / 6)
    return np.exp(a) * np.expm1(d) / d


@njit(cache=True, nogil=True)
def edge_integral(mid: float, end: float) -> float:
    """int_0^1 exp(phi(s)) ds from phi(1/2) and phi(1): chords on one and two panels, Richardson where it is safe."""
    mid = min(max(mid, -LIMIT), LIMIT)
    end = min(max(end, -LIMIT), LIMIT)
    one = mean_exponential(0.0, end)
    two = (mean_exponential(0.0, mid) + mean_exponential(mid, end)) / 2
    both = (4 * two - one) / 3
    return both if both > two / 2 else two


@njit(cache=True, nogil=True)
def edge_rates(scale: Any, mid: Any, end: Any) -> Any:
    """Rates of full edges, shape (m,)."""
    out = np.empty(scale.size)
    for i in range(scale.size):
        out[i] = scale[i] / edge_integral(mid[i], end[i])
    return out


@njit(cache=True, nogil=True)
def cut_rates(scale: Any, mid: Any, end: Any, fraction: Any) -> Any:
    """Rates of edges cut by an absorbing boundary at ``fraction`` of their length, shape (m,).

    The arm is shorter and the cell's volume stays whole: symmetric and second order (Gibou et al. 2002).
    """
    out = np.empty(scale.size)
    for i in range(scale.size):
        a = fraction[i]
        slope, bend = 4 * mid[i] - end[i], 2 * end[i] - 4 * mid[i]
        half = a / 2 * (slope + bend * a / 2)
        out[i] = scale[i] / (a * edge_integral(half, a * (slope + bend * a)))
    return out


@njit(cache=True, nogil=True)
def split_tensors(tensors: Any, reach: int) -> Any:
    """D = sum_k weight_k e_k e_k^T with weight_k >= 0 and integer e_k for each tensor (n, d, d), d = 2 or 3.

    Returns offsets (n, m, d), weights (n, m) with m = 3 (2-D) or 6 (3-D), and flags (n,): True where an offset would
    pass ``reach`` cells, so that D was thickened by a multiple of the identity, as small as will do within a factor 2.
    """
    n, d = tensors.shape[0], tensors.shape[1]
    m = 3 if d == 2 else 6
    offsets = np.zeros((n, m, d), np.int64)
    weights = np.zeros((n, m))
    clipped = np.zeros(n, np.bool_)
    for i in range(n):
        tensor = tensors[i].copy()
        more = 1e-8 * np.trace(tensor)
        while not _selling(tensor, offsets[i], weights[i], reach):
            clipped[i] = True
            for k in range(d):
                tensor[k, k] = tensors[i, k, k] + more
            more *= 2
    return offsets, weights, clipped


@njit(cache=True, nogil=True)
def _selling(tensor: Any, offsets: Any, weights: Any, reach: int) -> bool:
    if tensor.shape[0] == 2:
        return _selling_2d(tensor, offsets, weights, reach)
    return _selling_3d(tensor, offsets, weights, reach)


@njit(cache=True, nogil=True)
def _product(tensor: Any, u: Any, v: Any) -> float:
    total = 0.0
    for a in range(u.size):
        for b in range(u.size):
            total += u[a] * tensor[a, b] * v[b]
    return total


@njit(cache=True, nogil=True)
def _obtuse(tensor: Any, base: Any) -> bool:
    """Make the superbase ``base`` (d + 1, d) obtuse in place: all <b_i, D b_j> <= 0 for i != j."""
    d = tensor.shape[0]
    small = 1e-14 * np.trace(tensor)
    for _ in range(500):
        found = False
        for i in range(d + 1):
            for j in range(i + 1, d + 1):
                if not found and _product(tensor, base[i], base[j]) > small:
                    first = base[i].copy()
                    for k in range(d + 1):
                        if k not in (i, j):
                            base[k] += first if d == 3 else 2 * first
                    base[i] = -first
                    found = True
        if not found:
            return True
    return False


@njit(cache=True, nogil=True)
def _selling_2d(tensor: Any, offsets: Any, weights: Any, reach: int) -> bool:
    base = np.array([[1.0, 0.0], [0.0, 1.0], [-1.0, -1.0]])
    if not _obtuse(tensor, base):
        return False
    for k in range(3):
        i, j = (k + 1) % 3, (k + 2) % 3
        weights[k] = max(-_product(tensor, base[i], base[j]), 0.0)
        offsets[k, 0], offsets[k, 1] = -base[k, 1], base[k, 0]
    return np.abs(offsets).max() <= reach


@njit(cache=True, nogil=True)
def _selling_3d(tensor: Any, offsets: Any, weights: Any, reach: int) -> bool:
    base = np.zeros((4, 3))
    for k in range(3):
        base[k, k] = 1.0
        base[3, k] = -1.0
    if not _obtuse(tensor, base):
        return False
    m = 0
    for i in range(4):
        for j in range(i + 1, 4):
            p, q = -1, -1
            for c in range(4):
                if c not in (i, j):
                    p, q = (c, q) if p < 0 else (p, c)
            weights[m] = max(-_product(tensor, base[i], base[j]), 0.0)
            offsets[m, 0] = base[p, 1] * base[q, 2] - base[p, 2] * base[q, 1]
            offsets[m, 1] = base[p, 2] * base[q, 0] - base[p, 0] * base[q, 2]
            offsets[m, 2] = base[p, 0] * base[q, 1] - base[p, 1] * base[q, 0]
            m += 1
    return np.abs(offsets).max() <= reach


@njit(cache=True, nogil=True)
def spread_potential(starts: Any, neighbours: Any, ratios: Any, root: int) -> Any:
    """Log-weights (n,) with log w_j - log w_i = ratio along a tree from ``root``, breadth first; NaN out of reach."""
    n = starts.size - 1
    out = np.full(n, np.nan)
    queue = np.empty(n, np.int64)
    out[root] = 0.0
    queue[0] = root
    head, tail = 0, 1
    while head < tail:
        i = queue[head]
        head += 1
        for k in range(starts[i], starts[i + 1]):
            j = neighbours[k]
            if np.isnan(out[j]):
                out[j] = out[i] + ratios[k]
                queue[tail] = j
                tail += 1
    return out


@njit(cache=True, nogil=True)
def downhill(starts: Any, neighbours: Any, rates: Any, points: Any, reach: Any, leaving: Any) -> Any:
    """For each cell the neighbour along its mean drift: itself where there is none, -1 where the walk ends first.

    ``points`` (n, d) are the cells' places; steps beyond ``reach`` (d,) go through a periodic wall and are skipped.
    """
    n, d = points.shape
    out = np.empty(n, np.int64)
    drift, step = np.empty(d), np.empty(d)
    for i in range(n):
        drift[:] = 0.0
        fastest = 0.0
        for k in range(starts[i], starts[i + 1]):
            step[:] = points[neighbours[k]] - points[i]
            if np.all(np.abs(step) <= reach):
                drift += rates[k] * step
                fastest = max(fastest, rates[k])
        best, out[i] = 0.0, i
        for k in range(starts[i], starts[i + 1]):
            step[:] = points[neighbours[k]] - points[i]
            if np.all(np.abs(step) <= reach):
                along = max(rates[k], 0.0) * np.dot(step, drift)
                if along > best:
                    best, out[i] = along, neighbours[k]
        if leaving[i] > fastest:
            out[i] = -1
    return out
