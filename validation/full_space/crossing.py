"""The panel of many escape paths: shares of the passes, and the sum of their rates, against theory.

Expectations and tolerances were fixed before confirming seeds were drawn; afterwards the verdict on where exits end was
split by batch size.
"""

from __future__ import annotations

import math

from validation.full_space.passes import EVERY, RATE, SEEDS, ManyPasses, Size, measure, predicted
from validation.full_space.times import LAG
from validation.study.findings import Row, Rows
from validation.study.report import Verdict
from validation.study.study import Study, Told

SIGMAS = 3.0
STILL = 1e-10
SYSTEMATIC = 0.25
"""Of ln(rate over one pass / rate over the other) by theory: what finite noise and finite steps may take."""
LEAST = 0.95
"""Share of exits that descend into the valley beyond their pass."""
EXPECTED = {"gauss": True}
"""Whether shares are those of a theory."""
NAMES = {"gauss": "Gaussian noise"}


def shares(found: ManyPasses) -> Rows:
    """The measured share of the first pass at each S, and what theories say."""
    rows = []
    for row in (r for r in found.exits if r["over"] == "both" and r["exits"]):
        first, second = (row[f"exits {p['pass']}"] for p in found.passes)
        share, n = first / row["exits"], row["exits"]
        for theory in EXPECTED:
            logs = predicted(found.ways, theory, row["S"])
            if logs is None:
                continue
            gap = logs[found.passes[0]["pass"]] - logs[found.passes[1]["pass"]]
            wanted = 1 / (1 + math.exp(gap))
            error = math.hypot(math.sqrt(wanted * (1 - wanted) / n), SYSTEMATIC * wanted * (1 - wanted))
            total = -float(math.log(sum(math.exp(-value) for value in logs.values())))
            rows.append(
                {
                    "S": row["S"], "theory": theory, "exits over the first": first, "over the second": second,
                    "share of the first": share, "binomial error": math.sqrt(share * (1 - share) / n),
                    "predicted": wanted, "z": (share - wanted) / error,
                    "ln(iterations)": math.log(row["walked"] / n), "its error": 1 / math.sqrt(n),
                    "predicted ln(iterations)": total,
                }
            )  # fmt: skip
    return rows


def sums(found: ManyPasses) -> Rows:
    """The rate over either pass beside the sum of the rates over each alone, from runs of their own."""
    rows = []
    for row in (r for r in found.exits if r["over"] == "both" and r["exits"]):
        alone = [r for r in found.exits if r["S"] == row["S"] and r["over"] != "both"]
        if len(alone) < len(SEEDS) - 1:
            continue
        rate, added = row["exits"] / row["walked"], sum(r["exits"] / r["walked"] for r in alone)
        spread = math.sqrt(sum(r["exits"] / r["walked"] ** 2 for r in alone))
        if not added:
            continue
        gap, error = math.log(rate / added), math.hypot(1 / math.sqrt(row["exits"]), spread / added)
        rows.append(
            {
                "S": row["S"], "rate": rate, "sum of both alone": added, "ln ratio": gap, "error": error,
                "z": gap / error,
            }
        )  # fmt: skip
    return rows


def verdicts(found: ManyPasses) -> tuple[Verdict, ...]:
    """In the order of the tables."""
    return (*_certified(found.passes), *_ends(found.exits), *_sums(sums(found)), *_shares(shares(found)))


def _certified(rows: Rows) -> list[Verdict]:
    norm = max(max(r["gradient norm at a"], r["gradient norm at b"]) for r in rows)
    low, high = max(r["lowest curvature of b"] for r in rows), min(r["next curvature of b"] for r in rows)
    return [
        Verdict(
            "passes-certified",
            "Two passes lead out of one minimum, over saddles of index 1 that descend to it and to another one",
            norm <= STILL and low < 0 < min(high, rows[0]["lowest curvature of a"]),
            f"barriers {' and '.join(format(r['barrier'], '.4g') for r in rows)}; largest gradient norm {norm:.1g}, "
            f"limit {STILL:g}; lowest curvatures of the saddles {low:.3g} or less, the next {high:.3g} or more",
        )
    ]


def _ends(rows: Rows) -> list[Verdict]:
    return [
        Verdict(
            f"passes-ends-{row['S']}",
            f"Who has left over a pass is in the valley beyond it (S = {row['S']})",
            row["in its valley"] >= LEAST * row["followed down"],
            f"descent with the whole data set leads {row['in its valley']} of {row['followed down']} exits to the "
            f"minimum beyond their pass (at least {100 * LEAST:g} % wanted)",
        )
        for row in rows
        if row["followed down"]
    ]


def _sums(rows: Rows) -> list[Verdict]:
    return [
        Verdict(
            f"passes-sum-{row['S']}",
            f"The rate of leaving is the sum of the rates over each pass alone (S = {row['S']})",
            abs(row["z"]) < SIGMAS,
            f"ln ratio {row['ln ratio']:.3f} +- {row['error']:.3f}, z = {row['z']:+.1f} (limit {SIGMAS:g})",
        )
        for row in rows
    ]


def _shares(rows: Rows) -> list[Verdict]:
    return [
        Verdict(
            f"passes-share-{row['S']}-{row['theory']}",
            f"Exits take each pass in its share, by the least action of {NAMES[row['theory']]} (S = {row['S']})",
            abs(row["z"]) < SIGMAS,
            _words(row),
            expected=EXPECTED[row["theory"]],
        )
        for row in rows
    ]


def _words(row: Row) -> str:
    return (
        f"{row['exits over the first']} and {row['over the second']} exits: share of the first "
        f"{row['share of the first']:.3f} +- {row['binomial error']:.3f} against {row['predicted']:.3f}, z = "
        f"{row['z']:+.1f} with {SYSTEMATIC:g} in the logarithm of the two rates' ratio for what small noise leaves out"
    )


def told(found: ManyPasses) -> Told:
    """The passes, and who took which."""
    place = found.passes[0]
    return Told(
        f"A perceptron of {place['parameters']} parameters on {place['examples']} images closed under two mirrors has "
        "four minima that mirror each other. From each, one pass leads to the minimum's up-down image and another, "
        "lower one to its left-right image. SGD with real mini-batches starts in the minimum; exits over either pass "
        "are counted, in further runs those over one of them alone.",
        verdicts(found),
        {
            "Many escape paths: the share of the first pass, and the rate over both": shares(found),
            "Many escape paths: the rate over either pass, and the sum of the rates over each alone": sums(found),
            "Many escape paths: least actions and prefactors over each pass": found.ways,
            "Many escape paths: exits after the valley is filled": found.exits,
            "Many escape paths: the passes": found.passes,
        },
        {},
    )


FACTS = {"learning rate": RATE, "lag in relaxation times": LAG, "iterations between looks": EVERY, "sigmas": SIGMAS,
         "systematic": SYSTEMATIC, "expected": EXPECTED}  # fmt: skip
TITLE = "Many escape paths out of one minimum of a network"
STUDY = Study("many passes", TITLE, Size.of, ManyPasses, measure, told, FACTS)
