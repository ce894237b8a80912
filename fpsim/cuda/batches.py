"""Mini-batch SGD, one thread per path:  x_{n+1} = x_n - (eta / S) sum_{j in B_n} grad l(x_n; data_j).

The examples that a path draws are those of :mod:`fpsim.kernels.minibatch`; their numbers stand in the card's memory,
``picks`` (4 S, lanes) for the next four steps and, for reshuffled epochs, ``order`` (m, lanes).
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np
from numba import cuda, types

from fpsim.cuda.exits import DONE, END, LOST, NEXT, QUAD
from fpsim.cuda.functions import generated, inlined, lost_function, words_function

DISTINCT, RESHUFFLED = 1, 2  # laws of the draws, as in fpsim.kernels.minibatch
u8 = np.uint64


def draw_function(law: int) -> Any:
    """``draw(picks, order, shown, lane, quad, path, batch, examples, stream, key0, key1)``: the picks of four steps.

    Returns the epoch whose order stands in ``order``, which was ``shown`` on entry.
    """
    words = words_function()

    def scaled(word, top):
        return (u8(word) * u8(top)) >> u8(32)

    scale = inlined(scaled)

    def independent(picks, order, shown, lane, quad, path, batch, examples, stream, key0, key1):
        for draw in range(batch):
            a, b, c, e = words(quad, (stream << 24) | draw, path, key0, key1)
            picks[draw, lane] = scale(a, examples)
            picks[batch + draw, lane] = scale(b, examples)
            picks[2 * batch + draw, lane] = scale(c, examples)
            picks[3 * batch + draw, lane] = scale(e, examples)
        return shown

    def distinct(picks, order, shown, lane, quad, path, batch, examples, stream, key0, key1):
        for draw in range(batch):
            a, b, c, e = words(quad, (stream << 24) | draw, path, key0, key1)
            top = examples - batch + draw + 1
            for k in range(4):
                new = np.int64(scale(a if k == 0 else (b if k == 1 else (c if k == 2 else e)), top))
                clash = False
                for earlier in range(draw):
                    if picks[k * batch + earlier, lane] == new:
                        clash = True
                picks[k * batch + draw, lane] = top - 1 if clash else new
        return shown

    def reshuffled(picks, order, shown, lane, quad, path, batch, examples, stream, key0, key1):
        batches = examples // batch
        for k in range(4):
            epoch = (4 * quad + k) // batches
            place = (4 * quad + k) % batches
            if epoch != shown:
                for i in range(examples):
                    order[i, lane] = i
                for group in range((examples + 3) // 4):
                    a, b, c, e = words(epoch, (stream << 24) | group, path, key0, key1)
                    for w in range(4):
                        i = 4 * group + w
                        if i < examples:
                            word = a if w == 0 else (b if w == 1 else (c if w == 2 else e))
                            other = i + np.int64(scale(word, examples - i))
                            kept = order[i, lane]
                            order[i, lane] = order[other, lane]
                            order[other, lane] = kept
                shown = epoch
            for draw in range(batch):
                picks[k * batch + draw, lane] = order[place * batch + draw, lane]
        return shown

    return inlined(reshuffled if law == RESHUFFLED else distinct if law == DISTINCT else independent)


def step_function(source: str, dimension: int, columns: int, real: str) -> Any:
    """``move(x, k, picks, lane, batch, table, rows, slope, total, data, rate)``: x after step k of four, in place."""
    gradient = generated(source, real)

    def move(x, k, picks, lane, batch, table, rows, slope, total, data, rate):
        for i in range(dimension):
            total[i] = 0
        for draw in range(batch):
            example = picks[k * batch + draw, lane]
            for r in range(columns):
                rows[r] = table[r, example]
            gradient(x, rows, data, slope)
            for i in range(dimension):
                total[i] += slope[i]
        for i in range(dimension):
            x[i] = x[i] - rate * total[i]

    return inlined(move)


@lru_cache(maxsize=64)
def walk_kernel(source: str, dimension: int, columns: int, law: int, real: str = "float64") -> Any:
    """The kernel that advances paths by ``stretches`` stretches of ``every`` steps, as :mod:`fpsim.cuda.walk`.

    ``lost`` (2,) is lowered to the first path that was lost and raised to the step after which one was.
    """
    draw, move = draw_function(law), step_function(source, dimension, columns, real)
    is_lost, number = lost_function(dimension), getattr(types, real)

    @cuda.jit
    def walk(
        states, first_path, first_step, every, stretches, table, data, rate, batch, stream, key0, key1, picks, order,
        limit, frames, lost,
    ):  # fmt: skip
        lane = cuda.grid(1)
        if lane >= states.shape[1]:
            return
        x = cuda.local.array(dimension, number)
        slope = cuda.local.array(dimension, number)
        total = cuda.local.array(dimension, number)
        rows = cuda.local.array(columns, number)
        for i in range(dimension):
            x[i] = states[i, lane]
        path = first_path + lane
        shown = -1
        mark = first_step + every
        frame = 0
        for n in range(first_step, first_step + every * stretches):
            if n % 4 == 0 or n == first_step:
                shown = draw(picks, order, shown, lane, n // 4, path, batch, table.shape[1], stream, key0, key1)
            move(x, n % 4, picks, lane, batch, table, rows, slope, total, data, rate)
            if is_lost(x, limit):
                cuda.atomic.min(lost, 0, lane)
                cuda.atomic.max(lost, 1, n + 1)
                break
            if n + 1 == mark:
                if frames.shape[0] > 0:
                    for i in range(dimension):
                        frames[frame, i, lane] = x[i]
                frame += 1
                mark += every
        for i in range(dimension):
            states[i, lane] = x[i]

    return walk


@lru_cache(maxsize=64)
def exit_kernel(source: str, wall: str, dimension: int, columns: int, law: int, real: str = "float64") -> Any:
    """The kernel that follows paths until a step lands in the target, as :mod:`fpsim.cuda.exits`."""
    draw, move, watch = draw_function(law), step_function(source, dimension, columns, real), generated(wall, real)
    is_lost, number = lost_function(dimension), getattr(types, real)

    @cuda.jit
    def exits(
        states, owner, quads, queue, starts, first, horizon, budget, table, data, rate, batch, stream, key0, key1,
        picks, order, wall_data, limit, times, places, begun, clock,
    ):  # fmt: skip
        lane = cuda.grid(1)
        if lane >= owner.shape[0]:
            return
        x = cuda.local.array(dimension, number)
        slope = cuda.local.array(dimension, number)
        total = cuda.local.array(dimension, number)
        rows = cuda.local.array(columns, number)
        level = cuda.local.array(1, number)
        path = owner[lane]
        quad = quads[lane]
        shown = -1
        for i in range(dimension):
            x[i] = states[i, lane]
        for turn in range(budget):
            if path < 0:
                path = cuda.atomic.add(queue, NEXT, 1)
                if path >= queue[END]:
                    path = -1
                    break
                for i in range(dimension):
                    x[i] = starts[i, path if starts.shape[1] > 1 else 0]
                quad = 0
                shown = -1
                begun[path] = clock + turn
            shown = draw(picks, order, shown, lane, quad, first + path, batch, table.shape[1], stream, key0, key1)
            out = False
            for k in range(4):
                if not out:
                    move(x, k, picks, lane, batch, table, rows, slope, total, data, rate)
                    watch(x, wall_data, level)
                    if level[0] >= 0 and not is_lost(x, limit):
                        out = True
                        times[path] = 4 * quad + k + 1
                        for i in range(dimension):
                            places[i, path] = x[i]
            if not out and is_lost(x, limit):
                cuda.atomic.min(queue, LOST, path)
                cuda.atomic.max(queue, QUAD, quad)
                break
            quad += 1
            if not out and quad >= horizon:
                out = True
                times[path] = math.inf
                for i in range(dimension):
                    places[i, path] = x[i]
            if out:
                cuda.atomic.add(queue, DONE, 1)
                path = -1
        owner[lane] = path
        quads[lane] = quad
        for i in range(dimension):
            states[i, lane] = x[i]

    return exits
