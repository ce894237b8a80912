"""What a landscape is made from, checked: formulas with their parameters, or functions of x (d, ...)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from landscapes.evaluation import ArrayFunction, FormulaFunctions, PlainFunctions
from landscapes.field import as_bounds, numbered
from landscapes.formula.grammar import LONGEST_TEXT, check_names, finite_values, syntax_tree

if TYPE_CHECKING:
    import sympy


def formula_functions(
    formulas: Sequence[str | sympy.Expr],
    variables: tuple[str, ...],
    parameters: Mapping[str, float],
    is_loss: bool,
    longest: int | None = LONGEST_TEXT,
) -> FormulaFunctions:
    """Check formulas and parameters; texts are compared with the grammar here, without sympy."""
    values = finite_values(parameters)
    names = check_names([*variables, *values], "variable or parameter")
    for formula in formulas:
        if isinstance(formula, str):
            syntax_tree(formula, names, longest)
        else:
            from landscapes.formula.symbolic import adopt

            adopt(formula, variables, tuple(values))
    return FormulaFunctions(tuple(formulas), variables, tuple(values.items()), is_loss)


def plain_functions(
    loss: ArrayFunction | None,
    slope: ArrayFunction | None,
    curvature: ArrayFunction | None,
    dimension: int,
    bounds: Any,
) -> PlainFunctions:
    """Check that functions are functions, and the box."""
    for function in (loss, slope, curvature):
        if function is not None and not callable(function):
            raise TypeError(
                f"Expected a function of x with shape (d, ...), not {function!r}; formulas go to from_expression."
            )
    if loss is None and slope is None:
        raise TypeError("Expected a function of x with shape (d, ...), not None.")
    numbered(dimension)
    scale = None
    if bounds is not None:
        scale = tuple((high - low) / 4 for low, high in as_bounds(bounds, dimension))
    return PlainFunctions(int(dimension), loss, slope, curvature, scale)
