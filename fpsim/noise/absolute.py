"""Curvatures without their sign, kept from zero by a floor: |h| + floor, sqrt(h^2 + floor^2) or max(h, 0) + floor.

Of a matrix eigenvalue by eigenvalue, |H| = V |Lambda| V^T.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from fpsim.noise.roots import symbolic_root

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Absolute:
    """The function h -> |h| with its floor, in units of curvature."""

    floor: float
    shape: Literal["additive", "smooth", "clip"]

    def __call__(self, values: Array) -> Array:
        """Of single curvatures, in any shape."""
        if self.shape == "smooth":
            return np.asarray(np.sqrt(values**2 + self.floor**2))
        return (np.maximum(values, 0.0) if self.shape == "clip" else np.abs(values)) + self.floor

    def of_matrix(self, hessian: Array) -> Array:
        """Of symmetric matrices, (d, d, ...) in and out."""
        values, vectors = np.linalg.eigh(np.moveaxis(hessian, (0, 1), (-2, -1)))
        scaled = vectors * self(values)[..., None, :]
        return np.moveaxis(scaled @ np.swapaxes(vectors, -1, -2), (-2, -1), (0, 1))

    def formula(self, hessian: Any, floor: Any) -> Any:
        """Of a matrix of formulas: entry by entry if diagonal, closed form in 2-D, ``None`` beyond.

        Args:
            hessian: a sympy matrix, (d, d).
            floor: the symbol that stands for the floor.
        """
        import sympy

        d = hessian.shape[0]
        if hessian.is_diagonal():
            forms = {
                "additive": lambda h: sympy.Abs(h) + floor,
                "smooth": lambda h: sympy.sqrt(h**2 + floor**2),
                "clip": lambda h: sympy.Max(h, 0) + floor,
            }
            return sympy.diag(*[forms[self.shape](hessian[i, i]) for i in range(d)])
        if d != 2:
            return None
        squared = hessian * hessian
        if self.shape == "smooth":
            return symbolic_root(squared + floor**2 * sympy.eye(2))
        # det |H| = |det H| without rounding, and |H| = 0 (not 0/0) where H = 0
        determinant = sympy.Abs(hessian[0, 0] * hessian[1, 1] - hessian[0, 1] ** 2)
        length = sympy.sqrt(squared[0, 0] + squared[1, 1] + 2 * determinant)
        absolute = (squared + determinant * sympy.eye(2)) / sympy.Piecewise((1, length <= 0), (length, True))
        return ((hessian + absolute) / 2 if self.shape == "clip" else absolute) + floor * sympy.eye(2)

    @property
    def typeset(self) -> str:
        """Of L'' in Typst's mathematics."""
        if not self.floor:
            return "abs(L''(x))"
        return f"sqrt(L''(x)^2 + {self.floor:g}^2)" if self.shape == "smooth" else f"(abs(L''(x)) + {self.floor:g})"
