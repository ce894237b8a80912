"""Mini-batch SGD in all parameters of a network, many paths at once:

    x <- x - eta (1/S) sum of grad l_j(x) over the S examples of a batch

The examples that a path draws are a function of (seed, path, iteration); sums of torch may differ in the last digits
with the number of paths that are computed together. The landscape loads torch (extra ``network``).
"""

from __future__ import annotations

import time as clock
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fpsim.kernels.pacing import Watch
from fpsim.paths.exit_pool import Exits
from fpsim.paths.step import LIMITS
from fpsim.sgd.batches import BatchDivergenceError, MiniBatchSGD

if TYPE_CHECKING:
    from fpsim.targets import Target

Array = NDArray[np.float64]
BLOCK = 32
"""Iterations whose examples are drawn together; a change draws others."""
LIMIT = LIMITS["float64"]


def iterate(sgd: MiniBatchSGD, x: Array, paths: NDArray[np.int64], seed: int) -> Iterator[Array]:
    """Positions (d, n) of paths after 1, 2, ... iterations from x (d, n).

    Raises:
        BatchDivergenceError: when one leaves the finite numbers.
    """
    landscape, n = sgd.landscape, 0
    while True:
        drawn = np.stack([draws_of(sgd, seed, int(path), n // BLOCK) for path in paths], axis=-1)  # (BLOCK, S, n)
        for picks in drawn:
            x = x - sgd.learning_rate * landscape.batch_gradients(x, picks)
            n += 1
            lost = ~np.all(np.abs(x) <= LIMIT, axis=0)
            if lost.any():
                raise BatchDivergenceError(int(paths[np.argmax(lost)]), sgd, n)
            yield x


def march(sgd: MiniBatchSGD, x: Array, first: int, frames: int, every: int, seed: int, watch: Watch) -> Iterator[Array]:
    """Positions (d, n) of paths ``first ...`` at the start and after every ``every`` iterations, ``frames`` times."""
    yield x
    walk = iterate(sgd, x, first + np.arange(x.shape[1]), seed)
    for _ in range(frames):
        for _ in range(every):
            x = next(walk)
            watch.advance(x.shape[1])
        yield x


def exits(
    sgd: MiniBatchSGD, points: Array, goal: Target, paths: int, seed: int, quads: int, watch: Watch, ends: float
) -> Exits:
    """Iterations at which paths are in the target (infinite after ``quads`` groups of four), and where."""
    d = len(points)
    times, places, followed = np.full(paths, np.nan), np.full((paths, d), np.nan), np.zeros(paths, dtype=np.int64)
    alive, n = np.arange(paths), 0
    places[:] = np.broadcast_to(points, (d, paths)).T
    while alive.size and n < 4 * quads and clock.perf_counter() < ends:
        block = min(BLOCK, 4 * quads - n)  # whole blocks of draws: a path draws the same whoever is beside it
        alive = _block(sgd, goal, alive, n, block, seed, times, places)
        n += block
        followed[:] = np.where(np.isnan(times), n // 4, quads)
        watch.advance(float(paths - alive.size) - watch.done)
    if n >= 4 * quads:
        times[alive] = np.inf
    return Exits(times, places, followed)


def _block(
    sgd: MiniBatchSGD, goal: Target, alive: NDArray[np.int64], begin: int, steps: int, seed: int, times: Array,
    places: Array,
) -> NDArray[np.int64]:  # fmt: skip
    drawn = np.stack([draws_of(sgd, seed, int(path), begin // BLOCK) for path in alive], axis=-1)
    inside = np.ones(alive.size, dtype=bool)
    for k in range(steps):
        now = alive[inside]
        if not now.size:
            break
        x = places[now].T
        x = x - sgd.learning_rate * sgd.landscape.batch_gradients(x, drawn[k][:, inside])
        lost = ~np.all(np.abs(x) <= LIMIT, axis=0)
        if lost.any():
            raise BatchDivergenceError(int(now[np.argmax(lost)]), sgd, begin + k + 1)
        places[now] = x.T
        out = np.asarray(goal.level(x)) >= 0
        times[now[out]] = begin + k + 1
        inside[np.flatnonzero(inside)[out]] = False
    return alive[inside]


def draws_of(sgd: MiniBatchSGD, seed: int, path: int, block: int) -> NDArray[np.int64]:
    """The examples (BLOCK, S) that one path draws in one block of iterations."""
    m, size = sgd.landscape.number_of_examples, int(sgd.batch_size)
    if sgd.sampling == "with-replacement":
        return _generator(seed, path, block).integers(0, m, (BLOCK, size))
    if sgd.sampling == "without-replacement":
        shuffled = np.broadcast_to(np.arange(m), (BLOCK, m))
        return _generator(seed, path, block).permuted(shuffled, axis=1)[:, :size]
    batches = m // size
    epoch, place = np.divmod(np.arange(block * BLOCK, (block + 1) * BLOCK), batches)
    orders = {int(e): _generator(seed, path, int(e)).permutation(m) for e in np.unique(epoch)}
    return np.stack([orders[int(e)][p * size : (p + 1) * size] for e, p in zip(epoch, place, strict=True)])


def _generator(seed: int, path: int, block: int) -> np.random.Generator:
    """Counter-based numbers (Philox; Salmon et al., SC 2011): key (seed, path), counter (.., .., block, ..)."""
    key = np.array([seed, path], dtype=np.uint64)
    return np.random.Generator(np.random.Philox(key=key, counter=np.array([0, 0, block, 0], dtype=np.uint64)))
