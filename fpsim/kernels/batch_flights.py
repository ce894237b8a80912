"""Flights of SGD with mini-batches, between whose steps nothing happens; else as :mod:`fpsim.kernels.flights`."""

from __future__ import annotations

import numpy as np
from numba import types

from fpsim.kernels import BLOCK, compiled
from fpsim.kernels.batch_step import batch_step, room_to_step
from fpsim.kernels.draws import draw_four, room_to_draw
from fpsim.kernels.exits import count, diverged, set_counters
from fpsim.kernels.flight_lanes import begin, common, eventful, ground, judge, launch, set_lows
from fpsim.kernels.walk import all_finite


def _signature(real):
    row, integer = real[::1], types.int64
    gradient = types.FunctionType(types.void(row, row, row, row))
    wall = types.FunctionType(types.void(row, row, row))
    state, written = common(real)
    return integer(
        *state, real[:, ::1], row, gradient, integer, real, integer, row, real, integer, integer, integer,
        types.boolean, row, wall, row, wall, types.boolean, real, *written,
    )  # fmt: skip


@compiled(_signature)
def batch_flights(
    x, owner, quads, best, pool, starts, numbers, first, low, low_from, high, horizon, budget, key0, key1,
    table, data, gradient, dimension, rate, rule, moves, spread, batch, sampling, stream, sparse, wall_data, wall,
    score_data, score, scored, limit, ends, steps, places, recording, logged, log_owner, log_score, log_step, log_place,
):  # fmt: skip
    """Move one block of lanes, as :func:`fpsim.kernels.flights.flights` does.

    Arguments are those of it and of :func:`fpsim.kernels.minibatch.exit_batches`.
    """
    drawn = room_to_draw(x, dimension, batch, table.shape[1], sampling)
    room = room_to_step(x, table, dimension, sampling)
    lanes = drawn[-1].view(np.uint32)
    y, here, there = np.empty(x.size, x.dtype), np.ones(2 * BLOCK, x.dtype), np.ones(2 * BLOCK, x.dtype)
    here[:BLOCK] = -1
    out, near, lows = np.zeros(BLOCK, np.uint8), np.zeros(BLOCK, np.uint8), np.empty(BLOCK)
    held, own = (owner, quads, out, near, best), np.empty(BLOCK if scored else 0, x.dtype)
    bridging = 0.0, 0, 0, key0, key1, limit
    flown, log = (ends, steps, places), (recording, logged, log_owner, log_score, log_step, log_place)
    busy = begin(owner, out, lanes, numbers)
    for _ in range(budget):
        if busy < BLOCK and pool[0] < pool[1]:
            busy += launch(x, owner, quads, pool, starts, numbers, first, best, out, lanes)
        if busy == 0 or (recording and logged[0] + 4 * BLOCK > log_owner.size):
            return busy
        oldest = set_counters(lanes, quads)
        set_lows(lows, quads, low, low_from)
        draw_four(drawn, batch, table.shape[1], sampling, spread, stream, key0, key1)
        gone = 0
        for k in range(4):
            batch_step(x, y, k, drawn, out, batch, table, room, gradient, data, rate, rule, moves, sparse)
            wall(y, wall_data, there[:BLOCK])
            if scored:
                score(y, score_data, own)
            found = own if scored else there[:BLOCK]
            if eventful(here, there, bridging[0], found, best, lows, high, near):
                gone += judge(x, y, y, here, there, found, k, held, lows, high, numbers, bridging, flown, log)
            x[:] = y
        if not all_finite(x, limit):
            flight = diverged(x, owner, out, limit)
            if flight >= 0:
                return -1 - flight
            gone += 1
        count(quads)
        if gone > 0 or oldest + 1 >= horizon:
            busy -= ground(x, owner, quads, starts, horizon, out, best, steps, places)
    return busy
