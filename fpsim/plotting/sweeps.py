"""A sweep as lines:  ln tau = slope x + constant  for each series, with its slope +- error.

One series per combination of the other axes; formulas are dashed curves, since nothing is measured there.  Where the
values of x are spaced in their logarithm, the axis is, and the slope is that over ln x: the exponent of a power law.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fpsim.plotting.style import CYCLE, SMALL, axes_or_new, figure_of, route_style, tidy
from fpsim.route import ROUTES

if TYPE_CHECKING:
    import xarray
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Array = NDArray[np.float64]


def lines_over(
    data: xarray.Dataset, axis: str | None = None, value: str | None = None, axes: Axes | None = None
) -> Figure:
    """Draw a sweep.

    Args:
        data: what ``Sweep.to_xarray()`` gives.
        axis: what lies along x: the first axis of numbers if left out.
        value: what is drawn: ``log_mean`` if it is there, else the first number.
        axes: matplotlib axes to draw into.

    Raises:
        ValueError: if there is no such axis or value, or nothing is known yet.
    """
    x_name, y_name = _axis(data, axis), _value(data, value)
    values, errors = _with_errors(data, y_name)
    axes = axes_or_new(axes, 6.0, 4.0)
    others = [d for d in values.dims if d != values[x_name].dims[0]]
    stacked = values.stack(series=others) if others else values.expand_dims("series")
    noise = errors.stack(series=others) if others else errors.expand_dims("series")
    names = [dict(zip(others, np.atleast_1d(np.asarray(s, dtype=object)), strict=False)) for s in _labels(stacked)]
    routes = [str(name["route"]) for name in names if "route" in name]
    if is_spaced_in_logarithm(np.asarray(values[x_name], dtype=float)):
        axes.set_xscale("log")
    drawn = 0
    for k, name in enumerate(names):
        x, y = np.asarray(values[x_name], dtype=float), np.asarray(stacked.isel(series=k), dtype=float)
        e, known = np.asarray(noise.isel(series=k), dtype=float), np.isfinite(np.asarray(stacked.isel(series=k)))
        if not known.any():
            continue
        color, marker = route_style(name["route"], routes) if routes else (CYCLE[drawn % len(CYCLE)], "o")
        _series(axes, x[known], y[known], e[known], color, marker, name)
        drawn += 1
    if not drawn:
        raise ValueError("nothing of this sweep is known yet, so there is nothing to draw; run it first")
    tidy(axes, x_name.replace("_", " "), r"$\ln\,\tau$" if y_name == "log_mean" else y_name.replace("_", " "))
    axes.legend(fontsize=SMALL, frameon=False)
    return figure_of(axes)


def _series(axes: Axes, x: Array, y: Array, e: Array, color: str, marker: str, name: dict[str, Any]) -> None:
    """A formula as a dashed curve through its points; all else as points with error bars and the line through them."""
    words = ", ".join(
        str(v) if key == "route" else f"{key} {v:g}" if not isinstance(v, str) else v for key, v in name.items()
    )
    is_log = axes.get_xscale() == "log"
    fit = slope_of(np.log(x) if is_log else x, y, e)
    label = words + (f"{': ' if words else ''}slope {fit[0]:.4g} ± {fit[1]:.1g}" if fit else "")
    row = ROUTES.get(str(name.get("route")))
    if row is not None and row.process == "formula":
        order = np.argsort(x)
        axes.plot(x[order], y[order], color=color, linestyle="--", linewidth=1.2, label=label, zorder=3)
        return
    errors = np.where(np.isfinite(e), e, 0.0)
    axes.errorbar(x, y, yerr=errors, fmt=marker, color=color, capsize=2, label="" if fit else label)
    if fit:
        ends = np.array([x.min(), x.max()])
        line = fit[0] * (np.log(ends) if is_log else ends) + fit[2]
        axes.plot(ends, line, color=color, linewidth=0.8, label=label)


def is_spaced_in_logarithm(x: Array) -> bool:
    """Whether positive values, three or more, are spaced more evenly in their logarithm."""
    x = np.unique(x)
    if x.size < 3 or x[0] <= 0:
        return False
    apart, ratios = np.diff(x), np.diff(np.log(x))
    return bool(np.ptp(ratios) / ratios.mean() < np.ptp(apart) / apart.mean() - 1e-9)


def slope_of(x: Array, y: Array, e: Array) -> tuple[float, float, float] | None:
    """Slope, its error and the constant of a weighted line through three points or more; ``None`` for fewer.

    The error is that of the points' own errors, or of their scatter about the line where that is larger.
    """
    if x.size < 3 or np.ptp(x) == 0:
        return None
    weights = 1 / np.maximum(e, 1e-12) ** 2 if np.isfinite(e).all() and (e > 0).all() else np.ones(x.size)
    middle = np.average(x, weights=weights)
    spread = float((weights * (x - middle) ** 2).sum())
    slope = float((weights * (x - middle) * y).sum() / spread)
    constant = float(np.average(y, weights=weights) - slope * middle)
    scatter = float((weights * (y - slope * x - constant) ** 2).sum() / max(x.size - 2, 1))
    return slope, float(np.sqrt(max(scatter, float((e > 0).all())) / spread)), constant


def _axis(data: xarray.Dataset, axis: str | None) -> str:
    numeric = [
        str(n) for n, c in data.coords.items() if c.ndim == 1 and c.dtype.kind in "if" and n != "seed" and c.size > 1
    ]
    if axis is None:
        if not numeric:
            raise ValueError("no axis of this sweep has two numbers or more, so there is nothing to draw along")
        return numeric[0]
    if axis not in numeric:
        raise ValueError(f"axis is one of {numeric}; got {axis!r}")
    return axis


def _value(data: xarray.Dataset, value: str | None) -> str:
    names = [
        str(n) for n, v in data.data_vars.items() if v.dtype.kind == "f" and set(v.dims) <= set(data.coords) | {"point"}
    ]
    if value is None:
        if not names:
            raise ValueError("nothing of this sweep is known yet, so there is nothing to draw; run it first")
        return "log_mean" if "log_mean" in names else names[0]
    if value not in names:
        raise ValueError(f"value is one of {names}; got {value!r}")
    return value


def _with_errors(data: xarray.Dataset, name: str) -> tuple[Any, Any]:
    """Values and errors, seeds joined: means, and the larger of own and scatter errors."""
    values = data[name]
    error = {"log_mean": "log_error", "mean": "standard_error", "value": "standard_error"}.get(
        name, f"{name}_standard_error"
    )
    errors = data[error] if error in data else values * np.nan
    if "seed" not in values.dims:
        return values, errors
    count = values.notnull().sum("seed")
    scatter = values.std("seed", ddof=1) / np.sqrt(count) if values.sizes["seed"] > 1 else errors.isel(seed=0)
    own = np.sqrt((errors**2).sum("seed")) / count
    return values.mean("seed"), scatter if bool(errors.isnull().all()) else own


def _labels(stacked: Any) -> list[Any]:
    return list(stacked["series"].values) if "series" in stacked.coords else [()]
