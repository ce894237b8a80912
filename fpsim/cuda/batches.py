"""Mini-batch SGD, one thread per path:  x_{n+1} = x_n - (eta / S) sum_{j in B_n} grad l(x_n; data_j).

The examples that a path draws are those of :mod:`fpsim.kernels.draws`; their numbers stand in the card's memory,
``picks`` (4 S, lanes) for the next four steps and, for reshuffled epochs, ``order`` (m, lanes).  Gaussian noise takes
the normals of all examples again when it needs them, first for their means and then for the weights, so that no memory
holds them.  With momentum a state is (x, v).
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np
from numba import cuda, types

from fpsim.cuda.exits import DONE, END, LOST, NEXT, QUAD
from fpsim.cuda.functions import column_functions, generated, inlined, lost_function, pair_function, words_function

DISTINCT, RESHUFFLED, GAUSSIAN = 1, 2, 3  # laws of the draws, as in fpsim.kernels.draws
u8 = np.uint64


def draw_function(law: int) -> Any:
    """``draw(picks, order, shown, lane, quad, path, batch, examples, stream, key0, key1)``: the picks of four steps.

    Returns the epoch whose order stands in ``order``, which was ``shown`` on entry.
    """
    words = words_function()

    def scaled(word, top):
        """A whole number below ``top``."""
        return (u8(word) * u8(top)) >> u8(32)

    scale = inlined(scaled)

    def independent(picks, order, shown, lane, quad, path, batch, examples, stream, key0, key1):
        """With replacement."""
        for draw in range(batch):
            a, b, c, e = words(quad, (stream << 24) | draw, path, key0, key1)
            picks[draw, lane] = scale(a, examples)
            picks[batch + draw, lane] = scale(b, examples)
            picks[2 * batch + draw, lane] = scale(c, examples)
            picks[3 * batch + draw, lane] = scale(e, examples)
        return shown

    def distinct(picks, order, shown, lane, quad, path, batch, examples, stream, key0, key1):
        """Different ones within a batch (Floyd)."""
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
        """The next of an epoch's order (Fisher, Yates)."""
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

    def nothing(picks, order, shown, lane, quad, path, batch, examples, stream, key0, key1):
        """Gaussian noise draws no examples."""
        return shown

    if law == GAUSSIAN:
        return inlined(nothing)
    return inlined(reshuffled if law == RESHUFFLED else distinct if law == DISTINCT else independent)


def slope_function(source: str, dimension: int, law: int, real: str) -> Any:
    """``pull(x, k, picks, lane, quad, path, batch, table, slope, total, data, spread, stream, key0, key1)``.

    Fills ``total`` with the sum of the gradients of the examples of step 4 quad + k, or with that of all examples times
    the weights 1/m + spread (z - mean z).
    """
    gradient, words, pair = generated(source, real), words_function(), pair_function(real)
    cast = np.dtype(real).type
    zero, unit = cast(0), cast(1)

    def normal(k, quad, tag, path, key0, key1):
        """Of step 4 quad + k."""
        a, b, c, e = words(quad, tag, path, key0, key1)
        first, second = pair(a, b) if k < 2 else pair(c, e)
        return first if k == 0 or k == 2 else second

    one = inlined(normal)

    def picked(x, k, picks, lane, quad, path, batch, table, slope, total, data, spread, stream, key0, key1):
        """Of the examples drawn."""
        for i in range(dimension):
            total[i] = zero
        for draw in range(batch):
            gradient(x, table[:, picks[k * batch + draw, lane]], data, slope)
            for i in range(dimension):
                total[i] += slope[i]

    def weighted(x, k, picks, lane, quad, path, batch, table, slope, total, data, spread, stream, key0, key1):
        """Of all examples."""
        m = table.shape[1]
        mean = zero
        for example in range(m):
            mean += one(k, quad, (stream << 24) | example, path, key0, key1)
        for i in range(dimension):
            total[i] = zero
        for example in range(m):
            z = one(k, quad, (stream << 24) | example, path, key0, key1)
            weight = (unit + spread * (cast(m) * z - mean)) / cast(m)
            gradient(x, table[:, example], data, slope)
            for i in range(dimension):
                total[i] += weight * slope[i]

    return inlined(weighted if law == GAUSSIAN else picked)


def step_function(dimension: int, momentum: bool) -> Any:
    """``move(x, total, rate, beta)``: x one step later, in place; with momentum velocities are below positions."""

    def plain(x, total, rate, beta):
        """x' = x - rate total."""
        for i in range(dimension):
            x[i] = x[i] - rate * total[i]

    def heavy(x, total, rate, beta):
        """v' = beta v - rate total, x' = x + v'."""
        for i in range(dimension):
            x[dimension + i] = beta * x[dimension + i] - rate * total[i]
            x[i] += x[dimension + i]

    return inlined(heavy if momentum else plain)


@lru_cache(maxsize=64)
def walk_kernel(source: str, dimension: int, law: int, momentum: bool = False, real: str = "float64") -> Any:
    """The kernel that advances paths by ``stretches`` stretches of ``every`` steps, as :mod:`fpsim.cuda.walk`.

    ``lost`` (2,) is lowered to the first path that was lost and raised to the step after which one was.
    """
    draw, pull = draw_function(law), slope_function(source, dimension, law, real)
    move = step_function(dimension, momentum)
    coordinates = 2 * dimension if momentum else dimension
    take, put = column_functions(coordinates)
    is_lost, number = lost_function(coordinates), getattr(types, real)

    @cuda.jit
    def walk(
        states, first_path, first_step, every, stretches, table, data, rate, beta, spread, batch, stream, key0, key1,
        picks, order, limit, frames, lost,
    ):  # fmt: skip
        """Threads on their paths."""
        lane = cuda.grid(1)
        if lane >= states.shape[1]:
            return
        x = cuda.local.array(coordinates, number)
        slope = cuda.local.array(dimension, number)
        total = cuda.local.array(dimension, number)
        take(states, lane, x)
        path = first_path + lane
        shown = -1
        mark = first_step + every
        frame = 0
        for n in range(first_step, first_step + every * stretches):
            if n % 4 == 0 or n == first_step:
                shown = draw(picks, order, shown, lane, n // 4, path, batch, table.shape[1], stream, key0, key1)
            pull(
                x, n % 4, picks, lane, n // 4, path, batch, table, slope, total, data, spread, stream, key0, key1
            )  # fmt: skip
            move(x, total, rate, beta)
            if is_lost(x, limit):
                cuda.atomic.min(lost, 0, lane)
                cuda.atomic.max(lost, 1, n + 1)
                break
            if n + 1 == mark:
                if frames.shape[0] > 0:
                    for i in range(coordinates):
                        frames[frame, i, lane] = x[i]
                frame += 1
                mark += every
        put(x, states, lane)

    return walk


@lru_cache(maxsize=64)
def exit_kernel(source: str, wall: str, dimension: int, law: int, momentum: bool = False, real: str = "float64") -> Any:
    """The kernel that follows paths until a step lands in the target, as :mod:`fpsim.cuda.exits`."""
    draw, pull = draw_function(law), slope_function(source, dimension, law, real)
    move = step_function(dimension, momentum)
    coordinates = 2 * dimension if momentum else dimension
    take, put = column_functions(coordinates)
    watch, is_lost, number = generated(wall, real), lost_function(coordinates), getattr(types, real)

    @cuda.jit
    def exits(
        states, owner, quads, queue, starts, first, horizon, budget, table, data, rate, beta, spread, batch, stream,
        key0, key1, picks, order, wall_data, limit, times, places, begun, clock,
    ):  # fmt: skip
        """Threads on their paths."""
        lane = cuda.grid(1)
        if lane >= owner.shape[0]:
            return
        x = cuda.local.array(coordinates, number)
        slope = cuda.local.array(dimension, number)
        total = cuda.local.array(dimension, number)
        level = cuda.local.array(1, number)
        path = owner[lane]
        quad = quads[lane]
        shown = -1
        take(states, lane, x)
        for turn in range(budget):
            if path < 0:
                path = cuda.atomic.add(queue, NEXT, 1)
                if path >= queue[END]:
                    path = -1
                    break
                take(starts, path if starts.shape[1] > 1 else 0, x)
                quad = 0
                shown = -1
                begun[path] = clock + turn
            shown = draw(picks, order, shown, lane, quad, first + path, batch, table.shape[1], stream, key0, key1)
            out = False
            for k in range(4):
                if not out:
                    pull(
                        x, k, picks, lane, quad, first + path, batch, table, slope, total, data, spread, stream, key0,
                        key1,
                    )  # fmt: skip
                    move(x, total, rate, beta)
                    watch(x, wall_data, level)
                    if level[0] >= 0 and not is_lost(x, limit):
                        out = True
                        times[path] = 4 * quad + k + 1
                        put(x, places, path)
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
