"""Arrays on their way to the page: float32, little-endian, in base64 within JSON."""

from __future__ import annotations

import base64
import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

LARGEST = float(np.finfo(np.float32).max)


def packed(values: ArrayLike) -> dict[str, Any]:
    """``{"shape": [...], "f32": "..."}``, a third of the text of the same numbers; beyond float32 its largest."""
    array = np.ascontiguousarray(np.clip(np.asarray(values, dtype=float), -LARGEST, LARGEST), dtype="<f4")
    return {"shape": list(array.shape), "f32": base64.b64encode(array.tobytes()).decode("ascii")}


def unpacked(entry: dict[str, Any]) -> np.ndarray[Any, np.dtype[np.float32]]:
    """The inverse of :func:`packed`."""
    return np.frombuffer(base64.b64decode(entry["f32"]), dtype="<f4").reshape(entry["shape"])


def number(value: float | None) -> float | None:
    """A number that JSON holds; what is infinite or unknown becomes null."""
    return None if value is None or not math.isfinite(value) else float(value)
