"""Downhill:  x' = -grad L(x)  to the minimum it ends in, and Newton's method at the end.

The flow is followed by RODAS3 (A. Sandu and others, Atmos. Environ. 31 (1997) 3459, table 1), third order with a second
order beside it, stiff accuracy: a step solves (H + 2/h) k = ... four times, so that narrow valleys cost no small steps.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fpsim.valleys.curvature import Curvature, downhill
from landscapes.critical.points import CriticalPoint
from landscapes.field import in_words

Array = NDArray[np.float64]
STEPS = 3000
FAR = 1e3
"""A path this many lengths from its start has left for good."""
STALLED = 1e-12
"""A step of this part of a length gets nowhere."""


@dataclass(frozen=True)
class Polished:
    """A zero of the gradient: the point (d,), the Hessian there, |grad L|, and how far it may be off."""

    x: Array
    curvature: Curvature
    gradient: Array
    error: float

    def curvature_error(self, length: float) -> float:
        """How far the lowest curvatures may be wrong: at this point, and within its error of it.

        Where a curvature vanishes at the zero of the gradient, Newton's method comes to it slowly, from a point where
        none does.
        """
        curvature = self.curvature
        values, vectors = curvature.modes
        worst, reach = 0.0, 2 * self.error
        for k in {0, int(np.abs(values).argmin())}:
            e = vectors[:, k]
            for at in (self.x - reach * e, self.x + reach * e):
                there = Curvature(curvature.landscape, at, e, curvature.accuracy)
                worst = max(worst, abs(float(e @ there.product(e)) - float(values[k])))
        return curvature.error(length) + worst


def polish(landscape: Any, x: Array, length: float) -> Polished:
    """Newton's method for grad L = 0, until its steps no longer shrink.

    Raises:
        ValueError: where the steps do not become small against ``length``.
    """
    best = np.inf
    for _ in range(30):
        curvature = Curvature(landscape, x, accuracy=1e-10)
        gradient = np.asarray(landscape.gradient(x))
        step = curvature.newton(gradient)
        size = float(np.linalg.norm(step))
        if not size < best / 2 or not np.isfinite(size):
            break
        best, new = size, x + step
        if size <= np.finfo(float).eps * float(np.linalg.norm(x)):
            break
        x = new
    if not size <= 1e-6 * length:
        raise ValueError(
            f"Newton's method did not settle near {in_words(x)}: its last step is {size:.2g} long (|grad L| = "
            f"{float(np.linalg.norm(gradient)):.2g})"
        )
    rounding = 2 * float(np.finfo(float).eps) * float(np.linalg.norm(x))
    return Polished(x, curvature, gradient, 2 * size + rounding)


def minimum_at(landscape: Any, x: Array, length: float) -> CriticalPoint:
    """The minimum that Newton's method finds from x, certified by its curvatures.

    Raises:
        ValueError: if it is none, or a curvature is zero within its error.
    """
    found = polish(landscape, x, length)
    values, error = found.curvature.modes[0], found.curvature_error(length)
    if float(np.abs(values).min()) <= error:
        raise ValueError(
            f"the point {in_words(found.x)} has a curvature that is zero within its error "
            f"({float(values[np.abs(values).argmin()]):.2g} +- {error:.1g}): a flat direction decides nothing"
        )
    if values[0] < 0:
        raise ValueError(
            f"the point {in_words(found.x)} is no minimum: {int(np.sum(values < 0))} of its curvatures are negative"
        )
    return CriticalPoint(found.x, float(landscape.loss(found.x)), values, 0)


@dataclass(frozen=True)
class Descent:
    """A flow line: its points (n, d) from the start, the last one the minimum."""

    path: Array
    minimum: CriticalPoint


def slide_down(landscape: Any, start: Array, length: float, accuracy: float = 1e-4, near: float = 1e-2) -> Descent:
    """The flow line downhill from ``start`` (d,).

    Args:
        landscape: the loss.
        start: where it begins, no critical point.
        length: the unit of lengths.
        accuracy: largest error of a step, in lengths.
        near: where Newton's step is this part of the way behind, the minimum is where it leads.

    Raises:
        ValueError: if the line leads to no minimum: to infinity, a flat place or a kink; if it begins at a critical
            point.
    """
    x, path = start, [start]
    gradient = np.asarray(landscape.gradient(x))
    curvature = Curvature(landscape, x)
    bend = float(np.linalg.norm(curvature.product(gradient)))
    force = float(np.linalg.norm(gradient))
    if force == 0:
        raise ValueError(f"the descent from {in_words(start)} has no direction: it begins at a critical point")
    h = 0.1 * min(force / max(bend, 1e-300), 0.1 * length / max(force, 1e-300))
    for _ in range(STEPS):
        moved, error = _rodas(landscape, x, gradient, curvature, h)
        small = error / (accuracy * length)
        if not (np.isfinite(small) and small <= 1 and landscape.loss(moved) <= landscape.loss(x)):
            h *= max(0.2, 0.8 / small ** (1 / 3)) if np.isfinite(small) and small > 1 else 0.2
            if h * np.linalg.norm(gradient) < STALLED * length:
                break
            continue
        h *= min(4.0, 0.9 / max(small, 1e-6) ** (1 / 3))
        x = moved
        path.append(x)
        gradient = np.asarray(landscape.gradient(x))
        curvature = Curvature(landscape, x)
        minimum = _arrived(landscape, start, x, gradient, curvature, length, near)
        if minimum is not None:
            return Descent(np.array([*path, minimum.x]), minimum)
        if not np.linalg.norm(x - start) < FAR * length:
            raise ValueError(f"the descent from {in_words(start)} goes to infinity (it passed {in_words(x)})")
    size = float(np.linalg.norm(gradient))
    raise ValueError(f"the descent from {in_words(start)} reached no minimum: it stopped at {in_words(x)}, where "
                     f"|grad L| = {size:.2g} (a kink, or a flat place?)")  # fmt: skip


def _rodas(landscape: Any, x: Array, gradient: Array, curvature: Curvature, h: float) -> tuple[Array, float]:
    """One step of length h, and how far the second-order result lies from it."""
    solve = curvature.shifted(2 / h)
    try:
        first = solve(-gradient)
        second = solve(-gradient + 4 / h * first)
        there = -np.asarray(landscape.gradient(x + 2 * first))
        third = solve(there + (first - second) / h)
        there = -np.asarray(landscape.gradient(x + 2 * first + third))
        fourth = solve(there + (first - second - 8 / 3 * third) / h)
    except ValueError:  # out of the domain, or not finite
        return x, np.inf
    return x + 2 * first + third + fourth, float(np.linalg.norm(fourth))


def _arrived(
    landscape: Any, start: Array, x: Array, gradient: Array, curvature: Curvature, length: float, near: float
) -> CriticalPoint | None:
    """The minimum, once Newton's step to it is short against the way behind."""
    if float(gradient @ curvature.product(gradient)) <= 0:
        return None
    step, convex = downhill(curvature.product, gradient, accuracy=1e-6)
    size = float(np.linalg.norm(step))
    if not convex or size > near * float(np.linalg.norm(x - start)):
        return None
    found = minimum_at(landscape, x + step, length)
    return found if np.linalg.norm(found.x - x) <= 2 * size else None
