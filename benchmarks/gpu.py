"""Path-steps, exits and iterations per second on an NVIDIA GPU: fpsim against diffrax, torch and the CPU beside it.

    double well     dx = (x - x^3) dt + sqrt(2 D) dW,  D = 0.25, dt = 1e-3, 2000 steps, 2^22 paths from -1
    coupled wells   a ring of 10 double wells, k = 0.5, same noise, 1000 steps, 2^20 paths
    exits           the double well with D = 0.1, dt = 0.01, from -1 until x >= 0, 4e6 paths
    mini-batches    SGD on a logistic regression in 3 dimensions, 1000 examples, S = 8, 200 iterations, 2^20 paths
    tensor          three coupled wells under a full D(x), 500 steps, 2^20 paths
    splitting       the double well with D = 0.03, dt = 0.01, from -1 until x >= 0: 16 repetitions of 4096 particles

What is as new as splitting is first held against the CPU with the same seed, at a small size.
A figure is the wall time of a whole call, moments or exits on the host included, after one that compiles; the median
of some.  Every one stands beside a moment or mean, and moments that should be equal are held against each other.
diffrax runs the documented way (one solve per path under vmap), torch its step recorded as a CUDA graph.

    python benchmarks/gpu.py [--quick] [--output FILE.json]
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
from functools import partial
from pathlib import Path
from typing import Any

import numba
import numpy as np

import fpsim
import landscapes
from fpsim.cuda.device import gpu_name, require_gpu
from fpsim.paths.ensembles import Moments
from fpsim.paths.exits import exit_times
from fpsim.paths.simulate import simulate
from fpsim.sgd.minibatch import MiniBatchSGD, simulate_batches
from fpsim.targets import Point
from landscapes.catalogue.example_losses import LogisticRegression, PerExampleDoubleWell

STEP, DIFFUSION = 1e-3, 0.25
EXACT_EXIT = 30.8213024727
BOTH = {"fpsim": "cuda", "fpsim, all cores": "cpu"}
HERE = Path(__file__).parent
Row = dict[str, Any]


def timed(work: Callable[[int], Any], size: float, rounds: int) -> tuple[float, Any]:
    """Units per second in the median over calls ``work(seed)``, and the last answer."""
    work(0)
    spent = []
    for seed in range(1, rounds + 1):
        began = time.perf_counter()
        found = work(seed)
        spent.append(time.perf_counter() - began)
    return size / statistics.median(spent), found


def walk(landscape: Any, paths: int, steps: int, dtype: str, device: str, rounds: int) -> Row:
    """Paths of which the moments are kept, on a landscape or of an SDE."""
    given = isinstance(landscape, fpsim.SDE)
    sde = landscape if given else fpsim.SDE(landscape, fpsim.ConstantDiffusion(DIFFUSION))
    d = sde.dimension

    def work(seed: int) -> Any:
        return simulate(
            sde, -np.ones(d), steps * STEP, STEP, paths, save_every=steps, seed=seed, keep="moments", dtype=dtype,
            device=device,
        )  # fmt: skip

    speed, found = timed(work, float(paths) * steps, rounds)
    assert isinstance(found, Moments)
    # E x^2 and its standard error from central moments
    mean, variance, third, fourth = (getattr(found, n)[-1, 0] for n in ("mean", "variance", "third", "fourth"))
    square = variance + mean**2
    spread = fourth + 4 * mean * third + 6 * mean**2 * variance + mean**4 - square**2
    error = math.sqrt(max(spread, 0.0) / paths)
    return {"paths": paths, "steps": steps, "path_steps_per_second": speed, "mean_x2": square, "error": error}


def leave(paths: int, dtype: str, device: str, rounds: int) -> Row:
    sde = fpsim.SDE(landscapes.DoubleWell(), fpsim.ConstantDiffusion(0.1))

    def work(seed: int) -> Any:
        return exit_times(sde, -1.0, Point(0.0, -1.0), paths, 0.01, seed, dtype=dtype, device=device)

    speed, found = timed(work, float(paths), rounds)
    mean, error = found.mean_and_error()
    return {"paths": paths, "exits_per_second": speed, "mean": mean, "error": error, "exact": EXACT_EXIT}


def batches(paths: int, device: str, rounds: int) -> Row:
    loss = LogisticRegression.random(dimension=3, examples=1000, seed=1)
    sgd, iterations = MiniBatchSGD(loss, 0.1, 8), 200

    def work(seed: int) -> Any:
        return simulate_batches(
            sgd, np.zeros(3), iterations, paths, save_every=iterations, seed=seed, keep="moments", device=device
        )

    speed, found = timed(work, float(paths) * iterations, rounds)
    mean, error = float(found.mean[-1, 0]), math.sqrt(float(found.variance[-1, 0]) / paths)
    return {"paths": paths, "iterations_per_second": speed, "mean": mean, "error": error}


TENSOR = [["0.4 + x**2/9", "x*y/9", "z/9"], ["x*y/9", "0.5 + y**2", "0.1"], ["z/9", "0.1", "0.3"]]


def splitting(particles: int, device: Any) -> Row:
    """A mean time that plain paths hardly reach; its standard error beside the quadrature's value."""
    problem = fpsim.EscapeProblem(fpsim.SDE(landscapes.DoubleWell(), fpsim.ConstantDiffusion(0.03)), -1.0, 0.0)
    options: Row = {"repetitions": 16, "particles": particles, "step": 0.01, "step_bias": False, "device": device}
    problem.by_splitting(seed=1, **options | {"particles": 64, "repetitions": 2})
    began = time.perf_counter()
    found = problem.by_splitting(seed=1, **options)
    speed = 16 * particles / (time.perf_counter() - began)
    exact = problem.by_quadrature().mean
    return {"particles_per_second": speed, "mean": found.mean, "error": found.standard_error, "exact": exact}


def twins(particles: int = 256) -> dict[str, float]:
    """Relative differences between GPU and CPU with the same seed, of means by splitting and of tensors' paths."""
    well = fpsim.SDE(landscapes.DoubleWell(), fpsim.ConstantDiffusion(0.1))
    plain = PerExampleDoubleWell(noise=2.0, examples=10, positive=5)
    ways: dict[str, Callable[..., Any]] = {
        "splitting, paths": partial(fpsim.EscapeProblem(well, -1.0, 0.5).by_splitting, step=0.02, step_bias=False),
        "splitting, chain": partial(fpsim.split_iterations, fpsim.Chain(well.landscape, well.noise, 0.2), -1.0, 0.5),
        "splitting, draws": partial(fpsim.split_iterations, MiniBatchSGD(plain, 0.1, 3), -1.0, 0.4),
        "splitting, batches": partial(
            fpsim.split_iterations, MiniBatchSGD(plain, 0.1, 3, "without-replacement"), -1.0, 0.4
        ),
    }
    found = {}
    for name, way in ways.items():
        cpu, gpu = (way(seed=2, repetitions=4, particles=particles, device=where).mean for where in ("cpu", "cuda"))
        found[name] = abs(gpu / cpu - 1)
    cpu, gpu = (
        simulate(tensor(), -np.ones(3), 0.3, 0.01, particles, keep="final", device=where) for where in ("cpu", "cuda")
    )
    return found | {"tensor in 3-D": float(np.abs(gpu.x - cpu.x).max())}


def tensor() -> Any:
    """Three coupled wells under a D(x) whose every entry depends on x or is there."""
    place = landscapes.CoupledDoubleWells(3, coupling=0.5)
    return fpsim.SDE(place, fpsim.DiffusionField.from_expression(TENSOR, "x y z"))


def torch_graph(paths: int, steps: int, rounds: int) -> Row:
    """The Euler-Maruyama step in torch, ten of them recorded as one CUDA graph, float32."""
    import torch

    size = math.sqrt(2 * DIFFUSION * STEP)
    x = torch.full((paths,), -1.0, device="cuda")

    def ten() -> None:
        for _ in range(10):
            x.copy_(x + STEP * (x - x * x * x) + size * torch.randn_like(x))

    ten()
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        ten()

    def work(seed: int) -> tuple[float, float]:
        torch.manual_seed(seed)
        x.fill_(-1.0)
        for _ in range(steps // 10):
            graph.replay()
        squares = x.double() ** 2
        return float(squares.mean()), float(squares.std()) / math.sqrt(paths)

    speed, (square, error) = timed(work, float(paths) * steps, rounds)
    return {"paths": paths, "steps": steps, "path_steps_per_second": speed, "mean_x2": square, "error": error}


def diffrax(quick: bool) -> Row:
    """The documented way, in a process of its own."""
    command = [sys.executable, str(HERE / "rivals_diffrax.py"), "--gpu", *(["--quick"] if quick else [])]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        return {"failed": done.stderr.strip()[-400:]}
    return dict(json.loads(done.stdout))


def agree(rows: dict[str, Row], quantity: str) -> None:
    """End the program unless the same moment by different tools is equal within five standard errors."""
    names = [name for name, row in rows.items() if quantity in row]
    for name in names[1:]:
        one, two = rows[names[0]], rows[name]
        gap, error = abs(one[quantity] - two[quantity]), math.hypot(one["error"], two["error"])
        if gap > 5 * error:
            sys.exit(f"{quantity} of {names[0]} and {name} are {gap:.3g} apart, with an error of {error:.3g}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="smaller ensembles, fewer turns")
    parser.add_argument("--output", type=Path, default=HERE / "results" / "gpu.json")
    options = parser.parse_args()
    require_gpu()
    part, rounds = (2**-8, 1) if options.quick else (1.0, 5)
    paths, ring = int(2**22 * part), int(2**20 * part)
    well, ten = landscapes.DoubleWell(), landscapes.CoupledDoubleWells(10, coupling=0.5)
    alike = twins()
    for name, gap in alike.items():
        print(f"{name:24s} GPU and CPU differ by {gap:.1e}")
    report: Row = {
        "twins": alike,
        "machine": {"gpu": gpu_name(), "cpu": _cpu(), "cores": _cores(), "python": platform.python_version()},
        "versions": {"fpsim": fpsim.__version__, "numpy": np.__version__, "numba": numba.__version__},
    }
    one, wide, exits = {}, {}, {}
    for dtype in ("float32", "float64"):
        one[f"fpsim {dtype}"] = walk(well, paths, 2000, dtype, "cuda", rounds)
        wide[f"fpsim {dtype}"] = walk(ten, ring, 1000, dtype, "cuda", rounds)
        exits[f"fpsim {dtype}"] = leave(int(4e6 * part), dtype, "cuda", rounds)
        one[f"fpsim {dtype}, all cores"] = walk(well, paths // 8, 2000, dtype, "cpu", 1)
        wide[f"fpsim {dtype}, all cores"] = walk(ten, ring // 8, 1000, dtype, "cpu", 1)
        exits[f"fpsim {dtype}, all cores"] = leave(int(4e5 * part), dtype, "cpu", 1)
    sgd = {"fpsim": batches(int(2**20 * part), "cuda", rounds), "fpsim, all cores": batches(ring // 8, "cpu", 1)}
    full = {"fpsim": walk(tensor(), ring, 500, "float64", "cuda", rounds)}
    full["fpsim, all cores"] = walk(tensor(), ring // 16, 500, "float64", "cpu", 1)
    rare = {name: splitting(int(4096 * max(part, 2**-5)), where) for name, where in BOTH.items()}
    try:
        one["torch graph float32"] = torch_graph(paths, 2000, rounds)
    except ImportError:
        print("torch is not installed: left out")
    rival = diffrax(options.quick)
    if "failed" in rival:
        print(f"diffrax left out: {rival['failed']}")
    else:
        names = "double_well", "double_well_one_state", "coupled_wells", "exits"
        tables = one, one, wide, exits
        for name, table in zip(names, tables, strict=True):
            row = rival[name]
            table["diffrax one state float32" if "state" in name else "diffrax float32"] = row
            row["error"] = row.get("standard_error_x2", row.get("standard_error"))
    report |= {"double well": one, "coupled wells": wide, "exits": exits, "mini-batches": sgd}
    report |= {"tensor": full, "splitting": rare}
    report["ratios"] = _ratios(report)
    _print(report)
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(json.dumps(report, indent=2) + "\n")
    print(f"wrote {options.output}")
    one_step = {name: row for name, row in one.items() if row.get("steps") == 2000}
    for table, quantity in ((one_step, "mean_x2"), (sgd, "mean"), (full, "mean_x2"), (rare, "mean")):
        agree(table, quantity)
    agree({name: row for name, row in exits.items() if name.startswith("fpsim")}, "mean")
    agree({name: row for name, row in wide.items() if name.startswith("fpsim")}, "mean_x2")


def _ratios(report: Row) -> dict[str, float]:
    """fpsim on the GPU over every rival, table by table."""
    found = {}
    for title, quantity in _TABLES.items():
        rows = report[title]
        best = rows.get("fpsim float32", rows.get("fpsim"))[quantity]
        for name, row in rows.items():
            if name not in ("fpsim float32", "fpsim"):
                found[f"{title}: fpsim {'float32 ' if 'fpsim float32' in rows else ''}over {name}"] = (
                    best / row[quantity]
                )
    return found


_TABLES = {
    "double well": "path_steps_per_second", "coupled wells": "path_steps_per_second", "exits": "exits_per_second",
    "mini-batches": "iterations_per_second", "tensor": "path_steps_per_second", "splitting": "particles_per_second",
}  # fmt: skip


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


if __name__ == "__main__":
    main()
