"""Uphill along one direction, downhill along all others, to a saddle:  x' = -(1 - 2 e e^T) grad L(x).

The stable points of this gentlest ascent are the saddles of index 1 (W. E and X. Zhou, Nonlinearity 24 (2011) 1831,
theorem 2.2).  It is followed by steps of Newton's kind (C. Cerjan and W. Miller, J. Chem. Phys. 75 (1981) 2800): e is
the lowest mode, or the one that continues the way so far, and the length of a step is what the quadratic model of the
gradient holds for.  No heights are compared and no second valley is asked for.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fpsim.valleys.curvature import Curvature, downhill
from landscapes.field import in_words

Array = NDArray[np.float64]
STEPS = 600
FIRST, LONGEST = 0.05, 0.2
"""First and longest step, in lengths."""
WRONG, RIGHT = 0.5, 0.15
"""Relative errors of the predicted gradient above which a step is taken back, below which the next may be longer."""
SETTLED = 1e-7
"""A full step this short, in lengths, has arrived."""
SAME = 0.8
"""A mode continues a direction whose cosine with it is larger."""
NUDGES = 6
"""How often a point of a higher index is left again along its second unstable direction."""
ROUNDING = 1e-11
"""A slope across the way that is this part of the whole is rounding."""
HUGE = 1e100
"""Gradients this large are infinite."""
FAR = 10.0
"""A climb this many lengths from its start has left for good."""


class LeftError(ValueError):
    """A climb that ends nowhere."""


def climb(landscape: Any, start: Array, direction: Array | None, length: float) -> Array:
    """A point close to a saddle of index 1.

    Args:
        landscape: the loss.
        start: where to begin, (d,).
        direction: which way to climb first, (d,); the lowest mode, uphill, if None.
        length: the unit of lengths.

    Raises:
        ValueError: if the way ends elsewhere or nowhere.
    """
    x, e, radius, nudges = start, direction, FIRST * length, 0
    gradient, curvature = np.asarray(landscape.gradient(x)), Curvature(landscape, x, e)
    for _ in range(STEPS):
        value, e = _uphill(curvature, gradient, e)
        step, across = _step(curvature, gradient, value, e, radius)
        if value < 0 and float(np.linalg.norm(step)) <= min(SETTLED * length, radius / 2):
            if nudges == NUDGES:
                raise ValueError(
                    f"the climb from {in_words(start)} ends at {in_words(x)}, where "
                    f"{int(np.sum(curvature.modes[0] < 0))} curvatures are negative: no saddle of index 1"
                )
            nudge = _nudge(curvature, e, length * (-1) ** nudges)
            if nudge is None:
                return x + step
            x, nudges = x + nudge, nudges + 1
            gradient, curvature = np.asarray(landscape.gradient(x)), Curvature(landscape, x, e)
            continue
        moved = _taken(landscape, x, gradient, step, across)
        if moved is None:
            radius = min(radius, float(np.linalg.norm(step))) / 4
            if radius < 1e-10 * length:
                break
            continue
        new, there, wrong = moved
        x, gradient, curvature = new, there, Curvature(landscape, new, e)
        radius = min(1.5 * radius, LONGEST * length) if wrong < RIGHT else radius
        if not np.linalg.norm(x - start) < FAR * length:
            raise LeftError(f"the climb from {in_words(start)} goes to infinity (it passed {in_words(x)})")
    if not np.linalg.norm(x - start) < length:
        raise LeftError(f"the climb from {in_words(start)} only gets steeper (it passed {in_words(x)})")
    raise ValueError(
        f"the climb from {in_words(start)} reached no saddle: it stopped at {in_words(x)}, where |grad L| = "
        f"{float(np.linalg.norm(gradient)):.2g} and the lowest curvature is {curvature.modes[0][0]:.2g}"
    )


def require_size(landscape: Any, x: Array) -> None:
    """Refuse a point (d,) at which the gradient is beyond what floats can square."""
    with np.errstate(all="ignore"):
        size = float(np.abs(np.asarray(landscape.gradient(x))).max())
    if not size < HUGE:
        raise ValueError(f"the gradient at {in_words(x)} is {size:.2g}; begin nearer to the valleys")


def _uphill(curvature: Curvature, gradient: Array, before: Array | None) -> tuple[float, Array]:
    """Curvature and direction (d,) to climb: the unstable mode, if there is one, most like ``before``.

    In a valley, the mode that continues ``before``, and ``before`` itself where it is spread over many modes.
    """
    values, vectors = curvature.modes
    if before is None:
        e = vectors[:, 0]
        return float(values[0]), e if e @ gradient >= 0 else -e
    several = np.flatnonzero(values < 0) if values[0] < 0 else np.arange(len(values))
    shares = before @ vectors[:, several]
    k = int(np.argmax(np.abs(shares)))
    if values[0] >= 0 and abs(shares[k]) < SAME:
        return float(before @ curvature.product(before)), before
    return float(values[several[k]]), vectors[:, several[k]] * (1.0 if shares[k] >= 0 else -1.0)


def _step(curvature: Curvature, gradient: Array, value: float, e: Array, radius: float) -> tuple[Array, Array]:
    """The step, and H times it: towards the top along e (ahead where there is none), downhill in all others."""
    along = float(e @ gradient)
    up = float(np.clip(along / -value, -radius, radius)) if value < 0 else radius

    def product(v: Array) -> Array:
        turned = curvature.product(v)
        return turned - (e @ turned) * e

    slope = gradient - along * e
    slope = slope - (e @ slope) * e  # what rounding leaves along e would meet no curvature and run to the edge
    still = np.linalg.norm(slope) <= ROUNDING * np.linalg.norm(gradient)
    down = np.zeros_like(slope) if still else downhill(product, slope, radius, 1e-8)[0]
    step = up * e + down - (e @ down) * e
    return step, curvature.product(step)


def _taken(landscape: Any, x: Array, gradient: Array, step: Array, across: Array) -> tuple[Array, Array, float] | None:
    """Point and gradient after a step, and how wrong the gradient was foreseen; None for a step to be taken back."""
    try:
        there = np.asarray(landscape.gradient(x + step))
    except ValueError:  # out of the domain
        return None
    if not np.abs(there).max() < HUGE:
        return None
    missed = float(np.linalg.norm(there - gradient - across))
    wrong = missed / max(float(np.linalg.norm(across)), float(np.linalg.norm(gradient)), 1e-300)
    return (x + step, there, wrong) if wrong <= WRONG else None


def _nudge(curvature: Curvature, e: Array, length: float) -> Array | None:
    """A short way along an unstable direction other than e; None if there is none."""
    values, vectors = curvature.modes
    others = [k for k in np.flatnonzero(values < 0) if abs(vectors[:, k] @ e) < 0.9]
    return FIRST * length * vectors[:, others[0]] if others else None
