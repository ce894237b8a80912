"""Ends of space that a grid touches: whether paths can reach them, axis by axis (Feller's test along the line through
the start; exact in one dimension).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fpsim.density.space import Box, Space
from fpsim.exact.feller import classify, why_infinite
from fpsim.sde.gates import InfiniteTimeError
from fpsim.targets import Target

Array = NDArray[np.float64]


def refuse_open_ends(sde: Any, start: Array, target: Target, space: Space, box: Box) -> None:
    """Raise ``ValueError`` if the box ends at an edge of the domain that paths can reach before they arrive."""
    for axis, (low, high) in enumerate(box):
        for touched, end in ((low <= space.low[axis], 0), (high >= space.high[axis], 1)):
            edge, limit = space.edges[axis][end], (space.low, space.high)[end][axis]
            is_wall = not space.is_open[axis][end]
            near = abs(limit - edge) <= 1e-6 * abs(start[axis] - edge)  # a wall inside the domain is nothing special
            if touched and near and math.isfinite(edge) and not _is_behind(target, start, space, axis, edge):
                _refuse(sde, start, axis, edge, is_wall, abs(start[axis] - edge))


def refuse_infinite(sde: Any, start: Array, target: Target | None, space: Space, box: Box) -> None:
    """Raise ``InfiniteTimeError`` if a line does not confine on the side away from the target."""
    if sde.dimension != 1 or target is None:
        return
    for end, place in ((0, -math.inf), (1, math.inf)):
        is_free = not math.isfinite((space.low, space.high)[end][0])
        if is_free and not _is_behind(target, start, space, 0, box[0][end]):
            _refuse(sde, start, 0, place, False, space.length(sde, start, target))


def _is_behind(target: Target, start: Array, space: Space, axis: int, place: float) -> bool:
    """Whether the target lies between the start and a place along an axis, and in 1-D nothing gets past it."""
    if start.size > 1:
        return False
    ladder = start[axis] + (place - start[axis]) * np.concatenate(
        [np.linspace(0, 1, 4001)[1:], np.logspace(-12, 0, 500)]
    )
    return bool((space.level(target, ladder[None]) >= 0).any())


def _refuse(sde: Any, start: Array, axis: int, place: float, is_wall: bool, length: float) -> None:
    def fields(y: Array) -> tuple[Array, Array]:
        x = np.repeat(start[:, None], y.size, axis=1)
        x[axis] = y.ravel()
        with np.errstate(all="ignore"):
            diffusion = np.asarray(sde.diffusion(x)[axis, axis], dtype=float)
            slope = -np.asarray(sde.landscape.drift(x)[axis], dtype=float) / diffusion
            return slope.reshape(y.shape), np.log(diffusion).reshape(y.shape)

    edge = classify(fields, float(start[axis]), place, sde.convention_weight, length)
    reason = why_infinite(edge, is_wall)
    if reason and (math.isinf(place) or edge.is_reached or is_wall):
        said_of_edge = edge.is_reached and math.isfinite(place) and not is_wall  # what happens there is not said
        raise (ValueError if said_of_edge else InfiniteTimeError)(reason)
