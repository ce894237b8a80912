"""The losses of single examples as a family of splines, row j that of example j."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from landscapes.evaluation import Array, FormulaFunctions
from landscapes.formula.tables import Table


@dataclass(frozen=True)
class SampledExamples:
    """The losses of single examples as a family of splines; answers like `landscapes.examples.averages.Examples`.

    Attributes:
        family: row j is the loss of example j.
    """

    family: Table
    variables: tuple[str, ...] = ("x",)
    parameters: tuple[tuple[str, float], ...] = ()

    @property
    def number(self) -> int:
        """How many examples there are, m."""
        return len(self.family.coefficients)

    @property
    def data(self) -> tuple[tuple[str, bytes], ...]:
        """The one number that tells examples apart: which row of the family they are."""
        return (("example", self.table[0].tobytes()),)

    @cached_property
    def table(self) -> Array:
        """The example numbers 0 ... m - 1, shape (1, m)."""
        return np.arange(self.number, dtype=np.float64)[None]

    @cached_property
    def slopes(self) -> Table:
        """The derivatives of the family."""
        return self.family.derivative()

    @cached_property
    def spread(self) -> Table:
        """The covariance C1, a polynomial of degree 8 in each cell."""
        return self.slopes.variance()

    def losses(self, x: Array) -> Array:
        """Return the losses of all examples at x (1, ...), shape (m, ...)."""
        return self.family.every_row(x[0])

    def gradients(self, x: Array) -> Array:
        """Return their gradients, shape (m, 1, ...)."""
        return self.slopes.every_row(x[0])[:, None]

    def hessians(self, x: Array) -> Array:
        """Return their Hessians, shape (m, 1, 1, ...)."""
        return self.slopes.derivative().every_row(x[0])[:, None, None]

    def covariance(self, x: Array) -> Array:
        """Return C1, shape (1, 1, ...)."""
        return self.spread(x[0])[None, None]

    def covariance_formula(self) -> tuple[Any, dict[Any, float]]:
        """Return C1 as a sympy matrix in x, with no parameters."""
        import sympy

        from landscapes.formula.tabulated import table_function

        return sympy.Matrix([[table_function(self.spread)(sympy.Symbol("x", real=True))]]), {}

    @cached_property
    def expression(self) -> Any:
        """The loss of one example as a formula in x and ``example``."""
        import sympy

        from landscapes.formula.tabulated import table_function

        return table_function(self.family)(*(sympy.Symbol(name, real=True) for name in ("x", "example")))

    def averaged(self) -> FormulaFunctions:
        """Return the functions of the mean loss."""
        import sympy

        from landscapes.formula.tabulated import table_function

        mean = table_function(self.family.mean())(sympy.Symbol("x", real=True))
        return FormulaFunctions((mean,), self.variables, (), True)
