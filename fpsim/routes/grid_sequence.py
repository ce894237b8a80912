"""What a sequence of grids tells: the limit, its error, and whether there is one.

    T(h) = T + C h^2       by least squares over the finest grids, weight 1 / h^2

The error is twice the spread of such fits over different grids, or a part of the whole extrapolation if that is more:
boundaries that cut cells differently on every grid scatter, and the scatter is what limits the fit.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fpsim.assumption import Assumption

Array = NDArray[np.float64]
ROUGH = 1e-2  # largest last change of a sequence without a clear order that is still taken for convergence
LOWEST_ORDER, HIGHEST_ORDER = 1.4, 8.0  # measured; second order is expected (fourth on a line)
SPREADS = 2.0  # error per spread of the fits, from random balls, half-spaces and level sets
SHARE = 0.1  # least error, as a share of the extrapolation


class Level(NamedTuple):
    """The answer on one grid: cell width, mean, variance, cells, accuracy, fallback counts, size and cost."""

    h: float
    mean: float
    variance: float
    grid: str
    accuracy: float
    fallbacks: dict[str, int]
    size: int = 0
    seconds: float = 0.0


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
    return Assumption("the time converges as the grid is refined", bool(holds), detail)
