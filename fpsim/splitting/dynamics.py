"""What splitting asks of whatever moves: flights from given states until they fall back, arrive or rise high enough.

A dynamics is a Markov chain X_0, X_1, ... whose steps draw f(seed, flight number, step), so that a flight is the same
wherever and whenever it runs.  A copy of a flight is another flight from one of its states under a new number.
"""

from __future__ import annotations

import math
import threading
import time as clock
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from fpsim.kernels.pacing import Stopped

Array = NDArray[np.float64]
Integers = NDArray[np.int64]
ALOFT, BACK, ARRIVED, REACHED, UNSCORED = 0, 1, 2, 3, 4  # as in fpsim.kernels.flight_lanes


@dataclass(frozen=True)
class Log:
    """Records of flights, in order of time for each flight.

    Attributes:
        owner: (rows,) which flight.
        score: (rows,) its largest score so far; infinite at arrival.
        step: (rows,) steps from its start.
        place: (rows, d) its state.
    """

    owner: Integers
    score: Array
    step: Array
    place: Array


@dataclass(frozen=True)
class Flown:
    """What became of n flights.

    Attributes:
        ends: (n,) ALOFT (at the horizon), BACK, ARRIVED or REACHED.
        steps: (n,) after how many steps.
        places: (n, d) where.
        log: their records, empty unless asked for.
    """

    ends: NDArray[np.int8]
    steps: Array
    places: Array
    log: Log


@dataclass(frozen=True)
class Until:
    """When flights end, but for arrival.

    Attributes:
        low, low_from: back at a score <= low, from this step on.
        high: reached at a score >= high.
        horizon: steps at most, a multiple of four.
    """

    low: float = -math.inf
    low_from: int = 0
    high: float = math.inf
    horizon: float = math.inf

    @property
    def quads(self) -> int:
        """The horizon in groups of four steps."""
        return 2**45 if math.isinf(self.horizon) else -(-int(self.horizon) // 4)


@dataclass
class Stop:
    """When work is to end early: a deadline on the clock, most steps, or a word from another thread."""

    ends: float = math.inf
    most: float = math.inf
    told: threading.Event = field(default_factory=threading.Event)
    steps: float = 0.0

    def check(self, steps: float = 0.0) -> None:
        """Count steps; raises :class:`Stopped` when it is over, :class:`EndlessError` when there were too many."""
        self.steps += steps  # several threads may lose some: this is a bound against running for ever
        if self.told.is_set() or clock.perf_counter() > self.ends:
            raise Stopped
        if self.steps > self.most:
            raise EndlessError(self.most)


MOST_STEPS = {"cuda": 1e14, "compiled": 1e12, "numpy": 2e9, "torch": 2e9}
"""Coordinate-steps of a run at most, as for paths."""


def most_steps(dynamics: Dynamics) -> float:
    """Steps of all flights beyond which a run is given up."""
    return MOST_STEPS[dynamics.engine] / dynamics.dimension


class EndlessError(ValueError):
    """Flights that take too many steps."""

    def __init__(self, most: float) -> None:
        super().__init__(
            f"flights took more than {most:.0e} steps: something on the way holds them for long, such as another deep "
            "valley; split the way into escapes from valley to valley, or use another route"
        )


class UnscoredError(ValueError):
    """A score that is no number where a flight went."""

    def __init__(self, place: Any) -> None:
        super().__init__(
            f"the score is NaN at x = {np.array2string(np.asarray(place), precision=6)}; give a function that is a "
            "number wherever paths go"
        )


class Dynamics(Protocol):
    """What can be flown."""

    @property
    def dimension(self) -> int:
        """Coordinates of a state."""
        ...

    @property
    def engine(self) -> str:
        """``"compiled"``, ``"cuda"`` or ``"numpy"``, or what else moves it."""
        ...

    @property
    def turns(self) -> bool:
        """Whether its flow may turn around a valley: a drift that is no gradient, or velocities."""
        ...

    def score(self, x: Array) -> Array:
        """Scores (n,) of states ``x`` (n, d)."""
        ...

    def fly(self, starts: Array, numbers: Integers, first: Array, until: Until, recording: bool, stop: Stop) -> Flown:
        """Flights from ``starts`` (n, d) under path ``numbers`` (n,); records begin above ``first`` (n,)."""
        ...
