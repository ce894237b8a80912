"""Slope and prefactor of the escape-time formula for SGD, against what SGD's noise really is.

    tau = P exp[(2 S dL / eta) (s / H_a + (1 - s) / |H_b|)],       0 < s < 1

(Xie, Sato, Sugiyama 2021, arXiv 2002.03495, theorem 3.2) is compared with exact or sampled times of one double
well under two-level noise (which the theorem assumes), |H| noise with a floor, the discrete chain, and true
mini-batches.  S, 1/eta, dL and 1/H are varied one at a time.  The slope is fitted against the model's own exponent, so
that 1 is agreement; the ``s`` that the theorem would need for the measured slope stands beside it.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from fpsim.escape import EscapeProblem
from fpsim.exact.first_passage import first_passage
from fpsim.routes.grid import escape_time_by_grid
from fpsim.sde.gates import gates
from validation.escape_formula import four_noises as noises
from validation.escape_formula.four_noises import VARIABLES, Setting
from validation.escape_formula.sweeps import Kind, Plan, points, swept
from validation.study.findings import Findings, Row, Rows

if TYPE_CHECKING:
    from validation.study.run import Run

CONTINUOUS = Setting(0.1, 5.0)
MULTIPLES = (1.0, 1.4, 2.0, 2.8, 4.0)
KAPPAS = (0.02, 0.01, 0.005, 0.0025)
FLOOR_KAPPAS = (0.2, 0.1, 0.05)
FLOORS = (1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6)
SURROGATE_RATES = (0.1, 0.07, 0.05, 0.035, 0.025, 0.0175, 0.0125)
CHAIN_BATCHES = {
    0.1: (0.5, 1.0, 2.0, 3.0, 4.0),
    0.2: (0.5, 1.0, 2.0, 4.0, 6.0, 8.0),
    0.3: (1.0, 2.0, 4.0, 8.0, 16.0, 32.0),
}


@dataclass(frozen=True)
class Size:
    """How much is sampled."""

    paths: int
    rates: tuple[float, ...]
    batches: tuple[float, ...]
    barriers: tuple[float, ...]
    chain_rates: tuple[float, ...]

    @classmethod
    def of(cls, quick: bool, seed: int = 0) -> Size:
        """About a minute on two cores, or some minutes."""
        if quick:
            return cls(1000, (0.1, 0.07, 0.05), (2.0, 3.0, 4.0), (0.25, 0.3, 0.35), (0.1, 0.3))
        return cls(4000, (0.1, 0.07, 0.05, 0.04), (2.0, 3.0, 4.0, 5.0), (0.25, 0.3, 0.35, 0.4), (0.1, 0.2, 0.3))


@dataclass(frozen=True)
class EscapeFormula(Findings):
    """What was measured.

    Attributes:
        point: every point of every sweep (`validation.escape_formula.sweeps`).
        prefactor: exact time over the two-level formula as kappa falls.
        floor: ln(time) under literal noise as its floor falls.
        check: quadrature and grid against known values.
    """

    point: Rows
    prefactor: Rows
    floor: Rows
    check: Rows


def measure(run: Run[Size]) -> EscapeFormula:
    """Every sweep is a piece, and none needs another."""
    wanted = []
    for i, plan in enumerate([*continuous(), *chains(run.size), *sampled(run.size)]):
        make = partial(_points, i, plan, run.size.paths, run.seed, run.threads)
        wanted.append(run.piece(f"{plan.model}-{i}", make, "paths", plan=repr(plan)))
    wanted += [run.piece(make.__name__, make) for make in (prefactors, floors, check_values)]
    *points, prefactor, floor, check = run.together(wanted)
    return EscapeFormula(list(itertools.chain(*points)), prefactor, floor, check)


def _points(number: int, plan: Plan, paths: int, seed: int, threads: int | None) -> Rows:
    time: Callable[[Setting], tuple[float, float]]
    exact, theory = EXACT.get(plan.model, (None, noises.cramer_theory))
    if exact is None:
        time = partial(noises.sampled_log_time, paths=paths, seed=seed, threads=threads)
    else:
        time = lambda setting: (exact(setting), 0.0)  # noqa: E731
    return points([swept(plan, time, theory)], number)


EXACT: dict[str, tuple[Callable[[Setting], float], Callable[[Setting], tuple[float, float]]]] = {
    **{
        model: (partial(noises.continuous_log_time, model=model), partial(noises.continuous_theory, model=model))
        for model in ("two-level", "floored")
    },
    "chain": (noises.chain_log_iterations, lambda s: (noises.chain_exponent(s), math.nan)),
    "surrogate": (noises.surrogate_log_time, noises.surrogate_theory),
}
"""Models with exact ln(time): the function that gives it, and exponent and ln(prefactor) of the theory."""


def continuous() -> list[Plan]:
    """Two-level and floored noise: exact times by quadrature."""
    return [
        Plan(model, variable, tuple(CONTINUOUS.varied(variable, m) for m in MULTIPLES), Kind.ASYMPTOTE)
        for model in ("two-level", "floored")
        for variable in VARIABLES
    ]


def chains(size: Size) -> list[Plan]:
    """The discrete chain: exact times by transfer matrix, exponents by the quasi-potential."""
    small, large = Setting(0.1, 1.0), Setting(0.3, 2.0)
    in_s = [
        Plan("chain", "S", tuple(Setting(eta, s) for s in CHAIN_BATCHES[eta]), Kind.WITH_LOGARITHM)
        for eta in size.chain_rates
    ]
    others = (
        ("1/eta", large, (1.0, 1.5, 2.0, 3.0)), ("dL", small, (1.0, 2.0, 3.0)), ("1/H", large, (1.0, 1.5, 2.0, 3.0)),
    )  # fmt: skip
    return [
        *in_s,
        *(Plan("chain", name, tuple(first.varied(name, f) for f in factors)) for name, first, factors in others),
    ]


def sampled(size: Size) -> list[Plan]:
    """True mini-batches by Monte Carlo, and their Gaussian surrogate by transfer matrix."""
    one = Setting(0.1, 1.0)
    plans = {
        "S": [Setting(0.2, s) for s in size.batches],
        "1/eta": [Setting(eta, 1.0) for eta in size.rates],
        "dL": [Setting(0.1, 1.0, barrier) for barrier in size.barriers],
        "1/H": [one.varied("1/H", 0.1 / eta) for eta in size.rates],
    }
    rates = tuple(Setting(eta, 1.0) for eta in SURROGATE_RATES)
    return [
        *(Plan("mini-batches", variable, tuple(settings)) for variable, settings in plans.items()),
        Plan("surrogate", "1/eta", rates, Kind.ASYMPTOTE, 3),
    ]


def prefactors() -> Rows:
    """Exact time over the two-level formula as kappa falls, for every convention, and over the published prefactor."""
    rows = []
    for kappa in KAPPAS:
        setting = Setting(0.1, 0.1 / (2 * kappa))
        row: Row = {"kappa": kappa}
        for convention in ("ito", "stratonovich", "anti-ito"):
            exponent, prefactor = noises.continuous_theory(setting, "two-level", convention)
            row[convention] = math.exp(
                noises.continuous_log_time(setting, "two-level", convention) - exponent - prefactor
            )
        exponent, _ = noises.continuous_theory(setting, "two-level")
        published = math.log(2 * math.pi / (setting.curvature / 2)) + exponent
        row["ito / published"] = math.exp(noises.continuous_log_time(setting, "two-level") - published)
        rows.append(row)
    return rows


def _floored_problem(kappa: float, floor: float) -> EscapeProblem:
    problem = noises.continuous(Setting(0.1, 0.05 / kappa), "floored", floor=floor)
    return EscapeProblem(problem.sde, -1.0, 0.3)


def floors() -> Rows:
    """ln(time) from -1 to 0.3 as the floor falls, at three noises."""
    rows = []
    for kappa in FLOOR_KAPPAS:
        for floor in FLOORS:
            problem = _floored_problem(kappa, floor)
            log_mean = first_passage(problem.sde, problem.point, problem.target, tolerance=1e-8).log_mean
            delta = gates(problem.sde, -1.0, 0.3)[0].delta
            rows.append({"kappa": kappa, "floor": floor, "ln time": log_mean, "delta": delta})
    return rows


def check_values() -> Rows:
    """Quadrature against known values, and the grid with its own verdict."""
    rows = []
    for floor, known in ((1e-1, 733.125), (1e-2, 100862.0), (1e-3, 1.64926e7), (1e-5, math.nan)):
        problem = _floored_problem(0.1, floor)
        grid = escape_time_by_grid(problem.sde, problem.point, problem.target)
        exact = problem.by_quadrature().mean
        rows.append(
            {
                "floor": floor, "quadrature": exact, "known (6 digits)": known, "grid": grid.mean,
                "grid / quadrature": grid.mean / exact, "grid's error": grid.error / grid.mean,
                "grid says it converges": grid.converged.holds,
            }
        )  # fmt: skip
    return rows
