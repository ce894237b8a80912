"""Long runs in short calls: how much work one call of a kernel gets, who is told how far it is, and when to stop.

A kernel cannot be interrupted, so that Ctrl-C, a deadline and the bar of progress wait for the end of a call.  Calls
are therefore sized by the time that earlier ones took.  No result depends on their size.
"""

from __future__ import annotations

import math
import sys
import threading
import time as clock
from collections.abc import Callable, Iterator
from typing import NamedTuple

AIM = 0.2
"""Seconds that one call should take."""
GROWTH = 4
WORTH_SAYING = 30.0
"""A run without a bar of progress that is going to take longer says so, in seconds."""


class Stopped(Exception):
    """The result of this work is not wanted any more."""


class Pace:
    """The size of the next call, in units of work.

    Args:
        first: size of the first call, small enough for the slowest work.
    """

    def __init__(self, first: int) -> None:
        self.size = max(1, first)

    def took(self, done: int, seconds: float) -> None:
        """Learn from a call of ``done`` units; one that ended early says little about longer ones."""
        if seconds > 2 * AIM:
            self.size = max(1, int(min(self.size, done) * AIM / seconds))
        elif 2 * done >= self.size and seconds < AIM / 2:
            self.size *= GROWTH


class Piece(NamedTuple):
    """What one call does: ``frames`` stretches of ``every`` steps; an unfinished stretch is no frame."""

    step: int
    frames: int
    every: int
    finished: bool


def pieces(steps: int, every: int, most: int, unit: int, pace: Pace) -> Iterator[Piece]:
    """Cut ``steps`` steps, of which every ``every``-th and the last are looked at, into calls.

    Args:
        steps, every: of the whole run.
        most: frames that one call may write.
        unit: calls that do not end with a frame end at multiples of this many steps.
        pace: steps per call.
    """
    step = 0
    while step < steps:
        end = min(step - step % every + every, steps)  # of the stretch under way
        whole = min(pace.size // every, most, (steps - step) // every) if step % every == 0 else 0
        if whole:
            piece = Piece(step, whole, every, True)
        elif (cut := (step + max(pace.size, unit)) // unit * unit) < end:
            piece = Piece(step, 1, cut - step, False)
        else:
            piece = Piece(step, 1, end - step, True)
        yield piece
        step += piece.frames * piece.every


def stretches(total: int, first: int) -> Iterator[tuple[int, int]]:
    """(begin, end) of calls that do ``total`` units of work between them, the first of them ``first`` units."""
    pace, begin = Pace(first), 0
    while begin < total:
        end = min(begin + pace.size, total)
        began = clock.perf_counter()
        yield begin, end
        pace.took(end - begin, clock.perf_counter() - began)
        begin = end


class Watch:
    """One run as seen by all its threads: what is done, whether to stop, who is told.

    Args:
        total: units of work of the whole run.
        progress: called with the finished share in [0, 1], by the thread that started the run only.
    """

    def __init__(self, total: float, progress: Callable[[float], None] | None = None) -> None:
        self.total, self.progress, self.done = total, progress, 0.0
        self.stopped, self.lock = threading.Event(), threading.Lock()
        self.owner, self.told, self.last = threading.get_ident(), False, 0.0
        self.first: tuple[float, float] | None = None

    def advance(self, amount: float) -> None:
        """Count a piece of work as done; raises :class:`Stopped` if the rest is not wanted any more."""
        with self.lock:
            self.done += amount
            self.first = self.first or (self.done, clock.perf_counter())
        if self.stopped.is_set():
            raise Stopped
        if threading.get_ident() == self.owner:
            self.report()

    def report(self) -> None:
        """Tell how far the run is; how long it takes is told without its first piece, in which kernels are compiled."""
        share = min(self.done / self.total, 1.0)
        if self.progress is not None and share > self.last:
            self.progress(share)
            self.last = share
        elif self.progress is None and not self.told and self.first is not None:
            done, spent = self.done - self.first[0], clock.perf_counter() - self.first[1]
            if done > 0 and spent > 2.0:
                self.told, left = True, spent * (self.total - self.done) / done
                if left > WORTH_SAYING:
                    print(f"fpsim: this run will take about {duration(left)} more", file=sys.stderr)


def duration(seconds: float) -> str:
    """Seconds in words."""
    for size, name in ((86400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {name}"
    return f"{math.ceil(seconds)} seconds"
