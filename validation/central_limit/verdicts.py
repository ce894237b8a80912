"""Verdicts on sums of heavy-tailed draws: five sigma, fixed beforehand."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from validation.study.report import Verdict

if TYPE_CHECKING:
    from validation.central_limit.measures import Sums

SIGMAS = 5.0
SIGNIFICANT = 2.76
"""sqrt(N) times a Kolmogorov-Smirnov distance exceeds this with probability 5e-7, as five sigma do."""


def verdicts(found: Sums) -> list[Verdict]:
    """Growth, both limits, and the tail index."""
    most = max(r["n"] for r in found.sums)
    last = [r for r in found.sums if r["n"] == most]
    heavy, light = ([r for r in last if (r["a"] < 2) == wanted] for wanted in (True, False))
    limit = significant(found)
    off = max(abs(g["exponent"] - g["theory"]) / g["error"] for g in found.growth)
    stably = [r["distance to the stable law"] for r in last]
    gaussian = [r["distance to a Gaussian"] for r in heavy]
    z = max(abs(r["index"] - r["alpha"]) / r["error"] for r in found.drawn)
    return [
        Verdict(
            "growth",
            "sums of n heavy-tailed draws grow like n^(1/alpha), alpha = min(a, 2)",
            off <= SIGMAS,
            ", ".join(
                f"{g['exponent']:.4f} +- {g['error']:.1g} (a = {g['a']:g}, theory {g['theory']:.4f})"
                for g in found.growth
            )
            + f"; largest |z| = {off:.2f} (limit {SIGMAS:g})",
        ),
        Verdict(
            "stable-limit",
            "scaled, they tend to the stable law of that index and of the known scale",
            max(stably) <= limit,
            f"Kolmogorov-Smirnov distances at n = {most}: "
            + ", ".join(f"{d:.4f}" for d in stably)
            + f" (limit {limit:.4f}, five sigma of {last[0]['sums']} sums)",
        ),
        Verdict(
            "gaussian-limit",
            "sums of many independent draws tend to a Gaussian, whatever the tails",
            max(gaussian) <= limit,
            f"distances for a < 2 from the Gaussian of the same quartiles: {', '.join(f'{d:.3f}' for d in gaussian)} "
            f"(limit {limit:.4f})",
            expected=False,
        ),
        Verdict(
            "finite-variance",
            "with finite variance they do, heavy tails or not",
            all(r["distance to the stable law"] <= limit for r in light),
            ", ".join(f"a = {r['a']:g}: {r['distance to the stable law']:.4f}" for r in light)
            + f" (limit {limit:.4f}), though the fourth moment of a draw is infinite",
        ),
        Verdict(
            "tail-index",
            "the tail index of drawn stable numbers is their alpha",
            z <= SIGMAS,
            ", ".join(f"{r['index']:.3f} +- {r['error']:.2g} ({r['alpha']:g})" for r in found.drawn)
            + f"; largest |z| = {z:.2f} (limit {SIGMAS:g})",
        ),
    ]


def significant(found: Sums) -> float:
    """A distance that chance does not give."""
    return SIGNIFICANT / math.sqrt(found.sums[0]["sums"])
