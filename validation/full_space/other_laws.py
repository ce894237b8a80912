"""Whether other laws of SGD's steps leave as soon as independent batches do, where theory says what to expect."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from validation.full_space import laws
from validation.full_space.places import TWINS
from validation.full_space.size import BATCHES, DISTINCT, GAUSSIAN, MAIN, MAIN_RATE, MOMENTA, NEAR, ROUND, SHUFFLED
from validation.full_space.theories import CRAMER
from validation.full_space.times import SPLITTING
from validation.study.findings import Row, Rows
from validation.study.report import Verdict

if TYPE_CHECKING:
    from validation.full_space.measures import EscapeLaw

SIGMAS = 3.0
FEW = 10
"""Exits of independent batches below which nothing is held against them."""
SAID = {
    DISTINCT: "Batches of different examples leave later by what they spare of the noise, (m - S)/(m - 1)",
    SHUFFLED: "Reshuffled epochs leave as soon as independent batches",
    ROUND: "Isotropic noise of the same trace leaves as late as independent batches",
    **{
        law: f"With momentum {beta:g} times are those of eta/(1 - beta) whose finite steps count (1 - beta)/(1 + beta)"
        for law, beta in MOMENTA.items()
    },
}


def verdicts(found: EscapeLaw) -> list[Verdict]:
    """Gaussian noise of the same covariance first, then other batches and momentum."""
    return [*_surrogate(found.times), *_of_steps(found)]


def _surrogate(times: Rows) -> list[Verdict]:
    found = []
    for place, expected in ((NEAR, True), (MAIN, False)):
        mine = [r for r in times if (r["network"], r["decay"], r["side"]) == (*place, TWINS) and r["eta"] == MAIN_RATE]
        gauss = [r for r in mine if r["noise"] == GAUSSIAN and math.isfinite(r["ln(iterations)"])]
        pairs = [(laws.one(mine, noise=BATCHES, S=r["S"], method=r["method"]), r) for r in gauss]
        known = [(real, r) for real, r in pairs if real is not None and math.isfinite(real["ln(iterations)"])]
        if not known:
            continue
        real, other = max(known, key=lambda pair: float(pair[1]["S"]))
        gap, error = real["ln(iterations)"] - other["ln(iterations)"], math.hypot(real["error"], other["error"])
        found.append(
            Verdict(
                f"surrogate-{real['network']}-{real['decay']:g}",
                "Gaussian noise of the same covariance leaves as soon as real mini-batches do "
                f"({real['network']}, weight decay {real['decay']:g})",
                abs(gap) < SIGMAS * error,
                f"ln ratio of the times {gap:.3f} +- {error:.3f} at S = {real['S']} ({_counted(real, other)}; limit "
                f"{SIGMAS:g} standard errors)",
                expected=expected,
            )
        )
    return found


def _of_steps(law: EscapeLaw) -> list[Verdict]:
    """Other laws of SGD's steps against independent batches, where theory says what to expect of the times."""
    where = {"network": MAIN[0], "decay": MAIN[1], "side": TWINS}
    cramer, place = laws.one(law.theories, theory=CRAMER, **where), laws.one(law.places, **where)
    if cramer is None or place is None:
        return []
    found = []
    for other in [r for r in law.times if r["noise"] in SAID and math.isfinite(r["ln(iterations)"])]:
        same = {k: other[k] for k in ("network", "decay", "side", "S", "eta", "method")}
        real = laws.one(law.times, noise=BATCHES, **same)
        if real is None or real["exits"] < FEW:
            continue
        shift = _shift(other["noise"], real, cramer, place["examples"])
        gap, error = other["ln(iterations)"] - real["ln(iterations)"], math.hypot(other["error"], real["error"])
        found.append(
            Verdict(
                f"law-{other['noise'].replace(' ', '-')}",
                SAID[other["noise"]],
                abs(gap - shift) <= SIGMAS * error,
                f"ln ratio of the times {gap:.3f} +- {error:.3f} at S = {real['S']} ({_counted(real, other)}), "
                f"{shift:.2f} expected; limit {SIGMAS:g} standard errors",
                expected=other["noise"] not in (SHUFFLED, ROUND),
            )
        )
    return found


def _shift(noise: str, real: Row, cramer: Row, examples: int) -> float:
    """What theory adds to ln(iterations) of independent batches.

    Different examples lower the covariance to (m - S)/(m - 1) of it.  A heavy ball at (1 - beta) eta widens a stiff
    direction h by 1/(1 - eta h/2 (1 - beta)/(1 + beta)), plain steps by 1/(1 - eta h/2), and what
    that adds to the prefactor is linear in eta.
    """
    if noise == DISTINCT:
        return float(cramer["slope"] * real["S/eta"] * (real["S"] - 1) / (examples - real["S"]))
    beta = MOMENTA.get(noise, 0.0)
    return float(-cramer["by steps"] * 2 * beta / (1 + beta))


def _counted(real: Row, other: Row) -> str:
    return "by splitting" if real["method"] == SPLITTING else f"{real['exits']} and {other['exits']} exits"
