"""Figures of the escape-time formula: ln(time) under four noises, and three details."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from fpsim.plotting.style import BLACK, BLUE, GREEN, ORANGE, PURPLE, SHADE, SKY, VERMILLION, new_figure, remark, tidy
from validation.escape_formula.sweeps import Sweep
from validation.study.findings import Rows
from validation.study.panels import legend, lettered

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BAND = "theorem 3.2, 0 < s < 1"


def noises_figure(sweeps: Sequence[Sweep]) -> Figure:
    """ln(time) against S under two-level, floored and chain noise, and against 1/eta under mini-batches."""
    figure = new_figure(10.8, 8.2)
    axes = figure.subplots(2, 2).ravel()
    _against(axes[0], _find(sweeps, "two-level", "S"), VERMILLION, "exact", "formula, s = 1/2", "batch size S")
    _against(axes[1], _find(sweeps, "floored", "S"), BLUE, "exact", "exp(∫ L'/D dx)", "batch size S")
    _chain(axes[2], _find(sweeps, "chain", "S"))
    _batches(axes[3], _find(sweeps, "mini-batches", "1/eta"), _find(sweeps, "surrogate", "1/eta"))
    titles = (
        "Two-level noise: the theorem's own model", "Literal |H| noise with a floor", "The discrete chain, η H = 0.2",
        "True mini-batches, S = 1",
    )  # fmt: skip
    lettered(axes, titles)
    for panel in axes:
        legend(panel, "upper left")
    return figure


def _find(sweeps: Sequence[Sweep], model: str, variable: str) -> Sweep:
    return next(s for s in sweeps if (s.model, s.variable) == (model, variable))


def _band(axes: Axes, sweep: Sweep) -> None:
    """What theorem 3.2 allows, with the Ito prefactor 2 pi / H."""
    iterations = sweep.model == "chain"
    base = np.log([2 * math.pi / s.curvature / (s.learning_rate if iterations else 1.0) for s in sweep.settings])
    unit = np.array([s.unit for s in sweep.settings])
    axes.fill_between(sweep.x, base + unit, base + 2 * unit, color=SHADE, alpha=0.25, linewidth=0, label=BAND)


def _note(axes: Axes, sweep: Sweep) -> None:
    row = sweep.row()
    found = f"Pearson r = {row['Pearson r']:.5f}\nslope / its own theory = {row['slope / theory']:.4f}"
    remark(axes, f"{found}\ns needed = {row['s needed']:.2f}", 0.97, 0.04, "right")


def _against(axes: Axes, sweep: Sweep, color: str, measured: str, theory: str, label: str) -> None:
    _band(axes, sweep)
    axes.plot(sweep.x, [e + p for e, p in sweep.terms], color=BLACK, linewidth=1.2, label=theory)
    axes.plot(sweep.x, sweep.logs, "o", color=color, markersize=6, label=measured)
    _note(axes, sweep)
    tidy(axes, label, "ln(escape time)")


def _chain(axes: Axes, sweep: Sweep) -> None:
    _band(axes, sweep)
    value = _quasi_potential(sweep)
    x = np.array(sweep.x)
    guide = sweep.logs[-1] + value * (x - x[-1])
    axes.plot(x, guide, color=BLACK, linewidth=1.2, label=f"slope of the quasi-potential, {value:.3f}")
    axes.plot(
        x, sweep.logs, "h", color=SKY, markersize=7, markeredgecolor=BLACK, markeredgewidth=0.5, label="transfer matrix"
    )
    _note(axes, sweep)
    tidy(axes, "batch size S", "ln(iterations)")


def _quasi_potential(sweep: Sweep) -> float:
    """V of a sweep of the chain over S: its exponent is S V."""
    return sweep.terms[0][0] / sweep.x[0]


def _batches(axes: Axes, sweep: Sweep, surrogate: Sweep) -> None:
    _band(axes, sweep)
    axes.plot(sweep.x, [e + p for e, p in sweep.terms], color=BLACK, linewidth=1.2, label="Cramér with its prefactor")
    axes.errorbar(sweep.x, sweep.logs, yerr=sweep.errors, fmt="o", color=GREEN, markersize=6, label="mini-batches")
    pairs = [(x, log, sum(terms)) for x, log, terms in zip(surrogate.x, surrogate.logs, surrogate.terms, strict=True)]
    inside = [p for p in pairs if p[0] <= 1.001 * max(sweep.x)]
    x, logs, formula = zip(*inside, strict=True)
    axes.plot(x, formula, color=PURPLE, linewidth=1.2, label="Kramers for Gaussian noise")
    axes.plot(x, logs, "s", color=PURPLE, markersize=5, label="Gaussian surrogate, exact")
    _note(axes, sweep)
    tidy(axes, "1 / η", "ln(η × iterations)")


def details_figure(sweeps: Sequence[Sweep], prefactors: Rows, floors: Rows) -> Figure:
    """Prefactor per convention, power of the floor, local slopes of the chain."""
    figure = new_figure(12.6, 4.4)
    first, second, third = figure.subplots(1, 3)
    _conventions(first, prefactors)
    _floors(second, floors)
    _local_slopes(third, [s for s in sweeps if (s.model, s.variable) == ("chain", "S")])
    titles = "Two levels: exact time / formula", "Time grows like floor to the -δ", "Chain: local slope in S"
    lettered((first, second, third), titles)
    return figure


def _conventions(axes: Axes, rows: Rows) -> None:
    styles = {
        "ito": (VERMILLION, "o", "Ito, 2π / $H$"),
        "stratonovich": (ORANGE, "s", "Stratonovich, 2π / $(H |H_b|)^{1/2}$"),
        "anti-ito": (PURPLE, "^", "anti-Ito, 2π / $|H_b|$"),
        "ito / published": (BLACK, "x", "Ito / published prefactor"),
    }  # fmt: skip
    x = [r["kappa"] for r in rows]
    axes.axhline(1.0, color=SHADE, linewidth=1, linestyle="--")
    for key, (color, marker, label) in styles.items():
        axes.plot(x, [r[key] for r in rows], marker=marker, color=color, linewidth=1.2, markersize=5.5, label=label)
    axes.set_xlim(0, 1.05 * max(x))
    axes.set_xticks([0, 0.005, 0.01, 0.015, 0.02])
    axes.set_ylim(0.4, 1.32)
    tidy(axes, "κ = η / 2S", "exact / formula")
    legend(axes, "center right", bbox_to_anchor=(1.0, 0.42))


def _floors(axes: Axes, rows: Rows) -> None:
    colors = (SKY, BLUE, BLACK)
    for kappa, color in zip(dict.fromkeys(r["kappa"] for r in rows), colors, strict=True):
        mine = [r for r in rows if r["kappa"] == kappa]
        x = np.array([r["floor"] for r in mine])
        y = np.array([r["ln time"] for r in mine])
        delta = mine[0]["delta"]
        axes.plot(x, y[-1] - delta * np.log(x / x[-1]), color=color, linewidth=1, linestyle=":")
        axes.plot(x, y, "o", color=color, markersize=5.5, label=f"κ = {kappa:g}, δ = {delta:.3g}")
    axes.set_xscale("log")
    tidy(axes, "floor ε in D = κ (|L''| + ε)", "ln(escape time), from -1 to 0.3")
    legend(axes, "upper right")
    remark(axes, "dotted: slope -δ", 0.02, 0.02, "left")


def _local_slopes(axes: Axes, sweeps: Sequence[Sweep]) -> None:
    axes.axhspan(1, 2, color=SHADE, alpha=0.25, linewidth=0, label=BAND)
    for sweep, color in zip(sweeps, (BLUE, GREEN, VERMILLION), strict=False):
        eta, x = sweep.settings[0].learning_rate, np.array(sweep.x)
        unit = sweep.settings[0].unit / x[0]
        axes.axhline(_quasi_potential(sweep) / unit, color=color, linewidth=1.1, linestyle="--")
        local = np.diff(sweep.logs) / np.diff(x) / unit
        axes.plot((x[1:] + x[:-1]) / 2, local, "o-", color=color, markersize=5, linewidth=1, label=f"η H = {2 * eta:g}")
    axes.set_xscale("log")
    axes.set_ylim(0.8, None)
    tidy(axes, "batch size S", "d ln(iterations) / dS,  in 2 ΔL / (η H)")
    legend(axes, "center right", bbox_to_anchor=(1.0, 0.62))
    remark(axes, "dashed: discrete quasi-potential", 0.98, 0.9, "right")
