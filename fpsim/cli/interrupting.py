"""What is kept when Ctrl-C ends a command: said by the command while it works."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

_KEPT = ["nothing was written; the same command begins again"]


@contextmanager
def if_interrupted(words: str) -> Iterator[None]:
    """Say, should Ctrl-C come within this block, what is kept and how to go on."""
    _KEPT.append(words)
    yield
    _KEPT.pop()


def kept() -> str:
    """What the innermost block said."""
    return _KEPT[-1]
