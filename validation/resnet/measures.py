"""SGD on residual networks: which theory of escape survives?

    ln(iterations) = (S/eta) I + ln prefactor,      I: Cramer, Gaussian noise of covariance C1(x), C1(a), or C1 = H

Networks are trained on digits with wrong labels, slices are cut between pairs of minima, and on every slice SGD with
real mini-batches is held against the exponents of all theories (`validation.resnet.escapes`).  Before that the toolkit
itself is checked there: with Gaussian noise in place of mini-batches, paths, grid and quadrature must agree.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fpsim.kernels.random_numbers import own_seed
from fpsim.sgd.minibatch import SAMPLINGS
from validation.resnet.escapes import GAUSSIAN, Sweep, batch_sizes, measured, one, steps_too_large, swept
from validation.resnet.findings import Slices
from validation.resnet.slices import Case, fresh_case, shipped_case
from validation.resnet.toolkit_check import surrogate_routes
from validation.study.findings import Row, Rows

if TYPE_CHECKING:
    from validation.resnet.size import Size
    from validation.study.run import Run


def measure(run: Run[Size]) -> Slices:
    """Train networks and cut slices; then everything on the shipped slice and on these.

    Raises:
        ValueError: if no slice passes the rule.
    """
    size, count, fresh = run.size, len(run.size.networks), []
    for i, (name, recipe) in enumerate(size.networks):
        tell = run.within(0.4 * i / count, 0.4 * (i + 1) / count).tell
        fresh.append(fresh_case(name, recipe, size.rule, run.pieces, tell, size.spectrum))
    return escapes(run, (shipped_case(), *fresh))


def escapes(run: Run[Size], cases: tuple[Case, ...]) -> Slices:
    """Everything that is measured on slices, the shipped one (first) and fresh ones."""
    size, (shipped, *fresh), count = run.size, cases, len(cases)
    routes, found = [], dict[str, list[Sweep]](sweeps=[], laws=[], rates=[], large=[])
    for i, case in enumerate(cases):
        run.tell(0.4 + 0.1 * i / count, f"paths, grid and quadrature on {case.name}")
        for word, climb in zip(_sides(case), (case.climb, case.back), strict=True):
            routes.append(surrogate_routes(run, case, word, climb))
    for i, case in enumerate(fresh):
        run.tell(0.5 + 0.2 * i / count, f"SGD on {case.name}")
        rate = case.climb.exponent / size.rule.slope
        found["sweeps"].append(swept(run, case, SAMPLINGS[0], rate, _batches(case, rate, size.points)))
    for case, sweep in zip(fresh[:1], found["sweeps"][:1], strict=True):
        found["laws"], found["rates"] = _laws(run, case, sweep), _rates(run, case, sweep)
    for stiffness, sizes in size.large_steps:
        run.tell(0.95, "large steps on the shipped slice")
        found["large"].append(swept(run, shipped, SAMPLINGS[0], stiffness / shipped.climb.stiffest, sizes))
    run.tell(0.98, "both ways")
    ways = [row for pair in zip(fresh, found["sweeps"], strict=True) for row in _both_ways(run, *pair)]
    return Slices.of(cases, routes, found, ways)


def _laws(run: Run[Size], case: Case, sweep: Sweep) -> list[Sweep]:
    """The other laws of noise at the same learning rate and the first batch sizes."""
    sweeps, sizes = [], [row["S"] for row in sweep.rows[: run.size.law_points]]
    for i, law in enumerate((*SAMPLINGS[1:], GAUSSIAN)):
        run.tell(0.7 + 0.05 * i, f"{law} on {case.name}")
        sweeps.append(swept(run, case, law, sweep.learning_rate, sizes))
    return sweeps


def _rates(run: Run[Size], case: Case, sweep: Sweep) -> list[Sweep]:
    """Real SGD at other learning rates."""
    sweeps = []
    for i, factor in enumerate(run.size.rates):
        run.tell(0.85 + 0.04 * i, f"other learning rates on {case.name}")
        rate = factor * sweep.learning_rate
        sizes = _batches(case, rate, run.size.points, max(1, round(factor)))
        sweeps.append(swept(run, case, SAMPLINGS[0], rate, sizes))
    return sweeps


MOST_ITERATIONS = 4e6
"""Predicted iterations at the largest batch size of a sweep, at most."""


def _batches(case: Case, rate: float, count: int, stride: int = 1) -> list[int]:
    found = batch_sizes(case.line, case.climb, rate, count, stride, MOST_ITERATIONS)
    if len(found) < 2:
        raise ValueError(
            f"slice {case.name} has {len(found)} batch sizes with an affordable escape at learning rate {rate:.3g}; "
            "a slope needs two, so take another one in the rule"
        )
    return found


def _sides(case: Case) -> tuple[str, str]:
    """Where the chosen climb and the way back start."""
    return ("left", "right") if case.climb.start < case.back.start else ("right", "left")


def _both_ways(run: Run[Size], case: Case, sweep: Sweep) -> Rows:
    """Out of either minimum at the same learning rate and batch size; the second is given ten times as long."""
    size, paths = sweep.rows[0]["S"], 200
    rows, horizon = [], 10 * sweep.rows[0]["iterations"]
    for side, climb in zip(_sides(case), (case.climb, case.back), strict=True):
        own = own_seed(run.seed, case.name, side)
        way = (case.line, climb, sweep.learning_rate, size, SAMPLINGS[0], paths, horizon, own, run.threads)
        key = {"start": climb.start, "target": climb.target, "rate": sweep.learning_rate, "S": size, "horizon": horizon}
        (row,) = run.pieces.rows(f"{case.name}-way-{side}", one(measured, *way), seed=own, **key)
        rows.append(
            {
                "slice": case.name, "from": side, "H": climb.curvature, "barrier": climb.barrier,
                "Cramer exponent": climb.exponent, "S": size, "iterations": row["iterations"], "error": row["error"],
                "censored": row["censored"], "at least": _least(row),
                "too large for Cramer": steps_too_large(case.line, climb, sweep.learning_rate, size),
            }
        )  # fmt: skip
    return rows


def _least(row: Row) -> float:
    """Lower 95 % bound of the mean, for exponential times: twice the time followed over a quantile of chi-square."""
    from scipy.stats import chi2

    exits = row["paths"] - row["censored"]
    return float(2 * row["per exit"] * max(1, exits) / chi2.ppf(0.95, 2 * exits + 2))
