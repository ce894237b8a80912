"""Mini-batch gradients of many networks at once: the three engines against a Python loop over replicas.

    ResNet-8 without normalisation on 8 x 8 digits, float32, R = 32 replicas, one thread

A step is the gradient of S examples for every replica and its own parameters, and the update.  The loop takes the same
torch code replica by replica (network, cross entropy, autograd, update in place) and none of its own overhead.  The
engines take turns, and a ratio is the median over the turns.  Beside it stands how far the gradients are apart.

    python benchmarks/replicas.py [--quick] [--output FILE.json]
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {sorted(os.sched_getaffinity(0))[0]})
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
from torch import nn

from fpsim.networks.replicas import Replicas
from landscapes.networks.architectures import resnet
from landscapes.networks.images import digits
from landscapes.networks.landscape import NeuralLandscape

REPLICAS, RATE, WEIGHT_DECAY = 32, 0.01, 1e-2
WIDTHS, BATCHES = (1, 2, 4), (1, 4, 16, 64)
ENGINES = ("compiled", "grouped", "vmap")
REQUIRED = 10.0  # compiled over the loop at S <= 16


def landscape(width: int) -> NeuralLandscape:
    data = digits().subset(512, 1).standardized()
    network = resnet(8, width, seed=0)
    return NeuralLandscape(network, data.images, data.labels, weight_decay=WEIGHT_DECAY, dtype="float32")


class Loop:
    """R networks of torch, one after the other."""

    def __init__(self, found: NeuralLandscape, x: np.ndarray) -> None:
        self.found = found
        self.networks = [resnet(8, found.network.stem[0].out_channels) for _ in range(len(x))]
        for network, point in zip(self.networks, x, strict=True):
            nn.utils.vector_to_parameters(torch.as_tensor(point, dtype=torch.float32), network.parameters())

    def gradients(self, picks: np.ndarray) -> list[Any]:
        found = []
        for network, row in zip(self.networks, torch.as_tensor(picks), strict=True):
            outputs = network(self.found.inputs[row])
            loss = nn.functional.cross_entropy(outputs, self.found.labels[row])
            found.append(torch.autograd.grad(loss, list(network.parameters())))
        return found

    def step(self, picks: np.ndarray) -> None:
        for network, slopes in zip(self.networks, self.gradients(picks), strict=True):
            parameters = list(network.parameters())
            with torch.no_grad():
                torch._foreach_mul_(parameters, 1 - RATE * WEIGHT_DECAY)
                torch._foreach_add_(parameters, slopes, alpha=-RATE)


def measure(width: int, size: int, rounds: int, seconds: float) -> dict[str, Any]:
    found, draws = landscape(width), np.random.default_rng(0)
    x = found.initial + 0.01 * draws.normal(size=(REPLICAS, found.dimension))
    picks, weights = draws.integers(0, 512, (REPLICAS, size)), np.full((REPLICAS, size), 1 / size)
    loop, engines = Loop(found, x), {name: Replicas(found, name) for name in ENGINES}
    reference = np.stack([torch.cat([g.flatten() for g in one]).numpy() for one in loop.gradients(picks)])
    reference = reference + WEIGHT_DECAY * x
    apart = max(float(np.abs(e.weighted_gradients(x, picks, weights) - reference).max()) for e in engines.values())
    places = {name: x.copy() for name in engines}

    def stepper(name: str) -> Callable[[], None]:
        def step() -> None:
            places[name] -= RATE * engines[name].weighted_gradients(places[name], picks, weights)

        return step

    contestants = {"loop": lambda: loop.step(picks), **{name: stepper(name) for name in engines}}
    times: dict[str, list[float]] = {name: [] for name in contestants}
    for turn in range(rounds + 1):
        for name, step in contestants.items():
            began, count = time.process_time(), 0
            while time.process_time() - began < seconds or count < 2:
                step()
                count += 1
            if turn:  # the first turn warms up
                times[name].append((time.process_time() - began) / count)
    row: dict[str, Any] = {"width": width, "parameters": found.dimension, "batch_size": size, "apart": apart}
    for name, values in times.items():
        row[f"{name}_ms_per_replica_step"] = 1e3 * statistics.median(values) / REPLICAS
        row[f"{name}_replica_steps_per_second"] = REPLICAS / statistics.median(values)
    for name in engines:
        row[f"{name}_over_loop"] = statistics.median(a / b for a, b in zip(times["loop"], times[name], strict=True))
    return row


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="fewer and shorter turns")
    parser.add_argument("--output", type=Path, help="JSON file for the figures")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    rounds, seconds = (2, 0.1) if chosen.quick else (5, 0.5)
    print(f"ResNet-8 on 8 x 8 digits, R = {REPLICAS}, float32, processor time, torch {torch.__version__}, one thread")
    rows = []
    for width in WIDTHS:
        for size in BATCHES:
            row = measure(width, size, rounds, seconds)
            rows.append(row)
            speeds = "  ".join(
                f"{name} {row[f'{name}_ms_per_replica_step']:.3f} ({row[f'{name}_over_loop']:.1f}x)" for name in ENGINES
            )
            print(
                f"width {width} S {size:2d}: ms per replica-step  loop {row['loop_ms_per_replica_step']:.3f}  {speeds}"
                f"   gradients {row['apart']:.1e} apart",
                flush=True,
            )
    worst = min(row["compiled_over_loop"] for row in rows if row["batch_size"] <= 16)
    print(f"least at S <= 16: compiled {worst:.1f}x the loop; wanted {REQUIRED:g}x")
    if chosen.output:
        facts = {"machine": platform.processor() or platform.machine(), "torch": torch.__version__, "rows": rows}
        chosen.output.write_text(json.dumps(facts, indent=1))
    return 0 if worst >= REQUIRED else 1


if __name__ == "__main__":
    sys.exit(main())
