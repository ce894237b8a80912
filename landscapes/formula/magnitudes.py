"""Values of formulas whose parts overflow:  e^u / (1 + e^u)^2  at u = 1000 is e^-1000, not inf / inf.

Every part is kept as mantissa * 2^exponent with an exponent of its own, so that products and quotients of huge numbers
lose nothing; a sum is formed relative to its largest term.  This is slower than NumPy on the formula itself, and used
only where that gives no finite number.  Functions without a rule here take their argument as a plain float.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Wide = tuple[Any, Any]  # mantissa in (-1, 1), and the exponent of 2, a whole number

HUGE = 1e13
LOG2 = (0.693147180369123816490, 1.90821492927058770002e-10)
"""ln 2 in two parts; whole multiples of the first are exact."""


def value(expression: Any, symbols: Mapping[Any, Any]) -> Array:
    """The value of a sympy expression at arrays of symbols; nan where it is not defined."""
    known: dict[Any, Wide] = {symbol: _wide(x) for symbol, x in symbols.items()}
    with np.errstate(all="ignore"):
        return np.asarray(_plain(_read(expression, known)), dtype=np.float64)


def _wide(mantissa: Any, exponent: Any = 0.0) -> Wide:
    fraction, shift = np.frexp(mantissa)
    return fraction, np.where(fraction == 0, 0.0, exponent + shift)


def _plain(x: Wide) -> Any:
    return np.ldexp(x[0], np.clip(x[1], -5000, 5000).astype(int))


def _read(e: Any, known: dict[Any, Wide]) -> Wide:
    found = known.get(e)
    if found is None:
        found = known[e] = _rule(e, known)
    return found


def _rule(e: Any, known: dict[Any, Wide]) -> Wide:
    if e.is_number:
        return _wide(np.float64(float(e)))
    name = type(e).__name__
    if name == "Add":
        return _sum([_read(a, known) for a in e.args])
    if name == "Mul":
        product = _read(e.args[0], known)
        for a in e.args[1:]:
            factor = _read(a, known)
            product = _wide(product[0] * factor[0], product[1] + factor[1])
        return product
    if name == "Pow":
        base = _read(e.base, known)
        if e.exp.is_number:
            return _power(base, float(e.exp))
        logarithm = np.log(base[0]) + base[1] * math.log(2)
        return _exp(_plain(_read(e.exp, known)) * logarithm)
    if name in _GROWING:
        return _GROWING[name](_plain(_read(e.args[0], known)))
    function = _function(e.func, len(e.args))
    return _wide(function(*(_plain(_read(a, known)) for a in e.args)))


def _power(x: Wide, n: float) -> Wide:
    whole = np.floor(n * x[1])
    return _wide(np.power(x[0], n) * np.exp2(n * x[1] - whole), whole)


def _sum(parts: list[Wide]) -> Wide:
    """Terms relative to the largest."""
    top: Any = -np.inf
    for mantissa, exponent in parts:
        top = np.maximum(top, np.where(mantissa == 0, -np.inf, exponent))
    top = np.where(np.isfinite(top), top, 0.0)
    total: Any = 0.0
    for mantissa, exponent in parts:
        total = total + np.ldexp(mantissa, np.clip(exponent - top, -5000, 0).astype(int))
    return _wide(total, top)


def _exp(u: Any) -> Wide:
    size = np.abs(u)
    tame = np.where(size < HUGE, u, np.sign(u) * HUGE * (1 + np.log(np.maximum(size, HUGE) / HUGE)))
    whole = np.rint(tame / math.log(2))  # beyond HUGE only the order of exponents counts
    return _wide(np.exp((tame - whole * LOG2[0]) - whole * LOG2[1]), whole)


def _hyperbolic(side: float) -> Callable[[Any], Wide]:
    """Of cosh (side 1) and sinh (side -1): e^|u| (1 + side e^(-2 |u|)) / 2."""

    def rule(u: Any) -> Wide:
        mantissa, exponent = _exp(np.abs(u))
        rest = 1 + np.exp(-2 * np.abs(u)) if side > 0 else -np.expm1(-2 * np.abs(u)) * np.sign(u)
        return _wide(mantissa * rest / 2, exponent)

    return rule


_GROWING: Mapping[str, Callable[[Any], Wide]] = {"exp": _exp, "cosh": _hyperbolic(1.0), "sinh": _hyperbolic(-1.0)}


@cache
def _function(kind: Any, arguments: int) -> Callable[..., Any]:
    import sympy

    names = [sympy.Symbol(f"a{k}", real=True) for k in range(arguments)]
    return sympy.lambdify(names, kind(*names), modules=["scipy", "numpy"])
