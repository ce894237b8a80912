"""The valley of an escape in more dimensions than a box can be searched in: from the start's minimum to the target's.

Both are found downhill, and the passes between them by strings and climbs (:mod:`fpsim.valleys.passes`).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fpsim.targets import Target
from fpsim.valleys.descent import minimum_at, slide_down
from fpsim.valleys.passes import passes
from fpsim.valleys.saddle import unit_of_length
from fpsim.valleys.valley import Valley
from landscapes.critical.points import CriticalPoint
from landscapes.field import in_words
from landscapes.products import DENSE, with_length

Array = NDArray[np.float64]
SEARCHED = 6
"""Dimensions up to which a box is searched for all critical points."""
STARTS, FAR_STARTS = 3, 1
"""Bent strings, both ways, and climbs out of each valley that look for parallel passes; the latter without matrices."""
DEADLINE = 300.0
"""Seconds for that."""
AT_REST = 1e-3
"""A point this close to a minimum, in lengths, lies in its valley."""


def far_valley(landscape: Any, start: Array, target: Target) -> Valley:
    """The valley of a start (d,) and all passes that are found from it to the valley of the target.

    Raises:
        ValueError: if start or target lead to no minimum, or no saddle is found that joins the two.
    """
    inside = target.anchors(start)
    if not inside:
        raise ValueError(
            f"beyond {SEARCHED} dimensions passes are sought between the start's minimum and the target's, and a level "
            "function names no point of the target; take a Ball or a HalfSpace"
        )
    length = unit_of_length(landscape, start)
    smooth = with_length(landscape, length / 4)
    here, there = (_bottom(smooth, x, length) for x in (start, _within(inside[0], start, length)))
    if np.linalg.norm(here.x - there.x) <= AT_REST * length:
        return Valley(here, None, complete=False)
    starts = STARTS if landscape.dimension <= DENSE else FAR_STARTS
    found = passes(landscape, here.x, there.x, starts=starts, deadline=DEADLINE)
    beyond = there if target.level(there.x[:, None])[0] >= 0 else None
    first, *others = found.saddles
    return Valley(here, first, tuple(others), beyond=beyond, complete=found.complete)


def _within(anchor: Array, start: Array, length: float) -> Array:
    """A point just beyond the target's edge: an edge that runs through the saddle decides for no valley."""
    step = anchor - start
    size = float(np.linalg.norm(step))
    return anchor + (AT_REST * length / size) * step if size > 0 else anchor


def _bottom(landscape: Any, x: Array, length: float) -> CriticalPoint:
    """The minimum downhill of x (d,)."""
    try:
        found = minimum_at(landscape, x, length)
        if np.linalg.norm(found.x - x) <= AT_REST * length:
            return found
    except ValueError:
        pass
    try:
        return slide_down(landscape, x, length).minimum
    except ValueError as error:
        raise ValueError(f"no minimum was found downhill of {in_words(x)}: {error}") from None
