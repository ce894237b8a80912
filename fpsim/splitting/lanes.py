"""Flights in lanes of a compiled kernel: calls of bounded length, with room for their log."""

from __future__ import annotations

import time as clock
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from fpsim.kernels.pacing import Pace
from fpsim.paths.chunks import BLOCK
from fpsim.splitting.dynamics import UNSCORED, Flown, Integers, Log, Stop, UnscoredError, Until

Array = NDArray[Any]
FIRST_CALL = 64  # groups of four steps in the first call of a kernel
ROWS = 32 * BLOCK
"""Rows of a log to begin with; at most four times BLOCK are written between two looks at it."""

Kernel = Callable[[tuple[Any, ...], int, tuple[Any, ...]], int]


class Rows:
    """A log that grows."""

    def __init__(self, dimension: int, rows: int) -> None:
        self.owner, self.score, self.step = np.empty(rows, np.int64), np.empty(rows), np.empty(rows)
        self.place, self.length = np.empty((rows, dimension)), np.zeros(1, np.int64)

    @property
    def arrays(self) -> tuple[Any, ...]:
        return self.length, self.owner, self.score, self.step, self.place

    def make_room(self) -> None:
        """Twice the rows, if the next group of steps might fill those that there are."""
        size = len(self.owner)
        if self.length[0] + 4 * BLOCK > size:
            for name in ("owner", "score", "step", "place"):
                old = getattr(self, name)
                setattr(self, name, np.concatenate([old, np.empty_like(old)]))

    def log(self) -> Log:
        n = int(self.length[0])
        return Log(self.owner[:n], self.score[:n], self.step[:n], self.place[:n])


def fly_lanes(
    call: Kernel, starts: Array, numbers: Integers, first: Array, until: Until, recording: bool, stop: Stop,
    dtype: DTypeLike, lost: Callable[[int], Exception],
) -> Flown:  # fmt: skip
    """Flights by a kernel of :mod:`fpsim.kernels.flights`.

    Args:
        call: (state of the lanes and flights, budget, what is written) -> lanes still busy, or -1 - flight.
        starts, numbers, first, until, recording, stop: as in :meth:`fpsim.splitting.dynamics.Dynamics.fly`.
        dtype: precision of the kernel.
        lost: the error for a flight that left the finite numbers.
    """
    n, d = starts.shape
    starts, numbers = np.ascontiguousarray(starts, dtype=float), np.ascontiguousarray(numbers)
    lanes = (
        np.repeat(starts[0], BLOCK).astype(dtype), np.full(BLOCK, -1), np.zeros(BLOCK, np.int64),
        np.full(BLOCK, np.inf), np.array([0, n]), starts, numbers, np.ascontiguousarray(first, dtype=float),
    )  # fmt: skip
    ends, steps, places = np.zeros(n, np.int8), np.full(n, np.nan), np.empty((n, d))
    rows, pace = Rows(d, ROWS if recording else 0), Pace(FIRST_CALL)
    while True:
        began = clock.perf_counter()
        if recording:
            rows.make_room()
        busy = call((*lanes, until), pace.size, (ends, steps, places, recording, *rows.arrays))
        if busy < 0:
            raise lost(-1 - busy)
        pace.took(pace.size, clock.perf_counter() - began)
        stop.check(float(4 * pace.size * busy))
        if busy == 0 and lanes[4][0] == n:
            break
    if (ends == UNSCORED).any():
        raise UnscoredError(places[ends == UNSCORED][0])
    return Flown(ends, steps, places, rows.log())
