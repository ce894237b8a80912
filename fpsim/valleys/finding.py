"""The valley that an escape starts in, and the pass it leaves by.

    x' = -grad L(x)

takes a start to its minimum.  The pass towards a target is the saddle at which the sublevel sets {L <= h} of start
and target first join: the minimax height over all paths.  In 1-D it follows from the order of the critical points
(:mod:`fpsim.valleys.line`); beyond, the two ends of every saddle's unstable direction flow to the minima it connects,
and the graph of minima and saddles is joined from the lowest saddle upwards (:mod:`fpsim.valleys.graph`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fpsim.lengths import distance
from fpsim.targets import Target, as_target
from fpsim.valleys.far import SEARCHED, far_valley
from fpsim.valleys.graph import basin_of_target, competing_climb, descend, heights, joint, links_of
from fpsim.valleys.line import valley_on_line
from fpsim.valleys.valley import Valley, no_minimum
from fpsim.walls import Walls
from landscapes.field import in_words

Array = NDArray[np.float64]
EDGE = 1e-9  # of the box: how far from the edge of its domain a landscape is asked
BEHIND = 2.0  # sides of the box that are searched behind the start for wells that compete
GROWTHS = (1.0, 4.0, 16.0)  # boxes tried for a landscape without one, in distances from start to target


def valley(landscape: Any, start: ArrayLike, target: Any, walls: Walls | None = None) -> Valley:
    """The valley of ``start`` and its pass towards ``target``.

    Args:
        landscape: a landscape (a drift field has no heights).
        start: a point (d,) or, in 1-D, a number.
        target: a number (1-D), a :class:`~fpsim.targets.Target` or a level function.
        walls: the walls around what moves; beyond 1-D reflecting ones only.

    Raises:
        ValueError: if there is no loss or no minimum, or the start rests on a saddle or flows to no minimum.
    """
    if not hasattr(landscape, "loss"):
        raise ValueError("valleys and passes need a landscape with a loss; a drift field has none")
    x = np.asarray(start, dtype=float).reshape(-1)
    if x.shape != (landscape.dimension,) or not np.isfinite(x).all():
        raise ValueError(f"a start has shape ({landscape.dimension},) and finite entries; got {start!r}")
    goal = as_target(target, x)
    if landscape.dimension > SEARCHED and walls is None:
        return far_valley(landscape, x, goal)
    found, refusal = None, None
    for growth in GROWTHS if landscape.bounds is None and walls is None else GROWTHS[:1]:
        box = _box(landscape, x, goal, walls, growth)
        try:
            found = _with_background(landscape, x, goal, box, walls)
        except ValueError as error:
            refusal = refusal or error
            continue
        if found.saddle is not None:
            break
    if found is None:
        assert refusal is not None
        raise refusal
    return found


def _with_background(
    landscape: Any, x: Array, goal: Target, box: tuple[tuple[float, float], ...], walls: Walls | None
) -> Valley:
    """The valley in a box that, on a line with a formula, reaches further behind the start, where wells may compete."""
    edge = goal.edge(x) if landscape.dimension == 1 and landscape.symbolic is not None and walls is None else None
    if edge is not None:
        ((low, high),) = box
        first, last = landscape.domain.interval(x)[0]
        more, inset = BEHIND * (high - low), EDGE * (high - low)
        further = (max(low - more, first + inset), high) if edge > x[0] else (low, min(high + more, last - inset))
        try:
            return _in_box(landscape, x, goal, (further,), walls)
        except ValueError:  # flat, or not a number, so far out: then in the box alone
            pass
    return _in_box(landscape, x, goal, box, walls)


def _in_box(
    landscape: Any, x: Array, goal: Target, box: tuple[tuple[float, float], ...], walls: Walls | None
) -> Valley:
    points = landscape.critical_points(box)
    if landscape.dimension == 1 and goal.interval() is not None:
        return replace(valley_on_line(landscape, float(x[0]), goal, points, walls), complete=points.complete)
    inside = [p for p in points if walls is None or walls.contains(p.x)]
    minima = [p for p in inside if p.kind == "minimum"]
    flat = tuple(p for p in inside if p.degenerate)
    if not minima:
        raise ValueError(no_minimum(x, flat))
    saddles = [p for p in inside if p.index == 1 and not p.degenerate]
    found = _valley_in_space(landscape, x, goal, minima, saddles)
    return replace(found, complete=points.complete, flat=flat)


def _box(
    landscape: Any, start: Array, target: Target, walls: Walls | None, growth: float
) -> tuple[tuple[float, float], ...]:
    """The landscape's own box (or one around start and target), grown to hold both, within walls and domain."""
    ends = [start, *target.anchors(start)]
    low, high = np.min(ends, axis=0), np.max(ends, axis=0)
    if landscape.bounds is None:
        reach = growth * distance(target, start)
        low, high = low - reach, high + reach
    else:
        own = np.array(landscape.bounds, dtype=float)
        low, high = np.minimum(low, own[:, 0]), np.maximum(high, own[:, 1])
    for i, (first, last) in enumerate(landscape.domain.interval(start)):
        inset = EDGE * (high[i] - low[i])  # the landscape has no value on the edge of its domain
        low[i], high[i] = max(low[i], first + inset), min(high[i], last - inset)
        if walls is not None and walls.kind[i] is not None:
            low[i], high[i] = walls.box[i]
    return tuple((float(a), float(b)) for a, b in zip(low, high, strict=True))


# --- more dimensions: the graph of minima and saddles ---


def _valley_in_space(
    landscape: Any, start: Array, target: Target, minima: Sequence[Any], saddles: Sequence[Any]
) -> Valley:
    bottoms = np.stack([np.asarray(m.x, dtype=float) for m in minima], axis=1)
    home = int(descend(landscape, start[:, None], bottoms)[0])
    if home < 0:
        raise ValueError(f"the start {in_words(start)} flows to no known minimum; is it on a saddle?")
    links = links_of(landscape, bottoms, saddles, target)
    goal = len(minima)  # one more node: the target itself
    joined = [i for i in range(goal) if target.level(bottoms[:, i : i + 1])[0] >= 0]
    inside = bool(joined)
    if not joined and not any(goal in link[1:3] for link in links):
        joined = basin_of_target(landscape, bottoms, target)
    # of links of one height those straight from home to the target come first, whatever the rounding
    levels = [link[0] for link in links] + [float(minimum.loss) for minimum in minima]
    scale = 1e-9 * (max(levels) - min(levels)) or 1.0
    links.sort(key=lambda link: (round(link[0] / scale), not (home in link[1:3] and {*link[1:3]} & {*joined, goal})))
    groups, tree = joint(joined, goal), [(node, goal, math.nan) for node in joined]
    for height, i, j, saddle in links:
        sides = {groups[i], groups[j]}
        if len(sides) == 1:
            continue
        if sides == {groups[home], groups[goal]}:
            both = [k[3] for k in links if {groups[k[1]], groups[k[2]]} == sides]
            others = tuple({id(o): o for o in both if o is not saddle}.values())
            side = competing_climb(minima, links, joined, groups, home, height)
            series = [h - float(minima[home].loss) for h in heights([*tree, (i, j, math.nan)], home, goal)]
            beyond = minima[joined[0]] if inside else None
            return Valley(minima[home], saddle, others, max([side, *series]), beyond)
        groups.merge(i, j)
        tree.append((i, j, height))
    return Valley(minima[home], None)
