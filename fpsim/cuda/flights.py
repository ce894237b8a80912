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

from fpsim.cuda import batches
from fpsim.cuda.exits import NEGLIGIBLE, share_function, uniform_function
from fpsim.cuda.functions import (
    column_functions,
    copy_function,
    draw_function,
    generated,
    inlined,
    kick_function,
    lost_function,
    near,
)

FLYING, ALOFT, BACK, ARRIVED, REACHED, UNSCORED, LOST = range(-1, 6)
"""How flights end, as in :mod:`fpsim.kernels.flight_lanes`; and two more: not yet, and beyond the finite numbers."""
Text = tuple[str, int]
"""A generated function, and how many numbers it reads."""


def verdict_function() -> Any:
    """``verdict(share, value, low, high)``: how a flight ends with a step, by its arrival and its score."""

    def verdict(share, value, low, high):
        """Arrived, else by the score."""
        end = FLYING
        if share >= 0:
            end = ARRIVED
        elif value >= high:
            end = REACHED
        elif -math.inf < value <= low:  # what fell without end is lost
            end = BACK
        elif value != value:
            end = UNSCORED
        return end

    return inlined(verdict)


def note_function(dimension: int) -> Any:
    """``note(row, lane, value, moment, x, scores, moments, rows)``: write one record."""

    def note(row, lane, value, moment, x, scores, moments, rows):
        """One record."""
        scores[row, lane] = value
        moments[row, lane] = moment
        for i in range(dimension):
            rows[row, i, lane] = x[i]

    return inlined(note)


def score_function(score: Text | None, real: str) -> tuple[int, Any, Any]:
    """``value(x, data, own, level)``: the score, or without one the distance; with its numbers as :func:`near`."""
    if score is None:

        def distance(x, data, own, level):
            """To the target."""
            return np.float64(level[0])

        return *near("", 0, real), inlined(distance)
    compiled = generated(score[0], real)

    def value(x, data, own, level):
        """By the generated text."""
        compiled(x, data, own)
        return np.float64(own[0])

    return *near(*score, real), inlined(value)


@lru_cache(maxsize=64)
def flight_kernel(step: Text, wall: Text, score: Text | None, fold: Text | None, dimension: int) -> Any:
    """The kernel ``flights`` for generated step, distance, score and fold, in double precision.

    Its arguments: the flights under way (lanes,); of all n flights states (d, n), quads, best, ends, steps and path
    numbers (n,), as in the CPU's kernel, with places in the states; when they end; groups of four steps of this call;
    whether to test between steps; the seed's halves and two streams; the numbers of step, wall, score and fold; the
    largest |x|; and, if ``recording``, how many records each lane wrote (lanes,), with their scores and moments
    (rows, lanes) and places (rows, d, lanes).
    """
    real, number = "float64", types.float64
    advance, watch, is_lost = generated(step[0], real), generated(wall[0], real), lost_function(dimension)
    folding = fold is not None
    folded = generated(fold[0] if fold is not None else wall[0], real)  # any function where there is no fold
    draw, word, share_of = draw_function(dimension, real), uniform_function(), share_function()
    choose, copy = kick_function(dimension), copy_function(dimension)
    take, put = column_functions(dimension)
    (step_size, fetch_step), (wall_size, fetch_wall) = near(*step, real), near(*wall, real)
    fold_size, fetch_fold = near(*fold, real) if fold is not None else near("", 0, real)
    score_size, fetch_score, value_of = score_function(score, real)
    verdict, note = verdict_function(), note_function(dimension)

    @cuda.jit
    def flights(
        alive, states, quads, best, ends, steps, numbers, low, low_from, high, horizon, budget, bridge, key0, key1,
        stream, bridge_stream, step_numbers, wall_numbers, score_numbers, fold_numbers, limit, recording, counts,
        scores, moments, rows,
    ):  # fmt: skip
        """Threads on their flights."""
        lane = cuda.grid(1)
        if lane >= alive.shape[0]:
            return
        x = cuda.local.array(dimension, number)
        u = cuda.local.array(dimension, number)
        kick = cuda.local.array(dimension, number)
        z = cuda.local.array((4, dimension), number)
        here = cuda.local.array(2, number)
        there = cuda.local.array(2, number)
        own = cuda.local.array(1, number)
        data = fetch_step(step_numbers, cuda.local.array(step_size, number))
        wall_data = fetch_wall(wall_numbers, cuda.local.array(wall_size, number))
        score_data = fetch_score(score_numbers, cuda.local.array(score_size, number))
        fold_data = fetch_fold(fold_numbers, cuda.local.array(fold_size, number))
        threshold = NEGLIGIBLE if bridge else 0.0
        flight = alive[lane]
        path = numbers[flight]
        quad = quads[flight]
        top = best[flight]
        end = FLYING
        when = 0.0
        row = 0
        take(states, flight, x)
        watch(x, wall_data, here)
        for _ in range(budget):
            if end != FLYING or (recording and row + 4 > scores.shape[0]):
                break
            draw(z, quad, path, stream, key0, key1)
            floor = low if 4 * quad >= low_from else -math.inf
            for k in range(4):
                if end == FLYING:
                    choose(z, k, kick)
                    advance(x, kick, data, u)
                    watch(u, wall_data, there)
                    share = -1.0
                    if not (here[0] * there[0] * here[1] > threshold):
                        drawn = word(k, quad, path, bridge_stream, key0, key1)
                        share = share_of(here, there, bridge, limit, drawn)
                    if share >= 0:
                        when = 4 * quad + k + share
                        value = math.inf
                        for i in range(dimension):
                            x[i] = x[i] + share * (u[i] - x[i])
                    else:
                        when = 4 * quad + k + 1.0
                        if folding:
                            folded(u, fold_data, x)
                        else:
                            copy(u, x)
                        value = value_of(x, score_data, own, there)
                    if value > top:
                        top = value
                        if recording:
                            note(row, lane, value, when, x, scores, moments, rows)
                            row += 1
                    end = verdict(share, value, floor, high)
                    here[0] = there[0]
                    here[1] = there[1]
            if end == FLYING and is_lost(x, limit):
                end = LOST
            quad += 1
            if end == FLYING and quad >= horizon:
                end = ALOFT
                when = 4.0 * quad
        put(x, states, flight)
        quads[flight] = quad
        best[flight] = top
        ends[flight] = end
        steps[flight] = when
        if recording:
            counts[lane] = row

    return flights


@lru_cache(maxsize=64)
def batch_flight_kernel(
    source: str, wall: Text, score: Text | None, dimension: int, law: int, momentum: bool = False
) -> Any:
    """The same for SGD with mini-batches, between whose steps nothing happens.

    Its arguments are those of :func:`flight_kernel` and of :func:`fpsim.cuda.batches.exit_kernel`.
    """
    real, number = "float64", types.float64
    draw, pull = batches.draw_function(law), batches.slope_function(source, dimension, law, real)
    move = batches.step_function(dimension, momentum)
    coordinates = 2 * dimension if momentum else dimension
    watch, is_lost = generated(wall[0], real), lost_function(coordinates)
    score_size, fetch_score, value_of = score_function(score, real)
    verdict, note = verdict_function(), note_function(coordinates)
    take, put = column_functions(coordinates)

    @cuda.jit
    def flights(
        alive, states, quads, best, ends, steps, numbers, low, low_from, high, horizon, budget, table, data, rate, beta,
        spread, batch, stream, key0, key1, picks, order, wall_data, score_numbers, limit, recording, counts, scores,
        moments, rows,
    ):  # fmt: skip
        """Threads on their flights."""
        lane = cuda.grid(1)
        if lane >= alive.shape[0]:
            return
        x = cuda.local.array(coordinates, number)
        slope = cuda.local.array(dimension, number)
        total = cuda.local.array(dimension, number)
        level = cuda.local.array(1, number)
        own = cuda.local.array(1, number)
        score_data = fetch_score(score_numbers, cuda.local.array(score_size, number))
        flight = alive[lane]
        path = numbers[flight]
        quad = quads[flight]
        top = best[flight]
        end = FLYING
        when = 0.0
        row = 0
        take(states, flight, x)
        for _ in range(budget):
            if end != FLYING or (recording and row + 4 > scores.shape[0]):
                break
            draw(picks, order, -1, lane, quad, path, batch, table.shape[1], stream, key0, key1)
            floor = low if 4 * quad >= low_from else -math.inf
            for k in range(4):
                if end == FLYING:
                    pull(
                        x, k, picks, lane, quad, path, batch, table, slope, total, data, spread, stream, key0, key1
                    )  # fmt: skip
                    move(x, total, rate, beta)
                    watch(x, wall_data, level)
                    share = 1.0 if level[0] >= 0 and level[0] <= limit else -1.0
                    value = math.inf if share >= 0 else value_of(x, score_data, own, level)
                    when = 4 * quad + k + 1.0
                    if value > top:
                        top = value
                        if recording:
                            note(row, lane, value, when, x, scores, moments, rows)
                            row += 1
                    end = verdict(share, value, floor, high)
            if end == FLYING and is_lost(x, limit):
                end = LOST
            quad += 1
            if end == FLYING and quad >= horizon:
                end = ALOFT
                when = 4.0 * quad
        put(x, states, flight)
        quads[flight] = quad
        best[flight] = top
        ends[flight] = end
        steps[flight] = when
        if recording:
            counts[lane] = row

    return flights
