"""Random paths of an SDE by the Euler-Maruyama scheme,

    X_{n+1} = X_n + b(X_n) h + sqrt(2 h D(X_n)) Z_n     (strong order 1/2, or 1 for constant D; weak order 1).

Maruyama 1955; orders: Kloeden and Platen, "Numerical Solution of Stochastic Differential Equations", theorems 10.2.2
and 14.1.5.  Paths run in blocks on a pool of threads; their numbers depend on neither.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import DTypeLike, NDArray

from fpsim import twin
from fpsim.blocking import require_open
from fpsim.noise import Stream, seed_words
from fpsim.sde import SDE
from fpsim.starts import start_points
from fpsim.stepping import (
    LIMITS,
    Compiled,
    DivergenceError,
    check_drift,
    check_precision,
    check_step,
    compiled_step,
    numpy_step,
)
from fpsim.walls import as_walls

if TYPE_CHECKING:
    import xarray

Array = NDArray[Any]
Keep = Literal["paths", "final", "moments"]
BLOCK = 256
BLOCKS_PER_CHUNK = 16
FRAME_BYTES = 32_000_000  # frames that one call of the kernel may write
LARGEST_RESULT = 16_000_000_000


@dataclass(frozen=True)
class Paths:
    """Simulated paths.

    Attributes:
        time: (times,) in units of learning rate * iterations.
        x: (times, paths, d) positions; only the last time if final states were asked for.
        settings: everything needed to repeat the run.
    """

    time: Array
    x: Array
    settings: dict[str, Any] = field(default_factory=dict)

    def to_xarray(self) -> xarray.Dataset:
        """Dataset with ``x`` over the dims (time, path, dimension)."""
        from fpsim.storage import dataset

        entries = {"x": (("time", "path", "dimension"), self.x, "", "position")}
        return dataset(entries, {"time": ("time", self.time, "time", "learning rate * iterations")}, **self.settings)

    def save(self, path: str | Path) -> Path:
        """Write :meth:`to_xarray` as netCDF and return the path."""
        from fpsim.storage import write

        return write(self.to_xarray(), path)

    def plot(self, axes: Any = None) -> Any:
        """The first paths against time."""
        from fpsim.plotting import path_chart

        return path_chart(self, axes=axes)

    def __str__(self) -> str:
        last = self.x[-1].astype(float)
        mean, deviation = last.mean(axis=0), last.std(axis=0)
        lines = [f"{self.x.shape[1]} paths, {self.x.shape[0]} times up to t = {self.time[-1]:g}"]
        lines += [
            f"  x_{i} at the end: mean {m:.4g}, sd {s:.4g}"
            for i, (m, s) in enumerate(zip(mean, deviation, strict=True))
        ]
        return "\n".join(lines + [f"  {k}: {v}" for k, v in self.settings.items()])


@dataclass(frozen=True)
class Moments:
    """Moments of an ensemble of paths that were not stored.

    Attributes:
        time: (times,).
        mean, variance: (times, d); the variance has the divisor n - 1.
        third, fourth: (times, d) central moments (divisor n).
        paths: number of paths n.
        settings: everything needed to repeat the run.
    """

    time: Array
    mean: Array
    variance: Array
    third: Array
    fourth: Array
    paths: int
    settings: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def from_sums(cls, time: Array, sums: Array, origin: Array, paths: int, settings: dict[str, Any]) -> Moments:
        """From sums (times, 4, d) of the powers of x - origin."""
        m1, m2, m3, m4 = np.moveaxis(sums / paths, 1, 0)
        second = m2 - m1**2
        third = m3 - 3 * m1 * m2 + 2 * m1**3
        fourth = m4 - 4 * m1 * m3 + 6 * m1**2 * m2 - 3 * m1**4
        return cls(time, origin + m1, second * paths / max(paths - 1, 1), third, fourth, paths, settings)

    @property
    def standard_error(self) -> Array:
        """Standard error of the mean, (times, d)."""
        return np.sqrt(self.variance / self.paths)

    def to_xarray(self) -> xarray.Dataset:
        """Dataset with the four moments over the dims (time, dimension)."""
        from fpsim.storage import dataset

        names = {
            "mean": "mean",
            "variance": "variance",
            "third": "third central moment",
            "fourth": "fourth central moment",
        }
        entries = {k: (("time", "dimension"), getattr(self, k), "", f"{n} of the position") for k, n in names.items()}
        axis = {"time": ("time", self.time, "time", "learning rate * iterations")}
        return dataset(entries, axis, paths=self.paths, **self.settings)

    def save(self, path: str | Path) -> Path:
        """Write :meth:`to_xarray` as netCDF and return the path."""
        from fpsim.storage import write

        return write(self.to_xarray(), path)

    def plot(self, axes: Any = None) -> Any:
        """Mean with a band of one standard deviation against time."""
        from fpsim.plotting import moment_chart

        return moment_chart(self, axes=axes)

    def __str__(self) -> str:
        lines = [f"moments of {self.paths} paths at {self.time.size} times up to t = {self.time[-1]:g}"]
        rows = zip(self.mean[-1], self.standard_error[-1], self.variance[-1], strict=True)
        lines += [f"  x_{i} at the end: mean {m:.5g} +- {e:.2g}, variance {v:.5g}" for i, (m, e, v) in enumerate(rows)]
        return "\n".join(lines + [f"  {k}: {v}" for k, v in self.settings.items()])


def simulate(
    sde: SDE,
    start: Any,
    duration: float,
    step: float,
    paths: int = 1000,
    save_every: int | None = None,
    seed: int = 0,
    threads: int | None = None,
    boundary: Any = None,
    keep: Keep = "paths",
    dtype: DTypeLike = np.float64,
    progress: Callable[[float], None] | None = None,
) -> Paths | Moments:
    """Simulate an ensemble of paths.

    Args:
        sde: what to integrate.
        start: a point, an array (d, paths), or a callable of uniforms (d, n) -> points (d, n).
        duration: total time; rounded up to whole steps.
        step: time step h.
        paths: number of paths.
        save_every: keep every k-th step (and the start); default: about 100 times, or only the last for ``"final"``.
        seed: integer in [0, 2^64).  A path depends on seed and its own number only.
        threads: worker threads; default all cores.
        boundary: ``None``, ``"reflecting"`` or ``"periodic"`` (walls on the landscape's box), or
            :class:`fpsim.walls.Walls`.
        keep: ``"paths"``, ``"final"`` (last states only) or ``"moments"`` (mean to fourth moment, no paths in memory).
        dtype: float64 or float32 (faster; for steps whose increments stay above 1e-6 |x|).  Plain Python functions run
            in float64 and are rounded at the end.
        progress: called with the finished share in [0, 1].

    Returns:
        :class:`Paths`, or :class:`Moments` for ``keep="moments"``.

    Raises:
        DivergenceError: when a path leaves the finite numbers; names path, step and time.
        ValueError: for impossible arguments.
    """
    check_step(step)
    check_drift(sde)
    require_open(sde)
    if not (np.isfinite(duration) and duration > 0):
        raise ValueError(f"duration must be a positive number (a time); got {duration!r}")
    require_count(paths, "paths")
    if keep not in ("paths", "final", "moments"):
        raise ValueError(f"keep must be 'paths', 'final' or 'moments'; got {keep!r}")
    check_precision(dtype)
    seed_words(seed)
    steps = max(1, int(np.ceil(duration / step - 1e-9)))
    every = steps if keep == "final" else save_every if save_every is not None else max(1, steps // 100)
    if not (isinstance(every, int | np.integer) and every >= 1):
        raise ValueError(f"save_every counts steps and must be a whole number >= 1; got {save_every!r}")
    run = _Run(
        sde,
        start,
        float(step),
        steps,
        int(every),
        int(paths),
        seed,
        as_walls(boundary, sde.landscape),
        keep,
        np.dtype(dtype),
    )
    return run.result(threads, progress)


def require_count(value: Any, name: str) -> int:
    """A whole number >= 1, or ``ValueError``."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
        raise ValueError(f"{name} must be a whole number >= 1; got {value!r}")
    return int(value)


@dataclass(frozen=True)
class _Run:
    """One call of :func:`simulate`, cut into chunks of paths."""

    sde: SDE
    start: Any
    step: float
    steps: int
    every: int
    paths: int
    seed: int
    walls: Any
    keep: Keep
    dtype: np.dtype[Any]

    def result(self, threads: int | None, progress: Callable[[float], None] | None) -> Paths | Moments:
        d = self.sde.dimension
        compiled = compiled_step(self.sde, self.step, self.walls, self.dtype)
        frames = self.steps // self.every + (self.steps % self.every > 0)
        time = np.minimum(np.arange(frames + 1) * self.every, self.steps) * self.step
        first = start_points(self.start, d, 0, 1, self.seed)
        settings = {
            "sde": str(self.sde), "step": self.step, "seed": int(self.seed), "dtype": self.dtype.name,
            "boundary": "none" if self.walls is None else str(self.walls),
            "engine": "numpy" if compiled is None else "compiled",
        }  # fmt: skip
        times = frames + 1 if self.keep == "paths" else 1
        if self.keep != "moments" and times * self.paths * d * self.dtype.itemsize > LARGEST_RESULT:
            size = times * self.paths * d * self.dtype.itemsize / 1e9
            raise ValueError(
                f"the paths would take {size:.0f} GB; use a larger save_every, or keep='moments' or 'final'"
            )
        x = np.empty((times, self.paths, d), dtype=self.dtype) if self.keep != "moments" else None
        sums = np.zeros((frames + 1, 4, d))
        done = 0
        for begin, end, piece in in_order(
            self._chunks(), lambda c: self._chunk(c, compiled, frames, first[:, 0]), threads
        ):
            if x is None:
                sums += piece
            else:
                x[:, begin:end] = piece
            done += end - begin
            if progress is not None:
                progress(done / self.paths)
        if x is None:
            return Moments.from_sums(time, sums, first[:, 0], self.paths, settings)
        return Paths(time if self.keep == "paths" else time[-1:], x, settings)

    def _chunks(self) -> list[tuple[int, int]]:
        """Ranges of paths, cut at fixed places so that sums do not depend on the threads."""
        size = BLOCK * (BLOCKS_PER_CHUNK if self.sde.dimension <= 16 else 1)
        return [(begin, min(begin + size, self.paths)) for begin in range(0, self.paths, size)]

    def _chunk(self, chunk: tuple[int, int], compiled: Compiled | None, frames: int, origin: Array) -> Array:
        begin, end = chunk
        x0 = start_points(self.start, self.sde.dimension, begin, end - begin, self.seed)
        x0 = np.broadcast_to(x0, (self.sde.dimension, end - begin)) if x0.shape[1] == 1 else x0
        lanes = -(-(end - begin) // BLOCK) * BLOCK
        padded = np.concatenate([x0, np.repeat(x0[:, :1], lanes - x0.shape[1], axis=1)], axis=1)
        march = self._march_numpy if compiled is None else self._march_compiled
        return march(begin, end - begin, padded, frames, compiled, origin)

    def _stretches(self, frames: int, bytes_per_frame: int) -> Iterator[tuple[int, int, int]]:
        """(first frame, frames, steps per frame) per kernel call: bounded memory, and the last frame may be short."""
        whole = self.steps // self.every
        most = max(1, FRAME_BYTES // max(bytes_per_frame, 1))
        for first in range(0, whole, most):
            yield first, min(most, whole - first), self.every
        if frames > whole:
            yield whole, 1, self.steps % self.every

    def _march_compiled(
        self, first: int, count: int, x0: Array, frames: int, compiled: Compiled | None, origin: Array
    ) -> Array:
        from fpsim.kernels.walk import walk

        assert compiled is not None
        d, blocks = x0.shape[0], x0.shape[1] // BLOCK
        states = np.ascontiguousarray(
            x0.reshape(d, blocks, BLOCK).swapaxes(0, 1).reshape(blocks, d * BLOCK).astype(self.dtype)
        )
        keep_paths, keep_sums = self.keep == "paths", self.keep == "moments"
        x = np.empty((frames + 1 if keep_paths else 1, count, d), dtype=self.dtype)
        sums = np.zeros((frames + 1, 4, d))
        if keep_paths:
            x[0] = _by_path(states[None], d)[0, :count]
        if keep_sums:
            gap = x0[:, :count].astype(self.dtype).astype(float) - origin[:, None]
            sums[0] = [(gap**p).sum(axis=1) for p in (1, 2, 3, 4)]
        limit, key = LIMITS[self.dtype.name], seed_words(self.seed)
        for begin, number, every in self._stretches(frames, states.nbytes if keep_paths else 0):
            out = np.empty((number, blocks if keep_paths else 0, d * BLOCK), dtype=self.dtype)
            part = np.zeros((number if keep_sums else 0, 4, d))
            before = states.copy()

            def run(s: Array, path: int, step: int, e: int, check: int, o: Array, t: Array) -> tuple[int, int]:
                return walk[self.dtype](
                    s, path, step, e, check, *key, compiled.data, compiled.function, limit, o, t, origin,
                    first + count - path, Stream.INCREMENTS,
                )  # fmt: skip

            block, _ = run(states, first, begin * self.every, every, 64, out, part)
            if block >= 0:
                nothing = np.empty((1, 0, d * BLOCK), dtype=self.dtype)
                state = before[block : block + 1]
                _, step = run(state, first + block * BLOCK, begin * self.every, number * every, 1, nothing, part[:0])
                lane = int(np.argmax(~np.all(np.abs(state.reshape(d, BLOCK)) <= limit, axis=0)))
                raise DivergenceError(first + block * BLOCK + lane, step, self.step)
            if keep_paths:
                x[begin + 1 : begin + 1 + number] = _by_path(out, d)[:, :count]
            if keep_sums:
                sums[begin + 1 : begin + 1 + number] = part
        if self.keep == "final":
            x[0] = _by_path(states[None], d)[0, :count]
        return sums if keep_sums else x

    def _march_numpy(
        self, first: int, count: int, x0: Array, frames: int, compiled: Compiled | None, origin: Array
    ) -> Array:
        advance = numpy_step(self.sde, self.step, self.walls)
        x, kept, sums = x0, [x0.T[:count]], np.zeros((frames + 1, 4, x0.shape[0]))
        limit = LIMITS[self.dtype.name]
        for frame in range(frames + 1):
            if frame > 0:
                begin = (frame - 1) * self.every
                steps = min(self.every, self.steps - begin)
                x, step = twin.walk(x, count, first, begin, steps, advance, self.seed, Stream.INCREMENTS, limit)
                if step >= 0:
                    lane = int(np.argmax(~np.all(np.abs(x) <= limit, axis=0)))
                    raise DivergenceError(first + lane, step, self.step)
                kept = [*kept, x.T[:count]] if self.keep == "paths" else [x.T[:count]]
            if self.keep == "moments":
                gap = x[:, :count] - origin[:, None]
                sums[frame] = [(gap**p).sum(axis=1) for p in (1, 2, 3, 4)]
        return sums if self.keep == "moments" else np.stack(kept)


def _by_path(frames: Array, dimension: int) -> Array:
    """(frames, blocks, d * BLOCK) as (frames, blocks * BLOCK, d)."""
    number, blocks, _ = frames.shape
    return (
        frames.reshape(number, blocks, dimension, BLOCK)
        .transpose(0, 1, 3, 2)
        .reshape(number, blocks * BLOCK, dimension)
    )


def in_order(
    chunks: list[tuple[int, int]], work: Callable[[tuple[int, int]], Array], threads: int | None
) -> Iterator[tuple[int, int, Array]]:
    """Results of ``work`` on a pool of threads, in the order of the chunks; at most two per thread wait in memory."""
    count = thread_count(threads)
    if count == 1 or len(chunks) == 1:
        for chunk in chunks:
            yield *chunk, work(chunk)
        return
    with ThreadPoolExecutor(count) as pool:
        waiting: list[tuple[tuple[int, int], Future[Array]]] = []
        try:
            for chunk in chunks:
                waiting.append((chunk, pool.submit(work, chunk)))
                if len(waiting) > 2 * count:
                    first, future = waiting.pop(0)
                    yield *first, future.result()
            while waiting:
                first, future = waiting.pop(0)
                yield *first, future.result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def thread_count(threads: int | None) -> int:
    """Worker threads: as asked, else one per core this process may use."""
    if threads is None:
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return require_count(threads, "threads")
