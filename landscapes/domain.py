"""Where a formula is defined:  {x : u_i(x) > 0 for all i,  and no v_j changes sign or touches zero}.

The u come from logarithms, roots and inverse functions, the v from poles: log(g) needs g > 0, g**0.3 too, 1/g and
tan(g) need g (or cos(g)) away from zero.  Between two poles a formula is one landscape; a path belongs to the piece
that its start lies in.  A pole at which the value stays finite (sin(x)/x) is no edge.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from landscapes.needs import exact, needs

if TYPE_CHECKING:
    import sympy

    from landscapes.formula.symbolic import Symbolic

Array = NDArray[np.float64]
Interval = tuple[float, float]

DECADES = 15
"""Edges are looked for from 10^-DECADES to 10^DECADES lengths around a point, beside the exact roots of polynomials."""
PER_DECADE = 64


@dataclass(frozen=True)
class Domain:
    """The set on which formulas in ``variables`` are defined.

    Attributes:
        variables: the coordinates' symbols.
        values: (symbol, value) of every parameter.
        positive: expressions that must be > 0.
        nonzero: expressions that must keep the sign that they have at the start.
        formulas: what the domain belongs to; where these stay finite, a zero of ``nonzero`` is no edge (1-D only).
    """

    variables: tuple[Any, ...]
    values: tuple[tuple[Any, float], ...] = ()
    positive: tuple[Any, ...] = ()
    nonzero: tuple[Any, ...] = ()
    formulas: tuple[Any, ...] = ()

    @classmethod
    def of(
        cls, formulas: Iterable[Any], variables: Sequence[Any], parameters: Mapping[Any, float] | None = None
    ) -> Domain:
        """The domain of sympy expressions in real symbols."""
        values = tuple((parameters or {}).items())
        formulas = tuple(formulas)
        positive, nonzero = needs(formulas, tuple(variables), values)
        return cls(tuple(variables), values, positive, nonzero, formulas)

    @property
    def is_everywhere(self) -> bool:
        """Whether the formulas are defined on all of space."""
        return not (self.positive or self.nonzero)

    def __and__(self, other: Domain) -> Domain:
        """The intersection of two domains in the same coordinates."""
        if other.is_everywhere:
            return self
        if self.is_everywhere:
            return other
        join = {name: tuple(dict.fromkeys(getattr(self, name) + getattr(other, name))) for name in _PARTS}
        return Domain(self.variables, **join)

    def contains(self, x: ArrayLike) -> NDArray[np.bool_]:
        """Whether points ``x`` (d, ...) lie in the domain (on any piece of it), shape (...)."""
        points = np.asarray(x, dtype=np.float64)
        inside = np.ones(points.shape[1:], dtype=bool)
        for expression in self.positive:
            inside &= self._at(expression, points) > 0
        for expression in self.nonzero:
            inside &= self._at(expression, points) != 0
        return inside

    def same_piece(self, x: ArrayLike, start: ArrayLike) -> NDArray[np.bool_]:
        """Whether ``x`` (d, ...) satisfies every condition of the piece that ``start`` (d,) lies in, shape (...)."""
        points = np.asarray(x, dtype=np.float64)
        inside = np.ones(points.shape[1:], dtype=bool)
        for expression in self.conditions(start):
            inside &= self._at(expression, points) > 0
        return inside

    def conditions(self, start: ArrayLike) -> tuple[sympy.Expr, ...]:
        """Expressions that are > 0 at ``start`` (d,) and stay so on its piece of the domain.

        Raises:
            ValueError: if the start lies outside the domain.
        """
        point = self._require(start)
        edges = [v for v in self.nonzero if not self._is_removable(v, point)]
        signs = [1 if float(self._at(v, point)) > 0 else -1 for v in edges]
        return (*self.positive, *(sign * v for sign, v in zip(signs, edges, strict=True)))

    def interval(self, point: ArrayLike) -> tuple[Interval, ...]:
        """One open (low, high) per coordinate around ``point`` (d,), along each axis; infinite where no edge is.

        In one dimension this is the piece of the domain that the point lies in.

        Raises:
            ValueError: if the point lies outside the domain.
        """
        start = self._require(point)
        return tuple(self._along(start, axis) for axis in range(start.size))

    def _require(self, start: ArrayLike) -> Array:
        point = np.atleast_1d(np.asarray(start, dtype=np.float64))
        if not self.contains(point):
            shown = ", ".join(f"{v} = {value:g}" for v, value in zip(self.variables, point, strict=True))
            failing = [f"{u} > 0" for u in self.positive if not float(self._at(u, point)) > 0]
            failing += [f"{v} != 0" for v in self.nonzero if float(self._at(v, point)) == 0]
            raise ValueError(f"the formula is not defined at {shown}: it needs {' and '.join(failing)}")
        return point

    def _at(self, expression: Any, points: Array) -> Array:
        return _evaluated(expression, self.variables, self.values, points)

    # --- edges along one axis ---

    def _along(self, point: Array, axis: int) -> Interval:
        low, high = -math.inf, math.inf
        for expression in self.conditions(point):
            below, above = self._zeros_beside(expression, point, axis)
            low, high = max(low, below), min(high, above)
        return low, high

    def _zeros_beside(self, expression: Any, point: Array, axis: int) -> Interval:
        """The zeros of an expression that lie next to the point along an axis."""
        here = float(point[axis])
        zeros = self._polynomial_roots(expression, point, axis)
        if zeros is None:
            zeros = self._bracketed(expression, point, axis)
        below, above = zeros[zeros < here], zeros[zeros > here]
        return float(below.max(initial=-math.inf)), float(above.min(initial=math.inf))

    def _polynomial_roots(self, expression: Any, point: Array, axis: int) -> Array | None:
        """All real roots where the expression is a polynomial along the axis, else ``None``."""
        if len(self.variables) > 1:
            return self._roots_of(expression, point, axis)
        if expression not in self._on_line:  # the same from everywhere
            self._on_line[expression] = self._roots_of(expression, point, axis)
        return self._on_line[expression]

    @cached_property
    def _on_line(self) -> dict[Any, Array | None]:
        return {}

    def _roots_of(self, expression: Any, point: Array, axis: int) -> Array | None:
        import sympy

        variable = self.variables[axis]
        if not expression.is_polynomial(variable):
            return None
        fixed = {v: exact(x) for v, x in zip(self.variables, point, strict=True) if v is not variable}
        fixed |= {name: exact(value) for name, value in self.values}
        polynomial = sympy.Poly(expression.xreplace(fixed), variable)
        if polynomial.degree() < 1:
            return np.empty(0)
        rational = [sympy.Rational(str(c.evalf(30))) for c in polynomial.all_coeffs()]  # pi and e among them
        roots = sympy.real_roots(sympy.Poly(rational, variable), multiple=False)
        return np.array([float(root) for root, _ in roots])

    def _bracketed(self, expression: Any, point: Array, axis: int) -> Array:
        """Roots between sign changes on a fine logarithmic ladder around the point."""
        from scipy.optimize import brentq

        def value(place: float) -> float:
            at = point.copy()
            at[axis] = place
            return float(self._at(expression, at))

        scale = abs(point[axis]) or 1.0
        reach = scale * np.logspace(-DECADES, DECADES, 2 * DECADES * PER_DECADE + 1)
        found = []
        for side in (-1.0, 1.0):
            places = point[axis] + side * np.concatenate([[0.0], reach])
            trial = np.repeat(point[:, None], places.size, axis=1)
            trial[axis] = places
            with np.errstate(all="ignore"):
                lost = np.flatnonzero(~(self._at(expression, trial) > 0))  # it is > 0 at the point itself
            if lost.size:
                inner, outer = places[lost[0] - 1], places[lost[0]]
                end = value(outer)
                ends = inner * (end < 0) if math.isnan(end) else brentq(value, inner, outer, xtol=1e-300, rtol=1e-15)
                found.append(ends if not math.isnan(end) else inner)
        return np.array(found)

    def _is_removable(self, expression: Any, point: Array) -> bool:
        """Whether all zeros of a denominator are points where the formulas stay finite (1-D only), as in sin(x)/x."""
        if len(self.variables) != 1:
            return False
        key = (expression, float(point[0]))
        if key not in self._removable:
            signed = expression if float(self._at(expression, point)) > 0 else -expression
            zeros = [z for z in self._zeros_beside(signed, point, 0) if math.isfinite(z)]
            self._removable[key] = bool(zeros) and all(self._stays_finite(z, abs(z - point[0])) for z in zeros)
        return self._removable[key]

    @cached_property
    def _removable(self) -> dict[Any, bool]:
        return {}

    def _stays_finite(self, zero: float, length: float) -> bool:
        near = length * np.array([1e-2, 1e-3, 1e-4])
        sides = np.concatenate([zero - near, zero + near])[None]
        for formula in self.formulas:
            with np.errstate(all="ignore"):
                size = np.abs(self._at(formula, sides)).reshape(2, -1)
            if not np.isfinite(size).all() or (size[:, -1] > 1.5 * size[:, 0] + 1e-12 * size.max()).any():
                return False
        return True


def domain_of(symbolic: Symbolic | None, dimension: int) -> Domain:
    """The domain of a landscape's loss and drift; all of space where there is no formula."""
    if symbolic is None:
        return Domain((None,) * dimension)
    formulas = symbolic.drift if symbolic.loss is None else (symbolic.loss, *symbolic.drift)
    return Domain.of(formulas, symbolic.variables, symbolic.parameters)


_PARTS = ("values", "positive", "nonzero", "formulas")


def _evaluated(
    expression: Any, variables: tuple[Any, ...], values: tuple[tuple[Any, float], ...], points: Array
) -> Array:
    function = _compiled(expression, variables, tuple(name for name, _ in values))
    with np.errstate(all="ignore"):
        result = function(*points, *(value for _, value in values))
    return np.broadcast_to(np.asarray(result, dtype=np.float64), points.shape[1:])


@cache
def _compiled(expression: Any, variables: tuple[Any, ...], parameters: tuple[Any, ...]) -> Callable[..., Any]:
    import sympy

    return sympy.lambdify([*variables, *parameters], expression, modules=["scipy", "numpy"], docstring_limit=0)
