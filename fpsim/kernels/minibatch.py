"""Mini-batch SGD for blocks of paths, forward or until they leave:  x_{n+1} = x_n - (eta / S) sum_{j in B_n} grad l."""

from __future__ import annotations

import numpy as np
from numba import types

from fpsim.kernels import BLOCK, compiled, helper, inlined
from fpsim.kernels.batch_step import batch_step, room_to_step
from fpsim.kernels.draws import draw_four, room_to_draw
from fpsim.kernels.exits import count, diverged, refill, retire, set_counters, take_up
from fpsim.kernels.philox import set_path, set_quad
from fpsim.kernels.walk import add_powers, all_finite, any_lost

u8 = np.uint64


@inlined
def any_inside(level):
    """Whether a lane is in the target."""
    found = 0
    for j in range(BLOCK):
        found |= level[j] >= 0
    return found != 0


@helper
def land(y, level, owner, quads, out, k, limit, times, places):
    """Record the lanes whose step k of four has ended in the target; returns how many."""
    gone = 0
    for j in range(BLOCK):
        if level[j] >= 0 and not out[j]:
            sound = True
            for i in range(y.size // BLOCK):
                sound &= abs(y[i * BLOCK + j]) <= limit
                places[owner[j], i] = y[i * BLOCK + j]
            if sound:
                times[owner[j]] = 4 * quads[j] + k + 1
                out[j] = 1
                gone += 1
    return gone


def _arguments(real):
    row, integer, word = real[::1], types.int64, types.uint32
    gradient = types.FunctionType(types.void(row, row, row, row))
    # table, data, gradient, dimension, rate, rule, numbers, spread, batch, sampling, stream, sparse, key0, key1
    which = integer, integer, integer, types.boolean
    return real[:, ::1], row, gradient, integer, real, integer, row, real, *which, word, word


def _walk_signature(real):
    integer = types.int64
    return types.UniTuple(integer, 2)(
        real[:, ::1], integer, integer, integer, *_arguments(real), real, real[:, :, ::1], types.float64[:, :, ::1],
        types.float64[::1], integer,
    )  # fmt: skip


@compiled(_walk_signature)
def walk_batches(
    states, first_path, first_step, every, table, data, gradient, dimension, rate, rule, numbers, spread,
    batch, sampling, stream, sparse, key0, key1, limit, frames, sums, origin, paths,
):  # fmt: skip
    """Advance blocks of paths by ``frames`` stretches of ``every`` steps each.

    Args:
        states: (blocks, coordinates * BLOCK), start on entry; end on exit.
        first_path: number of the first path of the first block.
        first_step: number of the first step.
        table: (data names, examples) the data set.
        data, gradient: parameters, and the compiled gradient of one example.
        dimension: d; states have d coordinates, and below them what the rule remembers.
        rate: eta / S (eta for Gaussian noise).
        rule, numbers: how a step is made of a gradient, and its numbers (:mod:`fpsim.sgd.rules`).
        spread: (m S)^(-1/2) for Gaussian noise.
        batch, sampling: examples in a batch, and the law of the draws.
        stream, key0, key1: random stream of that law, and the seed's halves.
        sparse: whether the gradient leaves out groups of lanes whose first slopes are 0 when it is called.
        limit: largest |x| taken for finite.
        frames: (stretches, blocks, d * BLOCK): the state after every stretch (or no blocks: nothing kept).
        sums: (stretches, 4, d), added to: sums of the first four powers of x - origin over the true paths (or size 0).
        origin: (d,) reference of ``sums``.
        paths: number of true paths in these blocks; the rest of the last block is padding.

    Returns:
        (block, step): where a path was seen to diverge, or (-1, -1).
    """
    y, out = np.empty(states.shape[1], states.dtype), np.zeros(BLOCK, np.uint8)
    drawn = room_to_draw(states, dimension, batch, table.shape[1], sampling)
    room = room_to_step(states, table, dimension, sampling)
    lanes = drawn[-1].view(np.uint32)
    for block in range(states.shape[0]):
        x = states[block]
        for j in range(BLOCK):
            out[j] = block * BLOCK + j >= paths  # padding
            set_path(lanes, j, u8(first_path + block * BLOCK + j))
        for m in range(frames.shape[0] * every):
            n = first_step + m
            if n % 4 == 0 or m == 0:
                for j in range(BLOCK):
                    set_quad(lanes, j, u8(n // 4))
                draw_four(drawn, batch, table.shape[1], sampling, spread, stream, key0, key1)
            batch_step(x, y, n % 4, drawn, out, batch, table, room, gradient, data, rate, rule, numbers, sparse)
            x[:] = y
            if not all_finite(x, limit) and any_lost(x, min(BLOCK, paths - block * BLOCK), limit):
                return block, n + 1
            if (m + 1) % every == 0:
                stretch = m // every
                if frames.shape[1] > 0:
                    frames[stretch, block] = x
                if sums.size > 0:
                    add_powers(sums[stretch], x, origin, min(BLOCK, paths - block * BLOCK))
    return -1, -1


def _exit_signature(real):
    row, integer = real[::1], types.int64
    wall = types.FunctionType(types.void(row, row, row))
    return integer(
        row, integer[::1], integer[::1], integer[::1], types.float64[:, ::1], integer, integer, *_arguments(real),
        row, wall, real, types.float64[::1], types.float64[:, ::1], integer[::1], integer[::1], types.boolean,
    )  # fmt: skip


@compiled(_exit_signature)
def exit_batches(
    x, owner, quads, pool, starts, horizon, budget, table, data, gradient, dimension, rate, rule, numbers, spread,
    batch, sampling, stream, sparse, key0, key1, wall_data, wall, limit, times, places, clock, begun, final,
):  # fmt: skip
    """Move one block of lanes until its budget, or its list of paths, is used up.

    A path is out when a step lands in the target: the chain is the truth, nothing happens between its steps.
    Arguments are those of :func:`walk_batches` and of :func:`fpsim.kernels.exits.exits`; ``wall`` gives the signed
    distance to the target.

    Returns:
        number of lanes still carrying paths, or -1 - path for a path that diverged.
    """
    y, level, out = np.empty(x.size, x.dtype), np.empty(BLOCK, x.dtype), np.zeros(BLOCK, np.uint8)
    drawn = room_to_draw(x, dimension, batch, table.shape[1], sampling)
    room = room_to_step(x, table, dimension, sampling)
    lanes = drawn[-1].view(np.uint32)
    busy = take_up(owner, out, lanes)
    for _ in range(budget):
        if busy < BLOCK and pool[0] < pool[1]:
            busy += refill(x, owner, quads, pool, starts, out, lanes, clock, begun)
        if busy == 0 or (busy < BLOCK and not final):
            return busy
        oldest = set_counters(lanes, quads)
        draw_four(drawn, batch, table.shape[1], sampling, spread, stream, key0, key1)
        gone = 0
        for k in range(4):
            batch_step(x, y, k, drawn, out, batch, table, room, gradient, data, rate, rule, numbers, sparse)
            wall(y, wall_data, level)
            if any_inside(level):
                gone += land(y, level, owner, quads, out, k, limit, times, places)
            x[:] = y
        if not all_finite(x, limit):
            path = diverged(x, owner, out, limit)
            if path >= 0:
                return -1 - path
            gone += 1
        clock[0] += 1
        count(quads)
        if gone > 0 or oldest + 1 >= horizon:
            busy -= retire(x, owner, quads, starts, horizon, out, times, places)
    return busy
