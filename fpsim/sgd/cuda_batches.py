"""Mini-batch SGD of data sets on a GPU: chunks of paths through :mod:`fpsim.cuda.batches`."""

from __future__ import annotations

import time as clock
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fpsim.cuda.device import within_memory
from fpsim.kernels.draws import RESHUFFLED
from fpsim.kernels.pacing import Pace, Piece, Watch, pieces
from fpsim.paths.chunks import CARD_BYTES
from fpsim.paths.cuda_exits import calls, run_on_card
from fpsim.paths.cuda_walk import CardWalk
from fpsim.paths.exit_pool import Exits
from fpsim.paths.run import Keep
from fpsim.paths.starts import start_points
from fpsim.paths.step import LIMITS, Compiled
from fpsim.sgd.batches import BatchDivergenceError, MiniBatchSGD
from fpsim.sgd.rules import at_rest
from fpsim.sgd.scheduled_batches import Plan, terms

Array = NDArray[Any]
SCRATCH = 2**31
"""Bytes of the card's memory in which examples are drawn."""
MOST_LANES = 2**18


class CardBatches:
    """One data set and one law of mini-batches on a GPU.

    Args:
        sgd: what moves.
        arguments: those of the CPU's kernels (:func:`fpsim.sgd.batch_paths.kernel_arguments`), made for a GPU.
        dtype: precision.
        plan: rates and batch sizes of every iteration, where they follow schedules.
    """

    def __init__(
        self, sgd: MiniBatchSGD, arguments: tuple[Any, ...], dtype: Any = np.float64, plan: Plan | None = None
    ) -> None:
        from numba import cuda

        from fpsim.cuda.batches import Shape

        table, data, gradient, d, rate, rule, numbers, spread, batch, law, stream, _, key0, key1 = arguments
        self.gradient, self.law = Compiled(gradient, data), law
        self.sgd, self.cuda, self.plan = sgd, cuda, plan
        self.dtype: np.dtype[Any] = np.dtype(dtype)
        rates, spreads, sizes = (np.ones(1),) * 3 if plan is None else terms(plan)
        self.batch, self.examples = max(batch, 1) if plan is None else int(sizes.max()), table.shape[1]
        real = self.dtype.type
        given = real(rate), real(spread), self.batch, stream, key0, key1
        own = rates.astype(real), spreads.astype(real), sizes.astype(np.int64)
        self.arguments = (
            *(cuda.to_device(part) for part in (table, data, numbers)), *given, *(cuda.to_device(part) for part in own)
        )  # fmt: skip
        self.shape = Shape(d, law, rule, plan is not None, self.dtype.name)

    @property
    def limit(self) -> Any:
        """Largest |x| taken for finite."""
        return self.dtype.type(LIMITS[self.dtype.name])

    @property
    def lanes(self) -> int:
        """Paths that fit side by side."""
        each = 16 * self.batch + (4 * self.examples if self.law == RESHUFFLED else 0)
        return min(max(SCRATCH // each, 32), MOST_LANES)

    @within_memory()
    def batches(self, lanes: int) -> Any:
        """What kernels take, with room for the draws of ``lanes`` threads."""
        from fpsim.cuda.batch_draws import Batches

        rows, columns = (self.examples + 1, lanes) if self.law == RESHUFFLED else (1, 1)
        shapes = (4 * self.batch, lanes), (rows, columns)
        return Batches(*self.arguments, *(self.cuda.device_array(shape, dtype=np.int32) for shape in shapes))

    def march(
        self, start: Any, chunk: tuple[int, int], frames: int, every: int, keep: Keep, origin: Array, seed: int,
        watch: Watch, out: Array | None,
    ) -> Array:  # fmt: skip
        """Paths ``chunk`` through all frames: positions into ``out`` (times, n, d), or sums of powers (times, 4, d)."""
        (begin, end), d = chunk, self.sgd.landscape.dimension
        points = np.broadcast_to(start_points(start, d, begin, end - begin, seed), (d, end - begin))
        walk = self._walk(begin, at_rest(self.sgd, points), keep)
        origin = at_rest(self.sgd, origin)
        sums = np.zeros((frames + 1 if keep == "moments" else 0, 4, len(origin)))
        if keep == "moments":
            sums[0] = walk.powers(origin)
        elif out is not None and keep == "paths":
            out[0] = points.T
        origins = np.broadcast_to(origin, (frames + 1, len(origin)))
        most, pace = max(1, CARD_BYTES // (8 * points.size)), Pace(4)
        for piece in pieces(frames * every, every, most, 4, pace):
            began, first = clock.perf_counter(), piece.step // every + 1
            kept = walk.advance(piece, origins[first:], sums[first:])
            if out is not None and keep == "paths" and piece.finished:
                out[first : first + piece.frames] = kept[..., :d]
            pace.took(piece.frames * piece.every, clock.perf_counter() - began)
            watch.advance(piece.frames * piece.every * (end - begin))
        if out is not None and keep == "final":
            out[0] = walk.positions()[:, :d]
        return sums[..., :d]

    def _walk(self, first: int, points: Array, keep: Keep) -> CardWalk:
        from fpsim.cuda.batches import walk_kernel
        from fpsim.cuda.walk import over

        kernel = walk_kernel(self.gradient.function, self.shape)
        batches = self.batches(points.shape[1])

        def launch(states: Any, first: int, step: int, every: int, stretches: int, frames: Any, fate: Any) -> None:
            over(kernel, states.shape[1])(states, first, step, every, stretches, batches, self.limit, frames, fate)

        def diverged(walk: CardWalk, lane: int, piece: Piece) -> BatchDivergenceError:
            _, when = walk.alone(lane, piece, piece.frames * piece.every)
            rate = None if self.plan is None else float(self.plan.rates[when - 1])
            return BatchDivergenceError(first + lane, self.sgd, when, rate)

        return CardWalk(first, points, self.dtype, keep, launch, diverged)

    def exits(
        self, wall: Compiled, points: Array, paths: int, quads: int, progress: Callable[[float], None] | None,
        ends: float,
    ) -> Exits:  # fmt: skip
        """Exits, with times in iterations."""
        from fpsim.cuda.batches import moving
        from fpsim.cuda.exits import exit_kernel

        kernel = exit_kernel(moving(self.gradient.function, wall.function, self.shape))
        lanes = min(self.lanes, paths)
        call = calls(kernel, (self.batches(lanes), self.cuda.to_device(wall.data)), self.dtype)

        def diverged(path: int, step: int, x: Array) -> BatchDivergenceError:
            return BatchDivergenceError(path, self.sgd)

        return run_on_card(call, diverged, points, paths, quads, self.dtype, progress, ends, lanes)
