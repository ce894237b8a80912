"""Contour lines of the film ``network``: the barrier's own, and others at multiples of it."""

from __future__ import annotations

from collections.abc import Iterator

from animations.film.fields import Array
from animations.network.data import NetworkData

SHARES = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0)
"""Of the barrier, above the minimum's loss."""


def contours(data: NetworkData) -> Iterator[tuple[Array, bool]]:
    """(line (n, 2) in u and v, whether it is as high as the barrier)."""
    from contourpy import contour_generator

    lines = contour_generator(data.u, data.v, data.loss)
    for share in SHARES:
        for line in lines.lines(share * data.barrier):
            yield line, share == 1.0
