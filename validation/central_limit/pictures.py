"""Figure of the generalised central limit theorem: growth of sums, distance from the limit law, densities."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fpsim.plotting.style import BLACK, BLUE, CYCLE, GREEN, ORANGE, SHADE, new_figure, remark, tidy
from validation.central_limit.verdicts import significant
from validation.study.findings import Rows
from validation.study.panels import legend, lettered, logarithmic

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from validation.central_limit.measures import Sums


def sums_figure(found: Sums) -> Figure:
    """Growth, distances, and the density of sums beside both laws."""
    figure = new_figure(12.6, 4.2)
    panels = figure.subplots(1, 3)
    for color, tail in zip(CYCLE, dict.fromkeys(r["a"] for r in found.sums), strict=False):
        _lines(panels[0], panels[1], [r for r in found.sums if r["a"] == tail], color)
    for axes in panels[:2]:
        logarithmic(axes)
    tidy(panels[0], "number n of draws in a sum", "interquartile range of the sums")
    legend(panels[0], "upper left")
    remark(panels[0], "lines: n^(1/α)", 0.98, 0.02, "right")
    tidy(panels[1], "number n of draws in a sum", "Kolmogorov–Smirnov distance")
    panels[1].axhline(significant(found), color=SHADE, linewidth=1)
    remark(panels[1], "dotted: from the Gaussian of the\nsame quartiles; grey: five sigma", 0.98, 0.98, "right")
    _densities(panels[2], found.density)
    last = f"Sums of draws with a = {found.density[0]['a']:g}"
    lettered(panels, ("Size of the sums", "Distance from the limit law", last))
    return figure


def _lines(sizes: Axes, distances: Axes, rows: Rows, color: str) -> None:
    n = np.array([r["n"] for r in rows])
    last = rows[-1]
    sizes.plot(n, [r["growth"] for r in rows], "o", color=color, markersize=5, label=f"a = {last['a']:g}")
    sizes.plot(n, last["growth"] * (n / n[-1]) ** (1 / last["alpha"]), color=color, linewidth=1.1)
    distances.plot(n, [r["distance to the stable law"] for r in rows], "-o", color=color, markersize=5, linewidth=1.1)
    if last["a"] < 2:
        distances.plot(n, [r["distance to a Gaussian"] for r in rows], ":", color=color, linewidth=1.3)


def _densities(axes: Axes, rows: Rows) -> None:
    """Densities of ln|sum| for some n: a power-law tail is a straight line."""
    for color, n in zip((ORANGE, GREEN, BLUE), dict.fromkeys(r["n"] for r in rows), strict=True):
        mine = [r for r in rows if r["n"] == n]
        x, share = (np.array([r[key] for r in mine]) for key in ("x", "drawn"))
        axes.plot(x, np.where(share > 0, share, np.nan), color=color, linewidth=1.5, label=f"n = {n}")
    axes.plot(x, [r["stable"] for r in mine], color=BLACK, linewidth=1.1, label="stable law")
    axes.plot(
        x, [r["gaussian"] for r in mine], color=SHADE, linewidth=1.1, linestyle=":",
        label="Gaussian, same quartiles",
    )  # fmt: skip
    logarithmic(axes)
    axes.set_ylim(1e-7, 3)
    tidy(axes, "|sum| / n^(1/α)", "density")
    legend(axes, "lower left")
