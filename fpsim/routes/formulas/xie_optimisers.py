"""Escape times of SGD with momentum and of Adam under two-level Hessian noise, after Xie et al. 2022.

    momentum   tau = pi (F + sqrt(F^2 + 4 M |H_b|)) / P exp( (2 S (1 - beta) dL / eta) (s / H_a + (1 - s) / |H_b|) )
    Adam       tau = pi (1 + sqrt(1 + 4 m h_b)) / sqrt(h_a h_b)
                     exp( (2 sqrt(S) dL / eta) (s / sqrt(H_a) + (1 - s) / sqrt(|H_b|)) ),      h = sqrt(S |H|)

F = 1 - beta and M = eta (1 + beta) / 2 are friction and mass, P is H_a; m = eta (1 + b1) / 2 (1 - b1).  Adam divides
by the gradient's own deviation sqrt(H / S), so that its noise is eta / 2 everywhere and its exponent knows only the
root of the curvature: it prefers flat minima less than SGD does.

Both are worked out here, and held against grid, quadrature and chains; the paper's theorems were not at hand, only what
is told of them (the exponents, and 1 / |H_be| of SGD's theorem in the prefactor, which ``as_published`` stands for).

    momentum   Kramers' crossing with friction F and mass M at the pass; the climb at noise kappa H / (1 - beta), as if
               noise changed slowly against the time M / F in which speeds are forgotten
    Adam       y' = -U'(y) + sqrt(eta) dB with U' = L' / sqrt(H / S): U rises by sqrt(S) dL (s / sqrt(H_a) + ...) at
               temperature eta / 2, with U'' = sqrt(S |H|) at both ends; b1 is the momentum of a body of friction 1
"""

from __future__ import annotations

import math

import numpy as np

from fpsim.assumption import Assumption
from fpsim.noise.facts import MiniBatch, TwoLevels
from fpsim.numbers import share
from fpsim.routes.formulas.checks import SEPARATED, general, quadratic
from fpsim.routes.formulas.climb import Escape, escape, on_a_line, one_way, refuse_inertia
from fpsim.routes.formulas.formula import Formula, FormulaRoute
from fpsim.routes.formulas.inertial import beyond, damped, energy_lost
from fpsim.routes.problem import Problem

REFERENCE = "after Xie, Wang, Zhang, Sato, Sugiyama, ICML 2022 (arXiv 2006.15815); constants worked out here"
SMALL = 0.1
STEPS_TO_FORGET = 100.0
LARGEST = 0.3
"""The time is about e^(-0.14 of it) of the formula: 0.65 measured for 3, its error at finite noise taken out."""


def xie_momentum(problem: Problem, *, as_published: bool = False) -> Formula:
    """Escape with inertia under the two-level noise of Xie et al., one dimension.

    tau = pi (F + sqrt(F^2 + 4 M |H_b|)) / P exp(dL (s / D_a + (1 - s) / D_b)).  An equation with inertia is read in
    Ito's sense when its mass goes to 0, so that P = H_ae; the published P = |H_be| is that of the anti-Ito equation.
    The exponent is right for strong friction only: a body that keeps its speed brings heat along from where the noise
    is strong, and leaves earlier.

    Args:
        problem: an escape of :class:`fpsim.Underdamped` under ``HessianDiffusion(at="path", climb_fraction=s)``.
        as_published: take P = |H_be|, as SGD's theorem has it (Xie et al. 2021); not compared with the paper of 2022.

    Raises:
        ValueError: without inertia, for another noise, beyond one dimension, without a pass, or for a target at it.
    """
    own = problem.sde.inertia
    if own is None:
        raise ValueError("xie-momentum is for motion with inertia, such as fpsim.Underdamped.of_heavy_ball(...)")
    inner = Problem(own.overdamped, np.split(problem.point, 2)[0], problem.target.inner, problem.walls)
    at, noise, _ = _two_levels(inner, "xie-momentum")
    beyond(at, "xie-momentum")
    s, bottom, top = noise.climb_fraction, at.curvature_at_minimum, -at.curvature_at_pass
    exponent = at.barrier / noise.kappa * (s / bottom + (1 - s) / top)
    crossing = own.friction + math.sqrt(own.friction**2 + 4 * own.mass * top)
    log_mean = math.log(math.pi * crossing / (top if as_published else bottom)) + exponent
    levels = noise.kappa * bottom, noise.kappa * top
    checks = (
        *general(at, log_mean - math.log(own.friction), exponent, levels), quadratic(at, *levels),
        damped(energy_lost(at, own, max(levels))), _local(exponent * own.mass * bottom / own.friction**2),
    )  # fmt: skip
    note = "prefactor 1 / |H_be| (of SGD's theorem)" if as_published else "prefactor 1 / H_ae (theorem: 1 / |H_be|)"
    return at.formula("xie-momentum", log_mean, REFERENCE, checks, "ito", (note,))


def xie_adam(problem: Problem, *, beta1: float = 0.9, beta2: float = 0.999) -> Formula:
    """Adam's escape in time = learning rate * iterations, one dimension, for gradients that are mostly noise.

    Args:
        problem: an escape under ``HessianDiffusion(at="path", climb_fraction=s)``; its learning rate is Adam's.
        beta1, beta2: of Adam; beta2 enters the assumptions only.

    Raises:
        ValueError: with inertia, for another noise, beyond one dimension, without a pass, or for wrong betas.
    """
    share(beta1, "beta1")
    share(beta2, "beta2")
    refuse_inertia(problem, "xie-adam")
    at, noise, sgd = _two_levels(problem, "xie-adam")
    s, eta, size = noise.climb_fraction, sgd.learning_rate, sgd.batch_size
    bottom, top = at.curvature_at_minimum, -at.curvature_at_pass
    exponent = 2 * math.sqrt(size) * at.barrier / eta * (s / math.sqrt(bottom) + (1 - s) / math.sqrt(top))
    low, high = math.sqrt(size * bottom), math.sqrt(size * top)
    inertia = (1 + math.sqrt(1 + 2 * eta * (1 + beta1) / (1 - beta1) * high)) / 2
    log_mean = math.log(2 * math.pi * inertia / math.sqrt(low * high)) + exponent
    own = _adam_checks(at, sgd, beta1, beta2)
    keys = {check.key for check in own}
    checks = (*(check for check in general(at, log_mean, exponent, (eta / 2, eta / 2)) if check.key not in keys), *own)
    note = "time = learning rate * iterations; constants worked out here, not compared with the paper's"
    return at.formula("xie-adam", log_mean, REFERENCE, checks, problem.sde.convention, (note,))


def _two_levels(problem: Problem, name: str) -> tuple[Escape, TwoLevels, MiniBatch]:
    noise, sgd = problem.sde.noise.two_levels, problem.sde.noise.minibatch
    if noise is None or sgd is None:
        raise ValueError(
            f"{name} is a formula for HessianDiffusion with the fraction s of the climb where the noise switches "
            f"(climb_fraction=s); this SDE has {problem.sde.noise}"
        )
    return one_way(on_a_line(problem, name) if problem.sde.dimension > 1 else escape(problem, name), name), noise, sgd


def _local(size: float) -> Assumption:
    """Whether a body forgets its speed before the noise changes: else it brings heat along, and the exponent falls."""
    statement = f"speeds are forgotten before the noise changes: exponent mass H_ae / friction^2 <= {LARGEST:g}"
    return Assumption(statement, size <= LARGEST, f"{size:.3g}", key="local noise")


def _adam_checks(at: Escape, sgd: MiniBatch, beta1: float, beta2: float) -> tuple[Assumption, ...]:
    """Gradients that are mostly noise, and a second moment that is a mean over many steps but forgets in time."""
    x = np.linspace(float(at.minimum[0]), float(at.top[0]), 201)[None]
    eta, slope = sgd.learning_rate, np.asarray(at.sde.potential.gradient(x))[0]
    variance = 2 * np.asarray(at.sde.diffusion(x))[0, 0] / eta
    signal = float(np.max(slope**2 / np.maximum(variance, 1e-300)))
    span, fast = 1 / (1 - beta2), eta * math.sqrt(sgd.batch_size * max(at.curvature_at_minimum, -at.curvature_at_pass))
    width = math.sqrt(eta / 2 / math.sqrt(-sgd.batch_size * at.curvature_at_pass))
    return (
        Assumption(
            f"target's boundary {SEPARATED:g} of Adam's thermal widths beyond the pass",
            at.distance >= SEPARATED * width, f"{at.distance / width:.3g} widths", key="separation",
        ),
        Assumption(
            f"gradients are mostly noise: L'^2 / C <= {SMALL:g}", signal <= SMALL, f"{signal:.3g}", key="signal"
        ),
        Assumption(
            f"the second moment is a mean over many gradients: 1 / (1 - beta2) >= {STEPS_TO_FORGET:g}",
            span >= STEPS_TO_FORGET, f"{span:.3g}", key="averaged",
        ),
        Assumption(
            f"and over a way on which the noise stays: eta sqrt(S H) / (1 - beta2) <= {SMALL:g}", span * fast <= SMALL,
            f"{span * fast:.3g}", key="following",
        ),
        Assumption("small steps: eta sqrt(S H) <= 0.2", fast <= 0.2, f"{fast:.3g}", key="small steps"),
    )  # fmt: skip


def _two_level_inertia(problem: Problem) -> bool:
    return problem.sde.inertia is not None and problem.sde.dimension == 2 and problem.sde.noise.jumps


by_xie_momentum = FormulaRoute("xie-momentum", xie_momentum, REFERENCE, _two_level_inertia, ("xie2022",))
by_xie_adam = FormulaRoute("xie-adam", xie_adam, REFERENCE, lambda problem: False, ("xie2022",))
