"""Figures of SGD in all parameters: excess loss against the linearised chain; who leaves, and when."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fpsim.plotting.style import BLACK, CYCLE, ORANGE, PURPLE, SHADE, new_figure, remark, tidy
from validation.shallow_basin.verdicts import BATCHES, late
from validation.study.findings import Rows
from validation.study.panels import legend, lettered, points

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

OUT = ("left", "left by instability")
"""Outcomes of replicas that are out (`fpsim.networks.exits`)."""
MARKERS = "osD^vh"
NAMES = {
    BATCHES: "mini-batches", "reshuffled": "reshuffled epochs", "gaussian": "Gaussian, same covariance",
    "isotropic": "isotropic, same trace",
}  # fmt: skip


def excess_figure(rows: Rows) -> Figure:
    """Growth of the excess loss at some settings, and its ratio to the linearised chain at all."""
    figure = new_figure(10.6, 4.4)
    first, second = figure.subplots(1, 2)
    _growth(first, rows)
    _ratios(second, late(rows))
    lettered((first, second), ("Mean loss above L(a), from a on", "Against the linearised chain"))
    return figure


def _growth(axes: Axes, rows: Rows) -> None:
    settings = sorted({(r["kappa"], r["batch_size"]) for r in rows}, key=lambda s: s[0] / s[1])
    chosen = [settings[i] for i in np.unique(np.linspace(0, len(settings) - 1, 4).round().astype(int))]
    for color, marker, (kappa, size) in zip(CYCLE, MARKERS, chosen, strict=False):
        run = [r for r in rows if (r["kappa"], r["batch_size"]) == (kappa, size)]
        n = [r["iterations"] for r in run]
        axes.plot(n, [r["linear"] for r in run], color=color, linewidth=1.3)
        y, error = ([r[key] for r in run] for key in ("excess", "error"))
        points(axes, n, y, error, marker, color, f"κ = {kappa:g}, S = {size:g}")
    axes.set_yscale("log")
    tidy(axes, "iterations", "mean loss above L(a)")
    low, high = axes.get_ylim()
    axes.set_ylim(low, high * (high / low) ** 0.35)
    legend(axes, "upper left", ncols=2)
    axes.set_xlim(0, None)
    remark(axes, "lines: linearised chain", 0.98, 0.98, "right")


def _ratios(axes: Axes, settings: Rows) -> None:
    for color, marker, kappa in zip(CYCLE, MARKERS, sorted({r["kappa"] for r in settings}), strict=False):
        run = sorted((r for r in settings if r["kappa"] == kappa), key=lambda r: r["linear"])
        x, y, error = ([r[key] for r in run] for key in ("linear", "ratio", "ratio_error"))
        points(axes, x, y, error, marker, color, f"κ = {kappa:g}")
    axes.axhline(1, color=SHADE, linewidth=1)
    axes.set_xscale("log")
    axes.xaxis.set_minor_formatter("")
    tidy(axes, "excess loss of the linearised chain", "measured / linearised")
    legend(axes, "upper left", ncols=2)
    remark(axes, "κ = η λmax", 0.02, 0.02, "left")


def exit_figure(boundary: Rows, exits: Rows, times: Rows) -> Figure:
    """Share of replicas that left over (kappa, S); survival of the replicas per setting and noise."""
    figure = new_figure(10.6, 4.4)
    first, second = figure.subplots(1, 2)
    _shares(first, boundary)
    _survival(second, exits, times)
    lettered((first, second), ("Who leaves the basin", "When they leave (quench test)"))
    return figure


def _shares(axes: Axes, rows: Rows) -> None:
    for color, marker, size in zip(CYCLE, MARKERS, sorted({r["batch_size"] for r in rows}), strict=False):
        run = sorted((r for r in rows if r["batch_size"] == size), key=lambda r: r["kappa"])
        share, n = np.array([r["share"] for r in run]), np.array([r["replicas"] for r in run])
        # half widths of Wilson's interval, which are not 0 at 0 and 1
        error = np.sqrt(share * (1 - share) / n + 1 / (4 * n**2)) / (1 + 1 / n)
        kappa = [r["kappa"] for r in run]
        points(axes, kappa, share, error, f"-{marker}", color, f"S = {size:g}")
        beyond = next((r["kappa"] for r in run if r["second_moment_factor"] > 1), None)
        if beyond is not None:
            axes.plot([beyond], [-0.06], marker=marker, color=color, markersize=5, markerfacecolor="white")
    axes.set_ylim(-0.1, 1.35)
    axes.set_yticks(np.linspace(0, 1, 6))
    tidy(axes, "κ = η λmax", f"share that left within {rows[0]['iterations']} iterations")
    legend(axes, "upper left")
    remark(axes, "hollow: first κ at which the\nlinearised second moment diverges", 0.98, 0.99, "right")


def _survival(axes: Axes, exits: Rows, times: Rows) -> None:
    colors = {BATCHES: CYCLE, "reshuffled": (ORANGE,), "gaussian": (PURPLE,), "isotropic": (BLACK,)}
    used = dict.fromkeys(colors, 0)
    for row in exits:
        noise = row["noise"]
        color, style = colors[noise][used[noise] % len(colors[noise])], "-" if noise == BATCHES else "--"
        used[noise] += 1
        mine = [r for r in times if all(r[k] == row[k] for k in ("noise", "kappa", "batch_size"))]
        out = np.sort([r["iterations"] for r in mine if r["outcome"] in OUT])
        end = max(r["iterations"] for r in mine)
        n = np.concatenate([[1e-3], np.repeat(out, 2), [end]])
        share = 1 - np.arange(len(out) + 1) / len(mine)
        axes.plot(
            n, np.repeat(share, 2), style, color=color, linewidth=1.5,
            label=f"{NAMES[noise]}, κ = {row['kappa']:g}, S = {row['batch_size']:g}",
        )  # fmt: skip
    axes.set_ylim(0, 1.04)
    axes.set_xscale("log")
    axes.set_xlim(0.5 * min([r["iterations"] for r in times if r["outcome"] in OUT], default=1), None)
    tidy(axes, "iterations", "share still in the basin")
    legend(axes, "lower left")
