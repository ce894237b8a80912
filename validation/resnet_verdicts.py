"""Verdicts on SGD's escapes along slices of a ResNet: tolerances fixed beforehand, numbers with their errors."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from validation.pieces import Row
from validation.report import Verdict
from validation.slice_escapes import GAUSSIAN, THEORIES, Sweep
from validation.slices import Case

if TYPE_CHECKING:
    from validation.resnet import Findings

SIGMAS = 3.0
GRID = 1e-3
"""Largest relative difference of grid and quadrature."""
COVARIANCE = 0.2
"""C1 = H is taken to hold where C1/H is this near to 1."""
STRAIGHT = 0.995
"""Pearson's r of a straight line."""


def allowance(sweep: Sweep) -> float:
    """What the formulas leave out, in units of the slope.

    At a finite learning rate (eta |H|)^2 of the slope; and as the correction for finite noise is that of Gaussian
    noise, the share of it by which the two exponents differ.
    """
    slopes = sweep.theory_slopes()
    correction = abs(slopes["Cramer, corrected"] - slopes["Cramer"])
    return sweep.stiffness**2 * abs(sweep.line().slope) + sweep.climb.gap * correction


def agrees(sweep: Sweep, slope: float) -> bool:
    """Whether the measured slope is a theory's, within its error and the finite step."""
    line = sweep.line()
    return abs(line.slope - slope) <= SIGMAS * line.slope_error + allowance(sweep)


def distance(sweep: Sweep, slope: float) -> float:
    """(measured slope - slope) in standard errors."""
    line = sweep.line()
    return (line.slope - slope) / line.slope_error


def verdicts(found: Findings) -> tuple[Verdict, ...]:
    """One per claim."""
    parts = [*_toolkit(found.routes), _covariance(found.cases)]
    if found.sweeps:
        parts += [
            _straight(found.sweeps), _theory(found.sweeps, "Cramer, corrected", True, CRAMER),
            _theory(found.sweeps, "SDE", False, SDE), _theory(found.sweeps, "theorem 3.2, s = 1/2", False, XIE),
            _theory(found.sweeps, "Kramers with C1(a)", False, FROZEN), *_laws(found), *_sharp(found.both_ways),
        ]  # fmt: skip
    return tuple(parts)


CRAMER = "SGD's slope is Cramer's (corrected for finite noise), on every slice"
SDE = "SGD's slope is that of the SDE with its own covariance C1(x), on every slice"
XIE = "SGD's slope is that of theorem 3.2 with s = 1/2, on every slice"
FROZEN = "SGD's slope is that of Kramers' formula with the noise of the minimum, on every slice"


def _toolkit(routes: list[Row]) -> list[Verdict]:
    worst, grid = max(abs(r["z"]) for r in routes), max(abs(r["grid / quadrature - 1"]) for r in routes)
    name = " and ".join(dict.fromkeys(r["slice"] for r in routes))
    return [
        Verdict(
            f"Gaussian noise on the slices ({name}): random paths agree with quadrature, both ways",
            worst <= SIGMAS,
            f"largest |z| = {worst:.2f} of {len(routes)}, tolerance {SIGMAS:g}",
        ),
        Verdict(
            "Gaussian noise on the slices: the Fokker-Planck grid agrees with quadrature, both ways",
            grid <= GRID,
            f"largest relative difference {grid:.1e}, tolerance {GRID:g}",
        ),
    ]


def _covariance(cases: Sequence[Case]) -> Verdict:
    ratios = [r["C1 / |H|"] for r in covariances(cases) if r["place"] == "minimum"]
    return Verdict(
        "C = H/S at the minima of the slices",
        all(abs(r - 1) <= COVARIANCE for r in ratios),
        f"C1/H = {', '.join(f'{r:.3g}' for r in ratios)}; 1 within {COVARIANCE:g} is asked",
        expected=False,
    )


def _straight(sweeps: Sequence[Sweep]) -> Verdict:
    least = min(s.line().correlation for s in sweeps)
    return Verdict(
        "ln(iterations) is a straight line in the batch size at fixed learning rate",
        least >= STRAIGHT,
        f"Pearson r >= {least:.5f} over {len(sweeps)} slices, tolerance {STRAIGHT:g}",
    )


def _theory(sweeps: Sequence[Sweep], name: str, expected: bool, claim: str) -> Verdict:
    parts = []
    for s in sweeps:
        line, slope = s.line(), s.theory_slopes()[name]
        measured = f"{s.slice}: {line.slope:.3f} +- {line.slope_error:.3f}"
        parts.append(f"{measured} against {slope:.3f} (z = {distance(s, slope):+.1f})")
    rule = (
        f"; tolerance {SIGMAS:g} sigma + {', '.join(f'{allowance(s):.3f}' for s in sweeps)} for what theory leaves out"
    )
    return Verdict(claim, all(agrees(s, s.theory_slopes()[name]) for s in sweeps), "; ".join(parts) + rule, expected)


def _laws(found: Findings) -> list[Verdict]:
    """The Gaussian chain against its transfer matrix, and the laws of sampling against each other."""
    verdicts = []
    real = {row["S"]: row for row in found.sweeps[0].usable}
    for sweep in found.laws:
        if sweep.law == GAUSSIAN:
            pulls = [(math.log(r["iterations"]) - r["ln chain"]) * r["iterations"] / r["error"] for r in sweep.usable]
            verdicts.append(
                Verdict(
                    "SGD with Gaussian noise of the covariance C1/S escapes as the transfer matrix of its chain says",
                    bool(pulls) and max(map(abs, pulls)) <= SIGMAS,
                    f"z = {', '.join(f'{p:+.1f}' for p in pulls)}; tolerance {SIGMAS:g}",
                )
            )
        elif sweep.law == "reshuffled":
            later = [row["per exit"] / real[row["S"]]["iterations"] for row in sweep.rows if row["S"] in real]
            verdicts.append(
                Verdict(
                    "reshuffled epochs escape as independent mini-batches do",
                    max(later) <= 1.5,
                    f"iterations per exit, over those with replacement: {', '.join(f'{v:.3g}' for v in later)} "
                    f"at S = {', '.join(str(row['S']) for row in sweep.rows)}; up to 1.5 is asked",
                    expected=False,
                )
            )
    return verdicts


def _sharp(both: list[Row]) -> list[Verdict]:
    """The post's claim, and what Cramer's exponents say instead."""
    pairs = list(zip(both[::2], both[1::2], strict=True))
    first = [min(pair, key=_sooner) for pair in pairs]
    lower = [min(pair, key=lambda row: row["Cramer exponent"]) for pair in pairs]
    sharper = [max(pair, key=lambda row: row["H"]) for pair in pairs]
    said = "; ".join(
        f"{a['slice']}: {_time(a)} from H = {a['H']:.3g}, {_time(b)} from H = {b['H']:.3g}" for a, b in pairs
    )
    return [
        Verdict("of two minima of a slice the one with the lower Cramer exponent is left sooner", first == lower, said),
        Verdict(
            "of two minima of a slice the sharper one is left sooner",
            first == sharper,
            f"{sum(a is b for a, b in zip(first, sharper, strict=True))} of {len(pairs)} slices; barriers differ",
            expected=lower == sharper,
        ),
    ]


def _sooner(row: Row) -> float:
    return float(row["iterations"]) if math.isfinite(row["iterations"]) else float(row["at least"])


def _time(row: Row) -> str:
    known = math.isfinite(row["iterations"])
    return f"{row['iterations']:.3g} iterations" if known else f"more than {row['at least']:.2g} iterations"


# --- tables -----------------------------------------------------------------------------------------------------------


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
            "error": s.line().slope_error, "ratio": s.line().slope / slope, "z": distance(s, slope),
            "agrees": agrees(s, slope),
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
        same = all(agrees(s, s.theory_slopes()[name]) for s in found.sweeps)
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
