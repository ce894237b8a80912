"""Eigenvalues of a generator: rates of relaxation on a log axis, or, where the walk turns, points of the plane."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fpsim.plotting.style import BLUE, INK, SHADE, SMALL, VERMILLION, axes_or_new, figure_of, tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

NOTHING = 1e-12
"""Share of the fastest rate below which one is zero but for rounding."""


def spectrum_chart(found: Any, axes: Axes | None = None) -> Figure:
    """The eigenvalues of a spectrum (``eigenvalues``, ``gap``); the gap is drawn as a line."""
    axes = axes_or_new(axes)
    values = np.asarray(found.eigenvalues)
    if np.iscomplexobj(values):
        axes.axvline(-found.gap, color=SHADE, linewidth=0.8, linestyle=(0, (4, 3)))
        axes.plot(values.real, values.imag, "o", color=BLUE, markersize=5)
        tidy(axes, "real part (1 / time)", "imaginary part (1 / time)")
    else:
        rates = -values.real
        moving = rates > NOTHING * rates.max()
        axes.axhline(found.gap, color=SHADE, linewidth=0.8, linestyle=(0, (4, 3)))
        axes.plot(np.flatnonzero(moving), rates[moving], "o", color=BLUE, markersize=6)
        axes.set_yscale("log")
        axes.locator_params(axis="x", integer=True)
        tidy(axes, "mode", "rate of relaxation (1 / time)")
    axes.annotate(f"gap {found.gap:.5g}", (0.98, 0.02), xycoords="axes fraction", ha="right", fontsize=SMALL,
                  color=VERMILLION)  # fmt: skip
    axes.title.set_color(INK)
    return figure_of(axes)
