"""Mini-batch SGD whose learning rate and batch size follow schedules over the iterations k:

    x_{k+1} = x_k - (eta(k) / S(k)) sum_{j in B_k} grad l_j(x_k),      |B_k| = S(k)

or another step of :mod:`fpsim.sgd.rules`.  The same kernel as without them, called for every run of iterations over
which neither changes; a network that does not compile moves in torch.
"""

from __future__ import annotations

import math
import time as clock
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from fpsim.kernels.pacing import Watch
from fpsim.memory import require_memory
from fpsim.paths.chunks import BLOCK, BLOCKS_PER_CHUNK, by_path
from fpsim.paths.exit_pool import Exits
from fpsim.paths.exit_sample import ExitSample, sample_of
from fpsim.paths.starts import start_points
from fpsim.paths.step import LIMITS
from fpsim.paths.threads import in_order
from fpsim.schedules.curve import as_curve
from fpsim.sgd.batches import LARGEST_BATCH, BatchDivergenceError, MiniBatchSGD
from fpsim.sgd.network_batches import BLOCK as TOGETHER
from fpsim.sgd.network_batches import drawn, stepped
from fpsim.sgd.rules import at_rest, rule_of
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
    sizes: Array
    words: dict[str, str]

    @classmethod
    def of(cls, sgd: MiniBatchSGD, iterations: int, learning_rate: Any, batch_size: Any) -> Plan:
        """Schedules (curves or numbers; ``None``: as in ``sgd``) at every iteration.

        Raises:
            ValueError: for rates that are not positive, and sizes that cannot be drawn.
        """
        require_memory(64.0 * iterations, f"a schedule over {iterations:.4g} iterations", "follow fewer")
        k = np.arange(iterations, dtype=float)
        curves = {
            "learning rate": as_curve(sgd.learning_rate if learning_rate is None else learning_rate),
            "batch size": as_curve(sgd.batch_size if batch_size is None else batch_size),
        }
        rates, sizes = (curve.at(k) for curve in curves.values())
        for name, values in (("learning rate", rates), ("batch size", sizes)):
            bad = ~(np.isfinite(values) & (values > 0))
            if bad.any():
                raise ValueError(f"the {name} must be positive; at iteration {np.argmax(bad)} it is {values[bad][0]:g}")
        if sgd.draws_examples:
            _check_sizes(sgd, sizes)
        return cls(sgd, rates, sizes, {name: str(curve) for name, curve in curves.items()})

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


def _check_sizes(sgd: MiniBatchSGD, sizes: Array) -> None:
    whole = (sizes == np.rint(sizes)) & (sizes <= LARGEST_BATCH)
    if not whole.all():
        raise ValueError(
            f"a mini-batch holds a whole number of examples, 1 to {LARGEST_BATCH}; at iteration {np.argmin(whole)} the "
            f"schedule says {sizes[~whole][0]:g}"
        )
    m = sgd.landscape.number_of_examples
    if not sgd.replacement and sizes.max() > m:
        raise ValueError(f"{sizes.max():g} different examples cannot be drawn from {m}")
    if sgd.sampling == "reshuffled" and np.ptp(sizes) > 0:
        raise ValueError("an epoch of reshuffled examples is cut into batches of one size; give batch_size a number")


def terms(plan: Plan) -> tuple[Array, Array, Array]:
    """What kernels take, each (n,): eta / S of a sum over S examples, else eta; (m S)^(-1/2); S of such a sum, else 1.

    A plan that ends within four iterations goes on as it ends.
    """
    rates, sizes = (np.pad(part, (0, -len(part) % 4), mode="edge") for part in (plan.rates, plan.sizes))
    if plan.sgd.draws_examples:
        return rates / sizes, np.zeros(len(rates)), sizes
    return rates, (plan.sgd.landscape.number_of_examples * sizes) ** -0.5, np.ones(len(rates))


class Walk(Protocol):
    """Paths that walk together under a plan."""

    def positions(self) -> Array:
        """(paths, d) now."""
        ...

    def put(self, lanes: NDArray[np.bool_], point: Array) -> None:
        """Let some of the paths rest at a point (d,), since nobody looks at them any more."""
        ...

    def advance(self, begin: int, end: int) -> None:
        """Walk from iteration ``begin`` to ``end``."""
        ...


Walks = Callable[[Array, Chunk], Walk]


class CompiledWalk:
    """Paths ``begin ... end - 1`` under a plan, in blocks for the kernel."""

    def __init__(self, plan: Plan, arguments: tuple[Any, ...], points: Array, chunk: Chunk) -> None:
        (self.begin, end), self.dimension, self.rows = chunk, len(points), plan.sgd.coordinates
        self.plan, self.arguments, self.count = plan, arguments, end - self.begin
        blocks = -(-self.count // BLOCK)
        lanes = np.minimum(np.arange(blocks * BLOCK), self.count - 1)
        padded = np.broadcast_to(at_rest(plan.sgd, points), (self.rows, self.count))[:, lanes]
        by_block = padded.reshape(self.rows, blocks, BLOCK).swapaxes(0, 1).reshape(blocks, self.rows * BLOCK)
        self.states = np.array(by_block, order="C")

    def positions(self) -> Array:
        """(paths, d) now."""
        return np.array(by_path(self.states[None], self.rows)[0, : self.count, : self.dimension])

    def put(self, lanes: NDArray[np.bool_], point: Array) -> None:
        """Put some of the paths to rest at a point (d,), where nothing can diverge."""
        blocks, index = self.states.reshape(-1, self.rows, BLOCK), np.flatnonzero(lanes)
        blocks[index // BLOCK, :, index % BLOCK] = at_rest(self.plan.sgd, point)

    def advance(self, begin: int, end: int) -> None:
        """Walk from iteration ``begin`` to ``end``."""
        from fpsim.kernels.minibatch import walk_batches

        sgd, (table, data, gradient, dimension, *_) = self.plan.sgd, self.arguments
        nothing = np.empty((1, 0, self.states.shape[1])), np.empty((0, 4, self.dimension)), np.zeros(self.dimension)
        for first, last in self.plan.legs(begin, end):
            size, rate = float(self.plan.sizes[first]), float(self.plan.rates[first])
            shares = rate / size, 0.0, int(size)
            if not sgd.draws_examples:
                shares = rate, (sgd.landscape.number_of_examples * size) ** -0.5, 0
            rule, numbers = rule_of(sgd, float(shares[2] or 1))
            moving = table, data, gradient, dimension, shares[0], rule, numbers, *shares[1:], *self.arguments[9:]
            block, step = walk_batches[np.float64](
                self.states, self.begin, first, last - first, *moving, LIMIT, *nothing, self.count
            )
            if block >= 0:
                path = self.begin + lost_path(self.states, int(block), self.rows)
                raise BatchDivergenceError(path, sgd, int(step), rate)


def lost_path(states: Array, block: int, rows: int) -> int:
    """The first path of a block that has left the finite numbers (padding comes after all paths)."""
    return block * BLOCK + int(np.argmax(~np.all(np.abs(states[block].reshape(rows, BLOCK)) <= LIMIT, axis=0)))


class NetworkWalk:
    """Paths ``begin ... end - 1`` under a plan, in all parameters of a network that does not compile."""

    def __init__(self, plan: Plan, seed: int, points: Array, chunk: Chunk) -> None:
        self.plan, self.seed, self.dimension = plan, seed, len(points)
        self.alive = np.arange(*chunk)
        self.begin, count = chunk[0], self.alive.size
        self.states = np.array(np.broadcast_to(at_rest(plan.sgd, points), (plan.sgd.coordinates, count)))

    def positions(self) -> Array:
        """(paths, d) now."""
        return np.array(self.states[: self.dimension].T)

    def put(self, lanes: NDArray[np.bool_], point: Array) -> None:
        """Leave some of the paths where they are."""
        self.alive = self.begin + np.flatnonzero(~lanes)

    def advance(self, begin: int, end: int) -> None:
        """Walk from iteration ``begin`` to ``end``."""
        sgd, now = self.plan.sgd, self.alive - self.begin
        state = self.states[:, now]
        for first, last in self.plan.legs(begin, end):
            for n in range(first, last, TOGETHER):
                steps = min(TOGETHER, last - n)
                rate, size = float(self.plan.rates[first]), int(self.plan.sizes[first])
                for k, batch in enumerate(drawn(sgd, self.seed, self.alive, n, steps, size)):
                    state = stepped(sgd, state, batch, rate, self.alive, n + k + 1)
        self.states[:, now] = state


def march(
    plan: Plan, walks: Walks, start: Any, chunk: Chunk, every: int, keep: str, origin: Array, seed: int, watch: Watch,
    out: Array | None,
) -> Array:  # fmt: skip
    """A chunk through all iterations: positions into ``out`` (times, n, d), or sums of powers (times, 4, d)."""
    begin, end = chunk
    batch = walks(start_points(start, len(origin), begin, end - begin, seed), chunk)
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
    walk: Walk, iterations: int, rest: Array, level: Callable[[Array], Array], watch: Watch, ends: float
) -> Array:
    """Rows (n, 2 + d) of the iterations at which paths land in the target (infinite: not at all; NaN: under way at the
    deadline), the groups of four that all were followed, and places.
    """  # fmt: skip
    places = walk.positions()
    times, done = np.full(len(places), np.nan), 0
    while done < iterations and np.isnan(times).any() and (done % 4 or clock.perf_counter() < ends):
        walk.advance(done, done + 1)
        done += 1
        now, alive = walk.positions(), np.isnan(times)
        out = alive & (np.asarray(level(now.T)) >= 0)
        times[out] = done
        places[alive] = now[alive]
        walk.put(~np.isnan(times), rest)
        watch.advance(len(places))
    if done == iterations:
        times[np.isnan(times)] = np.inf
    return np.column_stack([times, np.full(len(times), done // 4 if done else -1), places])


def left(
    plan: Plan, walks: Walks, points: Array, goal: Target, paths: int, threads: int | None,
    progress: Callable[[float], None] | None, deadline: float, ends: float, facts: dict[str, Any],
) -> ExitSample:  # fmt: skip
    """Exits under a plan, as :func:`fpsim.exit_iterations` gives them."""
    iterations = len(plan.rates)
    watch = Watch(float(iterations) * paths, progress)
    chunks = [(begin, min(begin + LENGTH, paths)) for begin in range(0, paths, LENGTH)]

    def work(chunk: Chunk) -> Array:
        own = points if points.shape[1] == 1 else points[:, slice(*chunk)]
        return _leave(walks(own, chunk), iterations, own[:, 0], goal.level, watch, ends)

    rows = np.concatenate([part for _, _, part in in_order(chunks, work, threads, watch)])
    found = Exits(rows[:, 0], rows[:, 2:], rows[:, 1].astype(np.int64))
    return sample_of(found, float(iterations), iterations // 4, 1.0, deadline, {**facts, **plan.words})
