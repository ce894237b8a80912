"""Enclosures of a formula on discs of the complex plane:  f(|z - c| <= r) lies in |w - mid| <= rad.

Bounds of ln |w| go along, so that quotients of huge numbers are as good as others.

A function that is analytic and bounded by M on a disc of k half-widths around a panel is met by a polynomial through n
Gauss nodes to about M rho^-n, rho = k + sqrt(k^2 - 1): what the nodes do not show cannot be there (Petras, J. Comput.
Appl. Math. 145 (2002) 345; Johansson, arXiv 1802.07942).  Where f is not analytic on the disc the radius is infinite.

|u|, sign, min, max and piecewise formulas follow the branch that is taken on the real panel.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fpsim.exact.intervals import Intervals, NoRuleError

Array = NDArray[np.float64]


class Ball(NamedTuple):
    """Discs of centre ``mid`` (complex) and radius ``rad``, on which ln |w| lies between ``low`` and ``high``."""

    mid: Any
    rad: Any
    low: Any
    high: Any

    @property
    def reach(self) -> Any:
        """Largest modulus."""
        return np.abs(self.mid) + self.rad


def ball(mid: Any, rad: Any, low: Any = -math.inf, high: Any = math.inf) -> Ball:
    """A ball with what cannot be represented made infinite, or as large as the bound of the modulus says."""
    with np.errstate(all="ignore"):
        high, low = np.where(np.isnan(high), np.inf, high), np.where(np.isnan(low), -np.inf, low)
        lost = ~(np.isfinite(mid) & np.isfinite(rad))
        if np.any(lost):
            mid, rad = np.where(lost, 0.0, mid), np.where(lost, np.exp(high), rad)
        size = np.abs(mid)
        return Ball(mid, rad, np.fmax(low, np.log(size - rad)), np.fmin(high, np.log(size + rad)))


class Balls:
    """Enclosures of formulas on many discs at once, each around a real panel.

    Args:
        variable: the coordinate's symbol.
        middle, half: centres and half-widths of the panels.
        factor: radius of the discs in half-widths.
        values: the value of every parameter.
    """

    def __init__(self, variable: Any, middle: Array, half: Array, factor: float, values: Mapping[Any, float]) -> None:
        inner = half * (1 - 1e-9)  # a kink at the very end of a panel lies outside
        self.real = Intervals({variable: (middle - inner, middle + inner), **values})
        self.known: dict[Any, Ball] = {symbol: ball(np.float64(v), 0.0) for symbol, v in values.items()}
        self.known[variable] = ball(middle, factor * half)

    def __call__(self, expression: Any) -> Ball:
        """The enclosure of an expression on every disc."""
        found = self.known.get(expression)
        if found is None:
            with np.errstate(all="ignore"):
                found = self.known[expression] = self._enclosed(expression)
        return found

    def _enclosed(self, e: Any) -> Ball:
        if e.is_number:
            return ball(np.float64(float(e)), 0.0)
        name = type(e).__name__
        if name == "Add":
            total = self(e.args[0])
            for part in e.args[1:]:
                total = plus(total, self(part))
            return total
        if name == "Mul":
            total = self(e.args[0])
            for part in e.args[1:]:
                total = times(total, self(part))
            return total
        if name == "Pow":
            return self._power(*e.args)
        if name in ("Abs", "sign", "Heaviside", "Min", "Max", "Piecewise"):
            return self._branch(e, name)
        rule = _RULES.get(name)
        if rule is None:
            raise NoRuleError(f"no bounds are known for {name}(...)")
        return rule(self(e.args[0]))

    def _power(self, base: Any, exponent: Any) -> Ball:
        if base == _exp1():
            return exp(self(exponent))
        x = self(base)
        if not exponent.is_number:
            return exp(times(self(exponent), log(x)))
        return power(x, float(exponent))

    def _branch(self, e: Any, name: str) -> Ball:
        """The branch that holds on the whole real panel, continued to the disc."""
        if name in ("Min", "Max"):
            return self._extreme(e.args, name == "Min")
        if name == "Piecewise":
            return self._piecewise(e)
        low, high = self.real(e.args[0])
        side = np.where(low > 0, 1.0, np.where(high < 0, -1.0, np.nan))
        if name == "Abs":
            x = self(e.args[0])
            return ball(side * x.mid, np.where(np.isnan(side), np.inf, x.rad), x.low, x.high)
        value = side if name == "sign" else (side + 1) / 2
        return ball(value, np.where(np.isnan(side), np.inf, 0.0))

    def _extreme(self, parts: Any, smallest: bool) -> Ball:
        ends = [self.real(part) for part in parts]
        found = NOWHERE
        for k, part in enumerate(parts):
            ahead: Any = np.True_
            for j in range(len(parts)):
                if j != k:
                    ahead = ahead & ((ends[k][1] <= ends[j][0]) if smallest else (ends[k][0] >= ends[j][1]))
            found = _chosen(ahead, self(part), found)
        return ball(*found)

    def _piecewise(self, e: Any) -> Ball:
        found, open_still = NOWHERE, np.True_
        for value, condition in e.args:
            sure, possible = self.real.truth(condition)
            found = _chosen(open_still & sure, self(value), found)
            open_still = open_still & ~possible
        return ball(*found)


NOWHERE = Ball(np.nan, np.inf, -math.inf, math.inf)


@cache
def _exp1() -> Any:
    import sympy

    return sympy.E


def _chosen(here: Any, one: Ball, other: Ball) -> Ball:
    return Ball(*(np.where(here, a, b) for a, b in zip(one, other, strict=True)))


def plus(a: Ball, b: Ball) -> Ball:
    """a + b."""
    return ball(a.mid + b.mid, a.rad + b.rad, np.fmax(_less(a, b), _less(b, a)), np.logaddexp(a.high, b.high))


def _less(a: Ball, b: Ball) -> Any:
    """ln (e^a.low - e^b.high), where positive."""
    gap = b.high - a.low
    return np.where(gap < 0, a.low + np.log(-np.expm1(np.fmin(gap, 0.0))), -np.inf)


def times(a: Ball, b: Ball) -> Ball:
    """a b."""
    rad = np.abs(a.mid) * b.rad + np.abs(b.mid) * a.rad + a.rad * b.rad
    return ball(a.mid * b.mid, rad, a.low + b.low, a.high + b.high)


def power(x: Ball, n: float) -> Ball:
    """x^n for a fixed n, on the branch that is real for x > 0."""
    size = np.abs(x.mid)
    if n == int(n) and n > 0:
        mid = x.mid ** int(n)
        return ball(mid, x.reach**n - size**n, n * x.low, n * x.high)
    if n == int(n):
        high = power(x, -n)
        return _inverse(high)
    share = np.where(_right(x), x.rad / size, np.nan)
    return ball(np.power(x.mid + 0j, n), size**n * ((1 - share) ** -abs(n) - 1))


def _inverse(x: Ball) -> Ball:
    """1/x: exact for a disc away from 0, else what the smallest modulus says."""
    size = np.abs(x.mid)
    square = size**2 - x.rad**2
    away = size > 1.0001 * x.rad
    mid = np.where(away, np.conj(x.mid) / square, 0.0)
    return ball(mid, np.where(away, x.rad / square, np.exp(-x.low)), -x.high, -x.low)


def _right(x: Ball) -> Any:
    """Whether the disc keeps off the negative real axis and 0."""
    return np.where(np.real(x.mid) > 0, np.abs(x.mid), np.abs(np.imag(x.mid))) > 1.0001 * x.rad


def exp(x: Ball) -> Ball:
    """e^x."""
    mid, real = np.exp(x.mid), np.real(x.mid)
    grown = np.where(x.rad > 30, np.exp(real + x.rad), np.abs(mid) * np.expm1(np.minimum(x.rad, 30.0)))
    return ball(mid, grown, real - x.rad, real + x.rad)


def log(x: Ball) -> Ball:
    """ln x."""
    share = np.where(_right(x), x.rad / np.abs(x.mid), np.nan)
    return ball(np.log(x.mid + 0j), -np.log1p(-share))


def _sinh(x: Ball) -> Ball:
    """|sinh z| >= sinh |Re z|."""
    grown = np.abs(np.sinh(x.mid)) * (np.cosh(x.rad) - 1) + np.abs(np.cosh(x.mid)) * np.sinh(x.rad)
    return ball(np.sinh(x.mid), grown, *_exponential(x))


def _cosh(x: Ball) -> Ball:
    """|cosh z| >= sinh |Re z|."""
    grown = np.abs(np.cosh(x.mid)) * (np.cosh(x.rad) - 1) + np.abs(np.sinh(x.mid)) * np.sinh(x.rad)
    return ball(np.cosh(x.mid), grown, *_exponential(x))


def _clear(x: Ball) -> Any:
    """Least |Re z|."""
    return np.fmax(np.abs(np.real(x.mid)) - x.rad, 0.0)


def _exponential(x: Ball) -> tuple[Any, Any]:
    """ln of sinh |Re z| and of cosh |Re z|, between which |sinh| and |cosh| lie."""
    clear = _clear(x)
    return clear + np.log(-np.expm1(-2 * clear) / 2), np.abs(np.real(x.mid)) + x.rad


def _turned(x: Ball, by: complex = 1j) -> Ball:
    return ball(by * x.mid, x.rad, x.low, x.high)


def _tanh(x: Ball) -> Ball:
    """By division, or from |tanh z -+ 1| <= 2 / (e^{2 |Re z|} - 1)."""
    near, clear = times(_sinh(x), _inverse(_cosh(x))), _clear(x)
    far = ball(np.sign(np.real(x.mid)), 2 / np.expm1(2 * clear))
    return _chosen(far.rad < near.rad, far, near)


def _by_slope(function: Callable[[Any], Any], slope: Callable[[Ball], Any]) -> Callable[[Ball], Ball]:
    """The rule of a function from a bound of its derivative on the disc."""
    return lambda x: ball(function(x.mid), x.rad * slope(x))


def _steepest_root(x: Ball) -> Any:
    return 1 / np.sqrt(np.where(x.reach < 1, 1 - x.reach**2, np.nan))


def _erf(x: Any) -> Any:
    from scipy.special import erf

    return erf(x)


_RULES: Mapping[str, Callable[[Ball], Ball]] = {
    "exp": exp,
    "log": log,
    "sinh": _sinh,
    "cosh": _cosh,
    "tanh": _tanh,
    "sin": lambda x: _turned(_sinh(_turned(x)), -1j),
    "cos": lambda x: _cosh(_turned(x)),
    "tan": lambda x: _turned(_tanh(_turned(x)), -1j),
    "asin": _by_slope(lambda z: np.arcsin(z + 0j), _steepest_root),
    "acos": _by_slope(lambda z: np.arccos(z + 0j), _steepest_root),
    "atan": _by_slope(
        lambda z: np.arctan(z + 0j), lambda x: _inverse(plus(ball(np.float64(1.0), 0.0), times(x, x))).reach
    ),
    "erf": _by_slope(
        _erf,
        lambda x: 2 / math.sqrt(math.pi) * np.exp(2 * np.abs(x.mid) * x.rad + x.rad**2 - np.real(np.square(x.mid))),
    ),
}
