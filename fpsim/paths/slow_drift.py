"""Why paths of a loss without a gradient are slow, said while somebody waits for them."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

PATIENCE = 3.0


@contextmanager
def differences_noticed(landscape: Any, patience: float = PATIENCE) -> Iterator[None]:
    """Say after some seconds that each step asks for the loss many times, where its gradient comes from differences."""
    if not landscape.is_differenced:
        yield
        return
    words = (
        f"fpsim: {landscape.name} has no gradient, so that a step of a path takes dozens of its losses; Landscape(..., "
        "gradient=...) or a formula (from_expression) is faster by far"
    )
    note = threading.Timer(patience, lambda: print(words, file=sys.stderr))
    note.daemon = True
    note.start()
    try:
        yield
    finally:
        note.cancel()
