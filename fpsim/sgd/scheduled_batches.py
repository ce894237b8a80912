"""Mini-batch SGD whose learning rate and batch size follow schedules over the iterations k:

    x_{k+1} = x_k - (eta(k) / S(k)) sum_{j in B_k} grad l_j(x_k),      |B_k| = S(k)

The same kernel as without them, called for every run of iterations over which neither changes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fpsim.kernels.pacing import Watch
from fpsim.paths.chunks import BLOCK, BLOCKS_PER_CHUNK, by_path
from fpsim.paths.exit_pool import Exits
from fpsim.paths.exits import ExitSample, sample_of
from fpsim.paths.starts import start_points
from fpsim.paths.step import LIMITS
from fpsim.paths.threads import in_order
from fpsim.schedules.curves import as_curve
from fpsim.sgd.batches import LARGEST_BATCH, BatchDivergenceError, MiniBatchSGD
from fpsim.targets import Target

Array = NDArray[np.float64]
Chunk = tuple[int, int]
LIMIT = LIMITS["float64"]
LENGTH = BLOCK * BLOCKS_PER_CHUNK
"""Paths of a chunk."""


@dataclass(frozen=True)
class Plan:
    """Learning rates and batch sizes of the iterations 0 ... n - 1, each (n,)."""

    sgd: MiniBatchSGD
    rates: Array
    sizes: NDArray[np.int64]
    words: dict[str, str]

    @classmethod
    def of(cls, sgd: MiniBatchSGD, iterations: int, learning_rate: Any, batch_size: Any) -> Plan:
        """Schedules (curves or numbers; ``None``: as in ``sgd``) at every iteration.

        Raises:
            ValueError: for a network, rates that are not positive, and sizes that cannot be drawn.
        """
        if sgd.moves_network:
            raise ValueError("schedules of mini-batches are for data sets given by formulas, not for all of a network")
        if sgd.momentum or not sgd.draws_examples:
            raise ValueError("schedules of mini-batches are for real mini-batches without momentum; leave it out")
        k = np.arange(iterations, dtype=float)
        curves = {
            "learning rate": as_curve(sgd.learning_rate if learning_rate is None else learning_rate),
            "batch size": as_curve(sgd.batch_size if batch_size is None else batch_size),
        }
        rates, sizes = (curve.at(k) for curve in curves.values())
        bad = ~(np.isfinite(rates) & (rates > 0))
        if bad.any():
            raise ValueError(
                f"the learning rate must be positive; at iteration {np.argmax(bad)} it is {rates[bad][0]:g}"
            )
        whole = np.isfinite(sizes) & (sizes == np.rint(sizes)) & (sizes >= 1) & (sizes <= LARGEST_BATCH)
        if not whole.all():
            raise ValueError(
                f"a mini-batch holds a whole number of examples, 1 to {LARGEST_BATCH}; at iteration "
                f"{np.argmin(whole)} the schedule says {sizes[~whole][0]:g}"
            )
        m = sgd.landscape.number_of_examples
        if not sgd.replacement and sizes.max() > m:
            raise ValueError(f"{sizes.max():g} different examples cannot be drawn from {m}")
        if sgd.sampling == "reshuffled" and np.ptp(sizes) > 0:
            raise ValueError(
                "an epoch of reshuffled examples is cut into batches of one size; give batch_size a number"
            )
        told = {name: str(curve) for name, curve in curves.items()}
        return cls(sgd, rates, sizes.astype(np.int64), told)

    @classmethod
    def until(cls, sgd: MiniBatchSGD, horizon: float, learning_rate: Any, batch_size: Any) -> Plan:
        """A plan up to a finite horizon, rounded up to four iterations."""
        if not math.isfinite(horizon):
            raise ValueError("under a schedule paths need a horizon: it may well keep some of them for ever")
        return cls.of(sgd, 4 * math.ceil(horizon / 4), learning_rate, batch_size)

    @property
    def time(self) -> Array:
        """Sum of the learning rates so far, at the iterations 0 ... n."""
        return np.concatenate([[0.0], np.cumsum(self.rates)])

    def legs(self, begin: int, end: int) -> Iterator[tuple[int, int]]:
        """Runs of iterations between ``begin`` and ``end`` over which nothing changes."""
        changes = (np.diff(self.rates[begin:end]) != 0) | (np.diff(self.sizes[begin:end]) != 0)
        cuts = [begin, *(begin + 1 + np.flatnonzero(changes)).tolist(), end]
        yield from pairwise(cuts)


class Batch:
    """Paths ``begin ... end - 1`` under a plan, in blocks for the kernel."""

    def __init__(self, plan: Plan, arguments: tuple[Any, ...], points: Array, chunk: Chunk) -> None:
        (self.begin, end), d = chunk, len(points)
        self.plan, self.arguments, self.dimension, self.count = plan, arguments, d, end - self.begin
        blocks = -(-self.count // BLOCK)
        lanes = np.minimum(np.arange(blocks * BLOCK), self.count - 1)
        padded = np.broadcast_to(points, (d, self.count))[:, lanes]
        by_block = padded.reshape(d, blocks, BLOCK).swapaxes(0, 1).reshape(blocks, d * BLOCK)
        self.states = np.array(by_block, order="C")

    def positions(self) -> Array:
        """(paths, d) now."""
        return np.array(by_path(self.states[None], self.dimension)[0, : self.count])

    def put(self, lanes: NDArray[np.bool_], point: Array) -> None:
        """Put some of the paths to a point (d,)."""
        blocks = self.states.reshape(-1, self.dimension, BLOCK)
        index = np.flatnonzero(lanes)
        blocks[index // BLOCK, :, index % BLOCK] = point

    def advance(self, begin: int, end: int) -> None:
        """Walk from iteration ``begin`` to ``end``."""
        from fpsim.kernels.minibatch import walk_batches

        table, data, gradient, dimension, _, momentum, spread, _, *rest = self.arguments
        nothing = np.empty((1, 0, self.states.shape[1])), np.empty((0, 4, self.dimension)), np.zeros(self.dimension)
        for first, last in self.plan.legs(begin, end):
            size = int(self.plan.sizes[first])
            rate = float(self.plan.rates[first]) / size
            law = table, data, gradient, dimension, rate, momentum, spread, size, *rest
            block, step = walk_batches[np.float64](
                self.states, self.begin, first, last - first, *law, LIMIT, *nothing, self.count
            )
            if block >= 0:
                row = self.states[block].reshape(self.dimension, BLOCK)
                lane = int(np.argmax(~np.all(np.abs(row) <= LIMIT, axis=0)))
                raise BatchDivergenceError(self.begin + int(block) * BLOCK + lane, self.plan.sgd, int(step))


def march(
    plan: Plan, arguments: tuple[Any, ...], start: Any, chunk: Chunk, every: int, keep: str, origin: Array, seed: int,
    watch: Watch, out: Array | None,
) -> Array:  # fmt: skip
    """A chunk through all iterations: positions into ``out`` (times, n, d), or sums of powers (times, 4, d)."""
    begin, end = chunk
    batch = Batch(plan, arguments, start_points(start, len(origin), begin, end - begin, seed), chunk)
    frames = len(plan.rates) // every
    sums = np.zeros((frames + 1 if keep == "moments" else 0, 4, len(origin)))
    for frame in range(frames + 1):
        if frame:
            batch.advance((frame - 1) * every, frame * every)
            watch.advance(every * (end - begin))
        if out is not None and (keep == "paths" or frame == frames):
            out[frame if keep == "paths" else 0] = batch.positions()
        if keep == "moments":
            gap = batch.positions() - origin
            sums[frame] = [(gap**power).sum(axis=0) for power in (1, 2, 3, 4)]
    return sums


def _leave(
    plan: Plan, arguments: tuple[Any, ...], points: Array, chunk: Chunk, level: Callable[[Array], Array], watch: Watch,
) -> tuple[Array, Array]:  # fmt: skip
    """Iterations at which the paths of a chunk land in the target (infinite: not at all), (n,), and places (n, d)."""
    begin, end = chunk
    own = points if points.shape[1] == 1 else points[:, begin:end]
    batch = Batch(plan, arguments, own, chunk)
    times, places, rest = np.full(end - begin, np.inf), np.array(batch.positions()), own[:, 0]
    for k in range(len(plan.rates)):
        batch.advance(k, k + 1)
        now, alive = batch.positions(), np.isinf(times)
        out = alive & (np.asarray(level(now.T)) >= 0)
        times[out] = k + 1
        places[alive] = now[alive]
        batch.put(~alive | out, rest)  # where nothing can diverge
        watch.advance(end - begin)
        if not np.isinf(times).any():
            break
    return times, places


def left(
    plan: Plan, arguments: tuple[Any, ...], points: Array, goal: Target, paths: int, seed: int, threads: int | None,
    progress: Callable[[float], None] | None,
) -> ExitSample:  # fmt: skip
    """Exits under a plan, as :func:`fpsim.exit_iterations` gives them."""
    iterations = len(plan.rates)
    watch = Watch(float(iterations) * paths, progress)
    chunks = [(begin, min(begin + LENGTH, paths)) for begin in range(0, paths, LENGTH)]

    def work(chunk: Chunk) -> Array:
        times, places = _leave(plan, arguments, points, chunk, goal.level, watch)
        return np.concatenate([times[:, None], places], axis=1)

    rows = np.concatenate([part for _, _, part in in_order(chunks, work, threads, watch)])
    found = Exits(rows[:, 0], rows[:, 1:], np.full(paths, iterations // 4))
    facts = {"sgd": str(plan.sgd), "seed": int(seed), "units": "iterations", "target": str(goal), **plan.words}
    return sample_of(found, float(iterations), iterations // 4, 1.0, math.inf, facts)
