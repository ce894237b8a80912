"""Ctrl-C while numba compiles or loads is heard.

LLVM calls back into Python meanwhile, and what is raised in such a call is printed and forgotten, Ctrl-C with the rest:
the run went on for hours as if nobody had asked it to stop.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def heard() -> Iterator[None]:
    """Raise at the end the ``KeyboardInterrupt`` that was raised meanwhile and got lost on its way."""
    handler = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(handler):
        yield
        return
    asked = []

    def noting(number: int, frame: Any) -> None:
        try:
            handler(number, frame)
        except KeyboardInterrupt:
            asked.append(number)
            raise

    signal.signal(signal.SIGINT, noting)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
    if asked:
        raise KeyboardInterrupt
