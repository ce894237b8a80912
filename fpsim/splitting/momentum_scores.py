"""Scores of a heavy ball's state (x, v).

Where it would coast to without slope, z = x + beta/(1 - beta) v, moves as plain SGD of rate eta/(1 - beta) with the
gradient taken at x:  z' = z - eta/(1 - beta) g.  So the distance of z to the target rises steadily, while that of x
swings.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import DTypeLike, NDArray

from fpsim.paths.step import Compiled, made
from fpsim.splitting.scores import Score
from fpsim.targets import Target

Array = NDArray[np.float64]


@dataclass(frozen=True)
class CoastingScore:
    """The signed distance of z to a target.

    Attributes:
        target: for x.
        dimension: coordinates of x.
        momentum: beta.
    """

    target: Target
    dimension: int
    momentum: float

    @property
    def _ahead(self) -> float:
        return self.momentum / (1 - self.momentum)

    def __call__(self, x: Array) -> Array:
        """Distances (n,) of states (2 d, n)."""
        place, speed = np.split(x, 2)
        z = place + self._ahead * speed
        length = np.sqrt(np.sum(self.target.gradient(z) ** 2, axis=0))
        return np.asarray(self.target.level(z) / np.maximum(length, 1e-300))

    def compiled(self, dtype: DTypeLike, device: str = "cpu") -> Compiled | None:
        """The same over a block, for targets that are a formula."""
        import sympy

        x, v, z = ([sympy.Symbol(f"{kind} {i}", real=True) for i in range(self.dimension)] for kind in "xvz")
        found = self.target.symbolic(z)
        if found is None:
            return None
        ahead = sympy.Symbol("coasting ahead", real=True)
        level = found[0].xreplace({there: here + ahead * speed for there, here, speed in zip(z, x, v, strict=True)})
        return made(device, [level], {"x": [*x, *v]}, {**found[1], ahead: self._ahead}, dtype)

    def __str__(self) -> str:
        return "distance of where it coasts to"


@dataclass(frozen=True)
class PlaceScore:
    """A score of x alone, seen from (x, v)."""

    inner: Score

    def __call__(self, x: Array) -> Array:
        """Scores (n,) of states (2 d, n)."""
        return self.inner(np.split(x, 2)[0])

    def compiled(self, dtype: DTypeLike, device: str = "cpu") -> Compiled | None:
        """That of x, whose coordinates come first in a block, too."""
        return self.inner.compiled(dtype, device)

    def __str__(self) -> str:
        return str(self.inner)
