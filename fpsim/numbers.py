"""Numbers as users give them: real ones, and one sentence for words, truth values, NaN and all others."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Fits = Callable[[float], bool]


def number(value: Any, what: str, wanted: str = "a finite number", fits: Fits = lambda _: True) -> float:
    """A real finite number that fits.

    Raises:
        ValueError: "(what) must be (wanted); got ..." for anything else.
    """
    found = reals(value)
    if found is None or found.ndim or not math.isfinite(found) or not fits(float(found)):
        raise ValueError(f"{what} must be {wanted}; got {value!r}")
    return float(found)


def positive(value: Any, what: str) -> float:
    """A number > 0."""
    return number(value, what, "a positive number", lambda x: x > 0)


def not_negative(value: Any, what: str) -> float:
    """A number >= 0."""
    return number(value, what, "a number >= 0", lambda x: x >= 0)


def share(value: Any, what: str) -> float:
    """A number in [0, 1)."""
    return number(value, what, "a number in [0, 1)", lambda x: 0 <= x < 1)


def whole(value: Any, what: str, least: int = 1) -> int:
    """A whole number >= ``least``; ``ValueError`` for all else."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise ValueError(f"{what} must be a whole number >= {least}; got {value!r}")
    return int(value)


def reals(value: Any) -> NDArray[np.float64] | None:
    """Any array of integers and floats; ``None`` for what is none."""
    try:
        found = np.asarray(value)
    except (ValueError, TypeError):  # ragged
        return None
    return found.astype(float) if found.dtype.kind in "iuf" else None
