"""Routes to one escape time side by side, and over a range of temperatures:  ln tau = dL/T + ln(prefactor).

A marker is hollow where an assumption of the route fails.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fpsim.digits import power_of_e
from fpsim.plotting.drawable import RouteTime, RouteTimes
from fpsim.plotting.style import (
    BLACK,
    INK,
    LABEL,
    SHADE,
    SMALL,
    TIME,
    axes_or_new,
    figure_of,
    remark,
    route_style,
    tidy,
)
from fpsim.route import by_exactness

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Row = Mapping[str, Any]
LN10 = math.log(10)


def comparison_chart(comparison: RouteTimes, axes: Axes | None = None) -> Figure:
    """Escape times with error bars (both errors, one sigma), one row per route; the reference is a dashed line.

    Hollow markers: an assumption of that route fails.  Routes in other units than the reference are named below.

    Raises:
        ValueError: if no route gave a positive, finite time.
    """
    reference = comparison.reference
    units = reference.units if reference else comparison.routes[0].units if comparison.routes else "time"
    drawn = [r for r in comparison.routes if r.units == units and math.isfinite(r.log_mean)]
    logs = any(math.isinf(route.mean) for route in drawn)  # beyond floats: the axis shows the exponent of ten

    def place(route: RouteTime) -> tuple[float, float]:
        return (route.log_mean / LN10, route.log_error / LN10) if logs else (route.mean, route.error)

    if not drawn:
        raise ValueError("the comparison holds no route with a positive finite time, so there is nothing to draw")
    axes = axes_or_new(axes, 5.6, 1.3 + 0.38 * len(drawn))
    methods = [route.method for route in drawn]
    for row, route in enumerate(drawn):
        color, marker = route_style(route.method, methods)
        axes.errorbar(
            place(route)[0], row, xerr=place(route)[1] or None, fmt=marker, color=color, markersize=7, elinewidth=1.6,
            capsize=3, markerfacecolor="white" if route.violated else color, markeredgewidth=1.4, label=route.method,
        )  # fmt: skip
        beside = axes.get_yaxis_transform()
        axes.text(1.02, row, _value(route), transform=beside, va="center", fontsize=SMALL, color=INK)
    if reference is not None and reference in drawn:
        axes.axvline(place(reference)[0], color=SHADE, linewidth=1, linestyle="--", zorder=0)
    means = [route.mean for route in drawn]
    if not logs and max(means) > 10 * min(means):
        axes.set_xscale("log")
    elif logs:
        places = [place(route)[0] for route in drawn]
        room = max(0.12 * (max(places) - min(places)), 0.5)  # less than a factor of three is nothing here
        axes.set_xlim(min(places) - room, max(places) + room)
        axes.ticklabel_format(axis="x", useOffset=False, style="plain")
        axes.locator_params(axis="x", nbins=5)
    else:
        axes.margins(x=0.12)
    name = f"escape {TIME}" if units == "time" else f"escape time ({units})"
    tidy(axes, f"log10 of the {name}" if logs else name, "")
    axes.set_yticks(range(len(drawn)), methods, fontsize=LABEL)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.set_ylim(len(drawn) - 0.4, -0.6)
    _explain(axes, comparison, drawn)
    return figure_of(axes)


def arrhenius_chart(rows: Sequence[Row], axes: Axes | None = None) -> Figure:
    """ln(time) against barrier / temperature for several routes, with error bars; the inset magnifies the differences.

    Args:
        rows: one dictionary per route and temperature with the keys ``method``, ``x`` (barrier / temperature),
            ``mean`` and ``error`` (of the mean, one sigma; 0 or None for none).
        axes: where to draw; a new figure if None.

    The inset shows time / exact time, and appears if an exact route is there to divide by.

    Raises:
        ValueError: without rows, or for a time that is not positive and finite.
    """
    if not rows:
        raise ValueError("no rows to draw: expected dictionaries with method, x, mean, error")
    for row in rows:
        if not (math.isfinite(row["mean"]) and row["mean"] > 0):
            raise ValueError(f"a logarithm needs positive finite times; {row['method']} gives {row['mean']!r}")
    axes = axes_or_new(axes, 5.2, 4.0)
    methods = list(dict.fromkeys(row["method"] for row in rows))
    _draw_series(axes, rows, methods, lambda row: (math.log(row["mean"]), (row["error"] or 0.0) / row["mean"]))
    tidy(axes, "barrier / temperature", "ln(escape time)")
    axes.legend(loc="upper left", fontsize=SMALL, frameon=False, labelcolor=INK)
    reference = next(iter(by_exactness(methods)), None)
    if reference is not None and len(methods) > 1:
        _ratio_inset(axes, rows, methods, reference)
    return figure_of(axes)


def _ratio_inset(axes: Axes, rows: Sequence[Row], methods: list[str], reference: str) -> None:
    exact = {row["x"]: row["mean"] for row in rows if row["method"] == reference}
    others = [row for row in rows if row["x"] in exact and row["method"] != reference]
    inset = axes.inset_axes((0.6, 0.11, 0.39, 0.32))
    inset.axhline(1.0, color=BLACK, linewidth=1, zorder=0)

    def ratio(row: Row) -> tuple[float, float]:
        return row["mean"] / exact[row["x"]], (row["error"] or 0.0) / exact[row["x"]]

    _draw_series(inset, others, methods, ratio, small=True)
    tidy(inset, "", "")
    inset.set_title(f"time / {reference}", fontsize=SMALL, color=INK, loc="left", pad=7)
    inset.tick_params(labelsize=SMALL - 1)
    inset.patch.set_alpha(0.0)
    inset.margins(x=0.08, y=0.15)


def _draw_series(axes: Axes, rows: Sequence[Row], methods: list[str], value: Any, small: bool = False) -> None:
    """One line with markers per method; ``value(row)`` returns (y, error)."""
    for method in methods:
        series = sorted((row for row in rows if row["method"] == method), key=lambda row: float(row["x"]))
        if not series:
            continue
        color, marker = route_style(method, methods)
        place = methods.index(method)  # later routes are finer, so that both of two equal ones are seen
        y, error = np.array([value(row) for row in series]).T
        x = [row["x"] for row in series]
        sampled = bool(np.any(error > 1e-6 * np.abs(y)))
        axes.errorbar(
            x, y, yerr=error if sampled else None, fmt=marker, color=color, label=method,
            linestyle="" if sampled else "-",
            linewidth=max(0.8, 1.8 - 0.3 * place), markersize=max(4.0, 6.5 - 0.7 * place) * (0.75 if small else 1),
            elinewidth=1.4, capsize=2.5, zorder=2 + 0.1 * place,
        )  # fmt: skip


def _explain(axes: Axes, comparison: RouteTimes, drawn: list[RouteTime]) -> None:
    notes = []
    if any(route.violated for route in drawn):
        notes.append("hollow: an assumption fails")
    left_out = [f"{r.method} ({r.units})" for r in comparison.routes if r not in drawn]
    if left_out:
        notes.append("not drawn: " + ", ".join(left_out))
    if notes:
        remark(axes, "; ".join(notes), 1.0, 1.02, "right")


def _value(route: RouteTime) -> str:
    """Mean and error with as many digits as the error allows, at most six."""
    if math.isinf(route.mean):
        return power_of_e(route.log_mean, route.log_error)
    if route.error < 5e-6 * route.mean:
        return f"{route.mean:.6g}"
    decimals = 1 - math.floor(math.log10(route.error))
    if route.mean >= 1e6 or decimals < 0 or decimals > 8:
        return f"{route.mean:.4g} ± {route.error:.2g}"
    return f"{route.mean:.{decimals}f} ± {route.error:.{decimals}f}"
