"""Paths of SGD with actual mini-batches (:mod:`fpsim.sgd.batches`), and the iterations at which they leave.

    x_{n+1} = x_n - (eta / S) sum_{j in B_n} grad l_j(x_n)

Time is counted in iterations, and a path is out when a step lands in the target.
"""

from __future__ import annotations

import math
import time as clock
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fpsim.cuda.device import EXIT_STEPS, Device, chosen
from fpsim.kernels.pacing import Pace, Watch, pieces
from fpsim.kernels.random_numbers import Stream, seed_words
from fpsim.memory import require_memory
from fpsim.paths.chunks import BLOCK, BLOCKS_PER_CHUNK, FRAME_BYTES, by_path
from fpsim.paths.ensembles import Moments, Paths
from fpsim.paths.exit_pool import Exits, Lanes, run_lanes
from fpsim.paths.exits import ExitSample, check_deadline, sample_of
from fpsim.paths.run import Keep
from fpsim.paths.starts import start_points
from fpsim.paths.step import LIMITS, Compiled, made, require_count
from fpsim.paths.threads import in_order, thread_count
from fpsim.schedules.curves import Curve
from fpsim.sgd import network_batches
from fpsim.sgd.batches import SAMPLINGS, BatchDivergenceError, MiniBatchSGD, Sampling
from fpsim.sgd.scheduled_batches import Plan, left, march
from fpsim.targets import Target, as_target

if TYPE_CHECKING:
    from fpsim.sgd.cuda_batches import CardBatches

__all__ = [
    "SAMPLINGS",
    "BatchDivergenceError",
    "MiniBatchSGD",
    "Sampling",
    "exit_iterations",
    "simulate_batches",
]

Array = NDArray[np.float64]
LIMIT = LIMITS["float64"]
FIRST_DRAWS = 2**20  # gradients of one example in the first call of a kernel


def exit_iterations(
    sgd: MiniBatchSGD,
    start: Any,
    target: Any,
    paths: int,
    seed: int = 0,
    horizon: float = math.inf,
    threads: int | None = None,
    progress: Callable[[float], None] | None = None,
    deadline: float = math.inf,
    device: Device = "cpu",
    learning_rate: Curve | float | None = None,
    batch_size: Curve | float | None = None,
) -> ExitSample:
    """Follow every path until a step lands in ``target``.

    Args:
        sgd: what moves.
        start: a point, an array (d, paths), or a callable of uniforms.
        target: a number (1-D), ``Ball`` or ``HalfSpace``; for a network also a level function.
        paths: how many.
        seed: integer in [0, 2^64).
        horizon: largest number of iterations to follow a path; rounded up to four.
        threads, progress: as in :func:`fpsim.simulate`.
        deadline, device: as in :func:`fpsim.paths.exits.exit_times`; a network runs on the CPU here.
        learning_rate, batch_size: schedules over the iterations (:mod:`fpsim.schedules`) in place of the numbers of
            ``sgd``, with a finite horizon, without a deadline, on the CPU.

    Returns:
        the exits, with times in iterations (times the learning rate they are in units of time).

    Raises:
        BatchDivergenceError: when a path leaves the finite numbers.
        ValueError: for a start in the target, or a level function as target (it cannot be compiled).
    """
    ends = clock.perf_counter() + check_deadline(deadline)
    require_count(paths, "paths")
    if not horizon > 0:
        raise ValueError(f"the horizon must be a positive number of iterations; got {horizon!r}")
    d = sgd.landscape.dimension
    require_memory(8 * int(paths) * (d * (3 if callable(start) else 1) + 6), "the exits", "use fewer paths")
    points = start_points(start, d, 0, int(paths), seed)
    goal = as_target(target, points[:, 0])
    inside = np.asarray(goal.level(points)) >= 0
    if inside.any():
        raise ValueError(f"{int(inside.sum())} start points already lie in the target ({goal}); choose others")
    if learning_rate is not None or batch_size is not None:
        plan = Plan.until(sgd, horizon, learning_rate, batch_size)
        return left(plan, kernel_arguments(sgd, seed), points, goal, int(paths), seed, threads, progress)
    quads = int(min(math.ceil(horizon / 4), 2**45)) if math.isfinite(horizon) else 2**45
    if sgd.moves_network:
        watch = Watch(float(paths), progress)
        found = network_batches.exits(sgd, points, goal, int(paths), seed, quads, watch, ends)
    elif _chosen(sgd, device, paths, min(horizon, EXIT_STEPS)) == "cuda":
        card, wall = _on_card(sgd, seed), Compiled(*compiled_level(sgd, goal, "cuda"))
        found = card.exits(wall, points, int(paths), quads, progress, ends)
    else:
        found = _exits(sgd, points, goal, int(paths), seed, quads, thread_count(threads), progress, ends)
    facts = {"sgd": str(sgd), "seed": int(seed), "units": "iterations", "target": str(goal)}
    return sample_of(found, horizon, quads, 1.0, deadline, facts)


def simulate_batches(
    sgd: MiniBatchSGD,
    start: Any,
    iterations: int,
    paths: int = 1000,
    save_every: int | None = None,
    seed: int = 0,
    threads: int | None = None,
    keep: Keep = "paths",
    progress: Callable[[float], None] | None = None,
    device: Device = "cpu",
    learning_rate: Curve | float | None = None,
    batch_size: Curve | float | None = None,
) -> Paths | Moments:
    """Run mini-batch SGD for a number of iterations.

    Args:
        sgd: what moves.
        start: a point, an array (d, paths), or a callable of uniforms.
        iterations: how many; rounded up to a multiple of ``save_every``.
        paths: how many.
        save_every: keep every k-th iteration (and the start); default: about 100 times, or the last for ``"final"``.
        seed, threads, keep, progress, device: as in :func:`fpsim.simulate`; a network runs on the CPU here.
        learning_rate, batch_size: schedules over the iterations (:mod:`fpsim.schedules`) in place of the numbers of
            ``sgd``, on the CPU.

    Returns:
        :class:`~fpsim.paths.ensembles.Paths` or :class:`~fpsim.paths.ensembles.Moments`; time = learning rate *
        iterations, under a schedule the sum of the learning rates so far.

    Raises:
        BatchDivergenceError: when a path leaves the finite numbers.
        ValueError: for impossible arguments.
    """
    require_count(paths, "paths")
    require_count(iterations, "iterations")
    if keep not in ("paths", "final", "moments"):
        raise ValueError(f"keep must be 'paths', 'final' or 'moments'; got {keep!r}")
    spread = save_every if save_every is not None else max(1, int(iterations) // 100)
    every = int(iterations) if keep == "final" else spread
    if not (isinstance(every, int | np.integer) and every >= 1):
        raise ValueError(f"save_every counts iterations and must be a whole number >= 1; got {save_every!r}")
    d, frames = sgd.landscape.dimension, -(-int(iterations) // int(every))
    if keep == "moments":
        size, advice = 8 * (frames + 1) * 4 * d * (3 * thread_count(threads) + 2), "use a larger save_every"
    else:
        size, advice = 8 * (frames + 1 if keep == "paths" else 1) * int(paths) * d, "use a larger save_every"
    require_memory(size, f"what is kept of {int(paths)} paths", advice)
    scheduled = learning_rate is not None or batch_size is not None
    plan = Plan.of(sgd, frames * int(every), learning_rate, batch_size) if scheduled else None
    time = np.arange(frames + 1) * every * sgd.learning_rate if plan is None else plan.time[:: int(every)]
    origin = start_points(start, d, 0, 1, seed)[:, 0]
    card = _on_card(sgd, seed) if plan is None and _chosen(sgd, device, paths, iterations) == "cuda" else None
    arguments = () if sgd.moves_network or card is not None else kernel_arguments(sgd, seed)
    engine = "torch" if sgd.moves_network else "compiled" if card is None else "cuda"
    settings = {"sgd": str(sgd), "seed": int(seed), "engine": engine, **({} if plan is None else plan.words)}
    x = np.empty((frames + 1 if keep == "paths" else 1, int(paths), d)) if keep != "moments" else None
    sums = np.zeros((frames + 1, 4, d) if x is None else (0, 4, d))
    watch = Watch(float(frames * int(every)) * int(paths), progress)

    def work(chunk: tuple[int, int]) -> Array:
        out = None if x is None else x[:, slice(*chunk)]
        if plan is not None:
            return march(plan, arguments, start, chunk, int(every), keep, origin, seed, watch, out)
        if sgd.moves_network:
            return _march_network(sgd, start, chunk, frames, int(every), keep, origin, seed, watch, out)
        if card is not None:
            return card.march(start, chunk, frames, int(every), keep, origin, seed, watch, out)
        return _march(sgd, arguments, start, chunk, frames, int(every), keep, origin, seed, watch, out)

    length, threads = (BLOCK * BLOCKS_PER_CHUNK, threads) if card is None else (card.lanes, 1)
    chunks = ((begin, min(begin + length, int(paths))) for begin in range(0, int(paths), length))
    for _, _, piece in in_order(chunks, work, threads, watch):
        if x is None:
            sums += piece
    watch.report()
    if x is None:
        return Moments.from_sums(time, sums, origin, int(paths), settings)
    return Paths(time if keep == "paths" else time[-1:], x, settings)


def _march_network(
    sgd: MiniBatchSGD, start: Any, chunk: tuple[int, int], frames: int, every: int, keep: Keep, origin: Array,
    seed: int, watch: Watch, out: Array | None,
) -> Array:  # fmt: skip
    """The same as `_march` in all parameters of a network."""
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


def _chosen(sgd: MiniBatchSGD, device: Device, paths: int, iterations: float) -> str:
    """Where a run goes: ``"auto"`` counts a gradient of one example as a coordinate-step."""
    if sgd.moves_network:
        if device == "cuda":
            raise ValueError("device='cuda' is for data sets given by a formula; a network runs on the CPU here")
        return "cpu"
    return chosen(device, float(paths) * iterations * sgd.batch_size * sgd.landscape.dimension)


def _on_card(sgd: MiniBatchSGD, seed: int) -> CardBatches:
    from fpsim.sgd.cuda_batches import CardBatches

    table, data, gradient, *rest = kernel_arguments(sgd, seed, "cuda")
    return CardBatches(sgd, (table, Compiled(gradient, data), *rest))


def kernel_arguments(sgd: MiniBatchSGD, seed: int, device: str = "cpu") -> tuple[Any, ...]:
    """What both kernels take from the data set: table, data, gradient, rate, batch, sampling, stream, key."""
    from landscapes.formula.symbolic import derivative, symbol

    examples = sgd.landscape.examples
    x = [symbol(name) for name in examples.variables]
    rows = [symbol(name) for name, _ in examples.data]
    slopes = [derivative(examples.expression, v) for v in x]
    parameters = {symbol(name): value for name, value in examples.parameters}
    gradient = made(device, slopes, {"x": x, "u": rows}, parameters, np.float64)
    table, rate = np.ascontiguousarray(examples.table).copy(), sgd.learning_rate / sgd.batch_size
    law = SAMPLINGS.index(sgd.sampling)
    stream = int(Stream.SHUFFLES if sgd.sampling == "reshuffled" else Stream.MINIBATCHES)
    return table, gradient.data, gradient.function, rate, int(sgd.batch_size), law, stream, *seed_words(seed)


def _march(
    sgd: MiniBatchSGD, arguments: tuple[Any, ...], start: Any, chunk: tuple[int, int], frames: int, every: int,
    keep: Keep, origin: Array, seed: int, watch: Watch, out: Array | None,
) -> Array:  # fmt: skip
    """Paths ``chunk`` through all frames: positions into ``out`` (times, n, d), or sums of powers (times, 4, d)."""
    from fpsim.kernels.minibatch import walk_batches

    (begin, end), d = chunk, sgd.landscape.dimension
    count, blocks = end - begin, -(-(end - begin) // BLOCK)
    points = start_points(start, d, begin, count, seed)
    padding = np.repeat(points[:, :1], blocks * BLOCK - count, axis=1)
    points = np.concatenate([np.broadcast_to(points, (d, count)), padding], axis=1)
    by_block = points.reshape(d, blocks, BLOCK).swapaxes(0, 1).reshape(blocks, d * BLOCK)
    states = np.array(by_block, order="C")  # a copy always: the kernel moves it, and ``points`` is the first frame
    sums = np.zeros((frames + 1 if keep == "moments" else 0, 4, d))
    if keep == "moments":
        gap = points[:, :count] - origin[:, None]
        sums[0] = [(gap**power).sum(axis=1) for power in (1, 2, 3, 4)]
    elif out is not None and keep == "paths":
        out[0] = points[:, :count].T
    most = max(1, FRAME_BYTES // states.nbytes) if keep == "paths" else frames
    pace = Pace(max(1, FIRST_DRAWS // (sgd.batch_size * states.size)))
    for piece in pieces(frames * every, every, most, 4, pace):
        began, first = clock.perf_counter(), piece.step // every + 1
        looked = piece.frames if piece.finished else 0
        kept = np.empty((piece.frames, blocks if keep == "paths" and looked else 0, d * BLOCK))
        block, step = walk_batches[np.float64](
            states, begin, piece.step, piece.every, *arguments, LIMIT, kept, sums[first : first + looked], origin, count
        )
        if block >= 0:
            lane = int(np.argmax(~np.all(np.abs(states[block].reshape(d, BLOCK)) <= LIMIT, axis=0)))
            raise BatchDivergenceError(begin + int(block) * BLOCK + lane, sgd, int(step))
        if out is not None and keep == "paths" and looked:
            out[first : first + looked] = by_path(kept, d)[:, :count]
        pace.took(piece.frames * piece.every, clock.perf_counter() - began)
        watch.advance(piece.frames * piece.every * count)
    if out is not None and keep == "final":
        out[0] = by_path(states[None], d)[0, :count]
    return sums


def _exits(
    sgd: MiniBatchSGD, points: Array, goal: Target, paths: int, seed: int, quads: int, threads: int,
    progress: Callable[[float], None] | None, ends: float,
) -> Exits:  # fmt: skip
    """Exits, with times in iterations."""
    from fpsim.kernels.minibatch import exit_batches

    arguments, (wall, wall_data) = kernel_arguments(sgd, seed), compiled_level(sgd, goal)

    def call(lanes: Lanes, out: Exits, budget: int, final: bool) -> int:
        busy: int = exit_batches[np.float64](
            lanes.x, lanes.owner, lanes.quads, lanes.pool, points, quads, budget, *arguments, wall_data, wall, LIMIT,
            out.times, out.places, lanes.clock, out.followed, final,
        )  # fmt: skip
        return busy

    def diverged(path: int) -> BatchDivergenceError:
        return BatchDivergenceError(path, sgd)

    return run_lanes(call, diverged, points, paths, threads, np.float64, progress, ends)


def compiled_level(sgd: MiniBatchSGD, goal: Target, device: str = "cpu") -> tuple[Any, Array]:
    """The compiled signed distance to the target."""
    from landscapes.formula.symbolic import symbol

    x = [symbol(name) for name in sgd.landscape.variables]
    geometry = goal.symbolic(x)
    if geometry is None:
        raise ValueError("mini-batch exits go to a number (1-D), Ball or HalfSpace; a level function does not compile")
    wall = made(device, [geometry[0]], {"x": x}, geometry[1], np.float64)
    return wall.function, wall.data
