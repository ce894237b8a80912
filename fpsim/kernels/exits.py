"""Exit times of paths:  T = inf {t : level(X_t) >= 0}, watched at the steps and, by a Brownian bridge, between them.

Between two points at distances a, b > 0 from a wall a path with normal diffusion D_n has crossed it with probability

    exp(-a b / (D_n h))

(Andersen and Piterbarg; Gobet, Stoch. Proc. Appl. 87 (2000), 167, for the weak order 1 of the killed Euler scheme).
Each lane of a block carries one path.  A lane whose path is out takes the next path of a list that is fixed in advance,
so no lane waits and short exits are not preferred.
"""

from __future__ import annotations

import math

import numpy as np
from numba import types

from fpsim.kernels import BLOCK, compiled, helper, inlined
from fpsim.kernels.normals import block_normals
from fpsim.kernels.philox import lane_words, set_path, set_quad
from fpsim.kernels.walk import all_finite

u4, u8 = np.uint32, np.uint64
IDLE = -1  # lane without a path
NEGLIGIBLE = 14.0
"""Bridges with a smaller crossing probability than exp(-14) are not drawn; this changes an exit rate by erfc(sqrt(14)),
about 1e-7 of it."""


@inlined
def bridge_uniform(stream, path, step, key0, key1):
    """The uniform in (0, 1) that decides whether ``path`` crossed during ``step``."""
    quad = u8(step) >> u8(2)
    high = u4(u8(path) >> u8(32)) | u4((quad >> u8(32)) << u8(16))
    w0, w1, w2, w3 = lane_words(
        u4(quad & u8(0xFFFFFFFF)), u4(u4(stream) << u4(24)), u4(u8(path) & u8(0xFFFFFFFF)), high, key0, key1
    )
    k = step & 3
    word = w0 if k == 0 else (w1 if k == 1 else (w2 if k == 2 else w3))
    return (np.float64(word) + 0.5) * 2.0**-32


@inlined
def near_wall(here, there, threshold, near):
    """Mark the lanes that may have left during a step; returns whether there are any.

    The exponent a b / (D_n h) is negative for a lane that landed in the target, small for one that may have been there.
    """
    for j in range(BLOCK):
        near[j] = not (here[j] * there[j] * here[BLOCK + j] > threshold)
    flags = near.view(np.uint64)
    found = u8(0)
    for group in range(BLOCK // 8):
        found |= flags[group]
    return found != 0


@inlined
def share_left(a, b, rate, bridge, stream, path, step, key0, key1, limit):
    """The share of ``step``, in (0, 1], after which ``path`` was in the target; -1 if it was not.

    It went from distance a to b, and ``rate`` is 1/(D_n h).
    """
    share = -1.0
    if b >= 0:
        if b <= limit:  # beyond it the path is lost, not out
            share = a / (a - b) if bridge else 1.0
    elif bridge and a <= 0:
        chance = math.exp(-a * b * rate)
        if bridge_uniform(stream, path, step, key0, key1) < chance:
            share = 0.5
    return share


@helper
def leave(x, y, here, there, k, near, owner, quads, out, bridging, times, places):
    """Decide for the lanes near the wall whether they left between ``x`` and ``y``; returns how many did."""
    gone, (_, bridge, stream, key0, key1, limit) = 0, bridging
    flags = near.view(np.uint64)
    for group in range(BLOCK // 8):
        if flags[group] == 0:
            continue
        for j in range(8 * group, 8 * group + 8):
            if out[j] or not near[j]:
                continue
            a, b, rate = np.float64(here[j]), np.float64(there[j]), np.float64(here[BLOCK + j])
            step = 4 * quads[j] + k
            share = share_left(a, b, rate, bridge, stream, owner[j], step, key0, key1, limit)
            if share >= 0:
                times[owner[j]] = step + share
                for i in range(x.size // BLOCK):
                    old = np.float64(x[i * BLOCK + j])
                    places[owner[j], i] = old + share * (np.float64(y[i * BLOCK + j]) - old)
                out[j] = 1
                gone += 1
    return gone


@helper
def take_up(owner, out, lanes):
    """Take up the paths of an earlier call; returns how many lanes carry one."""
    busy = 0
    for j in range(BLOCK):
        out[j] = owner[j] == IDLE
        if owner[j] != IDLE:
            busy += 1
            set_path(lanes, j, u8(owner[j]))
    return busy


@inlined
def set_counters(lanes, quads):
    """Point the random numbers at each lane's own steps; returns the most groups of four that a lane has done."""
    oldest = 0
    for j in range(BLOCK):
        set_quad(lanes, j, u8(quads[j]))
        oldest = max(oldest, quads[j])
    return oldest


@inlined
def count(quads):
    """Four steps more, in every lane."""
    for j in range(BLOCK):
        quads[j] += 1


@helper
def refill(x, owner, quads, pool, starts, out, lanes, clock, begun):
    """Give the next paths of the list to idle lanes, noting the time; returns how many."""
    taken = 0
    for j in range(BLOCK):
        if out[j] and pool[0] < pool[1]:
            path = pool[0]
            pool[0] += 1
            for i in range(x.size // BLOCK):
                x[i * BLOCK + j] = starts[i, path if starts.shape[1] > 1 else 0]
            owner[j], quads[j], out[j] = path, 0, 0
            begun[path] = clock[0]
            set_path(lanes, j, u8(path))
            taken += 1
    return taken


@helper
def retire(x, owner, quads, starts, horizon, out, times, places):
    """Censor the lanes at their horizon and free those that are out; returns how many were freed.

    A free lane rests at a start, where nothing can diverge.
    """
    freed = 0
    for j in range(BLOCK):
        if not out[j] and quads[j] >= horizon:
            times[owner[j]] = math.inf
            for i in range(x.size // BLOCK):
                places[owner[j], i] = x[i * BLOCK + j]
            out[j] = 1
        if out[j]:
            freed += owner[j] != IDLE
            owner[j] = IDLE
            quads[j] = 0
            for i in range(x.size // BLOCK):
                x[i * BLOCK + j] = starts[i, 0]
    return freed


@helper
def diverged(x, owner, out, limit):
    """The path of a lane that has left the finite numbers, or -1."""
    for i in range(x.size // BLOCK):
        for j in range(BLOCK):
            if not out[j] and not (abs(x[i * BLOCK + j]) <= limit):
                return owner[j]
    return -1


def _signature(real):
    row, integer, word = real[::1], types.int64, types.uint32
    advance = types.FunctionType(types.void(row, row, row, row))
    wall = types.FunctionType(types.void(row, row, row))
    return integer(
        row, types.int64[::1], types.int64[::1], types.int64[::1], types.float64[:, ::1], integer, integer, integer,
        word, word, integer, integer, row, advance, row, wall, row, wall, types.boolean, real, types.float64[::1],
        types.float64[:, ::1],
        types.int64[::1], types.int64[::1], types.boolean,
    )  # fmt: skip


@compiled(_signature)
def exits(
    x, owner, quads, pool, starts, horizon, budget, bridge, key0, key1, stream, bridge_stream,
    data, advance, wall_data, wall, fold_data, fold, folding, limit, times, places, clock, begun, final,
):  # fmt: skip
    """Move one block of lanes until its budget, or its list of paths, is used up.

    Args:
        x: (d * BLOCK,) state of the lanes.
        owner: (BLOCK,) number of the path in each lane, or -1.
        quads: (BLOCK,) groups of four steps that each lane has done.
        pool: (2,) next path to hand out and end of the list; the first is advanced.
        starts: (d, paths) or (d, 1) start points.
        horizon: groups of four steps after which a path is censored.
        budget: groups of four steps to run at most.
        bridge: 1 to test for crossings between steps, 0 for a discrete chain.
        key0, key1, stream, bridge_stream: seed halves and random streams.
        data, advance: the compiled step.
        wall_data, wall: compiled signed distance to the target (row 0) and 1/(D_n h) (row 1), also of an unfolded end.
        fold_data, fold, folding: what walls and edges make of the end of a step, and whether there are any.
        limit: largest |x| taken for finite.
        times: (paths,) exit times in steps, written (NaN while under way, infinity if censored).
        places: (paths, d) exit points, written; the final state for censored paths.
        clock: (1,) groups of four steps that this block has done, advanced.
        begun: (paths,) reading of that clock when a path began, written.
        final: when the list is used up, go on until all lanes are idle; else return as soon as a lane starves.

    Returns:
        number of lanes still carrying paths, or -1 - path for a path that diverged.
    """
    width = x.size
    words, counters = np.empty(2 * BLOCK, np.uint64), np.empty(3 * BLOCK // 2, np.uint64)
    lanes = counters.view(np.uint32)
    z, y = np.empty(4 * width, x.dtype), np.empty(width, x.dtype)
    free = np.empty(width if folding else 0, x.dtype)  # the end of a step before walls and edges
    first_end, second_end = (free, free) if folding else (y, x)
    here, there = np.empty(2 * BLOCK, x.dtype), np.empty(2 * BLOCK, x.dtype)  # distance and rate, before and after
    out, near = np.zeros(BLOCK, np.uint8), np.zeros(BLOCK, np.uint8)
    bridging = x.dtype.type(NEGLIGIBLE if bridge else 0.0), bridge, bridge_stream, key0, key1, limit
    busy = take_up(owner, out, lanes)
    wall(x, wall_data, here)
    for _ in range(budget):
        if busy < BLOCK and pool[0] < pool[1]:
            busy += refill(x, owner, quads, pool, starts, out, lanes, clock, begun)
            wall(x, wall_data, here)
        if busy == 0 or (busy < BLOCK and not final):
            return busy
        oldest = set_counters(lanes, quads)
        block_normals(z, words, counters, stream, width // BLOCK, key0, key1)
        gone = 0
        for k in range(0, 4, 2):  # x and y never change places; as functions the steps would cost a tenth more
            advance(x, z[k * width : (k + 1) * width], data, first_end)
            wall(first_end, wall_data, there)
            if folding:
                fold(first_end, fold_data, y)
            if near_wall(here, there, bridging[0], near):
                gone += leave(x, first_end, here, there, k, near, owner, quads, out, bridging, times, places)
            advance(y, z[(k + 1) * width : (k + 2) * width], data, second_end)
            wall(second_end, wall_data, here)
            if folding:
                fold(second_end, fold_data, x)
            if near_wall(there, here, bridging[0], near):
                gone += leave(y, second_end, there, here, k + 1, near, owner, quads, out, bridging, times, places)
        if not all_finite(x, limit):
            path = diverged(x, owner, out, limit)
            if path >= 0:
                return -1 - path
            gone += 1
        clock[0] += 1
        count(quads)
        if gone > 0 or oldest + 1 >= horizon:
            busy -= retire(x, owner, quads, starts, horizon, out, times, places)
            wall(x, wall_data, here)
    return busy
