"""Losses that are averages over examples: L(x) = (1/m) sum_j l(x; data_j), with exact derivatives.

Where the loss of one example separates, l = sum_k a_k(data) f_k(x), the average is the formula sum_k <a_k> f_k(x) whose
numbers <a_k> do not depend on m any more, and so is the covariance of the gradients,

    C_ij(x) = sum_kl (<a_k a_l> - <a_k><a_l>) d_i f_k d_j f_l.

Every other loss is averaged example by example, a few million values at a time.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from landscapes.evaluation import Array, FormulaFunctions, PlainFunctions

if TYPE_CHECKING:
    import sympy

AT_ONCE = 4_000_000
"""Values of single examples held in memory at a time."""
MOST_TERMS = 2000
"""A loss that separates into more terms is averaged example by example."""


@dataclass(frozen=True)
class Examples:
    """The loss of one example as a formula, and the data of all examples.

    Attributes:
        formula: text or sympy expression in the variables, parameters and data names.
        variables: names of the coordinates.
        parameters: (name, value) pairs.
        data: (name, bytes of m float64 numbers) pairs; bytes, so that a landscape can be compared and hashed.
    """

    formula: str | sympy.Expr
    variables: tuple[str, ...]
    parameters: tuple[tuple[str, float], ...]
    data: tuple[tuple[str, bytes], ...]

    @property
    def number(self) -> int:
        """How many examples there are, m."""
        return len(self.data[0][1]) // 8

    @cached_property
    def table(self) -> Array:
        """The data, shape (data names, m); read-only."""
        rows = np.stack([np.frombuffer(raw) for _, raw in self.data])
        rows.flags.writeable = False
        return rows

    # --- single examples ---

    def losses(self, x: Array) -> Array:
        """Return the losses of all examples at x (d, ...), shape (m, ...)."""
        return self._each("loss", x)

    def gradients(self, x: Array) -> Array:
        """Return the gradients of all examples, shape (m, d, ...)."""
        return np.moveaxis(self._each("slope", x), 1, 0)

    def hessians(self, x: Array) -> Array:
        """Return the Hessians of all examples, shape (m, d, d, ...)."""
        return np.moveaxis(self._each("curvature", x), 2, 0)

    def _each(self, what: str, x: Array) -> Array:
        rows = self.table.reshape(len(self.data), self.number, *(1,) * (x.ndim - 1))
        values: Any = self.parameters + tuple((name, row) for (name, _), row in zip(self.data, rows, strict=True))
        functions = FormulaFunctions((self.formula,), self.variables, values, True)
        points = np.broadcast_to(x[:, np.newaxis], (len(x), self.number, *x.shape[1:]))
        return np.asarray(getattr(functions, what)(points))

    # --- averages ---

    def covariance(self, x: Array) -> Array:
        """Return (1/m) sum_j g_j g_j^T - g g^T, shape (d, d, ...)."""

        def part(points: Array) -> Array:
            g = self.gradients(points)
            g = g - g.mean(axis=0)
            return np.asarray(np.einsum("mi...,mj...->ij...", g, g) / self.number)

        return self._piecewise(part, x, len(x) ** 2)

    def averaged(self) -> FormulaFunctions | PlainFunctions:
        """Return the functions of the mean loss: a formula where the loss separates."""
        if self.terms is None:
            return PlainFunctions(len(self.variables), self._loss, self._gradient, self._hessian)
        import sympy

        names = {a: f"{self._prefix}_{k}" for k, a in enumerate(self.terms)}
        loss = sympy.Add(*(sympy.Symbol(names[a], real=True) * f for a, f in self.terms.items()))
        means = {names[a]: float(row.mean()) for a, row in zip(self.terms, self._coefficients, strict=True)}
        kept = tuple((name, value) for name, value in self.parameters if name in map(str, loss.free_symbols))
        return FormulaFunctions((loss,), self.variables, (*kept, *means.items()), True)

    def covariance_formula(self) -> tuple[Any, dict[Any, float]] | None:
        """Return C as a sympy matrix in the variables with its parameters; None where the loss does not separate."""
        if self.terms is None:
            return None
        import sympy

        from landscapes.formula.symbolic import derivative, symbol

        x = [symbol(name) for name in self.variables]
        slopes = [[derivative(f, v) for v in x] for f in self.terms.values()]
        spread = self._coefficients - self._coefficients.mean(axis=1, keepdims=True)
        moments = spread @ spread.T / self.number
        values = {symbol(name): value for name, value in self.parameters}
        matrix = sympy.zeros(len(x), len(x))
        for i, j in itertools.product(range(len(slopes)), repeat=2):
            if any(slopes[i]) and any(slopes[j]) and moments[i, j] != 0:
                c = sympy.Symbol(f"{self._prefix}_{min(i, j)}_{max(i, j)}", real=True)
                values[c] = float(moments[i, j])
                matrix += c * sympy.Matrix(slopes[i]) * sympy.Matrix(slopes[j]).T
        return matrix, values

    def _loss(self, x: Array) -> Array:
        return self._piecewise(lambda p: self.losses(p).mean(axis=0), x, 1)

    def _gradient(self, x: Array) -> Array:
        return self._piecewise(lambda p: self.gradients(p).mean(axis=0), x, len(x))

    def _hessian(self, x: Array) -> Array:
        return self._piecewise(lambda p: self.hessians(p).mean(axis=0), x, len(x) ** 2)

    def _piecewise(self, function: Callable[[Array], Array], x: Array, rows: int) -> Array:
        """Apply a function of points (d, n) to x (d, ...) in parts that fit into memory."""
        flat = x.reshape(len(x), -1)
        parts = max(1, -(-flat.shape[1] * rows * self.number // AT_ONCE))
        values = [function(part) for part in np.array_split(flat, parts, axis=1)]
        joined = np.concatenate(values, axis=-1)
        return joined.reshape(joined.shape[:-1] + x.shape[1:])

    # --- separation ---

    @cached_property
    def expression(self) -> sympy.Expr:
        """The loss of one example as a sympy expression in real symbols."""
        from landscapes.formula.symbolic import adopt, parse

        known = (*(name for name, _ in self.parameters), *(name for name, _ in self.data))
        if isinstance(self.formula, str):
            return parse(self.formula, self.variables, known, longest=None)
        return adopt(self.formula, self.variables, known)

    @cached_property
    def terms(self) -> Mapping[sympy.Expr, sympy.Expr] | None:
        """The pairs a_k(data): f_k(x) of a loss that separates, else None."""
        import sympy

        from landscapes.formula.symbolic import symbol

        data = [symbol(name) for name, _ in self.data]
        found: dict[Any, Any] = {}
        for term in sympy.Add.make_args(sympy.expand(self.expression)):
            of_x, of_data = term.as_independent(*data, as_Add=False)
            if of_data.free_symbols & {symbol(name) for name in self.variables}:
                return None
            found[of_data] = found.get(of_data, 0) + of_x
        return found if len(found) <= MOST_TERMS else None

    @cached_property
    def _coefficients(self) -> Array:
        """The numbers a_k of every example, shape (terms, m)."""
        import sympy

        from landscapes.formula.symbolic import symbol

        names = [*(name for name, _ in self.data), *(name for name, _ in self.parameters)]
        function = sympy.lambdify([symbol(name) for name in names], list(self.terms or ()), modules="numpy", cse=True)
        rows = function(*self.table, *(value for _, value in self.parameters))
        values = np.stack([np.broadcast_to(np.asarray(row, dtype=np.float64), self.number) for row in rows])
        if not np.all(np.isfinite(values)):
            raise ValueError(f"The formula {self.formula} is not a number for some of the examples.")
        return values

    @property
    def _prefix(self) -> str:
        """A name for averages that no variable, parameter or data array begins with."""
        prefix = "moment"
        names = (*self.variables, *(name for name, _ in self.parameters), *(name for name, _ in self.data))
        while any(name.startswith(prefix) for name in names):
            prefix += "s"
        return prefix
