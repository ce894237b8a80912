"""A sequence of grids and what it tells: the limit, its error, and whether there is one.

    T(h) = T + C h^2       by least squares over the finest grids, weight 1 / h^2

The error is twice the spread of such fits over different grids, or a part of the whole extrapolation if that is more:
boundaries that cut cells differently on every grid scatter, and the scatter is what limits the fit.
"""

from __future__ import annotations

import time as clock
from collections.abc import Callable
from itertools import pairwise
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from fpsim.assumption import Assumption
from fpsim.routes.grid_setting import Level

Array = NDArray[np.float64]
RATIOS = {1: (4.0, 2.0, 1.0), 2: (2.25, 1.837, 1.5, 1.225, 1.0), 3: (2.25, 1.5, 1.0)}
GOAL = 1e-8  # 1-D without given cells: refine until the error estimate is this small
MOST_ON_LINE = 300_000
GROWTH = {1: 1.0, 2: 1.5, 3: 1.5}  # cost ~ (number of cells)^this
ROUGH = 1e-2  # largest last change of a sequence without a clear order that is still taken for convergence
LOWEST_ORDER, HIGHEST_ORDER = 1.4, 8.0  # measured; second order is expected (fourth on a line)
SPREADS = 2.0  # error per spread of the fits, from random balls, half-spaces and level sets
SHARE = 0.1  # least error, as a share of the extrapolation


class OverTimeError(ValueError):
    """Three grids would not be finished in time; ``seconds`` says what they would take."""

    def __init__(self, message: str, seconds: float) -> None:
        super().__init__(message)
        self.seconds = seconds


class OnGrids(Protocol):
    """A problem ready for grids of any number of cells."""

    @property
    def start(self) -> Array: ...
    def on_grid(self, cells: int, looks: bool = False) -> tuple[Level, tuple[Assumption, ...]]: ...


def sequence(
    setting: OnGrids, finest: int, is_free: bool, deadline: float, progress: Callable[[float], None] | None = None
) -> tuple[list[Level], tuple[Assumption, ...]]:
    """The answers on all grids, coarsest first, and the checks of the first and last of them."""
    d = setting.start.size
    levels: list[Level] = []
    checks: dict[str, Assumption] = {}
    counts = [round(finest / ratio) for ratio in RATIOS[d]]
    while counts:
        if len(levels) < 3 or _in_time(levels[-1], counts[0] ** d, d, deadline):
            if levels and not _in_time(levels[-1], sum(c**d for c in counts[: 3 - len(levels)]), d, deadline):
                needed = _cost(levels[-1], sum(c**d for c in counts[: 3 - len(levels)]), d)
                left = max(deadline - clock.perf_counter(), 0.0)
                raise OverTimeError(f"three grids would take about {needed:.2g} s more of {left:.2g} s left", needed)
            level, found = setting.on_grid(counts.pop(0), looks=not levels)
            levels.append(level)
            if progress is not None:
                progress(_share(levels, counts, d))
            checks |= {check.key: check for check in found}
        else:
            break
        if is_free and d == 1 and not counts and finest * 2 <= MOST_ON_LINE:
            mean, _, error, order = extrapolated(levels[-3:])
            if error > GOAL * abs(mean) and not (order is None and levels[-1].mean > 1.5 * levels[-2].mean):
                finest *= 2
                counts.append(finest)
    if not all(a.h > b.h for a, b in pairwise(levels)):
        raise ValueError(f"with {finest} cells per axis the grids do not differ enough to be compared; give more")
    return levels[-len(RATIOS[d]) :], tuple(checks.values())


def _cost(last: Level, size: int, d: int) -> float:
    """Seconds that a grid of ``size`` cells will take, from those of the last one."""
    return float(last.seconds * max(size / last.size, 1.0) ** GROWTH[d])


def _share(levels: list[Level], counts: list[int], d: int) -> float:
    """The part of the cost of all grids that is spent."""
    spent = sum(level.size ** GROWTH[d] for level in levels)
    return float(spent / (spent + sum(count ** (d * GROWTH[d]) for count in counts)))


def _in_time(last: Level, size: int, d: int, deadline: float) -> bool:
    return clock.perf_counter() + _cost(last, size, d) <= deadline


def extrapolated(levels: list[Level]) -> tuple[float, float, float, float | None]:
    """Mean, variance, error estimate and measured order from three or more grids, coarsest first."""
    last, order = levels[-1], measured_order(levels)
    h, means, variances = (np.array([getattr(level, n) for level in levels]) for n in ("h", "mean", "variance"))
    rough = max(1e-13, last.accuracy) * abs(last.mean)
    steps = np.abs(np.diff(means))
    if order is None or order < LOWEST_ORDER:
        error = max(2 * float(np.ptp(means)), rough)
        if order is not None and order > 0.3:  # what is left of an error C h^order, with as much again for doubt
            error = max(2 * float(steps.sum()) / ((h[0] / h[-1]) ** order - 1), float(steps[-1]), rough)
        return last.mean, last.variance, float(error), order
    fine = _limit(h[-3:], means[-3:]) if len(levels) > 3 else _limit(h[-2:], means[-2:])
    variance = _limit(h[-3:], variances[-3:]) if len(levels) > 3 else _limit(h[-2:], variances[-2:])
    if len(levels) > 3:
        others = [_limit(h[k : k + 3 : 2], means[k : k + 3 : 2]) for k in range(len(levels) - 2)]
        others += [_limit(h, means), _limit(h[:3], means[:3])]
        spread = SPREADS * max(abs(fine - other) for other in others)
    else:
        spread = SPREADS * abs(fine - _limit(h[:2], means[:2]))
    return fine, variance, float(max(spread, SHARE * abs(fine - last.mean), rough)), order


def _limit(h: Array, values: Array) -> float:
    """Least squares of T + C h^2 with weights 1 / h^2, at h = 0."""
    if not np.isfinite(values).all():
        return float(values[-1])
    scale = h / h[-1]
    columns = np.column_stack([np.ones_like(scale), scale**2]) / scale[:, None] ** 2
    # around the last value, so that nothing is lost of small differences
    found = np.linalg.lstsq(columns, (values - values[-1]) / scale**2, rcond=None)[0]
    return float(values[-1] + found[0])


def measured_order(levels: list[Level]) -> float | None:
    """p with T(h) = T + C h^p through the first, middle and last grid; ``None`` if the differences do not shrink."""
    from scipy.optimize import brentq

    three = (levels[0], levels[len(levels) // 2], levels[-1])
    (h1, t1), (h2, t2), (h3, t3) = ((level.h, level.mean) for level in three)
    if t2 == t3 or (t1 - t2) / (t2 - t3) <= 0:
        return None

    def gap(p: float) -> float:
        return float((h1**p - h2**p) / (h2**p - h3**p) - (t1 - t2) / (t2 - t3))

    h1, h2, h3 = h1 / h3, h2 / h3, 1.0
    if gap(0.05) > 0:
        return None
    return float(brentq(gap, 0.05, HIGHEST_ORDER)) if gap(HIGHEST_ORDER) > 0 else None


def verdict(levels: list[Level], order: float | None) -> Assumption:
    """Whether the sequence converges, in words."""
    means = np.array([level.mean for level in levels])
    steps = np.diff(means)
    change = abs(steps[-1] / means[-1])
    ordered = order is not None and order >= LOWEST_ORDER
    grows = bool(abs(steps[-1]) >= 0.9 * abs(steps[-2]) and steps[-1] * steps[-2] > 0)
    holds = change < 1e-7 or ordered or change < (ROUGH / 10 if grows else ROUGH)
    detail = f"order {order:.2f}" if order is not None else "no order measurable"
    detail += f", last change {change:.2g}"
    if not holds and grows:
        detail += ": it still grows from grid to grid (noise vanishing against the drift, or cells too large)"
    elif not holds:
        detail += ": it still changes from grid to grid (cells too large for this landscape, noise or target)"
    return Assumption("the time converges as the grid is refined", bool(holds), detail, key="converges")
