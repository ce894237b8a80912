"""Verdicts on SGD's escapes along slices of a ResNet: tolerances fixed beforehand, numbers with their errors."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from validation.resnet.escapes import GAUSSIAN, SIGMAS, Sweep
from validation.resnet.slices import Case
from validation.resnet.tables import STRAIGHT, covariances
from validation.study.findings import Row, Rows
from validation.study.report import Verdict

if TYPE_CHECKING:
    from validation.resnet.findings import Slices

GRID = 1e-3
"""Largest relative difference of grid and quadrature."""
COVARIANCE = 0.2
"""C1 = H is taken to hold where C1/H is this near to 1."""


def verdicts(found: Slices) -> list[Verdict]:
    """One per claim."""
    parts, sweeps = [*_toolkit(found.route), _covariance(found.cases)], found.sweeps("sweeps")
    if sweeps:
        parts += [_straight(sweeps), *(_theory(sweeps, *theory) for theory in THEORIES)]
        parts += [*_laws(sweeps[0], found.sweeps("laws")), *_sharp(found.way)]
    return parts


THEORIES = (
    ("cramer", "Cramer, corrected", True, "SGD's slope is Cramer's (corrected for finite noise), on every slice"),
    ("sde", "SDE", False, "SGD's slope is that of the SDE with its own covariance C1(x), on every slice"),
    ("theorem", "theorem 3.2, s = 1/2", False, "SGD's slope is that of theorem 3.2 with s = 1/2, on every slice"),
    (
        "frozen-noise", "Kramers with C1(a)", False,
        "SGD's slope is that of Kramers' formula with the noise of the minimum, on every slice",
    ),
)  # fmt: skip
"""Key, name among `Sweep.theory_slopes`, what is expected, and the claim."""


def _toolkit(routes: Rows) -> list[Verdict]:
    worst, grid = max(abs(r["z"]) for r in routes), max(abs(r["grid / quadrature - 1"]) for r in routes)
    name = " and ".join(dict.fromkeys(r["slice"] for r in routes))
    return [
        Verdict(
            "paths",
            f"Gaussian noise on the slices ({name}): random paths agree with quadrature, both ways",
            worst <= SIGMAS,
            f"largest |z| = {worst:.2f} of {len(routes)}, tolerance {SIGMAS:g}",
        ),
        Verdict(
            "grid",
            "Gaussian noise on the slices: the Fokker-Planck grid agrees with quadrature, both ways",
            grid <= GRID,
            f"largest relative difference {grid:.1e}, tolerance {GRID:g}",
        ),
    ]


def _covariance(cases: Sequence[Case]) -> Verdict:
    ratios = [r["C1 / |H|"] for r in covariances(cases) if r["place"] == "minimum"]
    return Verdict(
        "covariance",
        "C = H/S at the minima of the slices",
        all(abs(r - 1) <= COVARIANCE for r in ratios),
        f"C1/H = {', '.join(f'{r:.3g}' for r in ratios)}; 1 within {COVARIANCE:g} is asked",
        expected=False,
    )


def _straight(sweeps: Sequence[Sweep]) -> Verdict:
    least = min(s.line().correlation for s in sweeps)
    return Verdict(
        "straight",
        "ln(iterations) is a straight line in the batch size at fixed learning rate",
        least >= STRAIGHT,
        f"Pearson r >= {least:.5f} over {len(sweeps)} slices, tolerance {STRAIGHT:g}",
    )


def _theory(sweeps: Sequence[Sweep], key: str, name: str, expected: bool, claim: str) -> Verdict:
    parts = []
    for s in sweeps:
        line, slope = s.line(), s.theory_slopes()[name]
        measured = f"{s.slice}: {line.slope:.3f} +- {line.slope_error:.3f}"
        parts.append(f"{measured} against {slope:.3f} (z = {s.distance(slope):+.1f})")
    if len(sweeps) > 1:
        weights = [s.line().slope_error ** -2.0 for s in sweeps]
        gaps = [s.line().slope - s.theory_slopes()[name] for s in sweeps]
        mean = sum(w * g for w, g in zip(weights, gaps, strict=True)) / sum(weights)
        parts.append(f"together {mean:+.3f} +- {sum(weights) ** -0.5:.3f}")
    rule = (
        f"; tolerance {SIGMAS:g} sigma + {', '.join(f'{s.allowance:.3f}' for s in sweeps)} for what theory leaves out"
    )
    holds = all(s.agrees(s.theory_slopes()[name]) for s in sweeps)
    return Verdict(key, claim, holds, "; ".join(parts) + rule, expected)


def _laws(first: Sweep, laws: Sequence[Sweep]) -> list[Verdict]:
    """The Gaussian chain against its transfer matrix, and the laws of sampling against each other."""
    verdicts = []
    real = {row["S"]: row for row in first.usable}
    for sweep in laws:
        if sweep.law == GAUSSIAN:
            pulls = [(math.log(r["iterations"]) - r["ln chain"]) * r["iterations"] / r["error"] for r in sweep.usable]
            verdicts.append(
                Verdict(
                    "gaussian-chain",
                    "SGD with Gaussian noise of the covariance C1/S escapes as the transfer matrix of its chain says",
                    bool(pulls) and max(map(abs, pulls)) <= SIGMAS,
                    f"z = {', '.join(f'{p:+.1f}' for p in pulls)}; tolerance {SIGMAS:g}",
                )
            )
        elif sweep.law == "reshuffled":
            later = [row["per exit"] / real[row["S"]]["iterations"] for row in sweep.rows if row["S"] in real]
            verdicts.append(
                Verdict(
                    "reshuffled",
                    "reshuffled epochs escape as independent mini-batches do",
                    max(later) <= 1.5,
                    f"iterations per exit, over those with replacement: {', '.join(f'{v:.3g}' for v in later)} "
                    f"at S = {', '.join(str(row['S']) for row in sweep.rows)}; up to 1.5 is asked",
                    expected=False,
                )
            )
    return verdicts


def _sharp(both: Rows) -> list[Verdict]:
    """The post's claim, and what Cramer's exponents say instead, on the slices where theory and draws can tell."""
    ways = list(zip(both[::2], both[1::2], strict=True))
    pairs = [pair for pair in ways if not _untold(pair)]
    if not pairs:
        return []
    first = [min(pair, key=_sooner) for pair in pairs]
    lower = [min(pair, key=lambda row: row["Cramer exponent"]) for pair in pairs]
    sharper = [max(pair, key=lambda row: row["H"]) for pair in pairs]
    said = [f"{a['slice']}: {_time(a)} from H = {a['H']:.3g}, {_time(b)} from H = {b['H']:.3g}" for a, b in pairs]
    said += [f"not asked of {pair[0]['slice']}: {_untold(pair)}" for pair in ways if _untold(pair)]
    return [
        Verdict(
            "lower-exponent",
            "of two minima of a slice the one with the lower Cramer exponent is left sooner",
            first == lower,
            "; ".join(said),
        ),
        Verdict(
            "sharper",
            "of two minima of a slice the sharper one is left sooner",
            first == sharper,
            f"{sum(a is b for a, b in zip(first, sharper, strict=True))} of {len(pairs)} slices; barriers differ",
            expected=lower == sharper,
        ),
    ]


def _untold(pair: tuple[Row, Row]) -> str:
    """Why the order of two times says nothing about exponents; empty if it does."""
    if any(row["too large for Cramer"] for row in pair):
        return "the steps are too large for Cramer's formula, by its own checks"
    soon, late = sorted(pair, key=_sooner)
    if math.isfinite(late["iterations"]):
        apart = late["iterations"] - soon["iterations"] > SIGMAS * math.hypot(late["error"], soon["error"])
    else:
        apart = math.isfinite(soon["iterations"])
    return "" if apart else "the times are not told apart"


def _sooner(row: Row) -> float:
    return float(row["iterations"]) if math.isfinite(row["iterations"]) else float(row["at least"])


def _time(row: Row) -> str:
    known = math.isfinite(row["iterations"])
    return f"{row['iterations']:.3g} iterations" if known else f"more than {row['at least']:.2g} iterations (95 %)"
