"""Times under alpha-stable jumps dX = b dt + dL, E exp(i k.L_t) = exp(-t |s k|^alpha), out of a ball or an interval.

    tau = (R/s)^alpha Gamma(d/2) (1 - r^2)^(alpha/2) / (2^alpha Gamma(1 + alpha/2) Gamma((d + alpha)/2))     for b = 0
    1/tau = s^alpha Gamma(alpha) sin(pi alpha/2)/pi (left^-alpha + right^-alpha)                             for small s

(Getoor; Imkeller and Pavlyukevich).  r is the start's distance from the ball's centre in units of its radius R; left
and right are the distances from the minimum to the ends: one jump leaves the valley, so its width counts and its height
does not.
"""

from __future__ import annotations

import math

import numpy as np

from fpsim.assumption import Assumption
from fpsim.exact.ends import Line, line_of
from fpsim.noise.facts import StableLaw
from fpsim.routes.formulas.formula import Formula, FormulaRoute
from fpsim.routes.problem import Problem

GETOOR = "Getoor, Trans. Amer. Math. Soc. 101 (1961) 75, theorem 5.2"
JUMP_OUT = "Imkeller, Pavlyukevich, Stochastic Processes and their Applications 116 (2006) 611, theorem 1"
STILL, SPREAD, RELAXED = 0.01, 0.1, 0.1


def getoor(problem: Problem) -> Formula:
    """The mean time of a stable process without drift out of a ball, in any dimension, from any point of it.

    Raises:
        ValueError: for another noise, or a target that is not the outside of a ball (on a line, of an interval).
    """
    law, d = _law(problem, "getoor"), problem.sde.dimension
    centre, radius = _ball(problem)
    r = float(np.linalg.norm(problem.point - centre)) / radius
    log_mean = (
        law.alpha * math.log(radius / law.scale) + math.lgamma(d / 2) + law.alpha / 2 * math.log1p(-(r**2))
        - law.alpha * math.log(2) - math.lgamma(1 + law.alpha / 2) - math.lgamma((d + law.alpha) / 2)
    )  # fmt: skip
    way = np.random.default_rng(0).standard_normal((d, 500))
    way *= radius * np.random.default_rng(1).random(500) ** (1 / d) / np.linalg.norm(way, axis=0)
    speed = float(np.linalg.norm(problem.sde.drift(centre[:, None] + way), axis=0).max())
    share = speed * math.exp(min(log_mean, 700.0)) / radius
    still = Assumption(
        f"the drift moves nothing in that time ({100 * STILL:g} % of the radius)", share <= STILL,
        f"{100 * share:.3g} %", key="no drift",
    )  # fmt: skip
    return Formula(
        "getoor", log_mean, GETOOR, (still,), "time to leave the ball", problem.sde.convention,
        tuple(centre.tolist()), (), (f"radius {radius:g}, alpha = {law.alpha:g}, scale = {law.scale:g}",),
    )  # fmt: skip


def imkeller_pavlyukevich(problem: Problem) -> Formula:
    """The mean time for one jump out of a valley on a line, for small scale.

    A side on which there is no target counts as infinitely wide.

    Raises:
        ValueError: for another noise or dimension, with walls, or where the start flows to no minimum.
    """
    law = _law(problem, "imkeller-pavlyukevich")
    if problem.sde.dimension != 1 or problem.walls is not None:
        what = "walls" if problem.walls is not None else f"{problem.sde.dimension} dimensions"
        raise ValueError(f"imkeller-pavlyukevich is a formula for a line without walls; this problem has {what}")
    line = line_of(problem.sde, problem.point, problem.target)[1]
    bottom, curvature = _minimum(problem, line)
    sides = bottom - line.low, line.high - bottom
    rate = math.gamma(law.alpha) * math.sin(math.pi * law.alpha / 2) / math.pi
    log_mean = -law.alpha * math.log(law.scale) - math.log(rate * sum(side**-law.alpha for side in sides))
    notes = (f"the minimum {bottom:.6g} lies {sides[0]:.6g} and {sides[1]:.6g} from the ends",)
    checks = _checks(problem, law, line, bottom, curvature, log_mean)
    return Formula(
        "imkeller-pavlyukevich", log_mean, JUMP_OUT, checks, "time of the jump out of the valley",
        problem.sde.convention, (bottom,), (), notes,
    )  # fmt: skip


def _law(problem: Problem, name: str) -> StableLaw:
    law = problem.sde.noise.stable
    if law is None:
        raise ValueError(f"{name} is a formula for alpha-stable noise with alpha < 2; this SDE has {problem.sde.noise}")
    return law


def _ball(problem: Problem) -> tuple[np.ndarray, float]:
    """Centre and radius of what the target is the outside of."""
    room = problem.target.room()
    if room is not None and problem.walls is None:
        return room
    if problem.sde.dimension > 1 or problem.walls is not None:
        raise ValueError(
            f"getoor is a formula for the time out of a ball, Outside(center, radius), without walls; this is the "
            f"{problem}"
        )
    from fpsim.exact.fractional import interval

    line = interval(problem.sde, problem.point, problem.target)
    return np.array([(line.low + line.high) / 2]), (line.high - line.low) / 2


def _minimum(problem: Problem, line: Line) -> tuple[float, float]:
    """Where the drift takes the start, and the curvature there."""
    place, field = problem.rest.astype(float), problem.sde.landscape
    for _ in range(3):
        slope = float(field.jacobian(place[:, None])[0, 0, 0])
        if not slope < 0:
            break
        place = place - np.asarray(field.drift(place[:, None]))[:, 0] / slope
    if not (slope < 0 and line.low < place[0] < line.high):
        raise ValueError(
            f"imkeller-pavlyukevich needs a minimum between start and target, and the drift takes the start "
            f"{problem.start[0]:g} to x = {place[0]:.6g}, which is none; without any drift 'getoor' answers"
        )
    return float(place[0]), -slope


def _checks(
    problem: Problem, law: StableLaw, line: Line, bottom: float, curvature: float, log_mean: float
) -> tuple[Assumption, ...]:
    near = min(bottom - line.low, line.high - bottom)
    spread = law.scale * (law.alpha * curvature) ** (-1 / law.alpha) / near
    ratio = math.exp(-min(max(log_mean, -700.0), 700.0)) / curvature
    ends = [end if math.isfinite(end) else bottom + side * 3 * near for end, side in ((line.low, -1), (line.high, 1))]
    x = np.linspace(ends[0], ends[1], 803)[1:-1]
    home = np.asarray(problem.sde.drift(x[None]))[0] * np.sign(bottom - x)
    away = x[(home <= 0) & (np.abs(x - bottom) > 1e-3 * near)]
    return (
        Assumption(
            f"jumps are small against the valley ({100 * SPREAD:g} % of the nearer side)", spread <= SPREAD,
            f"the spread at the minimum is {100 * spread:.3g} %", key="small noise",
        ),
        Assumption(
            "the valley relaxes 10 times faster than it is left", ratio <= RELAXED, f"ratio {ratio:.2g}",
            key="relaxation",
        ),
        Assumption(
            "the drift points to the minimum everywhere in the valley", not away.size,
            "" if not away.size else f"not at x = {away[0]:.4g}", key="one minimum",
        ),
    )  # fmt: skip


def _jumps(problem: Problem) -> bool:
    return problem.sde.noise.stable is not None


def _free(problem: Problem) -> bool:
    at, field = problem.point[:, None], problem.sde.landscape
    return _jumps(problem) and not (np.any(field.drift(at)) or np.any(field.jacobian(at)))


by_getoor = FormulaRoute("getoor", getoor, GETOOR, _free)
by_imkeller_pavlyukevich = FormulaRoute(
    "imkeller-pavlyukevich", imkeller_pavlyukevich, JUMP_OUT,
    lambda problem: _jumps(problem) and problem.sde.dimension == 1 and not _free(problem),
)  # fmt: skip
