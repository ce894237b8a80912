"""Flights: paths from given states until they fall back, arrive or have flown long enough, with a log of their records.

    back     score(X_n) <= low, at steps n >= low_from          arrived   in the target (bridge test as in exits)
    reached  score(X_n) >= high                                 aloft     at the horizon

A record is a step at which a flight's score is larger than ever before.  Its state is where a copy of the flight may
branch off: the first step above a level is always a record (Brehier et al., Ann. Appl. Probab. 26 (2016) 3559).
"""

from __future__ import annotations

import numpy as np
from numba import types

from fpsim.kernels import BLOCK, compiled
from fpsim.kernels.exits import NEGLIGIBLE, count, diverged, set_counters
from fpsim.kernels.flight_lanes import begin, common, eventful, ground, judge, launch, set_lows
from fpsim.kernels.normals import block_normals
from fpsim.kernels.walk import all_finite


def _signature(real):
    row, integer = real[::1], types.int64
    advance = types.FunctionType(types.void(row, row, row, row))
    wall = types.FunctionType(types.void(row, row, row))
    state, written = common(real)
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
    out, near, lows = np.zeros(BLOCK, np.uint8), np.zeros(BLOCK, np.uint8), np.empty(BLOCK)
    held, own = (owner, quads, out, near, best), np.empty(BLOCK if scored else 0, x.dtype)
    bridging = x.dtype.type(NEGLIGIBLE if bridge else 0.0), bridge, bridge_stream, key0, key1, limit
    flown, log = (ends, steps, places), (recording, logged, log_owner, log_score, log_step, log_place)
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
        for k in range(0, 4, 2):
            advance(x, z[k * width : (k + 1) * width], data, first_end)
            wall(first_end, wall_data, there)
            if folding:
                fold(first_end, fold_data, y)
            if scored:
                score(y, score_data, own)
            found = own if scored else there[:BLOCK]
            if eventful(here, there, bridging[0], found, best, lows, high, near):
                gone += judge(
                    x, first_end, y, here, there, found, k, held, lows, high, numbers, bridging, flown, log
                )  # fmt: skip
            advance(y, z[(k + 1) * width : (k + 2) * width], data, second_end)
            wall(second_end, wall_data, here)
            if folding:
                fold(second_end, fold_data, x)
            if scored:
                score(x, score_data, own)
            found = own if scored else here[:BLOCK]
            if eventful(there, here, bridging[0], found, best, lows, high, near):
                gone += judge(
                    y, second_end, x, there, here, found, k + 1, held, lows, high, numbers, bridging, flown, log
                )  # fmt: skip
        if not all_finite(x, limit):
            flight = diverged(x, owner, out, limit)
            if flight >= 0:
                return -1 - flight
            gone += 1
        count(quads)
        if gone > 0 or oldest + 1 >= horizon:
            busy -= ground(x, owner, quads, starts, horizon, out, best, steps, places)
            wall(x, wall_data, here)
    return busy
