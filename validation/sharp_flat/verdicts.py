"""Verdicts on sharp against flat valleys: tolerances fixed beforehand, numbers with their errors."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from validation.sharp_flat.heavy import ALPHA, HEIGHTS
from validation.sharp_flat.two_valleys import BARRIER, CLIMB, SADDLE
from validation.study.findings import Rows
from validation.study.lines import straight_line
from validation.study.report import Verdict

if TYPE_CHECKING:
    from validation.sharp_flat.measures import TwoValleys

TOLERANCE = 0.01
"""Of fitted exponents and powers, relative to theory (absolute where theory is 0)."""
SIGMAS = 5.0
GRID = 2e-3
"""Largest relative difference of grid and quadrature."""


def verdicts(found: TwoValleys) -> list[Verdict]:
    """All claims, in the order of the tables."""
    return [*laws(found.law), *routes(found.time), *odds(found.odds), *floors(found.floor), *tails(found)]


def laws(rows: Rows) -> list[Verdict]:
    """Power law against exponential, prefactors per convention, literal noise."""
    white = [r for r in rows if r["model"] == "white"]
    two = {c: [r for r in rows if (r["model"], r["convention"]) == ("two-level", c)] for c in POWERS}
    powers = {c: _power(found) for c, found in two.items()}
    return [
        _white(white),
        _exponential(two["ito"]),
        *(_prefactor(c, powers[c]) for c in POWERS),
        Verdict(
            "published-prefactor",
            "the published prefactor 2 pi/|H_b| of theorem 3.2, free of the valley, belongs to the Ito equation",
            abs(powers["ito"][0]) <= TOLERANCE,
            f"under Ito the prefactor goes like H^{powers['ito'][0]:.4f} +- {powers['ito'][1]:.1g}; H^0 is anti-Ito",
            expected=False,
        ),
        _literal([r for r in rows if r["model"] == "floored"]),
    ]


POWERS = {"ito": -1.0, "stratonovich": -0.5, "anti-ito": 0.0}
"""Power of the valley's own curvature in the prefactor of the two-level model."""


def _power(rows: Rows) -> tuple[float, float]:
    """Fitted power of the curvature in the prefactor, with its error."""
    line = straight_line(np.log([r["curvature"] for r in rows]), [r["log_prefactor"] for r in rows])
    systematic = max(r["log_prefactor_error"] for r in rows) / np.ptp(np.log([r["curvature"] for r in rows]))
    return line.slope, math.hypot(line.slope_error, float(systematic))


def _white(rows: Rows) -> Verdict:
    power, error = _power(rows)
    spread = max(abs(r["exponent"] / BARRIER - 1) for r in rows)
    return Verdict(
        "white-power-law",
        "white noise: the exponent does not know the curvature, so flat valleys are preferred by a power only",
        spread <= TOLERANCE and abs(power + 0.5) <= TOLERANCE,
        f"exponent = dL within {spread:.1g}; prefactor ~ H^({power:.5f} +- {error:.1g}), theory H^(-1/2), "
        f"tolerance {TOLERANCE:g}",
    )


def _exponential(rows: Rows) -> Verdict:
    line = straight_line([1 / r["curvature"] for r in rows], [r["exponent"] for r in rows])
    slope, rest = CLIMB * BARRIER, (1 - CLIMB) * BARRIER / SADDLE
    fine = abs(line.slope / slope - 1) <= TOLERANCE and abs(line.intercept / rest - 1) <= TOLERANCE
    return Verdict(
        "two-level-exponential",
        "Hessian noise (two levels): ln(time) grows linearly in 1/H with slope s dL/kappa: an exponential preference",
        fine,
        f"slope / theory = {line.slope / slope:.6f} +- {line.slope_error / slope:.1g}, the part beyond the switch / "
        f"theory = {line.intercept / rest:.6f} +- {line.intercept_error / rest:.1g}, tolerance {TOLERANCE:g}",
    )


def _prefactor(convention: str, fit: tuple[float, float]) -> Verdict:
    formula = {"ito": "2 pi/H", "stratonovich": "2 pi/sqrt(H |H_b|)", "anti-ito": "2 pi/|H_b|"}[convention]
    return Verdict(
        f"prefactor-{convention}",
        f"two-level prefactor under {convention}: {formula}",
        abs(fit[0] - POWERS[convention]) <= TOLERANCE,
        f"prefactor ~ H^({fit[0]:.5f} +- {fit[1]:.1g}), theory H^({POWERS[convention]:g}), tolerance {TOLERANCE:g}",
    )


def _literal(rows: Rows) -> Verdict:
    """The floored literal model against its own integral, and how far it is from an exponential in 1/H."""
    worst = max(abs(r["exponent"] / r["theory_exponent"] - 1) for r in rows)
    off = max(abs(r["log_prefactor"] - r["theory_log_prefactor"]) for r in rows)
    sharpest, flattest = (f(rows, key=lambda r: r["curvature"]) for f in (max, min))
    line = straight_line([1 / r["curvature"] for r in rows], [r["exponent"] for r in rows])
    return Verdict(
        "literal-integral",
        "literal |H| noise with a floor: the exponent is int L'/(|L''| + floor) dx and the flat valley is preferred "
        "exponentially as well",
        worst <= TOLERANCE and off <= 0.05 and flattest["exponent"] > 2 * sharpest["exponent"],
        f"exponents within {worst:.1g}, ln(prefactor) within {off:.1g} of theory; exponent "
        f"{sharpest['exponent']:.4f} at H = {sharpest['curvature']:.3g} and "
        f"{flattest['exponent']:.4f} at H = {flattest['curvature']:.3g}; not linear in 1/H (Pearson r = "
        f"{line.correlation:.3f})",
    )


def routes(rows: Rows) -> list[Verdict]:
    """Paths and grids against quadrature."""
    sampled = [r for r in rows if math.isfinite(r["z_paths"])]
    z = max((abs(r["z_paths"]) for r in sampled), default=0.0)
    off = max(abs(r["paths"] / r["quadrature"] - 1) for r in sampled)
    gap = max(abs(r["grid"] / r["quadrature"] - 1) for r in rows)
    return [
        Verdict(
            "paths",
            "paths agree with the exact times",
            z <= SIGMAS,
            f"{len(sampled)} of {len(rows)} cases affordable; largest |z| = {z:.2f} (limit {SIGMAS:g}), largest "
            f"difference {100 * off:.2g} %",
        ),
        Verdict(
            "grid",
            "the Fokker-Planck grid agrees with the exact times",
            gap <= GRID,
            f"largest relative difference {gap:.2g} over {len(rows)} cases (limit {GRID:g})",
        ),
    ]


def odds(rows: Rows) -> list[Verdict]:
    """The stationary law in both valleys and its dependence on eta/S."""
    white = next(r for r in rows if r["model"] == "white")
    hessian = [r for r in rows if r["model"] != "white"]
    worst = max(abs(r["slope"] / r["theory_slope"] - 1) for r in hessian)
    off = max(abs(r["intercept"] - r["theory_intercept"]) for r in rows)
    ito = next(r for r in hessian if r["convention"] == "ito" and r["model"] == "two-level")
    anti = next(r for r in hessian if r["convention"] == "anti-ito")
    grid = max(abs(r["by grid"] - r["log_odds at 0.04"]) for r in rows if math.isfinite(r["by grid"]))
    return [
        Verdict(
            "white-odds",
            "white noise: the stationary odds flat : sharp do not depend on the temperature",
            abs(white["slope"]) <= 1e-4 and off <= 0.05,
            f"d ln(odds)/d(1/T) = {white['slope']:.1e} +- {white['slope_error']:.1g}; ln(odds) -> "
            f"{white['intercept']:.5f}, theory (1/2) ln(H_sharp/H_flat) = {white['theory_intercept']:.5f}",
        ),
        Verdict(
            "hessian-odds",
            "Hessian noise: the odds grow exponentially in S/eta, as the escape times say",
            worst <= TOLERANCE and off <= 0.05,
            f"d ln(odds)/d(2S/eta) = {ito['slope']:.6f} (Ito), {anti['slope']:.6f} (anti-Ito), theory "
            f"{ito['theory_slope']:.6f}; all models within {worst:.1g}; ln of the prefactors within {off:.1g} "
            f"({ito['intercept']:.4f} Ito, {anti['intercept']:.4f} anti-Ito)",
        ),
        Verdict(
            "grid-odds",
            "the stationary vector of the grid has the same odds",
            grid <= 0.01,
            f"ln(odds) differ by at most {grid:.1g} at noise 0.04 (limit 0.01)",
        ),
    ]


def floors(rows: Rows) -> list[Verdict]:
    """Does the size of the preference depend on the floor?"""
    x = -np.log([r["floor"] for r in rows[-3:]])
    line = straight_line(x, [r["ln(flat/sharp)"] for r in rows[-3:]])
    theory = rows[-1]["delta, flat"] - rows[-1]["delta, sharp"]
    first, last = rows[0], rows[-1]
    return [
        Verdict(
            "floor-free",
            "literal |H| noise: how much flat valleys are preferred does not depend on the floor",
            abs(first["ln(flat/sharp)"] - last["ln(flat/sharp)"]) <= 0.1,
            f"flat/sharp = e^{first['ln(flat/sharp)']:.2f} at floor {first['floor']:g} but e^"
            f"{last['ln(flat/sharp)']:.2f} at {last['floor']:g}: without the floor no number means anything",
            expected=False,
        ),
        Verdict(
            "floor-power",
            "its preference grows like floor^-(delta_flat - delta_sharp)",
            abs(line.slope / theory - 1) <= TOLERANCE,
            f"fitted power {line.slope:.4f} +- {line.slope_error:.1g}, theory {theory:.4f}, tolerance {TOLERANCE:g}",
        ),
    ]


def tails(found: TwoValleys) -> list[Verdict]:
    """Heavy tails: the width counts, not the height; and what a variance changes."""
    high, wide = ([r for r in found.heavy if r["varied"] == kind] for kind in ("height", "width"))
    power = straight_line(np.log([r["width"] for r in wide]), np.log([r["jumps"] for r in wide]))
    spread = max(r["jumps"] for r in high) / min(r["jumps"] for r in high) - 1
    white = high[-1]["ln white"] - high[0]["ln white"]
    rows = {r["batch size"]: r for r in found.crossover}
    few, (near, far) = rows[4], (rows[48], rows[64])
    slope = (far["ln time"] - near["ln time"]) / 16
    cramer, gauss = (far[name] / 64 for name in ("S int q", "S int q, Gaussian"))
    return [
        Verdict(
            "heavy-width",
            "alpha-stable jumps: the time grows like a power of the valley's width and does not know its height",
            abs(power.slope / ALPHA - 1) <= TOLERANCE and spread <= TOLERANCE,
            f"time ~ width^({power.slope:.4f} +- {power.slope_error:.1g}), alpha = {ALPHA:g}; at "
            f"{HEIGHTS[-1] / HEIGHTS[0]:g} times the height it is {100 * spread:.2g} % longer, under white noise of "
            f"T = 0.03 e^{white:.1f} times",
        ),
        Verdict(
            "one-jump",
            "rare large examples with a variance: while batches are small one of them decides, and larger batches "
            "leave sooner",
            abs(few["ln time"] - few["ln one jump"]) <= 0.05 and few["ln time"] < rows[1]["ln time"],
            f"S = 4: ln(time) = {few['ln time']:.3f}, one jump {few['ln one jump']:.3f}; at S = 1 ln(time) = "
            f"{rows[1]['ln time']:.3f}",
        ),
        Verdict(
            "crossover",
            "at large batches the time is exponential in S, with Cramer's exponent and not the Gaussian one",
            abs(slope / cramer - 1) <= 2 * TOLERANCE,
            f"d ln(time)/dS = {slope:.4f} between S = 48 and 64, Cramer {cramer:.4f}, white noise of the same "
            f"covariance {gauss:.4f}",
        ),
    ]
