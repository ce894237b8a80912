"""What the noise models of mini-batch SGD share: D is proportional to kappa = eta / (2 S)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

from fpsim.noise.facts import MiniBatch
from fpsim.noise.kicks import Place
from fpsim.noise.model import Diffusion
from fpsim.numbers import positive


@dataclass(frozen=True, kw_only=True)
class MiniBatchNoise(Diffusion[Place]):
    """A noise model with a learning rate eta > 0 and a batch size S > 0 (any positive real: only eta/S enters)."""

    learning_rate: float
    batch_size: float

    def __post_init__(self) -> None:
        for name in ("learning_rate", "batch_size"):
            positive(getattr(self, name), name)

    @property
    def kappa(self) -> float:
        """eta / (2 S)."""
        return self.minibatch.kappa

    @property
    def minibatch(self) -> MiniBatch:
        """Its learning rate and batch size."""
        return MiniBatch(self.learning_rate, self.batch_size)

    @property
    def strength(self) -> tuple[str, float] | None:
        """eta/S."""
        return "eta/S", self.learning_rate / self.batch_size

    def scaled(self, factor: float) -> Self:
        """The same noise of smaller or larger mini-batches."""
        return super().scaled(factor) if self.strength is None else replace(self, batch_size=self.batch_size / factor)

    def _typeset(self, curvature: str) -> str:
        return f"D(x) = eta / (2 S) {curvature}, quad eta / (2 S) = {self.kappa:g}"
