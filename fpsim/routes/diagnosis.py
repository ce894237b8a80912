"""What can be known about an escape before anything is run.

    delta = 4 S |L'(x*)| / (eta |L'''(x*)|)        at an inflection point x* on the way (1-D, noise kappa |L''|)

With D = kappa |L''| alone the distance to x* is a squared Bessel process of dimension delta: the path never crosses,
for any kappa, and with a floor eps the escape time grows like eps^(-delta).  The other checks ask whether the small
noise formulas hold (barrier / noise, next order), whether the valley is in quasi-equilibrium, whether the learning rate
is small against the curvature, and whether the Gaussian exponent can be trusted for real mini-batches (L'^2 << C1).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fpsim.assumption import Assumption
from fpsim.route import ROUTES, by_exactness
from fpsim.routes.problem import Problem
from fpsim.routes.route import route
from fpsim.sde.gates import Gate, is_shut
from fpsim.valleys.eyring import off_quadratic
from landscapes.notebook import Shown

Array = NDArray[np.float64]
POINTS = 2001  # on the segment from minimum to pass


@dataclass(frozen=True, repr=False)
class Diagnosis(Shown):
    """What is known about an escape before anything is run.

    Attributes:
        problem: the escape in words.
        checks: conditions with their figures.
        gates: inflection points on the way with their delta (1-D Hessian noise only).
        routes: per route, whether it applies and what it will cost, in words.
    """

    problem: str
    checks: tuple[Assumption, ...]
    gates: tuple[Gate, ...]
    routes: tuple[tuple[str, str], ...]

    @property
    def blocked(self) -> bool:
        """Whether no continuous path can ever arrive."""
        return any(check.key == "open" and not check.holds for check in self.checks)

    def plot(self, axes: Any = None) -> Any:
        """A tick or a cross for each check; returns the figure.

        Raises:
            ValueError: where nothing could be checked.
        """
        from fpsim.plotting import check_chart

        return check_chart(self.problem, self.checks, axes)

    def __repr__(self) -> str:
        """How many checks hold; ``print`` shows them."""
        holding = sum(check.holds for check in self.checks)
        return f"<Diagnosis: {holding} of {len(self.checks)} checks hold; {len(self.routes)} routes>"

    def __str__(self) -> str:
        lines = [self.problem, *(f"  {check}" for check in self.checks)]
        lines += [f"  inflection at x = {gate.x:.6g}: delta = {gate.delta:.4g}" for gate in self.gates]
        return "\n".join(lines + [f"  route {name}: {text}" for name, text in self.routes])


def diagnose(problem: Problem, routes: bool = True) -> Diagnosis:
    """Every check that applies to this landscape, noise and target, and (if asked) what the routes will cost."""
    from fpsim.routes.formulas.climb import Escape, missing_pass

    passed = problem.gates
    checks = _openness(problem, passed)
    if not hasattr(problem.sde.landscape, "loss") or problem.sde.noise.leaps:  # jumps need no barrier
        return _finish(problem, checks, passed, routes)
    try:
        found = problem.valley
    except ValueError as error:
        missing = Assumption("the start lies in a valley", False, str(error), key="valley")
        return _finish(problem, [*checks, missing], passed, routes)
    if found.saddle is None:
        missing = Assumption("a saddle separates start and target", False, missing_pass(found), key="saddle")
        return _finish(problem, [*checks, missing], passed, routes)
    at = Escape(problem, found)
    checks += [*_small_noise(problem, at), *_learning_rate(problem, at), *_mini_batches(problem, at)]
    return _finish(problem, checks, passed, routes)


def _openness(problem: Problem, passed: tuple[Gate, ...]) -> list[Assumption]:
    """Whether the noise lets a continuous path through, and what its floor decides."""
    noise = problem.sde.noise.floor_of
    if not passed or noise is None:
        return []
    worst = max(passed, key=lambda gate: gate.delta)
    where = f"delta = {worst.delta:.4g} at x = {worst.x:.6g}"
    if is_shut(problem.sde):
        return [
            Assumption(
                "the noise lets a continuous path through", False, f"{where}; D = 0 there: use by_chain()", key="open"
            )
        ]
    floor = f"the time grows like floor^(-{worst.delta:.3g}); floor = {noise.floor:g}, injected = {noise.injected:g}"
    return [
        Assumption("the noise lets a continuous path through", True, where, key="open"),
        Assumption(
            "the escape time hardly depends on the floor (delta <= 0.1)", worst.delta <= 0.1, floor, key="floor"
        ),
    ]


def _small_noise(problem: Problem, at: Any) -> list[Assumption]:
    """Barrier against noise, next order of the expansion, quasi-equilibrium."""
    exponent = _exponent(problem, at)
    slowest = 1 / float(at.modes[0][0][0])
    rough = 2 * math.pi * slowest * math.exp(min(exponent, 700.0))
    return [
        Assumption(
            "barrier / noise >= 5 (asymptotic formulas)", exponent >= 5, f"int L'/D = {exponent:.4g}", key="small noise"
        ),
        *_taylor(problem, at),
        Assumption(
            "quasi-equilibrium: relaxation 10 times faster than escape", 10 * slowest <= rough,
            f"relaxation {slowest:.3g}, escape of the order of {rough:.3g}", key="quasi-equilibrium",
        ),
    ]  # fmt: skip


def _exponent(problem: Problem, at: Any) -> float:
    """int L'/D along the line from minimum to pass (exact in 1-D, along the straight line beyond)."""
    line = at.minimum[:, None] + np.linspace(0, 1, POINTS) * (at.top - at.minimum)[:, None]
    slope, tensor = problem.sde.potential.gradient(line), problem.sde.diffusion(line)
    along = (at.top - at.minimum) / np.linalg.norm(at.top - at.minimum)
    noise = np.einsum("i,ij...,j->...", along, tensor, along)
    rate = np.tensordot(along, slope, axes=1) / np.maximum(noise, 1e-300)
    return float(np.trapezoid(rate, dx=float(np.linalg.norm(at.top - at.minimum)) / (POINTS - 1)))


def _taylor(problem: Problem, at: Any) -> list[Assumption]:
    """How far L is from its quadratic approximation one thermal width from minimum and pass."""
    checks = []
    for name, point, (values, vectors) in (("minimum", at.minimum, at.modes[0]), ("pass", at.top, at.modes[1])):
        axis = vectors[:, :1]
        noise = float((axis.T @ problem.sde.diffusion(point[:, None])[..., 0] @ axis)[0, 0])
        worst = off_quadratic(problem.sde.potential.loss, point, values[:1], axis, noise)
        checks.append(
            Assumption(
                f"quadratic at the {name}: error <= 0.2 noise units one thermal width away",
                worst <= 0.2,
                f"{worst:.3g}",
                key=f"quadratic at {name}",
            )
        )
    return checks


def _learning_rate(problem: Problem, at: Any) -> list[Assumption]:
    """Step-size regime: the SDE needs eta times the largest curvature to be small."""
    own = problem.sde.noise.minibatch
    if own is None:
        return []
    size = own.learning_rate * float(np.max(at.modes[0][0]))
    text = f"eta * H_a = {size:.3g}" + ("; gradient descent itself is unstable (> 2)" if size > 2 else "")
    return [Assumption("small steps: eta * H_a <= 0.2 (SDE close to the chain)", size <= 0.2, text, key="small steps")]


def _mini_batches(problem: Problem, at: Any) -> list[Assumption]:
    """L'^2 / C1 along the climb: the Gaussian exponent holds for mini-batches only where it is small."""
    own = problem.sde.noise.minibatch
    if own is None or problem.sde.dimension != 1:
        return []
    line = np.linspace(at.minimum[0], at.top[0], POINTS)[None]
    covariance = problem.sde.diffusion(line)[0, 0] / own.kappa
    slope = problem.sde.potential.gradient(line)[0]
    worst = float(np.max(slope**2 / np.maximum(covariance, 1e-300)))
    statement = "one example's noise hides the slope: L'^2 / C1 <= 0.1 (Gaussian exponent holds for mini-batches)"
    return [
        Assumption(statement, worst <= 0.1, f"largest on the climb {worst:.3g}; see by_formula('cramer')", key="signal")
    ]


def _finish(problem: Problem, checks: list[Assumption], passed: tuple[Gate, ...], routes: bool) -> Diagnosis:
    shut = bool(passed) and is_shut(problem.sde)
    return Diagnosis(str(problem), tuple(checks), passed, _routes(problem, shut) if routes else ())


def _routes(problem: Problem, shut: bool) -> tuple[tuple[str, str], ...]:
    """Which routes apply and what each will cost; where the noise is shut, no continuous path arrives."""
    if shut:
        words = {
            "sde": "no continuous path arrives; the time is infinite",
            "chain": "applies: SGD's finite step jumps the gap",
        }
        return tuple((name, words[ROUTES[name].process]) for name in by_exactness(ROUTES))
    expected, found = None, []
    for one in map(route, ROUTES):
        if not one.applies(problem):
            continue
        try:
            cost, mean = one.cost(problem, expected)
        except ValueError as error:
            cost, mean = f"does not apply: {error}", None
        expected = mean if expected is None else expected
        if cost:
            found.append((one.name, cost))
    return tuple(found)
