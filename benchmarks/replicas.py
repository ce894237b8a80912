"""Mini-batch gradients of many networks at once: the engines against a Python loop over replicas.

    ResNet-8 without normalisation on 8 x 8 digits, float32, R = 32 replicas, one thread

A step is the gradient of S examples for every replica and its own parameters, and the update.  The loop takes the same
torch code replica by replica (network, cross entropy, autograd, update in place) and none of its own overhead.  The
engines take turns, and a ratio is the median over the turns.  Beside it stands how far the gradients are apart.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from measuring import Row, gain
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


def measure(width: int, size: int, rounds: int, seconds: float) -> Row:
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
    row: Row = {"width": width, "parameters": found.dimension, "batch_size": size, "apart": apart}
    for name, values in times.items():
        row[f"{name}_ms_per_replica_step"] = 1e3 * statistics.median(values) / REPLICAS
    for name in engines:
        row[f"{name}_over_loop"] = gain(times["loop"], times[name])
    return row


def measured(quick: bool, interpreter: str | None) -> dict[str, Any]:
    """Rows, a width and batch size each; the rivals' interpreter is not wanted here."""
    torch.set_num_threads(1)
    rounds, seconds = (2, 0.1) if quick else (5, 0.4)
    rows = [measure(width, size, rounds, seconds) for width in WIDTHS for size in BATCHES]
    worst = min(row["compiled_over_loop"] for row in rows if row["batch_size"] <= 16)
    return {"replicas": REPLICAS, "turns": rounds, "rows": rows, "least up to 16 examples": worst}


def lines(report: dict[str, Any]) -> list[str]:
    """In words."""
    out = [f"ResNet-8 on 8 x 8 digits, {report['replicas']} replicas at once, float32: ms per replica and step"]
    for row in report["rows"]:
        speeds = "  ".join(
            f"{name} {row[f'{name}_ms_per_replica_step']:.3f} ({row[f'{name}_over_loop']:.1f}x)" for name in ENGINES
        )
        out.append(
            f"  width {row['width']} S {row['batch_size']:2d}: loop {row['loop_ms_per_replica_step']:.3f}  {speeds}"
            f"   gradients {row['apart']:.1e} apart"
        )
    least = report["least up to 16 examples"]
    return [*out, f"least up to 16 examples: compiled {least:.1f} times the loop; wanted {REQUIRED:g}"]
