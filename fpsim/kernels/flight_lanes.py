"""Lanes that carry flights: who flies in them, what happened to a flight during a step, and the log of its records."""

from __future__ import annotations

import math

import numpy as np
from numba import types

from fpsim.kernels import BLOCK, helper, inlined
from fpsim.kernels.exits import IDLE, share_left
from fpsim.kernels.philox import set_path, set_quad

u8 = np.uint64
FLYING, ALOFT, BACK, ARRIVED, REACHED, UNSCORED = range(-1, 5)
"""How flights end, and not yet."""


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


@inlined
def verdict(score, low, high):
    """How a flight that did not arrive ends with a step, by its score after it."""
    end = FLYING
    if score >= high:
        end = REACHED
    elif -math.inf < score <= low:  # what fell without end is lost
        end = BACK
    elif score != score:
        end = UNSCORED
    return end


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
            s, step, i = np.float64(score[j]), 4 * quads[j] + k, owner[j]
            share = share_left(here, there, j, bridge, stream, numbers[i], step, key0, key1, limit)
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
                end = verdict(s, lows[j], high)
                if end == FLYING:
                    continue
                ends[i], steps[i] = end, step + 1.0
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


def common(real):
    """State of the lanes, the list of flights, when they end; and what is written of them."""
    row, integer, word = real[::1], types.int64, types.uint32
    integers, floats, table = types.int64[::1], types.float64[::1], types.float64[:, ::1]
    state = (
        row, integers, integers, floats, integers, table, integers, floats, types.float64, integer, types.float64,
        integer, integer, word, word,
    )  # fmt: skip
    written = (types.int8[::1], floats, table, types.boolean, integers, integers, floats, floats, table)
    return state, written
