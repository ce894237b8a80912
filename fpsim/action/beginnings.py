"""Curves from which ways of least action are sought: straight and swung out, a user's own, and that of least loss."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fpsim.action.flow import FixedPoint, fixed_point
from fpsim.action.hamiltonian import Hamiltonian
from fpsim.action.ways import COARSE, Part

Array = NDArray[np.float64]
BEND = 0.3  # of the distance: how far curves swing out
SEARCH = 60.0  # seconds for the path of least loss


def own_curve(guess: ArrayLike, a: Array, b: Array) -> Array:
    """A curve of the user's, with its ends put where they belong."""
    x = np.array(guess, dtype=np.float64)
    if x.ndim != 2 or x.shape[0] != len(a) or x.shape[1] < 2 or not np.isfinite(x).all():
        raise ValueError(f"a guess is a curve of shape ({len(a)}, n) of finite numbers; got shape {x.shape}")
    x[:, 0], x[:, -1] = a, b
    return x


def swung_curves(a: Array, b: Array, starts: int, seed: int) -> list[Array]:
    """The straight line, and pairs that swing out to either side of it."""
    s, step = np.linspace(0.0, 1.0, COARSE + 1), b - a
    straight, swing = a[:, None] + step[:, None] * s, np.sin(np.pi * s)
    straight[:, -1], swing[-1] = b, 0.0
    curves, rng = [straight], np.random.default_rng(seed)
    for k in range(1, starts):
        if k % 2:
            side = np.array([-step[1], step[0]]) if len(a) == 2 else rng.standard_normal(len(a))
            side -= step * (side @ step) / (step @ step)
            side *= np.linalg.norm(step) / np.linalg.norm(side)
            reach = BEND * (1 + (k - 1) // 2)
        curves.append(straight + (1 if k % 2 else -1) * reach * side[:, None] * swing)
    return curves[:starts]


def over_passes(h: Hamiltonian, landscape: Any, a: Array, b: Array, deadline: float) -> list[Part] | None:
    """The path of least loss between two minima, cut at its minima and saddles; ``None`` where none is found.

    These are fixed points of the drift under any noise, and for D = T I the path is that of least action itself.
    """
    from fpsim.valleys.string import string

    try:
        found = string(landscape, a, b, deadline=max(min(deadline, SEARCH), 1e-3))
    except ValueError:
        return None
    ends, size = (found.minima[0].x, found.minima[-1].x), float(np.linalg.norm(b - a))
    if any(np.linalg.norm(end - x) > 1e-6 * size for end, x in zip(ends, (a, b), strict=True)):
        return None
    parts, begin = [], _at(h, a, size)
    for s, bottom in zip(found.saddles, found.minima[1:], strict=True):
        climb, fall = (np.concatenate([s.x[None], descent]).T for descent in s.descents)
        top, end = _at(h, s.x, size), _at(h, bottom.x, size)
        parts += [Part(np.ascontiguousarray(climb[:, ::-1]), begin, top), Part(fall, top, end)]
        begin = end
    parts[0].x[:, 0], parts[-1].x[:, -1] = a, b
    return parts


def _at(h: Hamiltonian, x: Array, size: float) -> FixedPoint | None:
    return fixed_point(h, x, 1e-5 * size)
