"""The chance of mini-batch SGD on a line to arrive before it comes home, draw by draw, as score:

    q(x) = out(x) + sum_(not home, not target) P_x(y) q(y),        V_r(y, x) = mean_i V_(r-1)(y - (eta/S) g_i(x), x)

P_x is the law of a whole batch's end, V_0 = q (1 in the target), and r draws are still to come.  Ends lie on cells, a
draw between two of them being shared, which adds at most a quarter of a cell squared to its variance.  All terms are
positive, so that chances of 1e-300 keep their digits.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from fpsim.sgd.batches import MiniBatchSGD
from fpsim.sgd.chain_equation import ChainEquation
from fpsim.sgd.iteration import Iteration
from fpsim.splitting.committor import ROUNDS, SETTLED, home_of
from fpsim.splitting.scores import TableScore

Array = NDArray[np.float64]
Draw = tuple[int, Array]
"""First cell that a draw may reach, counted from its own, and the chances of those from there on."""
CELLS, EVERY = 800, 5
"""Cells of ends, and how many of them share one begin."""
LARGEST = 64
"""Batch size up to which draws are followed one by one."""
LEAST = 1e-300


def batch_committor(sgd: MiniBatchSGD, start: float, goal: tuple[float, float]) -> TableScore:
    """ln V over (y, x, number of draws) from ``start`` to the interval ``goal``."""
    size = int(sgd.batch_size)
    surrogate = Iteration(sgd.landscape, sgd.noise(), sgd.learning_rate)
    low, high = ChainEquation(surrogate, start, goal).reach()
    ends = np.linspace(low, high, CELLS)
    begins = ends[::EVERY]
    draws = _draws(sgd, begins, float(ends[1] - ends[0]))
    arrived = (ends >= goal[0]) & (ends <= goal[1])
    kept = ~arrived & (np.abs(ends - start) > home_of(surrogate, start))
    laws = np.stack([_law(draw, EVERY * k, size) for k, draw in enumerate(draws)])
    out, moves = laws @ arrived, laws * kept
    chance = np.maximum(out, LEAST)
    for _ in range(ROUNDS):  # the chance to arrive within so many batches, which rises
        before, chance = chance, np.maximum(out + moves @ _between(begins, chance, ends), LEAST)
        if not (chance - before > SETTLED * chance).any():
            break
    if not chance.max() > LEAST:
        raise ValueError("no batch leads into the target from anywhere; it cannot be reached")
    table = np.empty((CELLS, begins.size, max(size, 2)))
    for k, draw in enumerate(draws):
        value = np.where(arrived, 1.0, _between(begins, chance, ends))
        for number in range(size - 1, -1, -1):
            value = _drawn(draw, value)
            table[:, k, number] = value
        if size == 1:  # a table has two entries along each axis
            table[:, k, 1] = value
    axes = [ends, begins, np.arange(table.shape[2], dtype=float)]
    return TableScore(axes, np.log(np.maximum(table, LEAST)), "committor of the draws")


def _between(begins: Array, chance: Array, ends: Array) -> Array:
    return np.exp(np.interp(ends, begins, np.log(chance)))


def _draws(sgd: MiniBatchSGD, begins: Array, cell: float) -> list[Draw]:
    """Where one draw goes, from each of the ``begins``."""
    slopes = np.asarray(sgd.landscape.example_gradients(begins[None]))[:, 0]
    moves = -sgd.learning_rate / sgd.batch_size / cell * slopes
    found = []
    for column in moves.T:
        first = math.floor(column.min())
        cells = np.floor(column).astype(int) - first
        share, count = column - first - cells, int(cells.max()) + 2
        found.append(
            (first, (np.bincount(cells, 1 - share, count) + np.bincount(cells + 1, share, count)) / share.size)
        )
    return found


def _law(draw: Draw, begin: int, batch_size: int) -> Array:
    """Chances of the cells at the end of a batch begun in cell ``begin``; what leaves the grid stays at its end."""
    first, chances = draw
    law = np.ones(1)
    for _ in range(batch_size):
        law = np.convolve(law, chances)
    places = np.clip(begin + batch_size * first + np.arange(law.size), 0, CELLS - 1)
    return np.asarray(np.bincount(places, law, CELLS), dtype=float)


def _drawn(draw: Draw, value: Array) -> Array:
    """Means of ``value`` after one draw more."""
    first, chances = draw
    below, above = max(-first, 0), max(first + chances.size, 0)
    padded = np.concatenate([np.full(below, value[0]), value, np.full(above, value[-1])])
    return np.correlate(padded, chances, "valid")[max(first, 0) :][: value.size]
