"""How far a long call is: a bar in terminals and notebooks, lines in logs, or a function of the caller's.

    progress=None: a bar where somebody works interactively; True: in any case; False: none; a function: it is told

Every public call that may take long has this argument and is decorated with :func:`shows_progress`, the one place that
turns it into the function that the loops call.  One bar is shown at a time: that of the outermost call.  Loops far
below a call, which know nothing of it, :func:`tell` how far they are, and whoever is :func:`heard` above them is told.
"""

from __future__ import annotations

import html
import inspect
import math
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from importlib import import_module
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")
Progress = Callable[..., None] | Any
"""What users give: a function of the share in [0, 1], a bool or None.  Bodies see a function or None, as no type of
a decorated function can say; hence Any."""
Told = Callable[..., None]
"""A bar: (share, name of a part, other words for it)."""

PATIENCE = 0.5
"""Seconds before a bar is shown at all."""
LINES = 10.0
"""Seconds between two lines of a log."""
_SCREEN = threading.Lock()
"""Held by the call whose bar is shown, or that is asked for none: calls within it are silent."""


_HEARD: ContextVar[Callable[[float], None] | None] = ContextVar("heard", default=None)


@contextmanager
def heard(told: Callable[..., None] | None) -> Iterator[None]:
    """Within, what is told reaches ``told`` (a function, or nobody), and never goes back; at the end it is told 1."""
    furthest = 0.0

    def further(share: float) -> None:
        nonlocal furthest
        if told is not None and share > furthest:
            furthest = min(share, 1.0)
            told(furthest)

    mark = _HEARD.set(None if told is None else further)
    try:
        yield
        further(1.0)
    finally:
        _HEARD.reset(mark)


@contextmanager
def part(low: float, high: float) -> Iterator[None]:
    """Within, a share of 0 to 1 that is told is one of ``low`` to ``high`` of the whole."""
    above = _HEARD.get()
    mark = _HEARD.set(None if above is None else lambda share: above(low + (high - low) * min(max(share, 0.0), 1.0)))
    try:
        yield
    finally:
        _HEARD.reset(mark)


def tell(share: float) -> None:
    """Tell whoever is heard above how far this is, 0 to 1."""
    above = _HEARD.get()
    if above is not None:
        above(share)


def interactive() -> bool:
    """Whether somebody types: in Python's prompt, IPython, a notebook, or ``python -i``."""
    return hasattr(sys, "ps1") or bool(sys.flags.interactive)


def in_notebook() -> bool:
    """Whether a kernel shows HTML (Jupyter, VS Code, Colab)."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    return hasattr(shell, "kernel")


def in_terminal() -> bool:
    """Whether standard error is a terminal."""
    return bool(getattr(sys.stderr, "isatty", lambda: False)())


def shows_progress(
    title: str, reads: Callable[..., tuple[Any, ...]] | None = None
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """A decorator: a function whose ``progress`` is a callable or None has one that may be a bool, too.

    Args:
        title: of its bar.
        reads: turns what it tells into (share, name, words), where it tells more than the share.

    Raises:
        TypeError: when the function is called with another ``progress``.
    """

    def decorated(call: Callable[P, R]) -> Callable[P, R]:
        """The function, whose ``progress`` may be what a user gives."""
        place = list(inspect.signature(call).parameters).index("progress")

        @wraps(call)
        def shown(*args: Any, **options: Any) -> Any:
            named = len(args) <= place
            given = options.get("progress") if named else args[place]
            with _told(given, title, reads) as tell:
                if named:
                    return call(*args, **{**options, "progress": tell})
                return call(*args[:place], tell, *args[place + 1 :], **options)  # type: ignore[arg-type]

        shown.shows_progress = True  # type: ignore[attr-defined]
        return shown

    return decorated


@contextmanager
def _told(given: Any, title: str, reads: Any) -> Iterator[Told | None]:
    """What one call tells its progress to: a function of the caller's, a bar, or nobody."""
    if not (given is None or isinstance(given, bool) or callable(given)):
        raise TypeError(f"progress must be True, False, None or a function of the share; got {given!r}")
    mine = _SCREEN.acquire(blocking=False)
    try:
        if callable(given):
            yield given
        elif mine and (given or (given is None and _watched())):
            with bar(title) as told:
                yield told if reads is None else lambda *to: told(*reads(*to))
        else:
            yield None
    finally:
        if mine:
            _SCREEN.release()


def _watched() -> bool:
    """Whether somebody waits for the call: it is theirs, and they see a bar."""
    own = threading.current_thread() is threading.main_thread()
    return own and interactive() and (in_notebook() or in_terminal())


@contextmanager
def bar(title: str = "working") -> Iterator[Told]:
    """A bar that appears after :data:`PATIENCE` and goes at the end: HTML in notebooks, lines where nobody watches."""
    drawn = _Notebook() if in_notebook() else _Terminal() if in_terminal() else _Lines()
    ready = time.monotonic() + PATIENCE

    def tell(share: float, name: str = "", words: str = "") -> None:
        if time.monotonic() >= ready:
            drawn.show(min(max(float(share), 0.0), 1.0), name or title, words or name or title)

    try:
        yield tell
    finally:
        drawn.close()


class _Terminal:
    """One line for each part, by rich, with the time that is left."""

    def __init__(self) -> None:
        self.live: Any = None
        self.parts: dict[str, Any] = {}

    def show(self, share: float, name: str, words: str) -> None:
        """Move the bar of a part; the first call makes it."""
        if self.live is None:
            from rich.console import Console
            from rich.progress import Progress

            self.live = Progress(console=Console(stderr=True), transient=True)
            self.live.start()
        if name not in self.parts:
            self.parts[name] = self.live.add_task(name, total=1.0)
        self.live.update(self.parts[name], completed=share, description=words)

    def close(self) -> None:
        """Take the bars away."""
        if self.live is not None:
            self.live.stop()


class _Notebook:
    """One ``<progress>`` for each part, in a display of its own, which needs no widgets."""

    EVERY = 0.2  # seconds between two pictures

    def __init__(self) -> None:
        self.display: Any = None
        self.parts: dict[str, tuple[float, str]] = {}
        self.began, self.last = time.monotonic() - PATIENCE, -math.inf

    def show(self, share: float, name: str, words: str) -> None:
        """Draw the bars of all parts, unless it was done just now."""
        self.parts[name] = share, words
        now = time.monotonic()
        if now - self.last >= self.EVERY:
            self.last = now
            self._draw("".join(map(self._row, self.parts.values())))

    def close(self) -> None:
        """Take the bars away."""
        if self.display is not None:
            self._draw("")

    def _row(self, part: tuple[float, str]) -> str:
        share, words = part
        spent = f"{100 * share:.0f} %, {time.monotonic() - self.began:.0f} s"
        return f'<div>{html.escape(words)} <progress value="{share:.4f}" max="1"></progress> {spent}</div>'

    def _draw(self, code: str) -> None:
        shows = import_module("IPython.display")
        if self.display is None:
            self.display = shows.display(shows.HTML(code), display_id=True)
        else:
            self.display.update(shows.HTML(code))


class _Lines:
    """A line for each part every :data:`LINES` seconds, for logs."""

    def __init__(self) -> None:
        self.last: dict[str, float] = {}

    def show(self, share: float, name: str, words: str) -> None:
        """Write the line of a part if its time has come, and its last one."""
        now = time.monotonic()
        if now - self.last.get(name, -LINES) >= LINES or (share >= 1.0 and name in self.last):
            self.last[name] = math.inf if share >= 1.0 else now
            print(f"fpsim: {100 * share:3.0f} % {words}", file=sys.stderr)

    def close(self) -> None:
        """Lines stay."""
