"""How much of the rescaled perceptrons is computed."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Size:
    """How much is computed.

    Attributes:
        examples, width: of the perceptrons.
        steps: Adam steps.
        lanczos, probes: steps and random vectors of a spectral density.
        products: for a trace.
        factors: of the rescaling.
        stretches: of the slice.
        paths: true mini-batch escapes.
        walk: SGD steps that are compared.
    """

    examples: int
    width: int
    steps: int
    lanczos: int
    probes: int
    products: int
    factors: tuple[float, ...]
    stretches: tuple[float, ...]
    paths: int
    walk: int

    @classmethod
    def of(cls, quick: bool, seed: int = 0) -> Size:
        """About half a minute on two cores, or some minutes."""
        if quick:
            return cls(500, 6, 500, 30, 12, 150, (0.125, 0.5, 1, 2, 8), (0.75, 1.0, 1.25, 1.5), 200, 200)
        factors = tuple(2.0**n for n in range(-5, 6))
        return cls(1797, 12, 1000, 60, 40, 240, factors, (0.7, 0.8, 0.9, 1.0, 1.15, 1.3, 1.5, 1.75), 2000, 500)
