"""The pieces of work that ``benchmarks/gpu.py`` times, each of which gives a row: speed, and a mean with its error."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

import fpsim
import landscapes
from fpsim.paths.ensembles import Moments
from fpsim.paths.exits import exit_times
from fpsim.paths.simulate import simulate
from fpsim.sgd.minibatch import MiniBatchSGD, simulate_batches
from fpsim.targets import Point
from landscapes.catalogue.example_losses import LogisticRegression, PerExampleDoubleWell

STEP, DIFFUSION = 1e-3, 0.25
TENSOR = [["0.4 + x**2/9", "x*y/9", "z/9"], ["x*y/9", "0.5 + y**2", "0.1"], ["z/9", "0.1", "0.3"]]
Row = dict[str, Any]


def timed(work: Callable[[int], Any], size: float, rounds: int) -> tuple[float, Any]:
    """Units per second in the median over calls ``work(seed)``, after one that compiles, and the last answer."""
    work(0)
    spent = []
    for seed in range(1, rounds + 1):
        began = time.perf_counter()
        found = work(seed)
        spent.append(time.perf_counter() - began)
    return size / statistics.median(spent), found


def wells(dimension: int) -> Any:
    """A ring of coupled double wells, or one of them."""
    place = landscapes.DoubleWell() if dimension == 1 else landscapes.CoupledDoubleWells(dimension, coupling=0.5)
    return fpsim.SDE(place, fpsim.ConstantDiffusion(DIFFUSION))


def tensor() -> Any:
    """Three coupled wells under a D(x) whose every entry depends on x or is there."""
    place = landscapes.CoupledDoubleWells(3, coupling=0.5)
    return fpsim.SDE(place, fpsim.DiffusionField.from_expression(TENSOR, "x y z"))


def moments(sde: Any, paths: int, steps: int, dtype: str, device: str, seed: int, fast: bool = False) -> Moments:
    """Moments after the last step."""
    found = simulate(
        sde, -np.ones(sde.dimension), steps * STEP, STEP, paths, save_every=steps, seed=seed, keep="moments",
        dtype=dtype, device=device, fast_math=fast,
    )  # fmt: skip
    assert isinstance(found, Moments)
    return found


def walk(sde: Any, paths: int, steps: int, dtype: str, device: str, rounds: int, fast: bool = False) -> Row:
    """Paths of which the moments are kept."""
    work = partial(moments, sde, paths, steps, dtype, device, fast=fast)
    speed, found = timed(work, float(paths) * steps, rounds)
    # E x^2 and its standard error from central moments
    mean, variance, third, fourth = (getattr(found, n)[-1, 0] for n in ("mean", "variance", "third", "fourth"))
    square = variance + mean**2
    spread = fourth + 4 * mean * third + 6 * mean**2 * variance + mean**4 - square**2
    error = math.sqrt(max(spread, 0.0) / paths)
    return {"paths": paths, "steps": steps, "path_steps_per_second": speed, "mean_x2": square, "error": error}


def leave(
    diffusion: float, step: float, paths: int, dtype: str, device: str, rounds: int, fast: bool = False
) -> Row:
    """Exits of the double well from -1 to the top, with the bridge."""
    sde = fpsim.SDE(landscapes.DoubleWell(), fpsim.ConstantDiffusion(diffusion))

    def work(seed: int) -> Any:
        return exit_times(sde, -1.0, Point(0.0, -1.0), paths, step, seed, dtype=dtype, device=device, fast_math=fast)

    speed, found = timed(work, float(paths), rounds)
    mean, error = found.mean_and_error()
    exact = fpsim.EscapeProblem(sde, -1.0, 0.0).by_quadrature().mean
    return {"paths": paths, "exits_per_second": speed, "mean": mean, "error": error, "exact": exact}


def batches(paths: int, iterations: int, device: str, rounds: int, **rule: Any) -> Row:
    """SGD with S = 8 on a logistic regression of 1000 examples; by another rule under a falling learning rate."""
    sgd = MiniBatchSGD(LogisticRegression.random(dimension=3, examples=1000, seed=1), 0.1, 8, **rule)
    plan: Row = {"learning_rate": fpsim.schedules.inverse_time(0.1, 100.0)} if rule else {}

    def work(seed: int) -> Any:
        return simulate_batches(
            sgd, np.zeros(3), iterations, paths, save_every=iterations, seed=seed, keep="moments", device=device, **plan
        )

    speed, found = timed(work, float(paths) * iterations, rounds)
    mean, error = float(found.mean[-1, 0]), math.sqrt(float(found.variance[-1, 0]) / paths)
    return {"paths": paths, "iterations_per_second": speed, "mean": mean, "error": error}


def splitting(diffusion: float, step: float, repetitions: int, particles: int, device: Any) -> Row:
    """A mean time that plain paths hardly reach; its standard error beside the quadrature's value."""
    noise = fpsim.ConstantDiffusion(diffusion)
    problem = fpsim.EscapeProblem(fpsim.SDE(landscapes.DoubleWell(), noise), -1.0, 0.0)
    options: Row = {"step": step, "step_bias": False, "device": device, "seed": 1}
    problem.by_splitting(**options, particles=min(particles, 64), repetitions=2)
    began = time.perf_counter()
    found = problem.by_splitting(**options, particles=particles, repetitions=repetitions)
    speed = repetitions * particles / (time.perf_counter() - began)
    exact = problem.by_quadrature().mean
    return {"particles_per_second": speed, "mean": found.mean, "error": found.standard_error, "exact": exact}


def twins(particles: int) -> dict[str, float]:
    """Differences between GPU and CPU with the same seed: of means by splitting, relative, and of paths."""
    well = fpsim.SDE(landscapes.DoubleWell(), fpsim.ConstantDiffusion(0.1))
    sgd = MiniBatchSGD(PerExampleDoubleWell(noise=2.0, examples=10, positive=5), 0.1, 3)
    unlike = MiniBatchSGD(sgd.landscape, 0.1, 3, "without-replacement")
    ways: dict[str, Callable[..., Any]] = {
        "splitting, paths": partial(fpsim.EscapeProblem(well, -1.0, -0.2).by_splitting, step=0.05, step_bias=False),
        "splitting, chain": partial(fpsim.split_iterations, fpsim.Chain(well.landscape, well.noise, 0.2), -1.0, -0.2),
        "splitting, draws": partial(fpsim.split_iterations, sgd, -1.0, -0.4),
        "splitting, batches": partial(fpsim.split_iterations, unlike, -1.0, -0.4),
    }
    found = {}
    for name, way in ways.items():
        cpu, gpu = (way(seed=2, repetitions=2, particles=particles, device=where).mean for where in ("cpu", "cuda"))
        found[name] = abs(gpu / cpu - 1)
    last: Row = {"paths": particles, "keep": "final"}
    by_rule = MiniBatchSGD(LogisticRegression.random(dimension=3, examples=20, seed=1), 0.1, 3, "isotropic", 0.5)
    paths: dict[str, Callable[..., Any]] = {
        "tensor in 3-D": partial(simulate, tensor(), -np.ones(3), 0.3, 0.01, **last),
        "isotropic noise": partial(simulate_batches, by_rule, np.zeros(3), 20, **last),
        "fast math": partial(simulate, wells(2), -np.ones(2), 0.3, 0.01, **last, dtype="float32"),
    }
    for name, way in paths.items():
        fast: Row = {"fast_math": True} if name == "fast math" else {}
        cpu, gpu = way(device="cpu"), way(device="cuda", **fast)
        found[name] = float(np.abs(gpu.x - cpu.x).max())
    return found


def torch_graph(paths: int, steps: int, rounds: int) -> Row:
    """The Euler-Maruyama step in torch, float32, ten of them recorded as one CUDA graph; without a card, called."""
    import torch

    there = torch.cuda.is_available()
    size = math.sqrt(2 * DIFFUSION * STEP)
    x = torch.full((paths,), -1.0, device="cuda" if there else "cpu")

    def ten() -> None:
        for _ in range(10):
            x.copy_(x + STEP * (x - x * x * x) + size * torch.randn_like(x))

    ten()
    replay = ten
    if there:
        torch.cuda.synchronize()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            ten()
        replay = graph.replay

    def work(seed: int) -> tuple[float, float]:
        torch.manual_seed(seed)
        x.fill_(-1.0)
        for _ in range(steps // 10):
            replay()
        squares = x.double() ** 2
        return float(squares.mean()), float(squares.std()) / math.sqrt(paths)

    speed, (square, error) = timed(work, float(paths) * steps, rounds)
    return {"paths": paths, "steps": steps, "path_steps_per_second": speed, "mean_x2": square, "error": error}


def growth(logarithms: range, dimensions: tuple[int, ...], steps: int, paths: int) -> Row:
    """Wall time by paths (of powers of two) and speed by dimension, float32, moments of the last step."""
    found: Row = {"seconds by log2 paths": {}, "coordinate-steps per second by d": {}, "first call by d": {}}
    for power in logarithms:
        speed, _ = timed(lambda seed, n=2**power: moments(wells(1), n, steps, "float32", "cuda", seed), 1.0, 3)
        found["seconds by log2 paths"][power] = 1 / speed
    for d in dimensions:
        began = time.perf_counter()
        moments(wells(d), paths, steps, "float32", "cuda", 0)
        found["first call by d"][d] = time.perf_counter() - began
        work = partial(moments, wells(d), paths, steps, "float32", "cuda")
        found["coordinate-steps per second by d"][d] = timed(work, float(paths) * steps * d, 3)[0]
    return found
