"""Figures of the escape law: times over S/eta with the slopes of the theories, and slopes over those of each theory."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fpsim.plotting.style import BLUE, CYCLE, GREEN, INK, ORANGE, PURPLE, SKY, VERMILLION, new_figure, tidy
from validation.full_space import laws
from validation.full_space.places import TWINS
from validation.full_space.size import BATCHES, GAUSSIAN
from validation.full_space.theories import AT_SADDLE, CRAMER, FLOOR_CRAMER, FLOOR_GAUSS, GAUSS, ISOTROPIC, NAMES
from validation.full_space.times import PLAIN, SPLITTING
from validation.study.findings import Rows
from validation.study.panels import legend, lettered, points

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLORS = {
    CRAMER: BLUE, GAUSS: VERMILLION, FLOOR_CRAMER: GREEN, FLOOR_GAUSS: SKY, AT_SADDLE: PURPLE, ISOTROPIC: ORANGE,
}  # fmt: skip
MARKERS = ("o", "s", "^", "D", "v", "P")
STYLES = {(BATCHES, SPLITTING): ("o", INK), (GAUSSIAN, SPLITTING): ("D", PURPLE), (BATCHES, PLAIN): ("x", INK)}
LABELS = {
    (BATCHES, SPLITTING): "mini-batches, splitting", (GAUSSIAN, SPLITTING): "Gaussian noise, splitting",
    (BATCHES, PLAIN): "mini-batches, plain simulation",
}  # fmt: skip


def times_figure(times: Rows, theories: Rows) -> Figure:
    """One panel per place; the theories' lines have their slopes and pass through the first measured point."""
    where = list(
        dict.fromkeys(
            (r["network"], r["decay"]) for r in times if r["side"] == TWINS and np.isfinite(r["ln(iterations)"])
        )
    )
    columns = min(3, len(where))
    rows = -(-len(where) // columns)
    figure = new_figure(max(5.4, 4.0 * columns), 3.6 * rows)
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes, (network, decay) in zip(panels, where, strict=False):
        mine = [r for r in times if (r["network"], r["decay"], r["side"]) == (network, decay, TWINS)]
        _measured(axes, mine)
        _slopes(axes, mine, [t for t in theories if (t["network"], t["decay"], t["side"]) == (network, decay, TWINS)])
        tidy(axes, "S / η", "iterations")
        axes.set_yscale("log")
    for axes in panels[len(where) :]:
        figure.delaxes(axes)
    if panels[0].get_legend_handles_labels()[0]:
        legend(panels[0], "upper left")
    lettered(panels[: len(where)], [f"{network}, decay {decay:g}" for network, decay in where])
    return figure


def _measured(axes: Axes, rows: Rows) -> None:
    for key, (marker, color) in STYLES.items():
        for k, eta in enumerate(sorted({r["eta"] for r in rows}, reverse=True)):
            run = [r for r in rows if (r["noise"], r["method"]) == key and r["eta"] == eta]
            run = [r for r in run if np.isfinite(r["ln(iterations)"])]
            if run:
                y = np.exp([r["ln(iterations)"] for r in run]) * eta / max(r["eta"] for r in rows)
                label = LABELS[key] + (f", η = {eta:g} (in steps of the larger)" if k else "")
                fmt = marker if not k else MARKERS[(k + 1) % len(MARKERS)]
                points(axes, [r["S/eta"] for r in run], y, y * [r["error"] for r in run], fmt, color, label)


def _slopes(axes: Axes, rows: Rows, theories: Rows) -> None:
    run = [r for r in rows if (r["noise"], r["method"]) == (BATCHES, SPLITTING) and np.isfinite(r["ln(iterations)"])]
    if not run:
        return
    first = min(run, key=lambda r: float(r["S/eta"]))
    x = np.linspace(first["S/eta"], max(r["S/eta"] for r in run), 50)
    for theory in theories:
        if theory["theory"] in COLORS:
            y = first["ln(iterations)"] + theory["slope"] * (x - first["S/eta"])
            axes.plot(x, np.exp(y), color=COLORS[theory["theory"]], linewidth=1.1, label=NAMES[theory["theory"]])


def slopes_figure(times: Rows, theories: Rows) -> Figure:
    """Measured slopes over those of each theory, over the weight decay."""
    figure = new_figure(6.4, 4.2)
    axes = figure.subplots()
    lines = [r for r in laws.slopes(times) if r["side"] == TWINS and r["noise"] == BATCHES]
    rows = laws.against(lines, theories)
    for k, name in enumerate(COLORS):
        run = [r for r in rows if r["theory"] == name]
        if run:
            ratio, error = ([r[a] / r["predicted"] for r in run] for a in ("measured", "error"))
            points(axes, [r["decay"] for r in run], ratio, error, MARKERS[k % len(MARKERS)], COLORS[name], NAMES[name])
    axes.axhline(1, color=CYCLE[0], linewidth=0.8, linestyle=":")
    tidy(axes, "weight decay", "measured slope / slope of the theory")
    axes.set_ylim(0, None)
    if rows:
        legend(axes, "upper left", ncols=2)
    return figure
