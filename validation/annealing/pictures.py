"""The picture of logarithmic cooling."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fpsim.plotting.style import BLACK, BLUE, ORANGE, PURPLE, VERMILLION, new_figure, remark, tidy
from validation.study.findings import Rows
from validation.study.panels import legend

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLORS = (VERMILLION, ORANGE, PURPLE, BLUE, BLACK)


def figure(rows: Rows) -> Figure:
    """P against time for every c."""
    drawn = new_figure(5.6, 4.2)
    axes = drawn.add_subplot()
    for k, share in enumerate(sorted({r["c / depth"] for r in rows})):
        mine, color = [r for r in rows if r["c / depth"] == share], COLORS[k % len(COLORS)]
        t = [r["time"] for r in mine]
        axes.plot(t, [r["two states"] for r in mine], color=color, linewidth=1.2)
        axes.plot(t, [r["grid"] for r in mine], "o", color=color, markersize=5, label=f"c = {share:g} depth")
        axes.plot(t, [r["equilibrium"] for r in mine], ":", color=color, linewidth=0.9)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_ylim(1e-3, 1.3)
    tidy(axes, "time", "chance of the shallower valley")
    legend(axes, "lower left")
    remark(axes, "lines: two states; dots: Fokker-Planck; dotted: equilibrium", 0.98, 0.98, "right")
    return drawn
