"""Work on a pool of threads: compiled kernels release the interpreter's lock, and results come back in order."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from numpy.typing import NDArray

from fpsim.stepping import require_count

Array = NDArray[Any]


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
