"""Mini-batch SGD, one thread per path:  x_{n+1} = x_n - (eta / S) sum_{j in B_n} grad l(x_n; data_j).

A state is x, and below it what the rule of the steps remembers (:mod:`fpsim.sgd.rules`).
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numba import cuda, types

from fpsim.cuda.batch_draws import draw_function, forget_function, terms_function
from fpsim.cuda.batch_step import coordinates, slope_function, step_function
from fpsim.cuda.functions import column_functions, copy_function, frame_function, generated, inlined, lost_function
from fpsim.cuda.moving import Moving


class Shape(NamedTuple):
    """What kernels are compiled for, beside the formulas: law and rule are numbered as on the CPU.

    ``scheduled``: whether rates and sizes change from one iteration to the next.
    """

    dimension: int
    law: int
    rule: int = 0
    scheduled: bool = False
    real: str = "float64"


class Tools(NamedTuple):
    """What a thread needs to move its path and to know whether it has left."""

    batches: Any
    wall: Any
    slope: Any
    total: Any
    level: Any


@lru_cache(maxsize=64)
def moving(source: str, wall: str, shape: Shape) -> Moving:
    """As :func:`fpsim.cuda.moving.moving`; a path is out when a step lands in the target.

    ``given``: :class:`fpsim.cuda.batch_draws.Batches`, and the numbers of the distance.
    """
    dimension, law, rule, scheduled, real = shape
    terms, (sums, pull) = terms_function(scheduled), slope_function(source, dimension, law, real)
    draw_batch, move, watch = draw_function(law, terms), step_function(dimension, rule, real), generated(wall, real)
    n = coordinates(dimension, rule)
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
        now = terms(4 * quad + k, tools.batches)
        pull(x, k, quad, path, lane, now, tools.batches, tools.slope, tools.total)
        move(x, u, tools.total, now, tools.batches.numbers)
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
    return Moving(n, real, False, (dimension, sums, 1, 1, 1, 1, 1), *parts)


@lru_cache(maxsize=64)
def walk_kernel(source: str, shape: Shape) -> Any:
    """The kernel that advances paths by ``stretches`` stretches of ``every`` steps, as :mod:`fpsim.cuda.walk`.

    ``lost`` (2,) is lowered to the first path that was lost and raised to the step after which one was.
    """
    dimension, law, rule, scheduled, real = shape
    terms, (sums, pull) = terms_function(scheduled), slope_function(source, dimension, law, real)
    draw, move, n = draw_function(law, terms), step_function(dimension, rule, real), coordinates(dimension, rule)
    (take, put), keep = column_functions(n), frame_function(n)
    is_lost, forget, number = lost_function(n), forget_function(law), getattr(types, real)

    @cuda.jit
    def walk(states, first_path, first_step, every, stretches, batches, limit, frames, lost):
        """Threads on their paths."""
        lane = cuda.grid(1)
        if lane >= states.shape[1]:
            return
        x = cuda.local.array(n, number)
        slope, total = cuda.local.array(dimension, number), cuda.local.array(sums, number)
        take(states, lane, x)
        path = first_path + lane
        forget(lane, batches)
        mark = first_step + every
        frame = 0
        for step in range(first_step, first_step + every * stretches):
            if step % 4 == 0 or step == first_step:
                draw(step // 4, path, lane, batches)
            now = terms(step, batches)
            pull(x, step % 4, step // 4, path, lane, now, batches, slope, total)
            move(x, x, total, now, batches.numbers)
            if is_lost(x, limit):
                cuda.atomic.min(lost, 0, lane)
                cuda.atomic.max(lost, 1, step + 1)
                break
            if step + 1 == mark:
                keep(x, frames, frame, lane)
                frame += 1
                mark += every
        put(x, states, lane)

    return walk
