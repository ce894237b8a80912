"""Valleys on a line or ring: critical points, flat ones and walls in the order in which a path meets them.

On a ring the target lies ahead both ways; the line is unrolled, and each way has its own pass.  What a path climbs
through the seam of a ring whose loss differs at both ends, L(high) - L(low), counts: the drift knows no such step.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fpsim.targets import Target
from fpsim.valleys.valley import Valley, no_minimum
from fpsim.walls import Walls

Array = NDArray[np.float64]
NEAR = 1e-9  # of the searched box: what is closer is the same place
SEAM = 1e-3  # a slope at the seam below this part of that beside it is zero
PROBE = 1e-4  # of the searched box: where the slope beside a degenerate point is looked at


@dataclass(frozen=True)
class Stop:
    """A place where a path on the line comes to rest or has to climb over; ``place`` is unrolled on a ring.

    ``point`` is a critical point, or ``None`` for a wall that the drift presses against.
    """

    place: float
    loss: float
    is_top: bool
    point: Any | None


def valley_on_line(landscape: Any, start: float, target: Target, points: Any, walls: Walls | None) -> Valley:
    """The valley of a start in the searched box of ``points``, with the pass (or, on a ring, passes) to the target."""
    ((low, high),) = points.bounds
    near, ring = NEAR * (high - low), walls is not None and walls.kind[0] == "periodic"
    stops = _stops(landscape, points, walls)
    if ring:
        stops = _with_seam(landscape, stops, (low, high))
    bottom = _downhill(landscape, start, stops, near, ring, high - low)
    if bottom.point is None or bottom.point.degenerate:
        where = f"rests at the wall x = {bottom.place:g}" if bottom.point is None else ""
        flat = () if bottom.point is None else (bottom.point,)
        raise ValueError(
            f"the start {start:g} {where}, where no curvature holds it"
            if where
            else no_minimum(np.array([start]), flat)
        )
    if ring:
        return _on_ring(landscape, bottom, start, target, stops, (low, high))
    edge = target.edge(np.array([start]))
    assert edge is not None
    return _one_way(bottom, edge, stops, 1.0 if edge > start else -1.0, near)


def _stops(landscape: Any, points: Any, walls: Walls | None) -> list[Stop]:
    """Minima and tops in order, flat ones by the slope on their sides, and reflecting walls that are pressed on."""
    ((low, high),) = points.bounds
    stops = []
    for p in points:
        x = float(p.x[0])
        if not p.degenerate:
            stops.append(Stop(x, float(p.loss), p.index == 1, p))
            continue
        before, after = landscape.gradient(np.array([[x - PROBE * (high - low), x + PROBE * (high - low)]]))[0]
        if before * after < 0:  # else an inflection, which stops nobody
            stops.append(Stop(x, float(p.loss), bool(before > 0), p))
    if walls is not None and walls.kind[0] == "reflecting":
        ends = np.array([walls.box[0]])
        slopes, losses = landscape.gradient(ends)[0], np.asarray(landscape.loss(ends))
        for k, outward in enumerate((-1.0, 1.0)):
            if outward * slopes[k] < 0:
                stops.append(Stop(float(ends[0, k]), float(losses[k]), False, None))
    return sorted(stops, key=lambda stop: stop.place)


def _with_seam(landscape: Any, stops: list[Stop], box: tuple[float, float]) -> list[Stop]:
    """The stops of a ring, with the one that may lie on its seam once."""
    from landscapes.critical.points import CriticalPoint

    low, high = box
    gap = PROBE * (high - low)
    inner = [s for s in stops if min(s.place - low, high - s.place) > gap]
    ends, sides = np.array([[low, high]]), np.array([[high - gap, low + gap]])
    (before, after), slopes = landscape.gradient(sides)[0], landscape.gradient(ends)[0]
    if before * after >= 0:
        return inner
    if np.abs(slopes).max() > SEAM * max(abs(before), abs(after)):
        raise ValueError(
            f"the loss has a kink at the seam of the ring, x = {low:g}, where a path rests or passes; formulas need "
            "curvature there (use by_grid or by_paths)"
        )
    bend, loss = float(landscape.hessian(ends)[0, 0, 0]), float(np.asarray(landscape.loss(ends))[0])
    point = CriticalPoint(np.array([low]), loss, np.array([bend]), int(bend < 0), bend == 0)
    return [Stop(low, loss, bool(before > 0), point), *inner]


def _downhill(landscape: Any, start: float, stops: Sequence[Stop], near: float, ring: bool, period: float) -> Stop:
    """The minimum that a start on the line slides to."""
    images = [replace(s, place=s.place + k * period) for k in ((-1, 0, 1) if ring else (0,)) for s in stops]
    for stop in images:
        if abs(stop.place - start) <= near:
            if stop.is_top:
                raise ValueError(f"the start {start:g} rests on a barrier top and belongs to no valley; move it")
            return stop
    side = float(np.sign(landscape.drift(np.array([[start]]))[0, 0]))
    ahead = sorted((s for s in images if side * (s.place - start) > 0), key=lambda s: abs(s.place - start))
    if not ahead or ahead[0].is_top:
        raise ValueError(f"the start {start:g} flows to no minimum in the searched box; give the landscape bounds")
    return ahead[0]


def _one_way(bottom: Stop, edge: float, stops: Sequence[Stop], side: float, near: float) -> Valley:
    """The pass on the way from a minimum to the target's edge."""

    def along(stop: Stop) -> float:
        return side * stop.place

    climb = sorted((s for s in stops if s.is_top and along(s) > along(bottom) + near), key=along)
    between = [s for s in climb if along(s) <= side * edge + near]
    if side * edge <= along(bottom) or not climb:
        return Valley(bottom.point, None)
    # a target on the way up has its pass behind it
    top = max(between, key=lambda s: s.loss) if between else climb[0]
    minima = [s for s in stops if not s.is_top]
    home = min(minima, key=lambda m: abs(m.place - bottom.place))
    climbs = [s.loss - m.loss for s in between for m in minima if along(m) < along(s) and not (s is top and m is home)]
    assert top.point is not None  # only minima are walls
    after = [m.point for m in sorted(minima, key=along) if along(m) > along(top) and m.point is not None]
    flat = () if not top.point.degenerate else (top.point,)
    return Valley(
        bottom.point, None if flat else top.point, competing=max(climbs, default=-math.inf),
        beyond=after[0] if after else None, flat=flat, ahead=(side * (edge - top.place),),
        stops=tuple((s.place, s.is_top, s.point) for s in stops),
    )  # fmt: skip


def _on_ring(
    landscape: Any, bottom: Stop, start: float, target: Target, stops: Sequence[Stop], box: tuple[float, float]
) -> Valley:
    """Both ways round to the target; the lower pass first, the other among ``others``."""
    (low, high), period = box, box[1] - box[0]
    losses = np.asarray(landscape.loss(np.array([[low, high]])))
    step = float(losses[1] - losses[0])  # what one turn to the right climbs, apart from the seam
    unrolled = [_image(s, k * period, k * step) for k in (-1, 0, 1) for s in stops]
    here = min((s for s in unrolled if not s.is_top), key=lambda s: abs(s.place - bottom.place))
    left, right = _entrances(target, start, box)
    reached = [s for s in unrolled if s.is_top or left < s.place < right]
    ways = [_one_way(here, edge, reached, side, NEAR * period) for edge, side in ((right, 1.0), (left, -1.0))]
    if any(way.saddle is None for way in ways):
        return next(way for way in ways if way.saddle is None)
    first, second = sorted(ways, key=lambda way: way.barrier)
    competing = max(first.competing, second.competing)
    return replace(first, others=(second.saddle,), competing=competing, ahead=first.ahead + second.ahead)


def _image(stop: Stop, shift: float, rise: float) -> Stop:
    """The same place one turn further, where the loss lies higher by what the turn climbs."""
    assert stop.point is not None  # a ring has no walls
    point = replace(stop.point, loss=stop.point.loss + rise)
    return Stop(stop.place + shift, stop.loss + rise, stop.is_top, point)


def _entrances(target: Target, start: float, box: tuple[float, float]) -> tuple[float, float]:
    """Where the target is met on the unrolled line, to the left and to the right of a start inside the box."""
    low, high = box
    inside = target.interval()
    assert inside is not None
    inner = (low if inside[0] == -math.inf else inside[0], high if inside[1] == math.inf else inside[1])
    period = high - low
    images = [(inner[0] + k * period, inner[1] + k * period) for k in (-2, -1, 0, 1, 2)]
    return max(b for _, b in images if b < start), min(a for a, _ in images if a > start)
