"""Path-steps and exits per second: fpsim against a plain numba loop, NumPy and diffrax, in one run on one core.

    double well     dx   = (x - x^3) dt + sqrt(2 D) dW,  D = 0.25, dt = 1e-3, 1000 steps, 1e5 paths from -1
    coupled wells   a ring of 10 double wells, k = 0.5, same noise
    exits           the double well with D = 0.1, dt = 0.01, from -1 until x >= 0 (exact mean 30.8213024727)

Every figure stands beside a moment or mean that shows that the work was done right.  The tools take turns, and a
ratio is the median over the turns; seconds are those of the processor.  A noisy machine moves both sides.  Compilation
is not counted.

    python benchmarks/run.py [--rivals PYTHON] [--quick] [--output FILE.json]
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

if hasattr(os, "sched_setaffinity"):
    CORES = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {CORES[0]})
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numba
import numpy as np

import fpsim
import landscapes
from fpsim.paths.chunks import BLOCK
from fpsim.paths.ensembles import Paths
from fpsim.paths.exits import exit_times
from fpsim.paths.simulate import simulate
from fpsim.targets import Point

STEP, STEPS, DIFFUSION = 1e-3, 1000, 0.25
EXACT_EXIT = 30.8213024727
HERE = Path(__file__).parent


@numba.njit(fastmath=True)
def plain_loop(x, steps, dt, s):
    """What one writes first: one path after the other, numba's own np.random."""
    for i in range(x.size):
        y = x[i]
        for _ in range(steps):
            y += (y - y * y * y) * dt + s * np.random.standard_normal()  # noqa: NPY002 (that is the rival)
        x[i] = y


def plain_numba(paths: int) -> np.ndarray:
    x = np.full(paths, -1.0)
    plain_loop(x, STEPS, STEP, math.sqrt(2 * DIFFUSION * STEP))
    return x


def plain_numpy(paths: int, dimension: int, dtype: type) -> np.ndarray:
    """Whole arrays, the fastest generator of NumPy."""
    generator = np.random.Generator(np.random.SFC64(1))
    x = np.full((dimension, paths), -1.0, dtype=dtype)
    s, h, k = dtype(math.sqrt(2 * DIFFUSION * STEP)), dtype(STEP), dtype(0.5)
    for _ in range(STEPS):
        pull = k * (np.roll(x, 1, 0) + np.roll(x, -1, 0) - 2 * x) if dimension > 1 else dtype(0)
        x += (x - x * x * x + pull) * h + s * generator.standard_normal(x.shape, dtype=dtype)
    return x


def ours(landscape: Any, paths: int, dtype: type, threads: int = 1) -> np.ndarray:
    sde = fpsim.SDE(landscape, fpsim.ConstantDiffusion(DIFFUSION))
    found = simulate(
        sde, -np.ones(landscape.dimension), STEP * STEPS, STEP, paths, keep="final", threads=threads, dtype=dtype
    )
    assert isinstance(found, Paths)
    return found.x[0]


def moments(x: np.ndarray) -> dict[str, float]:
    return {"mean_x2": float(np.mean(x.astype(float) ** 2)), "mean_x4": float(np.mean(x.astype(float) ** 4))}


def turns(contestants: dict[str, tuple[int, Callable[[int], np.ndarray]]], rounds: int) -> dict[str, dict[str, Any]]:
    """Path-steps per second of every contestant: name -> (paths, function of the number of paths)."""
    for _, function in contestants.values():
        function(BLOCK)  # compile
    rates: dict[str, list[float]] = {name: [] for name in contestants}
    facts: dict[str, dict[str, Any]] = {}
    for _ in range(rounds):
        for name, (paths, function) in contestants.items():
            began = time.process_time()
            x = function(paths)
            rates[name].append(paths * STEPS / (time.process_time() - began))
            facts[name] = {"paths": paths, **moments(x)}
    return {
        name: {**facts[name], "path_steps_per_second": statistics.median(r), "best": max(r), "all": r}
        for name, r in rates.items()
    }


def ratio(table: dict[str, dict[str, Any]], name: str, rival: str) -> float:
    """Median over the turns of one contestant's speed over another's."""
    return statistics.median(a / b for a, b in zip(table[name]["all"], table[rival]["all"], strict=True))


def exits(count: int, rounds: int, dtype: type) -> dict[str, Any]:
    sde = fpsim.SDE(landscapes.DoubleWell(), fpsim.ConstantDiffusion(0.1))
    rates = []
    exit_times(sde, -1.0, Point(0.0, -1.0), BLOCK, 0.01, threads=1, dtype=dtype)
    for seed in range(rounds):
        began = time.process_time()
        sample = exit_times(sde, -1.0, Point(0.0, -1.0), count, 0.01, seed, threads=1, dtype=dtype)
        rates.append(count / (time.process_time() - began))
    mean, error = sample.mean_and_error()
    facts = {"paths": count, "mean": mean, "standard_error": error, "exact": EXACT_EXIT}
    return {**facts, "exits_per_second": statistics.median(rates), "best": max(rates)}


def memory(paths: int, steps: int) -> dict[str, Any]:
    """Peak memory of a process that keeps only the moments of an ensemble."""
    program = (
        "import resource, numpy as np, fpsim, landscapes\n"
        "sde = fpsim.SDE(landscapes.DoubleWell(), fpsim.ConstantDiffusion(0.25))\n"
        f"m = fpsim.simulate(sde, -1.0, {steps} * 1e-3, 1e-3, {paths}, keep='moments', dtype=np.float32)\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, float(m.variance[-1, 0]))"
    )
    began = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    peak, variance = map(float, done.stdout.split())
    seconds = time.perf_counter() - began
    return {"paths": paths, "steps": steps, "peak_megabytes": peak, "variance": variance, "seconds": seconds}


def two_threads(rounds: int, paths: int) -> float:
    """Speed of two threads over one (needs two free cores)."""
    if not hasattr(os, "sched_setaffinity") or len(CORES) < 2:
        return float("nan")
    os.sched_setaffinity(0, set(CORES))
    well, gains = landscapes.DoubleWell(), []
    for _ in range(rounds):
        spent = []
        for threads in (1, 2):
            began = time.perf_counter()
            ours(well, paths, np.float32, threads)
            spent.append(time.perf_counter() - began)
        gains.append(spent[0] / spent[1])
    os.sched_setaffinity(0, {CORES[0]})
    return statistics.median(gains)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rivals", help="interpreter of the environment with diffrax")
    parser.add_argument("--quick", action="store_true", help="smaller ensembles, fewer turns")
    parser.add_argument("--output", type=Path, default=HERE / "results" / "paths.json")
    options = parser.parse_args()
    paths, rounds = (20_000, 3) if options.quick else (100_000, 7)
    well, ring = landscapes.DoubleWell(), landscapes.CoupledDoubleWells(10, coupling=0.5)

    one = turns(
        {
            "fpsim float32": (paths, lambda n: ours(well, n, np.float32)),
            "fpsim float64": (paths, lambda n: ours(well, n, np.float64)),
            "plain numba float64": (max(paths // 10, BLOCK), plain_numba),
            "numpy float32": (paths // 10, lambda n: plain_numpy(n, 1, np.float32)),
            "numpy float64": (paths // 10, lambda n: plain_numpy(n, 1, np.float64)),
        },
        rounds,
    )
    ten = turns(
        {
            "fpsim float32": (paths // 10, lambda n: ours(ring, n, np.float32)),
            "fpsim float64": (paths // 10, lambda n: ours(ring, n, np.float64)),
            "numpy float32": (paths // 50, lambda n: plain_numpy(n, 10, np.float32)),
        },
        max(3, rounds // 2),
    )
    leaving = {
        name: exits(2 * paths // 5, 3, dtype)
        for name, dtype in (("fpsim float32", np.float32), ("fpsim float64", np.float64))
    }
    report: dict[str, Any] = {
        "machine": {"cpu": _cpu(), "python": platform.python_version()},
        "versions": {"fpsim": fpsim.__version__, "numpy": np.__version__, "numba": numba.__version__},
        "memory": memory(paths * 10, 1000 if options.quick else 10_000),
        "double well": one, "coupled wells": ten, "exits": leaving, "two threads over one": two_threads(3, paths),
        "ratios": {
            "float64 over plain numba": ratio(one, "fpsim float64", "plain numba float64"),
            "float32 over plain numba float64": ratio(one, "fpsim float32", "plain numba float64"),
            "float32 over numpy float32": ratio(one, "fpsim float32", "numpy float32"),
            "ten dimensions, float32 over numpy float32": ratio(ten, "fpsim float32", "numpy float32"),
        },
    }  # fmt: skip
    _write(report, options.output)  # the rest takes longer
    if options.rivals:
        report["diffrax"] = rival = _diffrax(options.rivals, options.quick)
        fast, slow = one["fpsim float32"]["path_steps_per_second"], rival["double_well"]["path_steps_per_second"]
        report["ratios"] |= {
            "float32 over diffrax vmap float32": fast / slow,
            "float32 over diffrax one-state float32": fast / rival["double_well_one_state"]["path_steps_per_second"],
            "ten dimensions, float32 over diffrax": ten["fpsim float32"]["path_steps_per_second"]
            / rival["coupled_wells"]["path_steps_per_second"],
            "exits float32 over diffrax events": leaving["fpsim float32"]["exits_per_second"]
            / rival["exits"]["exits_per_second"],
        }
    _print(report)
    _write(report, options.output)
    print(f"wrote {options.output}")


def _write(report: dict[str, Any], file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(report, indent=2) + "\n")


def _diffrax(interpreter: str, quick: bool) -> dict[str, Any]:
    command = [interpreter, str(HERE / "rivals_diffrax.py"), *(["--quick"] if quick else [])]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"the diffrax benchmark failed: {done.stderr[-400:]}")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _cpu() -> str:
    info = Path("/proc/cpuinfo")
    names = [line for line in info.read_text().splitlines() if line.startswith("model name")] if info.exists() else []
    return names[0].split(":")[1].strip() if names else platform.processor()


def _print(report: dict[str, Any]) -> None:
    for title in ("double well", "coupled wells"):
        print(f"{title}: path-steps per second, one core (median; best)")
        for name, row in report[title].items():
            figures = f"{row['path_steps_per_second']:.3g}; {row['best']:.3g}"
            print(f"  {name:22s} {figures:22s} <x^2> = {row['mean_x2']:.4f}  <x^4> = {row['mean_x4']:.4f}")
    print("exits per second, one core (median; best)")
    for name, row in report["exits"].items():
        figures = f"{row['exits_per_second']:.3g}; {row['best']:.3g}"
        print(
            f"  {name:22s} {figures:22s} mean {row['mean']:.3f} +- {row['standard_error']:.3f} "
            f"(exact {row['exact']:.3f})"
        )
    kept = report["memory"]
    size = f"{kept['paths']:g} paths x {kept['steps']:g} steps"
    print(f"peak memory of {size}, moments kept: {kept['peak_megabytes']:.0f} MB")
    print(f"two threads over one: {report['two threads over one']:.2f}")
    print("ratios in this run")
    for name, value in report["ratios"].items():
        print(f"  {name:46s} {value:.1f}")


if __name__ == "__main__":
    main()
