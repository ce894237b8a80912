"""Exit kernels on a pool of threads: each thread carries one block of lanes, and lanes take paths from one list."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from fpsim.march import BLOCK

Array = NDArray[Any]
QUADS_PER_CALL = 4096  # groups of four steps between looks at progress and Ctrl-C
HANDFUL = 1024  # paths handed to a thread at a time


@dataclass
class Lanes:
    """The state of one block of lanes between two calls of a kernel.

    Attributes:
        x: (d * BLOCK,) positions.
        owner: (BLOCK,) path in each lane, or -1.
        quads: (BLOCK,) groups of four steps done by each lane.
        pool: (2,) next path to hand out and end of the handful.
    """

    x: Array
    owner: Array
    quads: Array
    pool: Array

    @classmethod
    def idle(cls, start: Array, dtype: DTypeLike) -> Lanes:
        """Lanes without paths, resting at ``start`` (d,)."""
        counts = np.zeros(BLOCK, dtype=np.int64)
        return cls(np.repeat(start, BLOCK).astype(dtype), np.full(BLOCK, -1), counts, np.zeros(2, dtype=np.int64))


Call = Callable[[Lanes, Array, Array, bool], int]


def run_lanes(
    call: Call, diverged: Callable[[int], Exception], points: Array, paths: int, threads: int, dtype: DTypeLike,
    progress: Callable[[float], None] | None,
) -> tuple[Array, Array]:  # fmt: skip
    """Follow paths 0 ... paths - 1 until all are out; who carries which changes no path.

    Args:
        call: one call of the kernel: (lanes, times, places, final) -> lanes still busy, or -1 - path if one diverged.
        diverged: the error for a path that diverged.
        points: (d, paths) or (d, 1) starts.
        paths, threads, dtype: how many, on how many threads, in which precision.
        progress: called with the finished share.

    Returns:
        exit times in steps (paths,) and places (paths, d), as the kernel wrote them.
    """
    times, places = np.full(paths, np.nan), np.full((paths, points.shape[0]), np.nan)
    handfuls, stop = _Handfuls(paths, threads), threading.Event()

    def worker() -> None:
        lanes, final = Lanes.idle(points[:, 0], dtype), False
        while not stop.is_set():
            if lanes.pool[0] == lanes.pool[1]:
                lanes.pool[:] = handfuls.take()
                final = bool(lanes.pool[0] == lanes.pool[1])
            busy = call(lanes, times, places, final)
            if busy < 0:
                raise diverged(-1 - busy)
            if final and busy == 0:
                return

    with ThreadPoolExecutor(threads) as executor:
        try:
            _watch([executor.submit(worker) for _ in range(threads)], times, progress)
        except BaseException:
            stop.set()
            raise
    return times, places


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


def _watch(workers: list[Future[None]], times: Array, progress: Callable[[float], None] | None) -> None:
    """Wait for the workers, reporting the share of finished paths; re-raises what a worker raised."""
    pending = set(workers)
    while pending:
        done, pending = wait(pending, timeout=0.2, return_when=FIRST_EXCEPTION)
        if progress is not None:
            progress(float(np.mean(~np.isnan(times))))
        for worker in done:
            worker.result()
