"""Work on a pool of threads: compiled kernels release the interpreter's lock, and results come back in order."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from itertools import chain, islice
from typing import Any

from numpy.typing import NDArray

from fpsim.kernels.pacing import Watch
from fpsim.paths.step import require_count

Array = NDArray[Any]
Chunk = tuple[int, int]
PATIENCE = 0.1
"""Seconds between two looks at progress."""


def in_order(
    chunks: Iterable[Chunk], work: Callable[[Chunk], Array], threads: int | None, watch: Watch
) -> Iterator[tuple[int, int, Array]]:
    """Results of ``work`` on a pool of threads, in the order of the chunks; at most two per thread wait in memory.

    ``work`` tells ``watch`` of every call that it made of a kernel, and gives up there when an exception (Ctrl-C, or
    an error in another chunk) has ended the run.
    """
    count, chunks = thread_count(threads), iter(chunks)
    first = list(islice(chunks, 2))
    if count == 1 or len(first) == 1:
        for chunk in chain(first, chunks):
            yield *chunk, work(chunk)
        return
    with ThreadPoolExecutor(count) as pool:
        waiting: deque[tuple[Chunk, Future[Array]]] = deque()
        try:
            for chunk in chain(first, chunks):
                waiting.append((chunk, pool.submit(work, chunk)))
                if len(waiting) > 2 * count:
                    yield _result(waiting, watch)
            while waiting:
                yield _result(waiting, watch)
        finally:
            watch.stopped.set()
            pool.shutdown(wait=True, cancel_futures=True)


def _result(waiting: deque[tuple[Chunk, Future[Array]]], watch: Watch) -> tuple[int, int, Array]:
    """The first result in the queue, with looks at progress while it is under way."""
    chunk, future = waiting.popleft()
    while not wait([future], timeout=PATIENCE).done:
        watch.report()
    return *chunk, future.result()


def thread_count(threads: int | None) -> int:
    """Worker threads: as asked, else one per core this process may use."""
    if threads is None:
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return require_count(threads, "threads")
