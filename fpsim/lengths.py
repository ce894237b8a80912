"""Lengths that a problem brings along; nothing else may decide what is near, small or far.

    length = largest side of the landscape's box, else the distance from start to target.

Multiplying every coordinate (and energy) by a factor multiplies these lengths, and with them every step of a
difference, every tolerance and every search.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]
STEPS = np.exp2(np.arange(-128.0, 129.0, 2.0))  # 38 powers of ten up and down from the start's own size
CHANGE = 1 / 16  # share of the level at the start by which a step of the reach changes it


def problem_lengths(landscape: Any, start: ArrayLike, target: Any = None) -> Array:
    """Length per coordinate, shape (d,): the sides of the landscape's box, else the distance to the target.

    Raises:
        ValueError: without a box and a target there is no length.
    """
    if landscape.bounds is not None:
        low, high = np.array(landscape.bounds, dtype=np.float64).T
        return np.asarray(high - low)
    if target is None:
        raise ValueError(f"{landscape} has no box and no target is given, so that no length is known; give bounds=")
    point = np.asarray(start, dtype=np.float64).reshape(-1)
    return np.full(point.shape, distance(target, point))


def problem_length(landscape: Any, start: ArrayLike, target: Any = None) -> float:
    """The largest of :func:`problem_lengths`."""
    return float(problem_lengths(landscape, start, target).max())


def noise_length(sde: Any, start: ArrayLike) -> float:
    """How far noise carries a path against the forces at ``start``: the least of D/|b| and sqrt(D/|db/dx|).

    Raises:
        ValueError: where drift, its derivative or D give no length.
    """
    x = np.asarray(start, dtype=np.float64).reshape(-1, 1)
    with np.errstate(all="ignore"):
        heat = float(np.trace(sde.diffusion(x)[..., 0])) / x.size
        pull, bend = np.linalg.norm(sde.drift(x)), np.linalg.norm(sde.landscape.jacobian(x)[..., 0], 2)
        lengths = np.array([heat / pull, np.sqrt(heat / bend)])
    known = lengths[np.isfinite(lengths) & (lengths > 0)]
    if not known.size:
        raise ValueError(f"{sde.landscape} has no box, and its forces at the start give no length; give bounds=")
    return float(known.min())


def distance(target: Any, start: Array) -> float:
    """How far ``start`` (d,) is from the far end of what is known of a target; for a level function, its reach."""
    from fpsim.targets import Ball, HalfSpace, LevelSet, as_target

    goal = as_target(target, start)
    if isinstance(goal, Ball):
        return float(np.linalg.norm(np.array(goal.center) - start)) + goal.radius
    if isinstance(goal, HalfSpace):
        return -float(goal.level(start[:, None])[0])
    if isinstance(goal, LevelSet):
        lengths = goal.lengths or reach(goal.level, start)
        slope = float(np.linalg.norm(goal.gradient(start[:, None])))
        level = -float(goal.level(start[:, None])[0])
        return level / slope if slope * max(lengths) > CHANGE * level else max(lengths)
    return float(abs(goal.value - start[0])) if hasattr(goal, "value") else float(np.linalg.norm(start)) or 1.0


def reach(level: Callable[[Array], Array], start: Array) -> tuple[float, ...]:
    """Per coordinate the shortest step from ``start`` (d,) that changes a level function visibly, a power of four.

    It is found by trying; a coordinate that the level does not depend on takes the longest of the others.
    """
    own = float(np.abs(start).max()) or 1.0
    with np.errstate(all="ignore"):
        here = float(level(start[:, None])[0])
        found = [_visible(level, start, own * STEPS, axis, here) for axis in range(start.size)]
    known = [length for length in found if length is not None]
    return tuple(length if length is not None else max(known, default=own) for length in found)


def _visible(level: Callable[[Array], Array], start: Array, steps: Array, axis: int, here: float) -> float | None:
    for step in steps:
        moved = np.repeat(start[:, None], 2, axis=1)
        moved[axis] += [-step, step]
        try:
            values = np.asarray(level(moved), dtype=np.float64)
        except (ArithmeticError, ValueError):  # outside of what the level function knows
            continue
        change = np.abs(values - here)
        if np.any(change[np.isfinite(change)] >= CHANGE * abs(here)):
            return float(step)
    return None
