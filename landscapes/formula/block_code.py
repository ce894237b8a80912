"""Kernel source for expressions: out_i = f_i(x, z, ...; data), lane by lane over flat blocks.

A block holds `width` points: row i of a block is ``x[i*width : (i+1)*width]``. The text defines one function

    def block(x, z, data, out):
        c0 = data[0]
        for j in range(256):
            x_0 = x[j]
            x_1 = x[256 + j]
            ...
            out[j] = ...

Every number stands in `data`, parameters and literals alike, and what depends on no input is folded into one
number. Behind the numbers lie the coefficients of the tables that occur (`landscapes.formula.tables`). So another
parameter value or table needs no other source, and float32 data keep float32 arithmetic. The width is a literal and
the loop has no calls but elementary functions, so that a compiler can vectorise it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from landscapes.formula.grammar import ExpressionError
from landscapes.formula.tables import Table
from landscapes.formula.writer import Writer, is_half_integer

if TYPE_CHECKING:
    import sympy

_RESERVED = frozenset({"data", "out", "math", "np", "range", "abs", "int", "block", "j"})


@dataclass(frozen=True)
class BlockCode:
    """Source of a function named ``block`` and the numbers that it reads.

    Attributes:
        source: the text; its arguments are the inputs in order, then ``data``, then ``out``.
        data: float64 vector; cast it to the blocks' type before a call.
        width: lanes in a block.
    """

    source: str
    data: NDArray[np.float64]
    width: int


def block_code(
    outputs: Sequence[sympy.Expr],
    inputs: Mapping[str, Sequence[sympy.Symbol]],
    parameters: Mapping[sympy.Symbol, float],
    width: int = 256,
    statements: Sequence[tuple[sympy.Symbol, sympy.Expr]] = (),
) -> BlockCode:
    """Return source that evaluates expressions over flat blocks.

    Args:
        outputs: expression i fills row i of ``out``.
        inputs: argument names with the symbols in their rows, for example ``{"x": (x, y), "z": (z0, z1)}``.
        parameters: every other symbol with its value; the values reach ``data`` only, never the source.
        width: lanes in a block.
        statements: symbols with their expressions, in order, that outputs and later statements may use: what would
            grow without bound if it were inserted.

    Raises:
        ExpressionError: for a symbol that is neither input nor parameter, a function without kernel code, or a
            constant that is not finite.
    """
    names = tuple(inputs)
    for name in names:
        if not name.isidentifier() or not name.isalpha() or name in _RESERVED:
            raise ExpressionError(f"A block argument is named by letters other than j, not {name!r}.")
    rows = tuple((name, tuple(inputs[name])) for name in names)
    source, constants, tables = _source(tuple(outputs), rows, tuple(parameters), int(width), tuple(statements))
    places = np.cumsum([len(constants), *(table.coefficients.size for table in tables)])
    known = {**parameters, **{_place(k): float(place) for k, place in enumerate(places[:-1])}}
    data = np.concatenate([_values(constants, known), *(table.coefficients.ravel() for table in tables)])
    return BlockCode(source, data, int(width))


def _place(k: int) -> sympy.Symbol:
    """Return the symbol of the place in `data` where the k-th table begins."""
    import sympy

    return sympy.Symbol(f"place {k}", real=True)  # a name with a blank cannot be the user's


def _values(constants: Sequence[sympy.Expr], parameters: Mapping[sympy.Symbol, float]) -> NDArray[np.float64]:
    import sympy

    exact = {name: sympy.Float(float(value), 17) for name, value in parameters.items()}
    data = np.empty(len(constants))
    for i, constant in enumerate(constants):
        try:
            data[i] = float(constant.xreplace(exact).evalf(17))
        except (TypeError, OverflowError):
            data[i] = math.nan
        if not math.isfinite(data[i]):
            shown = ", ".join(f"{name} = {value:g}" for name, value in parameters.items())
            raise ExpressionError(f"The constant {constant} is not a finite real number for {shown}.")
    return data


@lru_cache(maxsize=256)
def _source(
    outputs: tuple[sympy.Expr, ...],
    rows: tuple[tuple[str, tuple[sympy.Symbol, ...]], ...],
    parameters: tuple[sympy.Symbol, ...],
    width: int,
    statements: tuple[tuple[sympy.Symbol, sympy.Expr], ...],
) -> tuple[str, tuple[sympy.Expr, ...], tuple[Table, ...]]:
    import sympy

    symbols = {name: f"{key}_{i}" for key, names in rows for i, name in enumerate(names)}
    made = tuple(symbol for symbol, _ in statements)
    formulas = tuple(sympy.sympify(f) for f in (*(formula for _, formula in statements), *outputs))
    used = frozenset().union(*(f.free_symbols for f in formulas))
    unknown = used - symbols.keys() - {*parameters, *made}
    if unknown:
        shown = ", ".join(sorted(str(s) for s in unknown))
        raise ExpressionError(f"The symbols {shown} are neither inputs nor parameters.")
    folding = _Folding(frozenset([*symbols, *made]))
    folded = [folding.fold(f) for f in formulas]
    shared, finals = sympy.cse(folded, symbols=sympy.numbered_symbols("shared "), list=True)
    tables: list[Table] = []

    def place(table: Table) -> sympy.Symbol:
        if table not in tables:
            tables.append(table)
        return _place(tables.index(table))

    writer = Writer(symbols, folding.local, place)
    for name, expression in _in_order([*shared, *zip(made, finals, strict=False)]):
        writer.name(name, expression)
    results = [writer.text(expression) for expression in finals[len(made) :]]

    def row(name: str, i: int) -> str:
        return f"{name}[{i * width} + j]" if i else f"{name}[j]"

    loads = [f"        {symbols[s]} = {row(key, i)}" for key, names in rows for i, s in enumerate(names) if s in used]
    lines = [f"def block({', '.join([key for key, _ in rows] + ['data', 'out'])}):"]
    lines += [f"    c{k} = data[{k}]" for k in range(len(folding.constants))]
    lines += [f"    for j in range({width}):", *loads, *(f"        {line}" for line in writer.lines)]
    lines += [f"        {row('out', i)} = {result}" for i, result in enumerate(results)]
    return "\n".join(lines) + "\n", tuple(folding.constants), tuple(tables)


def _in_order(statements: Iterable[tuple[Any, Any]]) -> list[tuple[Any, Any]]:
    """Return (symbol, expression) in the order given, but each after those that its expression needs."""
    waiting, ordered = dict(statements), []

    def take(symbol: Any) -> None:
        if symbol in waiting:
            expression = waiting.pop(symbol)
            for needed in sorted(expression.free_symbols & waiting.keys(), key=str):
                take(needed)
            ordered.append((symbol, expression))

    for symbol in list(waiting):
        take(symbol)
    return ordered


class _Folding:
    """Replaces each largest part without inputs by a constant c0, c1, ... to be read from data."""

    def __init__(self, inputs: frozenset[sympy.Symbol]) -> None:
        self.inputs = inputs
        self.constants: list[sympy.Expr] = []
        self._names: dict[sympy.Expr, sympy.Symbol] = {}

    def constant(self, value: sympy.Expr) -> sympy.Symbol:
        import sympy

        if value not in self._names:
            # a name with a blank cannot be the user's
            self._names[value] = sympy.Symbol(f"constant {len(self.constants)}", real=True)
            self.constants.append(value)
        return self._names[value]

    def local(self, value: Any) -> str:
        """Return the local name c0, c1, ... of a constant, or of a number that becomes one."""
        import sympy

        value = sympy.sympify(value)
        name = value if value in self._names.values() else self.constant(value)
        return "c" + str(name).removeprefix("constant ")

    def fold(self, expression: Any) -> Any:
        """The expression with every part that holds no input as one constant, which is worked out beforehand."""
        import sympy
        from sympy.core.relational import Relational
        from sympy.functions.elementary.piecewise import ExprCondPair
        from sympy.logic.boolalg import BooleanFunction

        if expression in self.inputs or isinstance(expression, sympy.logic.boolalg.BooleanAtom):
            return expression
        if isinstance(expression, ExprCondPair | Relational | BooleanFunction):  # no numbers themselves
            return expression.func(*(self.fold(part) for part in expression.args))
        if not expression.free_symbols & self.inputs:
            return self.constant(expression)
        if isinstance(expression, sympy.Add | sympy.Mul):
            fixed = [part for part in expression.args if not part.free_symbols & self.inputs]
            moving = [self.fold(part) for part in expression.args if part.free_symbols & self.inputs]
            return self._join(expression.func, expression.func(*fixed), moving)
        if isinstance(expression, sympy.Pow) and is_half_integer(expression.exp):
            return self.fold(expression.base) ** expression.exp
        return expression.func(*(self.fold(part) for part in expression.args))

    def _join(self, kind: Any, fixed: Any, moving: list[Any]) -> Any:
        import sympy

        if fixed == kind.identity:
            return kind(*moving)
        if kind is sympy.Mul and fixed.could_extract_minus_sign():
            return -self._join(kind, -fixed, moving)
        return kind(self.constant(fixed), *moving)
