"""Noise of mini-batches at fixed parameters, sampled: what `validation.gradient_noise.population` says exactly.

Batches of all sizes come from the same draws: the largest consists of all smaller ones of its draw and the rest.  So
sizes but the largest are independent of each other, and six sizes cost what the largest alone does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fpsim.statistics import NoiseRecord, NoiseStream
from fpsim.storage import dataset

if TYPE_CHECKING:
    import xarray

    from validation.gradient_noise.network import DigitNetwork
    from validation.gradient_noise.population import Population


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
