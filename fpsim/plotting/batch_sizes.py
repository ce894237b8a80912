"""How long SGD stays, against its batch size: ln(iterations) of SGD itself and of the theories."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np

from fpsim.plotting.style import BLACK, INK, SMALL, TITLE, axes_or_new, figure_of, route_style, tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


class OverSizes(Protocol):
    """What is drawn: logs and errors by name, over batch sizes."""

    @property
    def sizes(self) -> Sequence[int]: ...
    @property
    def learning_rate(self) -> float: ...
    @property
    def logs(self) -> Mapping[str, Sequence[float]]: ...
    @property
    def errors(self) -> Mapping[str, Sequence[float]]: ...


def batch_size_chart(found: OverSizes, axes: Axes | None = None) -> Figure:
    """Lines for theories; markers with error bars for what was measured.

    Raises:
        ValueError: if nothing gave a finite time.
    """
    known = {name: np.array(row) for name, row in found.logs.items() if np.isfinite(row).any()}
    if not known:
        raise ValueError("no route gave a finite time, so there is nothing to draw")
    axes = axes_or_new(axes, 5.6, 3.8)
    names = list(known)
    for name, row in known.items():
        error = np.array(found.errors[name])
        if error.any():
            axes.errorbar(found.sizes, row, yerr=error, fmt="o", color=BLACK, capsize=3, label=name, zorder=3)
        else:
            color, marker = route_style(name, names)
            axes.plot(found.sizes, row, marker=marker, color=color, linewidth=1.4, label=name)
    tidy(axes, "batch size S", "ln(iterations)")
    axes.set_title(f"learning rate {found.learning_rate:g}", fontsize=TITLE, color=INK, loc="left")
    axes.legend(frameon=False, fontsize=SMALL)
    return figure_of(axes)
