"""Noise of mini-batches at fixed parameters, measured twice: on single examples (exactly) and on batches.

    u = g(batch) - g,    g = (1/m) sum_j g_j,    E u = 0,    E u u^T = C1/S,    C1 = (1/m) sum_j (g_j - g)(g_j - g)^T

Batches are drawn with replacement, so that all m examples one by one give the whole law of the noise: tr C1, tr C1^2,
each parameter's variance and fourth cumulant; the latter is 1/S of itself in a batch of S.

Batches of all sizes come from the same draws: the largest consists of all smaller ones of its draw and the rest.  So
sizes but the largest are independent of each other, and six sizes cost what the largest alone does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fpsim.statistics import Estimate, NoiseRecord, NoiseStream, Probe, anisotropy_index, tail_index
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


def chunks_of(sizes: Sequence[int]) -> list[int]:
    """How a draw of the largest batch is cut: the smaller batches one after the other, and the rest.

    Raises:
        ValueError: if the smaller ones together are more than the largest.
    """
    rest = sizes[-1] - sum(sizes[:-1])
    if list(sizes) != sorted(sizes) or rest < 0:
        raise ValueError(f"sizes grow, and the last is at least the sum of the others; got {list(sizes)}")
    return [*sizes[:-1], rest] if rest else list(sizes[:-1])


def noises(
    network: DigitNetwork, population: Population, sizes: Sequence[int], batches: int, seed: Sequence[int]
) -> Iterator[list[NDArray[np.float32]]]:
    """For each draw the noise vectors on the live parameters, one per batch size."""
    network.load(population.parameters)
    draws, live, parts = np.random.Generator(np.random.Philox(list(seed))), population.live, chunks_of(sizes)
    ends, centre = np.cumsum(parts), population.mean[live]
    for _ in range(batches):
        chosen = draws.integers(0, len(network.labels), sizes[-1])
        found = [network.gradient(c).take(live) - centre for c in np.split(chosen, ends[:-1])]
        whole = np.zeros_like(centre)
        for n, u in zip(parts, found, strict=True):
            whole += np.float32(n / sizes[-1]) * u
        yield [*found[: len(sizes) - 1], whole]


def examined(network: DigitNetwork, settings: Mapping[str, int], tell: Any) -> xarray.Dataset:
    """`Population.of` as a dataset to keep."""
    return Population.of(network, settings, tell).to_xarray()


def block(
    network: DigitNetwork, population: Population, sizes: Sequence[int], first: int, batches: int,
    settings: Mapping[str, int], seed: Sequence[int], tell: Any,
) -> xarray.Dataset:  # fmt: skip
    """The records of ``batches`` draws, numbered from ``first``, of every size; as a dataset to keep."""
    probe = population.probe(settings)
    streams = [NoiseStream(probe, population.deviation / np.sqrt(size), first) for size in sizes]
    for k, found in enumerate(noises(network, population, sizes, batches, [*seed, first])):
        tell(k / batches)
        for stream, noise in zip(streams, found, strict=True):
            stream.add(noise)
    entries: dict[str, Any] = {}
    for size, stream in zip(sizes, streams, strict=True):
        record = stream.record()
        for f in fields(NoiseRecord):
            values = getattr(record, f.name)
            values = values.astype(np.float32) if f.name == "sketch" else values
            entries[f"{f.name}_{size}"] = (("batch", f"{f.name}_column")[: values.ndim], values, "", f.name)
    return dataset(entries)


def joined(blocks: Sequence[xarray.Dataset], size: int) -> NoiseRecord:
    """The record of one size from all blocks."""
    records = [
        NoiseRecord(**{f.name: b[f"{f.name}_{size}"].values.astype(np.float64) for f in fields(NoiseRecord)})
        for b in blocks
    ]
    return NoiseRecord.joined(records)
