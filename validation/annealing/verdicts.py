"""Verdicts on logarithmic cooling."""

from __future__ import annotations

import numpy as np

from validation.study.findings import Rows
from validation.study.report import Verdict

TOLERANCE = 0.02
"""Of P late in the cooling, absolute: what two states neglect is the start, while exits are not yet rare."""
SIGMAS = 5.0


def verdicts(rows: Rows) -> list[Verdict]:
    """All claims."""
    by = {share: [r for r in rows if r["c / depth"] == share] for share in sorted({r["c / depth"] for r in rows})}
    cold, hot = by[min(by)], by[max(by)]
    last = [series[-1] for series in by.values()]
    gap = max(abs(r["grid"] - r["two states"]) for r in last)
    walked = [r for r in rows if np.isfinite(r["paths"])]
    z = max(abs(r["paths"] - r["grid"]) / r["paths_error"] for r in walked)
    kept = cold[-1]["grid"] / cold[-2]["grid"]
    slow, rest = by[min(by, key=lambda share: abs(share - 1))], hot[-1]["grid"] / hot[-1]["equilibrium"]
    return [
        Verdict(
            "frozen",
            "below the depth (Hajek's condition violated) the shallower valley keeps a share for ever",
            kept >= 0.99 and cold[-1]["grid"] > 0.1,
            f"c = {cold[0]['c / depth']:g} depth: P = {cold[-1]['grid']:.4f} at t = {cold[-1]['time']:g}, "
            f"{100 * (1 - kept):.2g} % less than at t = {cold[-2]['time']:g}; at equilibrium it is "
            f"{cold[-1]['equilibrium']:.1g}",
        ),
        Verdict(
            "two-states",
            "the share that is left is that of two states with the exact rates of every moment",
            gap <= TOLERANCE,
            f"largest difference {gap:.4f} over {len(last)} coolings (limit {TOLERANCE:g})",
        ),
        Verdict(
            "forgotten",
            "above the depth the chance follows the equilibrium of the temperature, so that the deeper valley is found",
            abs(rest - 1) <= 0.1 and hot[-1]["grid"] < hot[0]["grid"] / 2,
            f"c = {hot[0]['c / depth']:g} depth: P = {hot[-1]['grid']:.4f} at t = {hot[-1]['time']:g}, {rest:.3f} of "
            "the equilibrium",
        ),
        Verdict(
            "threshold",
            "at the depth itself it still goes to zero",
            slow[-1]["grid"] < slow[0]["grid"] / 4,
            f"c = {slow[0]['c / depth']:g} depth: P from {slow[0]['grid']:.4f} at t = {slow[0]['time']:g} to "
            f"{slow[-1]['grid']:.4f} at t = {slow[-1]['time']:g}",
        ),
        Verdict(
            "paths",
            "paths agree with the Fokker-Planck equation of every moment",
            z <= SIGMAS,
            f"largest |z| = {z:.2f} over {len(walked)} cases (limit {SIGMAS:g})",
        ),
    ]
