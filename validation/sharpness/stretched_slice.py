"""The shipped slice between two minima of a ResNet in a stretched coordinate y = k x, and escapes over it:

    L_k(y) = L(y/k),    H -> H/k^2,    C1 -> C1/k^2,    y = k x at every step if SGD has eta k^2 there and eta here

A rescaling D of the network (`landscapes.networks.reparametrization`) stretches a line of direction e by k = |D e|.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, partial

import numpy as np

from fpsim.escape import EscapeProblem
from fpsim.sde.sde import SDE
from fpsim.sgd.minibatch import MiniBatchSGD, exit_iterations
from landscapes.catalogue.shipped import resnet_slice
from landscapes.examples.sampled import SampledLandscape
from validation.study.findings import Row, Rows

LEARNING_RATE = 1.0
"""Where the slice is not stretched."""


def stretched(factor: float) -> SampledLandscape:
    """The shipped slice in the coordinate k x: the losses of the slice that a rescaling D with |D e| = k makes."""
    land = resnet_slice()
    assert land.default_start is not None and land.default_target is not None
    start, target = (factor * float(p[0]) for p in (land.default_start, land.default_target))
    return SampledLandscape(factor * land.nodes, land.values, land.wall / factor**2, "stretched slice", start, target)


def escapes_over_stretches(stretches: Sequence[float], paths: int, seed: int, threads: int | None) -> Rows:
    """Iterations to escape over the stretched slice: exact for the SDE and the Gaussian chain, true mini-batches."""
    rows = []
    for k in stretches:
        land = stretched(k)
        start, target = float(land.default_start[0]), float(land.default_target[0])  # type: ignore[index]
        row: Row = {"k": float(k), "H": float(land.hessian(np.array([[start]]))[0, 0, 0])}
        exact = cache(partial(_exact, land, start, target))
        for name, rate in (("same eta", LEARNING_RATE), ("eta k^2", LEARNING_RATE * k**2)):
            row[f"eta H, {name}"] = rate * row["H"]
            row[f"SDE, {name}"], row[f"chain, {name}"] = exact(rate)
        mean, error = _batches(land, LEARNING_RATE * k**2, start, target, paths, seed, threads)
        rows.append({**row, "mini-batches, eta k^2": mean, "error": error})
    return rows


def _exact(land: SampledLandscape, start: float, target: float, rate: float) -> tuple[float, float]:
    """Iterations of the SDE and of its chain."""
    problem = EscapeProblem(SDE(land, MiniBatchSGD(land, rate, 1).noise()), start, target)
    return problem.by_quadrature().mean / rate, problem.by_chain().mean / rate


def _batches(
    land: SampledLandscape, rate: float, start: float, target: float, paths: int, seed: int, threads: int | None
) -> tuple[float, float]:
    sgd = MiniBatchSGD(land, learning_rate=rate, batch_size=1)
    return exit_iterations(sgd, start, target, paths, seed=seed, threads=threads).mean_and_error()
