"""What a formula may contain: expr = number | name | f(expr) | -expr | expr (+ - * / **) expr.

The text is read into Python's syntax tree, and the tree is compared with this list before any computer
algebra sees it. Nothing here evaluates or executes the text; a tree with anything else in it is refused.
"""

from __future__ import annotations

import ast
import keyword
import math
import operator
import re
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence

LONGEST_TEXT = 2000
"""Characters in one formula."""
DEEPEST = 50
"""Nesting of one formula; a sum or product of many terms counts as one level."""
HIGHEST_POWER = 64
"""Largest constant exponent; exponents of nested powers multiply."""
LARGEST_NUMBER = 1e300
"""Largest constant."""

CONSTANTS: Mapping[str, float] = {"pi": math.pi, "e": math.e}

FUNCTIONS: Mapping[str, Callable[..., float]] = {
    "exp": math.exp,
    "log": math.log,
    "sqrt": math.sqrt,
    "sin": math.sin,
    "cos": math.cos,
    "tan": math.tan,
    "asin": math.asin,
    "acos": math.acos,
    "atan": math.atan,
    "arcsin": math.asin,
    "arccos": math.acos,
    "arctan": math.atan,
    "sinh": math.sinh,
    "cosh": math.cosh,
    "tanh": math.tanh,
    "erf": math.erf,
    "abs": abs,
    "sign": lambda value: float((value > 0) - (value < 0)),
    "min": min,
    "max": max,
}
"""The functions a formula may name, with their values on constants."""

_ALLOWED_CHARACTERS = re.compile(r"[A-Za-z0-9_+\-*/(),.\s]*")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_TWO_OR_MORE = ("min", "max")
_SUMS = (ast.Add, ast.Sub)
_PRODUCTS = (ast.Mult, ast.Div)
_ARITHMETIC: Mapping[type[ast.operator], Callable[..., float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


class ExpressionError(ValueError):
    """A formula, or a name in it, that is not on the list of what a formula may contain."""


def check_names(names: Iterable[str], what: str) -> tuple[str, ...]:
    """Return the names of variables or parameters, refusing those that a formula could not use.

    Raises:
        ExpressionError: for a name that is no plain ASCII identifier, starts with an underscore, is a Python
            keyword, names a function or constant of the grammar, or occurs twice.
    """
    checked: list[str] = []
    for name in names:
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise ExpressionError(
                f"A {what} is named by an ASCII letter followed by letters, digits or _, not {name!r}."
            )
        if keyword.iskeyword(name) or "__" in name:
            raise ExpressionError(f"{name!r} is reserved and cannot name a {what}; choose another name.")
        if name in FUNCTIONS or name in CONSTANTS:
            raise ExpressionError(f"{name!r} already means something in formulas; rename the {what}.")
        if name in checked:
            raise ExpressionError(f"The {what} {name!r} is declared twice.")
        checked.append(name)
    return tuple(checked)


def syntax_tree(text: str, names: Sequence[str], longest: int | None = LONGEST_TEXT) -> ast.expr:
    """Return the checked syntax tree of a formula in the declared names.

    Args:
        text: the formula, for example ``"(x**2 - 1)**2/4 + k*y**2"``.
        names: the variables and parameters that may occur.
        longest: the longest text accepted, None for no limit.

    Raises:
        ExpressionError: for anything that the grammar does not contain.
    """
    if not isinstance(text, str):
        raise ExpressionError(f"A formula is a text, not {type(text).__name__}.")
    text = " ".join(text.split())
    if not text:
        raise ExpressionError("The formula is empty; write one such as 'x**2/2'.")
    if longest is not None and len(text) > longest:
        raise ExpressionError(f"The formula has {len(text)} characters; at most {longest} are read.")
    if "^" in text:
        raise ExpressionError("Powers are written **, not ^: x**2.")
    if not text.isascii() or not _ALLOWED_CHARACTERS.fullmatch(text):
        odd = next(c for c in text if not (c.isascii() and _ALLOWED_CHARACTERS.fullmatch(c)))
        raise ExpressionError(f"The character {odd!r} cannot occur in a formula.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # "1or 2" and the like only warn
            tree = ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError, Warning) as error:
        reason = getattr(error, "msg", None) or str(error) or type(error).__name__
        raise ExpressionError(f"The formula {_short(text)!r} cannot be read: {reason}.") from None
    _Checker(frozenset(names)).check(tree, depth=0)
    return tree


def terms(node: ast.BinOp) -> list[tuple[ast.operator, ast.expr]]:
    """Unroll a - b + c (or a * b / c) into its operands, each with the operator in front of it.

    Long sums are deep trees that lean to the left; read as a list they need no recursion.
    """
    same = _SUMS if isinstance(node.op, _SUMS) else _PRODUCTS
    found: list[tuple[ast.operator, ast.expr]] = []
    current: ast.expr = node
    while isinstance(current, ast.BinOp) and isinstance(current.op, same):
        found.append((current.op, current.right))
        current = current.left
    found.append((same[0](), current))
    return found[::-1]


class _Checker:
    """Walks a syntax tree, in which only these names may occur."""

    def __init__(self, names: frozenset[str]) -> None:
        self.names = names

    def check(self, node: ast.expr, depth: int) -> tuple[float | None, float]:
        """(Value if the node is constant else None, power of the node); an error for what is no formula."""
        if depth > DEEPEST:
            raise ExpressionError(f"The formula is nested more than {DEEPEST} levels deep.")
        if isinstance(node, ast.Constant):
            return _number(node), 1.0
        if isinstance(node, ast.Name):
            return self._name(node.id), 1.0
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
            value, power = self.check(node.operand, depth + 1)
            return (None if value is None else -value if isinstance(node.op, ast.USub) else value), power
        if isinstance(node, ast.Call):
            return self._call(node, depth), 1.0
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow):
            return self._power(node, depth)
        if isinstance(node, ast.BinOp) and isinstance(node.op, _SUMS + _PRODUCTS):
            return self._chain(node, depth)
        raise ExpressionError(f"{_describe(node)} cannot occur in a formula.")

    def _name(self, name: str) -> float | None:
        if name in CONSTANTS:
            return CONSTANTS[name]
        if name in FUNCTIONS:
            raise ExpressionError(f"{name} is a function; write {name}(...).")
        if name not in self.names:
            declared = ", ".join(sorted(self.names)) or "none"
            raise ExpressionError(f"The name {name!r} is not declared; declared are: {declared}.")
        return None

    def _call(self, node: ast.Call, depth: int) -> float | None:
        if not isinstance(node.func, ast.Name) or node.func.id not in FUNCTIONS:
            called = repr(node.func.id) if isinstance(node.func, ast.Name) else "This"
            raise ExpressionError(f"{called} is no function of formulas; known are {', '.join(FUNCTIONS)}.")
        name = node.func.id
        if node.keywords or any(isinstance(argument, ast.Starred) for argument in node.args):
            raise ExpressionError(f"{name} takes plain arguments only.")
        right_count = len(node.args) >= 2 if name in _TWO_OR_MORE else len(node.args) == 1
        if not right_count:
            wanted = "two or more arguments" if name in _TWO_OR_MORE else "one argument"
            raise ExpressionError(f"{name} takes {wanted}, not {len(node.args)}.")
        values = [self.check(argument, depth + 1)[0] for argument in node.args]
        constants = [value for value in values if value is not None]
        return _constant(FUNCTIONS[name], constants, node) if len(constants) == len(values) else None

    def _power(self, node: ast.BinOp, depth: int) -> tuple[float | None, float]:
        base, power = self.check(node.left, depth + 1)
        exponent, _ = self.check(node.right, depth + 1)
        if exponent is None:
            return None, power
        if abs(exponent) * (1.0 if base is not None else power) > HIGHEST_POWER:
            raise ExpressionError(
                f"Constant exponents reach at most {HIGHEST_POWER} in size, nested ones multiplied; "
                f"{_short(_text(node))!r} goes beyond."
            )
        if base is None:
            return None, max(1.0, abs(exponent)) * power
        return _constant(operator.pow, (base, exponent), node), 1.0

    def _chain(self, node: ast.BinOp, depth: int) -> tuple[float | None, float]:
        total: float | None = 0.0 if isinstance(node.op, _SUMS) else 1.0
        highest = 1.0
        for symbol, operand in terms(node):
            value, power = self.check(operand, depth + 1)
            highest = max(highest, power)
            if isinstance(symbol, ast.Div) and value == 0:
                raise ExpressionError(f"{_short(_text(node))!r} divides by zero.")
            if value is None or total is None:
                total = None
            else:
                total = _constant(_ARITHMETIC[type(symbol)], (total, value), node)
        return total, highest


def _number(node: ast.Constant) -> float:
    if type(node.value) not in (int, float):
        raise ExpressionError(f"{_describe(node)} cannot occur in a formula; numbers are real.")
    return _constant(float, [node.value], node)


def _constant(function: Callable[..., float], arguments: Sequence[object], node: ast.expr) -> float:
    """Return the value of a constant sub-expression, refusing what is undefined or out of range."""
    try:
        value = function(*arguments)
    except (OverflowError, ZeroDivisionError, ValueError):
        value = math.nan
    if isinstance(value, complex) or not abs(value) <= LARGEST_NUMBER:  # also refuses nan
        raise ExpressionError(
            f"The constant {_short(_text(node))!r} is undefined, not real or beyond {LARGEST_NUMBER:.0e}."
        )
    return float(value)


def _describe(node: ast.AST) -> str:
    kind = type(node.op).__name__ if isinstance(node, ast.UnaryOp | ast.BinOp) else type(node).__name__
    return f"{_short(_text(node))!r} ({kind.lower()})"


def _text(node: ast.AST) -> str:
    try:
        return ast.unparse(node)
    except (RecursionError, ValueError):  # huge integers have no text; deep trees are refused anyway
        return "this part"


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "..."


def finite_values(parameters: Mapping[str, float]) -> dict[str, float]:
    """Parameters as floats; ``ValueError`` for a value that is not a finite number."""
    for name, value in parameters.items():
        try:
            finite = math.isfinite(value)
        except (TypeError, OverflowError):
            finite = False
        if not finite:
            raise ValueError(f"The parameter {name} is a finite number, not {value!r}.")
    return {name: float(value) for name, value in parameters.items()}
