"""A function of the clock t, that schedules are made of; :mod:`fpsim.schedules.curves` makes those that have names."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fpsim.numbers import not_negative, number, positive, reals
from landscapes.notebook import Shown

Array = NDArray[np.float64]


@dataclass(frozen=True, repr=False)
class Curve(Shown):
    """A function of the clock; made by the functions of :mod:`fpsim.schedules.curves`.

    All of them but that of ``function`` can be pickled, sent to workers and saved.

    Attributes:
        words: what it is, printed with every result.
        function: values at t (...), shape (...).
        breaks: where it jumps or has a kink, in order.
        settled: from where on it is constant; infinite if never.
        period: after which it repeats itself; infinite if never.
    """

    words: str
    function: Callable[[Array], ArrayLike]
    breaks: tuple[float, ...] = ()
    settled: float = math.inf
    period: float = math.inf

    def at(self, t: ArrayLike) -> Array:
        """Values at t (...)."""
        now = reals(t)
        if now is None:
            raise ValueError(f"a schedule is asked at times, numbers; got {t!r}")
        with np.errstate(all="ignore"):  # who uses it looks for values that are no numbers
            try:
                value = reals(self.function(now))
            except Exception as error:
                raise ValueError(
                    f"the schedule ({self}) must take arrays of times, as with np.where(t < 1, a, b), and failed: "
                    f"{type(error).__name__}, {error}"
                ) from error
        if value is None or (value.ndim and value.shape != now.shape):
            raise ValueError(
                f"the schedule ({self}) must give numbers for times, of their shape {now.shape}; got "
                f"{'something else' if value is None else value.shape}"
            )
        return np.array(np.broadcast_to(value, now.shape))

    def __call__(self, t: ArrayLike) -> Any:
        """Values at t; a number for a number."""
        return self.at(t)[()]

    def plot(self, axes: Any = None, until: float | None = None) -> Any:
        """The curve from t = 0 to ``until`` (by default past most of what it does); returns the figure."""
        from fpsim.plotting import curve_chart

        end = self._reach if until is None else positive(until, "the end of the picture of a schedule")
        edges = [0.0, *(b for b in self.breaks if 0 < b < end), end]
        inside = [np.linspace(low, high, 2 + 600 // len(edges)) for low, high in pairwise(edges)]
        sides = [t + 1e-9 * (t[-1] - t[0]) * np.linspace(1, -1, t.size) for t in inside]
        return curve_chart(inside, [self.at(t) for t in sides], str(self), axes)

    @property
    def _reach(self) -> float:
        """Where it has settled, repeated itself, or done four fifths of what it ever does."""
        known = (2 * self.period, 1.2 * self.settled, *(2 * b for b in self.breaks[-1:]))
        if math.isfinite(shortest := min(known)):
            return shortest or 1.0
        t = np.logspace(-6, 12, 721)
        away = np.abs(self.at(t) - self.at(0.0))
        away[~np.isfinite(away)] = 0.0
        return float(1.2 * t[np.argmax(away >= 0.8 * away.max())]) if away.any() else 1.0

    def then(self, other: Curve | float, at: float) -> Curve:
        """This curve up to ``at``, then ``other`` with a clock of its own that starts at 0 there."""
        late, joint = as_curve(other), not_negative(at, "the time from which on another curve holds")
        early = [b for b in self.breaks if b < joint]
        return Curve(
            f"{self}; from t = {joint:g}: {late}",
            _Joined(self, late, joint),
            (*early, joint, *(joint + b for b in late.breaks)),
            joint + late.settled,
            min(self.period, late.period),
        )

    def __repr__(self) -> str:
        return f"<Curve: {self}>"

    def __str__(self) -> str:
        return self.words


def as_curve(value: Any) -> Curve:
    """A curve, or a number as a constant one; ``TypeError`` for anything else."""
    if isinstance(value, Curve):
        return value
    given = reals(value)
    if given is None or given.ndim:
        raise TypeError(
            f"a schedule is a number or a curve such as fpsim.schedules.cosine(0.1, 0.01, 500); got {value!r}"
        )
    constant = number(value, "a constant schedule")
    return Curve(f"{constant:g}", partial(_constant, constant), settled=0.0)


@dataclass(frozen=True)
class _Joined:
    early: Curve
    late: Curve
    joint: float

    def __call__(self, t: Array) -> Array:
        return np.where(t < self.joint, self.early.at(t), self.late.at(np.maximum(t - self.joint, 0.0)))


def _constant(value: float, t: Array) -> ArrayLike:
    return value
