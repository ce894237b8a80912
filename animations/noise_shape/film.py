"""The film ``noise-shape``: gradient noise of a network, seen across parameters and across batches.

    u = mini-batch gradient - full gradient;   u_i / rms(u) over i (one gradient),   u_i sqrt(S) / sigma_i over batches

Nothing is measured here.  Pooling the parameters of one gradient measures how unlike their variances are: for Gaussian
noise the tail index would read 2/(1 + ln(AM/GM of sigma_i^2)/ln K1).  Across batches, parameter by parameter, the noise
tends to a Gaussian (index 2), its excess kurtosis falling like 1/S.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from animations.film.film import Film


@dataclass(frozen=True)
class NoiseShapeFilm(Film):
    """A film of the committed gradient-noise study; nothing is random here.

    Args:
        state: of the network, ``"trained"`` or ``"initial"``.
        sizes: the batch sizes shown, in order; all that were measured if empty.

    Raises:
        ValueError: for too few frames; by :meth:`compute` for a state or size that was not measured.
    """

    name: ClassVar[str] = "noise-shape"
    length: ClassVar[float] = 8.0

    state: str = "trained"
    sizes: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        self.require(frames=2)
