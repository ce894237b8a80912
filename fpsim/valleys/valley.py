"""A valley as a value: its minimum, and the pass it is left by."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from landscapes.field import in_words

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Valley:
    """A minimum, and the lowest pass on the way to a target (``None`` if there is none).

    Attributes:
        minimum: the critical point of index 0 that the start flows to.
        saddle: the critical point of index 1 to be crossed (in 1-D a barrier top).
        others: further saddles between the same two valleys, whose rates add (in 1-D: on the other way round a ring).
        competing: the largest other climb from a minimum to a pass that the path may have to make before it
            arrives, ``-inf`` if there is none.  Formulas with one minimum and one pass need it well below ``barrier``.
        beyond: a minimum where paths that crossed come to rest (beyond 1-D: inside the target), if there is one.
        ahead: on a line or ring, how far behind each pass (``saddle``, then ``others``) the target begins.
        stops: on a line, (place, whether it is a top, critical point) of all that a path can meet, in order.
        flat: degenerate critical points that are in question as minimum or pass; with one of them as the pass there is
            no ``saddle``.
        complete: whether all critical points of the searched box are known to have been found.
    """

    minimum: Any
    saddle: Any | None
    others: tuple[Any, ...] = ()
    competing: float = -math.inf
    beyond: Any | None = None
    ahead: tuple[float, ...] = ()
    stops: tuple[tuple[float, bool, Any], ...] = ()
    flat: tuple[Any, ...] = ()
    complete: bool = True

    @property
    def barrier(self) -> float:
        """Height of the pass above the minimum; ``ValueError`` without a saddle."""
        if self.saddle is None:
            raise ValueError("this valley has no saddle, hence no barrier")
        return float(self.saddle.loss - self.minimum.loss)


def no_minimum(start: Array, flat: Sequence[Any]) -> str:
    """Why a start flows to no minimum, in one sentence."""
    if flat:
        at = flat[0].x.tolist()
        return f"the minimum that the start {in_words(start)} flows to has no curvature: the loss is degenerate at {at}"
    return f"the start {in_words(start)} flows to no minimum that was found; give the landscape bounds that hold one"
