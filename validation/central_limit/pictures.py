"""Figure of the generalised central limit theorem: growth of sums, distance from the limit law, densities."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fpsim.plotting.style import (
    BLACK,
    BLUE,
    CYCLE,
    GREEN,
    INK,
    ORANGE,
    SHADE,
    SMALL,
    TITLE,
    new_figure,
    remark,
    tidy,
)
from validation.central_limit.laws import limit_index, limit_scale, stable_distribution

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Array = NDArray[np.float64]
Row = dict[str, Any]


def sums_figure(rows: list[Row], samples: dict[float, dict[int, Array]], significant: float) -> Figure:
    """Growth, distances, and the density of sums beside both laws; ``samples`` per tail exponent and n."""
    figure, tails = new_figure(12.6, 4.2), list(samples)
    panels = figure.subplots(1, 3)
    for color, tail in zip(CYCLE, tails, strict=False):
        _lines(panels[0], panels[1], [r for r in rows if r["a"] == tail], color)
    for axes in panels[:2]:
        axes.set_xscale("log")
        axes.set_yscale("log")
    tidy(panels[0], "number n of draws in a sum", "interquartile range of the sums")
    panels[0].legend(loc="upper left", fontsize=SMALL, frameon=False, labelcolor=INK)
    remark(panels[0], "lines: n^(1/α)", 0.98, 0.02, "right")
    tidy(panels[1], "number n of draws in a sum", "Kolmogorov–Smirnov distance")
    panels[1].axhline(significant, color=SHADE, linewidth=1)
    remark(panels[1], "dotted: from the Gaussian of the\nsame quartiles; grey: five sigma", 0.98, 0.98, "right")
    _density(panels[2], samples[tails[1]], tails[1])
    titles = "Size of the sums", "Distance from the limit law", f"Sums of draws with a = {tails[1]:g}"
    for letter, title, axes in zip("abc", titles, panels, strict=True):
        axes.set_title(f"{letter}   {title}", fontsize=TITLE, color=INK, loc="left", fontweight="bold")
    return figure


def _lines(sizes: Axes, distances: Axes, rows: list[Row], color: str) -> None:
    n = np.array([r["n"] for r in rows])
    last = rows[-1]
    sizes.plot(n, [r["growth"] for r in rows], "o", color=color, markersize=5, label=f"a = {last['a']:g}")
    sizes.plot(n, last["growth"] * (n / n[-1]) ** (1 / last["alpha"]), color=color, linewidth=1.1)
    distances.plot(n, [r["distance to the stable law"] for r in rows], "-o", color=color, markersize=5, linewidth=1.1)
    if last["a"] < 2:
        distances.plot(n, [r["distance to a Gaussian"] for r in rows], ":", color=color, linewidth=1.3)


def _density(axes: Axes, samples: dict[int, Array], tail: float) -> None:
    """Densities of ln|sum| for some n: a power-law tail is a straight line."""
    edges = np.logspace(-1, 3, 41)
    middles, widths = np.sqrt(edges[1:] * edges[:-1]), np.diff(edges)
    counts = list(samples)
    for color, count in zip((ORANGE, GREEN, BLUE), (counts[0], counts[2], counts[-1]), strict=True):
        share = np.histogram(np.abs(samples[count]), edges)[0] / samples[count].size / widths / 2
        axes.plot(middles, np.where(share > 0, share, np.nan), color=color, linewidth=1.5, label=f"n = {count}")
    law = 2 * stable_distribution(limit_index(tail), edges / limit_scale(tail)) - 1
    axes.plot(middles, np.diff(law) / widths / 2, color=BLACK, linewidth=1.1, label="stable law")
    spread = float(np.quantile(np.abs(samples[counts[-1]]), 0.5)) / 0.6745
    axes.plot(
        middles, np.exp(-((middles / spread) ** 2) / 2) / spread / math.sqrt(2 * math.pi), color=SHADE, linewidth=1.1,
        linestyle=":", label="Gaussian, same quartiles",
    )  # fmt: skip
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_ylim(1e-7, 3)
    tidy(axes, "|sum| / n^(1/α)", "density")
    axes.legend(loc="lower left", fontsize=SMALL, frameon=False, labelcolor=INK)
