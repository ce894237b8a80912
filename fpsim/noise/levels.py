"""Noise of two levels on a line: one up to a point of the climb from a to b, another beyond."""

from __future__ import annotations

from dataclasses import astuple, dataclass
from typing import Any

import numpy as np

from fpsim.noise.model import Array, SymbolicTensor
from landscapes.kinds import HasHessian


@dataclass(frozen=True)
class Levels:
    """D on the minimum's side of ``cut``, D beyond, and the direction of the climb (1 or -1)."""

    low: float
    high: float
    cut: float
    side: float

    def tensor(self, x: Array) -> Array:
        """D at x (1, ...), shape (1, 1, ...)."""
        return np.where(self.side * (x - self.cut) <= 0, self.low, self.high)[None]

    def symbolic(self, variable: Any) -> SymbolicTensor:
        """The same as a formula in ``variable``."""
        import sympy

        low, high, cut, side = symbols = [
            sympy.Symbol(f"noise {name}", real=True) for name in ("low", "high", "cut", "side")
        ]
        value = sympy.Piecewise((low, side * (variable - cut) <= 0), (high, True))
        return sympy.Matrix([[value]]), dict(zip(symbols, astuple(self), strict=True))


def share_climbed(landscape: HasHessian, a: float, b: float, share: float) -> float:
    """The point between a and b where the loss is L_a + share (L_b - L_a)."""
    from scipy.optimize import brentq

    ends = landscape.loss(np.array([[a, b]]))
    level = ends[0] + share * (ends[1] - ends[0])
    near = 1e-15 * abs(b - a)
    return float(brentq(lambda z: float(landscape.loss(np.array([[z]]))[0]) - level, a, b, xtol=near, rtol=1e-14))
