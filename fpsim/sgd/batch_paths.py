"""Paths of mini-batch SGD through the CPU's kernels, and what kernels take of it."""

from __future__ import annotations

import time as clock
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from fpsim.kernels.pacing import Pace, Watch, pieces
from fpsim.kernels.random_numbers import Stream, seed_words
from fpsim.paths.chunks import BLOCK, FRAME_BYTES, by_path
from fpsim.paths.exit_pool import Exits, Lanes, run_lanes
from fpsim.paths.run import Keep
from fpsim.paths.starts import start_points
from fpsim.paths.step import LIMITS, made
from fpsim.sgd import network_batches
from fpsim.sgd.batches import LAWS, BatchDivergenceError, MiniBatchSGD
from fpsim.sgd.rules import at_rest, rule_of
from fpsim.sgd.scheduled_batches import lost_path
from fpsim.sgd.written import slope_and_table
from fpsim.targets import Target

Array = NDArray[np.float64]
LIMIT = LIMITS["float64"]
STREAMS = {
    "with-replacement": Stream.MINIBATCHES, "without-replacement": Stream.MINIBATCHES, "reshuffled": Stream.SHUFFLES,
    "gaussian": Stream.INCREMENTS, "isotropic": Stream.INCREMENTS,
}  # fmt: skip
FIRST_DRAWS = 2**20  # gradients of one example in the first call of a kernel


def kernel_arguments(
    sgd: MiniBatchSGD, seed: int, device: str = "cpu", dtype: DTypeLike = np.float64
) -> tuple[Any, ...]:
    """What the kernels take, in their order: the table of examples ... the seed's halves.

    A network's gradient is sparse: it leaves out lanes that carry nothing.
    """
    gradient, table = slope_and_table(sgd, device, dtype)
    law, m = LAWS.index(sgd.sampling), sgd.landscape.number_of_examples
    rate = sgd.learning_rate / sgd.batch_size if sgd.draws_examples else sgd.learning_rate
    batch, spread = (int(sgd.batch_size), 0.0) if sgd.draws_examples else (0, (m * sgd.batch_size) ** -0.5)
    rule, numbers = rule_of(sgd, float(batch or 1))
    return (
        table, gradient.data, gradient.function, int(sgd.landscape.dimension), rate, rule, numbers.astype(dtype),
        spread, batch, law, int(STREAMS[sgd.sampling]), sgd.moves_network, *seed_words(seed),
    )  # fmt: skip


def compiled_level(
    sgd: MiniBatchSGD, goal: Target, device: str = "cpu", dtype: DTypeLike = np.float64
) -> tuple[Any, Array]:
    """The compiled signed distance to the target."""
    from landscapes.formula.symbolic import symbol

    x = [symbol(name) for name in sgd.landscape.variables]
    geometry = goal.symbolic(x)
    if geometry is None:
        raise ValueError("mini-batch exits go to a number (1-D), Ball or HalfSpace; a level function does not compile")
    wall = made(device, [geometry[0]], {"x": x}, geometry[1], dtype)
    return wall.function, wall.data


def march(
    sgd: MiniBatchSGD, arguments: tuple[Any, ...], start: Any, chunk: tuple[int, int], frames: int, every: int,
    keep: Keep, origin: Array, seed: int, watch: Watch, out: Array | None,
) -> Array:  # fmt: skip
    """Paths ``chunk`` through all frames: positions into ``out`` (times, n, d), or sums of powers (times, 4, d)."""
    from fpsim.kernels.minibatch import walk_batches

    (begin, end), d, rows = chunk, sgd.landscape.dimension, sgd.coordinates
    count, blocks = end - begin, -(-(end - begin) // BLOCK)
    points = at_rest(sgd, start_points(start, d, begin, count, seed))
    padding = np.repeat(points[:, :1], blocks * BLOCK - count, axis=1)
    points = np.concatenate([np.broadcast_to(points, (rows, count)), padding], axis=1)
    by_block = points.reshape(rows, blocks, BLOCK).swapaxes(0, 1).reshape(blocks, rows * BLOCK)
    states = np.array(by_block, order="C")  # a copy always: the kernel moves it, and ``points`` is the first frame
    sums = np.zeros((frames + 1 if keep == "moments" else 0, 4, d))
    if keep == "moments":
        gap = points[:d, :count] - origin[:, None]
        sums[0] = [(gap**power).sum(axis=1) for power in (1, 2, 3, 4)]
    elif out is not None and keep == "paths":
        out[0] = points[:d, :count].T
    most = max(1, FRAME_BYTES // states.nbytes) if keep == "paths" else frames
    each = sgd.batch_size if sgd.draws_examples else sgd.landscape.number_of_examples
    pace = Pace(max(1, int(FIRST_DRAWS // (each * states.size))))
    for piece in pieces(frames * every, every, most, 4, pace):
        began, first = clock.perf_counter(), piece.step // every + 1
        looked = piece.frames if piece.finished else 0
        kept = np.empty((piece.frames, blocks if keep == "paths" and looked else 0, rows * BLOCK))
        block, step = walk_batches[np.float64](
            states, begin, piece.step, piece.every, *arguments, LIMIT, kept, sums[first : first + looked], origin, count
        )
        if block >= 0:
            raise BatchDivergenceError(begin + lost_path(states, int(block), rows), sgd, int(step))
        if out is not None and keep == "paths" and looked:
            out[first : first + looked] = by_path(kept, rows)[:, :count, :d]
        pace.took(piece.frames * piece.every, clock.perf_counter() - began)
        watch.advance(piece.frames * piece.every * count)
    if out is not None and keep == "final":
        out[0] = by_path(states[None], rows)[0, :count, :d]
    return sums


def march_network(
    sgd: MiniBatchSGD, start: Any, chunk: tuple[int, int], frames: int, every: int, keep: Keep, origin: Array,
    seed: int, watch: Watch, out: Array | None,
) -> Array:  # fmt: skip
    """The same as `march` in all parameters of a network."""
    begin, end = chunk
    points = np.broadcast_to(start_points(start, len(origin), begin, end - begin, seed), (len(origin), end - begin))
    sums = np.zeros((frames + 1 if keep == "moments" else 0, 4, len(origin)))
    for frame, x in enumerate(network_batches.march(sgd, points, begin, frames, every, seed, watch)):
        if out is not None and (keep == "paths" or frame == frames):
            out[frame if keep == "paths" else 0] = x.T
        if keep == "moments":
            gap = x.T - origin
            sums[frame] = np.stack([(gap**p).sum(axis=0) for p in (1, 2, 3, 4)])
    return sums


def exits(
    sgd: MiniBatchSGD, points: Array, goal: Target, paths: int, seed: int, quads: int, threads: int,
    progress: Callable[[float], None] | None, ends: float, dtype: DTypeLike,
) -> Exits:  # fmt: skip
    """Exits, with times in iterations."""
    from fpsim.kernels.minibatch import exit_batches

    arguments, kernel = kernel_arguments(sgd, seed, "cpu", dtype), exit_batches[dtype]
    (wall, wall_data), limit = compiled_level(sgd, goal, "cpu", dtype), LIMITS[np.dtype(dtype).name]

    def call(lanes: Lanes, out: Exits, budget: int, final: bool) -> int:
        busy: int = kernel(
            lanes.x, lanes.owner, lanes.quads, lanes.pool, points, quads, budget, *arguments, wall_data, wall, limit,
            out.times, out.places, lanes.clock, out.followed, final,
        )  # fmt: skip
        return busy

    def diverged(path: int) -> BatchDivergenceError:
        return BatchDivergenceError(path, sgd)

    return run_lanes(call, diverged, points, paths, threads, dtype, progress, ends)
