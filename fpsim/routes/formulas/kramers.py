"""Asymptotic escape times under constant noise: closed formulas for small D = T I, one function per paper.

    tau = (2 pi / |lambda_1(b)|) sqrt(|det H_b| / det H_a) exp((L_b - L_a) / T)          (Eyring, Kramers)

a is the minimum, b the pass.  All answer for a target *beyond* the pass; if the target's boundary is the pass itself
they return half of it (to leading order) and say so.  Each result lists what the formula assumes and whether it holds
here and now.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np

from fpsim.assumption import Assumption
from fpsim.routes.formulas.checks import general, quadratic
from fpsim.routes.formulas.climb import Escape, escape, noise_level, on_a_line, one_way
from fpsim.routes.formulas.formula import Formula, FormulaRoute
from fpsim.routes.formulas.next_order import expansion
from fpsim.routes.problem import Problem
from fpsim.valleys.eyring import half_log_determinants
from fpsim.valleys.far import SEARCHED
from landscapes.field import in_words
from landscapes.products import DENSE

KRAMERS = "Kramers, Physica 7 (1940) 284; Gardiner, Handbook of Stochastic Methods (3rd ed.), section 5.2.7"
NEXT_ORDER = "Kramers 1940 with the next term of Laplace's method (Bender and Orszag, section 6.4) at both ends"
EYRING = "Bovier, Eckhoff, Gayrard, Klein, J. Eur. Math. Soc. 6 (2004) 399, theorem 3.2; Berglund, arXiv 1106.5799"
XIE_WHITE = "Xie, Sato, Sugiyama, ICLR 2021 (arXiv 2002.03495), theorem 3.1"


def kramers(problem: Problem) -> Formula:
    """Kramers' time 2 pi / sqrt(L''_a |L''_b|) exp(dL / T) in 1-D with constant D = T.

    On a ring (periodic walls) the rates over both passes add.

    Raises:
        ValueError: in more dimensions, for a state-dependent D or a drift field, or if no pass separates the two.
    """
    at = on_a_line(problem, "kramers")
    temperature = noise_level(at, "kramers")
    return _eyring(at, temperature, "kramers", KRAMERS, at.valley.others, (_next_term(at, temperature, 0.1),))


def kramers_next(problem: Problem) -> Formula:
    """Kramers' time with the next order in the noise, tau (1 + T A), 1-D with constant D = T.

    A = -V4a/(8 V2a^2) + 5 V3a^2/(24 V2a^3) + V4b/(8 V2b^2) + 5 V3b^2/(24 |V2b|^3), Vk the k-th derivatives of L.  A
    target *at* the pass adds an odd moment, -+ V3b/(3 |V2b|^(3/2)) sqrt(2 T / pi) for a target to the right or left.

    Raises:
        ValueError: as :func:`kramers`; also if third and fourth derivatives by differences do not settle, or if the
            correction is so large that the result would not be positive.
    """
    at = one_way(on_a_line(problem, "kramers-next"), "kramers-next")
    temperature = noise_level(at, "kramers-next")
    even, odd = expansion(at)
    factor = 1 + temperature * even + (math.sqrt(temperature) * odd if at.on_pass else 0.0)
    if not factor > 0:
        raise ValueError(f"the next-order factor is {factor:.3g} <= 0: the noise {temperature:g} is too large for it")
    plain = _eyring(at, temperature, "kramers-next", NEXT_ORDER, (), (_next_term(at, temperature, 0.3),))
    return replace(plain, log_mean=plain.log_mean + math.log(factor))


def eyring_kramers(problem: Problem) -> Formula:
    """The Eyring-Kramers time in any dimension for D = T I; the rates over several passes add.

    Raises:
        ValueError: for a noise other than T I or a drift field, or if no pass separates start and target.
    """
    at = escape(problem, "eyring-kramers")
    temperature = noise_level(at, "eyring-kramers")
    return _eyring(
        at, temperature, "eyring-kramers", EYRING, at.valley.others, (quadratic(at, temperature, temperature),)
    )


def white_noise(problem: Problem) -> Formula:
    """Theorem 3.1 of Xie et al. 2021, the white-noise twin of their theorem 3.2: one pass, D = T I.

    2 pi sqrt(-det H_b / det H_a) / |H_be| exp(dL / T): curvature enters the prefactor only.

    Raises:
        ValueError: for a noise other than T I or a drift field, or if no pass separates start and target.
    """
    at = escape(problem, "white-noise")
    temperature = noise_level(at, "white-noise")
    single = Assumption(
        "one pass only", not at.valley.others, f"{1 + len(at.valley.others)} between these valleys", key="one pass"
    )
    return _eyring(at, temperature, "white-noise", XIE_WHITE, (), (quadratic(at, temperature, temperature), single))


def _eyring(
    at: Escape, temperature: float, name: str, reference: str, others: tuple[Any, ...], checks: tuple[Assumption, ...]
) -> Formula:
    """The Eyring-Kramers time over the pass and ``others``: determinants as logarithms, rates added."""
    log_rates, errors = [], []
    for point in (at.valley.saddle, *others):
        up, determinants, error = _curved(at, point)
        climb = float(point.loss - at.valley.minimum.loss)
        log_rates.append(math.log(up / (2 * math.pi)) + determinants - climb / temperature)
        errors.append(error)
    log_mean = -float(np.logaddexp.reduce(log_rates))
    exponent, levels = at.barrier / temperature, (temperature, temperature)
    assumptions = (*general(at, log_mean, exponent, levels), *checks)
    notes: tuple[str, ...] = (f"rates over {len(log_rates)} passes added",) if others else ()
    if at.sde.dimension > SEARCHED:  # nobody sees them otherwise
        notes += tuple(
            f"pass at {in_words(np.asarray(point.x))}: barrier {float(point.loss - at.valley.minimum.loss):.8g}, "
            f"{100 * math.exp(rate + log_mean):.4g} % of the rate"
            for point, rate in zip((at.valley.saddle, *others), log_rates, strict=True)
            if point is not None
        )
    return at.formula(name, log_mean, reference, assumptions, at.sde.convention, notes, max(errors))


def _curved(at: Escape, point: Any) -> tuple[float, float, float]:
    """|lambda_1| of a pass, (ln det H_a - ln |det H_b|) / 2, and the error of both where determinants are sampled."""
    loss = at.sde.potential
    if at.sde.dimension > DENSE:
        half, error = half_log_determinants(loss, at.valley.minimum, point)
        up = -float(point.eigenvalues[0])
        return up, half, error + float(point.eigenvalue_error) / up
    bottom = np.linalg.slogdet(loss.hessian(at.minimum[:, None])[..., 0])[1]
    hessian = loss.hessian(np.asarray(point.x)[:, None])[..., 0]
    return abs(float(np.linalg.eigvalsh(hessian)[0])), float(bottom - np.linalg.slogdet(hessian)[1]) / 2, 0.0


def _next_term(at: Escape, temperature: float, most: float) -> Assumption:
    """Whether the next order of Kramers' series is small."""
    statement = f"next-order term T |A| <= {most:g}"
    try:
        even, _ = expansion(at)
    except ValueError as error:
        return Assumption(statement, False, str(error), key="next order")
    return Assumption(
        statement, temperature * abs(even) <= most, f"A = {even:.4g}, T A = {temperature * even:.3g}", key="next order"
    )


def _on_a_line(problem: Problem) -> bool:
    return problem.sde.noise.is_constant and problem.sde.dimension == 1


def _in_space(problem: Problem) -> bool:
    return problem.sde.noise.is_constant and problem.sde.dimension > 1 and problem.sde.inertia is None


by_kramers = FormulaRoute("kramers", kramers, KRAMERS, _on_a_line, papers=("kramers1940", "gardiner2004"))
by_kramers_next = FormulaRoute(
    "kramers-next", kramers_next, NEXT_ORDER, _on_a_line, papers=("kramers1940", "bender1978")
)
by_eyring_kramers = FormulaRoute(
    "eyring-kramers", eyring_kramers, EYRING, _in_space, papers=("bovier2004", "berglund2013")
)
by_white_noise = FormulaRoute("white-noise", white_noise, XIE_WHITE, lambda problem: False, papers=("xie2021",))
