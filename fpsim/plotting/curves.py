"""A schedule over its clock, in pieces between its jumps and kinks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from landscapes.look import BLUE, CYCLE, INK, SMALL, axes_or_new, figure_of, tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Array = NDArray[np.float64]


def curve_chart(times: Sequence[Array], values: Sequence[Array], words: str, axes: Axes | None = None) -> Figure:
    """Values over times, piece by piece; several curves in the same ``axes`` get colours of their own."""
    axes = axes_or_new(axes)
    color = CYCLE[len({line.get_color() for line in axes.get_lines()}) % len(CYCLE)] if axes.get_lines() else BLUE
    for k, (t, value) in enumerate(zip(times, values, strict=True)):
        axes.plot(t, value, color=color, linewidth=1.8, label="_" if k else words)
    axes.margins(x=0.0)
    tidy(axes, "t (clock of the schedule)", "value")
    axes.legend(fontsize=SMALL, frameon=False, labelcolor=INK, loc="lower left", bbox_to_anchor=(0, 1.0))
    return figure_of(axes)
