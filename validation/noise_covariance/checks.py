"""Checks beside the study of noise covariance: real mini-batches, the errors themselves, and a slice of a ResNet.

    covariance of a mini-batch's mean gradient = C1/S,      times (1 - S/m) m/(m - 1) if drawn without replacement

Along a slice C1 and H are numbers, and C1/|H| has an error by leaving out groups of examples.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from landscapes.catalogue.shipped import resnet_slice
from validation.noise_covariance import regressions
from validation.noise_covariance.directions import Array, jackknife

if TYPE_CHECKING:
    import xarray

Row = dict[str, Any]
BATCHES = (1, 8, 64)


def scores_of_errors(repetitions: int, seed: int) -> list[Row]:
    """Are the errors right?  z-scores of C_ii - H_ii over many data sets whose model is right."""
    rows = []
    for name, make in (("linear", regressions.linear), ("logistic", regressions.logistic)):
        z = []
        for n in range(repetitions):
            found, _, errors = make(1000, 4, seed + 1000 + n).directions()
            z.append((np.diag(found.covariance) - found.hessian) / errors[0])
        values = np.array(z)
        rows.append(
            {
                "model": name, "data sets": repetitions, "mean z": float(values.mean()),
                "rms z": float(np.sqrt(np.mean(values**2))), "largest |z|": float(np.abs(values).max()),
            }
        )  # fmt: skip
    return rows


def batch_covariances(dimension: int, seed: int, examples: int = 256, draws: int = 4000) -> list[Row]:
    """The covariance of real mini-batches, with and without replacement, over C1/S times its finite-sample factor."""
    data = regressions.linear(examples, dimension, seed)
    g = data.gradients(data.optimum())
    random = np.random.default_rng([seed, 5])
    rows = []
    for replacement in (True, False):
        for s in BATCHES:
            factor = 1.0 if replacement else (1 - s / examples) * examples / (examples - 1)
            order = random.integers(0, examples, (draws, s))
            if not replacement:
                order = np.argsort(random.random((draws, examples)), axis=1)[:, :s]
            size = np.sum((g[order].mean(axis=1) - g.mean(axis=0)) ** 2, axis=1)  # trace of the covariance, one draw
            expected = factor * g.var(axis=0).sum() / s
            rows.append(
                {
                    "S": s, "drawn": "with replacement" if replacement else "without", "factor": factor,
                    "tr C / (factor tr C1 / S)": float(size.mean() / expected),
                    "error": float(size.std(ddof=1) / np.sqrt(draws) / expected),
                }
            )  # fmt: skip
    return rows


def noise_on_slice(nodes: int) -> xarray.Dataset:
    """L, C1, H and C1/|H| along the slice, between its minima and a little beyond."""
    from fpsim.storage import dataset

    land = resnet_slice()
    a, _, b = land.facts["minimum_barrier_minimum"]
    x = np.linspace(a - 0.15 * (b - a), b + 0.15 * (b - a), nodes)
    gradients, curvatures = _slopes(land, x)
    ratio, error = _ratio(gradients, curvatures)
    return dataset(
        {
            "loss": ("x", land.loss(x[None]), "", "loss"),
            "covariance": ("x", gradients.var(axis=0), "", "variance C1 of one example's slope"),
            "outer_products": ("x", np.mean(gradients**2, axis=0), "", "mean square of one example's slope"),
            "hessian": ("x", curvatures.mean(axis=0), "", "curvature H"),
            "ratio": ("x", ratio, "", "C1 / |H|"),
            "ratio_error": ("x", error, "", "error of C1 / |H|"),
        },
        {"x": ("x", x, "", "length along the slice")},
    )


def noise_at_places() -> list[Row]:
    """The minima and the barrier of the slice."""
    land = resnet_slice()
    names = ("one minimum", "barrier", "other minimum")
    x = np.array(land.facts["minimum_barrier_minimum"])
    gradients, curvatures = _slopes(land, x)
    ratio, error = _ratio(gradients, curvatures)
    numbers = np.stack([x, land.loss(x[None]), curvatures.mean(axis=0), gradients.var(axis=0), ratio, error], axis=1)
    columns = ("x", "L", "H", "C1", "C1/|H|", "error")
    return [
        {"place": name, **dict(zip(columns, row, strict=True))}
        for name, row in zip(names, numbers.tolist(), strict=True)
    ]


def _slopes(land: Any, x: Array) -> tuple[Array, Array]:
    """Slopes and curvatures of all examples at x (n,), shape (m, n) each."""
    return land.example_gradients(x[None])[:, 0], land.examples.hessians(x[None])[:, 0, 0]


def _ratio(gradients: Array, curvatures: Array) -> tuple[Array, Array]:
    def statistic(keep: Any) -> Array:
        return np.asarray(gradients[keep].var(axis=0) / np.abs(curvatures[keep].mean(axis=0)))

    everything = np.ones(len(gradients), dtype=bool)
    return statistic(everything), jackknife(statistic, len(gradients))
