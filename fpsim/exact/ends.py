"""The stretch of a line on which a path lives until it arrives, and what each of its two ends is.

    exit   the boundary of the target      wall   a reflecting wall      edge   where the landscape ends, or infinity

On a ring the line is unrolled: a target that does not hold the start is met on both sides of it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fpsim.sde.sde import SDE
from fpsim.targets import Target, as_target
from fpsim.walls import Walls, require_place

Array = NDArray[np.float64]
End = Literal["exit", "wall", "edge"]
FINEST, WIDEST, PER_DECADE = -12, 12, 128
"""The boundary of a level function is looked for on ladders of 10^FINEST to 10^WIDEST lengths around the start."""


@dataclass(frozen=True)
class Line:
    """An interval that holds the start, the nature of its ends, and the ring that it was unrolled from (if any).

    Attributes:
        low, high: the ends, possibly infinite.
        low_end, high_end: what they are.
        ring: (low, high) of the periodic box.
        domain: the open interval around the start on which the landscape is defined.
    """

    low: float
    high: float
    low_end: End
    high_end: End
    ring: tuple[float, float] | None = None
    domain: tuple[float, float] = (-math.inf, math.inf)

    @property
    def is_two_sided(self) -> bool:
        """Whether the target is met at both ends."""
        return self.low_end == self.high_end == "exit"

    def place(self, x: Array) -> Array:
        """Points of the unrolled line as points of the landscape."""
        if self.ring is None:
            return x
        low, high = self.ring
        return x - (high - low) * np.floor((x - low) / (high - low))

    def seams(self) -> Array:
        """Where the unrolled line passes the seam of the ring."""
        if self.ring is None:
            return np.empty(0)
        low, high = self.ring
        turns = np.arange(math.floor((self.low - low) / (high - low)), math.ceil((self.high - low) / (high - low)) + 1)
        return np.asarray(low + turns * (high - low), dtype=np.float64)


def line_of(sde: SDE, start: ArrayLike, target: Any, walls: Walls | None = None) -> tuple[float, Line]:
    """The start as a number, and the line around it.

    Raises:
        ValueError: if the problem is not 1-D, or no path from the start can meet the target.
    """
    if sde.dimension != 1:
        if sde.inertia is not None:
            raise ValueError("quadrature is for an SDE without inertia, and a body has a velocity, too; use by_grid()")
        raise ValueError(f"quadrature is for 1-D problems; this landscape has {sde.dimension} dimensions")
    x = np.asarray(start, dtype=float).reshape(-1)
    if x.shape != (1,) or not np.isfinite(x).all():
        raise ValueError(f"the start of a 1-D problem is one finite number; got {start!r}")
    goal, x0 = as_target(target, x), float(x[0])
    kind = None if walls is None else walls.kind[0]
    if walls is not None and kind == "periodic":
        return x0, _around(sde, x0, goal, walls.box[0])
    domain = sde.domain.interval(x)[0]
    low, high = domain
    low_end: End = "edge"
    high_end: End = "edge"
    if walls is not None and kind == "reflecting":
        box = walls.box[0]
        require_place(sde, x, walls)
        low, low_end = (box[0], "wall") if box[0] >= low else (low, low_end)
        high, high_end = (box[1], "wall") if box[1] <= high else (high, high_end)
    left, right = _exits(goal, x0, (low, high), sde.landscape.bounds)
    for place in (left, right):
        if place is not None and not low <= place <= high:
            _refuse_beyond(goal, place, low if place < low else high, walls)
    if left is None and right is None:
        raise ValueError(
            f"the target {goal} was found nowhere between {low:g} and {high:g}; its level must turn >= 0 where a path "
            "can come"
        )
    if left is not None:
        low, low_end = left, "exit"
    if right is not None:
        high, high_end = right, "exit"
    return x0, Line(low, high, low_end, high_end, None, domain)


def _refuse_beyond(goal: Target, place: float, end: float, walls: Walls | None) -> None:
    is_wall = walls is not None and end in walls.box[0]
    what = f"the wall at x = {end:g}" if is_wall else f"the landscape's edge at {end:g}"
    raise ValueError(f"the target ({goal}) begins at x = {place:g}, behind {what}, so no path can reach it")


def _exits(goal: Target, x0: float, inside: tuple[float, float], bounds: Any) -> tuple[float | None, float | None]:
    """Where a path from ``x0`` first meets the target to the left and to the right; ``None`` where it never does."""
    place = goal.edge(np.array([x0]))
    if place is None:
        return tuple(_searched(goal, x0, end, bounds) for end in inside)  # type: ignore[return-value]
    return (place, None) if place < x0 else (None, place)


def _searched(goal: Target, x0: float, end: float, bounds: Any) -> float | None:
    """The first zero of a level function between the start and an end of the line."""
    from scipy.optimize import brentq

    side = 1.0 if end > x0 else -1.0
    length = abs(x0) or 1.0
    if bounds is not None:
        length = bounds[0][1] - bounds[0][0]
    steps = length * np.logspace(FINEST, WIDEST, (WIDEST - FINEST) * PER_DECADE + 1)
    steps = np.union1d(steps, length * np.linspace(0, 1, 4001)[1:])
    places = x0 + side * steps
    if math.isfinite(end):
        near = np.linspace(x0, end, 4001)[1:]
        places = side * np.union1d(side * places[side * places < side * end], side * near)
    with np.errstate(all="ignore"):
        met = np.flatnonzero(np.asarray(goal.level(places[None])) >= 0)
    if not met.size:
        return None
    outer, inner = places[met[0]], places[met[0] - 1] if met[0] else x0

    def level(z: float) -> float:
        return float(goal.level(np.array([[z]]))[0])

    return outer if level(outer) == 0 else float(brentq(level, inner, outer, xtol=1e-300, rtol=1e-15))


def _around(sde: SDE, x0: float, goal: Target, box: tuple[float, float]) -> Line:
    """The line of a ring: from the target on the one side to the target on the other."""
    low, high = box
    edges = sde.domain.interval(np.array([x0]))[0]
    if low < edges[0] or edges[1] < high:
        raise ValueError(
            f"the ring [{low:g}, {high:g}] goes through an edge of the landscape at {edges}: walls that are periodic "
            "need a landscape that is defined all the way round"
        )
    ball = goal.ball()
    if ball is not None:
        (center,), radius = ball
        period = high - low
        if 2 * radius >= period:
            raise ValueError(f"the target ({goal}) covers the whole ring [{low:g}, {high:g}]")
        ahead = float(center) + math.ceil((x0 - center) / period) * period
        return Line(ahead - period + radius, ahead - radius, "exit", "exit", box)
    left, right = _exits(goal, x0, box, (box,))
    for place in (left, right):
        if place is not None and not low <= place <= high:
            raise ValueError(f"the target ({goal}) begins at x = {place:g}, outside the ring [{low:g}, {high:g}]")
    if left is None and right is None:
        raise ValueError(f"the target {goal} was found nowhere on the ring [{low:g}, {high:g}]")
    # a set {x >= c} of the box goes on to the seam, which a path also meets from the other side
    if left is None:
        left = low if right is not None and _holds(goal, high) else _last(goal, low, high) - (high - low)
    elif right is None:
        right = high if _holds(goal, low) else _last(goal, high, low) + (high - low)
    return Line(float(left), float(right), "exit", "exit", box)  # type: ignore[arg-type]


def _holds(goal: Target, place: float) -> bool:
    return bool(goal.level(np.array([[place]]))[0] >= 0)


def _last(goal: Target, start: float, end: float) -> float:
    """Where a target that is met once in a box ends again, seen from the far side of the box."""
    found = _exits(goal, end, (min(start, end), max(start, end)), ((min(start, end), max(start, end)),))
    place = found[0] if start < end else found[1]
    return end if place is None else float(place)
