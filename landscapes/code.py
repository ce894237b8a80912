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
number. So another parameter value needs no other source, and float32 data keep float32 arithmetic. The width
is a literal and the loop has no calls but elementary functions, so that a compiler can vectorise it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from landscapes.grammar import ExpressionError

if TYPE_CHECKING:
    import sympy

_MATH = ("exp", "log", "sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh", "erf")
_RESERVED = frozenset({"data", "out", "math", "np", "range", "abs", "block", "j"})


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
) -> BlockCode:
    """Return source that evaluates expressions over flat blocks.

    Args:
        outputs: expression i fills row i of ``out``.
        inputs: argument names with the symbols in their rows, for example ``{"x": (x, y), "z": (z0, z1)}``.
        parameters: every other symbol with its value; the values reach ``data`` only, never the source.
        width: lanes in a block.

    Raises:
        ExpressionError: for a symbol that is neither input nor parameter, a function without kernel code, or a
            constant that is not finite.
    """
    names = tuple(inputs)
    for name in names:
        if not name.isidentifier() or not name.isalpha() or name in _RESERVED:
            raise ExpressionError(f"A block argument is named by letters other than j, not {name!r}.")
    rows = tuple((name, tuple(inputs[name])) for name in names)
    source, constants = _source(tuple(outputs), rows, tuple(parameters), int(width))
    return BlockCode(source, _values(constants, parameters), int(width))


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
) -> tuple[str, tuple[sympy.Expr, ...]]:
    import sympy

    symbols = {name: f"{key}_{i}" for key, names in rows for i, name in enumerate(names)}
    outputs = tuple(sympy.sympify(f) for f in outputs)
    used = frozenset().union(*(f.free_symbols for f in outputs))
    unknown = used - symbols.keys() - set(parameters)
    if unknown:
        shown = ", ".join(sorted(str(s) for s in unknown))
        raise ExpressionError(f"The symbols {shown} are neither inputs nor parameters.")
    folding = _Folding(frozenset(symbols))
    folded = [folding.fold(f) for f in outputs]
    shared, finals = sympy.cse(folded, symbols=sympy.numbered_symbols("shared "), list=True)
    writer = _Writer(folding, symbols)
    for name, expression in shared:
        writer.name(name, expression)
    results = [writer.text(expression) for expression in finals]

    def row(name: str, i: int) -> str:
        return f"{name}[{i * width} + j]" if i else f"{name}[j]"

    loads = [f"        {symbols[s]} = {row(key, i)}" for key, names in rows for i, s in enumerate(names) if s in used]
    lines = [f"def block({', '.join([key for key, _ in rows] + ['data', 'out'])}):"]
    lines += [f"    c{k} = data[{k}]" for k in range(len(folding.constants))]
    lines += [f"    for j in range({width}):", *loads, *(f"        {line}" for line in writer.lines)]
    lines += [f"        {row('out', i)} = {result}" for i, result in enumerate(results)]
    return "\n".join(lines) + "\n", tuple(folding.constants)


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

    def fold(self, expression: Any) -> Any:
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
        if isinstance(expression, sympy.Pow) and _is_half_integer(expression.exp):
            return self.fold(expression.base) ** expression.exp
        return expression.func(*(self.fold(part) for part in expression.args))

    def _join(self, kind: Any, fixed: Any, moving: list[Any]) -> Any:
        import sympy

        if fixed == kind.identity:
            return kind(*moving)
        if kind is sympy.Mul and fixed.could_extract_minus_sign():
            return -self._join(kind, -fixed, moving)
        return kind(self.constant(fixed), *moving)


class _Writer:
    """Turns folded expressions into Python text; `lines` collects the statements that come first.

    Texts carry the binding strength of their outermost operation: a sum 1, a product 2, a power 3, a name 4.
    """

    def __init__(self, folding: _Folding, names: Mapping[sympy.Symbol, str]) -> None:
        self.folding = folding
        self.names: dict[Any, str] = dict(names)
        self.lines: list[str] = []
        self._powers: dict[tuple[str, int], str] = {}
        self._count = 0

    def name(self, key: Any, expression: Any) -> None:
        """Write the statement that computes a shared expression."""
        self.names[key] = self._assign(self.text(expression))

    def text(self, expression: Any) -> str:
        return self._write(expression)[0]

    def _assign(self, text: str) -> str:
        if text.isidentifier():
            return text
        name = f"t{self._count}"
        self._count += 1
        self.lines.append(f"{name} = {text}")
        return name

    def _atom(self, expression: Any) -> str:
        """Return a local name that holds the expression."""
        if expression not in self.names:
            self.names[expression] = self._assign(self.text(expression))
        return self.names[expression]

    def _bound(self, expression: Any, strength: int) -> str:
        text, own = self._write(expression)
        return text if own >= strength else f"({text})"

    def _number(self, value: Any) -> str:
        import sympy

        return _local(self.folding.constant(sympy.sympify(value)))

    def _write(self, expression: Any) -> tuple[str, int]:
        import sympy

        if expression in self.names:
            return self.names[expression], 4
        if expression.is_Symbol:
            return _local(expression), 4
        if expression.is_Add:
            return self._sum(expression), 1
        if expression.is_Mul:
            return self._product(expression)
        if expression.is_Pow:
            return self._product(expression) if _is_negative_power(expression) else self._power(expression)
        if expression.is_Number:
            return self._number(expression), 4
        if isinstance(expression, sympy.exp | sympy.log | sympy.Abs) or expression.is_Function:
            return self._function(expression), 4
        raise ExpressionError(f"There is no kernel code for {type(expression).__name__} in {expression}.")

    def _sum(self, expression: Any) -> str:
        import sympy

        text = ""
        # begin with a positive term, if there is one: it saves a negation
        for term in sorted(expression.args, key=_is_negative):
            if not _is_negative(term):
                text += f" + {self._bound(term, 2)}"
            else:
                rest = sympy.Mul(*term.args[1:])
                text += f" - {self._bound(rest, 2)}"
        return text.removeprefix(" + ") if text.startswith(" + ") else "-" + text.removeprefix(" - ")

    def _product(self, expression: Any) -> tuple[str, int]:
        import sympy

        factors = list(sympy.Mul.make_args(expression))
        if _is_negative(expression):
            return "-" + self._bound(sympy.Mul(*factors[1:]), 2), 1
        above = [f for f in factors if not _is_negative_power(f)]
        below = [1 / f for f in factors if _is_negative_power(f)]
        text = " * ".join(self._bound(f, 3 if i else 2) for i, f in enumerate(above)) or self._number(1)
        if below:
            divisor = " * ".join(self._bound(f, 3 if len(below) > 1 else 4) for f in below)
            text += f" / ({divisor})" if len(below) > 1 else f" / {divisor}"
        return text, 2

    def _power(self, expression: Any) -> tuple[str, int]:
        base, exponent = expression.base, expression.exp
        if exponent.is_Integer:
            return self._integer_power(self._atom(base), int(exponent)), 4
        if not _is_half_integer(exponent):
            return f"{self._atom(base)} ** {self._atom(exponent)}", 3
        root = self._assign_once(f"math.sqrt({self._atom(base)})")
        whole = int(exponent.p // 2)
        if whole == 0:
            return root, 4
        return f"{self._integer_power(self._atom(base), whole)} * {root}", 2

    def _integer_power(self, base: str, exponent: int) -> str:
        """Return the name of base**exponent, computed by squaring."""
        if exponent == 1:
            return base
        key = (base, exponent)
        if key not in self._powers:
            if exponent % 2:
                text = f"{self._integer_power(base, exponent - 1)} * {base}"
            else:
                half = self._integer_power(base, exponent // 2)
                text = f"{half} * {half}"
            self._powers[key] = self._assign(text)
        return self._powers[key]

    def _assign_once(self, text: str) -> str:
        if text not in self.names:
            self.names[text] = self._assign(text)
        return self.names[text]

    def _function(self, expression: Any) -> str:
        name = type(expression).__name__
        if name in _MATH:
            return f"math.{name}({self.text(expression.args[0])})"
        if name == "Abs":
            return f"abs({self.text(expression.args[0])})"
        if name in ("floor", "ceiling"):
            return f"np.{name.removesuffix('ing')}({self.text(expression.args[0])})"
        if name in ("Max", "Min"):
            sign = ">" if name == "Max" else "<"
            best, *others = [self._atom(part) for part in expression.args]
            for other in others:
                best = self._assign_once(f"{best} if {best} {sign} {other} else {other}")
            return best
        if name in ("sign", "Heaviside"):
            u, zero, one = self._atom(expression.args[0]), self._number(0), self._number(1)
            below, at = (f"-{one}", zero) if name == "sign" else (zero, self.text(expression.args[1]))
            return self._assign_once(f"{one} if {u} > {zero} else ({below} if {u} < {zero} else {at})")
        if name == "Piecewise":
            return self._piecewise(expression)
        raise ExpressionError(f"There is no kernel code for the function {name} in {expression}.")

    def _piecewise(self, expression: Any) -> str:
        *branches, (last, otherwise) = expression.args
        if otherwise != True:  # noqa: E712  (a sympy truth value)
            raise ExpressionError(f"{expression} has no value where no condition holds; end it with True.")
        text = self._atom(last)
        for value, condition in reversed(branches):
            text = f"{self._bound(value, 1)} if {self._condition(condition)} else ({text})"
        return self._assign_once(text)

    def _condition(self, condition: Any) -> str:
        from sympy.logic.boolalg import And, Not, Or

        if condition.is_Relational and condition.rel_op in ("<", "<=", ">", ">="):
            return f"{self._bound(condition.lhs, 1)} {condition.rel_op} {self._bound(condition.rhs, 1)}"
        if isinstance(condition, And | Or):
            word = " and " if isinstance(condition, And) else " or "
            return word.join(f"({self._condition(part)})" for part in condition.args)
        if isinstance(condition, Not):
            return f"not ({self._condition(condition.args[0])})"
        raise ExpressionError(f"There is no kernel code for the condition {condition}.")


def _local(constant: Any) -> str:
    return "c" + str(constant).removeprefix("constant ")


def _is_half_integer(exponent: Any) -> bool:
    return bool(exponent.is_Rational and exponent.q in (1, 2))


def _is_negative_power(expression: Any) -> bool:
    return bool(expression.is_Pow and _is_half_integer(expression.exp) and expression.exp < 0)


def _is_negative(expression: Any) -> bool:
    return bool(expression.is_Mul and expression.args[0] == -1)
