"""Enclosures of a formula on boxes of real points:  f([x_1] x ... x [x_d]) lies in [low, high].

Interval arithmetic on the sympy tree, vectorised over boxes (Moore, Interval Analysis, 1966; rounding is not directed:
what is decided here is decided by much more than one part in 1e15).  Where a formula is undefined on part of a box, the
enclosure is that of the rest; where a rule is missing, :class:`NoRuleError` says so.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Interval = tuple[Array, Array]
WIDE = 1e15  # angles beyond this have lost their phase


class NoRuleError(ValueError):
    """A part of a formula for which no enclosure is known, such as a table."""


class Intervals:
    """Enclosures of formulas on many boxes at once; equal parts are computed once.

    Args:
        symbols: the interval (low, high), arrays of one shape, of every variable and the value of every parameter.
    """

    def __init__(self, symbols: Mapping[Any, Interval | float]) -> None:
        self.known: dict[Any, Interval] = {}
        for symbol, value in symbols.items():
            pair = value if isinstance(value, tuple) else (np.float64(value), np.float64(value))
            self.known[symbol] = (np.asarray(pair[0], dtype=float), np.asarray(pair[1], dtype=float))

    def __call__(self, expression: Any) -> Interval:
        """Low and high of an expression on every box."""
        found = self.known.get(expression)
        if found is None:
            with np.errstate(all="ignore"):
                found = self.known[expression] = self._enclosed(expression)
        return found

    def _enclosed(self, e: Any) -> Interval:
        if e.is_number:
            value = np.float64(float(e))
            return np.asarray(value), np.asarray(value)
        name = type(e).__name__
        if name == "Add":
            parts = [self(a) for a in e.args]
            return _sum([p[0] for p in parts], -math.inf), _sum([p[1] for p in parts], math.inf)
        if name == "Mul":
            total = self(e.args[0])
            for factor in e.args[1:]:
                total = times(total, self(factor))
            return total
        if name == "Pow":
            return self._power(*e.args)
        if name == "Piecewise":
            return self._piecewise(e)
        if name in ("Min", "Max"):
            pick = np.minimum if name == "Min" else np.maximum
            parts = [self(a) for a in e.args]
            return _folded(pick, [p[0] for p in parts]), _folded(pick, [p[1] for p in parts])
        rule = _rules().get(name)
        if rule is None:
            raise NoRuleError(f"no bounds are known for {name}(...)")
        return rule(*self(e.args[0]))

    def _power(self, base: Any, exponent: Any) -> Interval:
        if base == _exp1():
            return _rules()["exp"](*self(exponent))
        x = self(base)
        if not exponent.is_number:
            return _rules()["exp"](*times(self(exponent), _rules()["log"](*x)))
        return power(x, float(exponent))

    def _piecewise(self, e: Any) -> Interval:
        """The hull of the branches that are taken somewhere on the box."""
        low: Any = np.inf
        high: Any = -np.inf
        open_still: Any = np.True_
        for value, condition in e.args:
            sure, possible = self.truth(condition)
            part = self(value)
            taken = open_still & possible
            low, high = np.where(taken, np.minimum(low, part[0]), low), np.where(taken, np.maximum(high, part[1]), high)
            open_still = open_still & ~sure
        return low, high

    def truth(self, condition: Any) -> tuple[Any, Any]:
        """Where a condition holds on the whole box, and where it may hold somewhere."""
        name = type(condition).__name__
        if name in ("BooleanTrue", "BooleanFalse"):
            value = np.bool_(name == "BooleanTrue")
            return value, value
        if name == "Not":
            sure, possible = self.truth(condition.args[0])
            return ~possible, ~sure
        if name in ("And", "Or"):
            parts = [self.truth(a) for a in condition.args]
            join = np.logical_and if name == "And" else np.logical_or
            return _folded(join, [p[0] for p in parts]), _folded(join, [p[1] for p in parts])
        if name not in ("StrictLessThan", "LessThan", "StrictGreaterThan", "GreaterThan"):
            raise NoRuleError(f"no bounds are known for the condition {condition}")
        left, right = (self(a) for a in condition.args)
        if "Greater" in name:
            left, right = right, left
        return left[1] < right[0], left[0] <= right[1]


@cache
def _exp1() -> Any:
    import sympy

    return sympy.E


def _sum(parts: list[Array], undefined: float) -> Array:
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    return np.where(np.isnan(total), undefined, total)


def _folded(pick: Callable[[Any, Any], Any], parts: list[Any]) -> Any:
    total = parts[0]
    for part in parts[1:]:
        total = pick(total, part)
    return total


def times(a: Interval, b: Interval) -> Interval:
    """The product of two intervals, with 0 * inf = 0."""
    products = [x * y for x in a for y in b]
    if not all(np.isfinite(p).all() for p in products):
        products = [np.where(np.isnan(p), 0.0, p) for p in products]
    return _folded(np.minimum, products), _folded(np.maximum, products)


def power(x: Interval, n: float) -> Interval:
    """x^n for a fixed n; a fractional n takes the part of x that is >= 0."""
    low, high = x
    if n != int(n):
        low, high = np.maximum(low, 0.0), np.maximum(high, 0.0)
        ends = low**n, high**n
        return ends if n > 0 else (ends[1], ends[0])
    m = abs(int(n))
    if m % 2:
        straight: Interval = (low**m, high**m)
    else:
        far = np.maximum(np.abs(low), np.abs(high)) ** m
        near = np.where((low <= 0) & (high >= 0), 0.0, np.minimum(np.abs(low), np.abs(high)) ** m)
        straight = (near, far)
    return straight if n > 0 else _inverse(straight)


def _inverse(x: Interval) -> Interval:
    low, high = x
    across = (low < 0) & (high > 0)
    return (
        np.where(across | (high == 0), -np.inf, 1 / np.where(high == 0, np.inf, high)),
        np.where(across | (low == 0), np.inf, 1 / np.where(low == 0, np.inf, low)),
    )


def _rising(
    function: Callable[[Any], Any], least: float = -math.inf, most: float = math.inf
) -> Callable[..., Interval]:
    """The rule of an increasing function, on the part of the interval within [least, most]."""
    return lambda low, high: (function(np.clip(low, least, most)), function(np.clip(high, least, most)))


def _cosine(low: Array, high: Array) -> Interval:
    """cos reaches 1 where the interval holds a multiple of 2 pi, -1 where it holds an odd multiple of pi."""
    ends = np.cos(low), np.cos(high)
    lost = ~(np.maximum(np.abs(low), np.abs(high)) < WIDE) | (high - low >= 2 * np.pi)
    top = np.floor(high / (2 * np.pi)) >= np.ceil(low / (2 * np.pi))
    bottom = np.floor((high / np.pi - 1) / 2) >= np.ceil((low / np.pi - 1) / 2)
    return np.where(lost | bottom, -1.0, np.minimum(*ends)), np.where(lost | top, 1.0, np.maximum(*ends))


def _tangent(low: Array, high: Array) -> Interval:
    pole = np.floor(high / np.pi - 0.5) >= np.ceil(low / np.pi - 0.5)
    pole = pole | ~(np.maximum(np.abs(low), np.abs(high)) < WIDE)
    return np.where(pole, -np.inf, np.tan(low)), np.where(pole, np.inf, np.tan(high))


def _even(function: Callable[[Any], Any]) -> Callable[..., Interval]:
    """The rule of an even function that rises with |x|."""

    def rule(low: Array, high: Array) -> Interval:
        near = np.where((low <= 0) & (high >= 0), 0.0, np.minimum(np.abs(low), np.abs(high)))
        return function(near), function(np.maximum(np.abs(low), np.abs(high)))

    return rule


@cache
def _rules() -> Mapping[str, Callable[..., Interval]]:
    from scipy.special import erf

    def arccosine(low: Array, high: Array) -> Interval:
        return np.arccos(np.clip(high, -1.0, 1.0)), np.arccos(np.clip(low, -1.0, 1.0))

    return {
        "exp": _rising(np.exp),
        "log": _rising(np.log, 0.0),
        "sinh": _rising(np.sinh),
        "tanh": _rising(np.tanh),
        "atan": _rising(np.arctan),
        "asin": _rising(np.arcsin, -1.0, 1.0),
        "acos": arccosine,
        "erf": _rising(erf),
        "sign": _rising(np.sign),
        "Heaviside": _rising(lambda x: np.heaviside(x, 0.5)),
        "Abs": _even(np.abs),
        "cosh": _even(np.cosh),
        "cos": _cosine,
        "sin": lambda low, high: _cosine(low - np.pi / 2, high - np.pi / 2),
        "tan": _tangent,
    }
