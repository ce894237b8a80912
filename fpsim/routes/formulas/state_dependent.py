"""The escape time on a line under any D(x) > 0, by Laplace's method.

    tau = 2 pi / sqrt(L''_a |L''_b|) (D_b / D_a)^(1/2 - l) exp(int_a^b L'/D dx)

l = 0 (Ito), 1/2 (Stratonovich), 1 (anti-Ito); a is the minimum, b the pass.
"""

from __future__ import annotations

import math

import numpy as np

from fpsim.assumption import Assumption
from fpsim.exact.first_passage import potential_difference
from fpsim.routes.formulas.checks import general, quadratic
from fpsim.routes.formulas.climb import Escape, on_a_line, one_way, under_noise
from fpsim.routes.formulas.formula import Formula, FormulaRoute
from fpsim.routes.problem import Problem

REFERENCE = "Laplace's method for the 1-D first-passage integrals (Gardiner, section 5.2.7) with D = D(x)"


def state_dependent(problem: Problem) -> Formula:
    """1-D escape under any D(x) > 0: 2 pi / sqrt(L''_a |L''_b|) (D_b / D_a)^(1/2 - l) exp(int_a^b L'/D dx).

    l = 0 (Ito), 1/2 (Stratonovich), 1 (anti-Ito).  D may jump between a and b, but not close to either.

    Raises:
        ValueError: in more dimensions, for a drift field, where D vanishes, or if no pass separates start and target.
    """
    at = under_noise(one_way(on_a_line(problem, "state-dependent"), "state-dependent"))
    sde, a, b = problem.sde, at.minimum, at.top
    levels = tuple(float(sde.diffusion(p[:, None])[0, 0, 0]) for p in (a, b))
    exponent = potential_difference(sde, float(a[0]), float(b[0]))
    power = (0.5 - sde.convention_weight) * math.log(levels[1] / levels[0])
    curvatures = math.log(at.curvature_at_minimum * abs(at.curvature_at_pass))
    log_mean = math.log(2 * math.pi) - curvatures / 2 + power + exponent
    assumptions = (*general(at, log_mean, exponent, levels), quadratic(at, *levels), _slow_noise(at, levels))
    return at.formula("state-dependent", log_mean, REFERENCE, assumptions, sde.convention)


def _slow_noise(at: Escape, levels: tuple[float, ...]) -> Assumption:
    """D may change little within a thermal width of minimum and pass."""
    changes = []
    for point, curvature, level in zip(
        (at.minimum, at.top), (at.curvature_at_minimum, at.curvature_at_pass), levels, strict=True
    ):
        width = math.sqrt(level / abs(curvature))
        near = at.sde.diffusion(point[:, None] + width * np.array([[-1.0, 1.0]]))[0, 0]
        changes.append(float(np.max(np.abs(near / level - 1))))
    detail = f"relative change {changes[0]:.3g} at the minimum, {changes[1]:.3g} at the pass"
    return Assumption(
        "D changes by at most 20 % within a thermal width of minimum and pass",
        max(changes) <= 0.2,
        detail,
        key="slow noise",
    )


by_state_dependent = FormulaRoute(
    "state-dependent", state_dependent, REFERENCE,
    lambda problem: not problem.sde.noise.is_constant and problem.sde.dimension == 1,
    papers=("gardiner2004",),
)  # fmt: skip
