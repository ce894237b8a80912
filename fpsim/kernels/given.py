"""Block functions from plain Python functions, from the eigenvectors of a matrix, from examples; and their composition.

All have the form ``part(x, data, out)`` over a block of points and fill rows of ``out``.  A formula that needs them,
``inner(x, z, g, data, out)`` with their rows in ``g``, becomes one function of the kernels by :func:`composed`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from fpsim.kernels import BLOCK, MATH
from fpsim.kernels.compiling import announced

Array = NDArray[np.float64]
vector = numba.types.Array(numba.types.float64, 1, "C")
PART = numba.types.void(vector, vector, vector)
STEP = numba.types.void(vector, vector, vector, vector)
SWEEPS = 30
IN_MEMORY = "once in a process"


class UncompiledError(ValueError):
    """A plain function that numba cannot compile, or whose compiled copy is another one."""


def _typed(signature: Any, function: Callable[..., Any]) -> Any:
    return numba.njit(signature, fastmath=MATH, error_model="numpy", nogil=True)(function)


def given(function: Callable[..., Any], dimension: int, rows: int, what: str, points: Array) -> Any:
    """A user's ``function`` of x (d, n) as a part that fills ``rows`` rows.

    Its compiled copy keeps the globals of the moment; so it is held against the function itself at ``points``
    (d, BLOCK), and made anew where they differ.

    Raises:
        UncompiledError: if numba cannot compile it, or the copy differs all the same.
    """
    with np.errstate(all="ignore"):
        wanted = np.broadcast_to(np.asarray(function(points.copy()), dtype=float).reshape(-1, BLOCK), (rows, BLOCK))
    for fresh in (False, True):
        if fresh:
            _given.cache_clear()
        part = _given(function, dimension, rows, what)
        out = np.empty(rows * BLOCK)
        part(points.ravel().copy(), np.zeros(1), out)
        if np.allclose(out.reshape(rows, BLOCK), wanted, rtol=1e-9, atol=1e-12, equal_nan=True):
            return part
    raise UncompiledError(f"the compiled copy of the {what} gives other numbers than itself")


@lru_cache(maxsize=64)
def _given(function: Callable[..., Any], dimension: int, rows: int, what: str) -> Any:
    own = numba.njit(error_model="numpy")(function)

    def by_block(x: Any, data: Any, out: Any) -> None:
        found = own(x.copy().reshape((dimension, BLOCK)))
        out[:] = np.ascontiguousarray(found).reshape(rows * BLOCK)

    def by_point(x: Any, data: Any, out: Any) -> None:
        for j in range(BLOCK):
            point = np.empty(dimension)
            for i in range(dimension):
                point[i] = x[i * BLOCK + j]
            found = np.asarray(own(point)).reshape(rows)
            for i in range(rows):
                out[i * BLOCK + j] = found[i]

    reasons = []
    with announced(f"the {what}", kept=IN_MEMORY):
        for form in (by_block, by_point):
            try:
                return _typed(PART, form)
            except numba.core.errors.NumbaError as error:
                reasons.append(_first_words(error))
    raise UncompiledError(f"numba cannot compile the {what} ({reasons[0]})")


def _first_words(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    telling = [line for line in lines if not line.startswith(("Failed in", "During:", "File"))]
    return (telling or lines or ["no reason given"])[0][:120].rstrip(".")


@lru_cache(maxsize=64)
def scaled(part: Any, factor: float) -> Any:
    """A part times a number."""

    def times(x: Any, data: Any, out: Any) -> None:
        part(x, data, out)
        for k in range(out.size):
            out[k] *= factor

    return numba.njit(error_model="numpy", nogil=True)(times)


@lru_cache(maxsize=64)
def joined(parts: tuple[tuple[Any, int, int, int], ...]) -> Any:
    """One part of several, each given as (part, its rows, where its numbers begin, how many): one after the other."""
    (first, rows, begin, size), *rest = parts
    if not rest:

        def alone(x: Any, data: Any, out: Any) -> None:
            first(x, data[begin : begin + size], out)

        return numba.njit(error_model="numpy", nogil=True)(alone)
    others = joined(tuple(rest))

    def both(x: Any, data: Any, out: Any) -> None:
        first(x, data[begin : begin + size], out[: rows * BLOCK])
        others(x, data, out[rows * BLOCK :])

    return numba.njit(error_model="numpy", nogil=True)(both)


@lru_cache(maxsize=64)
def composed(inner: Any, part: Any, rows: int, split: int, takes_normals: bool) -> Any:
    """``inner`` fed with the rows of ``part``; its own numbers are the first ``split``."""

    def step(x: Any, z: Any, data: Any, out: Any) -> None:
        g = np.empty(rows * BLOCK)
        part(x, data, g)
        inner(x, z, g, data[:split], out)

    def place(x: Any, data: Any, out: Any) -> None:
        g = np.empty(rows * BLOCK)
        part(x, data, g)
        inner(x, g, data[:split], out)

    with announced("a step of plain functions", kept=IN_MEMORY):
        return _typed(STEP, step) if takes_normals else _typed(PART, place)


@lru_cache(maxsize=32)
def of_curvature(curvature: Any, dimension: int, entries: bool, form: int) -> Any:
    """D and the symmetric root of 2 D from a Hessian, by cyclic Jacobi rotations (Golub and Van Loan, section 8.5).

    ``curvature`` is a part that fills the Hessian's d^2 rows (``entries``), or those of its upper triangle.  The
    numbers are (factor, floor, T) before its own; ``form`` is 0 additive, 1 smooth, 2 clip.
    """
    d, length = dimension, dimension * dimension if entries else dimension * (dimension + 1) // 2

    def part(x: Any, data: Any, out: Any) -> None:
        """One block of paths: eigenvalues of H give those of D, lane by lane."""
        h, a, v = np.empty(length * BLOCK), np.empty(d * d), np.empty(d * d)
        level, root = np.empty(d), np.empty(d)
        curvature(x, data[3:], h)
        for j in range(BLOCK):
            spectral(h, j, BLOCK, a, v, level, root, data, out, d, entries, form)

    return _typed(PART, part)


@numba.njit(error_model="numpy", nogil=True)
def rotated(a, v, d):
    """Turn the symmetric ``a`` (d, d) into the diagonal matrix of its eigenvalues; ``v`` gets their vectors as columns.

    Both are flat.
    """
    size = 0.0
    for p in range(d):
        for q in range(d):
            v[p * d + q] = 1.0 if p == q else 0.0
            size += a[p * d + q] * a[p * d + q]
    for _ in range(SWEEPS):
        off = 0.0
        for p in range(d):
            for q in range(p):
                off += a[p * d + q] * a[p * d + q]
        if not off > 1e-34 * size:
            return
        for p in range(d - 1):
            for q in range(p + 1, d):
                one = a[p * d + q]
                if one * one <= 1e-40 * size:
                    continue
                theta = (a[q * d + q] - a[p * d + p]) / (2 * one)
                t = 1 / (abs(theta) + math.sqrt(theta * theta + 1))
                t = -t if theta < 0 else t
                c = 1 / math.sqrt(t * t + 1)
                s = t * c
                for m in range(d):
                    first, second = a[m * d + p], a[m * d + q]
                    a[m * d + p], a[m * d + q] = c * first - s * second, s * first + c * second
                for m in range(d):
                    first, second = a[p * d + m], a[q * d + m]
                    a[p * d + m], a[q * d + m] = c * first - s * second, s * first + c * second
                    first, second = v[m * d + p], v[m * d + q]
                    v[m * d + p], v[m * d + q] = c * first - s * second, s * first + c * second


@numba.njit(error_model="numpy", nogil=True)
def spectral(h, j, stride, a, v, level, root, data, out, d, entries, form):
    """The rows of :func:`of_curvature` for lane j of a block of ``stride`` points."""
    k = 0
    for p in range(d):
        for q in range(d if entries else d - p):
            if entries:
                a[p * d + q] = (h[(p * d + q) * stride + j] + h[(q * d + p) * stride + j]) / 2
            else:
                a[p * d + p + q] = a[(p + q) * d + p] = h[k * stride + j]
                k += 1
    rotated(a, v, d)
    for p in range(d):
        t = a[p * d + p]
        if form == 1:
            t = math.sqrt(t * t + data[1] * data[1])
        elif form == 2:
            t = max(t, 0.0) + data[1]
        else:
            t = abs(t) + data[1]
        level[p] = data[0] * t + data[2]
        root[p] = math.sqrt(2 * level[p])
    k, half = 0, d * (d + 1) // 2
    for p in range(d):
        for q in range(p, d):
            s, r = 0.0, 0.0
            for m in range(d):
                both = v[p * d + m] * v[q * d + m]
                s += both * level[m]
                r += both * root[m]
            out[k * stride + j] = s
            out[(half + k) * stride + j] = r
            k += 1


@lru_cache(maxsize=32)
def of_examples(gradient: Any, dimension: int, columns: int, examples: int) -> Any:
    """Mean gradient and covariance of one example's gradient, rows d + d (d + 1)/2, from ``gradient(x, u, data, out)``.

    The numbers are the table (columns, m), then the gradient's own.
    """
    d = dimension

    def part(x: Any, data: Any, out: Any) -> None:
        """One block of paths: the mean gradient of all examples, then their covariance about it."""
        u, g = np.empty(columns * BLOCK), np.empty(d * BLOCK)
        out[:] = 0.0
        for e in range(examples):
            for r in range(columns):
                u[r * BLOCK : (r + 1) * BLOCK] = data[r * examples + e]
            gradient(x, u, data[columns * examples :], g)
            for p in range(d * BLOCK):
                out[p] += g[p] / examples
        for e in range(examples):
            for r in range(columns):
                u[r * BLOCK : (r + 1) * BLOCK] = data[r * examples + e]
            gradient(x, u, data[columns * examples :], g)
            k = d
            for p in range(d):
                for q in range(p, d):
                    for j in range(BLOCK):
                        one, other = g[p * BLOCK + j] - out[p * BLOCK + j], g[q * BLOCK + j] - out[q * BLOCK + j]
                        out[k * BLOCK + j] += one * other / examples
                    k += 1

    return _typed(PART, part)
