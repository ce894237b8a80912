"""Sharp against flat valleys behind one barrier: what the shape of the noise decides.

    white noise, D = T                 time = 2 pi / sqrt(H |H_b|) exp(dL / T)               a power law in H
    Hessian noise, two levels          time = P(H) exp[(dL / kappa) (s / H + (1 - s) / |H_b|)]     an exponential in 1/H
    literal |H| noise with a floor     time = P(H) exp[(1 / kappa) int L' / (|L''| + floor) dx]

H is the curvature of the valley that is left, kappa = eta/(2S); P = 2 pi / H (Ito), 2 pi / sqrt(H |H_b|)
(Stratonovich), 2 pi / |H_b| (anti-Ito, the one printed in Xie, Sato, Sugiyama 2021, arXiv 2002.03495, theorem 3.2).
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from fpsim.escape import EscapeProblem
from fpsim.results import EscapeTime
from fpsim.routes.grid import escape_time_by_grid
from fpsim.sde.gates import gates
from validation.sharp_flat import verdicts as judge
from validation.sharp_flat.two_valleys import (
    BARRIER,
    CLIMB,
    DISTANCE,
    FLOOR,
    FLOORED,
    SADDLE,
    TWO_LEVEL,
    WHITE,
    Model,
    Valley,
    arrhenius,
    formula_terms,
    grid_log_odds,
    log_odds,
    log_time,
)
from validation.study.lines import asymptote
from validation.study.report import Progress, Report, Table

Row = dict[str, Any]
LEVELS = {"white": BARRIER / 4, "two-level": 0.0375, "floored": 0.11}
"""Noises at which paths are affordable."""
FINER = {"white": (1.0, 1.0), "two-level": (0.2, 1.0), "floored": (0.1, 0.3)}
"""Steps of paths out of the sharper and the flatter valley, as shares of the default one."""
ODDS_RATIO = 4.0
FLOORS = (1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6)


@dataclass(frozen=True)
class Size:
    """How much is computed."""

    ratios: tuple[float, ...]
    path_ratios: tuple[float, ...]
    paths: int
    steps: float
    noises: int
    cells: int | None

    @classmethod
    def of(cls, quick: bool) -> Size:
        """About a minute on two cores, or some minutes."""
        if quick:
            return cls((1.0, 4.0, 16.0, 64.0), (1.0, 4.0, 16.0), 600, 1.8e8, 5, 3200)
        ratios = tuple(2.0**k for k in range(7))
        return cls(ratios, ratios, 4000, 1.5e9, 7, None)


def sharp_flat(
    quick: bool = False, seed: int = 0, threads: int | None = None, progress: Progress | None = None
) -> Report:
    """Escape times and stationary weights of a sharp and a flat valley, curvatures in ratios 1 to 64.

    Args:
        quick: fewer ratios and paths.
        seed: of the random paths.
        threads: for the random paths; all cores by default.
        progress: called with a share and a name.

    Returns:
        a report with the exponents and prefactors of each noise against theory, and the stationary odds.
    """
    size, tell = Size.of(quick), progress or (lambda share, name="": None)
    laws = _laws(size, tell)
    times = _times(size, seed, threads, tell)
    odds = _odds(size)
    floors = _floors()
    verdicts = (*judge.laws(laws), *judge.routes(times), *judge.odds(odds), *judge.floors(floors))
    return Report(
        name="sharp-flat",
        title="Sharp against flat valleys: what the shape of the noise decides",
        summary=(
            "Two valleys of equal depth share one barrier. Their curvatures stand in a ratio of 1 to 64, while height "
            f"and curvature of the barrier stay fixed (dL = {BARRIER:g}, |H_b| = {SADDLE:g}). Exponents and prefactors "
            "are asymptotes of exact times at five small noises; paths and grids check the exact times where they can."
        ),
        verdicts=verdicts,
        tables=(
            Table.of("Exponent and prefactor: ln(time) = exponent / noise + ln(prefactor)", laws),
            Table.of("Mean escape times by independent routes at affordable noise", times),
            Table.of(f"Stationary odds flat : sharp at curvature ratio {ODDS_RATIO:g}", odds),
            Table.of(f"Literal |H| noise at ratio {ODDS_RATIO:g}, kappa = 0.1: what the floor does", floors),
        ),
        pictures=_pictures(laws, times, odds),
        data=_data(laws, times, odds, floors, seed),
        settings={
            "quick": quick, "barrier": BARRIER, "distance of the minima": DISTANCE, "climb fraction s": CLIMB,
            "floor": FLOOR, "paths": size.paths, "noise of the paths": LEVELS,
        },
        seed=seed,
    )  # fmt: skip


def _laws(size: Size, tell: Progress) -> list[Row]:
    """Exponent and ln(prefactor) per model, ratio and valley."""
    rows: list[Row] = []
    models = (WHITE, *TWO_LEVEL, FLOORED)
    for i, model in enumerate(models):
        for j, ratio in enumerate(size.ratios):
            tell((i + j / len(size.ratios)) / len(models), "exponents")
            for side in ("sharp", "flat")[: 1 if ratio == 1 else 2]:
                valley = Valley(ratio, side)
                found = arrhenius(model, valley)
                rows.append(
                    {
                        "model": model.name, "convention": model.convention, "ratio": ratio, "valley": side,
                        "curvature": valley.curvature,
                        "exponent": found.exact.slope, "exponent_error": found.exact.slope_error,
                        "theory_exponent": found.exponent,
                        "log_prefactor": found.exact.intercept, "log_prefactor_error": found.exact.intercept_error,
                        "theory_log_prefactor": found.log_prefactor,
                    }
                )  # fmt: skip
    return rows


def _times(size: Size, seed: int, threads: int | None, tell: Progress) -> list[Row]:
    """Quadrature, formula, grid and (where cheap enough) paths at one noise per model."""
    rows: list[Row] = []
    cases = [(m, r, s) for m in (WHITE, TWO_LEVEL[0], FLOORED) for r in size.ratios for s in ("sharp", "flat")]
    for i, (model, ratio, side) in enumerate(cases):
        tell(i / len(cases), "routes")
        valley, level = Valley(ratio, side), LEVELS[model.name]
        problem = valley.problem(model, level)
        exact, formula = problem.by_quadrature(), problem.by_formula(model.formula)
        grid = escape_time_by_grid(problem.sde, problem.point, problem.target, size.cells)
        row: Row = {
            "model": model.name, "noise": level, "ratio": ratio, "valley": side, "curvature": valley.curvature,
            "quadrature": exact.mean, "formula": formula.mean, "failed assumptions": len(formula.violated),
            "grid": grid.mean, "grid_error": grid.error,
            "paths": math.nan, "paths_error": math.nan, "z_paths": math.nan,
        }  # fmt: skip
        finer = FINER[model.name][0 if side == "sharp" and ratio > 1 else 1]
        sampled = (
            _sampled(problem, finer, model, exact.mean, size, seed + i, threads) if ratio in size.path_ratios else None
        )
        if sampled is not None:
            row |= {"paths": sampled.mean, "paths_error": sampled.error, "z_paths": sampled.z_score(exact)}
        rows.append(row)
    return rows


def _sampled(
    problem: EscapeProblem, finer: float, model: Model, exact: float, size: Size, seed: int, threads: int | None
) -> EscapeTime | None:
    """Paths, unless they would take more than ``size.steps`` steps.

    Where D jumps (two levels), the bias of a step h is O(sqrt h); where it falls steeply (floored), between that and
    O(h), and |T(2 h) - T(h)| can be small by chance.  So runs at h and 4 h are compared: 2 T(h) - T(4 h) takes an
    O(sqrt h) bias out, with a third of the correction as its error; else the whole difference bounds the bias of T(h).
    """
    step = problem.default_step * finer
    if 1.5 * size.paths * exact / step > size.steps:
        return None
    if model.name == "white":
        return problem.by_paths(size.paths, step, seed, threads=threads)
    fine, coarse = (
        problem.by_paths(size.paths, h, seed + k, threads=threads, step_bias=False)
        for k, h in enumerate((step, 4 * step))
    )
    gap = fine.mean - coarse.mean
    if model.name == "floored":
        return replace(fine, systematic_error=abs(gap))
    error = math.hypot(2 * fine.standard_error, coarse.standard_error)
    return replace(fine, mean=fine.mean + gap, standard_error=error, systematic_error=abs(gap) / 3)


def _odds(size: Size) -> list[Row]:
    """Asymptote of the stationary ln(P(flat)/P(sharp)) in 1/noise, against the ratio of the escape times."""
    rows: list[Row] = []
    for model in (WHITE, *TWO_LEVEL, FLOORED):
        (e_sharp, p_sharp), (e_flat, p_flat) = (formula_terms(model, Valley(ODDS_RATIO, s)) for s in ("sharp", "flat"))
        x = np.geomspace(1, 6, size.noises) * max(
            Valley(ODDS_RATIO, s).first_inverse_noise(e_flat) for s in ("sharp", "flat")
        )
        line = asymptote(x, [log_odds(model, ODDS_RATIO, 1 / float(v)) for v in x])
        shown = [log_odds(model, ODDS_RATIO, level) for level in (0.04, 0.02, 0.01)]
        rows.append(
            {
                "model": model.name, "convention": model.convention,
                "slope": line.slope, "slope_error": line.slope_error, "theory_slope": e_flat - e_sharp,
                "intercept": line.intercept, "intercept_error": line.intercept_error,
                "theory_intercept": p_flat - p_sharp,
                "P_flat at 0.04": 1 / (1 + math.exp(-shown[0])), "P_flat at 0.02": 1 / (1 + math.exp(-shown[1])),
                "P_flat at 0.01": 1 / (1 + math.exp(-shown[2])),
                "log_odds at 0.04": shown[0],
                "by grid": grid_log_odds(model, ODDS_RATIO, 0.04) if model.convention == "ito" else math.nan,
            }
        )  # fmt: skip
    return rows


def _floors() -> list[Row]:
    """How the preference under literal noise depends on the floor."""
    rows, valleys = [], [Valley(ODDS_RATIO, side) for side in ("sharp", "flat")]
    for floor in FLOORS:
        problems = [valley.problem(FLOORED, 0.1, floor) for valley in valleys]
        logs = [log_time(problem) for problem in problems]
        deltas = [max(g.delta for g in gates(p.sde, p.start[0], p.target.value)) for p in problems]
        rows.append(
            {
                "floor": floor, "ln time, sharp": logs[0], "ln time, flat": logs[1],
                "ln(flat/sharp)": logs[1] - logs[0],
                "delta, sharp": deltas[0], "delta, flat": deltas[1],
            }
        )  # fmt: skip
    return rows


def _pictures(laws: list[Row], times: list[Row], odds: list[Row]) -> dict[str, Any]:
    def escapes() -> Any:
        from validation.sharp_flat.pictures import escape_figure

        return escape_figure(laws, times)

    def stationary() -> Any:
        from validation.sharp_flat.pictures import odds_figure

        return odds_figure(odds, ODDS_RATIO)

    return {"escape-times": escapes, "stationary-odds": stationary}


def _data(laws: list[Row], times: list[Row], odds: list[Row], floors: list[Row], seed: int) -> Any:
    """All rows as variables along one dimension per table."""
    from fpsim.storage import dataset

    tables = {"law": laws, "time": times, "odds": odds, "floor": floors}
    entries = {
        re.sub(r"\W+", "_", f"{table}_{key}").strip("_"): (f"{table}_row", [row[key] for row in rows], "", key)
        for table, rows in tables.items()
        for key in rows[0]
    }
    return dataset(entries, experiment="sharp-flat", seed=seed)
