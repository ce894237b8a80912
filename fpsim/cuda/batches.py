"""Mini-batch SGD, one thread per path:  x_{n+1} = x_n - (eta / S) sum_{j in B_n} grad l(x_n; data_j).

The examples that a path draws are those of :mod:`fpsim.kernels.draws`; their numbers stand in the card's memory,
``picks`` (4 S, lanes) for the next four steps and, for reshuffled epochs, ``order`` (m + 1, lanes), whose last row says
of which epoch.  Gaussian noise takes the normals of all examples again when it needs them, first for their means and
then for the weights, so that no memory holds them.  With momentum a state is (x, v).
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numba import cuda, types

from fpsim.cuda.functions import (
    column_functions,
    copy_function,
    frame_function,
    generated,
    inlined,
    lost_function,
    pair_function,
    words_function,
)
from fpsim.cuda.moving import Moving
from fpsim.kernels.draws import DISTINCT, GAUSSIAN, RESHUFFLED

u8 = np.uint64


class Batches(NamedTuple):
    """What kernels are told of mini-batches: data set, numbers of the step, random stream, room for the draws."""

    table: Any
    data: Any
    rate: Any
    beta: Any
    spread: Any
    batch: int
    stream: int
    key0: Any
    key1: Any
    picks: Any
    order: Any


class Tools(NamedTuple):
    """And what a thread needs to know whether its path has left."""

    batches: Batches
    wall: Any
    slope: Any
    total: Any
    level: Any


def draw_function(law: int) -> Any:
    """``draw(quad, path, lane, batches)``: the picks of four steps."""
    if law == GAUSSIAN:
        return inlined(_nothing)
    words, scale = words_function(), inlined(_scaled)
    make = _reshuffled if law == RESHUFFLED else _distinct if law == DISTINCT else _independent
    return inlined(make(words, scale))


def _scaled(word, top):
    """A whole number below ``top``."""
    return (u8(word) * u8(top)) >> u8(32)


def _nothing(quad, path, lane, batches):
    """Gaussian noise draws no examples."""


def _independent(words: Any, scale: Any) -> Any:
    def draw(quad, path, lane, batches):
        """With replacement."""
        batch, examples, picks = batches.batch, batches.table.shape[1], batches.picks
        for draw in range(batch):
            a, b, c, e = words(quad, (batches.stream << 24) | draw, path, batches.key0, batches.key1)
            picks[draw, lane] = scale(a, examples)
            picks[batch + draw, lane] = scale(b, examples)
            picks[2 * batch + draw, lane] = scale(c, examples)
            picks[3 * batch + draw, lane] = scale(e, examples)

    return draw


def _distinct(words: Any, scale: Any) -> Any:
    def draw(quad, path, lane, batches):
        """Different ones within a batch (Floyd)."""
        batch, examples, picks = batches.batch, batches.table.shape[1], batches.picks
        for draw in range(batch):
            a, b, c, e = words(quad, (batches.stream << 24) | draw, path, batches.key0, batches.key1)
            top = examples - batch + draw + 1
            for k in range(4):
                new = np.int64(scale(a if k == 0 else (b if k == 1 else (c if k == 2 else e)), top))
                clash = False
                for earlier in range(draw):
                    if picks[k * batch + earlier, lane] == new:
                        clash = True
                picks[k * batch + draw, lane] = top - 1 if clash else new

    return draw


def _reshuffled(words: Any, scale: Any) -> Any:
    def shuffle(epoch, path, lane, batches):
        """A new order (Fisher, Yates)."""
        order, examples = batches.order, batches.table.shape[1]
        order[examples, lane] = epoch
        for i in range(examples):
            order[i, lane] = i
        for group in range((examples + 3) // 4):
            a, b, c, e = words(epoch, (batches.stream << 24) | group, path, batches.key0, batches.key1)
            for w in range(4):
                i = 4 * group + w
                if i < examples:
                    word = a if w == 0 else (b if w == 1 else (c if w == 2 else e))
                    other = i + np.int64(scale(word, examples - i))
                    kept = order[i, lane]
                    order[i, lane] = order[other, lane]
                    order[other, lane] = kept

    shuffled = inlined(shuffle)

    def draw(quad, path, lane, batches):
        """The next of an epoch's order."""
        batch, examples, order = batches.batch, batches.table.shape[1], batches.order
        for k in range(4):
            epoch = (4 * quad + k) // (examples // batch)
            first = (4 * quad + k) % (examples // batch) * batch
            if epoch != order[examples, lane]:
                shuffled(epoch, path, lane, batches)
            for draw in range(batch):
                batches.picks[k * batch + draw, lane] = order[first + draw, lane]

    return draw


def forget_function(law: int) -> Any:
    """``forget(lane, batches)``: no order of examples is known."""

    def forget(lane, batches):
        """The last row is of no epoch."""
        if law == RESHUFFLED:
            batches.order[batches.table.shape[1], lane] = -1

    return inlined(forget)


def slope_function(source: str, dimension: int, law: int, real: str) -> Any:
    """``pull(x, k, quad, path, lane, batches, slope, total)``.

    Fills ``total`` with the sum of the gradients of the examples of step 4 quad + k, or with that of all examples times
    the weights 1/m + spread (z - mean z).
    """
    gradient, zero = generated(source, real), np.dtype(real).type(0)
    return inlined((_weighted if law == GAUSSIAN else _picked)(gradient, dimension, zero, real))


def _picked(gradient: Any, dimension: int, zero: Any, real: str) -> Any:
    def pull(x, k, quad, path, lane, batches, slope, total):
        """Of the examples drawn."""
        for i in range(dimension):
            total[i] = zero
        for draw in range(k * batches.batch, (k + 1) * batches.batch):
            gradient(x, batches.table[:, batches.picks[draw, lane]], batches.data, slope)
            for i in range(dimension):
                total[i] += slope[i]

    return pull


def _weighted(gradient: Any, dimension: int, zero: Any, real: str) -> Any:
    words, pair, cast = words_function(), pair_function(real), np.dtype(real).type
    unit = cast(1)

    def normal(k, quad, tag, path, key0, key1):
        """Of step 4 quad + k."""
        a, b, c, e = words(quad, tag, path, key0, key1)
        first, second = pair(a, b) if k < 2 else pair(c, e)
        return first if k == 0 or k == 2 else second

    one = inlined(normal)

    def pull(x, k, quad, path, lane, batches, slope, total):
        """Of all examples."""
        tag, m, mean = batches.stream << 24, batches.table.shape[1], zero
        for example in range(m):
            mean += one(k, quad, tag | example, path, batches.key0, batches.key1)
        for i in range(dimension):
            total[i] = zero
        for example in range(m):
            z = one(k, quad, tag | example, path, batches.key0, batches.key1)
            weight = (unit + batches.spread * (cast(m) * z - mean)) / cast(m)
            gradient(x, batches.table[:, example], batches.data, slope)
            for i in range(dimension):
                total[i] += weight * slope[i]

    return pull


def step_function(dimension: int, momentum: bool) -> Any:
    """``move(x, u, total, batches)``: u one step after x; with momentum velocities are below positions."""

    def plain(x, u, total, batches):
        """x' = x - rate total."""
        for i in range(dimension):
            u[i] = x[i] - batches.rate * total[i]

    def heavy(x, u, total, batches):
        """v' = beta v - rate total, x' = x + v'."""
        for i in range(dimension):
            u[dimension + i] = batches.beta * x[dimension + i] - batches.rate * total[i]
            u[i] = x[i] + u[dimension + i]

    return inlined(heavy if momentum else plain)


@lru_cache(maxsize=64)
def moving(source: str, wall: str, dimension: int, law: int, momentum: bool = False, real: str = "float64") -> Moving:
    """As :func:`fpsim.cuda.moving.moving`; a path is out when a step lands in the target.

    ``given``: :class:`Batches`, and the numbers of the distance.
    """
    draw_batch, pull = draw_function(law), slope_function(source, dimension, law, real)
    move, watch = step_function(dimension, momentum), generated(wall, real)
    n = 2 * dimension if momentum else dimension
    is_lost, copy, forget = lost_function(n), copy_function(n), forget_function(law)

    def equip(given, room):
        """As given."""
        return Tools(given[0], given[1], room[0], room[1], room[2])

    def begin(x, lane, tools):
        """With a new order."""
        forget(lane, tools.batches)

    def draw(quad, path, lane, tools):
        """Picks."""
        draw_batch(quad, path, lane, tools.batches)

    def step(k, quad, path, lane, x, u, limit, tools):
        """Nothing happens between two steps."""
        pull(x, k, quad, path, lane, tools.batches, tools.slope, tools.total)
        move(x, u, tools.total, tools.batches)
        watch(u, tools.wall, tools.level)
        return 1.0 if tools.level[0] >= 0 and tools.level[0] <= limit and not is_lost(u, limit) else -1.0

    def arrive(x, u, share, place):
        """Where the step ended."""
        copy(u, place)

    def settle(u, x, tools):
        """As it is."""
        copy(u, x)

    def level(tools):
        """After the step."""
        return np.float64(tools.level[0])

    parts = (inlined(part) for part in (equip, begin, draw, step, arrive, settle, level))
    return Moving(n, real, (dimension, dimension, 1, 1, 1, 1, 1), *parts)


@lru_cache(maxsize=64)
def walk_kernel(source: str, dimension: int, law: int, momentum: bool = False, real: str = "float64") -> Any:
    """The kernel that advances paths by ``stretches`` stretches of ``every`` steps, as :mod:`fpsim.cuda.walk`.

    ``lost`` (2,) is lowered to the first path that was lost and raised to the step after which one was.
    """
    draw, pull = draw_function(law), slope_function(source, dimension, law, real)
    move = step_function(dimension, momentum)
    coordinates = 2 * dimension if momentum else dimension
    (take, put), keep = column_functions(coordinates), frame_function(coordinates)
    is_lost, forget, number = lost_function(coordinates), forget_function(law), getattr(types, real)

    @cuda.jit
    def walk(states, first_path, first_step, every, stretches, batches, limit, frames, lost):
        """Threads on their paths."""
        lane = cuda.grid(1)
        if lane >= states.shape[1]:
            return
        x = cuda.local.array(coordinates, number)
        slope = cuda.local.array(dimension, number)
        total = cuda.local.array(dimension, number)
        take(states, lane, x)
        path = first_path + lane
        forget(lane, batches)
        mark = first_step + every
        frame = 0
        for n in range(first_step, first_step + every * stretches):
            if n % 4 == 0 or n == first_step:
                draw(n // 4, path, lane, batches)
            pull(x, n % 4, n // 4, path, lane, batches, slope, total)
            move(x, x, total, batches)
            if is_lost(x, limit):
                cuda.atomic.min(lost, 0, lane)
                cuda.atomic.max(lost, 1, n + 1)
                break
            if n + 1 == mark:
                keep(x, frames, frame, lane)
                frame += 1
                mark += every
        put(x, states, lane)

    return walk
