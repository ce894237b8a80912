"""Flights, one thread per flight, ended and recorded as :mod:`fpsim.kernels.flights` says.

A flight writes its records into rows of its own, so that no thread waits for another and a run repeats bit for bit; it
rests when they might not hold another group of four steps, until the host has read them.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np
from numba import cuda, types

from fpsim.cuda.composed import written
from fpsim.cuda.functions import again, column_functions, inlined, lost_function, near
from fpsim.cuda.moving import Moving, Text
from fpsim.kernels import flight_lanes
from fpsim.kernels.flight_lanes import ALOFT, ARRIVED, FLYING, UNSCORED

LOST = UNSCORED + 1
"""How a flight ends that left the finite numbers."""


def note_function(dimension: int) -> Any:
    """``note(row, lane, value, moment, x, scores, moments, rows)``: write one record."""

    def note(row, lane, value, moment, x, scores, moments, rows):
        """One record."""
        scores[row, lane] = value
        moments[row, lane] = moment
        for i in range(dimension):
            rows[row, i, lane] = x[i]

    return inlined(note)


def score_function(score: Text | None, level: Any, real: str) -> tuple[int, Any, Any]:
    """``value(x, data, own, tools)``: the score, or without one the distance; with its numbers as :func:`near`."""
    if score is None:

        def distance(x, data, own, tools):
            """To the target."""
            return level(tools)

        return *near("", 0, real), inlined(distance)
    compiled = written(score[0], real)

    def value(x, data, own, tools):
        """By the generated text."""
        compiled(x, data, own)
        return np.float64(own[0])

    return *near(*score, real), inlined(value)


@lru_cache(maxsize=64)
def flight_kernel(moving: Moving, score: Text | None) -> Any:
    """The kernel ``flights`` of one kind of step, and a generated score.

    Its arguments: the flights under way (lanes,); of all n flights states (d, n), quads, best, ends, steps and path
    numbers (n,), as in the CPU's kernel, with places in the states; when they end; groups of four steps of this call;
    what moves them, and the numbers of the score; the largest |x|; and, if ``recording``, how many records each lane
    wrote (lanes,), with their scores and moments (rows, lanes) and places (rows, d, lanes).
    """
    n, number = moving.coordinates, getattr(types, moving.real)
    a, b, c, e, f, g, h = moving.shapes
    equip, begin, draw, step = moving.equip, moving.begin, moving.draw, moving.step
    arrive, settle = moving.arrive, moving.settle
    score_size, fetch_score, value_of = score_function(score, moving.level, moving.real)
    verdict, note, (take, put), is_lost = (
        again(flight_lanes.verdict), note_function(n), column_functions(n), lost_function(n)
    )  # fmt: skip

    @cuda.jit(fastmath=moving.fast)
    def flights(
        alive, states, quads, best, ends, steps, numbers, low, low_from, high, horizon, budget, given, score_numbers,
        limit, recording, counts, scores, moments, rows,
    ):  # fmt: skip
        """Threads on their flights."""
        lane = cuda.grid(1)
        if lane >= alive.shape[0]:
            return
        x, u, own = cuda.local.array(n, number), cuda.local.array(n, number), cuda.local.array(1, number)
        one, two, three = cuda.local.array(a, number), cuda.local.array(b, number), cuda.local.array(c, number)
        four, five, six = cuda.local.array(e, number), cuda.local.array(f, number), cuda.local.array(g, number)
        tools = equip(given, (one, two, three, four, five, six, cuda.local.array(h, number)))
        score_data = fetch_score(score_numbers, cuda.local.array(score_size, number))
        flight = alive[lane]
        path, quad, top = numbers[flight], quads[flight], best[flight]
        end, when, row = FLYING, 0.0, 0
        take(states, flight, x)
        begin(x, lane, tools)
        for _ in range(budget):
            if end != FLYING or (recording and row + 4 > scores.shape[0]):
                break
            draw(quad, path, lane, tools)
            floor = low if 4 * quad >= low_from else -math.inf
            for k in range(4):
                if end == FLYING:
                    share = step(k, quad, path, lane, x, u, limit, tools)
                    if share >= 0:
                        when, value = 4 * quad + k + share, math.inf
                        arrive(x, u, share, x)
                    else:
                        when = 4 * quad + k + 1.0
                        settle(u, x, tools)
                        value = value_of(x, score_data, own, tools)
                    if value > top:
                        top = value
                        if recording:
                            note(row, lane, value, when, x, scores, moments, rows)
                            row += 1
                    end = ARRIVED if share >= 0 else verdict(value, floor, high)
            if end == FLYING and is_lost(x, limit):
                end = LOST
            quad += 1
            if end == FLYING and quad >= horizon:
                end, when = ALOFT, 4.0 * quad
        put(x, states, flight)
        quads[flight], best[flight], ends[flight], steps[flight] = quad, top, end, when
        if recording:
            counts[lane] = row

    return flights
