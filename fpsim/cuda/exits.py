"""Exit times, one thread per path:  T = inf {t : level(X_t) >= 0}, as :mod:`fpsim.kernels.exits` decides it.

A thread whose path is out takes the next path of one list.  Which thread carries a path changes no path.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np
from numba import cuda, types

from fpsim.cuda.functions import (
    column_functions,
    copy_function,
    draw_function,
    generated,
    inlined,
    kick_function,
    lost_function,
    near,
    words_function,
)

NEGLIGIBLE = 14.0  # as in fpsim.kernels.exits
NEXT, END, DONE, LOST, QUAD = range(5)
"""Places in a kernel's ``queue``: next path, end of the list, paths that are out, first path lost and when."""


def share_function() -> Any:
    """``share(here, there, bridge, limit, word)``: when within a step a path left, in (0, 1], or -1 if it did not.

    ``here`` and ``there`` are (distance, 1/(D_n h)) at its ends, as in the CPU's kernel ``leave``.
    """

    def share(here, there, bridge, limit, word):
        """Landed within, or crossed between the ends."""
        a, b, found = np.float64(here[0]), np.float64(there[0]), -1.0
        if b >= 0:
            if b <= limit:  # beyond it the path is lost, not out
                found = a / (a - b) if bridge else 1.0
        elif bridge and a <= 0:
            chance = math.exp(-a * b * np.float64(here[1]))
            if (np.float64(word) + 0.5) * 2.0**-32 < chance:
                found = 0.5
        return found

    return inlined(share)


def uniform_function() -> Any:
    """``word(k, quad, path, stream, key0, key1)``: the random word that decides the bridge of step 4 quad + k."""
    words = words_function()

    def word(k, quad, path, stream, key0, key1):
        """Word k of the counter."""
        a, b, c, e = words(quad, stream << 24, path, key0, key1)
        return a if k == 0 else (b if k == 1 else (c if k == 2 else e))

    return inlined(word)


@lru_cache(maxsize=64)
def exit_kernel(
    step: tuple[str, int], wall: tuple[str, int], fold: tuple[str, int] | None, dimension: int, real: str
) -> Any:
    """The kernel ``exits`` for generated step, wall and fold, each (text, how many numbers it reads).

    Its arguments: x (d, lanes), owner and quads (lanes,), the state of the threads between two calls, owner -1 for
    none; the queue (5,); starts (d, paths) or (d, 1); the number of the first path; groups of four steps until a path
    is censored, and of this call; whether to test between steps; the seed's halves and two streams; the numbers of
    step, wall and fold; the largest |x|; times (paths,) in steps, places (d, paths), and begun (paths,) by the clock.
    """
    advance, watch, is_lost = generated(step[0], real), generated(wall[0], real), lost_function(dimension)
    folded = generated(fold[0] if fold is not None else wall[0], real)  # any function where there is no fold
    draw, word, share = draw_function(dimension, real), uniform_function(), share_function()
    choose, copy = kick_function(dimension), copy_function(dimension)
    take, put = column_functions(dimension)
    number = getattr(types, real)
    (step_size, fetch_step), (wall_size, fetch_wall) = near(*step, real), near(*wall, real)
    fold_size, fetch_fold = near(*fold, real) if fold is not None else near("", 0, real)
    folding, least = fold is not None, np.dtype(real).type(NEGLIGIBLE)

    @cuda.jit
    def exits(
        states, owner, quads, queue, starts, first, horizon, budget, bridge, key0, key1, stream, bridge_stream,
        step_numbers, wall_numbers, fold_numbers, limit, times, places, begun, clock,
    ):  # fmt: skip
        """Threads on their paths."""
        lane = cuda.grid(1)
        if lane >= owner.shape[0]:
            return
        x = cuda.local.array(dimension, number)
        u = cuda.local.array(dimension, number)
        kick = cuda.local.array(dimension, number)
        z = cuda.local.array((4, dimension), number)
        here = cuda.local.array(2, number)
        there = cuda.local.array(2, number)
        data = fetch_step(step_numbers, cuda.local.array(step_size, number))
        wall_data = fetch_wall(wall_numbers, cuda.local.array(wall_size, number))
        fold_data = fetch_fold(fold_numbers, cuda.local.array(fold_size, number))
        threshold = least if bridge else number(0)
        path = owner[lane]
        quad = quads[lane]
        take(states, lane, x)
        if path >= 0:
            watch(x, wall_data, here)
        for turn in range(budget):
            if path < 0:
                path = cuda.atomic.add(queue, NEXT, 1)
                if path >= queue[END]:
                    path = -1
                    break
                take(starts, path if starts.shape[1] > 1 else 0, x)
                quad = 0
                begun[path] = clock + turn
                watch(x, wall_data, here)
            draw(z, quad, first + path, stream, key0, key1)
            out = False
            for k in range(4):
                if not out:
                    choose(z, k, kick)
                    advance(x, kick, data, u)
                    watch(u, wall_data, there)
                    if not (here[0] * there[0] * here[1] > threshold):
                        drawn = word(k, quad, first + path, bridge_stream, key0, key1)
                        left = share(here, there, bridge, limit, drawn)
                        if left >= 0:
                            out = True
                            times[path] = 4 * quad + k + left
                            for i in range(dimension):
                                places[i, path] = x[i] + left * (np.float64(u[i]) - x[i])
                    if folding:
                        folded(u, fold_data, x)
                    else:
                        copy(u, x)
                    here[0] = there[0]
                    here[1] = there[1]
            if not out and is_lost(x, limit):
                cuda.atomic.min(queue, LOST, path)
                cuda.atomic.max(queue, QUAD, quad)
                break
            quad += 1
            if not out and quad >= horizon:
                out = True
                times[path] = math.inf
                put(x, places, path)
            if out:
                cuda.atomic.add(queue, DONE, 1)
                path = -1
        owner[lane] = path
        quads[lane] = quad
        put(x, states, lane)

    return exits
