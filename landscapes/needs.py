"""What a formula needs to be defined: log(g) and g**0.3 need g > 0, asin(g) needs 1 - g^2 > 0, 1/g needs g != 0."""

from __future__ import annotations

from typing import Any


def needs(
    formulas: tuple[Any, ...], variables: tuple[Any, ...], values: tuple[tuple[Any, float], ...]
) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """What must be positive and what must not vanish for every part of the formulas to be defined."""
    import sympy

    positive: dict[Any, None] = {}
    nonzero: dict[Any, None] = {}
    known = dict(values)
    for node in (part for formula in formulas for part in sympy.preorder_traversal(formula)):
        if not getattr(node, "free_symbols", set()) & set(variables):
            continue
        if isinstance(node, sympy.log):
            _need(node.args[0], True, positive, nonzero)
        elif isinstance(node, sympy.asin | sympy.acos):
            _need(1 - node.args[0] ** 2, True, positive, nonzero)
        elif isinstance(node, sympy.tan):
            _need(sympy.cos(node.args[0]), False, positive, nonzero)
        elif node.is_Pow:
            exponent = node.exp.xreplace({name: exact(value) for name, value in known.items()})
            if not exponent.is_number:  # g(x)**h(x) is exp(h log g)
                _need(node.base, True, positive, nonzero)
            elif not exponent.is_integer:
                nonnegative = node.base.is_nonnegative and exponent > 0
                if not nonnegative:
                    _need(node.base, True, positive, nonzero)
            elif exponent < 0:
                _need(node.base, False, positive, nonzero)
    return tuple(positive), tuple(v for v in nonzero if v not in positive)


def _need(expression: Any, strictly_positive: bool, positive: dict[Any, None], nonzero: dict[Any, None]) -> None:
    """File the condition expression > 0 (or != 0), in its simplest parts."""
    import sympy

    if expression.is_positive or (not strictly_positive and expression.is_nonzero) or expression.is_number:
        return
    if isinstance(expression, sympy.Abs) or (expression.is_Pow and expression.exp.is_even):
        _need(expression.args[0], False, positive, nonzero)  # |g| > 0 and g^2 > 0 mean g != 0
    elif strictly_positive:
        positive.setdefault(expression)
    elif expression.is_Mul:
        for factor in expression.args:
            _need(factor, False, positive, nonzero)
    elif expression.is_Pow and expression.exp.is_positive:
        _need(expression.base, False, positive, nonzero)
    else:
        nonzero.setdefault(expression)


def exact(value: float) -> Any:
    """A float as the rational number that it is, so that 2.0 is an integer and roots are exact."""
    import sympy

    return sympy.Rational(value)
