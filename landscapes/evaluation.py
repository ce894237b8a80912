"""Values on arrays: x of shape (d, ...) -> L (...), grad L (d, ...), Hess L (d, d, ...).

Two kinds of functions know how to compute them: `FormulaFunctions` from exact derivatives of a formula, and
`PlainFunctions` from what the user wrote, with checked differences where a derivative is missing. For a drift
b the same two give b (d, ...) and its Jacobian db_i/dx_j (d, d, ...).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from landscapes.differences import derivatives, second_derivatives

if TYPE_CHECKING:
    import sympy

    from landscapes.formula.symbolic import Symbolic

Array = NDArray[np.float64]
ArrayFunction = Callable[[Array], Array]


@dataclass(frozen=True)
class FormulaFunctions:
    """NumPy functions of a loss (one formula) or of a drift (d formulas), with exact derivatives.

    Changing `values` compiles nothing: the functions take the parameters as arguments.
    """

    formulas: tuple[str | sympy.Expr, ...]
    variables: tuple[str, ...]
    values: tuple[tuple[str, float], ...]
    is_loss: bool

    def symbolic(self) -> Symbolic:
        """Return the sympy expressions."""
        from landscapes.formula.symbolic import Symbolic

        return Symbolic.of(self.formulas, self.variables, dict(self.values), self.is_loss)

    def loss(self, x: Array) -> Array:
        """Return L of shape (...)."""
        return np.asarray(self._evaluate("loss", x)[0])

    def slope(self, x: Array) -> Array:
        """Return the gradient of a loss, or the drift; shape (d, ...)."""
        return self._evaluate("slope", x)

    def curvature(self, x: Array) -> Array:
        """Return the Hessian of a loss, or the drift's Jacobian; shape (d, d, ...)."""
        d = len(self.variables)
        return self._evaluate("curvature", x).reshape((d, d, *x.shape[1:]))

    def _evaluate(self, what: str, x: Array) -> Array:
        names = tuple(name for name, _ in self.values)
        function, places = _compiled(what, self.formulas, self.variables, names, self.is_loss)
        with np.errstate(all="ignore"):  # the caller looks for values that are not numbers
            try:
                parts = function(*x, *(value for _, value in self.values))
            except OverflowError:  # of powers of Python's own floats; those of numpy are infinite then
                parts = function(*x, *(np.float64(value) for _, value in self.values))
        result = np.empty((len(places), *x.shape[1:]))
        for row, place in enumerate(places):
            result[row] = parts[place]  # broadcasts a constant part
        if not np.isfinite(result).all():
            self._mend(what, x, result)
        return result

    def _mend(self, what: str, x: Array, result: Array) -> None:
        """Fill in values that are infinite or no numbers only because parts of the formula overflow."""
        from landscapes.formula.magnitudes import value
        from landscapes.formula.symbolic import symbol

        names = tuple(name for name, _ in self.values)
        rows = _rows(what, self.formulas, self.variables, names, self.is_loss)
        known = {symbol(name): np.float64(number) for name, number in self.values}
        flat, points = result.reshape(len(rows), -1), x.reshape(len(x), -1)
        for k, expression in enumerate(rows):
            lost = ~np.isfinite(flat[k]) & np.isfinite(points).all(axis=0)
            if lost.any():
                here = {symbol(name): row[lost] for name, row in zip(self.variables, points, strict=True)}
                flat[k, lost] = value(expression, {**known, **here})


@cache
def _compiled(
    what: str,
    formulas: tuple[str | sympy.Expr, ...],
    variables: tuple[str, ...],
    parameters: tuple[str, ...],
    is_loss: bool,
) -> tuple[Callable[..., list[Any]], tuple[int, ...]]:
    """Return a NumPy function of the coordinates and parameters, and which of its results fills which row."""
    import sympy

    from landscapes.formula.symbolic import symbol

    rows = _rows(what, formulas, variables, parameters, is_loss)
    distinct = list(dict.fromkeys(rows))  # half of a Hessian, and one zero
    arguments = [symbol(name) for name in (*variables, *parameters)]
    function = sympy.lambdify(arguments, distinct, modules=[{"erf": _erf}, "numpy"], cse=True, docstring_limit=0)
    return function, tuple(distinct.index(row) for row in rows)


@cache
def _rows(
    what: str,
    formulas: tuple[str | sympy.Expr, ...],
    variables: tuple[str, ...],
    parameters: tuple[str, ...],
    is_loss: bool,
) -> tuple[sympy.Expr, ...]:
    """The expressions of a loss, of its gradient (or of a drift), or of the derivatives of that."""
    from landscapes.formula.symbolic import Symbolic

    symbolic = Symbolic.of(formulas, variables, dict.fromkeys(parameters, 0.0), is_loss)
    sign = -1 if is_loss else 1
    if what == "loss":
        return (symbolic.loss,)
    if what == "slope":
        return tuple(sign * part for part in symbolic.drift)
    return tuple(sign * part for row in symbolic.jacobian for part in row)


def _erf(x: Any) -> Any:
    from scipy.special import erf

    return erf(x)


@dataclass(frozen=True)
class PlainFunctions:
    """A user's functions of x (d, ...); missing derivatives come from checked differences.

    Attributes:
        dimension: d.
        loss_function: L, None for a drift.
        slope_function: gradient of L, or the drift.
        curvature_function: Hessian of L, or the drift's Jacobian.
        scale: length per coordinate on which the functions vary; the differences step below it.
    """

    dimension: int
    loss_function: ArrayFunction | None
    slope_function: ArrayFunction | None
    curvature_function: ArrayFunction | None
    scale: tuple[float, ...] | None = None

    def symbolic(self) -> None:
        """Return None: plain functions have no formula."""
        return None

    def loss(self, x: Array) -> Array:
        """Return L of shape (...)."""
        assert self.loss_function is not None
        return _called("loss", self.loss_function, x, x.shape[1:])

    def slope(self, x: Array) -> Array:
        """Return the gradient of a loss, or the drift; shape (d, ...)."""
        if self.slope_function is None:
            return derivatives(self.loss, x, self.scale)
        what = "drift" if self.loss_function is None else "gradient"
        return _called(what, self.slope_function, x, x.shape)

    def curvature(self, x: Array) -> Array:
        """Return the Hessian of a loss, or the drift's Jacobian; shape (d, d, ...)."""
        if self.curvature_function is not None:
            what = "jacobian" if self.loss_function is None else "hessian"
            return _called(what, self.curvature_function, x, (self.dimension, *x.shape))
        if self.slope_function is None:
            return second_derivatives(self.loss, x, self.scale)
        found = np.moveaxis(derivatives(self.slope, x, self.scale), 0, 1)  # from (j, i, ...) to (i, j, ...)
        return found if self.loss_function is None else 0.5 * (found + np.swapaxes(found, 0, 1))


def _called(what: str, function: ArrayFunction, x: Array, shape: tuple[int, ...]) -> Array:
    try:
        value = np.asarray(function(x))
    except ValueError as error:
        if "truth value of an array" not in str(error):
            raise
        raise ValueError(
            f"The {what} decides by if, or by and, or, min, max, where x of shape {x.shape} holds many points at once; "
            f"write np.where(condition, a, b), np.minimum or np.maximum instead (NumPy says: {error})"
        ) from error
    if value.shape != shape:
        raise ValueError(
            f"The {what} returned shape {value.shape} for x of shape {x.shape}; expected {shape}. "
            "Coordinates are the first axis: x[0], x[1], ..."
        )
    if value.dtype.kind not in "fiub":
        raise TypeError(f"The {what} returned values of type {value.dtype}; expected real numbers.")
    return value.astype(np.float64)
