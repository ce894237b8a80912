"""Exit kernels on a pool of threads: each thread carries one block of lanes, and lanes take paths from one list."""

from __future__ import annotations

import math
import threading
import time as clock
from collections.abc import Callable
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from fpsim.kernels.pacing import Pace
from fpsim.paths.chunks import BLOCK

Array = NDArray[Any]
FIRST_CALL = 16  # groups of four steps in the first call of a kernel
HANDFUL = 1024  # paths handed to a thread at a time
SHORTEST = 1e-6  # seconds that a clock tells apart
FOREVER = 2**60  # groups of four steps that nothing does, and an integer of 64 bits holds


@dataclass
class Lanes:
    """The state of one block of lanes between two calls of a kernel.

    Attributes:
        x: (d * BLOCK,) positions.
        owner: (BLOCK,) path in each lane, or -1.
        quads: (BLOCK,) groups of four steps done by each lane.
        pool: (2,) next path to hand out and end of the handful.
        clock: (1,) groups of four steps done by the block.
    """

    x: Array
    owner: Array
    quads: Array
    pool: Array
    clock: Array

    @classmethod
    def idle(cls, start: Array, dtype: DTypeLike) -> Lanes:
        """Lanes without paths, resting at ``start`` (d,)."""
        rest = np.repeat(start, BLOCK).astype(dtype)
        counts, pool, time = (np.zeros(n, dtype=np.int64) for n in (BLOCK, 2, 1))
        return cls(rest, np.full(BLOCK, -1), counts, pool, time)


@dataclass(frozen=True)
class Exits:
    """What the kernels wrote, path by path.

    Attributes:
        times: (paths,) exit times in steps; infinite if censored, NaN if under way or not begun at the deadline.
        places: (paths, d) where paths left; for censored paths, where they were seen last.
        followed: (paths,) groups of four steps that the path was followed, or would have been had it not left; -1 if it
            was not begun.
    """

    times: Array
    places: Array
    followed: Array


Call = Callable[[Lanes, Exits, int, bool], int]


def run_lanes(
    call: Call, diverged: Callable[[int], Exception], points: Array, paths: int, threads: int, dtype: DTypeLike,
    progress: Callable[[float], None] | None, deadline: float = math.inf,
) -> Exits:  # fmt: skip
    """Follow paths 0 ... paths - 1 until all are out; who carries which changes no path.

    Args:
        call: one call of the kernel: (lanes, exits, groups of four steps, final) -> lanes still busy, or -1 - path if
            one diverged.  It writes into ``exits``, where ``followed`` is the lanes' clock when a path began.
        diverged: the error for a path that diverged.
        points: (d, paths) or (d, 1) starts.
        paths, threads, dtype: how many, on how many threads, in which precision.
        progress: called with the finished share.
        deadline: reading of ``time.perf_counter`` at which all lanes stop.
    """
    found = Exits(np.full(paths, np.nan), np.full((paths, points.shape[0]), np.nan), np.full(paths, -1, dtype=np.int64))
    handfuls, stop = _Handfuls(paths, threads), threading.Event()

    def worker() -> list[tuple[Array, int]]:
        """Follow handfuls of paths in this thread until none is left."""
        busy, now = 0, clock.perf_counter()
        lanes, final, pace, taken = Lanes.idle(points[:, 0], dtype), False, Pace(FIRST_CALL), []
        start = clock.perf_counter()
        while not stop.is_set():
            if lanes.pool[0] == lanes.pool[1]:
                lanes.pool[:] = handfuls.take()
                final = bool(lanes.pool[0] == lanes.pool[1])
                taken.append(slice(*lanes.pool.tolist()))
            before, began = int(lanes.clock[0]), clock.perf_counter()
            busy = call(lanes, found, pace.size, final)
            if busy < 0:
                raise diverged(-1 - busy)
            now = clock.perf_counter()
            pace.took(int(lanes.clock[0]) - before, now - began)
            if (final and busy == 0) or now > deadline:
                break
        under_way = lanes.owner >= 0
        found.places[lanes.owner[under_way]] = lanes.x.reshape(-1, BLOCK).T[under_way]
        end = int(lanes.clock[0])
        if final and busy == 0 and math.isfinite(deadline):  # what it would have come to
            longer = min((deadline - start) / max(now - start, SHORTEST), FOREVER)
            end = int(min(end * max(1.0, longer), FOREVER))
        return [(found.followed[part], end) for part in taken]

    with ThreadPoolExecutor(threads) as executor:
        try:
            workers = [executor.submit(worker) for _ in range(threads)]
            _watch(workers, found.times, progress)
        except BaseException:
            stop.set()
            raise
    for part, end in (pair for done in workers for pair in done.result()):
        part[part >= 0] = end - part[part >= 0]
    return found


class _Handfuls:
    """The list of paths, handed out a handful at a time."""

    def __init__(self, paths: int, threads: int) -> None:
        self.next, self.end = 0, paths
        self.size = max(BLOCK, min(HANDFUL, -(-paths // (4 * threads))))
        self.lock = threading.Lock()

    def take(self) -> tuple[int, int]:
        with self.lock:
            begin, self.next = self.next, min(self.next + self.size, self.end)
            return begin, self.next


def _watch(workers: list[Future[Any]], times: Array, progress: Callable[[float], None] | None) -> None:
    """Wait for the workers, reporting the share of finished paths; re-raises what a worker raised."""
    pending = set(workers)
    while pending:
        done, pending = wait(pending, timeout=0.1, return_when=FIRST_EXCEPTION)
        if progress is not None:
            progress(float(np.mean(~np.isnan(times))))
        for worker in done:
            worker.result()
