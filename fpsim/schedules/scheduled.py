"""An SDE whose noise, or whose loss, changes with time,

    dX = a(t) b(X, t) dt + sqrt(2 a(t) m(t) D(X)) dB,        m = (eta(t)/S(t)) / (eta/S),  or  T(t)/T

in one of two clocks, which differ once the learning rate does.  One iteration of SGD moves the loss's own time on by
eta(t), so

    clock="time"         a = 1         t is the sum of the learning rates so far, as everywhere in fpsim
    clock="iterations"   a = eta(t)    t counts iterations; an Euler step of length 1 is one step of SGD itself

(Li, Tai and E, ICML 2017, section 4.1, with the learning rate as control.)
"""

from __future__ import annotations

from collections.abc import ItemsView, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import Any, Literal, NoReturn

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fpsim.numbers import not_negative
from fpsim.schedules.curve import Curve, as_curve
from fpsim.sde.sde import SDE, require_sde

Array = NDArray[np.float64]
Clock = Literal["time", "iterations"]
LOOKS = 2**17
"""Places at which curves are looked at before they are used."""
PER_WAVE = 8
"""Looks at a period at least."""
LITTLE = 1e-6
"""Change, of the logarithm of D, that needs no closer look."""
FROZEN = ("drift", "noise", "diffusion", "divergence", "kick", "symbolic", "potential", "with_noise", "along")
"""What an SDE has and a scheduled one has not, since it depends on the time."""


@dataclass(frozen=True, repr=False)
class Scheduled:
    """An SDE under schedules: what moves under a learning rate, batch size, temperature or loss that changes with time.

    :func:`fpsim.simulate`, ``FokkerPlanck(...).evolve`` and ``.survival`` and :class:`fpsim.SurvivalProblem` take it.
    All that rests on drift and noise staying the same (mean times by quadrature or grid, Kramers' formulas, stationary
    laws, spectra) refuses it and takes :meth:`at`, the SDE of one moment.

    Args:
        sde: the SDE whose numbers the schedules replace.
        learning_rate, batch_size: curves of :mod:`fpsim.schedules` or numbers, for a noise D ~ eta/S.
        temperature: the same, for a noise D ~ T (of a vector or matrix, its largest entry).
        parameters: curves for parameters of the loss's formula by name, such as ``{"tilt": wave(0, 0.1, 50)}``.
        clock: ``"time"`` or ``"iterations"``: what t is in all of them, and in every result.

    Raises:
        TypeError: if the first argument is no SDE, or a schedule no curve.
        ValueError: for schedules that the noise or the loss has no number for, jumps, and corrected equations.
    """

    sde: SDE
    learning_rate: Any = None  # as given; a Curve or None from here on
    batch_size: Any = None
    temperature: Any = None
    parameters: Any = field(default_factory=dict)  # as given; pairs of a name and a Curve from here on
    clock: Clock = "time"

    def __post_init__(self) -> None:
        require_sde(self.sde, "Scheduled")
        for name in ("learning_rate", "batch_size", "temperature"):
            value = getattr(self, name)
            object.__setattr__(self, name, None if value is None else as_curve(value))
        given = self.parameters.items() if isinstance(self.parameters, Mapping) else self.parameters
        if not isinstance(given, ItemsView | tuple):
            raise TypeError(f"parameters= is a dict of curves by name, such as {{'tilt': 0.1}}; got {given!r}")
        object.__setattr__(self, "parameters", tuple((str(name), as_curve(curve)) for name, curve in given))
        if self.clock not in ("time", "iterations"):
            raise ValueError(f"clock must be 'time' or 'iterations'; got {self.clock!r}")
        if not self.curves:
            raise ValueError("a schedule needs learning_rate=, batch_size=, temperature= or parameters=")
        self._check_noise()
        self._check_parameters()
        self._check(np.zeros(1))

    def _check_noise(self) -> None:
        noise = self.sde.noise
        if noise.leaps:
            raise ValueError(f"schedules scale a diffusion D, and {noise} jumps and has none; use white noise")
        if self.sde.correction is not None:
            raise ValueError(
                "the second-order equation has one learning rate; give Scheduled an SDE without correction="
            )
        if noise.awaits_escape:
            raise ValueError(f"the noise {noise} still needs its minimum (or saddle); give it before the schedule")
        wanted = {"T": ["temperature"], "eta/S": ["learning_rate", "batch_size"]}.get(self.scale[0], [])
        if self.clock == "iterations" and (noise.minibatch is None or self.scale[0]):
            wanted = [*wanted, "learning_rate"]
        for name in ("learning_rate", "batch_size", "temperature"):
            if getattr(self, name) is not None and name not in wanted:
                also = " (with clock='iterations' it sets the pace)" if name == "learning_rate" else ""
                raise ValueError(f"the noise {noise} has no {name.replace('_', ' ')} that D is proportional to{also}")
        if self.clock == "iterations" and self.learning_rate is None and noise.minibatch is None:
            raise ValueError("clock='iterations' needs a learning rate, and this noise has none; give learning_rate=")

    def _check_parameters(self) -> None:
        known = getattr(self.sde.landscape, "parameters", {})
        for name, _ in self.parameters:
            if name not in known:
                raise ValueError(f"{self.sde.landscape} has no parameter {name!r}; it has {', '.join(known) or 'none'}")
        if self.parameters and not self.sde.domain.is_everywhere:
            raise ValueError("a loss whose parameters move must be defined everywhere, and this one has an edge")
        if self.parameters and self.sde.noise.source is not None:
            raise ValueError("this noise reads its curvature from another landscape, which would not move along")

    # --- facts --------------------------------------------------------------------------------------------------------

    @property
    def scale(self) -> tuple[str, float]:
        """What D of the given SDE is proportional to, ``"T"`` or ``"eta/S"``, and its value; ("", 1) for neither."""
        return self.sde.noise.strength or ("", 1.0)

    @property
    def curves(self) -> dict[str, Curve]:
        """All curves by name."""
        names = ("learning_rate", "batch_size", "temperature")
        return {**{n: getattr(self, n) for n in names if getattr(self, n) is not None}, **dict(self.parameters)}

    @property
    def dimension(self) -> int:
        """Number of coordinates d."""
        return self.sde.dimension

    @property
    def landscape(self) -> Any:
        """The landscape, with its parameters as they were given (see :meth:`at`)."""
        return self.sde.landscape

    @property
    def convention(self) -> str:
        """As in :class:`fpsim.SDE`."""
        return self.sde.convention

    @property
    def domain(self) -> Any:
        """Where landscape and noise are defined."""
        return self.sde.domain

    @property
    def units(self) -> str:
        """Of the clock: ``"time"`` or ``"iterations"``."""
        return self.clock

    @cached_property
    def breaks(self) -> tuple[float, ...]:
        """Where a curve jumps or has a kink, in order."""
        return tuple(sorted({float(b) for curve in self.curves.values() for b in curve.breaks if b > 0}))

    @property
    def settled(self) -> float:
        """From where on all curves are constant; infinite if never."""
        return max((curve.settled for curve in self.curves.values()), default=0.0)

    def pace(self, t: ArrayLike) -> Array:
        """a(t): the loss's own time that passes in a unit of the clock; shape of t."""
        if self.clock == "time":
            return np.ones(np.shape(t))
        if self.learning_rate is None:
            return np.full(np.shape(t), self.sde.noise.minibatch.learning_rate)  # type: ignore[union-attr]
        return np.asarray(self.learning_rate.at(t))

    def strength(self, t: ArrayLike) -> Array:
        """m(t): D over what the SDE was given with; shape of t."""
        found, batch = np.ones(np.shape(t)), self.sde.noise.minibatch
        if self.temperature is not None:
            found = found * self.temperature.at(t) / self.scale[1]
        if batch is not None and self.learning_rate is not None:
            found = found * self.learning_rate.at(t) / batch.learning_rate
        if batch is not None and self.batch_size is not None:
            found = found * batch.batch_size / self.batch_size.at(t)
        return np.asarray(found)

    def corners(self, end: float) -> list[float]:
        """0, the breaks and ``end``, and halves of what lies between them as long as an eighth holds most of a change.

        So a pulse of ``end / LOOKS`` or more is not stepped over; what is shorter has to be among the breaks.
        """
        self._require_waves(end)
        found = {0.0, end}
        for t in self._looks(end):
            low, high, looks = float(t[0]), float(t[-1]), t.size - 1
            found |= {low, high}
            t = low + (high - low) * (np.arange(looks + 1) * (1 - 2e-9) / looks + 1e-9)
            rows = [np.log(self.strength(t)), np.log(self.pace(t))]
            rows += [curve.at(t) / (np.abs(curve.at(t)).max() or 1.0) for _, curve in self.parameters]
            path = np.concatenate([[0.0], np.cumsum(sum(np.abs(np.diff(row)) for row in rows))])
            found |= {low + (high - low) * k / looks for k in _halves(path, 0, looks)}
        return sorted(found)

    def _looks(self, end: float) -> list[Array]:
        """Places between 0 and ``end``, stretch by stretch between breaks."""
        knots = [0.0, *(b for b in self.breaks if b < end), end]
        looks = max(LOOKS // (len(knots) - 1), 64)
        return [np.linspace(low, high, looks + 1) for low, high in pairwise(knots)]

    def _require_waves(self, end: float) -> None:
        """Refuse waves too short to be followed."""
        for name, curve in self.curves.items():
            if end * PER_WAVE > curve.period * LOOKS:
                raise ValueError(
                    f"the schedule of {name} ({curve}) repeats {end / curve.period:.3g} times up to t = {end:g}, and "
                    f"{LOOKS // PER_WAVE} repetitions are followed at most; end earlier, or give its mean"
                )

    def extremes(self, end: float) -> list[float]:
        """Moments up to ``end`` at which the noise, the pace or a parameter of the loss is largest or smallest."""
        t = np.concatenate(self._looks(end))
        rows = [self.strength(t), self.pace(t), *(curve.at(t) for _, curve in self.parameters)]
        return sorted({float(t[pick(row)]) for row in rows for pick in (np.argmin, np.argmax)})

    def at(self, t: float) -> SDE:
        """The SDE of the moment t, in the loss's own time: :meth:`pace` times as fast it runs in the clock.

        Raises:
            ValueError: for a time that is none, or at which a curve is no number, or not positive where it has to be.
        """
        not_negative(t, "the moment t of a schedule")
        self._check(np.array([float(t)]))
        sde, factor = self.sde, float(self.strength(t))
        if self.parameters:
            moved = self.landscape.with_parameters(**{n: float(curve.at(t)) for n, curve in self.parameters})
            sde = SDE(moved, sde.noise, sde.convention)
        return sde if factor == 1.0 else sde.with_noise(sde.noise.scaled(factor))

    def require(self, duration: float) -> None:
        """Refuse curves that are no numbers, or not what noise and loss can have, between 0 and ``duration``."""
        self._check(np.concatenate(self._looks(duration)))
        for t in self.extremes(duration) if self.parameters else ():
            self.at(t)

    def _check(self, t: Array) -> None:
        for name, curve in self.curves.items():
            values = curve.at(t)
            positive = name in ("learning_rate", "batch_size", "temperature")
            bad = ~np.isfinite(values) | ((values <= 0) & positive)
            if bad.any():
                wanted = "a positive number" if positive else "a number"
                raise ValueError(
                    f"the schedule of {name} ({curve}) must be {wanted} all along; at t = {t[bad][0]:g} it is "
                    f"{values[bad][0]:g}"
                )

    def refuse_inertia(self, caller: str) -> None:
        """Refuse motion with inertia, of which only :func:`fpsim.simulate` knows under a schedule."""
        if self.sde.inertia is not None:
            raise ValueError(
                f"{caller} takes no schedule of motion with inertia ({self.sde}); use fpsim.simulate, which steps it "
                "by BAOAB"
            )

    def refuse(self, caller: str = "this") -> NoReturn:
        """Say, in one place, that what assumes dynamics that stay the same cannot take a schedule."""
        told = "; ".join(f"{name.replace('_', ' ')} {curve}" for name, curve in self.curves.items())
        raise ValueError(
            f"{caller} assumes that drift and noise stay the same for all times, and here they follow a schedule "
            f"({told}); use fpsim.SurvivalProblem, fpsim.simulate, or FokkerPlanck's evolve and survival, or take the "
            "SDE of one moment, scheduled.at(t)"
        )

    def __getattr__(self, name: str) -> NoReturn:
        if name in FROZEN:
            self.refuse()
        raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")

    def __repr__(self) -> str:
        return f"<Scheduled: {self}>"

    def __str__(self) -> str:
        told = "; ".join(f"{name.replace('_', ' ')} {curve}" for name, curve in self.curves.items())
        return f"{self.sde}; scheduled, t in {self.units}: {told}"


def _halves(path: Array, low: int, high: int) -> list[int]:
    """Middles of stretches of which one eighth holds more than half of the path that is gone."""
    if high - low < 16 or path[high] - path[low] < LITTLE:
        return []
    eighths = np.diff(path[np.linspace(low, high, 9).astype(int)])
    if eighths.max() <= eighths.sum() / 2:
        return []
    middle = (low + high) // 2
    return [*_halves(path, low, middle), middle, *_halves(path, middle, high)]


def require_clock(scheduled: Scheduled, duration: float, dtype: Any) -> None:
    """Refuse what the clock of a path cannot do: single precision, and curves that are not positive where they must."""
    if np.dtype(dtype) == np.float32:
        raise ValueError("a schedule's clock counts steps among the coordinates, and float32 loses count; use float64")
    scheduled.require(duration)
