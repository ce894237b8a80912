"""What else may be asked of a noise model: each a small value, or ``None`` where the model is of another kind."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class MiniBatch:
    """The numbers of mini-batch SGD, D being proportional to kappa = eta / (2 S)."""

    learning_rate: float
    batch_size: float

    @property
    def kappa(self) -> float:
        """eta / (2 S)."""
        return self.learning_rate / (2 * self.batch_size)


@dataclass(frozen=True)
class Floor:
    """What keeps a noise from vanishing that does so by itself: ``floor`` in its units, ``injected`` in those of D."""

    floor: float
    injected: float

    @property
    def is_missing(self) -> bool:
        """Whether D vanishes."""
        return not (self.floor or self.injected)


@dataclass(frozen=True)
class TwoLevels:
    """D = kappa H_a up to the share ``climb_fraction`` of the climb, kappa |H_b| beyond.

    Attributes:
        is_exact: whether the noise is so, instead of being compared with it.
        words: the noise's own numbers that decide that.
    """

    kappa: float
    climb_fraction: float
    is_exact: bool
    words: str


@dataclass(frozen=True)
class StableLaw:
    """Symmetric alpha-stable increments, E exp(i k . L_t) = exp(-t |scale k|^alpha) with alpha < 2.

    Attributes:
        alpha: the tail index.
        scale: of all directions alike, or the largest of them.
        isotropic: whether they are alike.
    """

    alpha: float
    scale: float
    isotropic: bool = True
