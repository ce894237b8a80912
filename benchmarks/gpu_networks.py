"""SGD in all 39 parameters of a ResNet on an NVIDIA GPU: is it the CPU's, how fast is it, and when does it leave?

    agreement   places after 400 iterations or at the exit before, GPU against CPU, mini-batches in both precisions and
                Gaussian noise with momentum; paths and exits under a tensor D(x) in three dimensions
    speed       replica-steps per second, S = 3, by replicas and precision, beside the CPU's cores
    torch       the same by torch, as for layers that no kernel knows: one step recorded as a CUDA graph, and without;
                the residual network side by side, and a perceptron with a layer norm under vmap; against the CPU too
    times       1/rate beyond 10 000 iterations for weight decay 0.04 (S = 3, 4, 5, 6) and 0.05 (S = 6, 8, 10), float64

The place is the one that ships (`landscapes.mirror.mirror_resnet`), the target the half-space beyond its twin minimum.
Results go to one JSON file, exit times to an npz beside it, as soon as they are there.  It fails if a part did, or
if GPU and CPU differ by more than rounding.  --quick takes one size of everything.

    python benchmarks/gpu_networks.py [--quick] [--seconds 60] [--seed 1] [--no-cpu] [--output FILE.json]
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
import traceback
import warnings
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch

import fpsim
from fpsim.cuda.device import gpu_name, multiprocessors, require_gpu, simulated
from fpsim.networks.advance import advance
from fpsim.networks.replicas import Engine, Replicas
from fpsim.networks.sgd import NetworkSGD
from fpsim.paths.exits import exit_times
from landscapes import CoupledDoubleWells
from landscapes.mirror.shipped import mirror_resnet
from landscapes.networks.landscape import NeuralLandscape

RATE, LAG = 0.04, 10_000
TIMES = (
    (0.04, 3, 1.0), (0.04, 4, 2.0), (0.04, 5, 5.0), (0.04, 6, 3.0), (0.05, 6, 1.0), (0.05, 8, 2.0), (0.05, 10, 5.0),
)  # fmt: skip
"""Weight decay, batch size, share of the seconds."""
TENSOR = [["0.4 + x**2/9", "x*y/9", "z/9"], ["x*y/9", "0.5 + y**2", "0.1"], ["z/9", "0.1", "0.3"]]
RUNS = (
    ("with-replacement", 0.0, "float64", 512, 400), ("with-replacement", 0.0, "float32", 512, 400),
    ("gaussian", 0.5, "float64", 32, 40),
)  # fmt: skip
"""Law, momentum, precision, replicas, iterations whose GPU and CPU runs are compared."""
REPLICAS = (64, 128, 256, 512) if not simulated() else (1,)
"""Per multiprocessor."""
APART = {"float64": 1e-9, "float32": 1e-3}
"""Largest difference between GPU and CPU; most are a thousandth of it."""
Row = dict[str, Any]


def sgd_of(decay: float, size: float, sampling: str = "with-replacement", momentum: float = 0.0) -> Any:
    return fpsim.MiniBatchSGD(mirror_resnet(decay).landscape, RATE, size, sampling, momentum)


def agreement() -> Row:
    """Largest difference of exit points, and how many exits are the same, out of some replicas."""
    place, found, short = mirror_resnet(0.04), {}, simulated()
    goal = fpsim.HalfSpace(place.direction, float(place.minimum @ place.direction) + 0.05)
    for law, momentum, dtype, many, long in RUNS:
        sgd, count, steps = sgd_of(0.04, 3, law, momentum), 2 if short else many, 8 if short else long
        sides = [
            fpsim.exit_iterations(sgd, place.minimum, goal, count, seed=3, horizon=steps, dtype=dtype, device=device)
            for device in ("cpu", "cuda")
        ]
        same = sides[0].times == sides[1].times
        found[f"{law}, momentum {momentum}, {dtype}"] = {
            "replicas": count, "exits": int((~sides[1].censored).sum()), "same": int(same.sum()),
            "difference": float(np.abs(sides[0].places - sides[1].places)[same].max()),
        }  # fmt: skip
    return found


def tensors() -> Row:
    """A full tensor D(x) in three dimensions."""
    noise, n = fpsim.DiffusionField.from_expression(TENSOR, "x y z"), 4 if simulated() else 4096
    sde, start = fpsim.SDE(CoupledDoubleWells(3), noise), [-1.0, -0.5, 0.2]
    found: Row = {}
    for dtype in ("float64", "float32"):
        own: Row = {"seed": 5, "dtype": dtype}
        walks = [fpsim.simulate(sde, start, 0.5, 0.01, n, keep="final", device=d, **own).x for d in ("cpu", "cuda")]
        goal = fpsim.Ball((0.8, 0.8, 0.8), 0.6)
        outs = [exit_times(sde, start, goal, n, 0.01, horizon=1.0, device=d, **own) for d in ("cpu", "cuda")]
        same = np.abs(outs[0].times - outs[1].times) < 1e-4
        found[dtype] = {
            "paths": n, "difference": float(np.abs(walks[0] - walks[1]).max()), "exits": int(outs[1].exits.size),
            "same": int(same.sum()),
        }  # fmt: skip
    return found


def speed(per: int, dtype: str) -> Row:
    """Steps per second of replicas that stay; the second of two runs, the first of which compiles."""
    place, replicas = mirror_resnet(0.04), per * multiprocessors()
    goal, steps = fpsim.HalfSpace(*place.target), 8 if simulated() else 4000
    spent = []
    for seed in (1, 2):
        began = time.perf_counter()
        fpsim.exit_iterations(
            sgd_of(0.04, 3), place.minimum, goal, replicas, seed, horizon=steps, dtype=dtype, device="cuda"
        )
        spent.append(time.perf_counter() - began)
    return {"replicas": replicas, "dtype": dtype, "steps_per_second": replicas * steps / spent[1], "first": spent[0]}


def cores() -> Row:
    """The CPU's."""
    place, count = mirror_resnet(0.04), len(os.sched_getaffinity(0))
    goal, replicas, steps = fpsim.HalfSpace(*place.target), 512 * count, 2000
    spent = []
    for seed in (1, 2):
        began = time.perf_counter()
        fpsim.exit_iterations(sgd_of(0.04, 3), place.minimum, goal, replicas, seed, horizon=steps, threads=count)
        spent.append(time.perf_counter() - began)
    return {"cores": count, "steps_per_second": replicas * steps / spent[1]}


def in_torch(name: str, dtype: str) -> Row:
    """Steps per second in torch, recorded and kernel by kernel, and how far places are from the CPU's."""
    given, there = mirror_resnet(0.04).landscape, "cuda" if torch.cuda.is_available() else "cpu"
    engine: Engine = "grouped" if name == "residual" else "vmap"
    network = given.network if name == "residual" else normed()
    sides = [
        NeuralLandscape(network, given.inputs, given.labels, weight_decay=0.04, dtype=dtype, device=device)
        for device in ("cpu", there)
    ]
    walks = [NetworkSGD(one, RATE, 3, "with-replacement", one.initial) for one in sides]
    few, many, steps = (4, 8, 8) if simulated() else (64, 8192, 512)
    places = [taken(sgd, Replicas(sgd.landscape, engine), few, 40)[0] for sgd in walks]
    row: Row = {"device": there, "replicas": many, "parameters": sides[0].dimension, "dtype": dtype}
    row["difference"] = float(np.abs(places[0] - places[1]).max())
    for way in ("recorded", "kernel by kernel"):
        replicas = Replicas(sides[1], engine)
        taken(walks[1], replicas, many, 8)
        if way != "recorded":
            for march in replicas.kept:
                march.step = march.by_kernels
        row[f"steps_per_second, {way}"] = many * steps / taken(walks[1], replicas, many, steps)[1]
    return row


def taken(sgd: NetworkSGD, replicas: Replicas, count: int, steps: int) -> tuple[Any, float]:
    """Places after some steps, and the seconds they took."""
    began = time.perf_counter()
    x, _ = advance(sgd, replicas, np.tile(sgd.start, (count, 1)), np.arange(count), 0, steps, seed=1)
    return x, time.perf_counter() - began


def normed() -> Any:
    """A perceptron whose layer norm no kernel knows."""
    torch.manual_seed(0)
    layers = torch.nn.Flatten(), torch.nn.Linear(64, 2), torch.nn.LayerNorm(2), torch.nn.Tanh(), torch.nn.Linear(2, 1)
    return torch.nn.Sequential(*layers).eval()


def left(decay: float, size: int, seconds: float, replicas: int, seed: int, store: Path) -> Row:
    """1/rate beyond the lag; times of all replicas are stored."""
    place = mirror_resnet(decay)
    sample = fpsim.exit_iterations(
        sgd_of(decay, size), place.minimum, fpsim.HalfSpace(*place.target), replicas, seed, deadline=seconds,
        device="cuda", **({"horizon": 40} if simulated() else {}),
    )  # fmt: skip
    np.savez_compressed(store, times=sample.times, censored=sample.censored, horizon=sample.horizon)
    row: Row = {"decay": decay, "batch_size": size, "replicas": replicas, "seed": seed}
    row |= {"horizon": float(sample.horizon), "exits_in_all": int(sample.exits.size)}
    row["at_risk_in_all"] = float(sample.times.sum())
    try:
        found = fpsim.settled_time(sample, LAG)
    except ValueError as error:
        return {**row, "none": str(error)}
    facts = {name: found.settings[name] for name in ("exits", "exits before the lag", "at risk", "95 % interval")}
    checks = {a.key: [bool(a.holds), a.detail] for a in found.assumptions}
    return {**row, "iterations": found.mean, "error": found.standard_error, **facts, "checks": checks}


def best_replicas(rows: list[Row], seconds: float) -> int:
    """How many replicas have the most time at risk beyond the lag within some seconds."""
    def beyond(row: Row) -> float:
        reached = row["steps_per_second"] * seconds / row["replicas"]
        return float(row["replicas"] * max(reached - LAG, 0.0))

    return int(max(rows, key=beyond)["replicas"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="one size, ten seconds of exits")
    parser.add_argument("--seconds", type=float, default=60.0, help="of exits")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--no-cpu", action="store_true", help="leave out what needs kernels compiled for the CPU")
    parser.add_argument("--output", type=Path, default=Path("gpu_networks.json"))
    given = parser.parse_args()
    require_gpu()
    if simulated():  # numpy's scalars warn where integers of a kernel wrap around
        warnings.simplefilter("ignore")
    sizes, times, kinds = REPLICAS, TIMES, list(product(("residual", "layer norm"), APART))
    if given.quick:
        sizes, times, kinds, given.seconds = REPLICAS[2:3] or REPLICAS, TIMES[:1], [kinds[1], kinds[2]], 10.0
    report: Row = {"gpu": gpu_name(), "began": time.strftime("%Y-%m-%d %H:%M")}
    began = time.perf_counter()

    def step(name: str, work: Callable[[], Any]) -> Any:
        try:
            report[name] = work()
        except Exception:  # the rest is worth having
            report[name] = {"failed": traceback.format_exc()}
        report["seconds"] = time.perf_counter() - began
        given.output.write_text(json.dumps(report, indent=1))
        print(f"[{report['seconds']:6.1f} s] {name}: {json.dumps(report[name])[:600]}", flush=True)
        return report[name]

    rows = []
    for per in sizes:
        rows.append(step(f"speed float64, {per} a multiprocessor", lambda per=per: speed(per, "float64")))
    sound = [row for row in rows if "failed" not in row]
    total = sum(share for *_, share in times)
    for k, (decay, size, share) in enumerate(times):
        seconds, store = given.seconds * share / total, given.output.with_name(f"times-{decay:g}-{size}.npz")
        replicas = best_replicas(sound, seconds) if sound else 8192
        work = lambda d=decay, s=size, t=seconds, r=replicas, p=store, k=k: left(d, s, t, r, given.seed + 1000 * k, p)  # noqa: E731
        step(f"times: decay {decay:g}, S = {size}", work)
    for per in sizes[1:3]:
        step(f"speed float32, {per} a multiprocessor", lambda per=per: speed(per, "float32"))
    for name, dtype in kinds:
        step(f"torch {name} {dtype}", lambda name=name, dtype=dtype: in_torch(name, dtype))
    if not given.no_cpu:
        step("agreement", agreement)
        step("tensors", tensors)
        if not simulated() and not given.quick:
            step("cores", cores)
    if wrong := [name for name, row in report.items() if isinstance(row, dict) and not sound_row(row, name)]:
        sys.exit(f"failed, or not the CPU's: {', '.join(wrong)}")


def sound_row(row: Row, name: str) -> bool:
    """Whether a row holds no failure, and no difference beyond rounding."""
    own = row.get("difference", 0.0) <= APART["float32" if "float32" in name else "float64"]
    return "failed" not in row and own and all(sound_row(r, key) for key, r in row.items() if isinstance(r, dict))


if __name__ == "__main__":
    main()
