"""Euler-Maruyama, one thread per path:  x_{n+1} = fold(x_n + b(x_n) h + sqrt(2 h D(x_n)) z_n).

Compiled once per landscape, noise and precision; every number is data.  Sums of powers are taken in an order that
depends on nothing but the number of paths, so that a run repeats bit for bit.
"""

from __future__ import annotations

import warnings
from functools import lru_cache
from typing import Any

import numpy as np
from numba import cuda, types
from numpy.typing import NDArray

from fpsim.cuda.composed import written
from fpsim.cuda.device import simulated
from fpsim.cuda.functions import (
    column_functions,
    copy_function,
    draw_function,
    frame_function,
    kick_function,
    lost_function,
    near,
)
from fpsim.kernels.texts import ComposedText

Array = NDArray[Any]
THREADS = 16 if simulated() else 128
"""Threads in a block; each is a thread of Python's in the simulator."""
LONG = 120
"""Lines of a generated step from which on it stands in the kernel once, not five times, to compile faster."""
SLAB = 2**14
"""Paths whose powers one block of threads adds up."""


def over(kernel: Any, threads: int) -> Any:
    """A kernel made ready to run on ``threads`` threads; few of them are no reason for a warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return kernel[-(-threads // THREADS), THREADS]


@lru_cache(maxsize=64)
def walk_kernel(source: str | ComposedText, numbers: int, dimension: int, real: str, fast: bool = False) -> Any:
    """The kernel ``walk`` for one generated step, which reads ``numbers`` numbers; ``fast`` normals are the hardware's.

    Its arguments: states (d, paths), changed; number of the first path and of the first step; ``stretches`` stretches
    of ``every`` steps; the seed's halves and the stream; the step's numbers; the largest |x| taken for finite; frames
    (stretches, d, paths), the state after each stretch, or (0, d, paths); lost (2,), lowered to the first path that
    was lost and raised to the group of four steps in which one was.
    """
    advance, draw, is_lost = written(source, real), draw_function(dimension, real, fast), lost_function(dimension)
    number, (own, fetch) = getattr(types, real), near(source, numbers, real)
    choose, copy, keep = kick_function(dimension), copy_function(dimension), frame_function(dimension)
    (take, put), short = column_functions(dimension), isinstance(source, str) and source.count("\n") < LONG

    @cuda.jit(fastmath=fast)
    def walk(states, first_path, first_step, every, stretches, key0, key1, stream, given, limit, frames, lost):
        """Threads on their paths."""
        lane = cuda.grid(1)
        if lane >= states.shape[1]:
            return
        x, y = cuda.local.array(dimension, number), cuda.local.array(dimension, number)
        kick = cuda.local.array(dimension, number)
        z = cuda.local.array((4, dimension), number)
        data = fetch(given, cuda.local.array(own, number))
        take(states, lane, x)
        path, n, frame = first_path + lane, first_step, 0
        last, mark = first_step + every * stretches, first_step + every
        while n < last:
            quad = n >> 2
            draw(z, quad, path, stream, key0, key1)
            if short and n & 3 == 0 and n + 4 <= mark:
                advance(x, z[0], data, y)
                advance(y, z[1], data, x)
                advance(x, z[2], data, y)
                advance(y, z[3], data, x)
                n += 4
                if n == mark:
                    keep(x, frames, frame, lane)
                    frame += 1
                    mark += every
            else:
                for k in range(4):
                    if n == 4 * quad + k and n < last:
                        choose(z, k, kick)
                        advance(x, kick, data, y)
                        copy(y, x)
                        n += 1
                        if n == mark:
                            keep(x, frames, frame, lane)
                            frame += 1
                            mark += every
            if is_lost(x, limit):
                cuda.atomic.min(lost, 0, lane)
                cuda.atomic.max(lost, 1, quad)
                n = last
        put(x, states, lane)

    return walk


@cuda.jit
def spread(points, states):
    """Copy points (d, 1) to every column of states (d, paths)."""
    lane = cuda.grid(1)
    if lane < states.shape[1]:
        for i in range(states.shape[0]):
            states[i, lane] = points[i, 0]


@cuda.jit
def fill(rows, value):
    """Set all of rows (d, paths) to a value."""
    lane = cuda.grid(1)
    if lane < rows.shape[1]:
        for i in range(rows.shape[0]):
            rows[i, lane] = value


@cuda.jit
def powers(frames, origin, slabs, out):
    """Sums of the first four powers of frames (F, d, paths) - origin (F, d) by slabs: out (F * d * slabs, 4)."""
    shared = cuda.shared.array((4, THREADS), types.float64)
    thread = cuda.threadIdx.x
    row = cuda.blockIdx.x // slabs
    slab = cuda.blockIdx.x % slabs
    frame = row // frames.shape[1]
    i = row % frames.shape[1]
    one = two = three = four = 0.0
    for j in range(slab * SLAB + thread, min((slab + 1) * SLAB, frames.shape[2]), THREADS):
        gap = np.float64(frames[frame, i, j]) - origin[frame, i]
        square = gap * gap
        one += gap
        two += square
        three += gap * square
        four += square * square
    shared[0, thread] = one
    shared[1, thread] = two
    shared[2, thread] = three
    shared[3, thread] = four
    cuda.syncthreads()
    half = THREADS // 2
    while half > 0:
        if thread < half:
            for p in range(4):
                shared[p, thread] += shared[p, thread + half]
        cuda.syncthreads()
        half //= 2
    if thread < 4:
        out[cuda.blockIdx.x, thread] = shared[thread, 0]


def power_sums(frames: Any, origin: Array) -> Array:
    """Sums of the first four powers of frames (F, d, paths), on the card, minus origin (F, d): shape (F, 4, d)."""
    number, dimension, paths = frames.shape
    slabs = -(-paths // SLAB)
    out = cuda.device_array((number * dimension * slabs, 4), dtype=np.float64)
    middle = cuda.to_device(np.ascontiguousarray(origin, dtype=np.float64))
    over(powers, number * dimension * slabs * THREADS)(frames, middle, slabs, out)
    parts = out.copy_to_host().reshape(number, dimension, slabs, 4)
    return np.asarray(parts.sum(axis=2).transpose(0, 2, 1))
