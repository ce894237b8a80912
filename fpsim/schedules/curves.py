"""Curves: what a schedule lets depend on the clock t.

cosine   b + (a - b) (1 + cos(pi t/d)) / 2 up to d, then b        inverse_time   a / (1 + t/c)
steps    v_0 before t_1, v_1 before t_2, ...                      logarithmic    a / log(o + t/u)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fpsim.numbers import number, positive, reals
from fpsim.schedules.curve import Curve

Array = NDArray[np.float64]


# --- functions at the top of the module, so that they can be sent to workers ------------------------------------------


@dataclass(frozen=True)
class _Formula:
    text: str
    numbers: tuple[tuple[str, float], ...]

    def __call__(self, t: Array) -> ArrayLike:
        function, values = _compiled(self.text, tuple(name for name, _ in self.numbers)), dict(self.numbers).values()
        found: ArrayLike = function(t, *values)
        return found


@lru_cache(maxsize=256)
def _compiled(text: str, names: tuple[str, ...]) -> Callable[..., ArrayLike]:
    import sympy

    from landscapes.formula.symbolic import parse

    arguments = [sympy.Symbol(name, real=True) for name in ("t", *names)]
    function: Callable[..., ArrayLike] = sympy.lambdify(
        arguments, parse(text, ("t",), names), modules=["scipy", "numpy"]
    )
    return function


def _cosine(start: float, end: float, duration: float, t: Array) -> ArrayLike:
    return end + (start - end) * (1 + np.cos(np.pi * np.minimum(t / duration, 1.0))) / 2


def _inverse_time(start: float, time: float, t: Array) -> ArrayLike:
    return start / (1 + t / time)


def _exponential(start: float, time: float, t: Array) -> ArrayLike:
    return start * np.exp(-t / time)


def _logarithmic(depth: float, offset: float, unit: float, t: Array) -> ArrayLike:
    return depth / np.log(offset + t / unit)


def _line(start: float, end: float, duration: float, t: Array) -> ArrayLike:
    return start + (end - start) * np.minimum(t / duration, 1.0)


def _wave(mean: float, amplitude: float, period: float, phase: float, t: Array) -> ArrayLike:
    return mean + amplitude * np.cos(2 * np.pi * t / period + phase)


def _steps(values: Array, places: Array, t: Array) -> ArrayLike:
    found: ArrayLike = values[np.searchsorted(places, t, side="right")]
    return found


def _table(values: Array, places: Array, t: Array) -> ArrayLike:
    return np.interp(t, places, values)


# --- what users call --------------------------------------------------------------------------------------------------


def formula(text: str, breaks: Sequence[float] = (), **numbers: float) -> Curve:
    """Any formula in ``t``, such as ``formula("a/(1 + t/b)**2", a=0.1, b=50)``; parsed, never evaluated.

    Args:
        text: the formula, in the words of ``Landscape.from_expression``.
        breaks: where it has a kink or jumps, and where it has pulses shorter than 1/100 000 of what is asked of it.
        numbers: its parameters.

    Raises:
        ValueError: for a text that is no such formula, or numbers that are not finite.
    """
    if not isinstance(text, str):
        raise ValueError(f"a formula is a text such as 'a/(1 + t)'; got {text!r}")
    values = {name: number(value, f"the {name} of a formula") for name, value in numbers.items()}
    _compiled(text, tuple(values))
    words = ", ".join([text, *(f"{name} = {value:g}" for name, value in values.items())])
    return Curve(words, _Formula(text, tuple(values.items())), _breaks(breaks))


def function(function: Callable[[Array], ArrayLike], words: str, breaks: Sequence[float] = ()) -> Curve:
    """Any Python function of t (...), with the words that are to be printed for it; ``breaks`` as of :func:`formula`.

    Others can be sent to workers; this one if the function itself can be pickled.
    """
    if not callable(function):
        raise TypeError(f"a function of t is wanted; got {function!r}")
    return Curve(str(words), function, _breaks(breaks))


def cosine(start: float, end: float, duration: float) -> Curve:
    """From ``start`` to ``end`` along half a cosine of length ``duration``, then constant (Loshchilov, Hutter 2017)."""
    a, b, d = _finite("cosine", start=start, end=end) + _positive("cosine", duration=duration)
    return Curve(f"cosine from {a:g} to {b:g} over {d:g}", partial(_cosine, a, b, d), (d,), d)


def inverse_time(start: float, time: float) -> Curve:
    """``start / (1 + t/time)`` (Robbins and Monro 1951)."""
    a, c = _finite("inverse_time", start=start) + _positive("inverse_time", time=time)
    return Curve(f"{a:g}/(1 + t/{c:g})", partial(_inverse_time, a, c))


def exponential(start: float, time: float) -> Curve:
    """``start exp(-t/time)``."""
    a, c = _finite("exponential", start=start) + _positive("exponential", time=time)
    return Curve(f"{a:g} exp(-t/{c:g})", partial(_exponential, a, c))


def logarithmic(depth: float, offset: float = math.e, unit: float = 1.0) -> Curve:
    """``depth / log(offset + t/unit)``, the cooling of simulated annealing (Geman and Geman 1984)."""
    a, u = _finite("logarithmic", depth=depth) + _positive("logarithmic", unit=unit)
    o = number(offset, "the offset of logarithmic", "above 1, where its logarithm is positive", lambda x: x > 1)
    return Curve(f"{a:g}/log({o:g} + t/{u:g})", partial(_logarithmic, a, o, u))


def warm_up(start: float, end: float, duration: float) -> Curve:
    """A straight line from ``start`` to ``end`` in ``duration``, then constant; go on with :meth:`Curve.then`."""
    a, b, d = _finite("warm_up", start=start, end=end) + _positive("warm_up", duration=duration)
    return Curve(f"warm-up from {a:g} to {b:g} in {d:g}", partial(_line, a, b, d), (d,), d)


def wave(mean: float, amplitude: float, period: float, phase: float = 0.0) -> Curve:
    """``mean + amplitude cos(2 pi t/period + phase)``."""
    m, a, f = _finite("wave", mean=mean, amplitude=amplitude, phase=phase)
    (p,) = _positive("wave", period=period)
    words = f"{m:g} + {a:g} cos(2 pi t/{p:g}{f' + {f:g}' if f else ''})"
    return Curve(words, partial(_wave, m, a, p, f), period=p if a else math.inf)


def steps(values: Sequence[float], times: Sequence[float]) -> Curve:
    """``values[0]`` before ``times[0]``, ``values[1]`` from there to ``times[1]``, ...: one value more than times."""
    numbers, places = _knots("steps", values, times, 1)
    words = f"steps {_few(numbers)} at t = {_few(places)}"
    return Curve(words, partial(_steps, numbers, places), tuple(places.tolist()), float(places[-1]))


def table(times: Sequence[float], values: Sequence[float]) -> Curve:
    """Straight lines through (times, values), constant before the first and after the last."""
    numbers, places = _knots("table", values, times, 0)
    words = (
        f"a table of {numbers.size} values from {numbers[0]:g} to {numbers[-1]:g}, t = {places[0]:g} to {places[-1]:g}"
    )
    return Curve(words, partial(_table, numbers, places), tuple(places.tolist()), float(places[-1]))


def _finite(kind: str, **values: float) -> tuple[float, ...]:
    return tuple(number(value, f"the {name} of {kind}") for name, value in values.items())


def _positive(kind: str, **values: float) -> tuple[float, ...]:
    return tuple(positive(value, f"the {name} of {kind}") for name, value in values.items())


def _breaks(given: Any) -> tuple[float, ...]:
    places = reals(given)
    if places is None or places.ndim != 1 or not np.isfinite(places).all():
        raise ValueError(f"breaks are a list of finite times; got {given!r}")
    return tuple(sorted(places.tolist()))


def _knots(kind: str, values: Sequence[float], times: Sequence[float], more: int) -> tuple[Array, Array]:
    numbers, places = reals(values), reals(times)
    if numbers is None or places is None:
        raise ValueError(f"{kind} wants lists of numbers; got values {values!r} and times {times!r}")
    if numbers.ndim != 1 or places.ndim != 1 or places.size == 0 or numbers.size != places.size + more:
        wanted = "one value more than times" if more else "as many values as times"
        raise ValueError(
            f"{kind} wants {wanted}, and at least one time; got {numbers.size} values, {places.size} times"
        )
    if not (np.isfinite(numbers).all() and np.isfinite(places).all() and (np.diff(places) > 0).all()):
        raise ValueError(f"{kind} wants finite numbers, with increasing times; got times {_few(places)}")
    return numbers, places


def _few(numbers: Array) -> str:
    shown = ", ".join(f"{value:g}" for value in numbers[:6])
    return f"{shown}, ... ({len(numbers)})" if len(numbers) > 6 else shown
