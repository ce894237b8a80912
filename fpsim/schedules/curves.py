"""Curves: what a schedule lets depend on the clock t.

cosine   b + (a - b) (1 + cos(pi t/d)) / 2 up to d, then b        inverse_time   a / (1 + t/c)
steps    v_0 before t_1, v_1 before t_2, ...                      logarithmic    a / log(o + t/u)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True, repr=False)
class Curve:
    """A function of the clock; made by the functions of this module.

    Attributes:
        words: what it is, printed with every result.
        function: values at t (...), shape (...).
        breaks: where it jumps or has a kink, in order.
        settled: from where on it is constant; infinite if never.
    """

    words: str
    function: Callable[[Array], ArrayLike]
    breaks: tuple[float, ...] = ()
    settled: float = math.inf

    def at(self, t: ArrayLike) -> Array:
        """Values at t (...)."""
        now = np.asarray(t, dtype=float)
        with np.errstate(all="ignore"):  # who uses it looks for values that are no numbers
            value = np.asarray(self.function(now), dtype=float)
        return np.array(np.broadcast_to(value, now.shape))

    def __call__(self, t: ArrayLike) -> Any:
        """Values at t; a number for a number."""
        return self.at(t)[()]

    def then(self, other: Curve | float, at: float) -> Curve:
        """This curve up to ``at``, then ``other`` with a clock of its own that starts at 0 there."""
        late, joint = as_curve(other), float(at)
        early = [b for b in self.breaks if b < joint]
        return Curve(
            f"{self}; from t = {joint:g}: {late}",
            lambda t: np.where(t < joint, self.at(t), late.at(np.maximum(t - joint, 0.0))),
            (*early, joint, *(joint + b for b in late.breaks)),
            joint + late.settled,
        )

    def __repr__(self) -> str:
        return f"<Curve: {self}>"

    def __str__(self) -> str:
        return self.words


def as_curve(value: Any) -> Curve:
    """A curve, or a number as a constant one; ``TypeError`` for anything else."""
    if isinstance(value, Curve):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating):
        raise TypeError(
            f"a schedule is a number or a curve such as fpsim.schedules.cosine(0.1, 0.01, 500); got {value!r}"
        )
    _finite("a constant schedule", value=float(value))
    number = float(value)
    return Curve(f"{number:g}", lambda t: number, settled=0.0)


def _finite(kind: str, **values: float) -> None:
    for name, value in values.items():
        if not math.isfinite(value):
            raise ValueError(f"the {name} of {kind} must be a finite number; got {value!r}")


def _positive(kind: str, **values: float) -> None:
    for name, value in values.items():
        if not (math.isfinite(value) and value > 0):
            raise ValueError(f"the {name} of {kind} must be a positive number; got {value!r}")


def formula(text: str, breaks: Sequence[float] = (), **numbers: float) -> Curve:
    """Any formula in ``t``, such as ``formula("a/(1 + t/b)**2", a=0.1, b=50)``; parsed, never evaluated.

    Args:
        text: the formula, in the words of ``Landscape.from_expression``.
        breaks: where it has a kink or jumps.
        numbers: its parameters.

    Raises:
        ValueError: for a text that is no such formula, or numbers that are not finite.
    """
    import sympy

    from landscapes.formula.symbolic import parse

    _finite("a formula", **numbers)
    arguments = [sympy.Symbol(name, real=True) for name in ("t", *numbers)]
    function = sympy.lambdify(arguments, parse(text, ("t",), tuple(numbers)), modules=["scipy", "numpy"])
    words = ", ".join([text, *(f"{name} = {value:g}" for name, value in numbers.items())])
    return Curve(words, lambda t: function(t, *numbers.values()), tuple(sorted(map(float, breaks))))


def function(function: Callable[[Array], ArrayLike], words: str, breaks: Sequence[float] = ()) -> Curve:
    """Any Python function of t (...), with the words that are to be printed for it."""
    if not callable(function):
        raise TypeError(f"a function of t is wanted; got {function!r}")
    return Curve(words, function, tuple(sorted(map(float, breaks))))


def cosine(start: float, end: float, duration: float) -> Curve:
    """From ``start`` to ``end`` along half a cosine of length ``duration``, then constant (Loshchilov, Hutter 2017)."""
    _finite("cosine", start=start, end=end)
    _positive("cosine", duration=duration)
    return Curve(
        f"cosine from {start:g} to {end:g} over {duration:g}",
        lambda t: end + (start - end) * (1 + np.cos(np.pi * np.minimum(t / duration, 1.0))) / 2,
        (duration,),
        duration,
    )


def inverse_time(start: float, time: float) -> Curve:
    """``start / (1 + t/time)`` (Robbins and Monro 1951)."""
    _finite("inverse_time", start=start)
    _positive("inverse_time", time=time)
    return Curve(f"{start:g}/(1 + t/{time:g})", lambda t: start / (1 + t / time))


def exponential(start: float, time: float) -> Curve:
    """``start exp(-t/time)``."""
    _finite("exponential", start=start)
    _positive("exponential", time=time)
    return Curve(f"{start:g} exp(-t/{time:g})", lambda t: start * np.exp(-t / time))


def logarithmic(depth: float, offset: float = math.e, unit: float = 1.0) -> Curve:
    """``depth / log(offset + t/unit)``, the cooling of simulated annealing (Geman and Geman 1984)."""
    _finite("logarithmic", depth=depth)
    _positive("logarithmic", unit=unit)
    if not offset > 1:
        raise ValueError(f"the offset of logarithmic must be above 1, where its logarithm is positive; got {offset!r}")
    return Curve(f"{depth:g}/log({offset:g} + t/{unit:g})", lambda t: depth / np.log(offset + t / unit))


def warm_up(start: float, end: float, duration: float) -> Curve:
    """A straight line from ``start`` to ``end`` in ``duration``, then constant; go on with :meth:`Curve.then`."""
    _finite("warm_up", start=start, end=end)
    _positive("warm_up", duration=duration)
    words = f"warm-up from {start:g} to {end:g} in {duration:g}"
    return Curve(words, lambda t: start + (end - start) * np.minimum(t / duration, 1.0), (duration,), duration)


def wave(mean: float, amplitude: float, period: float, phase: float = 0.0) -> Curve:
    """``mean + amplitude cos(2 pi t/period + phase)``."""
    _finite("wave", mean=mean, amplitude=amplitude, phase=phase)
    _positive("wave", period=period)
    words = f"{mean:g} + {amplitude:g} cos(2 pi t/{period:g}{f' + {phase:g}' if phase else ''})"
    return Curve(words, lambda t: mean + amplitude * np.cos(2 * np.pi * t / period + phase))


def steps(values: Sequence[float], times: Sequence[float]) -> Curve:
    """``values[0]`` before ``times[0]``, ``values[1]`` from there to ``times[1]``, ...: one value more than times."""
    numbers, places = _knots("steps", values, times, 1)
    return Curve(
        f"steps {_few(numbers)} at t = {_few(places)}",
        lambda t: numbers[np.searchsorted(places, t, side="right")],
        tuple(places.tolist()),
        float(places[-1]),
    )


def table(times: Sequence[float], values: Sequence[float]) -> Curve:
    """Straight lines through (times, values), constant before the first and after the last."""
    numbers, places = _knots("table", values, times, 0)
    words = (
        f"a table of {numbers.size} values from {numbers[0]:g} to {numbers[-1]:g}, t = {places[0]:g} to {places[-1]:g}"
    )
    return Curve(words, lambda t: np.interp(t, places, numbers), tuple(places.tolist()), float(places[-1]))


def _knots(kind: str, values: Sequence[float], times: Sequence[float], more: int) -> tuple[Array, Array]:
    numbers, places = np.array(values, dtype=float), np.array(times, dtype=float)
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
