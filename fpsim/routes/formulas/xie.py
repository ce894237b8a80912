"""SGD's escape time under Hessian-shaped noise, as Xie, Sato and Sugiyama have it.

    tau = P exp((2 S dL / eta) (s / H_ae + (1 - s) / |H_be|))

a is the minimum, b the pass, e the escape direction, s the share of the climb below which the noise is that of a.
"""

from __future__ import annotations

import math

import numpy as np

from fpsim.action.reduced import descent_path
from fpsim.assumption import Assumption
from fpsim.noise.facts import TwoLevels
from fpsim.routes.formulas.checks import general, quadratic
from fpsim.routes.formulas.climb import Escape, escape, one_way, refuse_inertia
from fpsim.routes.formulas.formula import Formula, FormulaRoute
from fpsim.routes.problem import Problem

REFERENCE = "Xie, Sato, Sugiyama, ICLR 2021 (arXiv 2002.03495), theorem 3.2"


def xie(problem: Problem, *, as_published: bool = False) -> Formula:
    """Theorem 3.2 of Xie et al. 2021: SGD's escape when the noise is kappa H_a below a fraction s of the climb.

    tau = P exp[(2 S dL / eta) (s / H_ae + (1 - s) / |H_be|)].  The published prefactor P = 2 pi / |H_be| belongs to the
    anti-Ito equation; the same two-level noise gives 2 pi / H_ae under Ito and 2 pi / sqrt(H_ae |H_be|) under
    Stratonovich.  P follows the convention of the problem unless ``as_published``.

    Args:
        problem: an escape under :class:`~fpsim.noise.HessianDiffusion` that states ``climb_fraction``.
        as_published: take the published prefactor whatever the convention.

    Raises:
        ValueError: for another noise, a missing climb fraction, a drift field, or if no pass separates the two.
    """
    refuse_inertia(problem, "xie")
    sde, noise = problem.sde, problem.sde.noise.two_levels
    if noise is None:
        raise ValueError(
            "xie is a formula for HessianDiffusion with the fraction s of the climb where the noise switches "
            f"(climb_fraction=s); this SDE has {sde.noise}"
        )
    at = one_way(escape(problem, "xie"), "xie")
    s, bottom, top = noise.climb_fraction, at.curvature_at_minimum, abs(at.curvature_at_pass)
    exponent = at.barrier / noise.kappa * (s / bottom + (1 - s) / top)
    weight = 1.0 if as_published else sde.convention_weight
    convention = "anti-ito" if as_published else sde.convention
    log_mean = math.log(2 * math.pi) - (1 - weight) * math.log(bottom) - weight * math.log(top) + exponent
    levels = noise.kappa * bottom, noise.kappa * top
    assumptions = (*general(at, log_mean, exponent, levels), quadratic(at, *levels), *_two_levels(at, noise, levels))
    prefactors = {
        0.0: "2 pi / H_ae (Ito; the published 2 pi / |H_be| is the anti-Ito one)",
        0.5: "2 pi / sqrt(H_ae |H_be|) (Stratonovich; the published 2 pi / |H_be| is the anti-Ito one)",
        1.0: "2 pi / |H_be| (as published; it belongs to the anti-Ito equation)",
    }
    note = f"prefactor {prefactors[weight]}"
    return at.formula("xie", log_mean, REFERENCE, assumptions, convention, (note,))


def _two_levels(at: Escape, noise: TwoLevels, levels: tuple[float, float]) -> tuple[Assumption, ...]:
    """What theorem 3.2 adds: the frozen noise, its switch away from both ends, and an eigendirection."""
    s = noise.climb_fraction
    climbs = s * at.barrier / levels[0], (1 - s) * at.barrier / levels[1]
    aligned = at.alignment
    return (
        Assumption(
            "noise frozen at two levels, without floor (at='path')", noise.is_exact, noise.words, key="two levels"
        ),
        Assumption(
            "the switch lies 3 noise units from both ends",
            min(climbs) >= 3,
            f"{climbs[0]:.3g} and {climbs[1]:.3g}",
            key="switch",
        ),
        Assumption(
            "escape direction is an eigenvector of H_a", aligned > 0.99, f"|cos| = {aligned:.4f}", key="eigendirection"
        ),
        *_along_the_path(at),
    )


def _along_the_path(at: Escape) -> tuple[Assumption, ...]:
    """Beyond one dimension: whether the path goes along e, and H couples e to nothing else on its way."""
    if at.sde.dimension == 1:
        return ()
    statement = "the path is straight along the escape direction, and an eigenvector of H all along"
    try:
        x = descent_path(at.sde, at.minimum, at.top)
    except ValueError as error:
        return (Assumption(statement, False, str(error), key="straight path"),)
    e, steps = at.direction, np.diff(x)
    cosine = float(np.min(np.abs(e @ steps) / np.linalg.norm(steps, axis=0)))
    pulled = -np.einsum("ijn,j->in", np.asarray(at.sde.landscape.jacobian(x)), e)
    along = e @ pulled
    leak = float(np.max(np.linalg.norm(pulled - e[:, None] * along, axis=0)) / np.abs(along[[0, -1]]).min())
    detail = f"|cos| >= {cosine:.4f}, coupling <= {leak:.3g} of the curvatures"
    return (Assumption(statement, cosine > 0.99 and leak < 0.1, detail, key="straight path"),)


by_xie = FormulaRoute(
    "xie", xie, REFERENCE, lambda problem: problem.sde.dimension == 1 and problem.sde.noise.jumps, papers=("xie2021",)
)
