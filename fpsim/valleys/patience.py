"""How long a search may take, known to all that runs inside it.

Every step of a search asks for curvature (:mod:`fpsim.valleys.curvature`), which looks at the clock.
"""

from __future__ import annotations

import math
import time as clock
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_ENDS: ContextVar[float] = ContextVar("ends", default=math.inf)


class OutOfTimeError(Exception):
    """The deadline has passed. No refusal of one place, which a search survives, and so no ValueError."""


@contextmanager
def patience(deadline: float, found: Callable[[], str]) -> Iterator[None]:
    """A search of at most ``deadline`` seconds; ``found`` says what was found until then.

    Raises:
        ValueError: if the time is up, or was none.
    """
    if not deadline > 0:
        raise ValueError(f"a deadline is a positive number of seconds; got {deadline!r}")
    token = _ENDS.set(min(_ENDS.get(), clock.monotonic() + deadline))
    try:
        yield
    except OutOfTimeError:
        raise ValueError(
            f"the search was not over within its deadline of {deadline:g} s: {found()} until then; give more time "
            "(deadline=)"
        ) from None
    finally:
        _ENDS.reset(token)


def look_at_the_clock() -> None:
    """Raise :class:`OutOfTimeError` when the time of the search that this belongs to is up."""
    if clock.monotonic() > _ENDS.get():
        raise OutOfTimeError


def half_is_over(began: float) -> bool:
    """Whether half of the time from ``began`` on, in seconds of the clock, to the deadline is over."""
    return clock.monotonic() > (began + _ENDS.get()) / 2


class Told:
    """Tells ``progress`` the finished share in [0, 1], which never falls."""

    def __init__(self, progress: Callable[[float], None] | None) -> None:
        self.progress, self.last = progress, 0.0

    def __call__(self, share: float) -> None:
        if self.progress is not None and share > self.last:
            self.progress(min(share, 1.0))
            self.last = share
