"""Roots of many functions at once, one in each bracket (T. Chandrupatla, Adv. Eng. Softw. 28 (1997) 145, by scipy)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np


def bracketed(function: Callable[..., Any], low: Any, high: Any, *arguments: Any, **tolerances: float) -> Any:
    """The result of :func:`scipy.optimize.elementwise.find_root` for brackets (n,) and further arguments (n,)."""
    from scipy.optimize.elementwise import find_root

    wanted: Any = tolerances or None
    with np.errstate(invalid="ignore"):  # a share that rounding puts beyond 1, where scipy then bisects
        return find_root(function, (low, high), args=arguments, tolerances=wanted)
