"""A chunk of paths on its way: blocks through the compiled kernel, or arrays through its NumPy twin."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from fpsim import twin
from fpsim.noise import Stream, seed_words
from fpsim.sde import SDE
from fpsim.starts import start_points
from fpsim.stepping import LIMITS, Compiled, DivergenceError, compiled_step, numpy_step
from fpsim.walls import Walls

Array = NDArray[Any]
Keep = Literal["paths", "final", "moments"]
BLOCK = 256  # as in fpsim.kernels, which this module does not import before it must
BLOCKS_PER_CHUNK = 16
FRAME_BYTES = 32_000_000  # frames that one call of the kernel may write


@dataclass(frozen=True)
class Run:
    """One simulation, cut into chunks of paths: ``steps`` steps, of which every ``every``-th is looked at."""

    sde: SDE
    start: Any
    step: float
    steps: int
    every: int
    paths: int
    seed: int
    walls: Walls | None
    keep: Keep
    dtype: np.dtype[Any]

    @property
    def frames(self) -> int:
        """How often the paths are looked at after the start; the last stretch may be short."""
        return -(-self.steps // self.every)

    @cached_property
    def compiled(self) -> Compiled | None:
        """The compiled step, or ``None`` if landscape or noise are plain functions."""
        return compiled_step(self.sde, self.step, self.walls, self.dtype)

    def settings(self) -> dict[str, Any]:
        """Everything needed to repeat the run."""
        engine = "numpy" if self.compiled is None else "compiled"
        walls = "none" if self.walls is None else str(self.walls)
        facts = {"sde": str(self.sde), "step": self.step, "seed": int(self.seed), "boundary": walls}
        dtype = self.dtype.name if engine == "compiled" or self.dtype == np.float64 else "float32 of float64 results"
        return {**facts, "dtype": dtype, "engine": engine}

    def chunks(self) -> list[tuple[int, int]]:
        """Ranges of paths, cut at fixed places so that sums do not depend on the threads."""
        size = BLOCK * (BLOCKS_PER_CHUNK if self.sde.dimension <= 16 else 1)
        return [(begin, min(begin + size, self.paths)) for begin in range(0, self.paths, size)]

    def march(self, chunk: tuple[int, int], origin: Array) -> Array:
        """Walk one chunk.

        Args:
            chunk: (first path, end).
            origin: (frames + 1, d) reference of the power sums.

        Returns:
            positions (frames + 1 or 1, paths, d), or for ``keep="moments"`` power sums (frames + 1, 4, d).
        """
        begin, end = chunk
        d, count = self.sde.dimension, end - begin
        x0 = start_points(self.start, d, begin, count, self.seed)
        lanes = -(-count // BLOCK) * BLOCK
        x0 = x0[:, np.minimum(np.arange(lanes), x0.shape[1] - 1)]  # padded with copies of the last start
        walk = _NumpyWalk(self, begin, count, x0) if self.compiled is None else _BlockWalk(self, begin, count, x0)
        kept = [walk.positions()] if self.keep == "paths" else []
        sums = np.zeros((self.frames + 1, 4, d))
        if self.keep == "moments":
            sums[0] = _powers(walk.positions()[0].astype(float), origin[0])
        for first, number, every in self._stretches(x0.nbytes):
            frames = walk.advance(first * self.every, number, every, origin[first + 1 :], sums[first + 1 :])
            if self.keep == "paths":
                kept.append(frames)
        if self.keep == "moments":
            return sums
        return walk.positions() if self.keep == "final" else np.concatenate(kept)

    def _stretches(self, bytes_per_frame: int) -> Iterator[tuple[int, int, int]]:
        """(first frame, frames, steps per frame) per call: bounded memory, and the last frame may be short."""
        whole = self.steps // self.every
        most = max(1, FRAME_BYTES // max(bytes_per_frame, 1)) if self.keep == "paths" else whole
        for first in range(0, whole, max(most, 1)):
            yield first, min(most, whole - first), self.every
        if self.frames > whole:
            yield whole, 1, self.steps % self.every


class _BlockWalk:
    """Paths ``first ... first + count - 1`` in blocks for the compiled kernel."""

    def __init__(self, run: Run, first: int, count: int, x0: Array) -> None:
        d, blocks = x0.shape[0], x0.shape[1] // BLOCK
        self.run, self.first, self.count = run, first, count
        by_block = x0.reshape(d, blocks, BLOCK).swapaxes(0, 1).reshape(blocks, d * BLOCK)
        self.states = np.ascontiguousarray(by_block.astype(run.dtype))

    def positions(self) -> Array:
        """(1, paths, d) now."""
        return _by_path(self.states[None], self.run.sde.dimension)[:, : self.count].copy()

    def advance(self, step: int, frames: int, every: int, origin: Array, sums: Array) -> Array:
        """Walk on; returns (frames, paths, d) if paths are kept, and adds power sums if moments are."""
        blocks, width = self.states.shape
        out = np.empty((frames, blocks if self.run.keep == "paths" else 0, width), dtype=self.run.dtype)
        part = sums[:frames] if self.run.keep == "moments" else np.zeros((0, 4, self.run.sde.dimension))
        before = self.states.copy()
        block, _ = self._kernel(self.states, 0, step, every, 64, out, part, origin[:frames])
        if block >= 0:
            self._raise(before[block : block + 1], block, step, frames * every)
        return _by_path(out, self.run.sde.dimension)[:, : self.count] if self.run.keep == "paths" else out

    def _kernel(
        self, states: Array, block: int, step: int, every: int, check: int, out: Array, sums: Array, origin: Array
    ) -> tuple[int, int]:
        from fpsim.kernels.walk import walk

        run, advance = self.run, self.run.compiled
        assert advance is not None
        lost: tuple[int, int] = walk[run.dtype](
            states, self.first + block * BLOCK, step, every, check, *seed_words(run.seed), advance.data,
            advance.function, LIMITS[run.dtype.name], out, sums, np.ascontiguousarray(origin, dtype=float),
            self.count - block * BLOCK, Stream.INCREMENTS,
        )  # fmt: skip
        return lost

    def _raise(self, state: Array, block: int, step: int, steps: int) -> None:
        """Repeat a diverged block, testing every step, and name the path and the step."""
        d = self.run.sde.dimension
        nothing = np.empty((1, 0, state.shape[1]), dtype=self.run.dtype)
        _, last = self._kernel(state, block, step, steps, 1, nothing, np.zeros((0, 4, d)), np.zeros((0, d)))
        lane = _lost_lane(state.reshape(d, BLOCK), LIMITS[self.run.dtype.name])
        raise DivergenceError(self.first + block * BLOCK + lane, last, self.run.step)


class _NumpyWalk:
    """The same in NumPy, for landscapes and noise given as plain functions."""

    def __init__(self, run: Run, first: int, count: int, x0: Array) -> None:
        self.run, self.first, self.count, self.x = run, first, count, x0
        self.step_function = numpy_step(run.sde, run.step, run.walls)

    def positions(self) -> Array:
        """(1, paths, d) now."""
        return np.asarray(self.x.T[None, : self.count])

    def advance(self, step: int, frames: int, every: int, origin: Array, sums: Array) -> Array:
        """Walk on; returns (frames, paths, d) if paths are kept, and adds power sums if moments are."""
        run, limit, kept = self.run, LIMITS[self.run.dtype.name], []
        for frame in range(frames):
            begin = step + frame * every
            self.x, lost = twin.walk(
                self.x,
                self.count,
                self.first,
                begin,
                every,
                self.step_function,
                run.seed,
                Stream.INCREMENTS,
                limit,
                run.sde.normals,
            )
            if lost >= 0:
                raise DivergenceError(self.first + _lost_lane(self.x, limit), lost, run.step)
            if run.keep == "paths":
                kept.append(self.positions())
            if run.keep == "moments":
                sums[frame] += _powers(self.positions()[0], origin[frame])
        return np.concatenate(kept) if kept else self.positions()


def _powers(x: Array, origin: Array) -> Array:
    """Sums of the first four powers of x (paths, d) - origin (d,), shape (4, d)."""
    gap = x - origin
    return np.stack([(gap**p).sum(axis=0) for p in (1, 2, 3, 4)])


def _lost_lane(x: Array, limit: float) -> int:
    """The first lane of x (d, lanes) that left the finite numbers."""
    return int(np.argmax(~np.all(np.abs(x) <= limit, axis=0)))


def _by_path(frames: Array, dimension: int) -> Array:
    """(frames, blocks, d * BLOCK) as (frames, blocks * BLOCK, d)."""
    number, blocks, _ = frames.shape
    return frames.reshape(number, blocks, dimension, BLOCK).transpose(0, 1, 3, 2).reshape(number, -1, dimension)
