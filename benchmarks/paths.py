"""Path-steps and exits per second: fpsim against a plain numba loop, NumPy and diffrax.

    double well     dx   = (x - x^3) dt + sqrt(2 D) dW,  D = 0.25, dt = 1e-3, 1000 steps, 1e5 paths from -1
    coupled wells   a ring of 10 double wells, k = 0.5, same noise
    exits           the double well with D = 0.1, dt = 0.01, from -1 until x >= 0 (exact mean 30.8213024727)

Every figure stands beside a moment or mean that shows that the work was done right.  Compilation is not counted.
"""

from __future__ import annotations

import math
import os
import statistics
import subprocess
import sys
import time
from functools import partial
from typing import Any

import numba
import numpy as np
from measuring import CORES, Row, gain, rival, turns

import fpsim
import landscapes
from fpsim.paths.chunks import BLOCK
from fpsim.paths.ensembles import Paths
from fpsim.paths.exits import exit_times
from fpsim.paths.simulate import simulate
from fpsim.targets import Point

STEP, STEPS, DIFFUSION = 1e-3, 1000, 0.25
EXACT_EXIT = 30.8213024727


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


def plain_numpy(dimension: int, dtype: type, paths: int) -> np.ndarray:
    """Whole arrays, the fastest generator of NumPy."""
    generator = np.random.Generator(np.random.SFC64(1))
    x = np.full((dimension, paths), -1.0, dtype=dtype)
    s, h, k = dtype(math.sqrt(2 * DIFFUSION * STEP)), dtype(STEP), dtype(0.5)
    for _ in range(STEPS):
        pull = k * (np.roll(x, 1, 0) + np.roll(x, -1, 0) - 2 * x) if dimension > 1 else dtype(0)
        x += (x - x * x * x + pull) * h + s * generator.standard_normal(x.shape, dtype=dtype)
    return x


def ours(landscape: Any, dtype: type, paths: int, threads: int = 1) -> np.ndarray:
    sde = fpsim.SDE(landscape, fpsim.ConstantDiffusion(DIFFUSION))
    found = simulate(
        sde, -np.ones(landscape.dimension), STEP * STEPS, STEP, paths, keep="final", threads=threads, dtype=dtype
    )
    assert isinstance(found, Paths)
    return found.x[0]


def ensembles(contestants: dict[str, tuple[int, Any]], rounds: int) -> dict[str, Row]:
    """Path-steps per second of every contestant: name -> (paths, function of the number of paths)."""
    for _, function in contestants.values():
        function(BLOCK)  # compile
    answers, seconds = turns({name: partial(f, paths) for name, (paths, f) in contestants.items()}, rounds)
    rows = {}
    for name, (paths, _) in contestants.items():
        square = answers[name].astype(float) ** 2
        moments = {"paths": paths, "mean_x2": float(square.mean()), "mean_x4": float((square**2).mean())}
        own = [s / (paths * STEPS) for s in seconds[name]]  # per path-step
        rows[name] = {**moments, "path_steps_per_second": 1 / statistics.median(own), "best": 1 / min(own), "all": own}
    return rows


def exits(count: int, rounds: int, dtype: type) -> Row:
    sde = fpsim.SDE(landscapes.DoubleWell(), fpsim.ConstantDiffusion(0.1))
    leave = partial(exit_times, sde, -1.0, Point(0.0, -1.0), threads=1, dtype=dtype)
    leave(BLOCK, 0.01)
    answers, seconds = turns({str(seed): partial(leave, count, 0.01, seed) for seed in range(rounds)}, 1)
    mean, error = answers["0"].mean_and_error()
    rate = count / statistics.median(s for (s,) in seconds.values())
    return {"paths": count, "mean": mean, "standard_error": error, "exact": EXACT_EXIT, "exits_per_second": rate}


def memory(paths: int, steps: int) -> Row:
    """Peak memory of a process that keeps only the moments of an ensemble."""
    program = (
        "import resource, numpy as np, fpsim, landscapes\n"
        "sde = fpsim.SDE(landscapes.DoubleWell(), fpsim.ConstantDiffusion(0.25))\n"
        f"m = fpsim.simulate(sde, -1.0, {steps} * 1e-3, 1e-3, {paths}, keep='moments', dtype=np.float32)\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, float(m.variance[-1, 0]))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    peak, variance = map(float, done.stdout.split())
    return {"paths": paths, "steps": steps, "peak_megabytes": peak, "variance": variance}


def two_threads(rounds: int, paths: int) -> float | None:
    """Speed of two threads over one by the clock (needs two free cores)."""
    if len(CORES) < 2:
        return None
    os.sched_setaffinity(0, CORES)
    well, gains = landscapes.DoubleWell(), []
    for _ in range(rounds):
        spent = []
        for threads in (1, 2):
            began = time.perf_counter()
            ours(well, np.float32, paths, threads)
            spent.append(time.perf_counter() - began)
        gains.append(spent[0] / spent[1])
    os.sched_setaffinity(0, CORES[:1])
    return statistics.median(gains)


def measured(quick: bool, interpreter: str | None) -> dict[str, Any]:
    """All of it; ``interpreter`` is the rivals', with diffrax."""
    paths, rounds = (20_000, 3) if quick else (100_000, 7)
    well, ring = landscapes.DoubleWell(), landscapes.CoupledDoubleWells(10, coupling=0.5)
    one = {
        "fpsim float32": (paths, partial(ours, well, np.float32)),
        "fpsim float64": (paths, partial(ours, well, np.float64)),
        "plain numba float64": (paths // 10, plain_numba),
        "numpy float32": (paths // 10, partial(plain_numpy, 1, np.float32)),
        "numpy float64": (paths // 10, partial(plain_numpy, 1, np.float64)),
    }
    ten = {
        "fpsim float32": (paths // 10, partial(ours, ring, np.float32)),
        "fpsim float64": (paths // 10, partial(ours, ring, np.float64)),
        "numpy float32": (paths // 50, partial(plain_numpy, 10, np.float32)),
    }
    report: dict[str, Any] = {
        "memory": memory(paths * 10, 1000 if quick else 10_000),
        "double well": ensembles(one, rounds), "coupled wells": ensembles(ten, max(3, rounds // 2)),
        "exits": {np.dtype(d).name: exits(2 * paths // 5, 3, d) for d in (np.float32, np.float64)},
        "two threads over one": two_threads(3, paths),
        "diffrax": rival(interpreter, "rivals_diffrax.py", quick) if interpreter else None,
    }  # fmt: skip
    return {**report, "ratios": ratios(report)}


def ratios(report: dict[str, Any]) -> dict[str, float]:
    """fpsim's speed over the rivals'."""
    one, ten, found = report["double well"], report["coupled wells"], report["diffrax"]
    rates = {
        "float64 over plain numba": gain(one["plain numba float64"]["all"], one["fpsim float64"]["all"]),
        "float32 over plain numba float64": gain(one["plain numba float64"]["all"], one["fpsim float32"]["all"]),
        "float32 over numpy float32": gain(one["numpy float32"]["all"], one["fpsim float32"]["all"]),
        "ten dimensions, float32 over numpy float32": gain(ten["numpy float32"]["all"], ten["fpsim float32"]["all"]),
    }
    if found:
        speed = "path_steps_per_second"
        fast, left = one["fpsim float32"][speed], report["exits"]["float32"]["exits_per_second"]
        rates |= {
            "float32 over diffrax vmap float32": fast / found["double_well"][speed],
            "float32 over diffrax one-state float32": fast / found["double_well_one_state"][speed],
            "ten dimensions, float32 over diffrax": ten["fpsim float32"][speed] / found["coupled_wells"][speed],
            "exits float32 over diffrax events": left / found["exits"]["exits_per_second"],
        }
    return rates


def lines(report: dict[str, Any]) -> list[str]:
    """In words."""
    out = []
    for title in ("double well", "coupled wells"):
        out.append(f"{title}: path-steps per second (median; best)")
        for name, row in report[title].items():
            figures = f"{row['path_steps_per_second']:.3g}; {row['best']:.3g}"
            out.append(f"  {name:22s} {figures:22s} <x^2> = {row['mean_x2']:.4f}  <x^4> = {row['mean_x4']:.4f}")
    for name, row in report["exits"].items():
        mean = f"mean {row['mean']:.3f} +- {row['standard_error']:.3f} (exact {row['exact']:.3f})"
        out.append(f"exits per second, {name}: {row['exits_per_second']:.3g}   {mean}")
    kept = report["memory"]
    size = f"{kept['paths']:g} paths x {kept['steps']:g} steps"
    out.append(f"peak memory of {size}, moments kept: {kept['peak_megabytes']:.0f} MB")
    out.append(f"two threads over one by the clock: {report['two threads over one'] or math.nan:.2f}")
    return out + [f"  {name:46s} {value:.1f}" for name, value in report["ratios"].items()]
