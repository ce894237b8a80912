"""Paths on their way out: lanes through the compiled kernel, or arrays through its NumPy twin."""

from __future__ import annotations

import time as clock
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fpsim.cuda.device import EXIT_STEPS, Device, chosen
from fpsim.kernels.random_numbers import Stream, seed_words
from fpsim.paths import numpy_kernels as twin
from fpsim.paths.chunks import BLOCK
from fpsim.paths.composed import has_text, why_numpy
from fpsim.paths.cuda_exits import calls, run_on_card
from fpsim.paths.cuda_walk import found_lost
from fpsim.paths.edges import Edges
from fpsim.paths.exit_pool import Call, Exits, Lanes, run_lanes
from fpsim.paths.step import LIMITS, Compiled, DivergenceError, compiled_fold, compiled_step, lost, numpy_step
from fpsim.paths.threads import thread_count
from fpsim.paths.wall import compiled_wall, numpy_wall
from fpsim.sde.sde import SDE
from fpsim.targets import Target

Array = NDArray[Any]
LONE_CALL = 1024  # groups of four steps in a call for a single path
NUMPY_ENTRIES = 2**24
"""Numbers in one array of d x d matrices, by which paths are put into groups where functions are not compiled."""


@dataclass(frozen=True)
class ExitRun:
    """One call of :func:`fpsim.paths.exits.exit_times`."""

    sde: SDE
    points: Array
    target: Target
    paths: int
    step: float
    seed: int
    quads: int
    bridge: bool
    edges: Edges
    dtype: np.dtype[Any]
    coarse: bool
    ends: float
    fast_math: bool

    @property
    def streams(self) -> tuple[int, int]:
        if self.coarse:
            return int(Stream.COARSE_INCREMENTS), int(Stream.COARSE_BRIDGE)
        return int(Stream.INCREMENTS), int(Stream.BRIDGE)

    def followed(
        self, device: Device, horizon: float, threads: int | None, progress: Callable[[float], None] | None
    ) -> tuple[Exits, dict[str, Any]]:
        """Exits by the engine that there is for this problem, and what is worth saying of it."""
        steps = float(self.paths) * self.sde.dimension * min(horizon / self.step, EXIT_STEPS)
        work = 0.0 if self.edges else steps  # plain functions compile in free space
        on: str = chosen(device, steps, partial(has_text, self.sde, work, self.dtype))
        what = self.sde, self.target, self.step, self.dtype
        wall = compiled_wall(*what, on, work)
        if on == "cuda" and wall is None:
            if device == "cuda":
                raise ValueError(
                    f"a GPU runs formulas, and the target {self.target} is a plain function; use device='cpu'"
                )
            on, wall = "cpu", compiled_wall(*what, "cpu", work)
        advance = compiled_step(self.sde, self.step, None, self.dtype, on, work=work)
        facts: dict[str, Any] = {"seed": int(self.seed), "bridge": self.bridge, "dtype": self.dtype.name}
        if self.fast_math:
            facts["fast_math"] = on == "cuda"
        if advance is None or wall is None:
            facts |= {"engine": "numpy", "numpy": why_numpy(self.sde, steps, not self.edges)}
            return self.numpy(progress), facts
        if on == "cuda":
            return self.cuda(advance, wall, progress), {**facts, "engine": "cuda"}
        return self.compiled(advance, wall, thread_count(threads), progress), {**facts, "engine": "compiled"}

    def compiled(
        self, advance: Compiled, wall: Compiled, threads: int, progress: Callable[[float], None] | None
    ) -> Exits:
        """Exits by the block kernel."""
        from fpsim.kernels.exits import exits

        fold = compiled_fold(self.edges, self.dtype) if self.edges else wall  # any function of that type
        assert fold is not None
        tail = advance.data, advance.function, wall.data, wall.function, fold.data, fold.function, bool(self.edges)
        kernel, limit, key = exits[self.dtype], LIMITS[self.dtype.name], seed_words(self.seed)

        def call(lanes: Lanes, out: Exits, quads: int, final: bool) -> int:
            busy: int = kernel(
                lanes.x, lanes.owner, lanes.quads, lanes.pool, self.points, self.quads, quads, int(self.bridge), *key,
                *self.streams, *tail, limit, out.times, out.places, lanes.clock, out.followed, final,
            )  # fmt: skip
            return busy

        def diverged(path: int) -> DivergenceError:
            return self._lost(path, call, advance, fold)

        return run_lanes(call, diverged, self.points, self.paths, threads, self.dtype, progress, self.ends)

    def _lost(self, path: int, call: Call, advance: Compiled, fold: Compiled) -> DivergenceError:
        """Walk one lost path again alone, the last steps one by one, to find where and how it was lost."""
        d = self.sde.dimension
        out = Exits(np.empty(path + 1), np.empty((path + 1, d)), np.empty(path + 1, dtype=np.int64))

        def alone() -> Lanes:
            lanes = Lanes.idle(self.points[:, path if self.points.shape[1] > 1 else 0], self.dtype)
            lanes.pool[:] = path, path + 1
            return lanes

        lanes = alone()
        while call(lanes, out, LONE_CALL, True) > 0:
            pass
        quads, lanes = int(lanes.quads[0]), alone()
        while lanes.clock[0] < quads:
            call(lanes, out, min(LONE_CALL, quads - int(lanes.clock[0])), True)
        before = lanes.x
        z = twin.quad_normals(np.array([path]), np.array([quads]), d, self.seed, self.streams[0])
        for k in range(4):
            x, after = before.reshape(d, BLOCK)[:, 0].astype(float), np.empty_like(before)
            kick = np.repeat(z[k, :, 0], BLOCK).astype(self.dtype)
            advance.function(before, kick, advance.data, after)
            if self.edges:
                folded = np.empty_like(after)
                fold.function(after, fold.data, folded)
                after = folded
            if not np.all(np.abs(after.reshape(d, BLOCK)[:, 0]) <= LIMITS[self.dtype.name]):
                break
            before = after
        return lost(self.edges, path, 4 * quads + k + 1, self.step, x, z[k, :, 0])

    def cuda(self, advance: Compiled, wall: Compiled, progress: Callable[[float], None] | None) -> Exits:
        """Exits by the kernel for a GPU."""
        from numba import cuda

        from fpsim.cuda.exits import exit_kernel
        from fpsim.cuda.moving import Given, moving

        fold = compiled_fold(self.edges, self.dtype, "cuda") if self.edges else None
        texts = [None if part is None else (part.function, part.data.size) for part in (advance, wall, fold)]
        step, level, folded = (cuda.to_device(part.data) for part in (advance, wall, fold or wall))
        given = Given(step, level, folded, self.bridge, *seed_words(self.seed), *self.streams)
        kernel = exit_kernel(moving(*texts, self.sde.dimension, self.dtype.name, self.fast_math))

        def diverged(path: int, step: int, x: Array) -> DivergenceError:
            return found_lost(self.sde, self.edges, path, step, self.step, x, self.seed, self.streams[0])

        call = calls(kernel, given, self.dtype)
        return run_on_card(call, diverged, self.points, self.paths, self.quads, self.dtype, progress, self.ends)

    def numpy(self, progress: Callable[[float], None] | None) -> Exits:
        """The same by its NumPy twin, in groups of paths whose D fits into memory."""
        d = self.sde.dimension
        found = Exits(np.full(self.paths, np.nan), np.full((self.paths, d), np.nan), np.full(self.paths, -1))
        advance, fold = numpy_step(self.sde, self.step, None), self.edges.fold if self.edges else None
        wall = numpy_wall(self.sde, self.target, self.step, self.edges)
        size, begun, spent = max(1, NUMPY_ENTRIES // d**2), [], 0
        for first in range(0, self.paths, size):
            last = min(first + size, self.paths)

            def stop(alive: int, last: int = last) -> bool:
                if progress is not None:
                    progress((last - alive) / self.paths)
                return clock.perf_counter() > self.ends

            starts = self.points[:, np.minimum(np.arange(first, last), self.points.shape[1] - 1)]
            times, places, quads = twin.exits(
                starts, first, self.quads, advance, wall, self.bridge, self.seed, *self.streams, stop,
                self.sde.normals, fold,
            )  # fmt: skip
            if (times < -1).any():
                lane = int(np.argmax(times < -1))
                step = int(-2 - times[lane])
                paths, group = np.array([first + lane]), np.array([step // 4])
                z = twin.quad_normals(paths, group, self.sde.normals, self.seed, self.streams[0])[step % 4, :, 0]
                raise lost(self.edges, first + lane, step + 1, self.step, places[:, lane], z)
            found.times[first:last], found.places[first:last] = times, places.T
            begun.append((slice(first, last), spent))
            spent += quads
            if np.isnan(times).any():
                break
        for part, began in begun:
            found.followed[part] = spent - began
        if progress is not None:
            progress(1.0)
        return found
