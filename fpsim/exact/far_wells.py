"""How far out a well may still lie:  the last place beyond a point where the stationary weight  e^-W D^(l-1)  may rise.

Boxes whose distance to the point doubles (or, towards a finite edge, whose distance to the edge halves) are cut until
interval arithmetic on the formulas shows that the weight falls on them, or that the loss is too high there to matter.
Polynomials know their turning points.  Plain functions are sampled, which proves nothing: the answer says so.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fpsim.exact.oriented import Oriented

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

OCTAVES = 100
SAMPLED_OCTAVES = 10
CUTS = 7  # a box is cut down to 2^-CUTS of its distance
MOST_BOXES = 4096
NEAR = 30.0  # wells this many lengths out are integrated, however slight
SAMPLES = 256


@dataclass(frozen=True)
class Search:
    """The result of a search towards smaller y.

    Attributes:
        place: where the weight may turn last; ``None`` if it falls all the way.
        words: what was searched, by formulas or samples, for the result.
    """

    place: float | None
    words: str


def last_well(view: Oriented, bound: float, limit: float, length: float, ground: float = math.inf) -> Search:
    """Search from ``bound`` towards ``limit`` (an edge or -inf), smaller y.

    Args:
        view: the oriented problem.
        bound: where the weight is negligible already.
        limit: the end of the line.
        length: unit of distance, such as start to target.
        ground: wells whose loss stays above this do not matter (inf: all do).
    """
    features = view.features
    if bound <= limit:
        return Search(None, "the wall itself")
    if features is not None and features.turning_points is not None:
        points = view.direction * features.turning_points
        points = points[(points < bound) & (points > limit)]
        return Search(float(points.min()) if points.size else None, "all turning points of the formula")
    edges, place = _octaves(bound, limit, length, OCTAVES if features is not None else SAMPLED_OCTAVES)
    if features is None:
        return _sampled(view, edges, place)
    with np.errstate(all="ignore"):
        finite = np.isfinite(view.tried(place(edges))[0])
    last = int(np.argmin(finite)) if not finite.all() else finite.size
    low, high = edges[: last - 1], edges[1:last]  # in the coordinate that place() takes, outward
    left = _unproved(view, low, high, place, length, ground)
    if left is None:
        return _sampled(view, edges[: SAMPLED_OCTAVES + 1], place)
    if not left[0].size:
        return Search(None, "bounds of formulas")
    return _settled(view, left, place, bound, length)


def _octaves(bound: float, limit: float, length: float, count: int) -> tuple[Array, Callable[[Array], Array]]:
    """Edges t of boxes, outward, and the map from t to y."""
    if math.isinf(limit):
        return np.asarray(length * 2.0 ** np.arange(count + 1), dtype=np.float64), lambda t: bound + length - t
    room = bound - limit
    floor = max(1e-13 * abs(limit), 1e-200 * room)
    count = min(count, max(1, int(math.log2(room / floor))))
    return np.asarray(-room * 0.5 ** np.arange(count + 1), dtype=np.float64), lambda t: limit - t


def _unproved(
    view: Oriented, low: Array, high: Array, place: Callable[[Array], Array], length: float, ground: float
) -> tuple[Array, Array] | None:
    """Boxes on which nothing could be proved; ``None`` if there are too many."""
    kept_low, kept_high = [np.empty(0)], [np.empty(0)]
    for cut in range(CUTS + 1):
        a, b = place(high), place(low)  # y from a (outside) to b
        open_still = view.turns(a, b)
        far = np.flatnonzero(open_still & (np.abs(b - place(np.zeros(1))) > NEAR * length))
        if far.size and math.isfinite(ground):
            open_still = open_still.copy()
            open_still[far] = view.lowest(a[far], b[far]) < ground
        low, high = low[open_still], high[open_still]
        if not low.size:
            break
        if low.size > MOST_BOXES:
            return None
        if cut == CUTS:
            kept_low, kept_high = [low], [high]
            break
        middle = (low + high) / 2
        low, high = np.concatenate([low, middle]), np.concatenate([middle, high])
    return kept_low[0], kept_high[0]


def _settled(
    view: Oriented, left: tuple[Array, Array], place: Callable[[Array], Array], bound: float, length: float
) -> Search:
    """Near boxes are to be integrated; on far ones that resist all bounds the slope is sampled."""
    low, high = left
    near = bound - place(high) <= NEAR * length
    if near.all():
        return Search(float(place(high).min()), "bounds of formulas")
    t = low[~near, None] + (high - low)[~near, None] * np.linspace(0, 1, 16)
    slope, _ = view.tried(place(t))
    rising = (~(slope <= 0)).any(axis=1)  # towards smaller y the potential must rise
    out = np.concatenate([place(high[near]), place(high[~near][rising])])
    return Search(float(out.min()) if out.size else None, "bounds of formulas, samples where these fail")


def _sampled(view: Oriented, edges: Array, place: Callable[[Array], Array]) -> Search:
    """Plain functions: where the slope of samples has the wrong sign."""
    t = (edges[:-1, None] + np.diff(edges)[:, None] * (np.arange(SAMPLES) / SAMPLES)).ravel()
    y = place(t)
    slope, _ = view.tried(y)
    lost = np.flatnonzero(~np.isfinite(slope))
    if lost.size:
        slope, y = slope[: lost[0]], y[: lost[0]]
    rising = np.flatnonzero(slope > 0)
    reach = abs(float(y[-1] - y[0])) if y.size > 1 else 0.0
    words = f"{y.size} samples over {reach:.3g} beyond the far bound (plain functions prove nothing)"
    return Search(float(y[rising].min()) if rising.size else None, words)
