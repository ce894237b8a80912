"""What other batches would have said: the law of the noise is known from single examples, so it can be drawn afresh.

    z = S^(-1/2) (z_j1 + ... + z_jS),      j1 ... jS drawn with replacement,      z_j = (g_j - g)_i / sigma_i

No network is needed.  The spread among many sets of K batches is the error of one set, also where single rare examples
rule (the scatter inside a set that lacks them is too small); their mean is what a set must give.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fpsim.statistics import Estimate, rejected, tail_index
from fpsim.statistics.record import RESOLUTION

TESTED = 1
"""Sets in which every parameter goes through a Shapiro-Wilk test."""


@dataclass(frozen=True)
class Redraws:
    """Sets of K batches of S examples each, drawn again and again.

    Attributes:
        kurtosis_spread: standard deviation, among sets, of the mean excess kurtosis, over its mean.
        index: the tail index across batches (1/alpha averaged over parameters and sets) with its error.
        index_spread: standard deviation of alpha among sets.
        rejected: share of parameters that a Shapiro-Wilk test calls not normal.
    """

    kurtosis_spread: float
    index: Estimate
    index_spread: float
    rejected: float


def redrawn(watched: NDArray[np.floating], size: int, batches: int, group: int, repeats: int, seed: Any) -> Redraws:
    """Draw ``repeats`` sets of ``batches`` batches of ``size`` examples from the z_j, ``watched`` (m, n)."""
    draws, count = np.random.Generator(np.random.Philox(seed)), len(watched)
    chosen = draws.integers(0, count, (repeats * batches, size))
    counts = np.stack([np.bincount(row, minlength=count) for row in chosen]).astype(np.float64)
    z = (counts @ watched.astype(np.float64) / math.sqrt(size)).reshape(repeats, batches, -1)
    kurtosis = np.mean(z**4, axis=(1, 2)) - 3
    inverse = Estimate.of([tail_index(part, group, resolution=RESOLUTION).inverse for part in z])
    slope = 1 / inverse.value**2
    return Redraws(
        kurtosis_spread=float(kurtosis.std(ddof=1) / kurtosis.mean()),
        index=Estimate(1 / inverse.value, inverse.error * slope),
        index_spread=inverse.error * math.sqrt(repeats) * slope,
        rejected=float(np.mean([rejected(part) for part in z[:TESTED]])),
    )
