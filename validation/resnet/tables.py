"""Tables of SGD's escapes along slices of a ResNet."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from validation.resnet.escapes import THEORIES, Sweep
from validation.resnet.findings import Slices
from validation.resnet.slices import Case
from validation.study.findings import Row, Rows

THEOREM = "theorem 3.2, s = 1/2"
STRAIGHT = 0.995
"""Pearson's r of a straight line."""


def tables(found: Slices) -> dict[str, Rows]:
    """All tables, the claims first."""
    sweeps = found.sweeps("sweeps")
    return {
        "The claims of the post on these networks": claims(found),
        "Slope of ln(iterations) per example in the batch": [slope_row(s) for s in found.all_sweeps],
        "Distance of SGD's slope from every theory, in standard errors": distances(sweeps),
        "Prefactors: ln(iterations) of SGD minus theory at each batch size": prefactors(sweeps),
        "Learning rates: eta times slope, which tends to the exponent": rates(found.sweeps("rates", "large")),
        "Gaussian noise on the slices: quadrature, grid and paths": found.route,
        "C1 and H at minima and barriers": covariances(found.cases),
        "Out of either minimum at equal learning rate and batch size": found.way,
        "Ends of the slices, over all parameters": found.ends,
        "Branches tried": found.tried,
        "Every point": found.point,
    }


def slope_row(sweep: Sweep) -> Row:
    """Slope and intercept of a sweep with their errors."""
    sizes = ", ".join(str(row["S"]) for row in sweep.rows)
    row: Row = {
        "slice": sweep.slice,
        "law": sweep.law,
        "eta": sweep.learning_rate,
        "eta |H|": sweep.stiffness,
        "S": sizes,
    }
    empty = dict.fromkeys(
        ("slope", "slope error", "intercept", "intercept error", "chi2 per dof", "Pearson r"), math.nan
    )
    if len(sweep.usable) < 2:
        return {**row, **empty}
    line = sweep.line()
    return {
        **row, "slope": line.slope, "slope error": line.slope_error, "intercept": line.intercept,
        "intercept error": line.intercept_error, "chi2 per dof": sweep.chi_squared, "Pearson r": line.correlation,
    }  # fmt: skip


def distances(sweeps: Sequence[Sweep]) -> Rows:
    """Per slice and theory: its slope, SGD's, the distance and whether the two agree."""
    return [
        {
            "slice": s.slice, "theory": name, "slope of theory": slope, "slope of SGD": s.line().slope,
            "error": s.line().slope_error, "ratio": s.line().slope / slope, "z": s.distance(slope),
            "agrees": s.agrees(slope),
        }
        for s in sweeps
        for name, slope in s.theory_slopes().items()
    ]  # fmt: skip


def prefactors(sweeps: Sequence[Sweep]) -> Rows:
    """ln(iterations) measured minus each theory, per batch size, with the error of the measurement."""
    return [
        {
            "slice": s.slice, "S": row["S"], "iterations": row["iterations"],
            "error of ln": row["error"] / row["iterations"],
            **{f"minus {name}": math.log(row["iterations"]) - row[f"ln {name}"] for name in THEORIES},
        }
        for s in sweeps
        for row in s.usable
    ]  # fmt: skip


def rates(sweeps: Sequence[Sweep]) -> Rows:
    """eta times slope at several learning rates, beside both exponents."""
    rows = []
    for s in sweeps:
        if len(s.usable) < 2:
            continue
        line, eta, slopes = s.line(), s.learning_rate, s.theory_slopes()
        rows.append(
            {
                "slice": s.slice, "eta": eta, "eta |H|": s.stiffness, "batch sizes": len(s.usable),
                "eta * slope": eta * line.slope, "error": eta * line.slope_error,
                "Cramer, corrected": eta * slopes["Cramer, corrected"],
                "Cramer with prefactor": eta * slopes["Cramer"], "Cramer exponent": s.climb.exponent,
                "Gaussian chain": eta * slopes["Gaussian chain"], "Gaussian exponent": s.climb.gaussian,
            }
        )  # fmt: skip
    return rows


def covariances(cases: Sequence[Case]) -> Rows:
    """C1, H and their ratio at every minimum and barrier, and the range of the ratio along the way."""
    rows = []
    for case in cases:
        climb, back = case.climb, case.back
        way = np.linspace(climb.start, climb.target, 2001)[None]
        ratio = case.line.gradient_covariance(way)[0, 0] / np.abs(case.line.hessian(way)[0, 0])
        for place, x, h, c in (
            ("minimum", climb.start, climb.curvature, climb.covariance),
            ("barrier", climb.top, climb.curvature_top, climb.covariance_top),
            ("minimum", back.start, back.curvature, back.covariance),
        ):
            rows.append(
                {
                    "slice": case.name, "place": place, "x": x, "H": h, "C1": c, "C1 / |H|": c / abs(h),
                    "median on the way": float(np.median(ratio)), "largest on the way": float(ratio.max()),
                }
            )  # fmt: skip
    return rows


def claims(found: Slices) -> Rows:
    """The post's claims in plain words: holds, bends or fails."""
    ratios = [r["C1 / |H|"] for r in covariances(found.cases) if r["place"] == "minimum"]
    rows: Rows = [
        {
            "claim": "the covariance of SGD's noise is H/S at minima", "outcome": _grade(ratios, 0.2, 3.0),
            "numbers": f"C1/H from {min(ratios):.3g} to {max(ratios):.3g}",
        }
    ]  # fmt: skip
    sweeps = found.sweeps("sweeps")
    if not sweeps:
        return rows
    least = min(s.line().correlation for s in sweeps)
    rows.append(
        {
            "claim": "ln(escape time) is a straight line in S", "outcome": "holds" if least >= STRAIGHT else "bends",
            "numbers": f"Pearson r >= {least:.5f}",
        }
    )  # fmt: skip
    for claim, name in (
        ("its slope is that of SGD's diffusion with D = eta C/2", "SDE"),
        ("its slope is that of the theorem (s = 1/2)", THEOREM),
        ("(not in the post) its slope is Cramer's", "Cramer, corrected"),
    ):
        found_ratios = [s.line().slope / s.theory_slopes()[name] for s in sweeps]
        same = all(s.agrees(s.theory_slopes()[name]) for s in sweeps)
        numbers = f"SGD over theory: {', '.join(f'{r:.3f}' for r in found_ratios)}"
        if name == THEOREM:
            numbers += f"; s needed: {', '.join(f'{s.s_needed():.2f}' for s in sweeps)}"
        rows.append(
            {"claim": claim, "outcome": "holds" if same else _grade(found_ratios, 0.0, 1.5), "numbers": numbers}
        )
    return rows


def _grade(ratios: Sequence[float], holds: float, bends: float) -> str:
    """``holds`` within a share of 1, ``bends`` within a factor, else ``fails``."""
    worst = max(max(r, 1 / r) for r in ratios)
    return "holds" if worst <= 1 + holds else "bends" if worst <= bends else "fails"
