"""Flights: paths from given states until they fall back, arrive or have flown long enough, with a log of their records.

    back     score(X_n) <= low, at steps n >= low_from          arrived   in the target (bridge test as in exits)
    reached  score(X_n) >= high                                 aloft     at the horizon

A record is a step at which a flight's score is larger than ever before.  Its state is where a copy of the flight may
branch off: the first step above a level is always a record (Brehier et al., Ann. Appl. Probab. 26 (2016) 3559).
"""

from __future__ import annotations

import math

import numpy as np
from numba import types

from fpsim.kernels import BLOCK, compiled, helper, inlined
from fpsim.kernels.exits import IDLE, NEGLIGIBLE, bridge_uniform, diverged
from fpsim.kernels.minibatch import GAUSSIAN, RESHUFFLED, batch_step, draw_four
from fpsim.kernels.normals import block_normals
from fpsim.kernels.philox import set_path, set_quad
from fpsim.kernels.walk import all_finite

u8 = np.uint64
ALOFT, BACK, ARRIVED, REACHED, UNSCORED = 0, 1, 2, 3, 4


@inlined
def eventful(here, there, threshold, score, best, lows, high, near):
    """Mark the lanes that something may have happened to during a step; returns whether there are any."""
    for j in range(BLOCK):
        quiet = here[j] * there[j] * here[BLOCK + j] > threshold
        near[j] = not (quiet & (score[j] <= best[j]) & (score[j] > lows[j]) & (score[j] < high))
    flags = near.view(np.uint64)
    found = u8(0)
    for group in range(BLOCK // 8):
        found |= flags[group]
    return found != 0


@helper
def write_record(owner, score, step, logged, log_owner, log_score, log_step):
    """Begin a row of the log; its place is written by the caller."""
    row = logged[0]
    log_owner[row], log_score[row], log_step[row] = owner, score, step
    logged[0] = row + 1
    return row


@helper
def judge(
    x, free, y, here, there, score, near, best, high, lows, owner, quads, out, k, bridge, stream, numbers, key0, key1,
    limit, ends, steps, places, recording, logged, log_owner, log_score, log_step, log_place,
):  # fmt: skip
    """Decide what happened to the marked lanes between ``x`` and ``y``; returns how many flights ended."""
    gone, d = 0, x.size // BLOCK
    flags = near.view(np.uint64)
    for group in range(BLOCK // 8):
        if flags[group] == 0:
            continue
        for j in range(8 * group, 8 * group + 8):
            if out[j] or not near[j]:
                continue
            a, b, s = np.float64(here[j]), np.float64(there[j]), np.float64(score[j])
            step, i = 4 * quads[j] + k, owner[j]
            share = -1.0
            if b >= 0:
                if b <= limit:  # beyond it the flight is lost
                    share = a / (a - b) if bridge else 1.0
            elif bridge and a <= 0:
                chance = math.exp(-a * b * np.float64(here[BLOCK + j]))
                if bridge_uniform(stream, numbers[i], step, key0, key1) < chance:
                    share = 0.5
            if share >= 0:
                ends[i], steps[i] = ARRIVED, step + share
                for c in range(d):
                    old = np.float64(x[c * BLOCK + j])
                    places[i, c] = old + share * (np.float64(free[c * BLOCK + j]) - old)
                if recording:
                    row = write_record(i, math.inf, step + share, logged, log_owner, log_score, log_step)
                    log_place[row, :] = places[i, :]
            else:
                if s > best[j]:
                    best[j] = s
                    if recording:
                        row = write_record(i, s, step + 1.0, logged, log_owner, log_score, log_step)
                        for c in range(d):
                            log_place[row, c] = y[c * BLOCK + j]
                if s >= high:
                    ends[i] = REACHED
                elif -math.inf < s <= lows[j]:  # what fell without end is lost
                    ends[i] = BACK
                elif s != s:
                    ends[i] = UNSCORED
                else:
                    continue
                steps[i] = step + 1.0
                for c in range(d):
                    places[i, c] = y[c * BLOCK + j]
            out[j] = 1
            gone += 1
    return gone


@helper
def launch(x, owner, quads, pool, starts, numbers, first, best, out, lanes):
    """Give the next flights of the list to idle lanes; returns how many."""
    taken = 0
    for j in range(BLOCK):
        if out[j] and pool[0] < pool[1]:
            flight = pool[0]
            pool[0] += 1
            for c in range(starts.shape[1]):
                x[c * BLOCK + j] = starts[flight, c]
            owner[j], quads[j], out[j], best[j] = flight, 0, 0, first[flight]
            set_path(lanes, j, u8(numbers[flight]))
            taken += 1
    return taken


@helper
def ground(x, owner, quads, starts, horizon, out, best, steps, places):
    """End the flights at the horizon and free the lanes that are out, which rest at a start; returns how many."""
    freed = 0
    for j in range(BLOCK):
        if not out[j] and quads[j] >= horizon:
            steps[owner[j]] = 4.0 * quads[j]
            for c in range(starts.shape[1]):
                places[owner[j], c] = x[c * BLOCK + j]
            out[j] = 1
        if out[j]:
            freed += owner[j] != IDLE
            owner[j], quads[j], best[j] = IDLE, 0, math.inf
            for c in range(starts.shape[1]):
                x[c * BLOCK + j] = starts[0, c]
    return freed


@inlined
def set_lows(lows, quads, low, low_from):
    """The level below which a lane ends, which counts from its step ``low_from`` on."""
    for j in range(BLOCK):
        lows[j] = low if 4 * quads[j] >= low_from else -np.inf


@inlined
def set_counters(lanes, quads):
    """Point the random numbers at each lane's own steps; returns the most groups of four that a lane has done."""
    oldest = 0
    for j in range(BLOCK):
        set_quad(lanes, j, u8(quads[j]))
        oldest = max(oldest, quads[j])
    return oldest


@helper
def begin(owner, out, lanes, numbers):
    """Take up the flights of an earlier call; returns how many lanes carry one."""
    busy = 0
    for j in range(BLOCK):
        out[j] = owner[j] == IDLE
        if owner[j] != IDLE:
            busy += 1
            set_path(lanes, j, u8(numbers[owner[j]]))
    return busy


def _common(real):
    """State of the lanes, the list of flights, when they end; and what is written of them."""
    row, integer, word = real[::1], types.int64, types.uint32
    integers, floats, table = types.int64[::1], types.float64[::1], types.float64[:, ::1]
    state = (
        row, integers, integers, floats, integers, table, integers, floats, types.float64, integer, types.float64,
        integer, integer, word, word,
    )  # fmt: skip
    written = (types.int8[::1], floats, table, types.boolean, integers, integers, floats, floats, table)
    return state, written


def _signature(real):
    row, integer = real[::1], types.int64
    advance = types.FunctionType(types.void(row, row, row, row))
    wall = types.FunctionType(types.void(row, row, row))
    state, written = _common(real)
    return integer(
        *state, integer, integer, integer, row, advance, row, wall, row, wall, types.boolean, row, wall,
        types.boolean, real, *written,
    )  # fmt: skip


@compiled(_signature)
def flights(
    x, owner, quads, best, pool, starts, numbers, first, low, low_from, high, horizon, budget, key0, key1, bridge,
    stream, bridge_stream, data, advance, wall_data, wall, score_data, score, scored, fold_data, fold, folding, limit,
    ends, steps, places, recording, logged, log_owner, log_score, log_step, log_place,
):  # fmt: skip
    """Move one block of lanes until its budget is used up, its list is done, or its log is full.

    Args:
        x: (d * BLOCK,) state of the lanes.
        owner, quads, best: (BLOCK,) flight in each lane or -1, groups of four steps done, best score.
        pool: (2,) next flight to launch and end of the list; the first is advanced.
        starts: (n, d) states that flights begin from.
        numbers: (n,) path numbers of the flights, by which they draw.
        first: (n,) score that a flight's first record must pass.
        low, low_from, high: levels at which flights end, and the step from which the first of them counts.
        horizon, budget: groups of four steps of a flight at most, and to run in this call at most.
        key0, key1, bridge, stream, bridge_stream: seed halves, bridge tests or not, random streams.
        data, advance, wall_data, wall, fold_data, fold, folding, limit: as in :func:`fpsim.kernels.exits.exits`.
        score_data, score, scored: compiled score, and whether it is another one than the distance to the target.
        ends, steps: (n,) how and after how many steps flights ended, written.
        places: (n, d) where, written.
        recording, logged: whether to keep a log, and (1,) its length.
        log_owner, log_score, log_step, log_place: (rows,), (rows, d): the log.

    Returns:
        number of lanes still carrying flights, or -1 - flight for one that diverged.
    """
    width = x.size
    words, counters = np.empty(2 * BLOCK, np.uint64), np.empty(3 * BLOCK // 2, np.uint64)
    lanes = counters.view(np.uint32)
    z, y = np.empty(4 * width, x.dtype), np.empty(width, x.dtype)
    free = np.empty(width if folding else 0, x.dtype)
    first_end, second_end = (free, free) if folding else (y, x)
    here, there = np.empty(2 * BLOCK, x.dtype), np.empty(2 * BLOCK, x.dtype)
    own = np.empty(BLOCK if scored else 0, x.dtype)
    out, near, lows = np.zeros(BLOCK, np.uint8), np.zeros(BLOCK, np.uint8), np.empty(BLOCK)
    threshold = x.dtype.type(NEGLIGIBLE) if bridge else x.dtype.type(0)
    busy = begin(owner, out, lanes, numbers)
    wall(x, wall_data, here)
    for _ in range(budget):
        if busy < BLOCK and pool[0] < pool[1]:
            busy += launch(x, owner, quads, pool, starts, numbers, first, best, out, lanes)
            wall(x, wall_data, here)
        if busy == 0 or (recording and logged[0] + 4 * BLOCK > log_owner.size):
            return busy
        oldest = set_counters(lanes, quads)
        set_lows(lows, quads, low, low_from)
        block_normals(z, words, counters, stream, width // BLOCK, key0, key1)
        gone = 0
        for pair in range(2):
            k = 2 * pair
            advance(x, z[k * width : (k + 1) * width], data, first_end)
            wall(first_end, wall_data, there)
            if folding:
                fold(first_end, fold_data, y)
            if scored:
                score(y, score_data, own)
            if eventful(here, there, threshold, own if scored else there[:BLOCK], best, lows, high, near):
                gone += judge(
                    x, first_end, y, here, there, own if scored else there[:BLOCK], near, best, high, lows, owner,
                    quads, out, k, bridge, bridge_stream, numbers, key0, key1, limit, ends, steps, places, recording,
                    logged, log_owner, log_score, log_step, log_place,
                )  # fmt: skip
            k += 1
            advance(y, z[k * width : (k + 1) * width], data, second_end)
            wall(second_end, wall_data, here)
            if folding:
                fold(second_end, fold_data, x)
            if scored:
                score(x, score_data, own)
            if eventful(there, here, threshold, own if scored else here[:BLOCK], best, lows, high, near):
                gone += judge(
                    y, second_end, x, there, here, own if scored else here[:BLOCK], near, best, high, lows, owner,
                    quads, out, k, bridge, bridge_stream, numbers, key0, key1, limit, ends, steps, places, recording,
                    logged, log_owner, log_score, log_step, log_place,
                )  # fmt: skip
        if not all_finite(x, limit):
            flight = diverged(x, owner, out, limit)
            if flight >= 0:
                return -1 - flight
            gone += 1
        for j in range(BLOCK):
            quads[j] += 1
        if gone > 0 or oldest + 1 >= horizon:
            busy -= ground(x, owner, quads, starts, horizon, out, best, steps, places)
            wall(x, wall_data, here)
    return busy


def _batch_signature(real):
    row, integer = real[::1], types.int64
    gradient = types.FunctionType(types.void(row, row, row, row))
    wall = types.FunctionType(types.void(row, row, row))
    state, written = _common(real)
    return integer(
        *state, real[:, ::1], row, gradient, integer, real, integer, row, real, integer, integer, integer,
        types.boolean, row, wall, row, wall, types.boolean, real, *written,
    )  # fmt: skip


@compiled(_batch_signature)
def batch_flights(
    x, owner, quads, best, pool, starts, numbers, first, low, low_from, high, horizon, budget, key0, key1,
    table, data, gradient, dimension, rate, rule, moves, spread, batch, sampling, stream, sparse, wall_data, wall,
    score_data, score, scored, limit, ends, steps, places, recording, logged, log_owner, log_score, log_step, log_place,
):  # fmt: skip
    """The same for SGD with mini-batches, between whose steps nothing happens.

    Arguments are those of :func:`flights` and of :func:`fpsim.kernels.minibatch.exit_batches`.
    """
    width = x.size
    words, counters = np.empty(2 * BLOCK, np.uint64), np.empty(3 * BLOCK // 2, np.uint64)
    lanes = counters.view(np.uint32)
    picks, clash = np.empty(4 * batch * BLOCK, np.int32), np.empty(BLOCK, np.uint8)
    order = np.empty((BLOCK, table.shape[1] if sampling == RESHUFFLED else 0), np.int32)
    shown = np.full((2, BLOCK), -1)
    rows = np.empty(table.shape[0] * BLOCK, x.dtype)
    weights = np.empty(4 * table.shape[1] * BLOCK if sampling == GAUSSIAN else 0, x.dtype)
    slope, total = np.empty(dimension * BLOCK, x.dtype), np.empty(dimension * BLOCK, x.dtype)
    y = np.empty(width, x.dtype)
    here, there = np.ones(2 * BLOCK, x.dtype), np.ones(2 * BLOCK, x.dtype)
    here[:BLOCK] = -1
    own = np.empty(BLOCK if scored else 0, x.dtype)
    out, near, lows = np.zeros(BLOCK, np.uint8), np.zeros(BLOCK, np.uint8), np.empty(BLOCK)
    busy = begin(owner, out, lanes, numbers)
    for _ in range(budget):
        if busy < BLOCK and pool[0] < pool[1]:
            busy += launch(x, owner, quads, pool, starts, numbers, first, best, out, lanes)
        if busy == 0 or (recording and logged[0] + 4 * BLOCK > log_owner.size):
            return busy
        oldest = set_counters(lanes, quads)
        set_lows(lows, quads, low, low_from)
        draw_four(
            picks, clash, order, shown, weights, words, counters, batch, table.shape[1], sampling, spread, stream,
            key0, key1,
        )  # fmt: skip
        gone = 0
        for k in range(4):
            batch_step(
                x,
                y,
                k,
                picks,
                weights,
                out,
                batch,
                table,
                rows,
                slope,
                total,
                gradient,
                data,
                rate,
                rule,
                moves,
                sparse,
            )
            wall(y, wall_data, there[:BLOCK])
            if scored:
                score(y, score_data, own)
            if eventful(here, there, 0.0, own if scored else there[:BLOCK], best, lows, high, near):
                gone += judge(
                    x, y, y, here, there, own if scored else there[:BLOCK], near, best, high, lows, owner, quads, out,
                    k, 0, 0, numbers, key0, key1, limit, ends, steps, places, recording, logged, log_owner, log_score,
                    log_step, log_place,
                )  # fmt: skip
            x[:] = y
        if not all_finite(x, limit):
            flight = diverged(x, owner, out, limit)
            if flight >= 0:
                return -1 - flight
            gone += 1
        for j in range(BLOCK):
            quads[j] += 1
        if gone > 0 or oldest + 1 >= horizon:
            busy -= ground(x, owner, quads, starts, horizon, out, best, steps, places)
    return busy
