"""Python text for an expression: products by squaring, math.exp and the like, conditional expressions.

Only names of `math` and `np`, and Python's own ``abs`` and ``int``, occur in the text; numbers are names given by the
caller.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from landscapes.formula.grammar import ExpressionError

if TYPE_CHECKING:
    import sympy

    from landscapes.formula.tables import Table

_MATH = ("exp", "log", "sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh", "erf")


class Writer:
    """Turns expressions into Python text; `lines` collects the statements that come first.

    Args:
        names: local names of the input symbols.
        number: gives the local name of a constant.
        place: gives the symbol that stands for a table's place in `data`.

    Texts carry the binding strength of their outermost operation: a sum 1, a product 2, a power 3, a name 4.
    """

    def __init__(
        self, names: Mapping[sympy.Symbol, str], number: Callable[[Any], str], place: Callable[[Table], sympy.Symbol]
    ) -> None:
        self._number = number
        self._place = place
        self.names: dict[Any, str] = dict(names)
        self.lines: list[str] = []
        self._powers: dict[tuple[str, int], str] = {}
        self._count = 0

    def name(self, key: Any, expression: Any) -> None:
        """Write the statement that computes a shared expression."""
        self.names[key] = self._assign(self.text(expression))

    def text(self, expression: Any) -> str:
        """Return the text that computes an expression, after the statements in `lines`."""
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

    def _write(self, expression: Any) -> tuple[str, int]:
        import sympy

        if expression in self.names:
            return self.names[expression], 4
        if expression.is_Symbol:
            return self._number(expression), 4  # a constant of the folding
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
        if expression.is_Relational or expression.is_Boolean:  # a condition that several pieces share
            return self._condition(expression), 0
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
        if not is_half_integer(exponent):
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
        table = getattr(type(expression), "table", None)
        if table is not None:
            return self._table(table, expression)
        raise ExpressionError(f"There is no kernel code for the function {name} in {expression}.")

    def _table(self, table: Table, expression: Any) -> str:
        """Return the text that looks a polynomial up and evaluates it."""
        import sympy

        def exact(value: float) -> str:
            return self._number(sympy.Float(float(value), 17))

        x, zero, last = self._atom(expression.args[0]), self._number(0), exact(table.cells - 1)
        t = self._assign_once(f"({x} - {exact(table.low)}) * {exact(1 / table.spacing)}")
        i = self._assign_once(f"np.floor({t})")
        i = self._assign_once(f"{i} if {i} > {zero} else {zero}")  # also for what is not a number
        i = self._assign_once(f"{i} if {i} < {last} else {last}")
        u = self._assign_once(f"{t} - {i}")
        order = table.coefficients.shape[-1]
        if len(expression.args) == 2:
            i = self._assign_once(f"{self._atom(expression.args[1])} * {exact(table.cells)} + {i}")
        at = self._assign_once(f"int({self._number(self._place(table))} + {exact(order)} * {i})")
        text = f"data[{at} + {order - 1}]"
        for k in range(order - 2, -1, -1):
            text = f"(data[{at} + {k}] + {u} * {text})"
        return self._assign_once(text)

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

        if condition in self.names:
            return self.names[condition]
        if condition.is_Relational and condition.rel_op in ("<", "<=", ">", ">="):
            return f"{self._bound(condition.lhs, 1)} {condition.rel_op} {self._bound(condition.rhs, 1)}"
        if isinstance(condition, And | Or):
            word = " and " if isinstance(condition, And) else " or "
            return word.join(f"({self._condition(part)})" for part in condition.args)
        if isinstance(condition, Not):
            return f"not ({self._condition(condition.args[0])})"
        raise ExpressionError(f"There is no kernel code for the condition {condition}.")


def is_half_integer(exponent: Any) -> bool:
    """Tell whether an exponent is written with products and square roots."""
    return bool(exponent.is_Rational and exponent.q in (1, 2))


def _is_negative_power(expression: Any) -> bool:
    return bool(expression.is_Pow and is_half_integer(expression.exp) and expression.exp < 0)


def _is_negative(expression: Any) -> bool:
    return bool(expression.is_Mul and expression.args[0] == -1)
