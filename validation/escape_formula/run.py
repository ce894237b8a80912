"""Slope and prefactor of the escape-time formula for SGD, against what SGD's noise really is.

    tau = P exp[(2 S dL / eta) (s / H_a + (1 - s) / |H_b|)],       0 < s < 1

(Xie, Sato, Sugiyama 2021, arXiv 2002.03495, theorem 3.2) is compared with exact or sampled times of one double
well under two-level noise (which the theorem assumes), |H| noise with a floor, the discrete chain, and true
mini-batches.  S, 1/eta, dL and 1/H are varied one at a time.  The slope is fitted against the model's own exponent, so
that 1 is agreement; the ``s`` that the theorem would need for the measured slope stands beside it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from fpsim.exact.first_passage import first_passage
from fpsim.routes.grid import escape_time_by_grid
from fpsim.sde.gates import gates
from validation.escape_formula import four_noises as noises
from validation.escape_formula import verdicts as judge
from validation.escape_formula.four_noises import VARIABLES, Setting
from validation.escape_formula.sweeps import Row, Sweep, swept
from validation.study.report import Progress, Report, Table

CONTINUOUS = Setting(0.1, 5.0)
MULTIPLES = (1.0, 1.4, 2.0, 2.8, 4.0)
KAPPAS = (0.02, 0.01, 0.005, 0.0025)
FLOOR_KAPPAS = (0.2, 0.1, 0.05)
FLOORS = (1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6)
SURROGATE_RATES = (0.1, 0.07, 0.05, 0.035, 0.025, 0.0175, 0.0125)


@dataclass(frozen=True)
class Size:
    """How much is sampled."""

    paths: int
    rates: tuple[float, ...]
    batches: tuple[float, ...]
    barriers: tuple[float, ...]
    chain_rates: tuple[float, ...]

    @classmethod
    def of(cls, quick: bool) -> Size:
        """About a minute on two cores, or some minutes."""
        if quick:
            return cls(1000, (0.1, 0.07, 0.05), (2.0, 3.0, 4.0), (0.25, 0.3, 0.35), (0.1, 0.3))
        return cls(4000, (0.1, 0.07, 0.05, 0.04), (2.0, 3.0, 4.0, 5.0), (0.25, 0.3, 0.35, 0.4), (0.1, 0.2, 0.3))


def escape_formula(
    quick: bool = False, seed: int = 0, threads: int | None = None, progress: Progress | None = None
) -> Report:
    """Check slope and prefactor of the escape-time formula under four noises.

    Args:
        quick: fewer learning rates and paths.
        seed: of the mini-batches.
        threads: for the mini-batches; all cores by default.
        progress: called with a share and a name.

    Returns:
        a report with one verdict per assumption of the theorem.
    """
    size, tell = Size.of(quick), progress or (lambda share, name="": None)
    sweeps = (*_continuous(tell), *_chains(size, tell), *_sampled(size, seed, threads, tell))
    rows = [sweep.row() for sweep in sweeps]
    prefactors, floors, checks = _prefactors(), _floors(), _check_values()
    return Report(
        name="escape-formula",
        title="The escape-time formula for SGD: slope and prefactor under four noises",
        summary=(
            "One double well (dL = 1/4, H_a = 2, |H_b| = 1 unless varied). 'slope / theory' compares with the exponent "
            "of the model itself; 's needed' is the fraction of the climb with which theorem 3.2 of Xie et al. would "
            "give the same slope: only values between 0 and 1 mean anything, if they agree in all rows of a model."
        ),
        verdicts=judge.verdicts(rows, prefactors, floors, checks, _symmetry(sweeps)),
        tables=(
            Table.of("Slopes and prefactors", rows),
            Table.of("Assumptions of theorem 3.2, one at a time", judge.assumptions(rows, prefactors, floors)),
            Table.of("Two-level noise: exact time over formula, per convention", prefactors),
            Table.of("Literal |H| noise with a floor, from -1 to 0.3: time ~ floor^(-delta)", floors),
            Table.of("Check values: D = 0.1 (|L''| + floor), from -1 to 0.3", checks),
            Table.of("Every point", _points(sweeps)),
        ),
        pictures=_pictures(sweeps, prefactors, floors),
        data=_data(sweeps, prefactors, floors, seed),
        settings={
            "quick": quick, "barrier": 0.25, "curvature": 2.0, "climb fraction s": noises.CLIMB,
            "floor / curvature": noises.RELATIVE_FLOOR, "paths": size.paths, "mini-batches' rates": size.rates,
            "examples": noises.EXAMPLES, "examples that push left": noises.POSITIVE,
        },
        seed=seed,
    )  # fmt: skip


def _continuous(tell: Progress) -> list[Sweep]:
    """Two-level and floored noise: exact times by quadrature."""
    sweeps = []
    for i, model in enumerate(("two-level", "floored")):
        for j, variable in enumerate(VARIABLES):
            tell((4 * i + j) / 8, "continuous models")
            settings = [CONTINUOUS.varied(variable, m) for m in MULTIPLES]
            sweeps.append(
                swept(
                    model, variable, settings,
                    lambda s, m=model: (noises.continuous_log_time(s, m), 0.0),  # type: ignore[misc]
                    lambda s, m=model: noises.continuous_theory(s, m), "asymptote",  # type: ignore[misc]
                )
            )  # fmt: skip
    return sweeps


CHAIN_BATCHES = {
    0.1: (0.5, 1.0, 2.0, 3.0, 4.0),
    0.2: (0.5, 1.0, 2.0, 4.0, 6.0, 8.0),
    0.3: (1.0, 2.0, 4.0, 8.0, 16.0, 32.0),
}


def _chains(size: Size, tell: Progress) -> list[Sweep]:
    """The discrete chain: exact times by transfer matrix, exponents by the quasi-potential."""
    plans = [("S", [Setting(eta, s) for s in CHAIN_BATCHES[eta]], "asymptote with ln") for eta in size.chain_rates]
    small, large = Setting(0.1, 1.0), Setting(0.3, 2.0)
    plans += [
        ("1/eta", [large.varied("1/eta", f) for f in (1.0, 1.5, 2.0, 3.0)], "straight"),
        ("dL", [small.varied("dL", f) for f in (1.0, 2.0, 3.0)], "straight"),
        ("1/H", [large.varied("1/H", f) for f in (1.0, 1.5, 2.0, 3.0)], "straight"),
    ]
    sweeps = []
    for i, (variable, settings, kind) in enumerate(plans):
        tell(i / len(plans), "discrete chain")
        sweeps.append(
            swept(
                "chain", variable, settings, lambda s: (noises.chain_log_iterations(s), 0.0),
                lambda s: (noises.chain_exponent(s), math.nan), kind,
            )
        )  # fmt: skip
    return sweeps


def _sampled(size: Size, seed: int, threads: int | None, tell: Progress) -> list[Sweep]:
    """True mini-batches by Monte Carlo, and their Gaussian surrogate by transfer matrix."""
    one = Setting(0.1, 1.0)
    plans = {
        "S": [Setting(0.2, s) for s in size.batches],
        "1/eta": [Setting(eta, 1.0) for eta in size.rates],
        "dL": [Setting(0.1, 1.0, barrier) for barrier in size.barriers],
        "1/H": [one.varied("1/H", 0.1 / eta) for eta in size.rates],
    }
    sweeps = []
    for i, (variable, settings) in enumerate(plans.items()):
        tell(i / 5, "mini-batches")
        sweeps.append(
            swept(
                "mini-batches", variable, settings,
                lambda s: noises.sampled_log_time(s, size.paths, seed, threads), noises.cramer_theory, "straight",
            )
        )  # fmt: skip
    tell(0.8, "mini-batches")
    rates = [Setting(eta, 1.0) for eta in SURROGATE_RATES]
    exact = swept(
        "surrogate", "1/eta", rates, lambda s: (noises.surrogate_log_time(s), 0.0), noises.surrogate_theory, "asymptote"
    )
    sweeps.append(replace(exact, corrections=3))
    return sweeps


def _symmetry(sweeps: Sequence[Sweep]) -> float:
    """Largest |difference of ln(iterations)| of chains that are the same: eta against H, and S against dL."""

    def iterations(model: str, variable: str) -> list[float]:
        found = next(s for s in sweeps if (s.model, s.variable) == (model, variable))
        return [
            v - (0.0 if model == "chain" else math.log(p.learning_rate))
            for v, p in zip(found.logs, found.settings, strict=True)
        ]

    halves = [(iterations(model, "1/eta"), iterations(model, "1/H")) for model in ("chain", "mini-batches")]
    halves.append((iterations("chain", "S")[1:4], iterations("chain", "dL")))
    return max(abs(a - b) for one, two in halves for a, b in zip(one, two, strict=True))


def _prefactors() -> list[Row]:
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


def _floored_problem(kappa: float, floor: float) -> Any:
    from fpsim.escape import EscapeProblem

    problem = noises.continuous(Setting(0.1, 0.05 / kappa), "floored", floor=floor)
    return EscapeProblem(problem.sde, -1.0, 0.3)


def _floors() -> list[Row]:
    """ln(time) from -1 to 0.3 as the floor falls, at three noises."""
    rows = []
    for kappa in FLOOR_KAPPAS:
        for floor in FLOORS:
            problem = _floored_problem(kappa, floor)
            log_mean = first_passage(problem.sde, problem.point, problem.target, tolerance=1e-8).log_mean
            delta = gates(problem.sde, -1.0, 0.3)[0].delta
            rows.append({"kappa": kappa, "floor": floor, "ln time": log_mean, "delta": delta})
    return rows


def _check_values() -> list[Row]:
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


def _points(sweeps: Sequence[Sweep]) -> list[Row]:
    return [
        {
            "model": sweep.model, "variable": sweep.variable, "eta": s.learning_rate, "S": s.batch_size,
            "dL": s.barrier, "H": s.curvature, "ln time (chain: iterations)": log, "error": error,
            "exponent": terms[0], "ln prefactor": terms[1],
        }
        for sweep in sweeps
        for s, log, error, terms in zip(sweep.settings, sweep.logs, sweep.errors, sweep.terms, strict=True)
    ]  # fmt: skip


def _pictures(sweeps: Sequence[Sweep], prefactors: list[Row], floors: list[Row]) -> dict[str, Any]:
    def four() -> Any:
        from validation.escape_formula.pictures import noises_figure

        return noises_figure(sweeps)

    def details() -> Any:
        from validation.escape_formula.pictures import details_figure

        return details_figure(sweeps, prefactors, floors)

    return {"four-noises": four, "details": details}


def _data(sweeps: Sequence[Sweep], prefactors: list[Row], floors: list[Row], seed: int) -> Any:
    """All points as variables along one dimension per table."""
    from fpsim.storage import dataset

    tables = {"point": _points(sweeps), "prefactor": prefactors, "floor": floors}
    entries = {
        re.sub(r"\W+", "_", f"{table}_{key}"): (f"{table}_row", [row[key] for row in rows], "", key)
        for table, rows in tables.items()
        for key in rows[0]
    }
    return dataset(entries, experiment="escape-formula", seed=seed)
