"""A string of images between two points, relaxed until the force across it is small:  (grad L)_perp = 0.

The simplified string method (W. E, W. Ren, E. Vanden-Eijnden, J. Chem. Phys. 126 (2007) 164103, section II): images
move across the string, then they are spaced evenly again.  They move by Newton's steps on the transverse Hessian inside
half a spacing, so that stiff valleys cost few iterations.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fpsim.valleys.curvature import Curvature, downhill
from landscapes.field import in_words

Array = NDArray[np.float64]
ITERATIONS = 60
ROUGH = 0.02
"""Transverse force, in parts of the largest force on the string, at which its tops are close to saddles."""


def relaxed(landscape: Any, a: Array, b: Array, images: int, bend: Array | None = None) -> tuple[Array, int]:
    """Images (d, images) from a to b on a path of least loss, to within `ROUGH`, and how many iterations it took.

    Args:
        landscape: the loss.
        a: one end (d,), a minimum; it stays.
        b: the other end.
        images: how many, ends included.
        bend: the middle of the first guess lies this far (d,) beside the straight line.

    Raises:
        ValueError: where the way crosses a place without a finite gradient.
    """
    share = np.linspace(0.0, 1.0, images)
    x = a[:, None] + share * (b - a)[:, None]
    if bend is not None:
        x = evenly(x + 4 * share * (1 - share) * bend[:, None], images)
    for iteration in range(ITERATIONS):
        gradient = np.asarray(landscape.gradient(x))
        tangent = x[:, 2:] - x[:, :-2]
        tangent = tangent / np.linalg.norm(tangent, axis=0)
        if not np.isfinite(gradient).all():
            raise ValueError(f"the loss has no finite slope on the way from {in_words(a)} to {in_words(b)}")
        force = gradient[:, 1:-1] - np.sum(gradient[:, 1:-1] * tangent, axis=0) * tangent
        largest = float(np.linalg.norm(gradient, axis=0).max())
        if float(np.linalg.norm(force, axis=0).max()) <= ROUGH * largest:
            return x, iteration
        radius = 0.5 * float(np.linalg.norm(np.diff(x, axis=1), axis=0).mean())
        x[:, 1:-1] += np.array(
            [_across(landscape, *parts, radius) for parts in zip(x[:, 1:-1].T, force.T, tangent.T, strict=True)]
        ).T
        x = evenly(x, images)
    return x, ITERATIONS


def _across(landscape: Any, x: Array, force: Array, tangent: Array, radius: float) -> Array:
    """One image's step in the plane across the string."""
    curvature = Curvature(landscape, x)

    def product(v: Array) -> Array:
        turned = curvature.product(v)
        return turned - (tangent @ turned) * tangent

    return downhill(product, force, radius, 1e-2)[0]


def evenly(x: Array, images: int) -> Array:
    """Points (d, images) at equal distances along the polygon through x (d, n)."""
    along = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(x, axis=1), axis=0))])
    places = np.linspace(0.0, along[-1], images)
    k = np.clip(np.searchsorted(along, places, side="right") - 1, 0, x.shape[1] - 2)
    share = (places - along[k]) / np.maximum(along[k + 1] - along[k], 1e-300)
    return np.asarray(x[:, k] + share * (x[:, k + 1] - x[:, k]))


def tops(landscape: Any, x: Array) -> list[tuple[Array, Array]]:
    """The images (d,) of a string at which the loss has a top along it, highest first, each with the tangent there."""
    loss = np.asarray(landscape.loss(x))
    rise = np.diff(loss)
    found = [k for k in range(1, len(loss) - 1) if rise[k - 1] > 0 >= rise[k]]
    found.sort(key=lambda k: -loss[k])
    chords = [x[:, k + 1] - x[:, k - 1] for k in found]
    return [(x[:, k], chord / np.linalg.norm(chord)) for k, chord in zip(found, chords, strict=True)]
