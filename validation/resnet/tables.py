"""Tables and data of SGD's escapes along slices of a ResNet."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from validation.resnet.escapes import THEORIES, Sweep
from validation.resnet.findings import Findings
from validation.resnet.slices import Case
from validation.study.pieces import Row
from validation.study.report import Table

STRAIGHT = 0.995
"""Pearson's r of a straight line."""


def tables(found: Findings) -> tuple[Table, ...]:
    """All tables, the claims first; those without rows are left out."""

    def known(title: str, rows: Sequence[Row]) -> list[Table]:
        return [Table.of(title, rows)] if rows else []

    all_sweeps = [*found.sweeps, *found.laws, *found.rates, *found.large]
    return (
        *known("The claims of the post on these networks", claims(found)),
        *known("Slope of ln(iterations) per example in the batch", [slope_row(s) for s in all_sweeps]),
        *known("Distance of SGD's slope from every theory, in standard errors", distances(found.sweeps)),
        *known("Prefactors: ln(iterations) of SGD minus theory at each batch size", prefactors(found.sweeps)),
        *known("Learning rates: eta times slope, which tends to the exponent", rates(found.rates, found.large)),
        *known("Gaussian noise on the slices: quadrature, grid and paths", found.routes),
        *known("C1 and H at minima and barriers", covariances(found.cases)),
        *known("Out of either minimum at equal learning rate and batch size", found.both_ways),
        *known("Ends of the slices, over all parameters", [row for c in found.cases for row in c.network]),
        *known("Branches tried", [row for c in found.cases for row in c.tries]),
        *known("Every point", points(all_sweeps)),
    )


def points(sweeps: Sequence[Sweep]) -> list[Row]:
    """Every batch size of every sweep."""
    return [{"slice": s.slice, "law": s.law, "eta": s.learning_rate, **row} for s in sweeps for row in s.rows]


def data(found: Findings, seed: int) -> Any:
    """All rows as variables along one dimension per table, and the slices themselves."""
    from fpsim.storage import dataset

    sweeps = [*found.sweeps, *found.laws, *found.rates, *found.large]
    tables = {"route": found.routes, "point": points(sweeps), "way": found.both_ways}
    entries: dict[str, Any] = {
        re.sub(r"\W+", "_", f"{table}_{key}").strip("_"): (f"{table}_row", [row[key] for row in rows], "", key)
        for table, rows in tables.items()
        for key in (rows[0] if rows else ())
    }
    for case in found.cases:
        x = np.linspace(float(case.line.nodes[0]), float(case.line.nodes[-1]), 801)
        at, node = x[None], f"{case.name}_node"
        entries[f"{case.name}_x"] = (node, x, "", "length along the line")
        entries[f"{case.name}_loss"] = (node, case.line.loss(at), "", "loss")
        entries[f"{case.name}_hessian"] = (node, case.line.hessian(at)[0, 0], "", "second derivative")
        entries[f"{case.name}_covariance"] = (node, case.line.gradient_covariance(at)[0, 0], "", "C1")
    return dataset(entries, experiment="resnet", seed=seed)


# --- rows ---------------------------------------------------------------------------------------------------------


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


def distances(sweeps: Sequence[Sweep]) -> list[Row]:
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


def prefactors(sweeps: Sequence[Sweep]) -> list[Row]:
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


def rates(small: Sequence[Sweep], large: Sequence[Sweep]) -> list[Row]:
    """eta times slope at several learning rates, beside both exponents."""
    rows = []
    for s in (*small, *large):
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


def covariances(cases: Sequence[Case]) -> list[Row]:
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


def claims(found: Findings) -> list[Row]:
    """The post's claims in plain words: holds, bends or fails."""
    ratios = [r["C1 / |H|"] for r in covariances(found.cases) if r["place"] == "minimum"]
    rows: list[Row] = [
        {
            "claim": "the covariance of SGD's noise is H/S at minima", "outcome": _grade(ratios, 0.2, 3.0),
            "numbers": f"C1/H from {min(ratios):.3g} to {max(ratios):.3g}",
        }
    ]  # fmt: skip
    if not found.sweeps:
        return rows
    least = min(s.line().correlation for s in found.sweeps)
    rows.append(
        {
            "claim": "ln(escape time) is a straight line in S", "outcome": "holds" if least >= STRAIGHT else "bends",
            "numbers": f"Pearson r >= {least:.5f}",
        }
    )  # fmt: skip
    for claim, name in (
        ("its slope is that of SGD's diffusion with D = eta C/2", "SDE"),
        ("its slope is that of the theorem (s = 1/2)", "theorem 3.2, s = 1/2"),
        ("(not in the post) its slope is Cramer's", "Cramer, corrected"),
    ):
        found_ratios = [s.line().slope / s.theory_slopes()[name] for s in found.sweeps]
        same = all(s.agrees(s.theory_slopes()[name]) for s in found.sweeps)
        numbers = f"SGD over theory: {', '.join(f'{r:.3f}' for r in found_ratios)}"
        if name.startswith("theorem"):
            numbers += f"; s needed: {', '.join(f'{s.s_needed():.2f}' for s in found.sweeps)}"
        rows.append(
            {"claim": claim, "outcome": "holds" if same else _grade(found_ratios, 0.0, 1.5), "numbers": numbers}
        )
    return rows


def _grade(ratios: Sequence[float], holds: float, bends: float) -> str:
    """``holds`` within a share of 1, ``bends`` within a factor, else ``fails``."""
    worst = max(max(r, 1 / r) for r in ratios)
    return "holds" if worst <= 1 + holds else "bends" if worst <= bends else "fails"
