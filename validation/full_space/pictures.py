"""Figures of the escape law: times over S/eta with the slopes of the theories, and slopes over those of each theory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fpsim.plotting.style import (
    BLUE,
    CYCLE,
    GREEN,
    INK,
    ORANGE,
    PURPLE,
    SHADE,
    SKY,
    SMALL,
    VERMILLION,
    new_figure,
    tidy,
)
from validation.full_space import laws
from validation.full_space.places import TWINS
from validation.full_space.size import BATCHES, GAUSSIAN, MAIN_RATE, ROUND
from validation.full_space.theories import AT_SADDLE, CRAMER, FLOOR_CRAMER, FLOOR_GAUSS, GAUSS, ISOTROPIC, NAMES
from validation.full_space.times import PLAIN, SPLITTING
from validation.study.findings import Row, Rows
from validation.study.panels import lettered, points

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLORS = {
    CRAMER: BLUE, GAUSS: VERMILLION, FLOOR_CRAMER: GREEN, FLOOR_GAUSS: SKY, AT_SADDLE: PURPLE, ISOTROPIC: ORANGE,
}  # fmt: skip
ROWS = {name: k for k, name in enumerate(COLORS)}
MARKERS = ("o", "s", "^", "D", "v", "P")
STYLES = {
    (BATCHES, SPLITTING): ("o", INK), (GAUSSIAN, SPLITTING): ("D", VERMILLION), (BATCHES, PLAIN): ("x", INK),
    (ROUND, PLAIN): ("x", ORANGE),
}  # fmt: skip
LABELS = {
    (BATCHES, SPLITTING): "mini-batches, splitting", (GAUSSIAN, SPLITTING): "Gaussian noise, splitting",
    (BATCHES, PLAIN): "mini-batches, plain simulation", (ROUND, PLAIN): "isotropic noise, plain simulation",
}  # fmt: skip


def times_figure(times: Rows, theories: Rows) -> Figure:
    """One panel per place; measured times and what every theory says of them."""
    shown = [r for r in times if r["side"] == TWINS and np.isfinite(r["ln(iterations)"])]
    where = list(dict.fromkeys((r["network"], r["decay"]) for r in shown))
    columns = min(3, len(where))
    rows = -(-len(where) // columns)
    figure = new_figure(max(6.4, 4.0 * columns), 3.4 * rows + 1.1)
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes, (network, decay) in zip(panels, where, strict=False):
        mine = [r for r in shown if (r["network"], r["decay"]) == (network, decay)]
        _theories(axes, mine, [t for t in theories if (t["network"], t["decay"], t["side"]) == (network, decay, TWINS)])
        _measured(axes, mine)
        tidy(axes, "S / η", "iterations")
        axes.set_yscale("log")
    for axes in panels[len(where) :]:
        figure.delaxes(axes)
    lettered(panels[: len(where)], [f"{network}, decay {decay:g}" for network, decay in where])
    _legend_below(figure, 2)
    return figure


def _legend_below(figure: Figure, columns: int) -> None:
    """One legend for all panels, under them."""
    named = {
        label: handle
        for axes in reversed(figure.axes)
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)
    }  # fmt: skip
    look: dict[str, Any] = {"fontsize": SMALL, "frameon": False, "labelcolor": INK}
    figure.legend(list(named.values()), list(named), loc="outside lower left", ncols=columns, **look)


def _measured(axes: Axes, rows: Rows) -> None:
    for key, (marker, color) in STYLES.items():
        for k, eta in enumerate(sorted({r["eta"] for r in rows}, reverse=True)):
            run = [r for r in rows if (r["noise"], r["method"]) == key and r["eta"] == eta]
            if run:
                y = np.exp([r["ln(iterations)"] for r in run]) * eta / max(r["eta"] for r in rows)
                label = LABELS[key] + (f", η = {eta:g} (in steps of the larger)" if k else "")
                fmt = marker if not k else MARKERS[(k + 1) % len(MARKERS)]
                points(axes, [r["S/eta"] for r in run], y, y * [r["error"] for r in run], fmt, color, label)


def _theories(axes: Axes, rows: Rows, theories: Rows) -> None:
    """Each with its own prefactor, nothing fitted; without one, its slope through the first measured point, dashed."""
    rate = max(r["eta"] for r in rows)
    run = [r for r in rows if r["noise"] == BATCHES and r["eta"] == rate]
    if not run:
        return
    first = min(run, key=lambda r: (float(r["S/eta"]), float(r["error"])))
    x = np.linspace(first["S/eta"], max(r["S/eta"] for r in run), 50)
    for theory in [t for t in theories if t["theory"] in COLORS]:
        absolute = np.isfinite(laws.front(theory, rate))
        slope = laws.slope_of(theory, rate)
        start = laws.front(theory, rate) if absolute else first["ln(iterations)"] - slope * first["S/eta"]
        style: dict[str, Any] = {"color": COLORS[theory["theory"]], "linewidth": 1.1, "label": NAMES[theory["theory"]]}
        axes.plot(x, np.exp(start + slope * x), linestyle="-" if absolute else "--", **style)


def slopes_figure(times: Rows, theories: Rows) -> Figure:
    """Measured slopes over those of each theory, a row per theory and a marker per line; errors of both."""
    lines = [r for r in laws.slopes(times) if r["side"] == TWINS and r["noise"] == BATCHES]
    rows = laws.against(lines, theories)
    figure = new_figure(6.4, 4.2 + 0.11 * len(lines))
    axes = figure.subplots()
    for k, line in enumerate(lines):
        mine = [r for r in rows if all(r[key] == line[key] for key in ("network", "decay", "eta", "method"))]
        mine = [r for r in mine if r["theory"] in COLORS]
        y = [ROWS[r["theory"]] + 0.5 * ((k + 0.5) / len(lines) - 0.5) for r in mine]
        error = [np.hypot(r["error"], r["ratio"] * r["theory's error"]) / r["predicted"] for r in mine]
        axes.errorbar(
            [r["ratio"] for r in mine], y, xerr=error, fmt=MARKERS[k % len(MARKERS)], color=CYCLE[k % len(CYCLE)],
            markersize=5, elinewidth=1.2, capsize=2, label=_of_line(line),
        )  # fmt: skip
    axes.axvline(1, color=SHADE, linewidth=0.8, zorder=0)
    axes.set_xscale("log")
    axes.set_xticks([0.75, 1, 1.5, 2, 3, 4], ["0.75", "1", "1.5", "2", "3", "4"])
    axes.minorticks_off()
    axes.set_yticks(list(ROWS.values()), [NAMES[name] for name in ROWS])
    axes.set_ylim(len(ROWS) - 0.5, -0.5)
    tidy(axes, "measured slope / slope of the theory", "")
    _legend_below(figure, 1)
    return figure


def _of_line(line: Row) -> str:
    rate = "" if line["eta"] == MAIN_RATE else f", η = {line['eta']:g}"
    return f"{line['network']}, decay {line['decay']:g}{rate}, S {line['from S']} to {line['to S']}, {line['method']}"
