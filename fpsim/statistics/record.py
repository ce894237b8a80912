"""What K noise vectors left behind, and the statistics that follow from it, each with its error.

All errors come from the scatter among vectors (or groups of vectors), which are independent, not among coordinates,
which are not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from fpsim.statistics.gaussianity import Estimate, effective_rank
from fpsim.statistics.tail_index import TailIndex, tail_index

Array = NDArray[np.float64]
PARAMETER_EDGES = np.linspace(-10, 10, 201)
"""Of u_i over its root mean square across the parameters."""
MAGNITUDE_EDGES = np.logspace(-8, 3, 111)
"""Of |u_i| over the same."""
COORDINATE_EDGES = np.linspace(-8, 8, 161)
"""Of u_i over its standard deviation across batches."""
RESOLUTION = 1e-4
"""In standard deviations: what float32 leaves of a sum that cancels."""


@dataclass(frozen=True, eq=False)
class NoiseRecord:
    """One row per noise vector, averages over the sampled coordinates unless said otherwise; made by `NoiseStream`.

    With z_i = u_i / (standard deviation of u_i across batches):

    Attributes:
        norm: |u| of the whole vector, shape (K,).
        sketch: (K, b), see `Probe`.
        second, fourth: means of z_i^2 and z_i^4, shape (K,).
        across, across_kurtosis: 1/alpha and the excess kurtosis across the shuffled coordinates, shape (K,).
        watched: z_i of the first sampled coordinates, shape (K, watched).
        parameters, magnitudes, coordinates: shares of the coordinates in the cells of ``PARAMETER_EDGES``,
            ``MAGNITUDE_EDGES`` and ``COORDINATE_EDGES``, shape (K, cells).
    """

    norm: Array
    sketch: Array
    second: Array
    fourth: Array
    across: Array
    across_kurtosis: Array
    watched: Array
    parameters: Array
    magnitudes: Array
    coordinates: Array

    @classmethod
    def joined(cls, records: Sequence[NoiseRecord]) -> NoiseRecord:
        """The records of several streams of one law as one."""
        return cls(**{f.name: np.concatenate([getattr(r, f.name) for r in records]) for f in fields(cls)})

    @property
    def index_across_parameters(self) -> Estimate:
        """The tail index across the shuffled coordinates of one vector; 1/alpha averaged over vectors."""
        inverse = Estimate.of(self.across)
        return Estimate(1 / inverse.value, inverse.error / inverse.value**2)

    def index_across_batches(self, group: int | None = None) -> TailIndex:
        """The tail index across vectors, per watched coordinate; 1/alpha averaged over these."""
        return tail_index(self.watched, group, resolution=RESOLUTION)

    @property
    def kurtosis_across_batches(self) -> Estimate:
        """The excess kurtosis across vectors, averaged over coordinates; unbiased, since the variances are known."""
        mean = Estimate.of(self.fourth)
        return Estimate(mean.value - 3, mean.error)

    @property
    def kurtosis_across_parameters(self) -> Estimate:
        """The excess kurtosis across the coordinates of one vector, averaged over vectors."""
        return Estimate.of(self.across_kurtosis)

    @property
    def mean_square_norm(self) -> Estimate:
        """E |u|^2 = tr C."""
        return Estimate.of(self.norm**2)

    @property
    def spread_of_square_norm(self) -> Estimate:
        """Relative variance of |u|^2; 2/(effective rank) for Gaussian noise. The error is the jackknife's."""
        square, count = self.norm**2, len(self.norm)
        total, squares = square.sum() - square, (square**2).sum() - square**2
        less = (squares / (count - 1) - (total / (count - 1)) ** 2) * (count - 1) ** 3 / (count - 2) / total**2
        whole = float(square.var(ddof=1) / square.mean() ** 2)
        error = np.sqrt((count - 1) / count * ((less - less.mean()) ** 2).sum())
        return Estimate(whole, float(error))

    @property
    def effective_rank(self) -> Estimate:
        """(tr C)^2 / tr C^2 from the sketches."""
        return effective_rank(self.sketch @ self.sketch.T)
