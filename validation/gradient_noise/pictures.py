"""Figures of gradient noise: histograms across parameters and across batches, and what changes with the batch size."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fpsim.plotting.style import BLACK, BLUE, GREEN, INK, LABEL, SHADE, TITLE, VERMILLION, new_figure, remark, tidy
from validation.study.panels import legend, lettered, points

if TYPE_CHECKING:
    import xarray
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

STATE = {"initial": (BLUE, "o", "at initialisation"), "trained": (VERMILLION, "s", "after training")}
LOWEST = 1e-6


def histogram_figure(data: xarray.Dataset, state: str) -> Figure:
    """Across parameters, across batches per parameter, and the norm across batches, for every batch size."""
    chosen, sizes = data.sel(state=state), data.batch_size.values
    figure = new_figure(2.15 * len(sizes) + 0.8, 6.6)
    rows = figure.subplots(3, len(sizes), squeeze=False)
    for column, size in enumerate(sizes):
        one = chosen.sel(batch_size=size)
        rows[0, column].set_title(f"S = {size}", fontsize=TITLE, color=INK, fontweight="bold")
        x, y = data.parameter_value.values, data.coordinate_value.values
        _across(rows[0, column], x, one.parameter_density, one.index_parameters, BLUE)
        _across(rows[1, column], y, one.coordinate_density, one.index_batches, GREEN)
        _norms(rows[2, column], one)
    labels = (
        ("u / rms over parameters", "density"), ("u / its standard deviation", "density"), ("norm of u", "batches"),
    )  # fmt: skip
    for axes, (x, y) in zip(rows, labels, strict=True):
        for column, panel in enumerate(axes):
            tidy(panel, x, y if column == 0 else "")
            if column and panel.get_yscale() == "log":
                panel.set_yticklabels([])
    figure.suptitle(
        f"Gradient noise {STATE[state][2]}: across the parameters of one gradient (top), across batches per parameter "
        "(middle), its norm across batches (bottom)\nblack lines: Gaussian",
        fontsize=LABEL, color=INK,
    )  # fmt: skip
    return figure


def _across(axes: Axes, x: Any, density: xarray.DataArray, index: xarray.DataArray, color: str) -> None:
    """A histogram beside the Gaussian, with its tail index."""
    y = density.values
    axes.fill_between(x, LOWEST, np.maximum(y, LOWEST), step="mid", color=color, alpha=0.35, linewidth=0)
    axes.step(x, np.where(y > 0, y, np.nan), where="mid", color=color, linewidth=1)
    axes.plot(x, np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi), color=BLACK, linewidth=1)
    axes.set_yscale("log")
    axes.set_ylim(LOWEST, 30)
    remark(axes, f"index {float(index):.2f}", 0.98, 0.98, "right")


def _norms(axes: Axes, one: xarray.Dataset) -> None:
    norms = one.norm.values
    _, edges, _ = axes.hist(norms, bins=14, color=SHADE, alpha=0.6)
    x = np.linspace(*axes.get_xlim(), 200)
    z = (x - norms.mean()) / norms.std()
    peak = len(norms) * (edges[1] - edges[0]) / (norms.std() * np.sqrt(2 * np.pi))
    axes.plot(x, peak * np.exp(-(z**2) / 2), color=BLACK, linewidth=1)
    axes.locator_params(axis="x", nbins=4)
    axes.locator_params(axis="y", nbins=5, integer=True)


def scaling_figure(data: xarray.Dataset) -> Figure:
    """Norms, kurtosis and both tail indices against the batch size."""
    figure = new_figure(13.4, 4.0)
    panels = figure.subplots(1, 4)
    for draw, axes in zip((_norm_law, _kurtosis_law, _index_parameters, _index_batches), panels, strict=True):
        draw(axes, data)
        axes.set_xscale("log", base=2)
        axes.set_xticks(data.batch_size.values, [f"{s}" for s in data.batch_size.values])
        axes.minorticks_off()
    titles = "Size", "Kurtosis across batches", "Index across parameters", "Index across batches"
    lettered(panels, titles)
    return figure


def _points(axes: Axes, data: xarray.Dataset, name: str, scale: Any = 1.0) -> None:
    """Values with their errors per state, ``scale`` an array (state, batch_size)."""
    values, errors = data[name].values * scale, data[f"{name}_error"].values * scale
    for state, value, error in zip(data.state.values, values, errors, strict=True):
        color, marker, label = STATE[state]
        points(axes, data.batch_size, value, error, marker, color, label)


def _norm_law(axes: Axes, data: xarray.Dataset) -> None:
    scale = np.sqrt(data.batch_size.values)[None] / np.sqrt(data.trace.values)[:, None]
    _points(axes, data, "norm_rms", scale)
    axes.axhline(1, color=INK, linewidth=1)
    tidy(axes, "batch size S", "rms norm × √S / √tr C₁")
    axes.set_ylim(0, 1.5)
    legend(axes, "lower left")


def _kurtosis_law(axes: Axes, data: xarray.Dataset) -> None:
    values, errors = data.kurtosis_batches.values, data.kurtosis_batches_error.values
    for k, state in enumerate(data.state.values):
        color, marker, _ = STATE[state]
        low = np.minimum(errors[k], 0.9 * values[k])
        shown = values[k] > 0
        both = [low[shown], errors[k][shown]]
        points(axes, data.batch_size.values[shown], values[k][shown], both, marker, color)
        axes.plot(data.batch_size, data.kurtosis_exact.values[k], color=color, linewidth=1.2)
    axes.set_yscale("log")
    tidy(axes, "batch size S", "excess kurtosis, mean over parameters")
    remark(axes, "lines: single examples / S", 0.98, 0.98, "right")


def _index_parameters(axes: Axes, data: xarray.Dataset) -> None:
    _points(axes, data, "index_parameters")
    for state, index in zip(data.state.values, data.index_formula.values, strict=True):
        axes.axhline(float(index), color=STATE[state][0], linewidth=1.2)
    axes.axhline(2, color=SHADE, linewidth=1, linestyle=":")
    axes.set_ylim(0, 2.2)
    tidy(axes, "batch size S", "tail index")
    remark(axes, "lines: Gaussian noise with\nthe same variances", 0.98, 0.02, "right")


def _index_batches(axes: Axes, data: xarray.Dataset) -> None:
    _points(axes, data, "index_batches")
    for state, index in zip(data.state.values, data.index_redrawn.values, strict=True):
        axes.plot(data.batch_size, index, color=STATE[state][0], linewidth=1.2)
    axes.axhline(2, color=SHADE, linewidth=1, linestyle=":")
    axes.set_ylim(0, 2.4)
    tidy(axes, "batch size S", "tail index")
    remark(axes, "lines: redrawn from single examples", 0.98, 0.02, "right")
