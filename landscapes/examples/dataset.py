"""A loss that is a mean over the examples of a data set, L(x) = (1/m) sum_j l(x; data_j), as SGD sees it.

Mini-batches draw from the gradients g_j(x) of single examples, whose covariance is

    C1(x) = (1/m) sum_j g_j g_j^T - g g^T,      g = (1/m) sum_j g_j = grad L,

exact at every x.  The mean gradient of S examples drawn with replacement has covariance C1/S; without replacement
within the batch it is C1/S (1 - S/m) m/(m - 1) (W. Cochran, Sampling Techniques, 3rd ed. 1977, theorem 2.2).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NoReturn, Self

import numpy as np
from numpy.typing import ArrayLike

from landscapes.evaluation import Array, ArrayFunction
from landscapes.examples.averages import Examples
from landscapes.field import split_names
from landscapes.formula.grammar import LONGEST_TEXT
from landscapes.functions import formula_functions
from landscapes.landscape import Landscape

if TYPE_CHECKING:
    import sympy


class DatasetLandscape(Landscape):
    """The mean of per-example losses; made by `from_expression` or a named one.

    It is a `Landscape` in every respect and knows, beyond it, the single examples.

    Attributes:
        examples: the loss of one example and the data.
    """

    examples: Examples

    def __init__(
        self,
        loss: ArrayFunction | None = None,
        gradient: ArrayFunction | None = None,
        hessian: ArrayFunction | None = None,
        dimension: int = 1,
        bounds: Any = None,
        name: str = "data set",
    ) -> None:
        raise TypeError("A data-set landscape is made from the loss of one example: DatasetLandscape.from_expression.")

    @classmethod
    def from_expression(  # type: ignore[override]  # data are arrays, parameters are numbers
        cls,
        expression: str | sympy.Expr,
        variables: str | Sequence[str] = "x",
        bounds: Any = None,
        data: Mapping[str, ArrayLike] | None = None,
        **parameters: float,
    ) -> DatasetLandscape:
        """Build the landscape of a data set from the loss of one example.

        Args:
            expression: text such as ``"(x*u - v)**2/2"``, or a sympy expression.
            variables: the coordinates in order, ``"x y"`` or ``("x", "y")``.
            bounds: box of interest, one (low, high) pair per coordinate.
            data: one array (m,) for every name in the formula that differs from example to example.
            parameters: values of all other names in the formula.

        Raises:
            ExpressionError: for a text outside the grammar of `landscapes.formula.symbolic.parse`.
            ValueError: without data, for arrays of different lengths or with values that are not finite.
        """
        new = object.__new__(DatasetLandscape)
        text = str(expression)
        name = f"mean of {text if len(text) <= 50 else text[:47] + '...'}"
        names = split_names(variables)
        new._describe_examples(expression, names, data or {}, parameters, bounds, name, longest=LONGEST_TEXT)
        return new

    def _describe_examples(
        self,
        expression: str | sympy.Expr,
        variables: tuple[str, ...],
        data: Mapping[str, ArrayLike],
        parameters: Mapping[str, float],
        bounds: Any,
        name: str,
        start: Sequence[float] | None = None,
        target: Sequence[float] | None = None,
        longest: int | None = None,
    ) -> None:
        columns = _columns(data)
        known = {**parameters, **dict.fromkeys(columns, 1.0)}
        checked = formula_functions([expression], variables, known, True, longest)
        values = tuple((key, value) for key, value in checked.values if key not in columns)
        raw = tuple((key, column.tobytes()) for key, column in columns.items())
        self._adopt(Examples(expression, variables, values, raw), bounds, name, start, target)

    def _adopt(self, examples: Examples, bounds: Any, name: str, start: Any, target: Any) -> None:
        self.__dict__["examples"] = examples
        self._describe(examples.averaged(), examples.variables, bounds, name, start, target)

    @property
    def number_of_examples(self) -> int:
        """The number m of examples."""
        return self.examples.number

    @property
    def data(self) -> dict[str, Array]:
        """The data arrays (m,) by name; read-only."""
        return {name: row for (name, _), row in zip(self.examples.data, self.examples.table, strict=True)}

    @property
    def parameters(self) -> dict[str, float]:
        """The parameters of the formula with their values, without the data."""
        return dict(self.examples.parameters)

    def example_losses(self, x: ArrayLike) -> Array:
        """Return the losses of all examples at x (d, ...), shape (m, ...)."""
        points = self._points(x)
        return self._numbers("loss", self.examples.losses(points), points)

    def example_gradients(self, x: ArrayLike) -> Array:
        """Return the gradients of all examples at x (d, ...), shape (m, d, ...)."""
        points = self._points(x)
        return self._numbers("gradient", self.examples.gradients(points), points)

    def gradient_covariance(self, x: ArrayLike) -> Array:
        """Return the covariance C1 of one example's gradient at x (d, ...), shape (d, d, ...)."""
        points = self._points(x)
        return self._numbers("gradient covariance", self.examples.covariance(points), points)

    def covariance_formula(self) -> tuple[Any, dict[Any, float]] | None:
        """Return C1 as a sympy matrix with its parameters; None where the loss does not separate in x and data."""
        return self.examples.covariance_formula()

    def _rebuilt(self, parameters: dict[str, float]) -> Self:
        new = object.__new__(type(self))
        examples = replace(self.examples, parameters=tuple(parameters.items()))
        new._adopt(examples, self.bounds, self.name, self.default_start, self.default_target)
        return new

    def _content(self) -> tuple[object, ...]:
        return type(self), self.examples, self.bounds, self.name

    def __repr__(self) -> str:
        shown = "".join(f", {name}={value:.6g}" for name, value in self.parameters.items())
        text = str(self.examples.formula)
        text = text if len(text) <= 100 else text[:97] + "..."
        names = ", ".join(name for name, _ in self.examples.data[:6])
        more = ", ..." if len(self.examples.data) > 6 else ""
        over = f"{self.number_of_examples} examples of ({names}{more})"
        return f"{type(self).__name__}(mean of {text!r} over {over}{shown})"


def _columns(data: Mapping[str, ArrayLike]) -> dict[str, Array]:
    """Check the data arrays."""
    if not data:
        raise ValueError("A data-set landscape needs data: one array of m numbers for every data name, data={'u': u}.")
    columns = {name: np.array(values, dtype=np.float64) for name, values in data.items()}
    first = next(iter(columns))
    for name, column in columns.items():
        if column.ndim != 1 or column.size == 0:
            _refuse(f"The data array {name!r} has one number per example, shape (m,), not shape {column.shape}.")
        if column.size != columns[first].size:
            _refuse(f"The data arrays {first!r} and {name!r} have {columns[first].size} and {column.size} examples.")
        if not np.all(np.isfinite(column)):
            _refuse(f"The data array {name!r} holds values that are not finite numbers.")
    return columns


def _refuse(message: str) -> NoReturn:
    raise ValueError(message)
