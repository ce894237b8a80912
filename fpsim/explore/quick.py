"""Pictures that are wanted at once: few computed at a time, each within seconds, the last ones kept."""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from collections.abc import Callable

from fpsim.explore.jobs import BusyError
from fpsim.explore.settings import Settings
from fpsim.routes.allowance import OverBudgetError, within

AT_ONCE = 2
PATIENCE = 10.0
"""Seconds that a request waits for its turn."""
SECONDS = 20.0
"""Seconds that one picture may take."""
COMPILING = 5
"""Times that a picture begins again, if it waited while something was compiled for the first time."""
KEPT = 64


class Quick:
    """Answers to settings as JSON bytes, each computed once while it is remembered."""

    def __init__(self, make: Callable[[Settings], object], kept: int = KEPT, at_once: int = AT_ONCE) -> None:
        self.make, self.kept = make, kept
        self.turns, self.lock = threading.Semaphore(at_once), threading.Lock()
        self.answers: OrderedDict[Settings, bytes] = OrderedDict()

    def __call__(self, settings: Settings) -> bytes:
        """The answer for ``settings``.

        Raises:
            BusyError: if its turn does not come.
            ValueError: for settings that are no problem, or that take too long.
        """
        found = self._known(settings)
        if found is not None:
            return found
        if not self.turns.acquire(timeout=PATIENCE):
            raise BusyError("too many pictures are asked for at once; try again in a while")
        try:
            found = self._known(settings)
            if found is None:
                found = self._made(settings)
        finally:
            self.turns.release()
        with self.lock:
            self.answers[settings] = found
            while len(self.answers) > self.kept:
                self.answers.popitem(last=False)
        return found

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
            return self.answers.get(settings)
