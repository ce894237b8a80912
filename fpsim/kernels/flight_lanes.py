"""Lanes that carry flights: who flies in them, what happened to a flight during a step, and the log of its records."""

from __future__ import annotations

import math

import numpy as np
from numba import types

from fpsim.kernels import BLOCK, helper, inlined
from fpsim.kernels.exits import IDLE, share_left
from fpsim.kernels.philox import set_path

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


@inlined
def keep(x, j, places, row):
    """Write the state of lane ``j`` into a row of ``places``."""
    for c in range(places.shape[1]):
        places[row, c] = x[c * BLOCK + j]


@helper
def new_record(flight, score, step, log):
    """Begin a row of the log; its place is written by the caller."""
    _, logged, owners, scores, steps, _ = log
    row = logged[0]
    owners[row], scores[row], steps[row] = flight, score, step
    logged[0] = row + 1
    return row


@helper
def arrive(x, free, flight, j, step, share, flown, log):
    """A flight is in the target after a ``share`` of its step from ``x`` to ``free``; the last of its records."""
    ends, steps, places = flown
    ends[flight], steps[flight] = ARRIVED, step
    for c in range(places.shape[1]):
        old = np.float64(x[c * BLOCK + j])
        places[flight, c] = old + share * (np.float64(free[c * BLOCK + j]) - old)
    if log[0]:
        log[5][new_record(flight, math.inf, step, log), :] = places[flight, :]


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
def judge(x, free, y, here, there, score, k, held, lows, high, numbers, bridging, flown, log):
    """Decide what happened to the marked lanes between ``x`` and ``y``; returns how many flights ended."""
    owner, quads, out, near, best = held
    _, bridge, stream, key0, key1, limit = bridging
    gone, flags = 0, near.view(np.uint64)
    for group in range(BLOCK // 8):
        if flags[group] == 0:
            continue
        for j in range(8 * group, 8 * group + 8):
            if out[j] or not near[j]:
                continue
            step, i = 4 * quads[j] + k, owner[j]
            a, b, rate = np.float64(here[j]), np.float64(there[j]), np.float64(here[BLOCK + j])
            share = share_left(a, b, rate, bridge, stream, numbers[i], step, key0, key1, limit)
            if share >= 0:
                arrive(x, free, i, j, step + share, share, flown, log)
            else:
                s = np.float64(score[j])
                if s > best[j]:
                    best[j] = s
                    if log[0]:
                        keep(y, j, log[5], new_record(i, s, step + 1.0, log))
                end = verdict(s, lows[j], high)
                if end == FLYING:
                    continue
                flown[0][i], flown[1][i] = end, step + 1.0
                keep(y, j, flown[2], i)
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
            keep(x, j, places, owner[j])
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
