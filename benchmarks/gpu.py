"""Path-steps, exits and iterations per second on an NVIDIA GPU: fpsim against diffrax, torch and the CPU beside it.

    double well     dx = (x - x^3) dt + sqrt(2 D) dW,  D = 0.25, dt = 1e-3, 2000 steps, 2^22 paths from -1
    coupled wells   a ring of 10 double wells, k = 0.5, same noise, 1000 steps, 2^20 paths
    exits           the double well with D = 0.1, dt = 0.01, from -1 until x >= 0, 4e6 paths
    mini-batches    SGD on a logistic regression in 3 dimensions, 1000 examples, S = 8, 200 iterations, 2^20 paths
    scheduled       the same by Adam under a falling learning rate
    tensor          three coupled wells under a full D(x), 500 steps, 2^20 paths
    splitting       the double well with D = 0.03, dt = 0.01, from -1 until x >= 0: 16 repetitions of 4096 particles

What is as new as splitting is first held against the CPU with the same seed, at a small size.  "fast" rows take
fast_math=True.
A figure is the wall time of a whole call, moments or exits on the host included, after one that compiles; the median
of some.  Every one stands beside a moment or mean, and moments that should be equal are held against each other.
diffrax runs the documented way (one solve per path under vmap), torch its step recorded as a CUDA graph.
--growth also measures how time grows with paths and dimensions.  In numba's simulator (NUMBA_ENABLE_CUDASIM=1) all of
it runs at sizes that say nothing of speed, to see that it would.

    python benchmarks/gpu.py [--quick] [--growth] [--output FILE.json]
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import subprocess
import sys
import time
import warnings
from dataclasses import dataclass
from pathlib import Path

import numba
import numpy as np
from gpu_work import Row, batches, growth, leave, splitting, tensor, torch_graph, twins, walk, wells

import fpsim
from fpsim.cuda.device import gpu_name, require_gpu, simulated

HERE = Path(__file__).parent
_TABLES = {
    "double well": "path_steps_per_second", "coupled wells": "path_steps_per_second", "exits": "exits_per_second",
    "mini-batches": "iterations_per_second", "scheduled": "iterations_per_second", "tensor": "path_steps_per_second",
    "splitting": "particles_per_second",
}  # fmt: skip


@dataclass(frozen=True)
class Size:
    """Of everything.

    Attributes:
        paths, steps: of the double well.
        ring, ring_steps: of the coupled wells, and of the tensor, in half as many steps.
        exits, out: how many, and D and dt.
        batches, iterations: of mini-batches.
        rare, repetitions, particles: of splitting, with D and dt.
        alike: particles and paths that are compared with the CPU's.
        cores: the CPU does a share of one in so many.
        rounds: of which the median is taken.
    """

    paths: int = 2**22
    steps: int = 2000
    ring: int = 2**20
    ring_steps: int = 1000
    exits: int = 4_000_000
    out: tuple[float, float] = (0.1, 0.01)
    batches: int = 2**20
    iterations: int = 200
    rare: tuple[float, float] = (0.03, 0.01)
    repetitions: int = 16
    particles: int = 4096
    alike: int = 256
    cores: int = 8
    rounds: int = 5


FULL = Size()
QUICK = Size(2**14, 2000, 2**12, 1000, 15_625, batches=2**12, particles=128, rounds=1)
SIMULATED = Size(40, 20, 20, 8, 20, (1.0, 0.05), 12, 4, (0.15, 0.1), 2, 8, 8, cores=1, rounds=1)


def measured(size: Size) -> Row:
    """Tables of rows."""
    n, out, rare = size, size.out, size.rare
    one, wide, exits = {}, {}, {}
    for dtype in ("float32", "float64"):
        one[f"fpsim {dtype}"] = walk(wells(1), n.paths, n.steps, dtype, "cuda", n.rounds)
        wide[f"fpsim {dtype}"] = walk(wells(10), n.ring, n.ring_steps, dtype, "cuda", n.rounds)
        exits[f"fpsim {dtype}"] = leave(*out, n.exits, dtype, "cuda", n.rounds)
        one[f"fpsim {dtype}, all cores"] = walk(wells(1), n.paths // n.cores, n.steps, dtype, "cpu", 1)
        wide[f"fpsim {dtype}, all cores"] = walk(wells(10), n.ring // n.cores, n.ring_steps, dtype, "cpu", 1)
        exits[f"fpsim {dtype}, all cores"] = leave(*out, n.exits // n.cores, dtype, "cpu", 1)
    one["fpsim fast"] = walk(wells(1), n.paths, n.steps, "float32", "cuda", n.rounds, True)
    wide["fpsim fast"] = walk(wells(10), n.ring, n.ring_steps, "float32", "cuda", n.rounds, True)
    exits["fpsim fast"] = leave(*out, n.exits, "float32", "cuda", n.rounds, True)
    sgd, scheduled = (
        {
            "fpsim": batches(n.batches, n.iterations, "cuda", n.rounds, **rule),
            "fpsim, all cores": batches(n.batches // n.cores, n.iterations, "cpu", 1, **rule),
        }
        for rule in ({}, {"optimiser": fpsim.Adam()})
    )
    full = {
        "fpsim": walk(tensor(), n.ring, n.ring_steps // 2, "float64", "cuda", n.rounds),
        "fpsim, all cores": walk(tensor(), n.ring // n.cores, n.ring_steps // 2, "float64", "cpu", 1),
    }
    where = {"fpsim": "cuda", "fpsim, all cores": "cpu"}
    few = {name: splitting(*rare, n.repetitions, n.particles, device) for name, device in where.items()}
    return dict(zip(_TABLES, (one, wide, exits, sgd, scheduled, full, few), strict=True))


def add_rivals(tables: Row, size: Size, quick: bool) -> None:
    """torch, and diffrax the documented way in a process of its own; who is not there is left out and named."""
    try:
        tables["double well"]["torch graph float32"] = torch_graph(size.paths, size.steps, size.rounds)
    except ImportError:
        print("torch is not installed: left out")
    command = [sys.executable, str(HERE / "rivals_diffrax.py"), "--gpu", *(["--quick"] if quick else [])]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        print(f"diffrax left out: {(done.stderr.strip().splitlines() or ['it says nothing'])[-1]}")
        return
    _take_in(tables, json.loads(done.stdout))


def _take_in(tables: Row, rival: Row) -> None:
    """diffrax's rows, each beside fpsim's."""
    for name, title in (
        ("double_well", "double well"), ("double_well_one_state", "double well"), ("coupled_wells", "coupled wells"),
        ("exits", "exits"),
    ):  # fmt: skip
        row = rival[name]
        row["error"] = row.get("standard_error_x2", row.get("standard_error"))
        tables[title]["diffrax one state float32" if "state" in name else "diffrax float32"] = row


def agree(rows: dict[str, Row], quantity: str) -> None:
    """End the program unless the same moment by different tools is equal within five standard errors."""
    names = [name for name, row in rows.items() if quantity in row]
    for name in names[1:]:
        one, two = rows[names[0]], rows[name]
        gap, error = abs(one[quantity] - two[quantity]), math.hypot(one["error"], two["error"])
        if gap > 5 * error:
            sys.exit(f"{quantity} of {names[0]} and {name} are {gap:.3g} apart, with an error of {error:.3g}")


def check(tables: Row, size: Size) -> None:
    """All that should be equal; exits of diffrax have no bridge, its coupled wells and one state other lengths."""
    same = {name: row for name, row in tables["double well"].items() if row.get("steps") == size.steps}
    agree(same, "mean_x2")
    for title in ("mini-batches", "scheduled", "tensor", "splitting"):
        agree(tables[title], "mean_x2" if title == "tensor" else "mean")
    for title, quantity in (("exits", "mean"), ("coupled wells", "mean_x2")):
        agree({name: row for name, row in tables[title].items() if name.startswith("fpsim")}, quantity)


def ratios(tables: Row) -> dict[str, float]:
    """fpsim on the GPU over every rival, table by table."""
    found = {}
    for title, quantity in _TABLES.items():
        rows = tables[title]
        own = "fpsim float32" if "fpsim float32" in rows else "fpsim"
        for name, row in rows.items():
            if name != own:
                found[f"{title}: {own} over {name}"] = rows[own][quantity] / row[quantity]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="smaller ensembles, fewer turns")
    parser.add_argument("--growth", action="store_true", help="also by paths and dimensions: a minute and a half more")
    parser.add_argument("--output", type=Path, default=HERE / "results" / "gpu.json")
    options = parser.parse_args()
    require_gpu()
    began = time.perf_counter()
    size = SIMULATED if simulated() else QUICK if options.quick else FULL
    if simulated():  # numpy's scalars warn where integers of a kernel wrap around
        warnings.simplefilter("ignore")
    machine = {"gpu": gpu_name(), "cpu": _cpu(), "cores": _cores(), "python": platform.python_version()}
    versions = {"fpsim": fpsim.__version__, "numpy": np.__version__, "numba": numba.__version__}
    report: Row = {"machine": machine, "versions": versions, "twins": twins(size.alike)}
    for name, gap in report["twins"].items():
        print(f"{name:24s} GPU and CPU differ by {gap:.1e}")
    tables = measured(size)
    add_rivals(tables, size, options.quick)
    report |= {**tables, "ratios": ratios(tables)}
    if options.growth:
        small = simulated() or options.quick
        report["growth"] = growth(range(3, 5) if small else range(12, 29, 2), (2, 5) if small else _WIDE, *_LONG[small])
    report["seconds"] = time.perf_counter() - began
    _print(report)
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(json.dumps(report, indent=2) + "\n")
    print(f"{report['seconds']:.0f} s in all; wrote {options.output}")
    check(tables, size)


_WIDE = (2, 5, 10, 16, 20, 50, 100)
_LONG = {False: (1000, 2**20), True: (8, 16)}
"""Steps, and paths of the wells by dimension."""


def _cpu() -> str:
    info = Path("/proc/cpuinfo")
    names = [line for line in info.read_text().splitlines() if line.startswith("model name")] if info.exists() else []
    return names[0].split(":")[1].strip() if names else platform.processor()


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _print(report: Row) -> None:
    print(f"{report['machine']['gpu']}, and {report['machine']['cores']} cores of {report['machine']['cpu']}")
    for title, quantity in _TABLES.items():
        print(f"{title}: {quantity.replace('_', ' ')}")
        for name, row in report[title].items():
            value = row.get("mean_x2", row.get("mean"))
            print(f"  {name:28s} {row[quantity]:10.3g}   {value:.5f} +- {row['error']:.5f}")
    print("ratios in this run")
    for name, value in report["ratios"].items():
        print(f"  {name:64s} {value:8.3g}")
    for name, row in report.get("growth", {}).items():
        print(f"{name}: " + ", ".join(f"{key}: {value:.3g}" for key, value in row.items()))


if __name__ == "__main__":
    main()
