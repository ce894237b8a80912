"""Paths of SGD with actual mini-batches (:mod:`fpsim.sgd.batches`), and the iterations at which they leave.

    x_{n+1} = x_n - (eta / S) sum_{j in B_n} grad l_j(x_n)

Time is counted in iterations, and a path is out when a step lands in the target.
"""

from __future__ import annotations

import math
import time as clock
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from fpsim.cuda.device import EXIT_STEPS, Device, chosen
from fpsim.kernels.pacing import Watch
from fpsim.memory import require_memory
from fpsim.paths.chunks import BLOCK, BLOCKS_PER_CHUNK
from fpsim.paths.ensembles import Moments, Paths
from fpsim.paths.exit_sample import ExitSample, sample_of
from fpsim.paths.exits import check_deadline
from fpsim.paths.run import Keep
from fpsim.paths.starts import start_points
from fpsim.paths.step import Compiled, check_precision, require_count
from fpsim.paths.threads import in_order, thread_count
from fpsim.schedules.curve import Curve
from fpsim.sgd import batch_paths, network_batches
from fpsim.sgd.batch_paths import compiled_level, kernel_arguments
from fpsim.sgd.batches import SAMPLINGS, BatchDivergenceError, HasBatches, MiniBatchSGD, Sampling
from fpsim.sgd.rules import at_rest
from fpsim.sgd.scheduled_batches import CompiledWalk, NetworkWalk, Plan, Walks, left, march
from fpsim.sgd.written import WORTH, compiles, why_not
from fpsim.targets import Target, as_target
from landscapes.progress import Progress, shows_progress

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


@shows_progress("exits")
def exit_iterations(
    sgd: MiniBatchSGD | HasBatches,
    start: Any,
    target: Any,
    paths: int,
    seed: int = 0,
    horizon: float = math.inf,
    threads: int | None = None,
    progress: Progress = None,
    deadline: float = math.inf,
    device: Device = "cpu",
    learning_rate: Curve | float | None = None,
    batch_size: Curve | float | None = None,
    dtype: DTypeLike = np.float64,
) -> ExitSample:
    """Follow every path until a step lands in ``target``.

    Args:
        sgd: what moves; a ``NetworkSGD`` too.
        start: a point, an array (d, paths), or a callable of uniforms.
        target: a number (1-D), ``Ball`` or ``HalfSpace``; for a network also a level function.
        paths: how many.
        seed: integer in [0, 2^64).
        horizon: largest number of iterations to follow a path; rounded up to four.
        threads, progress: as in :func:`fpsim.simulate`.
        deadline, device: as in :func:`fpsim.paths.exits.exit_times`.  A network compiles if its layers are known
            (:mod:`landscapes.networks.network_code`) and the work is worth it, else it runs in torch, with the same
            draws.
        learning_rate, batch_size: schedules over the iterations (:mod:`fpsim.schedules`) in place of the numbers of
            ``sgd``, with a finite horizon; on the CPU in float64.
        dtype: float64, or float32 for what compiles: on GPUs twice as fast or more, as exact as batches are noisy.

    Returns:
        the exits, with times in iterations (times the learning rate they are in units of time).

    Raises:
        BatchDivergenceError: when a path leaves the finite numbers.
        ValueError: for a start in the target, or a level function as target (it cannot be compiled).
    """
    ends = clock.perf_counter() + check_deadline(deadline)
    check_precision(dtype)
    sgd = as_batches(sgd)
    require_count(paths, "paths")
    if not horizon > 0:
        raise ValueError(f"the horizon must be a positive number of iterations; got {horizon!r}")
    d = sgd.landscape.dimension
    each = sgd.coordinates + 6 + (2 * d if callable(start) else 0)
    require_memory(8 * int(paths) * each, "the exits", "use fewer paths")
    points = start_points(start, d, 0, int(paths), seed)
    goal = as_target(target, points[:, 0])
    scheduled = learning_rate is not None or batch_size is not None
    device = "cpu" if device == "auto" and scheduled and not goal.is_distance else device
    place = _place(sgd, device, int(paths), horizon, _has_formula(sgd, goal))
    inside = np.asarray(goal.level(points)) >= 0
    if inside.any():
        raise ValueError(f"{int(inside.sum())} start points already lie in the target ({goal}); choose others")
    facts = {"sgd": str(sgd), "seed": int(seed), "units": "iterations", "target": str(goal), "engine": place}
    plan = Plan.until(sgd, horizon, learning_rate, batch_size) if scheduled else None
    if plan is not None and place != "cuda":
        if np.dtype(dtype) != np.float64:
            raise ValueError("schedules of mini-batches are followed in float64 on the CPU; leave out dtype")
        walks = _walks(plan, place, seed)
        return left(plan, walks, points, goal, int(paths), threads, progress, deadline, ends, facts)
    quads = int(min(math.ceil(horizon / 4), 2**45)) if math.isfinite(horizon) else 2**45
    horizon, facts = (horizon, facts) if plan is None else (float(4 * quads), {**facts, **plan.words})
    if place == "torch":
        watch = Watch(float(paths), progress)
        found = network_batches.exits(sgd, points, goal, int(paths), seed, quads, watch, ends)
    elif place == "cuda":
        card, wall = _on_card(sgd, seed, dtype, plan), Compiled(*compiled_level(sgd, goal, "cuda", dtype))
        found = card.exits(wall, at_rest(sgd, points), int(paths), quads, progress, ends)
    else:
        moving = at_rest(sgd, points)
        found = batch_paths.exits(
            sgd, moving, goal, int(paths), seed, quads, thread_count(threads), progress, ends, dtype
        )
    found = replace(found, places=found.places[:, :d])
    return sample_of(found, horizon, quads, 1.0, deadline, facts)


@shows_progress("paths")
def simulate_batches(
    sgd: MiniBatchSGD,
    start: Any,
    iterations: int,
    paths: int = 1000,
    save_every: int | None = None,
    seed: int = 0,
    threads: int | None = None,
    keep: Keep = "paths",
    progress: Progress = None,
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
        seed, threads, keep, progress, device: as in :func:`fpsim.simulate` and, for a network, :func:`exit_iterations`.
        learning_rate, batch_size: schedules over the iterations (:mod:`fpsim.schedules`) in place of the numbers of
            ``sgd``.

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
    sgd = as_batches(sgd)
    d, frames = sgd.landscape.dimension, -(-int(iterations) // int(every))
    if keep == "moments":
        size, advice = 8 * (frames + 1) * 4 * d * (3 * thread_count(threads) + 2), "use a larger save_every"
    else:
        size, advice = 8 * (frames + 1 if keep == "paths" else 1) * int(paths) * d, "use a larger save_every"
    require_memory(size, f"what is kept of {int(paths)} paths", advice)
    scheduled = learning_rate is not None or batch_size is not None
    plan = Plan.of(sgd, frames * int(every), learning_rate, batch_size) if scheduled else None
    place = _place(sgd, device, int(paths), int(iterations))
    time = np.arange(frames + 1) * every * sgd.learning_rate if plan is None else plan.time[:: int(every)]
    origin = start_points(start, d, 0, 1, seed)[:, 0]
    walks = None if plan is None or place == "cuda" else _walks(plan, place, seed)
    card = _on_card(sgd, seed, plan=plan) if place == "cuda" else None
    arguments = kernel_arguments(sgd, seed) if place == "compiled" and plan is None else ()
    settings = {"sgd": str(sgd), "seed": int(seed), "engine": place, **({} if plan is None else plan.words)}
    x = np.empty((frames + 1 if keep == "paths" else 1, int(paths), d)) if keep != "moments" else None
    sums = np.zeros((frames + 1, 4, d) if x is None else (0, 4, d))
    watch = Watch(float(frames * int(every)) * int(paths), progress)

    def work(chunk: tuple[int, int]) -> Array:
        """Walk the paths from one number to another."""
        out = None if x is None else x[:, slice(*chunk)]
        if plan is not None and walks is not None:
            return march(plan, walks, start, chunk, int(every), keep, origin, seed, watch, out)
        if place == "torch":
            return batch_paths.march_network(sgd, start, chunk, frames, int(every), keep, origin, seed, watch, out)
        if card is not None:
            return card.march(start, chunk, frames, int(every), keep, origin, seed, watch, out)
        return batch_paths.march(sgd, arguments, start, chunk, frames, int(every), keep, origin, seed, watch, out)

    length, threads = (BLOCK * BLOCKS_PER_CHUNK, threads) if card is None else (card.lanes, 1)
    chunks = ((begin, min(begin + length, int(paths))) for begin in range(0, int(paths), length))
    for _, _, piece in in_order(chunks, work, threads, watch):
        if x is None:
            sums += piece
    watch.report()
    if x is None:
        return Moments.from_sums(time, sums, origin, int(paths), settings)
    return Paths(time if keep == "paths" else time[-1:], x, settings)


def _walks(plan: Plan, place: str, seed: int) -> Walks:
    if place == "torch":
        return lambda points, chunk: NetworkWalk(plan, seed, points, chunk)
    arguments = kernel_arguments(plan.sgd, seed)
    return lambda points, chunk: CompiledWalk(plan, arguments, points, chunk)


def _place(sgd: MiniBatchSGD, device: Device, paths: int, iterations: float, formula: bool = True) -> str:
    """Where a run goes: ``"compiled"``, ``"torch"`` or ``"cuda"``.

    ``"auto"`` counts a gradient of one example as a coordinate-step.  A network whose layers are known compiles, if the
    work is worth it; the examples that a path draws are the same in torch.
    """
    each = sgd.batch_size if sgd.draws_examples else sgd.landscape.number_of_examples
    work = float(paths) * iterations * each
    if formula and compiles(sgd):
        known = work if math.isfinite(iterations) else float(paths) * EXIT_STEPS * each
        if chosen(device, known * sgd.landscape.dimension) == "cuda":
            return "cuda"
        return "torch" if sgd.moves_network and sgd.draws_examples and work < WORTH else "compiled"
    if not sgd.moves_network:
        return "compiled"
    reason = (why_not(sgd.landscape) if formula else None) or "the target is a level function, which does not compile"
    if device == "cuda" or not sgd.draws_examples:
        what = "device='cuda'" if device == "cuda" else f"sampling='{sgd.sampling}'"
        others = "" if sgd.draws_examples else "; fpsim.networks.exits.network_exits takes other laws of noise there"
        raise ValueError(f"{what} is for what compiles, and this network runs in torch: {reason}{others}")
    return "torch"


def as_batches(sgd: MiniBatchSGD | HasBatches) -> MiniBatchSGD:
    """A ``NetworkSGD`` as the ``MiniBatchSGD`` that it is; ``TypeError`` for anything else."""
    if isinstance(sgd, MiniBatchSGD):
        return sgd
    if not hasattr(sgd, "batches"):
        raise TypeError(f"mini-batches are those of a MiniBatchSGD or a NetworkSGD; got {sgd!r}")
    return sgd.batches


def _on_card(
    sgd: MiniBatchSGD, seed: int, dtype: DTypeLike = np.float64, plan: Plan | None = None
) -> CardBatches:
    from fpsim.sgd.cuda_batches import CardBatches

    return CardBatches(sgd, kernel_arguments(sgd, seed, "cuda", dtype), dtype, plan)


def _has_formula(sgd: MiniBatchSGD, goal: Target) -> bool:
    """Whether the distance to the target compiles; where it has to, :func:`compiled_level` says why not."""
    return not sgd.moves_network or goal.is_distance
