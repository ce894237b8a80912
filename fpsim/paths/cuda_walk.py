"""A chunk of paths on a GPU: states stay on the card, frames come back or are added up there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fpsim.cuda.device import within_memory
from fpsim.kernels.pacing import Piece
from fpsim.kernels.random_numbers import Stream, seed_words
from fpsim.paths import numpy_kernels as twin
from fpsim.paths.edges import Edges
from fpsim.paths.run import Run
from fpsim.paths.step import EULER, LIMITS, DivergenceError, Scheme, lost, numpy_step
from fpsim.sde.sde import SDE

Array = NDArray[Any]
NONE_LOST = 2**62
Launch = Callable[..., None]
"""Starts a kernel: (states, first path, first step, every, stretches, frames, fate)."""


class CardWalk:
    """Paths ``first ...`` from ``x0`` (d, count), one per thread, by any kernel that walks.

    Args:
        first, x0: of the paths.
        dtype: float64 or float32.
        keep: as in :func:`fpsim.simulate`.
        launch: starts the kernel, which lowers ``fate[0]`` to the first lane lost and raises ``fate[1]`` to when.
        diverged: the error for a lost lane: (walk, lane, piece under way).
    """

    @within_memory()
    def __init__(
        self, first: int, x0: Array, dtype: np.dtype[Any], keep: str, launch: Launch,
        diverged: Callable[[CardWalk, int, Piece], Exception],
    ) -> None:  # fmt: skip
        from numba import cuda

        self.first, self.dtype, self.keep, self.launch, self.diverged = first, dtype, keep, launch, diverged
        self.cuda = cuda
        self.states = self._on_card(x0)
        self.before = cuda.device_array_like(self.states)
        self.room: Any = cuda.device_array((0, *x0.shape), dtype=dtype)
        self._call(self.states, first, 0, 1, 0, self.room)  # no step: this compiles

    def _on_card(self, x0: Array) -> Any:
        """Start points (d, count) in the card's memory; one point for all travels once."""
        from fpsim.cuda.walk import over, spread

        if x0.strides[1] != 0 or x0.shape[1] == 1:
            return self.cuda.to_device(np.ascontiguousarray(x0, dtype=self.dtype))
        states = self.cuda.device_array(x0.shape, dtype=self.dtype)
        over(spread, x0.shape[1])(self.cuda.to_device(x0[:, :1].astype(self.dtype)), states)
        return states

    def positions(self) -> Array:
        """(paths, d) now."""
        return np.ascontiguousarray(self.states.copy_to_host().T)

    def powers(self, origin: Array) -> Array:
        """Sums of the first four powers of x - origin (d,), shape (4, d)."""
        from fpsim.cuda.walk import power_sums

        return power_sums(self.states.reshape(1, *self.states.shape), origin[None])[0]

    @within_memory()
    def advance(self, piece: Piece, origin: Array, sums: Array) -> Array:
        """Walk on; returns (frames, paths, d) if paths are kept, and adds power sums if moments are."""
        from fpsim.cuda.walk import power_sums

        looked = piece.frames if piece.finished and self.keep != "final" else 0
        if self.room.shape[0] < looked:
            self.room = self.cuda.device_array((looked, *self.states.shape), dtype=self.dtype)
        frames = self.room[:looked]
        self.before.copy_to_device(self.states)
        lane, _ = self._call(self.states, self.first, piece.step, piece.every, piece.frames, frames)
        if lane >= 0:
            raise self.diverged(self, lane, piece)
        if looked and self.keep == "moments":
            sums[:looked] += power_sums(frames, origin[:looked])
        return np.swapaxes(frames.copy_to_host(), 1, 2) if self.keep == "paths" else np.empty(0)

    def _call(self, states: Any, first: int, step: int, every: int, stretches: int, frames: Any) -> tuple[int, int]:
        """One call of the kernel: the first lane lost, and when, or -1."""
        fate = self.cuda.to_device(np.array([NONE_LOST, -1], dtype=np.int64))
        self.launch(states, first, step, every, stretches, frames, fate)
        lane, when = fate.copy_to_host().tolist()
        return (lane, when) if when >= 0 else (-1, -1)

    def alone(self, lane: int, piece: Piece, steps: int) -> tuple[Array, int]:
        """Where (d,) a lane is ``steps`` steps after the beginning of ``piece``, and when it was lost, or -1."""
        begin = np.ascontiguousarray(self.before.copy_to_host()[:, lane : lane + 1])
        states, nothing = self.cuda.to_device(begin), self.cuda.device_array((0, *begin.shape), dtype=self.dtype)
        when = self._call(states, self.first + lane, piece.step, steps, 1, nothing)[1] if steps else -1
        return states.copy_to_host()[:, 0], when


def walk_on_card(run: Run, first: int, x0: Array) -> CardWalk:
    """Euler-Maruyama for the paths ``first ...`` of a run from ``x0`` (d, count)."""
    from numba import cuda

    from fpsim.cuda.walk import over, walk_kernel

    advance = run.compiled
    assert advance is not None
    kernel = walk_kernel(advance.function, advance.data.size, x0.shape[0], run.dtype.name, run.fast_math)
    data, limit = cuda.to_device(advance.data), run.dtype.type(LIMITS[run.dtype.name])
    key, stream = seed_words(run.seed), int(Stream.INCREMENTS)

    def launch(states: Any, first: int, step: int, every: int, stretches: int, frames: Any, fate: Any) -> None:
        over(kernel, states.shape[1])(states, first, step, every, stretches, *key, stream, data, limit, frames, fate)

    def diverged(walk: CardWalk, lane: int, piece: Piece) -> DivergenceError:
        _, quad = walk.alone(lane, piece, piece.frames * piece.every)
        step = max(4 * quad, piece.step)
        x, _ = walk.alone(lane, piece, step - piece.step)
        return found_lost(run.sde, run.edges, first + lane, step, run.step, x, run.seed, stream, run.scheme)

    return CardWalk(first, x0, run.dtype, run.keep, launch, diverged)


def found_lost(
    sde: SDE, edges: Edges, path: int, step: int, size: float, x: Array, seed: int, stream: int, scheme: Scheme = EULER
) -> DivergenceError:
    """What happened to a path that was at ``x`` (d,) after ``step`` steps and was lost within its group of four."""
    move, limit = numpy_step(sde, size, edges, scheme), LIMITS[x.dtype.name]
    z = twin.quad_normals(np.array([path]), np.array([step // 4]), sde.normals, seed, stream)
    after = x.astype(float)[:, None]
    for k in range(step % 4, 4):
        before = after
        with np.errstate(all="ignore"):
            after = move(before, z[k])
        if not np.all(np.abs(after) <= limit):
            break
    return lost(edges, path, step - step % 4 + k + 1, size, before[:, 0], z[k, :, 0])
