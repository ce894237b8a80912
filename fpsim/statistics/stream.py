"""Noise vectors of millions of coordinates, looked at one at a time: nothing of their length is kept per batch.

Every vector u_k leaves behind its norm, a linear sketch, its values at a few coordinates, and averages over a random,
shuffled sample of the coordinates.  The sketch folds the vector with random signs s into b numbers,

    (T u)_j = sum of s_i u_i over i = j modulo b,      E (T u . T v) = u . v,

so that Gram matrices and random projections come from it: (T u . T v)^2 is too large by about |u|^2 |v|^2 / b, which
makes an effective rank r too small by r/b of itself (a count sketch, with strides in place of hashing: M. Charikar,
K. Chen, M. Farach-Colton, ICALP 2002).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fpsim.statistics.record import COORDINATE_EDGES, MAGNITUDE_EDGES, PARAMETER_EDGES, NoiseRecord
from fpsim.statistics.tail_index import tail_index

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Probe:
    """What is looked at: which coordinates, which sketch; the same for all noise vectors that are compared.

    Attributes:
        dimension: d, the length of the vectors.
        coordinates: how many coordinates are sampled (all, if there are fewer).
        watched: of how many of them every single value is kept.
        sketch: the length b of the sketch.
        seed: of signs, sample and orders.
    """

    dimension: int
    coordinates: int = 2**18
    watched: int = 512
    sketch: int = 2**15
    seed: int = 0

    def __post_init__(self) -> None:
        if min(self.dimension, self.coordinates) < 4 or min(self.watched, self.sketch) < 1:
            raise ValueError(f"a probe has at least 4 coordinates, 1 watched and 1 number in its sketch; got {self}")

    @cached_property
    def sample(self) -> NDArray[np.int64]:
        """The sampled coordinates in random order."""
        draws = np.random.Generator(np.random.Philox([self.seed, 1]))
        return draws.permutation(self.dimension)[: self.coordinates]

    @cached_property
    def signs(self) -> NDArray[np.float32]:
        """The random signs (d,) of the sketch."""
        draws = np.random.Generator(np.random.Philox([self.seed, 2]))
        return (2 * draws.integers(0, 2, self.dimension, dtype=np.int8) - 1).astype(np.float32)

    def sketched(self, vector: Array) -> Array:
        """The sketch (b,) of a vector (d,)."""
        whole = self.dimension // self.sketch * self.sketch
        signed = vector * self.signs
        folded = signed[:whole].reshape(-1, self.sketch).sum(axis=0, dtype=np.float64)
        folded[: self.dimension - whole] += signed[whole:]
        return np.asarray(folded)

    def directions(self, count: int) -> Array:
        """Random directions of sketches as rows (count, b); a sketch along one is its vector along a random one."""
        return np.random.Generator(np.random.Philox([self.seed, 3])).standard_normal((count, self.sketch))


class NoiseStream:
    """Collects the statistics of centred noise vectors of one law, one vector at a time.

    Args:
        probe: what is looked at.
        deviation: the standard deviation of the noise at each of ``probe.sample``, known beforehand.
        first: number of the first vector, if the vectors of one law are shared out among several streams.

    Raises:
        ValueError: for deviations that are not positive.
    """

    def __init__(self, probe: Probe, deviation: ArrayLike, first: int = 0) -> None:
        self.probe = probe
        self._scale = np.asarray(deviation, dtype=np.float64)
        if self._scale.shape != probe.sample.shape or not (self._scale > 0).all():
            raise ValueError(f"deviation holds one positive number per sampled coordinate, shape {probe.sample.shape}")
        self._orders = np.random.Generator(np.random.Philox([probe.seed, 4, first]))
        self._rows: list[dict[str, Any]] = []

    def add(self, noise: NDArray[np.floating]) -> None:
        """Look at one vector (d,).

        Raises:
            ValueError: for another length, values that are not finite, or no noise at all.
        """
        if noise.shape != (self.probe.dimension,):
            raise ValueError(f"noise vectors have shape ({self.probe.dimension},); got {noise.shape}")
        vector = noise.astype(np.float64)
        square = float(vector @ vector)
        if not 0 < square < math.inf:
            raise ValueError(f"noise is finite and not zero throughout; its squared norm is {square}")
        u = vector[self.probe.sample]
        self._rows.append({"norm": math.sqrt(square), "sketch": self.probe.sketched(vector), **self._described(u)})

    def _described(self, u: Array) -> dict[str, Any]:
        """Everything about the sampled coordinates of one vector."""
        z, size = u / self._scale, np.abs(u) / math.sqrt(float(np.mean(u**2)))
        return {
            "second": np.mean(z**2),
            "fourth": np.mean(z**4),
            "across": tail_index(self._orders.permutation(u)).inverse,
            "across_kurtosis": np.mean((u - u.mean()) ** 4) / np.var(u) ** 2 - 3,
            "watched": z[: self.probe.watched],
            "parameters": np.histogram(np.copysign(size, u), PARAMETER_EDGES)[0] / u.size,
            "magnitudes": np.histogram(size, MAGNITUDE_EDGES)[0] / u.size,
            "coordinates": np.histogram(z, COORDINATE_EDGES)[0] / u.size,
        }

    def record(self) -> NoiseRecord:
        """Return what was collected.

        Raises:
            ValueError: before the first vector.
        """
        if not self._rows:
            raise ValueError("no noise vector was added yet")
        return NoiseRecord(**{k: np.array([row[k] for row in self._rows], dtype=np.float64) for k in self._rows[0]})
