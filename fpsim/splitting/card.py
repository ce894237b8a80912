"""Flights on a GPU: all of them at once, in calls of a fraction of a second, their records read after each.

Scores of places, levels and copies stay on the host: what flies is what :mod:`fpsim.splitting.lanes` flies on the CPU.
"""

from __future__ import annotations

import time as clock
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from fpsim.cuda.device import EXIT_STEPS, Device, chosen, within_memory
from fpsim.kernels.pacing import Pace
from fpsim.paths.step import LIMITS
from fpsim.splitting.dynamics import UNSCORED, Dynamics, Flown, Integers, Log, Stop, UnscoredError, Until

Array = NDArray[Any]
FIRST_CALL = 64  # groups of four steps in the first call of a kernel
FEWEST_ROWS, MOST_ROWS = 4, 64
"""Records of a flight in one call."""
LOG_BYTES = 2**29
"""Bytes of the card's memory for records."""


class Placeable(Dynamics, Protocol):
    """Flights that may have a twin on a GPU."""

    def on_card(self) -> Dynamics | None:
        """The same flights there; ``None`` if something about them does not compile."""
        ...


def placed(dynamics: Placeable, device: Device, flights: float) -> Dynamics:
    """``dynamics`` on the device that was asked for.

    ``"auto"`` takes each of so many ``flights`` to last :data:`fpsim.cuda.device.EXIT_STEPS` steps.

    Raises:
        NoGPUError: for ``"cuda"`` without a usable GPU.
        ValueError: for ``"cuda"`` where something does not compile, or for another word.
    """
    if chosen(device, flights * EXIT_STEPS * dynamics.dimension) == "cpu":
        return dynamics
    found = dynamics.on_card()
    if found is None and device == "cuda":
        raise ValueError(
            "a GPU flies formulas, and landscape, noise, target or score of these flights are none that compile (plain "
            "Python functions, or a network that runs in torch); use device='cpu'"
        )
    return dynamics if found is None else found


@dataclass(frozen=True)
class Flights:
    """What the threads of a GPU work on, as in :mod:`fpsim.cuda.flights`.

    Attributes:
        states: (d, n) where flights are.
        quads, best, ends, steps, numbers: (n,).
    """

    states: Any
    quads: Any
    best: Any
    ends: Any
    steps: Any
    numbers: Any

    @classmethod
    def begun(cls, starts: Array, numbers: Integers, first: Array) -> Flights:
        """Flights before their first step."""
        from numba import cuda

        from fpsim.kernels.flight_lanes import FLYING

        n = len(starts)
        parts = (
            starts.T, np.zeros(n, np.int64), first, np.full(n, FLYING, np.int8), np.zeros(n), numbers.astype(np.int64),
        )  # fmt: skip
        kinds = float, np.int64, float, np.int8, float, np.int64
        return cls(
            *(cuda.to_device(np.array(part, dtype=kind, order="C")) for part, kind in zip(parts, kinds, strict=True))
        )

    @property
    def arrays(self) -> tuple[Any, ...]:
        """All of them, as the kernels take them."""
        return self.states, self.quads, self.best, self.ends, self.steps, self.numbers


class Records:
    """Rows in which flights write on the card, and what was read of them."""

    def __init__(self, flights: int, dimension: int, recording: bool) -> None:
        from numba import cuda

        self.recording = recording
        lanes = flights if recording else 1
        rows = min(max(LOG_BYTES // (8 * (dimension + 2) * lanes), FEWEST_ROWS), MOST_ROWS) if recording else 1
        self.counts = cuda.device_array(lanes, dtype=np.int64)
        self.scores, self.moments = (cuda.device_array((rows, lanes)) for _ in range(2))
        self.places = cuda.device_array((rows, dimension, lanes))
        self.read = [Log(np.empty(0, np.int64), np.empty(0), np.empty(0), np.empty((0, dimension)))]

    @property
    def arrays(self) -> tuple[Any, ...]:
        return self.recording, self.counts, self.scores, self.moments, self.places

    def collect(self, alive: Integers) -> None:
        """Read what the flights ``alive`` wrote."""
        if not self.recording:
            return
        counts = self.counts.copy_to_host()[: len(alive)]
        used = int(counts.max())
        written = np.arange(used)[:, None] < counts
        row, lane = np.nonzero(written)
        scores, moments, places = (
            part[:used].copy_to_host() if used else np.empty((0, *part.shape[1:]))
            for part in (self.scores, self.moments, self.places)
        )
        self.read.append(Log(alive[lane], scores[row, lane], moments[row, lane], places[row, :, lane]))

    def log(self) -> Log:
        """All of it, in order of time for each flight."""
        return gathered(self.read)


Call = Callable[[Any, Flights, int, Records], None]
"""One call of a kernel on a GPU: (flights under way, all flights, groups of four steps, records)."""


def calls(kernel: Any, given: Any, score: Any, until: Until) -> Call:
    """Calls of a kernel of :mod:`fpsim.cuda.flights` with what moves its flights, and the numbers of their score."""
    from fpsim.cuda.walk import over

    def call(alive: Any, flights: Flights, budget: int, records: Records) -> None:
        over(kernel, alive.size)(
            alive, *flights.arrays, until.low, until.low_from, until.high, until.quads, budget, given, score,
            LIMITS["float64"], *records.arrays,
        )  # fmt: skip

    return call


@within_memory()
def fly_on_card(
    call: Call, starts: Array, numbers: Integers, first: Array, recording: bool, stop: Stop,
    lost: Callable[[int], Exception], most: int = 2**40,
) -> Flown:  # fmt: skip
    """Flights by a kernel of :mod:`fpsim.cuda.flights`, at most so many side by side; as in ``fly_lanes``."""
    d = starts.shape[1]
    size = max(1, min(most, LOG_BYTES // (8 * (d + 2) * FEWEST_ROWS)))
    parts = []
    for begin in range(0, len(starts), size):
        part = slice(begin, begin + size)
        flights = Flights.begun(starts[part], numbers[part], first[part])
        parts.append(_flown(call, flights, recording, stop, lost, begin))
    return parts[0] if len(parts) == 1 else _joined(parts, size)


def _flown(
    call: Call, flights: Flights, recording: bool, stop: Stop, lost: Callable[[int], Exception], begin: int
) -> Flown:
    """All of ``flights``, of which the first is number ``begin`` of a list, in calls until each has ended."""
    from numba import cuda

    from fpsim.cuda.flights import LOST
    from fpsim.kernels.flight_lanes import FLYING

    d, n = flights.states.shape
    records, pace, alive = Records(n, d, recording), Pace(FIRST_CALL), np.arange(n)
    call(cuda.to_device(alive), flights, 0, records)  # no step: this compiles
    while alive.size:
        began = clock.perf_counter()
        call(cuda.to_device(alive), flights, pace.size, records)
        records.collect(alive)
        ends = flights.ends.copy_to_host()
        if (ends == LOST).any():
            raise lost(begin + int(np.argmax(ends == LOST)))
        pace.took(pace.size, clock.perf_counter() - began)
        stop.check(float(4 * pace.size * alive.size))
        alive = np.flatnonzero(ends == FLYING)
    places = np.ascontiguousarray(flights.states.copy_to_host().T)
    if (ends == UNSCORED).any():
        raise UnscoredError(places[ends == UNSCORED][0])
    return Flown(ends, flights.steps.copy_to_host(), places, records.log())


def _joined(parts: list[Flown], size: int) -> Flown:
    """Flights that went in groups of ``size``."""
    logs = [replace(part.log, owner=size * k + part.log.owner) for k, part in enumerate(parts)]
    ends, steps, places = (np.concatenate([getattr(p, name) for p in parts]) for name in ("ends", "steps", "places"))
    return Flown(ends, steps, places, gathered(logs))


def gathered(logs: list[Log]) -> Log:
    """Several logs as one."""
    names = (field.name for field in fields(Log))
    return Log(*(np.concatenate([getattr(log, name) for log in logs]) for name in names))
