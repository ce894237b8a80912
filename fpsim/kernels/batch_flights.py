"""Flights of SGD with mini-batches, between whose steps nothing happens; else as :mod:`fpsim.kernels.flights`."""

from __future__ import annotations

import numpy as np
from numba import types

from fpsim.kernels import BLOCK, compiled
from fpsim.kernels.batch_step import batch_step
from fpsim.kernels.draws import GAUSSIAN, RESHUFFLED, draw_four
from fpsim.kernels.exits import diverged
from fpsim.kernels.flight_lanes import begin, common, eventful, ground, judge, launch, set_counters, set_lows
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
                x, y, k, picks, weights, out, batch, table, rows, slope, total, gradient, data, rate, rule, moves,
                sparse,
            )  # fmt: skip
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
