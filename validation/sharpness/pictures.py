"""Figures of sharpness: spectral densities, and what a rescaling does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fpsim.plotting.style import BLACK, BLUE, GREEN, INK, ORANGE, PURPLE, SHADE, VERMILLION, new_figure, remark, tidy
from validation.study.findings import Rows
from validation.study.panels import legend, lettered, logarithmic, points

if TYPE_CHECKING:
    import xarray
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def spectrum_figure(data: xarray.Dataset) -> Figure:
    """Densities of H and C1 by Lanczos quadrature, beside the dense eigenvalues smoothed alike."""
    from landscapes.networks.spectral_density import SpectralDensity

    figure = new_figure(11.6, 4.2)
    stages, panels = ("initialisation", "minimum"), figure.subplots(1, 2)
    for axes, stage in zip(panels, stages, strict=True):
        values = {name: data[f"{stage}_{name}"].values for name in ("hessian", "covariance")}
        low, high = min(v.min() for v in values.values()), max(v.max() for v in values.values())
        width = 0.012 * (high - low)
        t = np.linspace(low - 6 * width, high + 4 * width, 700)
        for name, color, label in (("hessian", BLUE, "H"), ("covariance", VERMILLION, "C, noise of one example")):
            d = len(values[name])
            nodes, weights = (data[f"{stage}_{name}_{part}"].values for part in ("nodes", "weights"))
            found = SpectralDensity(nodes, weights, d)
            y, error = found.density(t, width)
            bells = np.exp(-0.5 * ((t[:, None] - values[name]) / width) ** 2).mean(axis=1)
            axes.plot(t, bells / (width * np.sqrt(2 * np.pi)), color=INK, linewidth=0.9, linestyle="--")
            axes.fill_between(t, np.maximum(y - 2 * error, 1e-12), y + 2 * error, color=color, alpha=0.25, linewidth=0)
            axes.plot(t, y, color=color, linewidth=1.4, label=label)
        axes.set_yscale("log")
        axes.set_ylim(0.02 / (d * width), 3 / width)
        tidy(axes, "eigenvalue", "density of eigenvalues")
        legend(axes, "upper right")
        remark(axes, "dashed: from all eigenvalues", 0.98, 0.72, "right")
    lettered(panels, [f"MLP, {stage}" for stage in stages])
    return figure


def rescaling_figure(rescaled: Rows, escapes: Rows) -> Figure:
    """Measures of sharpness of one function, and escape times, against the rescaling."""
    figure = new_figure(12.0, 4.4)
    first, second = figure.subplots(1, 2)
    _measures(first, rescaled)
    x = [r["H"] for r in escapes]
    for key, color, label in (("same eta", VERMILLION, "the same η"), ("eta k^2", BLUE, "η k²")):
        second.plot(x, [r[f"SDE, {key}"] for r in escapes], color=color, linewidth=1.3, label=f"{label}: SDE")
        second.plot(x, [r[f"chain, {key}"] for r in escapes], "s", color=color, markersize=5, label=f"{label}: chain")
    y, error = ([r[key] for r in escapes] for key in ("mini-batches, eta k^2", "error"))
    points(second, x, y, error, "o", BLACK, "η k²: true mini-batches")
    logarithmic(second)
    from matplotlib.ticker import NullFormatter

    second.xaxis.set_minor_formatter(NullFormatter())
    second.set_xticks(x, [f"{v:.2g}" for v in x])
    tidy(second, "curvature H of the stretched valley", "mean iterations to escape")
    legend(second, "upper right")
    lettered((first, second), ("One network, rescaled", "One slice, stretched by k: H / k²"))
    return figure


def _measures(axes: Axes, rows: Rows) -> None:
    a, one = [r["a"] for r in rows], next(r for r in rows if r["a"] == 1)
    for key, color, marker, label in (
        ("trace", VERMILLION, "o", "trace of H"), ("top", ORANGE, "s", "largest eigenvalue of H"),
        ("relative trace", BLUE, "v", "relative trace"), ("relative top", GREEN, "^", "relative largest eigenvalue"),
        ("Fisher-Rao norm", PURPLE, "D", "Fisher-Rao norm"),
    ):  # fmt: skip
        moves = key in ("trace", "top")
        axes.plot(
            a, [r[key] / one[key] for r in rows], marker=marker, color=color, markersize=4.5 if moves else 6,
            linewidth=1.3, label=label, markerfacecolor=color if moves else "none",
        )  # fmt: skip
    axes.axhline(1, color=SHADE, linewidth=0.8)
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    tidy(axes, "factor a: one layer × a, the next / a", "measure / its value at a = 1")
    legend(axes, "upper center")
