"""The escape time of true mini-batch SGD in one dimension, by Cramer's theorem (:mod:`fpsim.sgd.cramer`).

    tau = 2 pi / sqrt(L''_a |L''_b|) (C_a/C_b)^(1/2) (K_a/K_b) exp((S/eta) int_a^b q dx)

It answers for the chain with actual mini-batches and eta -> 0, in units of eta * iterations.
"""

from __future__ import annotations

import math

import numpy as np

from fpsim.assumption import Assumption
from fpsim.noise.facts import MiniBatch
from fpsim.routes.formulas.checks import general
from fpsim.routes.formulas.climb import Escape, escape
from fpsim.routes.formulas.formula import Formula, FormulaRoute
from fpsim.routes.problem import Problem
from fpsim.sgd.cramer import CramerExponent, cramer_exponent, log_prefactor, require_examples
from fpsim.sgd.cramer_range import straightness
from landscapes.kinds import has_examples

REFERENCE = "Azizian, Iutzeler, Malick, Mertikopoulos, ICML 2024 (arXiv 2406.09241); prefactor: Knessl et al. 1985"
STRAIGHT = 0.5  # error of ln(time) by finite kicks that is still called small


def cramer(problem: Problem) -> Formula:
    """The mean escape time of true mini-batch SGD for small eta, in units of eta * iterations.

    Args:
        problem: on a 1-D ``DatasetLandscape``, under noise with a learning rate and a batch size.  Only these two are
            taken from the noise: the answer is for the chain with actual mini-batches drawn with replacement.

    Raises:
        ValueError: without examples, in more dimensions, for a noise without learning rate, if no pass separates start
            and target, or if no mini-batch can climb a point of the way (the time is infinite).
    """
    sde = problem.sde
    place, own = require_examples(sde.landscape), sde.noise.minibatch
    if problem.walls is not None:
        raise ValueError(f"cramer knows no walls, and this problem has {problem.walls}; use by_paths")
    if own is None:
        raise ValueError(f"cramer needs a learning rate and a batch size, and {sde.noise} has none; use GradientNoise")
    eta, size = own.learning_rate, own.batch_size
    at = escape(problem, "cramer")
    a, b = float(at.minimum[0]), float(at.top[0])
    found = cramer_exponent(place, a, b)
    if found.blocked is not None:
        raise ValueError(
            f"at x = {found.blocked:g} the gradients of all examples pull the same way, so mini-batch SGD never climbs "
            "it: the escape time is infinite (Gaussian noise would climb it, with exponent "
            f"{found.gaussian * size / eta:.4g})"
        )
    exponent = size / eta * found.exponent
    curvatures = math.log(at.curvature_at_minimum * abs(at.curvature_at_pass))
    log_mean = math.log(2 * math.pi) - curvatures / 2 + log_prefactor(place, a, b, size) + exponent
    gap = 100 * (found.gaussian / found.exponent - 1)
    notes = (
        f"exponent {exponent:.6g} = S/eta * {found.exponent:.6g}",
        f"Gaussian noise of the same covariance: {gap:+.3g} % in the exponent; largest L'^2/C1 = {found.signal:.3g}",
        "batches are drawn with replacement: the exponent is linear in S/eta for any S",
        f"iterations = time/eta, ln(iterations) = {log_mean - math.log(eta):.6g}",
    )
    return at.formula("cramer", log_mean, REFERENCE, _assumptions(at, found, own, exponent, log_mean), "chain", notes)


def _assumptions(
    at: Escape, found: CramerExponent, own: MiniBatch, exponent: float, log_mean: float
) -> tuple[Assumption, ...]:
    eta, size = own.learning_rate, own.batch_size
    c1 = np.asarray(require_examples(at.sde.landscape).gradient_covariance(np.array([[found.start, found.end]])))[0, 0]
    levels = tuple(float(own.kappa * c) for c in c1)
    stiffness = eta * max(at.curvature_at_minimum, abs(at.curvature_at_pass))
    return (
        *general(at, log_mean, exponent, levels),
        _straight(at, found, eta, size),
        Assumption("the batch size is a whole number", size == round(size) >= 1, f"S = {size:g}", key="whole batch"),
        Assumption(
            "steps are small: eta |L''| <= 0.2", stiffness <= 0.2, f"eta |L''| = {stiffness:.3g}", key="small steps"
        ),
    )


def _straight(at: Escape, found: CramerExponent, eta: float, size: float) -> Assumption:
    """Whether q is constant enough over single kicks for the limit eta -> 0 to be near (`fpsim.sgd.cramer_range`)."""
    kicks = straightness(at.sde.landscape, found.start, found.end, eta, size)
    detail = (
        f"estimated error of ln(time) {kicks.error:.3g}, largest per step {kicks.worst:.3g} at x = {kicks.place:.4g}; "
        f"one example moves a path by up to {100 * kicks.kick:.3g} % of the climb"
    )
    statement = f"q hardly changes over one kick: ln(time) is off by at most {STRAIGHT:g}"
    return Assumption(statement, kicks.error <= STRAIGHT, detail, key="straight")


def _of_examples(problem: Problem) -> bool:
    sde = problem.sde
    of_steps = has_examples(sde.landscape) and sde.noise.minibatch is not None
    return of_steps and sde.dimension == 1 and not sde.noise.is_constant


by_cramer = FormulaRoute("cramer", cramer, REFERENCE, _of_examples, papers=("azizian2024", "knessl1985"))
