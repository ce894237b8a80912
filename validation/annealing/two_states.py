"""Two states with the exact rates of every moment, and the well that they stand for."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

import fpsim
from fpsim.schedules import Curve, logarithmic
from landscapes import DoubleWell
from validation.study.findings import Rows

Array = NDArray[np.float64]
WELL = DoubleWell(barrier=0.25, tilt=0.06)
UNIT = 10.0
COLDEST, HOTTEST = 90.0, 2.0
"""Inverse temperatures between which rates are worked out."""


def places() -> tuple[float, float, float, float]:
    """Deep minimum, top, shallow minimum, and the depth of the shallow valley."""
    found = WELL.critical_points()
    (deep, shallow), top = sorted(float(p.x[0]) for p in found.minima), float(found.saddles[0].x[0])
    depth = float(WELL.loss(np.array([top])) - WELL.loss(np.array([shallow])))
    return deep, top, shallow, depth


def cooling(share: float) -> Curve:
    """T(t) with c = share times the depth."""
    return logarithmic(share * places()[3], offset=math.e, unit=UNIT)


def exact_rates() -> Rows:
    """ln of both rates against 1/T, by quadrature."""
    deep, _, shallow, _ = places()
    rows: Rows = []
    for inverse in np.linspace(HOTTEST, COLDEST, 45).tolist():
        sde = fpsim.SDE(WELL, fpsim.ConstantDiffusion(1 / inverse))
        ways = (shallow, deep), (deep, shallow)
        out, back = (-fpsim.EscapeProblem(sde, *way).by_quadrature().log_mean for way in ways)
        rows.append({"1/T": inverse, "ln k": out, "ln k back": back})
    return rows


def two_states(curve: Curve, rates: Rows, times: Array) -> Array:
    """P(t) of the two states with the exact rates of every moment, (times,); in ln t, from t = 0.001."""
    from scipy.integrate import solve_ivp

    out, back = _splines(rates)

    def slope(s: float, p: Array) -> list[float]:
        t = math.exp(s)
        inverse = 1 / float(curve(t))
        return [t * (-math.exp(out(inverse)) * p[0] + math.exp(back(inverse)) * (1 - p[0]))]

    ends = math.log(1e-3), math.log(times[-1])
    found = solve_ivp(slope, ends, [1.0], method="LSODA", t_eval=np.log(times), rtol=1e-8, atol=1e-10)
    return np.asarray(found.y[0])


def _splines(rates: Rows) -> tuple[Any, Any]:
    from scipy.interpolate import CubicSpline

    inverse = [row["1/T"] for row in rates]
    return CubicSpline(inverse, [row["ln k"] for row in rates]), CubicSpline(
        inverse, [row["ln k back"] for row in rates]
    )


def equilibrium(temperature: float, rates: Rows) -> float:
    """P at rest."""
    out, back = _splines(rates)
    return float(1 / (1 + math.exp(out(1 / temperature) - back(1 / temperature))))
