"""The chance of a 1-D chain to arrive before it comes home, as score:

    q(x) = out(x) + int_(not home, not target) p(x, y) q(y) dy,    V(u, sigma) = <q, 1 in the target, at u + sigma xi>

by sums of positive terms on cells, so that chances of 1e-300 keep their digits.  V at sigma = 0 is q itself, continued
into the home, where it is the chance to leave it for good with the next step.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fpsim.exact.collocation import interval_chance
from fpsim.sgd.chain_equation import ChainEquation
from fpsim.splitting.scores import TableScore

if TYPE_CHECKING:
    from fpsim.sgd.iteration import Iteration

Array = NDArray[np.float64]
CELLS, SIGMAS = 800, 40
HOME = 1.0
"""Half the home's length, in standard deviations of the chain at rest."""
ROUNDS, SETTLED = 20_000, 1e-6


def chain_committor(chain: Iteration, start: float, goal: tuple[float, float]) -> TableScore:
    """ln V over (u, sigma) for a chain from ``start`` to the interval ``goal``."""
    low, high = ChainEquation(chain, start, goal).reach()
    spare = (high - low) / 2
    low, high = (low if low == goal[1] else low - spare), (high if high == goal[0] else high + spare)
    edges = np.linspace(low, high, CELLS + 1)
    centers = (edges[1:] + edges[:-1]) / 2
    mean, spread = chain.line(centers)
    outside = (centers < goal[0]) | (centers > goal[1])
    kept = outside & (np.abs(centers - start) > home_of(chain, start))
    moves, out = _moves(edges, mean, spread) * kept, interval_chance(mean, spread, *goal)
    chance = out
    for _ in range(ROUNDS):  # the chance to arrive within so many steps, which rises
        before, chance = chance, out + moves @ chance
        if not (chance - before > SETTLED * chance).any():
            break
    if not chance.max() > 0:
        raise ValueError("no state of the chain leads into the target in one step; it cannot be reached")
    values = np.where(outside, chance, 0.0)
    sigmas = np.linspace(0.0, float(spread[outside].max()), SIGMAS)
    table = np.empty((CELLS, SIGMAS))
    table[:, 0] = np.where(outside, chance, 1.0)
    offsets = (np.arange(2 * CELLS) - CELLS + 0.5) * (edges[1] - edges[0])  # of cells' edges from another's centre
    for k, sigma in enumerate(sigmas[1:], 1):
        row = _moves(offsets, np.zeros(1), np.full(1, sigma))[0]
        arrived = interval_chance(centers, np.full(CELLS, sigma), *goal)
        table[:, k] = np.convolve(values, row, "valid") + arrived
    least = float(table[table > 0].min())
    return TableScore([centers, sigmas], np.log(np.maximum(table, least)), "committor of the chain")


def home_of(chain: Iteration, start: float) -> float:
    """Half the length of the home: the chain's spread at rest, linearised."""
    slope = float(-chain.landscape.jacobian(np.array([[start]]))[0, 0, 0]) * chain.eta
    noise = float(chain.line(np.array([start]))[1][0])
    return HOME * noise / math.sqrt(max(slope * (2 - slope), slope**2, 1e-300))


def _moves(edges: Array, mean: Array, spread: Array) -> Array:
    """Chances (rows, cells) of a normal law to lie in each cell, accurate in both tails."""
    from scipy.special import ndtr

    safe = np.where(spread > 0, spread, 1.0)[:, None]
    t = (edges - mean[:, None]) / safe
    below = ndtr(-np.abs(t))  # the tail on the near side of the mean
    low, high = t[:, :-1], t[:, 1:]
    a, b = below[:, :-1], below[:, 1:]
    chances = np.where(low > 0, a - b, np.where(high < 0, b - a, 1 - a - b))
    point = (mean[:, None] >= edges[:-1]) & (mean[:, None] < edges[1:])
    return np.where(spread[:, None] > 0, chances, point)
