"""Statistics of gradient noise: is it Gaussian, and where does an apparent heavy tail come from?

    across the parameters of one gradient, shuffled     measures how unequal the variances are, even of Gaussian noise
    across batches, per parameter                       measures the law of the noise

`tail_index`, `excess_kurtosis`, `rejected` and `effective_rank` take arrays; `NoiseStream` takes noise vectors of any
length one at a time.
"""

from fpsim.statistics.gaussianity import Estimate, effective_rank, excess_kurtosis, rejected
from fpsim.statistics.record import NoiseRecord
from fpsim.statistics.stable import stable
from fpsim.statistics.stream import NoiseStream, Probe
from fpsim.statistics.tail_index import TailIndex, anisotropy_index, tail_index

__all__ = [
    "Estimate",
    "NoiseRecord",
    "NoiseStream",
    "Probe",
    "TailIndex",
    "anisotropy_index",
    "effective_rank",
    "excess_kurtosis",
    "rejected",
    "stable",
    "tail_index",
]
