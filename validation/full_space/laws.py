"""Slopes and prefactors of measured times, against every theory.

    ln(iterations) = slope S/eta + intercept         (weighted least squares over a window in S)

z = (measured - theory) / (their errors together).  A prefactor is compared where a theory has one, at every S:
ln(iterations) less what the theory says, finite noise included.
"""

from __future__ import annotations

import math

import numpy as np

from validation.full_space.size import BATCHES, GAUSSIAN
from validation.study.findings import Row, Rows
from validation.study.lines import straight_line


def slopes(times: Rows) -> Rows:
    """One line per network, decay, side, learning rate, noise and method, through three times or more."""
    found = []
    keys = ("network", "decay", "side", "eta", "noise", "method")
    for key in dict.fromkeys(tuple(row[k] for k in keys) for row in times):
        mine = [r for r in times if tuple(r[k] for k in keys) == key]
        mine = [r for r in mine if math.isfinite(r["ln(iterations)"])]
        if len(mine) < 3:
            continue
        x, y, error = (np.array([r[k] for r in mine]) for k in ("S/eta", "ln(iterations)", "error"))
        line = straight_line(x, y, error)
        z = (y - line.slope * x - line.intercept) / error
        curved = curvature(x, y, error)
        found.append(
            {
                **dict(zip(keys, key, strict=True)), "from S": int(min(r["S"] for r in mine)),
                "to S": int(max(r["S"] for r in mine)), "points": len(mine), "slope": line.slope,
                "error": line.slope_error, "intercept": line.intercept, "intercept error": line.intercept_error,
                "chi^2": float(np.sum(z**2)), "decades": float((y.max() - y.min()) / math.log(10)),
                "curvature z": curved,
            }
        )  # fmt: skip
    return found


def curvature(x: np.ndarray, y: np.ndarray, error: np.ndarray) -> float:
    """The coefficient of x^2 in a weighted parabola, over its error; nan with three points or fewer."""
    if len(x) < 4:
        return math.nan
    scaled = (x - x.mean()) / np.ptp(x)
    matrix = np.vander(scaled, 3) / error[:, None]
    found = np.linalg.lstsq(matrix, y / error)[0]
    return float(found[0] / math.sqrt(np.linalg.inv(matrix.T @ matrix)[0, 0]))


def slope_of(theory: Row, eta: float) -> float:
    """What a theory says of the slope in S/eta at one learning rate: V + c eta."""
    return float(theory["slope"] + theory["per S"] * eta)


def front(theory: Row, eta: float) -> float:
    """ln of its prefactor in iterations at one learning rate, to which what finite steps add is proportional."""
    return float(theory["ln prefactor"] + math.log(theory["eta"] / eta) + theory["by steps"] * eta / theory["eta"])


def against(lines: Rows, theories: Rows) -> Rows:
    """Each measured slope beside each theory of its place."""
    found = []
    for line in lines:
        for theory in theories:
            if theory["S"] or any(line[k] != theory[k] for k in ("network", "decay", "side")):
                continue
            error, slope = math.hypot(line["error"], theory["error"]), slope_of(theory, line["eta"])
            found.append(
                {
                    **{k: line[k] for k in ("network", "decay", "side", "eta", "noise", "method")},
                    "theory": theory["theory"], "measured": line["slope"], "error": line["error"],
                    "predicted": slope, "theory's error": theory["error"],
                    "ratio": line["slope"] / slope, "z": (line["slope"] - slope) / error,
                }
            )  # fmt: skip
    return found


def one(rows: Rows, **wanted: object) -> Row | None:
    """The first row with these values."""
    return next((r for r in rows if all(r[k] == v for k, v in wanted.items())), None)


def of_batches(rows: Rows) -> Rows:
    """Rows of real mini-batches."""
    return [r for r in rows if r["noise"] == BATCHES]


def predicted(times: Rows, theories: Rows) -> Rows:
    """ln(iterations) of every theory with a prefactor beside every time that was measured."""
    found = []
    for time in times:
        if not math.isfinite(time["ln(iterations)"]) or time["noise"] not in (BATCHES, GAUSSIAN):
            continue
        mine = [t for t in theories if all(t[k] == time[k] for k in ("network", "decay", "side"))]
        added = [t["ln prefactor"] for t in mine if t["S"] == time["S"] and t["eta"] == time["eta"]]
        for theory in [t for t in mine if not t["S"]]:
            log = theory["slope"] * time["S/eta"] + front(theory, time["eta"]) + theory["per S"] * time["S"]
            if math.isfinite(log):
                log += added[0] if added else 0.0
                gap = time["ln(iterations)"] - log
                found.append(
                    {
                        **{k: time[k] for k in ("network", "decay", "side", "eta", "S", "noise", "method")},
                        "theory": theory["theory"], "exponent": theory["slope"] * time["S/eta"],
                        "measured": time["ln(iterations)"], "error": time["error"], "predicted": log,
                        "finite noise": added[0] if added else 0.0, "difference": gap,
                    }
                )  # fmt: skip
    return found
