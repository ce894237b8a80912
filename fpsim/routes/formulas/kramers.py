"""Asymptotic escape times: closed formulas for small noise, one function per paper.

    tau = (2 pi / |lambda_1(b)|) sqrt(|det H_b| / det H_a) exp((L_b - L_a) / T)          (Eyring, Kramers)
    tau = (2 pi / |H_be|) exp((2 S dL / eta) (s / H_ae + (1 - s) / |H_be|))              (Xie, Sato, Sugiyama)

a is the minimum, b the pass, e the escape direction.  All answer for a target *beyond* the pass; if the target's
boundary is the pass itself they return half of it (to leading order) and say so.  Each result lists what the formula
assumes and whether it holds here and now.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from fpsim.assumption import Assumption
from fpsim.exact.first_passage import potential_difference
from fpsim.noise import HessianDiffusion
from fpsim.routes.formulas.climb import Escape, escape, noise_level, under_noise
from fpsim.routes.formulas.cramer import cramer
from fpsim.routes.formulas.formula import Formula
from fpsim.routes.formulas.next_order import expansion
from fpsim.sde.sde import SDE
from fpsim.valleys.valley import Valley
from fpsim.walls import Walls
from landscapes.field import in_words

KRAMERS = "Kramers, Physica 7 (1940) 284; Gardiner, Handbook of Stochastic Methods (3rd ed.), section 5.2.7"
NEXT_ORDER = "Kramers 1940 with the next term of Laplace's method (Bender and Orszag, section 6.4) at both ends"
EYRING = "Bovier, Eckhoff, Gayrard, Klein, J. Eur. Math. Soc. 6 (2004) 399, theorem 3.2; Berglund, arXiv 1106.5799"
XIE_WHITE = "Xie, Sato, Sugiyama, ICLR 2021 (arXiv 2002.03495), theorem 3.1"
XIE = "Xie, Sato, Sugiyama, ICLR 2021 (arXiv 2002.03495), theorem 3.2"
STATE_DEPENDENT = "Laplace's method for the 1-D first-passage integrals (Gardiner, section 5.2.7) with D = D(x)"


def kramers(
    sde: SDE, start: ArrayLike, target: Any, *, valley: Valley | None = None, walls: Walls | None = None
) -> Formula:
    """Kramers' time 2 pi / sqrt(L''_a |L''_b|) exp(dL / T) in 1-D with constant D = T.

    Args:
        sde: a 1-D SDE with a landscape and constant D.
        start: a number or an array of shape (1,).
        target: a number or a target of :mod:`fpsim.targets`.
        valley: the valley of ``start``, if known already.
        walls: the walls of the problem; on a ring (periodic walls) the rates over both passes add.

    Raises:
        ValueError: in more dimensions, for a state-dependent D or a drift field, or if no pass separates the two.
    """
    at = _one_dimension(sde, start, target, "kramers", valley, walls)
    temperature = noise_level(sde, at, "kramers")
    return _eyring(at, temperature, "kramers", KRAMERS, at.valley.others, (_next_term(at, temperature, 0.1),))


def kramers_next(
    sde: SDE, start: ArrayLike, target: Any, *, valley: Valley | None = None, walls: Walls | None = None
) -> Formula:
    """Kramers' time with the next order in the noise, tau (1 + T A), 1-D with constant D = T.

    A = -V4a/(8 V2a^2) + 5 V3a^2/(24 V2a^3) + V4b/(8 V2b^2) + 5 V3b^2/(24 |V2b|^3), Vk the k-th derivatives of L.  A
    target *at* the pass adds an odd moment, -+ V3b/(3 |V2b|^(3/2)) sqrt(2 T / pi) for a target to the right or left.

    Raises:
        ValueError: as :func:`kramers`; also if third and fourth derivatives by differences do not settle, or if the
            correction is so large that the result would not be positive.
    """
    at = _one_way(_one_dimension(sde, start, target, "kramers-next", valley, walls), "kramers-next")
    temperature = noise_level(sde, at, "kramers-next")
    even, odd = expansion(at)
    factor = 1 + temperature * even + (math.sqrt(temperature) * odd if at.on_pass else 0.0)
    if not factor > 0:
        raise ValueError(f"the next-order factor is {factor:.3g} <= 0: the noise {temperature:g} is too large for it")
    plain = _eyring(at, temperature, "kramers-next", NEXT_ORDER, (), (_next_term(at, temperature, 0.3),))
    return replace(plain, log_mean=plain.log_mean + math.log(factor))


def eyring_kramers(
    sde: SDE, start: ArrayLike, target: Any, *, valley: Valley | None = None, walls: Walls | None = None
) -> Formula:
    """The Eyring-Kramers time in any dimension for D = T I; the rates over several passes add.

    Raises:
        ValueError: for a noise other than T I or a drift field, or if no pass separates start and target.
    """
    at = escape(sde, start, target, "eyring-kramers", valley, walls)
    temperature = noise_level(sde, at, "eyring-kramers")
    return _eyring(
        at, temperature, "eyring-kramers", EYRING, at.valley.others, (at.quadratic(temperature, temperature),)
    )


def white_noise(
    sde: SDE, start: ArrayLike, target: Any, *, valley: Valley | None = None, walls: Walls | None = None
) -> Formula:
    """Theorem 3.1 of Xie et al. 2021, the white-noise twin of their theorem 3.2: one pass, D = T I.

    2 pi sqrt(-det H_b / det H_a) / |H_be| exp(dL / T): curvature enters the prefactor only.

    Raises:
        ValueError: for a noise other than T I or a drift field, or if no pass separates start and target.
    """
    at = escape(sde, start, target, "white-noise", valley, walls)
    temperature = noise_level(sde, at, "white-noise")
    single = Assumption("one pass only", not at.valley.others, f"{1 + len(at.valley.others)} between these valleys")
    return _eyring(at, temperature, "white-noise", XIE_WHITE, (), (at.quadratic(temperature, temperature), single))


def xie(
    sde: SDE,
    start: ArrayLike,
    target: Any,
    *,
    valley: Valley | None = None,
    walls: Walls | None = None,
    as_published: bool = False,
) -> Formula:
    """Theorem 3.2 of Xie et al. 2021: SGD's escape when the noise is kappa H_a below a fraction s of the climb.

    tau = P exp[(2 S dL / eta) (s / H_ae + (1 - s) / |H_be|)].  The published prefactor P = 2 pi / |H_be| belongs to the
    anti-Ito equation; the same two-level noise gives 2 pi / H_ae under Ito and 2 pi / sqrt(H_ae |H_be|) under
    Stratonovich.  P follows the convention of ``sde`` unless ``as_published``.

    Args:
        sde: an SDE with :class:`~fpsim.noise.HessianDiffusion` that states ``climb_fraction``.
        start: a point (d,) or, in 1-D, a number.
        target: as in :class:`~fpsim.escape.EscapeProblem`.
        valley: the valley of ``start``, if known already.
        as_published: take the published prefactor whatever the convention.

    Raises:
        ValueError: for another noise, a missing climb fraction, a drift field, or if no pass separates the two.
    """
    noise = sde.noise
    if not isinstance(noise, HessianDiffusion):
        raise ValueError(f"xie is a formula for HessianDiffusion; this SDE has {noise} (use 'white-noise')")
    if noise.climb_fraction is None:
        raise ValueError("xie needs the fraction s of the climb where the noise switches: give climb_fraction=s")
    at = _one_way(escape(sde, start, target, "xie", valley, walls), "xie")
    s, bottom, top = noise.climb_fraction, at.curvature_at_minimum, abs(at.curvature_at_pass)
    exponent = at.barrier / noise.kappa * (s / bottom + (1 - s) / top)
    weight = 1.0 if as_published else sde.convention_weight
    convention = "anti-ito" if as_published else sde.convention
    log_mean = math.log(2 * math.pi) - (1 - weight) * math.log(bottom) - weight * math.log(top) + exponent
    levels = noise.kappa * bottom, noise.kappa * top
    assumptions = (*at.general(log_mean, exponent, levels), at.quadratic(*levels), *_two_levels(at, noise, levels))
    prefactors = {
        0.0: "2 pi / H_ae (Ito; the published 2 pi / |H_be| is the anti-Ito one)",
        0.5: "2 pi / sqrt(H_ae |H_be|) (Stratonovich; the published 2 pi / |H_be| is the anti-Ito one)",
        1.0: "2 pi / |H_be| (as published; it belongs to the anti-Ito equation)",
    }
    note = f"prefactor {prefactors[weight]}"
    return at.formula("xie", log_mean, XIE, assumptions, convention, (note,))


def state_dependent(
    sde: SDE, start: ArrayLike, target: Any, *, valley: Valley | None = None, walls: Walls | None = None
) -> Formula:
    """1-D escape under any D(x) > 0: 2 pi / sqrt(L''_a |L''_b|) (D_b / D_a)^(1/2 - l) exp(int_a^b L'/D dx).

    l = 0 (Ito), 1/2 (Stratonovich), 1 (anti-Ito).  D may jump between a and b, but not close to either.

    Raises:
        ValueError: in more dimensions, for a drift field, where D vanishes, or if no pass separates start and target.
    """
    at = _one_way(_one_dimension(sde, start, target, "state-dependent", valley, walls), "state-dependent")
    at = under_noise(at)
    a, b = at.minimum, at.top
    levels = tuple(float(sde.diffusion(p[:, None])[0, 0, 0]) for p in (a, b))
    exponent = potential_difference(sde, float(a[0]), float(b[0]))
    power = (0.5 - sde.convention_weight) * math.log(levels[1] / levels[0])
    curvatures = math.log(at.curvature_at_minimum * abs(at.curvature_at_pass))
    log_mean = math.log(2 * math.pi) - curvatures / 2 + power + exponent
    assumptions = (*at.general(log_mean, exponent, levels), at.quadratic(*levels), _slow_noise(at, levels))
    return at.formula("state-dependent", log_mean, STATE_DEPENDENT, assumptions, sde.convention)


FORMULAS: dict[str, Callable[..., Formula]] = {
    "kramers": kramers,
    "kramers-next": kramers_next,
    "eyring-kramers": eyring_kramers,
    "white-noise": white_noise,
    "xie": xie,
    "state-dependent": state_dependent,
    "cramer": cramer,
}


def _one_dimension(
    sde: SDE, start: ArrayLike, target: Any, name: str, valley: Valley | None, walls: Walls | None
) -> Escape:
    if sde.dimension != 1:
        raise ValueError(
            f"{name} is a 1-D formula; this landscape has {sde.dimension} dimensions (use 'eyring-kramers')"
        )
    return escape(sde, start, target, name, valley, walls)


def _one_way(at: Escape, name: str) -> Escape:
    """Refuse a ring, which can be left both ways."""
    if at.valley.others:
        raise ValueError(
            f"{name} is a formula for one pass, and on this ring two lead to the target (at {in_words(at.top)} and "
            f"{in_words(at.valley.others[0].x)}); use 'kramers', whose rates add"
        )
    return at


def _eyring(
    at: Escape, temperature: float, name: str, reference: str, others: tuple[Any, ...], checks: tuple[Assumption, ...]
) -> Formula:
    """The Eyring-Kramers time over the pass and ``others``: determinants as logarithms, rates added."""
    log_rates = []
    bottom = np.linalg.slogdet(at.sde.landscape.hessian(at.minimum[:, None])[..., 0])[1]
    for point in (at.valley.saddle, *others):
        hessian = at.sde.landscape.hessian(np.asarray(point.x)[:, None])[..., 0]
        prefactor = math.log(abs(np.linalg.eigvalsh(hessian)[0]) / (2 * math.pi))
        climb = float(point.loss - at.valley.minimum.loss)
        log_rates.append(prefactor + (bottom - np.linalg.slogdet(hessian)[1]) / 2 - climb / temperature)
    log_mean = -float(np.logaddexp.reduce(log_rates))
    exponent, levels = at.barrier / temperature, (temperature, temperature)
    assumptions = (*at.general(log_mean, exponent, levels), *checks)
    notes = (f"rates over {len(log_rates)} passes added",) if others else ()
    return at.formula(name, log_mean, reference, assumptions, at.sde.convention, notes)


def _next_term(at: Escape, temperature: float, most: float) -> Assumption:
    """Whether the next order of Kramers' series is small."""
    statement = f"next-order term T |A| <= {most:g}"
    try:
        even, _ = expansion(at)
    except ValueError as error:
        return Assumption(statement, False, str(error))
    return Assumption(statement, temperature * abs(even) <= most, f"A = {even:.4g}, T A = {temperature * even:.3g}")


def _two_levels(at: Escape, noise: HessianDiffusion, levels: tuple[float, float]) -> tuple[Assumption, ...]:
    """What theorem 3.2 adds: the frozen noise, its switch away from both ends, and an eigendirection."""
    s = noise.climb_fraction or 0.0
    pure = noise.at == "path" and not noise.floor and not noise.injected
    found = f"at='{noise.at}', floor = {noise.floor or 0:g}, injected = {noise.injected:g}"
    climbs = s * at.barrier / levels[0], (1 - s) * at.barrier / levels[1]
    aligned = at.alignment
    return (
        Assumption("noise frozen at two levels, without floor (at='path')", pure, found),
        Assumption(
            "the switch lies 3 noise units from both ends", min(climbs) >= 3, f"{climbs[0]:.3g} and {climbs[1]:.3g}"
        ),
        Assumption("escape direction is an eigenvector of H_a", aligned > 0.99, f"|cos| = {aligned:.4f}"),
    )


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
        "D changes by at most 20 % within a thermal width of minimum and pass", max(changes) <= 0.2, detail
    )
