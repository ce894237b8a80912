"""Paths on their way out on a GPU: its threads take paths from one list, in calls of a fraction of a second."""

from __future__ import annotations

import math
import time as clock
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fpsim.cuda.device import within_memory
from fpsim.kernels.pacing import Pace
from fpsim.paths.exit_pool import Exits
from fpsim.paths.step import LIMITS

Array = NDArray[Any]
LANES = 8
"""Blocks of threads on each multiprocessor that share the list."""
FIRST_CALL = 16  # groups of four steps in the first call of a kernel
NOBODY = 2**62


@dataclass(frozen=True)
class Lanes:
    """What the threads of a GPU work on.

    Attributes:
        states: (d, lanes) positions.
        owner, quads: (lanes,) the path of each thread, or -1, and the groups of four steps it has done.
        queue: (5,) the list of paths, as in :mod:`fpsim.cuda.exits`.
        starts: (d, paths) or (d, 1).
        first: number of the first path.
        times, places, begun: (paths,), (d, paths), (paths,) what is written.
    """

    states: Any
    owner: Any
    quads: Any
    queue: Any
    starts: Any
    first: int
    times: Any
    places: Any
    begun: Any

    @classmethod
    def idle(cls, starts: Array, first: int, paths: int, lanes: int, dtype: Any) -> Lanes:
        """Threads without paths, before a list of ``paths``."""
        from numba import cuda

        from fpsim.cuda.walk import fill, over

        def filled(rows: int, columns: int, value: Any) -> Any:
            array = cuda.device_array((rows, columns), dtype=np.asarray(value).dtype)
            over(fill, columns)(array, value)
            return array

        d, nothing = starts.shape[0], np.float64(np.nan)
        return cls(
            filled(d, lanes, dtype.type(0)), filled(1, lanes, np.int64(-1)).reshape(lanes),
            filled(1, lanes, np.int64(0)).reshape(lanes),
            cuda.to_device(np.array([0, paths, 0, NOBODY, -1], dtype=np.int64)),
            cuda.to_device(np.ascontiguousarray(starts)), first, filled(1, paths, nothing).reshape(paths),
            filled(d, paths, nothing), filled(1, paths, np.int64(-1)).reshape(paths),
        )  # fmt: skip


Call = Callable[[Lanes, int, int, int], None]
"""One call of a kernel on a GPU: (lanes, groups of four steps, groups after which paths are censored, clock)."""


def calls(kernel: Any, given: Any, dtype: np.dtype[Any]) -> Call:
    """Calls of a kernel of :mod:`fpsim.cuda.exits` with what moves its paths."""
    from fpsim.cuda.walk import over

    limit = dtype.type(LIMITS[dtype.name])

    def call(lanes: Lanes, quads: int, horizon: int, now: int) -> None:
        over(kernel, lanes.owner.size)(
            lanes.states, lanes.owner, lanes.quads, lanes.queue, lanes.starts, lanes.first, horizon, quads, given,
            limit, lanes.times, lanes.places, lanes.begun, now,
        )  # fmt: skip

    return call


@within_memory()
def run_on_card(
    call: Call, diverged: Callable[[int, int, Array], Exception], points: Array, paths: int, horizon: int, dtype: Any,
    progress: Callable[[float], None] | None, deadline: float, most: int = 2**40,
) -> Exits:  # fmt: skip
    """Follow paths 0 ... paths - 1 until all are out; as :func:`fpsim.paths.exit_pool.run_lanes`.

    ``diverged`` makes the error for (path, steps done before it was lost, its place there); ``most`` threads share the
    list at most.
    """
    from fpsim.cuda.device import multiprocessors
    from fpsim.cuda.walk import THREADS

    d = points.shape[0]
    found = Exits(np.empty(paths), np.empty((paths, d)), np.zeros(paths, dtype=np.int64))
    size, pace, now = _list_length(paths, d), Pace(FIRST_CALL), 0
    for first in range(0, paths, size):
        count = min(size, paths - first)
        starts = points[:, first : first + count] if points.shape[1] > 1 else points
        lanes = Lanes.idle(starts, first, count, min(count, most, multiprocessors() * LANES * THREADS), dtype)
        call(lanes, 0, horizon, now)  # no step: this compiles
        done = 0
        while done < count and (now == 0 or clock.perf_counter() < deadline):  # one call at least, as on the CPU
            began = clock.perf_counter()
            call(lanes, pace.size, horizon, now)
            _, _, done, lost, _ = lanes.queue.copy_to_host().tolist()
            if lost != NOBODY:
                raise diverged(first + lost, *_before_loss(call, points, first + lost, horizon, dtype))
            now += pace.size
            pace.took(pace.size, clock.perf_counter() - began)
            if progress is not None:
                progress((first + done) / paths)
        _collect(lanes, found, slice(first, first + count), math.isfinite(deadline))
        if done < count:
            rest = slice(first + count, paths)
            found.times[rest], found.places[rest], found.followed[rest] = np.nan, np.nan, -1
            break
    if math.isfinite(deadline):
        begun = found.followed >= 0
        found.followed[begun] = now - found.followed[begun]
    return found


def _list_length(paths: int, d: int) -> int:
    """Paths whose results fit into half of the card's free memory."""
    from fpsim.cuda.device import free_memory

    return max(1, min(paths, int(free_memory() / 2 / (8 * (2 * d + 2)))))


def _collect(lanes: Lanes, found: Exits, part: slice, timed: bool) -> None:
    """Copy what the kernel wrote; paths under way are where their thread is."""
    lanes.times.copy_to_host(found.times[part])
    found.places[part] = lanes.places.copy_to_host().T
    if not timed:  # nobody will ask when they began
        return
    lanes.begun.copy_to_host(found.followed[part])
    owner = lanes.owner.copy_to_host()
    busy = owner >= 0
    found.places[part.start + owner[busy]] = lanes.states.copy_to_host().T[busy]


def _before_loss(call: Call, points: Array, path: int, horizon: int, dtype: Any) -> tuple[int, Array]:
    """Walk one lost path again alone: the steps before the group in which it was lost, and its place (d,) then."""
    start = points[:, path : path + 1] if points.shape[1] > 1 else points
    lanes = Lanes.idle(start, path, 1, 1, dtype)
    while (quad := int(lanes.queue.copy_to_host()[-1])) < 0:
        call(lanes, 2**16, horizon, 0)
    lanes = Lanes.idle(start, path, 1, 1, dtype)
    if quad == 0:
        return 0, start[:, 0].astype(dtype)
    call(lanes, quad, horizon, 0)
    return 4 * quad, lanes.states.copy_to_host()[:, 0]
