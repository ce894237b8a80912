"""Figures of SGD on slices of a ResNet: the slices, the toolkit's check, slopes, sampling laws and learning rates."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from fpsim.plotting.style import (
    BLACK,
    BLUE,
    GREEN,
    INK,
    ORANGE,
    PURPLE,
    SHADE,
    SKY,
    VERMILLION,
    new_figure,
    remark,
    tidy,
)
from validation.resnet.escapes import Sweep
from validation.resnet.slices import Case
from validation.study.findings import Rows
from validation.study.panels import legend, lettered, points

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LAW_STYLES = {
    "with-replacement": (BLUE, "o", "with replacement"),
    "without-replacement": (GREEN, "s", "without, batch by batch"),
    "reshuffled": (VERMILLION, "^", "reshuffled epochs"),
    "gaussian": (PURPLE, "D", "Gaussian noise"),
}


def slices_figure(cases: Sequence[Case]) -> Figure:
    """Loss above, C1/|H| below, one column per slice."""
    figure = new_figure(max(5.2, 3.1 * len(cases)), 5.2)
    panels = figure.subplots(2, len(cases), squeeze=False, sharex="col")
    for i, case in enumerate(cases):
        upper, lower = panels[:, i]
        ends = sorted((case.climb.start, case.climb.target))
        reach = 0.35 * (ends[1] - ends[0])
        x = np.linspace(ends[0] - reach, ends[1] + reach, 1501)
        line, at = case.line, x[None]
        bend = line.hessian(at)[0, 0]
        upper.plot(x, line.loss(at), color=INK, linewidth=1.5)
        for place, marker in ((case.climb.start, "o"), (case.climb.top, "^"), (case.climb.target, "s")):
            upper.plot([place], line.loss(np.array([[place]])), marker, color=BLUE, markersize=6)
        lower.plot(x, line.gradient_covariance(at)[0, 0] / np.abs(bend), color=VERMILLION, linewidth=1.2)
        lower.axhline(1, color=SHADE, linewidth=1, linestyle=":")
        for place in (case.climb.start, case.climb.target):
            value = float(
                line.gradient_covariance(np.array([[place]]))[0, 0, 0] / line.hessian(np.array([[place]]))[0, 0, 0]
            )
            lower.plot([place], [value], "o", color=BLUE, markersize=5)
        lower.set_yscale("log")
        tidy(upper, "", "loss" if i == 0 else "")
        tidy(lower, "length along the slice", "C₁ / |H|" if i == 0 else "")
    lettered(panels[0], [case.name for case in cases])
    remark(panels[1, 0], "dotted: C₁ = |H|", 0.97, 0.97, "right")
    remark(panels[0, 0], "● start  ▲ barrier", 0.5, 0.97, "left")
    return figure


def routes_figure(routes: Rows) -> Figure:
    """Gaussian noise on the slices: paths and grid over quadrature."""
    figure = new_figure(6.4, 0.9 + 0.42 * len(routes))
    axes = figure.add_subplot()
    for k, row in enumerate(routes):
        exact = row["quadrature"]
        error = math.hypot(row["standard error"], row["step error"])
        axes.errorbar(
            row["paths"] / exact,
            k,
            xerr=error / exact,
            fmt="o",
            color=BLUE,
            capsize=3,
            label="paths" if k == 0 else None,
        )
        axes.plot([row["grid"] / exact], [k], "s", color=GREEN, markersize=5, label="grid" if k == 0 else None)
    axes.axvline(1, color=SHADE, linewidth=1, linestyle=":")
    axes.set_yticks(range(len(routes)), [f"{row['slice']}, from {row['from']}" for row in routes])
    axes.set_ylim(-0.6, len(routes) - 0.2)
    tidy(axes, "mean escape time / quadrature", "")
    legend(axes, "upper center", bbox_to_anchor=(0.5, 1.16), ncols=2)
    return figure


def slopes_figure(sweeps: Sequence[Sweep]) -> Figure:
    """ln(iterations) against the batch size, with every theory, one panel per slice."""
    figure = new_figure(max(5.6, 4.2 * len(sweeps)), 4.6)
    panels = figure.subplots(1, len(sweeps), squeeze=False)[0]
    for i, (axes, sweep) in enumerate(zip(panels, sweeps, strict=True)):
        _slopes(axes, sweep)
        line = sweep.line()
        found = f"SGD {line.slope:.3f} ± {line.slope_error:.3f}\nCramér {sweep.line('corrected').slope:.3f}"
        remark(axes, f"slope per example:\n{found}\nSDE {sweep.line('sde').slope:.3f}", 0.98, 0.98, "right")
        tidy(axes, "batch size S", "ln(iterations)" if i == 0 else "")
        axes.set_xticks([row["S"] for row in sweep.rows])
    lettered(panels, [f"{s.slice}: η = {s.learning_rate:.3g}, η|H| ≤ {s.stiffness:.2g}" for s in sweeps])
    legend(panels[0], "upper left")
    return figure


def _slopes(axes: Axes, sweep: Sweep) -> None:
    rows = sweep.rows
    x = np.array([row["S"] for row in rows], dtype=float)
    unit, climb = 2 * sweep.climb.barrier / sweep.learning_rate, sweep.climb
    base = math.log(2 * math.pi / (climb.curvature * sweep.learning_rate))
    low, high = sorted((unit / climb.curvature, unit / abs(climb.curvature_top)))
    axes.fill_between(
        x, base + low * x, base + high * x, color=SHADE, alpha=0.2, linewidth=0, label="theorem 3.2, 0 < s < 1"
    )
    for key, color, style, label in (
        ("kramers", ORANGE, "-.", "Kramers, C₁ of the minimum"), ("xie", SHADE, "--", "theorem 3.2, s = 1/2"),
        ("sde", VERMILLION, "-", "SDE with C₁(x), exact"), ("chain", PURPLE, ":", "its chain, exact"),
        ("cramer", BLACK, "--", "Cramér with its prefactor"), ("corrected", BLACK, "-", "Cramér, finite noise"),
    ):  # fmt: skip
        axes.plot(x, [row[f"ln {key}"] for row in rows], style, color=color, linewidth=1.4, label=label)
    _measured(axes, sweep, BLUE, "o", "SGD")
    logs = [row[f"ln {key}"] for row in rows for key in ("cramer", "sde", "chain")]
    axes.set_ylim(min(logs) - 1.2, max(logs) + 4.2)


def _measured(axes: Axes, sweep: Sweep, color: str, marker: str, label: str) -> None:
    rows = sweep.usable
    logs, errors = [math.log(r["iterations"]) for r in rows], [r["error"] / r["iterations"] for r in rows]
    points(axes, [r["S"] for r in rows], logs, errors, marker, color, label)
    lost = [r for r in sweep.rows if not math.isfinite(r["iterations"])]
    if lost:
        axes.plot([r["S"] for r in lost], [math.log(r["per exit"]) for r in lost], "^", mfc="none", color=color)


def laws_figure(laws: Sequence[Sweep], rates: Sequence[Sweep]) -> Figure:
    """The laws of sampling side by side, and eta times slope against the learning rate."""
    figure = new_figure(9.6, 4.2)
    first, second = figure.subplots(1, 2)
    most = max(len(sweep.rows) for sweep in laws[1:]) if len(laws) > 1 else len(laws[0].rows)
    for k, sweep in enumerate(laws):
        color, marker, label = LAW_STYLES[sweep.law]
        shifted = _shifted(sweep, 0.06 * (k - (len(laws) - 1) / 2), most)
        _measured(first, shifted, color, marker, label)
    rows = laws[0].rows[:most]
    for key, color, label in (("corrected", BLACK, "Cramér, finite noise"), ("chain", PURPLE, "Gaussian chain, exact")):
        first.plot([r["S"] for r in rows], [r[f"ln {key}"] for r in rows], color=color, linewidth=1.2, label=label)
    first.set_xticks([row["S"] for row in rows])
    tidy(first, "batch size S", "ln(iterations)")
    legend(first, "upper left")
    _rates(second, rates)
    lettered((first, second), (f"Laws of noise on {laws[0].slice}", "Learning rates"))
    return figure


def _shifted(sweep: Sweep, by: float, most: int) -> Sweep:
    return replace(sweep, rows=tuple({**row, "S": row["S"] + by} for row in sweep.rows[:most]))


def _rates(axes: Axes, rates: Sequence[Sweep]) -> None:
    known = [s for s in rates if len(s.usable) > 1]
    if not known:
        return
    eta = np.array([s.learning_rate for s in known])
    lines = [s.line() for s in known]
    axes.axhline(known[0].climb.exponent, color=BLACK, linewidth=1.2, label="Cramér exponent")
    axes.axhline(known[0].climb.gaussian, color=VERMILLION, linewidth=1.2, label="Gaussian exponent")
    values: Any = eta * [line.slope for line in lines]
    points(axes, eta, values, eta * [line.slope_error for line in lines], "o", BLUE, "SGD")
    for key, color, marker, label in (
        ("corrected", BLACK, "x", "Cramér, finite noise"),
        ("chain", SKY, "h", "Gaussian chain"),
    ):
        axes.plot(
            eta, [s.learning_rate * s.line(key).slope for s in known], marker, color=color, markersize=6, label=label
        )
    axes.set_xlim(0, 1.1 * eta.max())
    low, high = axes.get_ylim()
    axes.set_ylim(low - 0.1 * (high - low), high + 0.55 * (high - low))
    tidy(axes, "learning rate η", "η × slope")
    legend(axes, "upper left", ncols=2)
