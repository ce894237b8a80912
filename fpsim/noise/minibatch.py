"""What the noise models of mini-batch SGD share: D is proportional to kappa = eta / (2 S)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fpsim.noise.model import Diffusion


@dataclass(frozen=True, kw_only=True)
class MiniBatchNoise(Diffusion):
    """A noise model with a learning rate eta > 0 and a batch size S > 0 (any positive real: only eta/S enters)."""

    learning_rate: float
    batch_size: float

    def __post_init__(self) -> None:
        for name in ("learning_rate", "batch_size"):
            value = getattr(self, name)
            if not (np.isfinite(value) and value > 0):
                raise ValueError(f"{name} must be a positive number; got {value!r}")

    @property
    def kappa(self) -> float:
        """eta / (2 S)."""
        return self.learning_rate / (2 * self.batch_size)
