"""A chunk of paths on its way: blocks through the compiled kernel, or arrays through its NumPy twin."""

from __future__ import annotations

import time as clock
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fpsim.kernels.pacing import Pace, Piece, Watch, pieces
from fpsim.kernels.random_numbers import Stream, seed_words
from fpsim.paths import numpy_kernels as twin
from fpsim.paths.run import Run
from fpsim.paths.starts import start_points
from fpsim.paths.step import LIMITS, numpy_step

Array = NDArray[Any]
BLOCK = 256  # as in fpsim.kernels, which this module does not import before it must
BLOCKS_PER_CHUNK = 16
FRAME_BYTES = 32_000_000  # frames that one call of the kernel may write
CHECK = 64  # steps between tests for divergence
FIRST_CALL = 2**20  # coordinate-steps of the first call of a kernel
CARD_COORDINATES, CARD_PATHS = 2**24, 2**16  # of a chunk on a GPU: so many coordinates, but at least so many paths
CARD_BYTES = 2**29  # frames that one call may write on a GPU


class ChunkedRun(Run):
    """A run, cut into chunks of paths."""

    def chunks(self) -> Iterator[tuple[int, int]]:
        """Ranges of paths, cut at fixed places so that sums do not depend on the threads."""
        size = BLOCK * (BLOCKS_PER_CHUNK if self.sde.dimension <= 16 else 1)
        if self.device == "cuda":
            size = max(CARD_PATHS, CARD_COORDINATES // self.sde.dimension)
        return ((begin, min(begin + size, self.paths)) for begin in range(0, self.paths, size))

    def pace(self) -> Pace:
        """The size of calls, in steps of a chunk; kept from chunk to chunk."""
        lanes = min(BLOCK * BLOCKS_PER_CHUNK, -(-self.paths // BLOCK) * BLOCK)
        return Pace(FIRST_CALL // (lanes * self.sde.dimension) if self.compiled is not None else 1)

    def march(self, chunk: tuple[int, int], watch: Watch, pace: Pace, origin: Array, out: Any) -> Array:
        """Walk one chunk.

        Args:
            chunk: (first path, end).
            watch: told of every call of a kernel, in path-steps.
            pace: sizes the calls.
            origin: (frames + 1, d) reference of the power sums.
            out: (frames + 1 or 1, paths of the chunk, d), written unless ``keep="moments"``; what takes frames in its
                place will do.

        Returns:
            power sums (frames + 1, 4, d) for ``keep="moments"``, else nothing in them.
        """
        begin, end = chunk
        d, count = self.sde.dimension, end - begin
        x0 = start_points(self.start, d, begin, count, self.seed)
        self.edges.require(x0)
        compiled = self.compiled is not None
        walk = self._walk(begin, np.broadcast_to(x0, (d, count)))
        sums = np.zeros((self.frames + 1 if self.keep == "moments" else 0, 4, d))
        if self.keep == "moments":
            sums[0] = walk.powers(origin[0])
        elif out is not None and self.keep == "paths":
            out[0] = walk.positions()
        most = self.frames  # on the CPU moments need no frames
        if self.device == "cuda" or self.keep == "paths":
            room = CARD_BYTES if self.device == "cuda" else FRAME_BYTES
            most = max(1, room // (count * d * self.dtype.itemsize))
        for piece in pieces(self.steps, self.every, most, CHECK if compiled else 1, pace):
            began, first = clock.perf_counter(), piece.step // self.every + 1
            frames = walk.advance(piece, origin[first:], sums[first:])
            if out is not None and self.keep == "paths" and piece.finished:
                out[first : first + piece.frames] = frames
            pace.took(piece.frames * piece.every, clock.perf_counter() - began)
            watch.advance(piece.frames * piece.every * count)
        if out is not None and self.keep == "final":
            out[0] = walk.positions()
        return sums

    def _walk(self, first: int, x0: Array) -> Any:
        """Paths ``first ...`` from ``x0`` (d, count) on the device of this run."""
        if self.device == "cuda":
            from fpsim.paths.cuda_walk import walk_on_card

            return walk_on_card(self, first, x0)
        return (_BlockWalk if self.compiled is not None else _NumpyWalk)(self, first, x0)


class _BlockWalk:
    """Paths ``first ...`` from ``x0`` (d, count) in blocks for the compiled kernel, padded with copies of the last."""

    def __init__(self, run: Run, first: int, x0: Array) -> None:
        d, self.count = x0.shape
        blocks = -(-self.count // BLOCK)
        self.run, self.first = run, first
        padded = np.empty((d, blocks * BLOCK), run.dtype)
        padded[:, : self.count], padded[:, self.count :] = x0, x0[:, -1:]
        self.states = padded.reshape(d, blocks, BLOCK).swapaxes(0, 1).reshape(blocks, d * BLOCK)

    def positions(self) -> Array:
        """(paths, d) now."""
        return by_path(self.states[None], self.run.sde.dimension)[0, : self.count].copy()

    def powers(self, origin: Array) -> Array:
        """Sums of the first four powers of x - origin (d,), shape (4, d)."""
        return _powers(self.positions().astype(float), origin)

    def advance(self, piece: Piece, origin: Array, sums: Array) -> Array:
        """Walk on; returns (frames, paths, d) if paths are kept, and adds power sums if moments are."""
        (blocks, width), run = self.states.shape, self.run
        looked = piece.frames if piece.finished else 0
        kept = blocks if run.keep == "paths" and looked else 0
        out = np.empty((piece.frames, kept, width), dtype=run.dtype)
        part = sums[:looked] if run.keep == "moments" else sums[:0]
        before = self.states.copy()
        block, _ = self._kernel(self.states, 0, piece.step, piece.every, CHECK, out, part, origin[:looked])
        if block >= 0:
            self._raise(before[block : block + 1], block, piece.step, piece.frames * piece.every)
        return by_path(out, run.sde.dimension)[:, : self.count] if kept else out

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
        d, before = self.run.sde.dimension, state.copy()
        nothing = np.empty((1, 0, state.shape[1]), dtype=self.run.dtype)
        rest = nothing, np.zeros((0, 4, d)), np.zeros((0, d))
        _, last = self._kernel(state, block, step, steps, 1, *rest)
        lane = _lost_lane(state.reshape(d, BLOCK)[:, : self.count - block * BLOCK], LIMITS[self.run.dtype.name])
        if last - 1 > step:
            self._kernel(before, block, step, last - 1 - step, 1, *rest)
        raise self.run.lost(self.first + block * BLOCK + lane, last, before.reshape(d, BLOCK)[:, lane])


class _NumpyWalk:
    """The same in NumPy, for landscapes and noise given as plain functions."""

    def __init__(self, run: Run, first: int, x0: Array) -> None:
        self.run, self.first, self.x = run, first, np.array(x0, dtype=float)
        self.step_function = numpy_step(run.sde, run.step, run.edges, run.scheme)

    def positions(self) -> Array:
        """(paths, d) now."""
        return np.asarray(self.x.T)

    def powers(self, origin: Array) -> Array:
        """Sums of the first four powers of x - origin (d,), shape (4, d)."""
        return _powers(self.positions(), origin)

    def advance(self, piece: Piece, origin: Array, sums: Array) -> Array:
        """Walk on; returns (frames, paths, d) if paths are kept, and adds power sums if moments are."""
        run, limit, kept = self.run, LIMITS[self.run.dtype.name], []
        for frame in range(piece.frames):
            begin, before = piece.step + frame * piece.every, self.x
            self.x, lost = twin.walk(
                self.x, self.first, begin, piece.every, self.step_function, run.seed, Stream.INCREMENTS, limit,
                run.sde.normals,
            )  # fmt: skip
            if lost >= 0:
                lane = _lost_lane(self.x, limit)
                x, _ = twin.walk(
                    before, self.first, begin, lost - 1 - begin, self.step_function, run.seed, Stream.INCREMENTS,
                    normals=run.sde.normals,
                )  # fmt: skip
                raise run.lost(self.first + lane, lost, x[:, lane])
            if run.keep == "paths":
                kept.append(self.positions())
            if run.keep == "moments" and piece.finished:
                sums[frame] += _powers(self.positions(), origin[frame])
        return np.stack(kept) if kept else np.empty(0)


def _powers(x: Array, origin: Array) -> Array:
    """Sums of the first four powers of x (paths, d) - origin (d,), shape (4, d)."""
    gap = x - origin
    return np.stack([(gap**p).sum(axis=0) for p in (1, 2, 3, 4)])


def _lost_lane(x: Array, limit: float) -> int:
    """The first lane of x (d, lanes) that left the finite numbers."""
    return int(np.argmax(~np.all(np.abs(x) <= limit, axis=0)))


def by_path(frames: Array, dimension: int) -> Array:
    """(frames, blocks, d * BLOCK) as (frames, blocks * BLOCK, d)."""
    number, blocks, _ = frames.shape
    return frames.reshape(number, blocks, dimension, BLOCK).transpose(0, 1, 3, 2).reshape(number, -1, dimension)
