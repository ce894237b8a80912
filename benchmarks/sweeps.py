"""What a sweep costs per point: fpsim in this process and on Dask, plain Dask and joblib, in one run; and its memory.

    overhead    N calls of a function that does nothing, in milliseconds per call; the median over the turns
    memory      of the scheduler of a local Dask cluster after a fifth and after all of the points of a sweep

fpsim keeps every result on disk; the rivals keep nothing.

    python benchmarks/sweeps.py [--points 10000] [--turns 3] [--memory 20000] [--output FILE.json]
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import distributed
from distributed import Client
from measuring import write

from fpsim import Sweep
from fpsim.sweeps.sweep import Status


def nothing(x: int) -> float:
    """The function that costs nothing."""
    return float(x)


def swept(points: int, **options: Any) -> None:
    """fpsim, with a new store."""
    with tempfile.TemporaryDirectory() as folder:
        found = Sweep(nothing, {"x": list(range(points))}, store=Path(folder) / "s.sweep").run(**options)
        assert found.status().done == points


def plain_dask(points: int, client: Client) -> None:
    """Dask as one uses it first: all calls at once, all results at once."""
    assert len(client.gather(client.map(nothing, range(points), pure=False))) == points


def joblib_threads(points: int) -> None:
    """joblib with two threads."""
    from joblib import Parallel, delayed

    assert len(Parallel(n_jobs=2, backend="threading")(delayed(nothing)(x) for x in range(points))) == points


def overheads(points: int, turns: int, client: Client) -> dict[str, float]:
    """Milliseconds per call of each tool; they take turns, so that a noisy machine moves all of them."""
    tools: dict[str, Callable[[], None]] = {
        "fpsim, 2 threads": lambda: swept(points, executor="threads", workers=2),
        "fpsim, Dask": lambda: swept(points, cluster=client),
        "Dask": lambda: plain_dask(points, client),
    }
    try:
        import joblib  # noqa: F401

        tools["joblib, 2 threads"] = lambda: joblib_threads(points)
    except ModuleNotFoundError:
        print("joblib is not installed here, and left out")
    took: dict[str, list[float]] = {name: [] for name in tools}
    for _ in range(turns):
        for name, tool in tools.items():
            began = time.perf_counter()
            tool()
            took[name].append(1e3 * (time.perf_counter() - began) / points)
    return {name: statistics.median(times) for name, times in took.items()}


def resident() -> float:
    """Megabytes of the process that this runs in, from /proc."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def scheduler_memory(points: int, client: Client) -> dict[str, float]:
    """Megabytes of the scheduler, which is a process of its own, early and late in one sweep."""
    seen: dict[str, float] = {}

    def look(now: Status) -> None:
        for name, part in (("early", 0.2), ("late", 1.0)):
            if name not in seen and now.done >= part * points:
                seen[name] = float(client.run_on_scheduler(resident))

    with tempfile.TemporaryDirectory() as folder:
        Sweep(nothing, {"x": list(range(points))}, store=Path(folder) / "m.sweep").run(cluster=client, progress=look)
    return seen


@contextmanager
def cluster(workers: int) -> Iterator[Client]:
    """A client of a scheduler and its workers, each a process of its own."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as crew:
        file = str(Path(folder) / "scheduler.json")
        parts = [["scheduler", "--port", "0"], *[["worker", "--nthreads", "1", "--no-nanny"]] * workers]
        for part in parts:
            command = [sys.executable, "-m", "dask", *part, "--scheduler-file", file, "--no-dashboard"]
            process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            crew.callback(process.wait)
            crew.callback(process.terminate)
        with Client(scheduler_file=file, timeout=30) as client:
            client.wait_for_workers(workers, timeout=30)
            yield client


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--points", type=int, default=10_000, help="calls of each tool")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--memory", type=int, default=20_000, help="points of the sweep whose scheduler is watched")
    parser.add_argument("--output", type=Path, help="JSON file for the figures")
    given = parser.parse_args()
    with cluster(1) as client:
        memory = scheduler_memory(given.memory, client)
    with cluster(2) as client:
        took = overheads(given.points, given.turns, client)
    facts = {"python": platform.python_version(), "distributed": distributed.__version__, "points": given.points}
    found = {**facts, "ms_per_point": took, "scheduler_megabytes": {"points": given.memory, **memory}}
    print(json.dumps(found, indent=1))
    if given.output:
        write(found, given.output)


if __name__ == "__main__":
    main()
