"""The escape time for drifts that are no gradient and noise that varies from place to place.

    tau = (2 pi / lambda_+) sqrt(|det Q_b| / det Q_a) exp(int F dt - int p . b_1 dt) exp(int_a^b p . dx)

a is the stable fixed point of the start, b the saddle, the integrals run along the way of least action between them, Q
is the second derivative of the quasi-potential (:mod:`fpsim.action.prefactor`).  On a line it is Laplace's method for
D(x); for a gradient drift and D = T I it is Eyring and Kramers'.
"""

from __future__ import annotations

import math
import time as clock
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fpsim.action.curve import spaced
from fpsim.action.flow import FixedPoint, downstream, fixed_point
from fpsim.action.hamiltonian import Quadratic
from fpsim.action.minimum import minimum_action
from fpsim.action.prefactor import FocalPointError, Prefactor, prefactor, resolved
from fpsim.action.result import MinimumAction
from fpsim.assumption import Assumption
from fpsim.paths.exits import check_deadline
from fpsim.routes.formulas.climb import refuse_inertia
from fpsim.routes.formulas.formula import Formula, FormulaRoute
from fpsim.routes.problem import Problem
from fpsim.routes.route import Cost
from fpsim.sde.units import in_units, own_units, told
from fpsim.targets import HalfSpace, LevelSet, Target
from landscapes.field import in_words

Array = NDArray[np.float64]
REFERENCE = "Bouchet, Reygner, Ann. Henri Poincare 17 (2016) 3499 (arXiv 1507.02104), equation 1.10"
PIECES, STARTS = 128, 3
DEADLINE = 120.0
NEAR = 1e-6  # of the problem's length: one point
AWAY = 1e-4  # of it: how far beside a saddle its flow lines begin
RIVAL = 3.0  # noise units within which another way or pass counts


@dataclass(frozen=True)
class Pass:
    """A saddle that leads out: where its far side flows to, whether through the target, and ways up to it."""

    saddle: FixedPoint
    into_target: bool
    found: MinimumAction


def bouchet_reygner(problem: Problem, *, deadline: float = DEADLINE) -> Formula:
    """The escape time over the saddles between the valley of the start and the target; their rates add.

    Args:
        problem: an escape in two or three dimensions, say.
        deadline: seconds for the ways of least action, then an error.

    Raises:
        ValueError: with walls, where D has kinks, if the deadline passes, without a box to look for saddles in, if the
            start comes to rest nowhere, no saddle leads into the target, the noise does not reach every direction, or
            the quasi-potential is not smooth.
    """
    refuse_inertia(problem, "bouchet-reygner")
    if problem.walls is not None:
        raise ValueError(
            f"bouchet-reygner knows no walls, and this problem has {problem.walls}; use by_grid or by_paths"
        )
    if problem.sde.noise.folds and problem.sde.dimension > 1:
        raise ValueError(
            "bouchet-reygner needs a noise with two derivatives, and this one has a kink wherever a curvature of the "
            "loss changes its sign, as it does on the way to every saddle: take floor_shape='smooth', or by_grid or "
            "by_paths"
        )
    units = own_units(problem.sde, problem.point)
    if units is None:
        return _answer(problem, check_deadline(deadline))
    with told(units):
        found = _answer(_in_units(problem, units), check_deadline(deadline))
    minimum, saddle = (tuple((np.array(place) * units).tolist()) for place in (found.minimum, found.saddle))
    return replace(found, minimum=minimum, saddle=saddle)


def _in_units(problem: Problem, units: Array) -> Problem:
    """The problem in coordinates x_i / units_i, in which the noise is alike along all axes."""
    plane, goal = problem.target.plane(), problem.target
    scaled: Target = LevelSet(lambda u: goal.level(units.reshape(-1, *[1] * (u.ndim - 1)) * u))
    if plane is not None:
        scaled = HalfSpace(tuple(plane[0] * units), plane[1])
    return Problem(in_units(problem.sde, units), problem.point / units, scaled)


@lru_cache(maxsize=16)
def _answer(problem: Problem, deadline: float) -> Formula:
    sde, ends = problem.sde, clock.monotonic() + deadline
    h = Quadratic(sde, _lengths(problem))
    rest, passes = _passes(problem, h, ends)
    leading = [one for one in passes if one.into_target]
    if not leading and _flat(problem):
        raise ValueError(
            f"bouchet-reygner needs a saddle whose rates differ from zero, and the fixed point at "
            f"{in_words(_flat(problem)[0].x)} has one that vanishes; use by_grid or by_paths"
        )
    if not leading:
        raise ValueError(
            f"bouchet-reygner needs a saddle that leads from the start {in_words(problem.point)} into the target "
            f"({problem.target}), and of {len(passes)} beside its valley none does; use by_grid or by_paths"
        )
    lowest = min(one.found.exponent for one in leading)
    rates, parts = [], []
    for one in (p for p in leading if p.found.exponent < lowest + RIVAL + 5):
        for action, x in _ways(one.found, sde, ends):
            try:
                part = resolved(h, x, lambda y: prefactor(sde, y, h.lengths))
            except FocalPointError as crossing:
                if action <= lowest + 1e-6 * abs(lowest):
                    raise ValueError(f"bouchet-reygner needs a smooth quasi-potential, and {crossing}") from None
                continue  # a way that is stationary, but not the least nearby
            rates.append(-(part.log + action))
            parts.append((action, part, one))
    log_mean = -float(np.logaddexp.reduce(rates))
    action, part, best = min(parts, key=lambda one: one[0])
    checks = _assumptions(problem, rest, passes, (action, part, best), len(parts), log_mean)
    error = best.found.exponent_error + part.error
    return _formula(problem, rest, best, part, log_mean, error, checks, len(parts))


def _formula(
    problem: Problem, rest: FixedPoint, best: Pass, part: Prefactor, log_mean: float, error: float,
    checks: tuple[Assumption, ...], ways: int,
) -> Formula:  # fmt: skip
    where = "time to a target beyond the saddle"
    if abs(_distance(problem, best.saddle.x)) <= 1e-3 * part.width:
        where, log_mean = "time to the saddle's surface: half of that to a target beyond", log_mean - math.log(2)
    notes = (
        f"exponent {best.found.exponent:.8g}, ln prefactor {part.log:.5g}: lambda_+ = {part.growth:.5g}, "
        f"determinants {part.determinants:.5g}, int F dt = {part.divergence:.5g}, convention {part.convention:.5g}",
        f"rates over {ways} ways added" if ways > 1 else "one way",
    )
    ends = tuple(rest.x.tolist()), tuple(best.saddle.x.tolist())
    return Formula(
        "bouchet-reygner", log_mean, REFERENCE, checks, where, problem.sde.convention, *ends, notes, log_error=error
    )


def _lengths(problem: Problem) -> tuple[float, ...]:
    if problem.sde.landscape.bounds is None:
        raise ValueError(
            "bouchet-reygner looks for saddles in the landscape's box, and it has none; give bounds=[(low, high), ...]"
        )
    return tuple((high - low) / 4 for low, high in problem.sde.landscape.bounds)


def _passes(problem: Problem, h: Quadratic, ends: float) -> tuple[FixedPoint, list[Pass]]:
    """Where the start comes to rest, and every saddle of index 1 with one foot there."""
    length = 4 * max(h.lengths)
    _, rest = downstream(h, problem.point, length)
    if rest is None:
        raise ValueError(f"the start {in_words(problem.point)} flows to no stable fixed point; use by_grid or by_paths")
    found = []
    for point in _points(problem):
        saddle = None if point.degenerate else fixed_point(h, np.asarray(point.x, dtype=float), NEAR * length)
        if saddle is None or saddle.index != 1:
            continue
        feet = [_foot(problem, h, saddle, side * AWAY * length, length) for side in (-1, 1)]
        homes = [end is not None and np.linalg.norm(end.x - rest.x) <= NEAR * length for _, end in feet]
        if sum(homes) == 1:
            way = minimum_action(problem.sde, rest.x, saddle.x, pieces=PIECES, starts=STARTS, deadline=_left(ends))
            found.append(Pass(saddle, feet[homes.index(False)][0], way))
    return rest, found


def _foot(
    problem: Problem, h: Quadratic, saddle: FixedPoint, step: float, length: float
) -> tuple[bool, FixedPoint | None]:
    """One side of a saddle: whether its flow line meets the target, and where it ends."""
    out = saddle.modes[:, int(np.argmax(saddle.rates.real))].real
    line, end = downstream(h, saddle.x + step * out / np.linalg.norm(out), length)
    met = bool(np.any(problem.target.level(line) >= 0))
    if end is not None and not met:  # a target that begins at the next minimum is met to rounding
        met = _distance(problem, end.x) <= NEAR * length
    return met, end


def _ways(found: MinimumAction, sde: Any, ends: float) -> list[tuple[float, Array]]:
    """The least way and the others that are near it in action, each one climb without a stop between."""
    ways = [(found.exponent, found.x)] if len(found.stops) == 1 else []
    for other in found.others:
        if ways and found.speed * (other.action - found.action) <= RIVAL:
            again = minimum_action(
                sde, other.x[:, 0], other.x[:, -1], pieces=PIECES, starts=1, guesses=[other.x], tolerance=1e-11,
                deadline=_left(ends),
            )  # fmt: skip
            same = [(again.speed * again.action, again.x), *((again.speed * o.action, o.x) for o in again.others)]
            close = min(same, key=lambda one: abs(one[0] - found.speed * other.action) + _gap(one[1], other.x))
            ways.append(close)
    return ways


def _left(ends: float) -> float:
    """Seconds, a few at least: what is nearly over may end."""
    return max(ends - clock.monotonic(), 1.0)


def _gap(x: Array, y: Array) -> float:
    n = y.shape[1] - 1
    return float(np.abs(spaced(x, n) - spaced(y, n)).max())


def _distance(problem: Problem, x: Array) -> float:
    """From a point to the target's boundary, to first order; negative inside."""
    at = x[:, None]
    slope = float(np.linalg.norm(problem.target.gradient(at)))
    return -float(problem.target.level(at)[0]) / max(slope, 1e-300)


def _assumptions(
    problem: Problem, rest: FixedPoint, passes: list[Pass], best: tuple[float, Prefactor, Pass], ways: int,
    log_mean: float,
) -> tuple[Assumption, ...]:  # fmt: skip
    exponent, part, one = best
    gap = min((p.found.exponent for p in passes if not p.into_target), default=math.inf) - exponent
    widths = _distance(problem, one.saddle.x) / part.width
    slowest = math.exp(-min(max(log_mean, -700.0), 700.0)) / float(np.abs(rest.rates.real).min())
    complete = bool(getattr(_points(problem), "complete", False)) and not _flat(problem)
    arrival = "the way comes in as the linear dynamics at the saddle has it (10 %)"
    beyond = "target's boundary at the saddle or 3 thermal widths beyond"
    return (
        Assumption("the exponent is at least 5", exponent >= 5 - 1e-9, f"{exponent:.4g}", "small noise"),
        Assumption(beyond, abs(widths) <= 1e-3 or widths >= 3, f"{widths:.3g} widths beyond", "separation"),
        Assumption(
            "no other valley is entered first (3 noise units)",
            gap >= 3,
            f"its pass lies {gap:.3g} higher",
            "competition",
        ),
        Assumption(
            "the valley relaxes 10 times faster than it is left", slowest <= 0.1, f"ratio {slowest:.2g}", "relaxation"
        ),
        Assumption("the way has settled", not _unsettled(one.found), f"residual {one.found.residual:.1e}", "settled"),
        Assumption("one way up to the saddle, or ways whose rates add", ways >= 1, f"{ways} counted", "ways"),
        Assumption(arrival, part.mismatch <= 0.1, f"off by {100 * part.mismatch:.2g} %", "arrival"),
        Assumption(
            "all fixed points of the box were found",
            complete,
            "by their index sum" if complete else "it may miss some",
            "all found",
        ),
    )


def _points(problem: Problem) -> Any:
    """All fixed points in the landscape's box."""
    field: Any = problem.sde.landscape
    return field.critical_points() if hasattr(field, "loss") else field.fixed_points()


def _flat(problem: Problem) -> list[Any]:
    """Those whose linear part decides nothing."""
    return [point for point in _points(problem) if point.degenerate]


def _unsettled(found: MinimumAction) -> bool:
    return any(a.key == "settled" for a in found.violated)


class ActionRoute(FormulaRoute):
    """A formula that finds its way first, which takes seconds."""

    def cost(self, problem: Problem, expected: float | None = None) -> Cost:
        """Seconds; it is not worked out to be announced."""
        return Cost("seconds: a way of least action")


def _worth_trying(problem: Problem) -> bool:
    sde = problem.sde
    if problem.walls is not None or not 1 < sde.dimension <= 3 or sde.landscape.bounds is None:
        return False
    white = hasattr(sde.landscape, "loss") and sde.noise.is_constant and sde.structure == "isotropic"
    return not (sde.noise.folds or white)


by_bouchet_reygner = ActionRoute("bouchet-reygner", bouchet_reygner, REFERENCE, _worth_trying, papers=("bouchet2016",))
