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
PLACES = 2001


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

    The valley ends at the target, or at the pass behind which the drift leads there; a side on which there is no target
    counts as infinitely wide.

    Raises:
        ValueError: for another noise or dimension, with walls, or where the start flows to no minimum.
    """
    law = _law(problem, "imkeller-pavlyukevich")
    if problem.sde.dimension != 1 or problem.walls is not None:
        what = "walls" if problem.walls is not None else f"{problem.sde.dimension} dimensions"
        raise ValueError(f"imkeller-pavlyukevich is a formula for a line without walls; this problem has {what}")
    line = line_of(problem.sde, problem.point, problem.target)[1]
    bottom, curvature = _minimum(problem, line)
    left, right = (_end(problem, bottom, end) for end in (line.low, line.high))
    rate = math.gamma(law.alpha) * math.sin(math.pi * law.alpha / 2) / math.pi
    widths = abs(left[0] - bottom), abs(right[0] - bottom)
    log_mean = -law.alpha * math.log(law.scale) - math.log(rate * sum(width**-law.alpha for width in widths))
    notes = (f"the minimum {bottom:.6g} lies {widths[0]:.6g} and {widths[1]:.6g} from the ends of its valley",)
    cleared = [_cleared(problem, bottom, end) for end in (line.low, line.high) if math.isfinite(end)]
    checks = _checks(law, min(widths), curvature, log_mean, left[1] or right[1] or "".join(cleared))
    return Formula(
        "imkeller-pavlyukevich", log_mean, JUMP_OUT, checks, "time of the jump out of the valley",
        problem.sde.convention, (bottom,), (), notes,
    )  # fmt: skip


def _end(problem: Problem, bottom: float, end: float) -> tuple[float, str]:
    """Where the valley ends on one side: at the target, or at a pass behind which the drift leads there; and what not.

    A side without a target is looked at as far as the landscape's box, or ten times as far as the target.
    """
    from scipy.optimize import brentq

    def home(x: float | np.ndarray) -> np.ndarray:
        return np.asarray(problem.sde.drift(np.atleast_1d(x)[None]))[0] * np.sign(bottom - end)

    far = end
    if not math.isfinite(end):
        box, side = problem.sde.landscape.bounds, 0 if end < 0 else 1
        reach = 10 * problem.target.far(problem.point)
        far = box[0][side] if box is not None else bottom + math.copysign(reach, end)
    x = np.linspace(bottom, far, PLACES + 2)[1:-1]
    turned = np.flatnonzero(home(x) <= 0)
    turned = turned[np.abs(x[turned] - bottom) > 1e-6 * abs(far - bottom)]
    if not turned.size or turned[0] == 0:
        return end, f"the drift leaves the minimum {bottom:.4g}" if turned.size else ""
    k = int(turned[0])
    top = float(brentq(lambda z: float(home(z)[0]), x[k - 1], x[k]))
    held = x[k:][home(x[k:]) > 0]
    if not math.isfinite(end):
        return top, f"paths may leave over x = {top:.4g}, away from the target"
    return top, f"behind x = {top:.4g} paths are held up at x = {held[0]:.4g}" if held.size else ""


def _cleared(problem: Problem, bottom: float, end: float) -> str:
    """What holds up the jumps that clear the target, where it is not all that lies behind its edge."""
    reach = math.copysign(10 * max(problem.target.far(problem.point), abs(end - bottom)), end - bottom)
    x = end + reach * np.linspace(1e-6, 1, PLACES)
    with np.errstate(all="ignore"):
        away = np.asarray(problem.sde.drift(x[None]))[0] * reach >= 0
        stuck = x[away & (np.asarray(problem.target.level(x[None])) < 0)]
    return f"jumps over the target are held up at x = {stuck[0]:.4g}" if stuck.size else ""


def _law(problem: Problem, name: str) -> StableLaw:
    law = problem.sde.noise.stable
    if law is None:
        raise ValueError(f"{name} is a formula for alpha-stable noise with alpha < 2; this SDE has {problem.sde.noise}")
    if not law.isotropic:
        raise ValueError(
            f"{name} is a formula for jumps that are alike in all directions; this SDE has {problem.sde.noise}"
        )
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

    line = interval(problem.sde, problem.point, problem.target, "getoor")
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


def _checks(law: StableLaw, near: float, curvature: float, log_mean: float, fault: str) -> tuple[Assumption, ...]:
    """For the nearer end of the valley, and what is wrong with its shape."""
    spread = law.scale * (law.alpha * curvature) ** (-1 / law.alpha) / near
    ratio = math.exp(-min(max(log_mean, -700.0), 700.0)) / curvature
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
            "the drift leads to the minimum inside the valley, to the target outside", not fault, fault,
            key="one minimum",
        ),
    )  # fmt: skip


def _jumps(problem: Problem) -> bool:
    return problem.sde.noise.stable is not None


def _free(problem: Problem) -> bool:
    at, field = problem.point[:, None], problem.sde.landscape
    return _jumps(problem) and not (np.any(field.drift(at)) or np.any(field.jacobian(at)))


by_getoor = FormulaRoute("getoor", getoor, GETOOR, _free, papers=("getoor1961",))
by_imkeller_pavlyukevich = FormulaRoute(
    "imkeller-pavlyukevich", imkeller_pavlyukevich, JUMP_OUT,
    lambda problem: _jumps(problem) and problem.sde.dimension == 1 and not _free(problem),
    papers=("imkeller2006",),
)  # fmt: skip
