"""Mini-batch SGD in all parameters of a network, many paths at once:

    x <- x - eta (1/S) sum of grad l_j(x) over the S examples of a batch,      or another step of :mod:`fpsim.sgd.rules`

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
from fpsim.sgd.draws import picks
from fpsim.sgd.rules import at_rest, moved

if TYPE_CHECKING:
    from fpsim.targets import Target

Array = NDArray[np.float64]
BLOCK = 32
"""Iterations whose examples are drawn together."""
LIMIT = LIMITS["float64"]


def iterate(sgd: MiniBatchSGD, x: Array, paths: NDArray[np.int64], seed: int) -> Iterator[Array]:
    """Positions (d, n) of paths after 1, 2, ... iterations from x (d, n).

    Raises:
        BatchDivergenceError: when one leaves the finite numbers.
    """
    state, n = at_rest(sgd, x), 0
    while True:
        for batch in drawn(sgd, seed, paths, n, BLOCK):
            n += 1
            state = stepped(sgd, state, batch, sgd.learning_rate, paths, n)
            yield state[: len(x)]


def stepped(
    sgd: MiniBatchSGD, state: Array, batch: NDArray[np.int64], rate: float, paths: NDArray[np.int64], n: int
) -> Array:
    """States (coordinates, n) of paths after iteration ``n`` with the examples ``batch`` (S, n).

    Raises:
        BatchDivergenceError: when one leaves the finite numbers.
    """
    x = state[: sgd.landscape.dimension]
    state = moved(sgd, state, np.asarray(sgd.landscape.batch_gradients(x, batch)), rate)
    lost = ~np.all(np.abs(state) <= LIMIT, axis=0)
    if lost.any():
        raise BatchDivergenceError(int(paths[np.argmax(lost)]), sgd, n, rate)
    return state


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
    """Iterations at which paths are in the target (infinite after ``quads`` groups of four), and their states there."""
    times, followed, (alive, n) = np.full(paths, np.nan), np.zeros(paths, dtype=np.int64), (np.arange(paths), 0)
    states = np.array(np.broadcast_to(at_rest(sgd, points), (sgd.coordinates, paths)).T)
    while alive.size and n < 4 * quads and clock.perf_counter() < ends:
        block = min(BLOCK, 4 * quads - n)
        alive = _block(sgd, goal, alive, n, block, seed, times, states)
        n += block
        followed[:] = n // 4  # all of them, had they not left
        watch.advance(float(paths - alive.size) - watch.done)
    if n >= 4 * quads:
        times[alive] = np.inf
    return Exits(times, states, followed)


def _block(
    sgd: MiniBatchSGD, goal: Target, alive: NDArray[np.int64], begin: int, steps: int, seed: int, times: Array,
    states: Array,
) -> NDArray[np.int64]:  # fmt: skip
    batches, d = drawn(sgd, seed, alive, begin, steps), sgd.landscape.dimension
    inside = np.ones(alive.size, dtype=bool)
    for k in range(steps):
        now = alive[inside]
        if not now.size:
            break
        state = stepped(sgd, states[now].T, batches[k][:, inside], sgd.learning_rate, now, begin + k + 1)
        states[now] = state.T
        out = np.asarray(goal.level(state[:d])) >= 0
        times[now[out]] = begin + k + 1
        inside[np.flatnonzero(inside)[out]] = False
    return alive[inside]


def drawn(
    sgd: MiniBatchSGD, seed: int, paths: NDArray[np.int64], begin: int, steps: int, size: int | None = None
) -> NDArray[np.int64]:
    """The examples (steps, S, n) that paths (n,) draw in iterations ``begin`` ..., S that of ``sgd`` or ``size``."""
    m, batch = sgd.landscape.number_of_examples, int(size or sgd.batch_size)
    return picks(sgd.sampling, m, batch, seed, np.asarray(paths, dtype=np.int64), begin, steps)
