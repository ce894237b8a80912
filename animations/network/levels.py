"""What both renderers of the film ``network`` draw alike: contour lines, and the foot of the survival."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from animations.film.fields import Array
from animations.network.data import NetworkData

SHARES = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0)
"""Of the barrier, above the minimum's loss."""
FINER = 4
"""Cells of the contours' grid in one of the stored."""
TICKS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
"""Of the survival, as far down as it goes."""


def foot(data: NetworkData) -> float:
    """Where the axis of the survival begins."""
    return max(0.5 / data.replicas, 0.6 * float(data.expected[-1]))


def contours(data: NetworkData) -> Iterator[tuple[Array, bool]]:
    """(line (n, 2) in u and v, whether it is as high as the barrier)."""
    from contourpy import contour_generator
    from scipy.interpolate import RectBivariateSpline

    u, v = (np.linspace(x[0], x[-1], FINER * (len(x) - 1) + 1) for x in (data.u, data.v))
    lines: Any = contour_generator(u, v, RectBivariateSpline(data.v, data.u, data.loss)(v, u))
    for share in SHARES:
        for line in lines.lines(share * data.barrier):
            yield line, share == 1.0
