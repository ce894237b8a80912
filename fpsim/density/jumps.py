"""Places on a line where a function jumps:  |f(z + 0) - f(z - 0)| > 0.

Samples on a fine grid show intervals over which f changes much more than over their neighbours; each is halved until
the change either stays (a jump) or goes away (a steep slope).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
STANDS_OUT = 3.0  # times the change of both neighbours that makes an interval suspect
STAYS = 0.4  # share of the change that a jump keeps (a value half-way may stand at the jump itself)
HALVINGS = 60


def jumps(function: Callable[[Array], Array], low: float, high: float, samples: int) -> Array:
    """Where ``function`` of z (n,), one value each, jumps between ``low`` and ``high``; found to rounding."""
    z = np.linspace(low, high, samples)
    values = function(z)
    change = np.abs(np.diff(values))
    floor = 1e-12 * np.abs(values).max(initial=0.0)
    left, right = np.append(0.0, change[:-1]), np.append(change[1:], 0.0)
    suspect = np.flatnonzero(change > STANDS_OUT * np.maximum(left, right) + floor)
    if suspect.size == 0:
        return np.empty(0)
    a, b, start = z[suspect], z[suspect + 1], change[suspect]
    at_a, at_b = values[suspect], values[suspect + 1]
    for _ in range(HALVINGS):
        middle = (a + b) / 2
        at_middle = function(middle)
        first = np.abs(at_middle - at_a) > np.abs(at_b - at_middle)
        b, at_b = np.where(first, middle, b), np.where(first, at_middle, at_b)
        a, at_a = np.where(first, a, middle), np.where(first, at_a, at_middle)
    return np.asarray(((a + b) / 2)[np.abs(at_b - at_a) > STAYS * start])
