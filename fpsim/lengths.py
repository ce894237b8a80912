"""Lengths that a problem brings along; nothing else may decide what is near, small or far.

    length = largest side of the landscape's box, else the distance from start to target.

Multiplying every coordinate (and energy) by a factor multiplies these lengths, and with them every step of a
difference, every tolerance and every search.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fpsim.targets import as_target

Array = NDArray[np.float64]


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
    return as_target(target, start).far(start)
