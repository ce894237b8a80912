"""SGD on residual networks: which theory of escape survives?

    ln(iterations) = (S/eta) I + ln prefactor,      I: Cramer, Gaussian noise of covariance C1(x), C1(a), or C1 = H

Networks are trained on digits with wrong labels, slices are cut between pairs of minima, and on every slice SGD with
real mini-batches is held against the exponents of all theories (`validation.resnet.escapes`).  Before that the toolkit
itself is checked there: with Gaussian noise in place of mini-batches, paths, grid and quadrature must agree.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from fpsim.kernels.random_numbers import own_seed
from fpsim.sgd.minibatch import SAMPLINGS
from landscapes.networks.recipe import Recipe
from validation.resnet import verdicts as judge
from validation.resnet.escapes import GAUSSIAN, Sweep, batch_sizes, measured, one, swept
from validation.resnet.findings import Findings
from validation.resnet.slices import Case, Rule, fresh_case, shipped_case
from validation.resnet.tables import data, tables
from validation.resnet.toolkit_check import surrogate_routes
from validation.study.pieces import Pieces, Row
from validation.study.report import Progress, Report

if TYPE_CHECKING:
    from validation.full_space.run import FullSpace

SMALL = Recipe(
    examples=512, width=1, data_seed=3, network_seed=1, branch_steps=60, branch_batch=64, polish_steps=300,
    newton_steps=0, nodes=97,
)  # fmt: skip
"""A ResNet-8 of width 1: it cannot learn the wrong labels by heart, so that gradients keep their noise at minima."""


@dataclass(frozen=True)
class Size:
    """How much is trained and sampled.

    Attributes:
        networks: name and recipe of every network that is trained.
        rule: which slices are taken.
        points: batch sizes per sweep.
        budget, most_paths: examples drawn per batch size (about), and replicas at most.
        route_paths: random paths of the toolkit's check.
        law_points: batch sizes at which all laws of noise run, on the first fresh slice.
        rates: learning rates of the first fresh slice, in units of its own.
        large_steps: stiffness eta |H| and batch sizes of the sweeps on the slice that ships.
        spectrum: whether the ends of the full Hessian's spectrum are computed.
    """

    networks: tuple[tuple[str, Recipe], ...]
    rule: Rule
    points: int
    budget: float
    most_paths: int
    route_paths: int
    law_points: int
    rates: tuple[float, ...]
    large_steps: tuple[tuple[float, tuple[int, ...]], ...]
    spectrum: bool = True

    @classmethod
    def of(cls, quick: bool, seed: int = 0) -> Size:
        """About four minutes, or half an hour with the panel on all parameters (two cores)."""
        small = replace(SMALL, data_seed=3 + 10 * seed, network_seed=1 + seed, branch_seed=101 + 100 * seed)
        rule = Rule(slope=1.6)
        if quick:
            large = ((0.5, (2, 3, 4)),)
            return cls((("one", small),), rule, 4, 2e7, 400, 1000, 2, (2.0, 1.0), large)
        more = replace(small, data_seed=5 + 10 * seed, network_seed=7 + seed, branch_seed=201 + 100 * seed)
        third = replace(small, data_seed=7 + 10 * seed, network_seed=13 + seed, branch_seed=301 + 100 * seed)
        networks = (("one", small), ("two", more), ("three", third))
        return cls(networks, rule, 4, 1.5e8, 3000, 4000, 3, (2.0, 1.0, 0.5), ((0.5, (2, 3, 4, 5)), (0.25, (1, 2))))


def resnet(
    quick: bool = False,
    seed: int = 0,
    threads: int | None = None,
    progress: Progress | None = None,
    pieces: Pieces | None = None,
) -> Report:
    """Train small ResNets, cut slices between minima, and hold SGD's escapes against every theory; then full space.

    Args:
        quick: one network and fewer replicas.
        seed: of data, labels, networks, branches and random paths.
        threads: of the random paths, which do not depend on it; torch takes one thread always.
        progress: called with a share and a name.
        pieces: where finished parts are kept.

    Returns:
        a report with slopes, prefactors and a verdict per claim.

    Raises:
        ImportError: without torch (extra ``network``).
        ValueError: if no slice passes the rule.
    """
    from validation.full_space import run as panel

    tell, kept = progress or (lambda share, name="": None), pieces or Pieces()
    slices = study(Size.of(quick, seed), seed, threads, lambda s, n="": tell(0.7 * s, n), kept, quick)
    around = panel.full_space(panel.Size.of(quick), seed, kept, lambda s, n="": tell(0.7 + 0.3 * s, n))
    return joined(slices, around)


def joined(slices: Report, around: FullSpace) -> Report:
    """The report on slices with the panel on the full space of parameters."""
    import xarray

    return replace(
        slices,
        summary=f"{slices.summary}\n\n{around.summary}",
        verdicts=slices.verdicts + around.verdicts,
        tables=slices.tables + around.tables,
        pictures={**slices.pictures, **around.pictures},
        data=xarray.merge([slices.data, around.data], combine_attrs="override"),
        settings={**slices.settings, "full space": around.settings},
    )


def study(size: Size, seed: int, threads: int | None, tell: Progress, pieces: Pieces, quick: bool = False) -> Report:
    """The study at any size."""
    count = len(size.networks)
    fresh = [
        fresh_case(name, recipe, size.rule, pieces, lambda s, n="", i=i: tell(0.4 * (i + s) / count, n), size.spectrum)
        for i, (name, recipe) in enumerate(size.networks)
    ]
    found = escapes((shipped_case(), *fresh), size, seed, threads, tell, pieces)
    tell(1.0, "report")
    return assembled(found, size, seed, quick)


def assembled(found: Findings, size: Size, seed: int, quick: bool = False) -> Report:
    """The report on what was measured."""
    return Report(
        name="resnet",
        title="SGD on residual networks: slopes of escape times against every theory",
        summary=SUMMARY,
        verdicts=judge.verdicts(found),
        tables=tables(found),
        pictures=_pictures(found),
        data=data(found, seed),
        settings={"quick": quick, **_settings(size)},
        seed=seed,
    )


SUMMARY = (
    "Small ResNets without normalisation are trained on 8 x 8 digits of which 30 % carry wrong labels; between pairs "
    "of minima the losses of all examples are tabulated on the connecting line. On such a slice SGD draws real "
    "mini-batches of single examples' gradients. A slice is taken by a rule stated beforehand that knows the theories "
    "but no measured time: two minima and one barrier, a fine table, small steps (eta |H| on the climb is limited, at "
    "the learning rate for which Cramer's exponent grows by a stated slope per example), and exponents of Cramer and "
    "of Gaussian noise that lie apart. The ends of a slice are stationary along it; how nearly they are minima of the "
    "whole network is in the table of ends. Slopes are those of ln(iterations) against the batch size at fixed "
    "learning rate."
)


def escapes(
    cases: tuple[Case, ...], size: Size, seed: int, threads: int | None, tell: Progress, pieces: Pieces
) -> Findings:
    """Everything that is measured on slices, the shipped one (first) and fresh ones."""
    shipped, *fresh = cases
    count = len(cases)
    routes = []
    for i, case in enumerate(cases):
        tell(0.4 + 0.1 * i / count, f"paths, grid and quadrature on {case.name}")
        for word, climb in zip(_sides(case), (case.climb, case.back), strict=True):
            routes.append(surrogate_routes(case, word, climb, size.route_paths, seed, threads, pieces))

    def run(case: Case, law: str, rate: float, sizes: Sequence[int], small: bool = True) -> Sweep:
        budget = (size.budget, size.most_paths)
        return swept(case, law, rate, sizes, *budget, seed, threads, pieces, small)

    sweeps, laws, rates = [], [], []
    for i, case in enumerate(fresh):
        tell(0.5 + 0.2 * i / count, f"SGD on {case.name}")
        rate = case.climb.exponent / size.rule.slope
        sweeps.append(run(case, SAMPLINGS[0], rate, _batches(case, rate, size.points)))
    for case, sweep in zip(fresh[:1], sweeps[:1], strict=True):
        for i, law in enumerate((*SAMPLINGS[1:], GAUSSIAN)):
            tell(0.7 + 0.05 * i, f"{law} on {case.name}")
            laws.append(run(case, law, sweep.learning_rate, [row["S"] for row in sweep.rows[: size.law_points]]))
        for i, factor in enumerate(size.rates):
            tell(0.85 + 0.04 * i, f"other learning rates on {case.name}")
            rate = factor * sweep.learning_rate
            rates.append(run(case, SAMPLINGS[0], rate, _batches(case, rate, size.points, max(1, round(factor)))))
    large = []
    for stiffness, sizes in size.large_steps:
        tell(0.95, "large steps on the shipped slice")
        large.append(run(shipped, SAMPLINGS[0], stiffness / shipped.climb.stiffest, sizes, small=False))
    tell(0.98, "both ways")
    both = [
        row for case, sweep in zip(fresh, sweeps, strict=True) for row in _both_ways(case, sweep, seed, threads, pieces)
    ]
    return Findings(cases, routes, sweeps, laws, rates, large, both)


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


def _both_ways(case: Case, sweep: Sweep, seed: int, threads: int | None, pieces: Pieces) -> list[Row]:
    """Out of either minimum at the same learning rate and batch size; the second is given ten times as long."""
    size, paths = sweep.rows[0]["S"], 200
    rows, horizon = [], 10 * sweep.rows[0]["iterations"]
    for side, climb in zip(_sides(case), (case.climb, case.back), strict=True):
        own = own_seed(seed, case.name, side)
        run = one(measured, case.line, climb, sweep.learning_rate, size, SAMPLINGS[0], paths, horizon, own, threads)
        key = {"start": climb.start, "target": climb.target, "rate": sweep.learning_rate, "S": size, "horizon": horizon}
        (row,) = pieces.rows(f"{case.name}-way-{side}", run, seed=own, **key)
        rows.append(
            {
                "slice": case.name, "from": side, "H": climb.curvature, "barrier": climb.barrier,
                "Cramer exponent": climb.exponent, "S": size, "iterations": row["iterations"], "error": row["error"],
                "censored": row["censored"], "at least": _least(row),
            }
        )  # fmt: skip
    return rows


def _least(row: Row) -> float:
    """Lower 95 % bound of the mean, for exponential times: twice the time followed over a quantile of chi-square."""
    from scipy.stats import chi2

    exits = row["paths"] - row["censored"]
    return float(2 * row["per exit"] * max(1, exits) / chi2.ppf(0.95, 2 * exits + 2))


def _pictures(found: Findings) -> dict[str, Any]:
    from validation.resnet import pictures as draw

    figures: dict[str, Any] = {
        "slices": lambda: draw.slices_figure(found.cases),
        "toolkit": lambda: draw.routes_figure(found.routes),
    }
    if found.sweeps:
        figures["slopes"] = lambda: draw.slopes_figure(found.sweeps)
        figures["laws-and-rates"] = lambda: draw.laws_figure([found.sweeps[0], *found.laws], found.rates)
    return figures


def _settings(size: Size) -> dict[str, Any]:
    plain = {key: value for key, value in asdict(size).items() if key not in ("networks", "rule")}
    return {**plain, "rule": asdict(size.rule), **{f"recipe {name}": asdict(recipe) for name, recipe in size.networks}}
