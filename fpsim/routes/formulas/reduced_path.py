"""The escape time by the theory of one dimension along the path, for noise that varies from place to place.

    tau = 2 pi / sqrt(L_a'' |L_b''|) (D_b / D_a)^(1/2) exp(int_a^b (L' + tr(C H') / 2 - l t . div D) / D ds)

along steepest descent, :mod:`fpsim.action.reduced`.
"""

from __future__ import annotations

from fpsim.action.reduced import Reduced, reduced_path
from fpsim.assumption import Assumption
from fpsim.routes.formulas.checks import general, quadratic
from fpsim.routes.formulas.climb import escape, one_way
from fpsim.routes.formulas.formula import Formula, FormulaRoute
from fpsim.routes.problem import Problem

REFERENCE = "elimination of fast variables (Gardiner, Handbook of Stochastic Methods, section 6.4), then section 5.2.7"
STIFF = 5.0


def reduced(problem: Problem) -> Formula:
    """The reduced one-dimensional theory along the path of steepest descent, in two or more dimensions.

    Raises:
        ValueError: on a line, for a drift field, or if no pass with a path to the minimum separates start and target.
    """
    if problem.sde.dimension == 1:
        raise ValueError("reduced-path is for two and more dimensions; on a line use 'state-dependent'")
    at = one_way(escape(problem, "reduced-path"), "reduced-path")
    found = reduced_path(problem.sde, at.minimum, at.top)
    levels = found.levels
    exponent = found.slope + found.narrowing
    assumptions = (
        *general(at, found.log_mean, found.slope, levels),
        quadratic(at, *levels),
        Assumption(
            f"across the path the loss is {STIFF:g} times stiffer than along it", found.stiffness >= STIFF,
            f"{found.stiffness:.3g} times", "stiff across",
        ),
        Assumption(
            "fluctuations across the path change the climb little (20 %)",
            abs(found.narrowing) <= 0.2 * found.slope, f"by {found.narrowing:.3g} of {found.slope:.4g}", "narrowing",
        ),
    )  # fmt: skip
    notes = (_parts(found, exponent),)
    return at.formula("reduced-path", found.log_mean, REFERENCE, assumptions, problem.sde.convention, notes)


def _parts(found: Reduced, exponent: float) -> str:
    low, high = found.levels
    return (
        f"exponent {exponent:.6g}, of which fluctuations across the path {found.narrowing:.4g}; D along it {low:.4g} "
        f"at the minimum, {high:.4g} at the pass; convention {found.convention:.4g}"
    )


def _worth_trying(problem: Problem) -> bool:
    sde = problem.sde
    small = sde.dimension <= 3 or sde.landscape.symbolic is not None
    varies = not sde.noise.is_constant or sde.structure != "isotropic"
    return 1 < sde.dimension <= 50 and small and varies and hasattr(sde.landscape, "loss")


by_reduced_path = FormulaRoute("reduced-path", reduced, REFERENCE, _worth_trying, papers=("gardiner2004",))
