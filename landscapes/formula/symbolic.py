"""From the text of a formula to its exact derivatives: text -> checked syntax tree -> sympy -> grad L, Hess L.

`parse` reads the text with the whitelist of `landscapes.formula.grammar` and builds the sympy expression node by node;
the text itself is never evaluated. `Symbolic` is the result for a whole landscape or drift.
`landscapes.formula.block_code.block_code` turns its expressions into kernel source.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

from landscapes.formula.block_code import BlockCode, block_code
from landscapes.formula.grammar import LARGEST_NUMBER, LONGEST_TEXT, ExpressionError, check_names, syntax_tree, terms

if TYPE_CHECKING:
    import sympy

__all__ = [
    "BlockCode",
    "ExpressionError",
    "Symbolic",
    "adopt",
    "block_code",
    "check_names",
    "derivative",
    "parse",
    "symbol",
]


def symbol(name: str) -> sympy.Symbol:
    """Return the real sympy symbol that stands for a variable or parameter of this name."""
    import sympy

    return sympy.Symbol(name, real=True)


def parse(
    text: str, variables: Sequence[str], parameters: Iterable[str] = (), longest: int | None = LONGEST_TEXT
) -> sympy.Expr:
    """Return the sympy expression of a formula text in the declared variables and parameters.

    Allowed are numbers, the declared names, ``+ - * / **``, the constants ``pi`` and ``e`` and the functions
    of `landscapes.formula.grammar.FUNCTIONS`. Numbers are kept exact (``0.1`` is 1/10), all symbols are real.

    Raises:
        ExpressionError: for any other text, before sympy sees it. Nothing in the text is ever executed.
    """
    names = [*variables, *parameters]
    check_names(names, "variable or parameter")
    tree = syntax_tree(text, names, longest)
    return _finite(_translate(tree))


def adopt(expression: sympy.Expr, variables: Sequence[str], parameters: Iterable[str] = ()) -> sympy.Expr:
    """Return a user's sympy expression with our real symbols in place of the symbols of the same names.

    Raises:
        ExpressionError: for undeclared symbols, functions outside the grammar, and complex or infinite numbers.
    """
    import sympy

    names = check_names([*variables, *parameters], "variable or parameter")
    expression = sympy.sympify(expression, strict=True)
    if not isinstance(expression, sympy.Expr):
        raise ExpressionError(f"Expected a sympy expression, not {type(expression).__name__}.")
    undeclared = sorted(str(s) for s in expression.free_symbols if str(s) not in names)
    if undeclared:
        raise ExpressionError(f"The names {', '.join(undeclared)} are not declared; declared are: {', '.join(names)}.")
    for node in sympy.preorder_traversal(expression):
        if not isinstance(node, _sympy_vocabulary()):
            raise ExpressionError(f"{type(node).__name__} in {node} cannot occur in a formula.")
    expression = expression.xreplace({s: symbol(str(s)) for s in expression.free_symbols})
    return _finite(expression)


def derivative(expression: sympy.Expr, variable: sympy.Symbol) -> sympy.Expr:
    """Return the exact derivative, taken piecewise at kinks.

    The slope of |u| is sign(u) and that of sign(u) is 0: the point mass that a kink puts into the second
    derivative is left out, as an average over a neighbourhood of measure zero.
    """
    import sympy

    # sympy takes |u| apart into real and imaginary part where it cannot tell that u is real, as all is here
    kinks = {
        part: sympy.Dummy("kink", real=True)
        for part in expression.atoms(sympy.Abs)
        if part.has(variable) and not part.args[0].is_extended_real
    }
    if kinks:
        smooth = expression.xreplace(kinks)
        outer = {part: kink for part, kink in kinks.items() if smooth.has(kink)}
        found = derivative(smooth, variable) + sum(
            derivative(smooth, kink) * sympy.sign(part.args[0]) * derivative(part.args[0], variable)
            for part, kink in outer.items()
        )
        return found.xreplace({kink: part for part, kink in outer.items()})
    found = sympy.diff(expression, variable)
    if found.has(sympy.DiracDelta):
        found = found.replace(sympy.DiracDelta, lambda *arguments: sympy.Integer(0))
    return found


@dataclass(frozen=True)
class Symbolic:
    """A landscape or drift as sympy expressions in real symbols.

    Attributes:
        variables: the coordinates x_1 ... x_d.
        parameters: parameter symbols with their present values.
        loss: the loss L, None for a drift that is no gradient.
        drift: the d components of the drift; -dL/dx_i for a loss.
    """

    variables: tuple[sympy.Symbol, ...]
    parameters: Mapping[sympy.Symbol, float]
    loss: sympy.Expr | None
    drift: tuple[sympy.Expr, ...]

    @classmethod
    def of(
        cls,
        formulas: Sequence[str | sympy.Expr],
        variables: Sequence[str],
        parameters: Mapping[str, float],
        is_loss: bool,
    ) -> Symbolic:
        """Read the formula of a loss, or the d formulas of a drift."""
        loss, drift = _read(tuple(formulas), tuple(variables), tuple(parameters), is_loss)
        values = {symbol(name): float(value) for name, value in parameters.items()}
        return cls(tuple(symbol(name) for name in variables), values, loss, drift)

    @cached_property
    def jacobian(self) -> tuple[tuple[sympy.Expr, ...], ...]:
        """The derivatives of drift i (row) with respect to coordinate j (column)."""
        return tuple(tuple(derivative(f, x) for x in self.variables) for f in self.drift)


@cache
def _read(
    formulas: tuple[str | sympy.Expr, ...], variables: tuple[str, ...], parameters: tuple[str, ...], is_loss: bool
) -> tuple[sympy.Expr | None, tuple[sympy.Expr, ...]]:
    expressions = [
        parse(formula, variables, parameters, longest=None)
        if isinstance(formula, str)
        else adopt(formula, variables, parameters)
        for formula in formulas
    ]
    if not is_loss:
        return None, tuple(expressions)
    return expressions[0], tuple(-derivative(expressions[0], symbol(name)) for name in variables)


def _translate(node: ast.expr) -> sympy.Expr:
    """Build the sympy expression of a checked syntax tree."""
    import sympy

    if isinstance(node, ast.Constant):
        return _exact(node.value)
    if isinstance(node, ast.Name):
        return {"pi": sympy.pi, "e": sympy.E}.get(node.id) or symbol(node.id)
    if isinstance(node, ast.UnaryOp):
        operand = _translate(node.operand)
        return -operand if isinstance(node.op, ast.USub) else operand
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        arguments = [_translate(argument) for argument in node.args]
        try:
            value = _functions()[node.func.id](*arguments)
        except ValueError as error:  # min and max of what sympy cannot order
            raise ExpressionError(f"{node.func.id} cannot be taken: {error}") from None
        return _finite(value)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow):
        return _finite(_translate(node.left) ** _translate(node.right))
    if isinstance(node, ast.BinOp):
        return _chain(node)
    raise ExpressionError(f"{type(node).__name__} cannot occur in a formula.")


def _chain(node: ast.BinOp) -> sympy.Expr:
    import sympy

    parts = []
    for operator, operand in terms(node):
        part = _translate(operand)
        if isinstance(operator, ast.Sub):
            part = -part
        elif isinstance(operator, ast.Div):
            if part.is_zero:
                raise ExpressionError("The formula divides by zero.")
            part = 1 / part
        parts.append(part)
    return _finite((sympy.Add if isinstance(node.op, ast.Add | ast.Sub) else sympy.Mul)(*parts))


def _exact(number: Any) -> sympy.Expr:
    """Return a number as written: 0.1 is 1/10, so that derivatives stay free of rounding."""
    import sympy

    if isinstance(number, int):
        return sympy.Integer(number)
    if number == 0 or 1e-30 < abs(number) < 1e30:
        return sympy.Rational(repr(number))
    return sympy.Float(number)


def _finite(expression: sympy.Expr) -> sympy.Expr:
    """Refuse infinite, undefined or complex parts, and coefficients out of range."""
    import sympy

    if expression.has(sympy.zoo, sympy.oo, sympy.nan, sympy.I):
        raise ExpressionError("The formula is undefined, infinite or complex; check divisions and roots.")
    if not expression.free_symbols and not expression.is_extended_real and sympy.im(expression.evalf()) != 0:
        raise ExpressionError(f"The constant {expression} in the formula is not real.")
    coefficient = expression.as_coeff_Mul()[0]
    if abs(coefficient) > LARGEST_NUMBER:
        raise ExpressionError(f"A constant in the formula is beyond {LARGEST_NUMBER:.0e}.")
    return expression


@cache
def _functions() -> Mapping[str, Callable[..., Any]]:
    import sympy as s

    inverse = {"asin": s.asin, "acos": s.acos, "atan": s.atan}
    inverse |= {"arcsin": s.asin, "arccos": s.acos, "arctan": s.atan}
    plain = {"exp": s.exp, "log": s.log, "sqrt": s.sqrt, "sin": s.sin, "cos": s.cos, "tan": s.tan}
    hyperbolic = {"sinh": s.sinh, "cosh": s.cosh, "tanh": s.tanh, "erf": s.erf}
    return {**plain, **inverse, **hyperbolic, "abs": s.Abs, "sign": s.sign, "min": s.Min, "max": s.Max}


@cache
def _sympy_vocabulary() -> tuple[type, ...]:
    """The sympy classes that a user's expression may contain, beside those that parsing builds."""
    import sympy as s
    from sympy.core.relational import Relational
    from sympy.functions.elementary.piecewise import ExprCondPair
    from sympy.logic.boolalg import BooleanAtom, BooleanFunction

    arithmetic = (s.Symbol, s.Rational, s.Float, s.Add, s.Mul, s.Pow, s.core.numbers.NumberSymbol)
    from landscapes.formula.tabulated import TableFunction

    functions = (*(function for function in _functions().values() if isinstance(function, type)), TableFunction)
    piecewise = (s.Piecewise, ExprCondPair, Relational, BooleanAtom, BooleanFunction, s.Heaviside)
    return arithmetic + functions + piecewise
