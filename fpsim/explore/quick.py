"""Pictures that are wanted at once: few computed at a time, each within seconds, the last ones kept."""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from fpsim.explore.jobs import BusyError
from fpsim.routes.allowance import OverBudgetError, within

if TYPE_CHECKING:
    from fpsim.explore.kept import Kept
    from fpsim.explore.settings import Settings

AT_ONCE = 2
PATIENCE = 10.0
"""Seconds that a request waits for its turn."""
SECONDS = 20.0
"""Seconds that one picture may take."""
COMPILING = 5
"""Times that a picture begins again, if it waited while something was compiled for the first time."""
KEPT = 64


class Quick:
    """Answers to settings as JSON bytes, each computed once while it is remembered; some are, on ``disk``, for ever."""

    def __init__(
        self, make: Callable[[Settings], object], kept: int = KEPT, at_once: int = AT_ONCE, disk: Kept | None = None
    ) -> None:
        self.make, self.kept, self.disk = make, kept, disk
        self.turns, self.lock = threading.Semaphore(at_once), threading.Lock()
        self.answers: OrderedDict[Settings, bytes] = OrderedDict()
        self.under_way: dict[Settings, threading.Lock] = {}

    def __call__(self, settings: Settings) -> bytes:
        """The answer for ``settings``.

        Raises:
            BusyError: if its turn does not come.
            ValueError: for settings that are no problem, or that take too long.
        """
        with self._alone(settings):
            found = self._known(settings)
            if found is not None:
                return found
            if not self.turns.acquire(timeout=PATIENCE):
                raise BusyError("too many pictures are asked for at once; try again in a while")
            try:
                found = self._made(settings)
            finally:
                self.turns.release()
            if self.disk is not None:
                self.disk.write(settings, found)
            return self._remembered(settings, found)

    @contextmanager
    def _alone(self, settings: Settings) -> Iterator[None]:
        """Who asks for what is already under way waits for it, and takes no turn."""
        with self.lock:
            mine = self.under_way.setdefault(settings, threading.Lock())
        if not mine.acquire(timeout=COMPILING * SECONDS):
            raise BusyError("this picture is under way and does not end; try again in a while")
        try:
            yield
        finally:
            mine.release()
            with self.lock:
                self.under_way.pop(settings, None)

    def _made(self, settings: Settings) -> bytes:
        for _ in range(COMPILING):
            try:
                return json.dumps(within(SECONDS, lambda: self.make(settings)), allow_nan=False).encode()
            except OverBudgetError:
                from fpsim.kernels.compiling import UNDER_WAY

                if not UNDER_WAY:
                    break
        raise ValueError(f"this did not end within {SECONDS:g} s, the most a picture may take; simplify it")

    def _known(self, settings: Settings) -> bytes | None:
        with self.lock:
            if settings in self.answers:
                self.answers.move_to_end(settings)
                return self.answers[settings]
        found = None if self.disk is None else self.disk.read(settings)
        return None if found is None else self._remembered(settings, found)

    def _remembered(self, settings: Settings, answer: bytes) -> bytes:
        with self.lock:
            self.answers[settings] = answer
            while len(self.answers) > self.kept:
                self.answers.popitem(last=False)
        return answer
