"""Figures of sharp against flat valleys: exponents, prefactors, times, stationary odds."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from fpsim.plotting.style import BLACK, BLUE, INK, LABEL, ORANGE, PURPLE, VERMILLION, new_figure, remark, tidy
from validation.study.findings import Rows
from validation.study.panels import legend, lettered, logarithmic, points

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

STYLE = {
    ("white", "ito"): (BLACK, "D", "white noise"),
    ("two-level", "ito"): (VERMILLION, "o", "two levels, Ito"),
    ("two-level", "stratonovich"): (ORANGE, "s", "two levels, Stratonovich"),
    ("two-level", "anti-ito"): (PURPLE, "^", "two levels, anti-Ito"),
    ("floored", "ito"): (BLUE, "v", "literal |H| + floor"),
}


def escape_figure(laws: Rows, times: Rows) -> Figure:
    """Exponent against 1/H, prefactor against H, and flat/sharp times against the ratio of the curvatures."""
    figure = new_figure(12.6, 4.5)
    first, second, third = figure.subplots(1, 3)
    _exponents(first, laws)
    _prefactors(second, laws)
    _preference(third, times)
    titles = "Exponent of the time", "Prefactor of the time", "Preference for the flat valley"
    lettered((first, second, third), titles)
    return figure


def _series(rows: Rows, key: tuple[str, str]) -> Rows:
    found = [r for r in rows if (r["model"], r["convention"]) == key]
    return sorted(found, key=lambda r: float(r["curvature"]))


def _exponents(axes: Axes, laws: Rows) -> None:
    for key in (("white", "ito"), ("two-level", "ito"), ("floored", "ito")):
        color, marker, label = STYLE[key]
        rows = _series(laws, key)
        x = [1 / r["curvature"] for r in rows]
        axes.plot(x, [r["theory_exponent"] for r in rows], color=color, linewidth=1.2)
        axes.plot(x, [r["exponent"] for r in rows], marker, color=color, markersize=5.5, label=label)
    tidy(axes, "1 / H of the valley that is left", "exponent  d ln(time) / d(1/noise)")
    axes.set_ylim(0, None)
    legend(axes, "center right", bbox_to_anchor=(1.0, 0.55))
    remark(axes, "lines: theory", 0.98, 0.02, "right")


def _prefactors(axes: Axes, laws: Rows) -> None:
    for key, (color, marker, label) in STYLE.items():
        if key[0] == "floored":
            continue
        rows = _series(laws, key)
        x = [r["curvature"] for r in rows]
        axes.plot(x, [math.exp(r["theory_log_prefactor"]) for r in rows], color=color, linewidth=1.2)
        hollow = "white" if key == ("two-level", "stratonovich") else color
        size = 8.0 if key == ("two-level", "stratonovich") else 4.5
        y = [math.exp(r["log_prefactor"]) for r in rows]
        axes.plot(x, y, marker, color=color, markersize=size, markerfacecolor=hollow, label=label, zorder=3 - size / 10)
    logarithmic(axes)
    tidy(axes, "H of the valley that is left", "prefactor of the time")
    legend(axes, "lower left")
    remark(axes, "lines: theory", 0.98, 0.98, "right")


def _preference(axes: Axes, times: Rows) -> None:
    for name in ("white", "two-level", "floored"):
        color, marker, label = STYLE[(name, "ito")]
        rows = [r for r in times if r["model"] == name]
        ratios = sorted({r["ratio"] for r in rows})
        pairs = [
            [next(r for r in rows if (r["ratio"], r["valley"]) == (q, s)) for s in ("flat", "sharp")] for q in ratios
        ]
        axes.plot(ratios, [f["quadrature"] / s["quadrature"] for f, s in pairs], color=color, linewidth=1.3)
        both = [(q, f, s) for q, (f, s) in zip(ratios, pairs, strict=True) if math.isfinite(f["paths"] + s["paths"])]
        y = np.array([f["paths"] / s["paths"] for _, f, s in both])
        error = y * np.array([math.hypot(*(r["paths_error"] / r["paths"] for r in (f, s))) for _, f, s in both])
        noise = "T" if name == "white" else "κ"
        words = f"{label}, {noise} = {rows[0]['noise']:g}"
        points(axes, [q for q, _, _ in both], y, np.minimum(error, 0.9 * y), marker, color, words)
    root = np.sqrt(ratios)
    axes.plot(ratios, root, ":", color=BLACK, linewidth=0.9, label="square root of the ratio")
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.set_xticks(ratios, [f"{q:g}" for q in ratios])
    tidy(axes, "H sharp / H flat", "time in the flat valley / time in the sharp one")
    legend(axes, "upper left")
    remark(axes, "lines: exact; markers: paths where affordable", 0.98, 0.02, "right")


def odds_figure(odds: Rows, curves: Rows) -> Figure:
    """Stationary weight of the flat valley against eta/S, with the asymptotes that the escape times give."""
    figure = new_figure(10.6, 4.4)
    first, second = figure.subplots(1, 2)
    for row in odds:
        key = row["model"], row["convention"]
        mine = [r for r in curves if (r["model"], r["convention"]) == key]
        kappa, logs = (np.array([r[name] for r in mine]) for name in ("noise", "log_odds"))
        color, _, label = STYLE[key]
        first.plot(kappa, 1 / (1 + np.exp(-logs)), color=color, linewidth=1.5, label=label)
        second.plot(1 / kappa, logs, color=color, linewidth=1.5)
        line = row["theory_slope"] / kappa + row["theory_intercept"]
        second.plot(1 / kappa, line, color=color, linewidth=1, linestyle=":")
    first.set_xscale("log")
    first.set_ylim(0.5, 1.02)
    tidy(first, "noise: T, or κ = η / 2S", "stationary probability of the flat valley")
    legend(first, "lower left")
    logarithmic(second)
    tidy(second, "1 / noise", "ln (P flat / P sharp)")
    remark(second, "dotted: ratio of the escape-time formulas", 0.02, 0.98, "left")
    lettered((first, second), ("Where SGD spends its time", "Odds against 1 / noise"))
    ratio = odds[0]["ratio"]
    figure.suptitle(f"curvatures in the ratio {ratio:g} : 1, equal depth", fontsize=LABEL, color=INK)
    return figure


def tails_figure(heavy: Rows, crossover: Rows) -> Figure:
    """Times against the width for several heights, and against the batch size."""
    figure = new_figure(10.6, 4.4)
    first, second = figure.subplots(1, 2)
    for varied, color, marker in (("width", VERMILLION, "o"), ("height", BLUE, "s")):
        rows = [r for r in heavy if r["varied"] == varied]
        words = f"{varied}s, the other one fixed"
        first.plot([r["width"] for r in rows], [r["jumps"] for r in rows], marker, color=color, label=words)
    wide = sorted((r for r in heavy if r["varied"] == "width"), key=lambda r: float(r["width"]))
    first.plot([r["width"] for r in wide], [r["one jump"] for r in wide], color=BLACK, linewidth=1.0, label="one jump")
    logarithmic(first)
    tidy(first, "width of the valley", "mean time under alpha-stable jumps")
    legend(first, "upper left")
    x = [r["batch size"] for r in crossover]
    second.plot(x, [r["ln time"] for r in crossover], "o", color=VERMILLION, label="exact")
    for name, color, words in (
        ("ln one jump", BLUE, "one jump"), ("S int q", BLACK, "Cramer's exponent"),
        ("S int q, Gaussian", ORANGE, "Gaussian exponent"),
    ):  # fmt: skip
        second.plot(x, [r[name] for r in crossover], color=color, linewidth=1.2, label=words)
    second.set_ylim(0, 20)
    tidy(second, "batch size S", "ln(mean time)")
    legend(second, "upper left")
    lettered((first, second), ("Width counts, height does not", "Large examples that have a variance"))
    return figure
