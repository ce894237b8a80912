"""Landscapes as values: a loss L(x) with drift b = -grad L, or a drift b(x) that is no gradient.

Coordinates come first: x has shape (d, ...), so the same call serves one point, a path or a grid.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from numpy.typing import ArrayLike

from landscapes.evaluation import Array, ArrayFunction
from landscapes.field import Field, as_bounds, as_point, numbered, split_names
from landscapes.functions import formula_functions, plain_functions

if TYPE_CHECKING:
    import sympy
    from scipy.sparse.linalg import LinearOperator

    from landscapes.critical.fixed_points import FixedPoints
    from landscapes.critical.points import CriticalPoint, CriticalPoints

__all__ = ["DriftField", "Landscape", "as_bounds", "as_point"]


class DriftField(Field):
    """A drift b(x) that need not be a gradient: dx/dt = b(x) without noise.

    Args:
        drift: function of x (d, ...) returning (d, ...).
        jacobian: function returning db_i/dx_j, shape (d, d, ...); from checked differences if None.
        dimension: d.
        bounds: box of interest, one (low, high) pair per coordinate.
        name: shown in results.
    """

    def __init__(
        self,
        drift: ArrayFunction,
        jacobian: ArrayFunction | None = None,
        dimension: int = 1,
        bounds: Any = None,
        name: str = "drift field",
    ) -> None:
        functions = plain_functions(None, drift, jacobian, dimension, bounds)
        self._describe(functions, numbered(dimension), bounds, name)

    @classmethod
    def from_expression(
        cls,
        expressions: Sequence[str | sympy.Expr],
        variables: str | Sequence[str] = "x",
        bounds: Any = None,
        **parameters: float,
    ) -> DriftField:
        """Build a drift from d formulas, one per variable; see `Landscape.from_expression`."""
        if isinstance(expressions, str):
            expressions = [expressions]
        names = split_names(variables)
        if len(expressions) != len(names):
            raise ValueError(f"A drift in {len(names)} variable(s) has as many formulas, not {len(expressions)}.")
        new = object.__new__(DriftField)
        new._describe(formula_functions(expressions, names, parameters, False), names, bounds, _named(*expressions))
        return new

    def drift(self, x: ArrayLike) -> Array:
        """Return b(x), shape (d, ...)."""
        points = self._points(x)
        return self._numbers("drift", self._functions.slope(points), points)

    def jacobian(self, x: ArrayLike) -> Array:
        """Return db_i/dx_j, shape (d, d, ...)."""
        points = self._points(x)
        return self._numbers("jacobian", self._functions.curvature(points), points)

    def fixed_points(self, bounds: Any = None) -> FixedPoints:
        """Return all points with b = 0 that are found in a box, with the eigenvalues that tell whether they are stable.

        Args:
            bounds: one (low, high) pair per coordinate; the drift's own box if None.

        Raises:
            ValueError: without any box, or where fixed points are not isolated.
        """
        from landscapes.critical.fixed_points import find_fixed_points

        return find_fixed_points(self, self._box(bounds))


class Landscape(Field):
    """A loss L(x) with gradient and Hessian; its drift is -grad L.

    Args:
        loss: function of x (d, ...) returning (...).
        gradient: function returning (d, ...); from checked differences of the loss if None.
        hessian: function returning (d, d, ...); from checked differences if None.
        dimension: d.
        bounds: box of interest, one (low, high) pair per coordinate.
        name: shown in results.
    """

    def __init__(
        self,
        loss: ArrayFunction,
        gradient: ArrayFunction | None = None,
        hessian: ArrayFunction | None = None,
        dimension: int = 1,
        bounds: Any = None,
        name: str = "landscape",
    ) -> None:
        functions = plain_functions(loss, gradient, hessian, dimension, bounds)
        self._describe(functions, numbered(dimension), bounds, name)

    @classmethod
    def from_expression(
        cls, expression: str | sympy.Expr, variables: str | Sequence[str] = "x", bounds: Any = None, **parameters: float
    ) -> Landscape:
        """Build a landscape from the formula of its loss.

        Args:
            expression: text such as ``"(x**2-1)**2/4 + w*y**2/2"``, or a sympy expression.
            variables: the coordinates in order, ``"x y"`` or ``("x", "y")``.
            bounds: box of interest, one (low, high) pair per coordinate.
            parameters: values of all other names in the formula.

        Raises:
            ExpressionError: for a text outside the grammar of `landscapes.formula.symbolic.parse`.
            ValueError: for wrong bounds or a parameter that is not a finite number.
        """
        names = split_names(variables)
        new = object.__new__(Landscape)
        new._describe(formula_functions([expression], names, parameters, True), names, bounds, _named(expression))
        return new

    def loss(self, x: ArrayLike) -> Array:
        """Return L(x), shape (...)."""
        points = self._points(x)
        return self._numbers("loss", self._functions.loss(points), points)

    def gradient(self, x: ArrayLike) -> Array:
        """Return grad L(x), shape (d, ...)."""
        points = self._points(x)
        return self._numbers("gradient", self._functions.slope(points), points)

    def hessian(self, x: ArrayLike) -> Array:
        """Return the second derivatives of L, shape (d, d, ...)."""
        points = self._points(x)
        return self._numbers("hessian", self._functions.curvature(points), points)

    def hessian_operator(self, x: ArrayLike, rough: bool = False) -> LinearOperator:
        """Return v -> H(x) v at one point x (d,) as a symmetric scipy operator (d, d).

        Up to 500 dimensions the Hessian is formed once; beyond, a product costs six gradients, or two if it may be
        ``rough``.
        """
        from landscapes.products import hessian_operator

        return hessian_operator(self, as_point(x, self.dimension), rough)

    def drift(self, x: ArrayLike) -> Array:
        """Return -grad L(x), shape (d, ...)."""
        return -self.gradient(x)

    def jacobian(self, x: ArrayLike) -> Array:
        """Return the drift's derivatives -Hess L, shape (d, d, ...)."""
        return -self.hessian(x)

    def critical_points(self, bounds: Any = None) -> CriticalPoints:
        """Return all points with grad L = 0 that are found in a box; see `landscapes.critical.points`.

        Args:
            bounds: one (low, high) pair per coordinate; the landscape's own box if None.

        Raises:
            ValueError: without any box, or where critical points are not isolated.
        """
        from landscapes.critical.points import find_critical_points

        box = self._box(bounds)
        found: dict[Any, CriticalPoints] = self.__dict__.setdefault("_found", {})
        if box not in found:
            found[box] = find_critical_points(self, box)
        return found[box]

    @property
    def minima(self) -> tuple[CriticalPoint, ...]:
        """The minima in the landscape's own box."""
        return self.critical_points().minima

    @property
    def saddles(self) -> tuple[CriticalPoint, ...]:
        """The saddles of index 1 in the landscape's own box; in one dimension the barrier tops."""
        return self.critical_points().saddles


def _named(*formulas: object) -> str:
    text = ", ".join(str(formula) for formula in formulas)
    return text if len(text) <= 60 else text[:57] + "..."
