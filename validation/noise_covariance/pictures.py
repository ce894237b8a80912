"""Figures of noise against curvature: regressions, networks, correlations in the Hessian's eigenbasis, the slice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fpsim.plotting.style import (
    BLACK,
    BLUE,
    GREEN,
    INK,
    ORANGE,
    PURPLE,
    SHADE,
    SKY,
    SMALL,
    VERMILLION,
    new_figure,
    remark,
    tidy,
)
from validation.noise_covariance.stages import NETWORKS, Key, Stages
from validation.study.findings import Rows
from validation.study.panels import legend, lettered, logarithmic, points, titled

if TYPE_CHECKING:
    import xarray
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LINEAR = {
    ("linear", "optimum"): (BLUE, "o", "right law"),
    ("linear, loud noise", "optimum"): (VERMILLION, "s", "noise of variance 4"),
    ("linear, uneven noise", "optimum"): (PURPLE, "^", "noise grows with one input"),
    ("linear", "off optimum"): (GREEN, "D", "right law, off the optimum"),
}
OTHERS = {
    ("logistic", "optimum"): (BLUE, "o", "logistic, right law"),
    ("logistic, wrong labels", "optimum"): (VERMILLION, "s", "logistic, 20 % wrong labels"),
    ("teacher", "truth"): (BLACK, "D", "network on its own labels"),
    ("teacher", "off truth"): (ORANGE, "v", "network 1.5 away from the truth"),
}


def regressions_figure(found: Stages) -> Figure:
    """C_ii/H_ii per direction with errors, beside what the law of the data gives."""
    figure = new_figure(11.0, 4.3)
    panels = figure.subplots(1, 2)
    lettered(panels, ("Linear regression", "Logistic regression and a network"))
    for axes, cases in zip(panels, (LINEAR, OTHERS), strict=True):
        axes.axhline(1, color=SHADE, linewidth=1)
        for key, (color, marker, label) in cases.items():
            _ratios(axes, found[key], color, marker, label)
        logarithmic(axes)
        tidy(axes, "curvature  H in that direction", "noise over curvature  C / H  (S = 1)")
        _ticks(axes.yaxis, [0.25, 0.5, 1, 2, 4, 8] if cases is LINEAR else [0.25, 0.5, 1, 2, 4, 8, 16])
        axes.set_ylim(*((0.7, 9) if cases is LINEAR else (0.17, 24)))
        legend(axes, "upper left", ncols=2, columnspacing=1.0)
    remark(figure.axes[0], "dashes: what the law of the data gives", 0.98, 0.02, "right")
    remark(figure.axes[1], "directions known to 50 % or better", 0.98, 0.02, "right")
    return figure


def _ticks(axis: Any, values: list[float]) -> None:
    """Ticks of a logarithmic axis at a few plain numbers."""
    from matplotlib.ticker import NullFormatter

    axis.set_ticks(values, [f"{v:g}" for v in values])
    axis.set_minor_formatter(NullFormatter())


def _decades(values: NDArray[np.float64]) -> tuple[float, float]:
    """Whole powers of ten around positive numbers."""
    return float(10.0 ** np.floor(np.log10(values.min()))), float(10.0 ** np.ceil(np.log10(values.max())))


def _ratios(axes: Axes, data: xarray.Dataset, color: str, marker: str, label: str) -> None:
    h, error = data["hessian"].values, data["ratio_error"].values
    ratio = data["covariance"].values / np.where(h > 0, h, np.nan)
    good = np.isfinite(error) & (ratio > 0) & (error < 0.5 * ratio)
    points(axes, h[good], ratio[good], error[good], marker, color, label)
    theory = data["theory"].values
    if not (np.isnan(theory).all() or np.all(theory == 1)):
        axes.plot(h, theory, "_", color=color, markersize=18, markeredgewidth=1.2)


def networks_figure(found: Stages) -> Figure:
    """C_ii and F_ii against H_ii per network and stage."""
    keys = _networks(found)
    rows = len({model for model, _ in keys})
    figure = new_figure(12.0, 3.9 * rows)
    for axes, key in zip(np.ravel(figure.subplots(rows, 3)), keys, strict=True):
        data = found[key]
        h = data["hessian"].values
        up, down = h > 0, h < 0
        ends = np.array(_decades(np.abs(h[np.abs(h) > 1e-5 * np.abs(h).max()])))
        axes.plot(ends, ends, color=SHADE, linewidth=1.2)
        for name, color, marker, label in (
            ("fisher", SKY, "o", "F, Fisher information"), ("covariance", VERMILLION, "o", "C, noise"),
        ):  # fmt: skip
            values = data[name].values
            axes.plot(h[up], values[up], marker, color=color, markersize=3.6, label=label, alpha=0.85)
            axes.plot(
                -h[down], values[down], marker, color=color, markersize=4, markerfacecolor="white", alpha=0.85,
                label="C where H < 0 (at |H|)" if name == "covariance" and down.any() else None,
            )  # fmt: skip
        logarithmic(axes)
        axes.set_xlim(*ends)
        shown = np.concatenate([data[name].values[np.abs(h) >= ends[0]] for name in ("fisher", "covariance")])
        low, high = _decades(shown[shown > 0])
        axes.set_ylim(low, max(high, ends[1]) * 10)
        tidy(axes, "curvature  H", "along the same direction")
        legend(axes, "upper left", handletextpad=0.2)
        titled(axes, _title(key))
        remark(axes, "line: equal to H", 0.98, 0.03, "right")
    return figure


def correlations_figure(found: Stages) -> Figure:
    """How far C is diagonal in the Hessian's eigenbasis: correlations of the noise along the top directions."""
    keys = _networks(found)
    rows = len({model for model, _ in keys})
    figure = new_figure(11.4, 3.7 * rows)
    panels = np.ravel(figure.subplots(rows, 3))
    for axes, key in zip(panels, keys, strict=True):
        values = np.abs(found[key]["correlation"].values)
        image = axes.imshow(values, vmin=0, vmax=1, cmap="magma_r", interpolation="nearest")
        titled(axes, _title(key))
        axes.set_xlabel(f"top {len(values)} eigenvectors of H", fontsize=SMALL, color=INK)
        axes.tick_params(labelsize=SMALL, colors=INK)
    bar = figure.colorbar(image, ax=panels.tolist(), shrink=0.7)
    bar.set_label("size of the correlation of the noise in two directions", fontsize=SMALL, color=INK)
    bar.ax.tick_params(labelsize=SMALL, colors=INK)
    return figure


def slice_figure(data: xarray.Dataset, places: Rows) -> Figure:
    """Loss, and C1/|H|, along the slice between two minima."""
    figure = new_figure(7.6, 5.6)
    first, second = figure.subplots(2, 1, sharex=True, height_ratios=(1, 1.6))
    x, ratio = data["slice_x"].values, data["slice_ratio"].values
    first.plot(x, data["slice_loss"].values, color=BLACK, linewidth=1.6)
    tidy(first, "", "loss")
    error = data["slice_ratio_error"].values
    second.fill_between(
        x, np.maximum(ratio - 2 * error, 0.05 * ratio), ratio + 2 * error, color=VERMILLION, alpha=0.25, linewidth=0,
        label="two standard errors",
    )  # fmt: skip
    second.plot(x, ratio, color=VERMILLION, linewidth=1.5, label="measured, 512 examples")
    second.axhline(1, color=BLUE, linewidth=1.3, label="C = H/S")
    second.set_yscale("log")
    second.set_ylim(ratio.min() / 3, np.quantile(ratio, 0.97) * 6)
    tidy(second, "length along the slice", r"$C_1$ / |H|")
    legend(second, "upper center", frameon=True, framealpha=0.9, edgecolor="none")
    for axes in (first, second):
        for place in places:
            axes.axvline(place["x"], color=SHADE, linewidth=0.9, linestyle=":")
    for place in places:
        first.annotate(
            place["place"], (place["x"], 1.02), xycoords=("data", "axes fraction"), ha="center", fontsize=SMALL,
            color=INK, annotation_clip=False,
        )  # fmt: skip
    return figure


def _networks(found: Stages) -> list[Key]:
    return [key for key in found if key[0] in NETWORKS]


def _title(key: Key) -> str:
    words = {"initialisation": "at initialisation", "during": "during training", "minimum": "at the minimum"}
    return f"{key[0]} {words[key[1]]}"
