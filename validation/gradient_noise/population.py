"""Noise of mini-batches at fixed parameters, exactly: from single examples.

    u = g(batch) - g,    g = (1/m) sum_j g_j,    E u = 0,    E u u^T = C1/S,    C1 = (1/m) sum_j (g_j - g)(g_j - g)^T

Batches are drawn with replacement, so that all m examples one by one give the whole law of the noise: tr C1, tr C1^2,
each parameter's variance and fourth cumulant; the latter is 1/S of itself in a batch of S.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fpsim.statistics import Estimate, Probe, anisotropy_index, tail_index
from fpsim.storage import dataset

if TYPE_CHECKING:
    import xarray

    from validation.gradient_noise.network import DigitNetwork

Array = NDArray[np.float64]
PROJECTIONS = 32
SURROGATES = 64


@dataclass(frozen=True, eq=False)
class Population:
    """What single examples say about the noise at one point.

    Attributes:
        parameters, mean: the point and the full gradient there, shape (d,).
        deviation: of single examples' gradients at the sampled live parameters.
        along: of single examples' gradients along the probe's random directions, shape (PROJECTIONS,).
        watched: (g_j - g) / deviation of every example at the watched parameters, shape (m, watched).
        facts: numbers by name.
    """

    parameters: NDArray[np.float32]
    mean: NDArray[np.float32]
    deviation: Array
    along: Array
    watched: NDArray[np.float32]
    facts: Mapping[str, float]

    @property
    def live(self) -> NDArray[np.intp]:
        """The parameters on which any example has a gradient."""
        return np.flatnonzero(self.mean)

    def probe(self, settings: Mapping[str, int]) -> Probe:
        """The probe of noise vectors on the live parameters."""
        return Probe(len(self.live), **settings)

    @classmethod
    def of(cls, network: DigitNetwork, settings: Mapping[str, int], tell: Any) -> Population:
        """Look at every example once; ``settings`` are those of the `Probe`."""
        mean = network.full_gradient().astype(np.float32)
        live, count = np.flatnonzero(mean), len(network.labels)
        centre = mean[live]
        probe = Probe(len(live), **settings)
        norms, variance, fourth = np.empty(count), np.zeros(probe.sample.size), np.zeros(probe.sample.size)
        sketches = np.empty((count, probe.sketch), dtype=np.float32)
        watched = np.empty((count, min(probe.watched, probe.sample.size)), dtype=np.float32)
        for j in range(count):
            tell(j / count)
            noise = (network.gradient(np.array([j])).take(live) - centre).astype(np.float64)
            sampled = noise[probe.sample]
            square, watched[j] = sampled**2, sampled[: watched.shape[1]]
            norms[j], sketches[j] = noise @ noise, probe.sketched(noise)
            variance, fourth = variance + square / count, fourth + square**2 / count
        facts = _population_facts(norms, sketches, variance, fourth)
        loss, accuracy = network.loss_and_accuracy()
        facts |= {"loss": loss, "accuracy": accuracy, "gradient_norm": float(np.linalg.norm(mean)), "live": len(live)}
        along = np.sqrt(np.mean((sketches @ probe.directions(PROJECTIONS).T) ** 2, axis=0))
        index = _surrogate_index(np.sqrt(variance), probe.seed)
        facts |= {"index_surrogate": index.value, "index_surrogate_error": index.error}
        deviation = np.sqrt(variance)
        standardized = (watched / deviation[: watched.shape[1]]).astype(np.float32)
        return cls(network.parameters, mean, deviation, along, standardized, facts)

    def to_xarray(self) -> xarray.Dataset:
        """As netCDF keeps it."""
        arrays = {name: getattr(self, name) for name in ARRAYS}
        entries = {name: ((f"{name}_row", f"{name}_column")[: a.ndim], a, "", name) for name, a in arrays.items()}
        facts: dict[str, Any] = {key: float(value) for key, value in self.facts.items()}
        return dataset(entries, **facts)

    @classmethod
    def from_xarray(cls, data: xarray.Dataset) -> Population:
        """Read what `to_xarray` wrote."""
        facts = {key: float(value) for key, value in data.attrs.items() if key != "fpsim_version"}
        return cls(**{name: data[name].values for name in ARRAYS}, facts=facts)


ARRAYS = ("parameters", "mean", "deviation", "along", "watched")


def _population_facts(norms: Array, sketches: NDArray[np.float32], variance: Array, fourth: Array) -> dict[str, float]:
    """Traces of C1, mean kurtosis, index by the anisotropy formula; ``norms`` are squared."""
    gram = (sketches @ sketches.T).astype(np.float64)
    np.fill_diagonal(gram, norms)
    trace, square = float(norms.mean()), float(np.mean(gram**2))
    return {
        "trace": trace,
        "trace_of_square": square,
        "fourth_norm": float(np.mean(norms**2)),
        "examples_effective_rank": trace**2 / square,
        "examples_kurtosis": float(np.mean(fourth / variance**2)) - 3,
        "index_formula": anisotropy_index(variance, tail_index(variance).group),
    }


def _surrogate_index(deviation: Array, seed: int) -> Estimate:
    """The tail index across parameters of independent Gaussian noise with these deviations."""
    draws = np.random.Generator(np.random.Philox([seed, 6]))
    found = [
        tail_index(draws.permutation(deviation) * draws.standard_normal(deviation.size)).inverse
        for _ in range(SURROGATES)
    ]
    inverse = Estimate.of(found)
    return Estimate(1 / inverse.value, inverse.error / inverse.value**2)


def examined(network: DigitNetwork, settings: Mapping[str, int], tell: Any) -> xarray.Dataset:
    """`Population.of` as a dataset to keep."""
    return Population.of(network, settings, tell).to_xarray()
