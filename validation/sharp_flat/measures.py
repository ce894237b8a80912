"""Sharp against flat valleys behind one barrier: what the shape of the noise decides.

    white noise, D = T                 time = 2 pi / sqrt(H |H_b|) exp(dL / T)               a power law in H
    Hessian noise, two levels          time = P(H) exp[(dL / kappa) (s / H + (1 - s) / |H_b|)]     an exponential in 1/H
    literal |H| noise with a floor     time = P(H) exp[(1 / kappa) int L' / (|L''| + floor) dx]

H is the curvature of the valley that is left, kappa = eta/(2S); P = 2 pi / H (Ito), 2 pi / sqrt(H |H_b|)
(Stratonovich), 2 pi / |H_b| (anti-Ito, the one printed in Xie, Sato, Sugiyama 2021, arXiv 2002.03495, theorem 3.2).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np

from fpsim.escape import EscapeProblem
from fpsim.results import EscapeTime
from fpsim.routes.grid import escape_time_by_grid
from fpsim.sde.gates import gates
from validation.sharp_flat.heavy import crossover, heavy
from validation.sharp_flat.two_valleys import (
    BARRIER,
    FLOORED,
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
from validation.study.findings import Findings, Row, Rows
from validation.study.lines import asymptote

if TYPE_CHECKING:
    from validation.study.pieces import Piece
    from validation.study.run import Run

MODELS = (WHITE, *TWO_LEVEL, FLOORED)
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
    line: int = 800

    @classmethod
    def of(cls, quick: bool, seed: int = 0) -> Size:
        """About a minute on two cores, or some minutes."""
        if quick:
            return cls((1.0, 4.0, 16.0, 64.0), (1.0, 4.0, 16.0), 600, 1.8e8, 5, 3200)
        ratios = tuple(2.0**k for k in range(7))
        return cls(ratios, ratios, 4000, 1.5e9, 7, None, 2400)


@dataclass(frozen=True)
class TwoValleys(Findings):
    """What was measured of both valleys.

    Attributes:
        law: exponent and prefactor of each model and valley, exact and by formula.
        time: mean times by independent routes at one noise.
        odds: asymptote of the stationary odds.
        curve: the odds themselves at many noises.
        floor: times under literal noise as its floor falls.
        heavy: times under alpha-stable jumps and white noise, of valleys of several heights and widths.
        crossover: times where tails have a variance, against the batch size.
    """

    law: Rows
    time: Rows
    odds: Rows
    curve: Rows
    floor: Rows
    heavy: Rows
    crossover: Rows


def measure(run: Run[Size]) -> TwoValleys:
    """Exponents, times by every route and the stationary law: pieces that do not need each other."""
    size = run.size
    laws = [_law_piece(run, model, ratio) for model in MODELS for ratio in size.ratios]
    times = [_time_piece(run, number, *case) for number, case in enumerate(_cases(size))]
    rest = [run.piece("odds", partial(_odds, size.noises), "noises"), run.piece("curves", _curves)]
    line = size.line
    jumps = [
        run.piece("heavy", partial(heavy, line), "line"),
        run.piece("crossover", partial(crossover, max(line // 2 + 1, 401)), "line"),
    ]
    found = run.together([*laws, *times, *rest, run.piece("floors", _floors), *jumps])
    first, last = len(laws), len(laws) + len(times)
    law, time = (list(chain(*rows)) for rows in (found[:first], found[first:last]))
    return TwoValleys(law, time, *found[last:])


def _law_piece(run: Run[Size], model: Model, ratio: float) -> Piece:
    return run.piece("laws", partial(_law, model, ratio), model=str(model), ratio=ratio)


def _law(model: Model, ratio: float) -> Rows:
    """Exponent and ln(prefactor) of both valleys, or of the one that there is."""
    rows: Rows = []
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


def _cases(size: Size) -> list[tuple[Model, float, str]]:
    return [(m, r, s) for m in (WHITE, TWO_LEVEL[0], FLOORED) for r in size.ratios for s in ("sharp", "flat")]


def _time_piece(run: Run[Size], number: int, model: Model, ratio: float, side: str) -> Piece:
    seed, sampled = run.seed + number, ratio in run.size.path_ratios
    make = partial(_routes, run.size, model, Valley(ratio, side), sampled, seed, run.threads)
    known = {"model": model.name, "ratio": ratio, "valley": side, "sampled": sampled, "own": seed}
    return run.piece("times", make, "paths", "steps", "cells", **known)


def _routes(size: Size, model: Model, valley: Valley, sample: bool, seed: int, threads: int | None) -> Rows:
    """Quadrature, formula, grid and (where cheap enough) paths at one noise."""
    level = LEVELS[model.name]
    problem = valley.problem(model, level)
    exact, formula = problem.by_quadrature(), problem.by_formula(model.formula)
    grid = escape_time_by_grid(problem.sde, problem.point, problem.target, size.cells)
    row: Row = {
        "model": model.name, "noise": level, "ratio": valley.ratio, "valley": valley.side,
        "curvature": valley.curvature, "quadrature": exact.mean, "formula": formula.mean,
        "failed assumptions": len(formula.violated), "grid": grid.mean, "grid_error": grid.error,
        "paths": math.nan, "paths_error": math.nan, "z_paths": math.nan,
    }  # fmt: skip
    finer = FINER[model.name][0 if valley.side == "sharp" and valley.ratio > 1 else 1]
    sampled = _sampled(problem, finer, model, exact.mean, size, seed, threads) if sample else None
    if sampled is not None:
        row |= {"paths": sampled.mean, "paths_error": sampled.error, "z_paths": sampled.z_score(exact)}
    return [row]


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


def _odds(noises: int) -> Rows:
    """Asymptote of the stationary ln(P(flat)/P(sharp)) in 1/noise, against the ratio of the escape times."""
    rows: Rows = []
    for model in MODELS:
        (e_sharp, p_sharp), (e_flat, p_flat) = (formula_terms(model, Valley(ODDS_RATIO, s)) for s in ("sharp", "flat"))
        x = np.geomspace(1, 6, noises) * max(
            Valley(ODDS_RATIO, s).first_inverse_noise(e_flat) for s in ("sharp", "flat")
        )
        line = asymptote(x, [log_odds(model, ODDS_RATIO, 1 / float(v)) for v in x])
        shown = [log_odds(model, ODDS_RATIO, level) for level in (0.04, 0.02, 0.01)]
        rows.append(
            {
                "model": model.name, "convention": model.convention, "ratio": ODDS_RATIO,
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


def _floors() -> Rows:
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


def _curves() -> Rows:
    """The odds at many noises."""
    return [
        {"model": model.name, "convention": model.convention, "noise": k, "log_odds": log_odds(model, ODDS_RATIO, k)}
        for model in MODELS
        for k in np.geomspace(0.004, 0.12, 24).tolist()
    ]
