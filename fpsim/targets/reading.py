"""From what users give, or a file holds, to a target."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from fpsim.targets.level_set import LevelSet
from fpsim.targets.shapes import Ball, HalfSpace, Outside, Point
from fpsim.targets.target import Array, Target


def as_target(target: Any, start: Array) -> Target:
    """A number (1-D), a :class:`Target` or a level function as a target that ``start`` (d,) lies outside of."""
    dimension = start.shape[0]
    if dimension == 1 and not isinstance(target, Target) and not callable(target) and np.shape(target) == (1,):
        target = np.asarray(target)[0]  # the array of a minimum, as a start may be
    elif isinstance(target, np.ndarray) and target.shape == ():
        target = target[()]
    if isinstance(target, Target):
        chosen = target
        if chosen.dimension not in (None, dimension):
            size = chosen.dimension
            raise ValueError(f"the landscape has {dimension} dimensions, but the target {chosen} has {size}")
    elif callable(target):
        chosen = LevelSet(target)
    elif dimension == 1 and isinstance(target, int | float | np.number) and np.isfinite(target):
        if float(target) == start[0]:
            raise ValueError(f"start and target are both {float(target):g}; choose a target away from the start")
        chosen = Point(float(target), float(start[0]))
    elif dimension > 1 and not isinstance(target, str) and np.shape(target) == (dimension,):
        point = [float(v) for v in target]
        raise ValueError(
            f"a single point is never met in {dimension} dimensions: give Ball({point}, radius) with a radius of your "
            "choice, or a HalfSpace"
        )
    else:
        raise ValueError(
            f"in {dimension} dimensions a target is Ball(center, radius), HalfSpace(normal, offset) or a level "
            f"function of x (a finite number in 1-D only); got {target!r}"
        )
    chosen.check(start, dimension)
    return chosen.seen_from(start) if isinstance(chosen, LevelSet) else chosen


def as_set(target: Any) -> Target | None:
    """A target or a level function as a target; ``None`` for a number or a point, whose side a start decides."""
    if isinstance(target, Target):
        return target
    return LevelSet(target) if callable(target) else None


def target_from(facts: Mapping[str, Any]) -> Any:
    """The target that ``describe`` told of; ``ValueError`` for a level function."""
    if "made of" in facts:
        raise ValueError(
            f"the target {facts['words']} is {facts['made of']}, which this file does not hold; build the problem again"
        )
    if facts["class"] == "Point":
        return facts["value"]
    if facts["class"] == "Outside":
        return Outside(facts["center"], facts["radius"])
    if facts["class"] == "Ball":
        return Ball(facts["center"], facts["radius"])
    return HalfSpace(facts["normal"], facts["offset"])
