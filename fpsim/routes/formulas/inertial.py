"""Escape with inertia under constant noise, T = D: mass dv = (-L' - friction v) dt + sqrt(2 friction T) dB, dx = v dt.

    tau = (2 pi / omega_a) exp(dL / T) / (A(delta) kappa),      omega^2 = |L''| / mass
    kappa = sqrt(1 + u^2) - u,   u = friction / (2 mass omega_b)         crossings of the pass that are final
    A(delta) = exp( (1/2 pi) int ln(1 - e^(-delta (s^2 + 1/4))) / (s^2 + 1/4) ds )
    delta = friction S / (mass T),   S = 2 int sqrt(2 mass (L_b - L)) dx     energy lost in a round trip, in units of T

A -> 1 for strong friction (Kramers), A -> delta for weak friction, where energy diffuses slowly; in between lies the
turnover.  All answer for a target beyond the pass.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from fpsim.assumption import Assumption
from fpsim.routes.formulas.checks import general, quadratic
from fpsim.routes.formulas.climb import Escape, escape, noise_level, one_way
from fpsim.routes.formulas.formula import Formula, FormulaRoute
from fpsim.routes.problem import Problem
from fpsim.sde.sde import Inertia

Array = NDArray[np.float64]
KRAMERS = "Kramers, Physica 7 (1940) 284; Haenggi, Talkner, Borkovec, Rev. Mod. Phys. 62 (1990) 251"
KRAMERS_LOW = "Kramers, Physica 7 (1940) 284; Haenggi et al., Rev. Mod. Phys. 62 (1990) 251"
MELNIKOV = "Mel'nikov, Meshkov, J. Chem. Phys. 85 (1986) 1018; Haenggi et al., Rev. Mod. Phys. 62 (1990) 251"
LANGER = "Langer, Ann. Phys. 54 (1969) 258; Haenggi, Talkner, Borkovec, Rev. Mod. Phys. 62 (1990) 251"
CLOSE = 0.1
"""How far A(delta) may be from 1, or from delta, where a formula takes it to be that."""
POINTS = 2001  # among which the outer wall of a valley is looked for
DOUBLINGS = 40


def kramers_moderate(problem: Problem) -> Formula:
    """Kramers' time for moderate to strong friction, one dimension: A = 1.

    Raises:
        ValueError: without inertia, beyond one dimension, for other noise, for a target at the pass, or without a pass.
    """
    at, own, temperature = _on_a_line(problem, "kramers-moderate")
    log_mean = _rate_theory(at, own, temperature)
    loss = energy_lost(at, own, temperature)
    return _formula(at, own, temperature, "kramers-moderate", log_mean, KRAMERS, (damped(loss),))


def kramers_low(problem: Problem) -> Formula:
    """Kramers' time for weak friction, one dimension: A = delta, kappa = 1.

    Raises:
        ValueError: as :func:`kramers_moderate`.
    """
    at, own, temperature = _on_a_line(problem, "kramers-low")
    loss = energy_lost(at, own, temperature)
    climb = at.barrier / temperature - math.log(math.sqrt(at.curvature_at_minimum / own.mass) / (2 * math.pi))
    share, final = depopulation(loss) / loss, math.exp(_log_kappa(own, -at.curvature_at_pass))
    weak = Assumption(
        f"energy changes slowly: A(delta) and kappa within {CLOSE:g} of delta and 1",
        share * final >= 1 - CLOSE, f"delta = {loss:.3g}, A / delta = {share:.3g}, kappa = {final:.3g}",
        key="weak friction",
    )  # fmt: skip
    steady = _steady(at, temperature, depopulation(loss))
    return _formula(at, own, temperature, "kramers-low", climb - math.log(loss), KRAMERS_LOW, (weak, steady))


def melnikov_meshkov(problem: Problem) -> Formula:
    """The turnover formula of Mel'nikov and Meshkov, one dimension, any friction, up to corrections O(T / dL).

    Raises:
        ValueError: as :func:`kramers_moderate`.
    """
    at, own, temperature = _on_a_line(problem, "melnikov-meshkov")
    loss = energy_lost(at, own, temperature)
    share = depopulation(loss)
    log_mean = _rate_theory(at, own, temperature) - math.log(share)
    notes, checks = (f"delta = {loss:.4g}, A = {share:.4g}",), (_steady(at, temperature, share),)
    return _formula(at, own, temperature, "melnikov-meshkov", log_mean, MELNIKOV, checks, notes)


def langer(problem: Problem) -> Formula:
    """Langer's time in any dimension: 2 pi / lambda sqrt(|det H_b| / det H_a) exp(dL / T).

    lambda is the growing mode of (x, v) at the pass, mass lambda^2 + friction lambda = |H_b1|.

    Raises:
        ValueError: without inertia, for a noise other than T I, for a target at the pass, or without a pass.
    """
    at, own, temperature = _inertial(problem, "langer")
    bottom, top = (values for values, _ in at.modes)
    frequency = math.sqrt(float(-top[0]) / own.mass)
    log_growth = math.log(frequency) + _log_kappa(own, float(-top[0]))
    squares = float(np.sum(np.log(np.abs(top))) - np.sum(np.log(bottom)))
    log_mean = math.log(2 * math.pi) - log_growth + squares / 2 + at.barrier / temperature
    loss = energy_lost(at, own, temperature) if at.sde.dimension == 1 else _lost_on_the_way(at, own, temperature)
    return _formula(at, own, temperature, "langer", log_mean, LANGER, (damped(loss),))


def depopulation(delta: float) -> float:
    """Mel'nikov and Meshkov's A(delta): the share of the equilibrium current over the pass that friction leaves."""
    from scipy.integrate import quad

    def integrand(s: float) -> float:
        square = s * s + 0.25
        return math.log(-math.expm1(-delta * square)) / square

    return math.exp(quad(integrand, 0, math.inf, epsabs=1e-13, epsrel=1e-11, limit=400)[0] / math.pi)


def _inertial(problem: Problem, name: str) -> tuple[Escape, Inertia, float]:
    """Minimum and pass of the place, mass and friction, and the temperature."""
    own = problem.sde.inertia
    if own is None:
        raise ValueError(f"{name} is for motion with inertia, fpsim.Underdamped; use 'kramers' or 'eyring-kramers'")
    if not own.overdamped.noise.is_constant:
        raise ValueError(f"{name} is for constant noise D = T I, and this is {own.overdamped.noise}; use by_paths()")
    place = np.split(problem.point, 2)[0]
    at = one_way(escape(Problem(own.overdamped, place, problem.target.inner, problem.walls), name), name)
    temperature = noise_level(at, name)
    return beyond(at, name), own, temperature


def beyond(at: Escape, name: str) -> Escape:
    """Refuse a target at the pass: at speed it is not half as long to there."""
    if at.on_pass:
        raise ValueError(f"{name} is for a target beyond the pass, and this one begins at it; use by_paths()")
    return at


def _on_a_line(problem: Problem, name: str) -> tuple[Escape, Inertia, float]:
    if problem.sde.inertia is not None and problem.sde.dimension > 2:
        d = problem.sde.dimension // 2
        raise ValueError(f"{name} is a formula for one dimension; this landscape has {d} (use 'langer')")
    return _inertial(problem, name)


def _rate_theory(at: Escape, own: Inertia, temperature: float) -> float:
    """ln(tau) with A = 1."""
    frequency = math.sqrt(at.curvature_at_minimum / own.mass)
    return math.log(2 * math.pi / frequency) - _log_kappa(own, -at.curvature_at_pass) + at.barrier / temperature


def _log_kappa(own: Inertia, curvature: float) -> float:
    """ln(sqrt(1 + u^2) - u), u = friction / (2 mass omega_b)."""
    return -math.asinh(own.friction / (2 * math.sqrt(own.mass * curvature)))


def energy_lost(at: Escape, own: Inertia, temperature: float) -> float:
    """delta on a line: the energy that a round trip at the height of the pass loses."""
    start, outer = float(at.top[0]), _outer_wall(at)
    way = _root_integral(at, np.array([start]), np.array([outer]))
    return 2 * own.friction * math.sqrt(2 / own.mass) * way / temperature


def _lost_on_the_way(at: Escape, own: Inertia, temperature: float) -> float:
    """The same beyond one dimension, of four ways along the straight line between minimum and pass."""
    way = _root_integral(at, at.top, at.minimum)
    return 4 * own.friction * math.sqrt(2 / own.mass) * way / temperature


def _steady(at: Escape, temperature: float, share: float) -> Assumption:
    """Whether orbits of T below the pass, where energies diffuse before they cross, lose what those at the pass lose.

    Where they do not, rates of weak friction are too large by about as much: 17 % for 14 % at dL = 10 T.
    """
    ways = [_root_integral(at, at.top, np.array([_outer_wall(at)]), below) for below in (0.0, temperature)]
    change = (1 - share) * (1 - ways[1] / ways[0])
    return Assumption(
        f"round trips at T below the pass lose as much (to {CLOSE:g} of the time)", change <= CLOSE,
        f"{change:.3g}", key="steady loss",
    )  # fmt: skip


def _root_integral(at: Escape, begin: Array, end: Array, below: float = 0.0) -> float:
    """int sqrt(L_b - below - L) along the line from ``begin`` to ``end`` (d,), dense at the end."""
    nodes, weights = np.polynomial.legendre.leggauss(200)
    s = (nodes + 1) / 2
    x = end[:, None] + (begin - end)[:, None] * s**2
    height = float(at.valley.minimum.loss) + at.barrier - below
    speeds = np.sqrt(np.maximum(height - np.asarray(at.sde.potential.loss(x)), 0.0))
    return float(np.linalg.norm(begin - end) * np.sum(weights * s * speeds))


def _outer_wall(at: Escape) -> float:
    """Where the valley rises to the height of the pass on the side away from it, or a wall turns bodies round."""
    from scipy.optimize import brentq

    bottom, height = float(at.minimum[0]), float(at.valley.minimum.loss) + at.barrier
    reach = bottom - float(at.top[0])
    walls = () if at.problem.walls is None else at.problem.walls.box[0]
    end = max((wall / reach for wall in walls), default=math.inf)  # in directions that point there

    def above(x: float) -> float:
        return float(np.asarray(at.sde.potential.loss(np.array([[x]])))[0]) - height

    for k in range(DOUBLINGS):
        x = bottom + reach * 1.5**k * np.linspace(0, 1, POINTS)
        x = x[x / reach <= end]
        with np.errstate(all="ignore"):
            higher = np.flatnonzero(np.asarray(at.sde.potential.loss(x[None])) > height)
        if higher.size:
            return float(brentq(above, x[higher[0] - 1], x[higher[0]], xtol=1e-14 * abs(reach)))
        if x.size < POINTS:
            return end * reach
    raise ValueError(f"the valley around x = {bottom:g} has no wall as high as the pass on its other side")


def damped(loss: float) -> Assumption:
    """Whether a round trip loses enough energy for A = 1."""
    share = depopulation(loss)
    return Assumption(
        f"a round trip loses enough energy: A(delta) >= {1 - CLOSE:g}", share >= 1 - CLOSE,
        f"delta = {loss:.3g}, A = {share:.3g}", key="strong friction",
    )  # fmt: skip


def _formula(
    at: Escape, own: Inertia, temperature: float, name: str, log_mean: float, reference: str,
    checks: tuple[Assumption, ...], notes: tuple[str, ...] = (),
) -> Formula:  # fmt: skip
    levels = temperature, temperature
    common = [c for c in general(at, log_mean, at.barrier / temperature, levels) if c.key != "relaxation"]
    modes = at.modes[0][0] / own.mass
    half = own.friction / (2 * own.mass)
    root = np.sqrt(np.maximum(half**2 - modes, 0.0))
    slowest = float(np.max(np.where(root > 0, (half + root) / modes, 1 / half)))
    ratio = slowest * math.exp(-min(max(log_mean, -700.0), 700.0))
    relaxes = Assumption(
        "the valley relaxes 10 times faster than it is left", ratio <= 0.1, f"ratio {ratio:.2g}", key="relaxation"
    )
    assumptions = (*common, relaxes, quadratic(at, *levels), *checks)
    return at.formula(name, log_mean, reference, assumptions, at.sde.convention, notes)


def _applies(most: float) -> Callable[[Problem], bool]:
    def worth(problem: Problem) -> bool:
        own = problem.sde.inertia
        return own is not None and own.overdamped.noise.is_constant and own.overdamped.dimension <= most

    return worth


by_kramers_moderate = FormulaRoute(
    "kramers-moderate", kramers_moderate, KRAMERS, _applies(1), ("kramers1940", "haenggi1990")
)
by_kramers_low = FormulaRoute("kramers-low", kramers_low, KRAMERS_LOW, _applies(1), ("kramers1940", "haenggi1990"))
by_melnikov_meshkov = FormulaRoute(
    "melnikov-meshkov", melnikov_meshkov, MELNIKOV, _applies(1), ("melnikov1986", "haenggi1990")
)
by_langer = FormulaRoute("langer", langer, LANGER, _applies(math.inf), ("langer1969", "haenggi1990"))
