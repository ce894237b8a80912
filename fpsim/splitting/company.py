"""Flights of several repetitions in one call of a kernel.

A level restarts few flights, and a block of lanes costs the same for few as for many.  Repetitions that run side by
side therefore hand in what they want flown, and when all of them wait, flights that end alike go together.  A flight is
the same in any company, so that no repetition changes.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from fpsim.splitting.dynamics import Dynamics, Flown, Integers, Log, Stop, Until

Array = NDArray[np.float64]
FLIGHTS = {"cuda": 2**16}
"""Flights that a call should have on an engine, elsewhere :data:`FEW`."""
FEW = 512
MOST_MEMBERS = 64
"""Repetitions that one call of a GPU carries at most, each on a thread of its own."""


@dataclass
class Wish:
    """What one repetition wants flown, and what became of it."""

    starts: Array
    numbers: Integers
    first: Array
    until: Until
    recording: bool
    stop: Stop
    flown: Flown | None = None
    error: BaseException | None = None

    @property
    def kind(self) -> tuple[Until, bool]:
        """What flights of one call have in common."""
        return self.until, self.recording


@dataclass
class Company:
    """A dynamics shared by repetitions on threads of their own, each of which is a member while it runs."""

    dynamics: Dynamics
    members: int = 0
    wishes: list[Wish] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)
    flying: bool = False

    @property
    def dimension(self) -> int:
        """Coordinates of a state."""
        return self.dynamics.dimension

    @property
    def turns(self) -> bool:
        """Whether its flow may turn around a valley."""
        return self.dynamics.turns

    @property
    def engine(self) -> str:
        """What moves it."""
        return self.dynamics.engine

    def score(self, x: Array) -> Array:
        """Scores (n,) of states (n, d)."""
        return self.dynamics.score(x)

    @contextmanager
    def member(self) -> Iterator[None]:
        """One repetition."""
        with self.changed:
            self.members += 1
        try:
            yield
        finally:
            with self.changed:
                self.members -= 1
                self.changed.notify_all()

    def fly(self, starts: Array, numbers: Integers, first: Array, until: Until, recording: bool, stop: Stop) -> Flown:
        """Flights, as :class:`fpsim.splitting.dynamics.Dynamics` says, when all members wait for some."""
        mine = Wish(starts, numbers, first, until, recording, stop)
        with self.changed:
            self.wishes.append(mine)
            self.changed.notify_all()
            while mine.flown is None and mine.error is None:
                if not self.flying and len(self.wishes) >= self.members:
                    self._fly_all()
                else:
                    self.changed.wait()
        if mine.error is not None:
            raise mine.error
        assert mine.flown is not None
        return mine.flown

    def _fly_all(self) -> None:
        """Fly what is wished for, with the lock open meanwhile."""
        wishes, self.wishes, self.flying = self.wishes, [], True
        self.changed.release()
        try:
            for kind in dict.fromkeys(wish.kind for wish in wishes):
                self._fly_alike([wish for wish in wishes if wish.kind == kind])
        finally:
            self.changed.acquire()
            self.flying = False
            self.changed.notify_all()

    def _fly_alike(self, wishes: list[Wish]) -> None:
        ends = np.cumsum([0, *(len(wish.numbers) for wish in wishes)]).tolist()
        starts, numbers, first = (
            np.concatenate([getattr(wish, name) for wish in wishes]) for name in ("starts", "numbers", "first")
        )
        (until, recording), stop = wishes[0].kind, wishes[0].stop
        try:
            flown = self.dynamics.fly(starts, numbers, first, until, recording, stop)
        except BaseException as error:
            for wish in wishes:
                wish.error = error
            return
        for wish, begin, end in zip(wishes, ends[:-1], ends[1:], strict=True):
            wish.flown = _part(flown, begin, end)


def _part(flown: Flown, begin: int, end: int) -> Flown:
    """Flights ``begin ... end - 1`` with their records."""
    log, part = flown.log, slice(begin, end)
    own = (log.owner >= begin) & (log.owner < end)
    records = Log(log.owner[own] - begin, log.score[own], log.step[own], log.place[own])
    return Flown(flown.ends[part], flown.steps[part], flown.places[part], records)


def companies(dynamics: Dynamics, threads: int, repetitions: int, restarted: int) -> tuple[list[Company], int]:
    """A company for each thread, and how many repetitions run side by side, for levels that restart so many flights."""
    if not getattr(dynamics, "heavy", False):
        return [], max(1, min(threads, repetitions))
    teams = 1 if dynamics.engine == "cuda" else max(1, min(threads, repetitions))
    wanted = -(-FLIGHTS.get(dynamics.engine, FEW) // max(1, restarted))
    each = min(wanted, MOST_MEMBERS, -(-repetitions // teams))
    return [Company(dynamics) for _ in range(teams)], teams * each
