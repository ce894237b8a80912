"""The escape time under noise in proportion to the loss, D = T L(x) I: a power of the loss ratio.

    tau = (2 pi / |h_b|) sqrt(|det H_b| / det H_a) (L_b / L_a)^(1/T + 1 - l - n/2),          T = eta h / S

a is the minimum, b the pass, h_b the negative curvature there, n the dimension; l = 0 (Ito, as published), 1/2 or 1.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np

from fpsim.assumption import Assumption
from fpsim.noise.loss_fit import loss_scaling
from fpsim.routes.formulas.checks import general, quadratic
from fpsim.routes.formulas.climb import Escape, escape, under_noise
from fpsim.routes.formulas.formula import Formula, FormulaRoute
from fpsim.routes.problem import Problem
from landscapes.kinds import has_examples

REFERENCE = (
    "Mori, Ziyin, Liu, Ueda, ICML 2022 (arXiv 2105.09557), the escape rate; other conventions by Laplace's method"
)


def mori(problem: Problem) -> Formula:
    """Power-law escape of Mori et al. 2022, for D = T L(x) I in any dimension; the rates over several passes add.

    The drift -grad L = -L grad(ln L) makes ln L the potential and T its temperature: time grows as a power of L_b/L_a.

    Raises:
        ValueError: for another noise, one read from another landscape, a loss L <= 0, a drift field, or if no pass
            separates start and target.
    """
    sde = problem.sde
    level = sde.noise.loss_temperature
    if level is None or sde.noise.source is not None:
        raise ValueError(
            "mori is a formula for D = T L(x) I with the loss L of the drift, LossScaledDiffusion(curvature=h); this "
            f"SDE has {sde}"
        )
    at = _in_logarithms(under_noise(escape(problem, "mori")))
    bottom, top = float(at.valley.minimum.loss), float(at.valley.saddle.loss)  # type: ignore[union-attr]
    power = 1 / level + 1 - sde.convention_weight - sde.dimension / 2
    if not power > 0:
        raise ValueError(f"mori is for weak noise, and T = eta h/S = {level:g} makes its power {power:.3g} <= 0")
    log_mean = -float(np.logaddexp.reduce([_log_rate(at, p, power) for p in (at.valley.saddle, *at.valley.others)]))
    levels = level * bottom, level * top
    found = general(at, log_mean, math.log(top / bottom) / level, levels)
    checks = (*(a if a.key != "deep start" else _deep_start(at, level) for a in found), quadratic(at, *levels))
    checks = (*checks, _small(at, level), *_of_examples(at))
    count = 1 + len(at.valley.others)
    notes: tuple[str, ...] = (f"(L_b/L_a)^{power:.6g} with L_b/L_a = {top / bottom:.6g}, T = {level:g}",)
    notes += (f"rates over {count} passes added",) if count > 1 else ()
    return at.formula("mori", log_mean, REFERENCE, checks, sde.convention, notes)


def _log_rate(at: Escape, point: Any, power: float) -> float:
    """Logarithm of the rate over one pass."""
    hessians = [at.sde.potential.hessian(np.asarray(p.x)[:, None])[..., 0] for p in (at.valley.minimum, point)]
    bottom, top = (float(np.linalg.slogdet(h)[1]) for h in hessians)
    prefactor = math.log(abs(float(np.linalg.eigvalsh(hessians[1])[0])) / (2 * math.pi))
    return prefactor + (bottom - top) / 2 - power * math.log(float(point.loss) / float(at.valley.minimum.loss))


def _in_logarithms(at: Escape) -> Escape:
    """Competing climbs as those of ln L: off the line at most ln(1 + climb / lowest minimum), scaled to the barrier."""
    climb = at.valley.competing
    if at.sde.dimension == 1 or not climb > 0:
        return at
    lowest = min(float(p.loss) for p in (at.valley.minimum, *at.sde.potential.minima))
    own = math.log(float(at.valley.saddle.loss) / float(at.valley.minimum.loss))  # type: ignore[union-attr]
    return replace(at, valley=replace(at.valley, competing=at.barrier * math.log1p(climb / lowest) / own))


def _deep_start(at: Escape, level: float) -> Assumption:
    """As everywhere, with heights in ln L."""
    loss = float(np.asarray(at.sde.potential.loss(at.problem.point[:, None]))[0])
    left = math.log(float(at.valley.saddle.loss) / loss) / level  # type: ignore[union-attr]
    behind = at.sde.dimension == 1 and (at.problem.point - at.minimum)[0] * (at.top - at.minimum)[0] <= 0
    detail = "behind the minimum" if behind else f"{left:.3g} noise units below the pass"
    return Assumption("start lies 3 noise units below the pass", behind or left >= 3, detail, key="deep start")


def _small(at: Escape, level: float) -> Assumption:
    """D itself changes within a thermal width, by which the integrals around a and b miss (1 + T)^(n/2)."""
    miss = (1 + level) ** (at.sde.dimension / 2) * (1 - at.sde.convention_weight * level) - 1
    return Assumption(
        "T = eta h/S is small: D is constant within a thermal width (10 % of the time)", abs(miss) <= 0.1,
        f"T = {level:.3g}, {100 * miss:+.3g} %", key="slow noise",
    )  # fmt: skip


def _of_examples(at: Escape) -> tuple[Assumption, ...]:
    """Where the loss is a mean over examples: whether their covariance follows it between minimum and pass."""
    if not has_examples(at.sde.landscape):
        return ()
    share = np.linspace(0.0, 1.0, 101)
    return (loss_scaling(at.sde.landscape, np.outer(at.minimum, 1 - share) + np.outer(at.top, share)).assumption,)


def _loss_scaled(problem: Problem) -> bool:
    noise = problem.sde.noise
    return noise.loss_temperature is not None and noise.source is None


by_mori = FormulaRoute("mori", mori, REFERENCE, _loss_scaled, papers=("mori2022",))
