"""The measurements of gradient noise as one dataset: per state and batch size numbers with errors, and histograms."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fpsim.statistics import Estimate, NoiseRecord, rejected
from fpsim.statistics.record import COORDINATE_EDGES, MAGNITUDE_EDGES, PARAMETER_EDGES
from fpsim.storage import dataset
from validation.gradient_noise.population import PROJECTIONS, Population
from validation.gradient_noise.redraws import Redraws, redrawn

if TYPE_CHECKING:
    import xarray

GROUP = 8
"""K1 of the tail index across batches."""
REDRAWS = 60
NUMBERS = {
    "index_parameters": "tail index across the shuffled parameters of one gradient",
    "index_batches": "tail index across batches, per parameter",
    "index_redrawn": "the same from batches redrawn from single examples",
    "kurtosis_batches": "excess kurtosis across batches, mean over parameters",
    "kurtosis_parameters": "excess kurtosis across the parameters of one gradient",
    "effective_rank": "(tr C)^2 / tr C^2 from the batches",
    "norm_rms": "root mean square norm of the noise",
    "norm_variance": "relative variance of the squared norm (the jackknife error is too small at small S)",
}
"""Each with its standard error under ``<name>_error``."""
SHARES = {
    "kurtosis_exact": "excess kurtosis of one example's gradient, mean over parameters, over S",
    "norm_variance_exact": "relative variance of the squared norm from the examples",
    "rejected_coordinates": "share of parameters that Shapiro-Wilk calls not normal at 5 %",
    "rejected_redrawn": "the same from batches redrawn from single examples",
    "rejected_projections": "share of random projections that Shapiro-Wilk calls not normal at 5 %",
    "parameter_outside": "share of parameters beyond the histogram",
    "coordinate_outside": "share of standardised values beyond the histogram",
}
FACTS = {
    "loss": "mean loss of all examples",
    "accuracy": "share of the examples that is classified as labelled",
    "gradient_norm": "norm of the full gradient",
    "live": "parameters on which any example has a gradient",
    "trace": "tr C1, of one example's gradient",
    "trace_of_square": "tr C1^2",
    "fourth_norm": "mean of |g_j - g|^4 over examples",
    "examples_effective_rank": "(tr C1)^2 / tr C1^2 of the examples",
    "examples_kurtosis": "mean excess kurtosis per parameter of one example's gradient",
    "index_formula": "2 / (1 + ln(AM/GM of the variances) / ln K1)",
    "index_surrogate": "tail index across parameters of Gaussian noise with the same variances",
    "index_surrogate_error": "its standard error",
}
HISTOGRAMS: dict[str, tuple[tuple[str, ...], str, Any]] = {
    "norm": (("batch",), "norm of the noise", lambda r: r.norm),
    "parameter_density": (
        ("parameter_value",),
        "density of u_i / rms across parameters, mean over batches",
        lambda r: r.parameters.mean(axis=0) / np.diff(PARAMETER_EDGES),
    ),
    "magnitude_density": (
        ("magnitude",),
        "density of ln(|u_i| / rms) across parameters, mean over batches",
        lambda r: r.magnitudes.mean(axis=0) / np.diff(np.log(MAGNITUDE_EDGES)),
    ),
    "coordinate_density": (
        ("coordinate_value",),
        "density of u_i / standard deviation across batches, all sampled parameters",
        lambda r: r.coordinates.mean(axis=0) / np.diff(COORDINATE_EDGES),
    ),
}


def collected(
    populations: Mapping[str, Population], records: Mapping[str, Sequence[NoiseRecord]], sizes: Sequence[int],
    probe: Mapping[str, int], **facts: Any,
) -> xarray.Dataset:  # fmt: skip
    """Everything that is reported, per state (the keys of ``records``) and batch size; ``facts`` become attributes."""
    cells: list[list[dict[str, Any]]] = []
    for state, found in records.items():
        population = populations[state]
        directions = population.probe(probe).directions(PROJECTIONS) / population.along[:, None]
        cells.append(
            [_cell(r, population, directions, size, probe["seed"]) for r, size in zip(found, sizes, strict=True)]
        )
    both = ("state", "batch_size")
    named: dict[str, tuple[tuple[str, ...], str]] = {
        name: ((), words) for name, words in {**NUMBERS, **_errors(), **SHARES}.items()
    }
    named |= {name: (dims, words) for name, (dims, words, _) in HISTOGRAMS.items()}
    named["projections"] = (("projection", "batch"), "noise along random directions over its exact standard deviation")
    entries: dict[str, Any] = {
        name: ((*both, *dims), np.array([[cell[name] for cell in row] for row in cells]), "", words)
        for name, (dims, words) in named.items()
    }
    entries |= {n: ("state", [populations[s].facts[n] for s in records], "", words) for n, words in FACTS.items()}
    first = next(iter(records.values()))[0]
    coordinates = {
        "state": ("state", list(records), "", "where the noise is measured"),
        "batch_size": ("batch_size", list(sizes), "examples", "batch size S"),
        "batch": ("batch", np.arange(len(first.norm)), "", "number of the batch"),
        "projection": ("projection", np.arange(PROJECTIONS), "", "number of the direction"),
        "parameter_value": ("parameter_value", _middles(PARAMETER_EDGES), "", "u_i / rms over parameters"),
        "magnitude": ("magnitude", np.sqrt(MAGNITUDE_EDGES[1:] * MAGNITUDE_EDGES[:-1]), "", "|u_i| / rms"),
        "coordinate_value": ("coordinate_value", _middles(COORDINATE_EDGES), "", "u_i / standard deviation"),
    }
    return dataset(entries, coordinates, **facts)


def _cell(
    record: NoiseRecord, population: Population, directions: NDArray[np.float64], size: int, seed: int
) -> dict[str, Any]:
    """Everything about one state and batch size."""
    facts, batches = population.facts, len(record.norm)
    again = redrawn(population.watched, size, batches, GROUP, REDRAWS, [seed, 9, size])
    projections = directions @ record.sketch.T * math.sqrt(size)
    # of a mean of S independent vectors c with E |c|^4 = f: E |u|^4 = f/S^3 + (1 - 1/S) ((tr C1)^2 + 2 tr C1^2)/S^2
    second, square = facts["trace"] ** 2, facts["trace_of_square"]
    fourth = facts["fourth_norm"] / size + (1 - 1 / size) * (second + 2 * square)
    exact = {"kurtosis_exact": facts["examples_kurtosis"] / size, "norm_variance_exact": fourth / second - 1}
    cell: dict[str, Any] = exact | _estimates(record, again, exact)
    cell |= {name: values(record) for name, (_, _, values) in HISTOGRAMS.items()}
    return cell | {
        "rejected_coordinates": rejected(record.watched),
        "rejected_redrawn": again.rejected,
        "rejected_projections": rejected(projections.T),
        "projections": projections,
        "parameter_outside": 1 - float(record.parameters.mean(axis=0).sum()),
        "coordinate_outside": 1 - float(record.coordinates.mean(axis=0).sum()),
    }


def _estimates(record: NoiseRecord, again: Redraws, exact: Mapping[str, float]) -> dict[str, float]:
    """The numbers with errors.

    Where rare examples rule, the scatter among batches that lack them is too small: the errors of norm, index and
    kurtosis across batches come from the law of single examples instead.
    """
    rms = math.sqrt(record.mean_square_norm.value)
    found = {
        "index_parameters": record.index_across_parameters,
        "index_batches": Estimate(record.index_across_batches(GROUP).value, again.index_spread),
        "index_redrawn": again.index,
        "kurtosis_batches": Estimate(
            record.kurtosis_across_batches.value, again.kurtosis_spread * exact["kurtosis_exact"]
        ),
        "kurtosis_parameters": record.kurtosis_across_parameters,
        "effective_rank": record.effective_rank,
        "norm_rms": Estimate(rms, rms / 2 * math.sqrt(exact["norm_variance_exact"] / len(record.norm))),
        "norm_variance": record.spread_of_square_norm,
    }
    return {name: e.value for name, e in found.items()} | {f"{name}_error": e.error for name, e in found.items()}


def _errors() -> dict[str, str]:
    return {f"{name}_error": f"standard error of {name}" for name in NUMBERS}


def _middles(edges: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray((edges[1:] + edges[:-1]) / 2)
