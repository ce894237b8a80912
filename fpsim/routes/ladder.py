"""The bias of a mean at step h, told from the means at h, 2h, 4h, 8h:

    m(h) = m + a h^p + b h^2p + ...        p = 1, or 1/2 where D jumps or exits are watched at the steps only

|m(2h) - m(h)| is the bias only where the first term rules; so the law itself is tested, by chi^2 with the sampling
errors of the means, and the bias a h^p comes with the error of a.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fpsim.assumption import Assumption

Array = NDArray[np.float64]
LEVELS = 4
ACCEPTED = 0.005
"""Probability of the chi^2 below which means do not follow the law."""


@dataclass(frozen=True)
class Level:
    """A mean at one step, with its sampling error."""

    step: float
    mean: float
    error: float


@dataclass(frozen=True)
class Bias:
    """What a ladder of steps says about the finest.

    Attributes:
        error: bound of the bias of the finest mean, the sampling error of this bound included.
        ruled: whether the means follow m + a h^p, so that the bound can be trusted.
        detail: the means, in words.
    """

    error: float
    ruled: bool
    detail: str


def law_check(found: Bias, order: float = 1.0) -> Assumption:
    """Whether the means follow their law, as an assumption of a result."""
    law = f"the means at h, 2h, 4h, 8h follow m + a h{'' if order == 1 else f'^{order:g}'} (chi^2, 0.5 %)"
    return Assumption(law, found.ruled, found.detail, key="step law")


def share_of_work(level: int, alone: bool) -> tuple[float, float]:
    """Which part of the work comes before a level of a ladder, and its own: they cost 1/8, 1/4, 1/2 and 1."""
    if alone:
        return 0.0, 1.0
    total = 2 - 2.0 ** (1 - LEVELS)
    return (2.0**-level - 2.0 ** (1 - LEVELS)) / total, 2.0**-level / total


def bias(levels: Sequence[Level], order: float = 1.0) -> Bias:
    """Bias of the mean at the finest of ``levels`` (finest first, each step twice the one before)."""
    steps = np.array([level.step for level in levels]) / levels[0].step
    means, errors = (np.array([getattr(level, name) for level in levels]) for name in ("mean", "error"))
    detail = "means " + ", ".join(f"{level.mean:.4g} at {level.step:.2g}" for level in levels)
    powers = steps**order
    if len(levels) < 3:
        gap = abs(float(means[-1] - means[0])) / max(float(powers[-1] - 1), 1e-300) if len(levels) > 1 else math.inf
        return Bias(math.hypot(gap, *errors), False, detail)
    linear = [_fit(powers[:n, None], means[:n], errors[:n]) for n in range(3, len(levels) + 1)]
    ruled = [found for found, chance in linear if chance >= ACCEPTED]
    bent = [] if len(levels) < LEVELS else [_fit(np.stack([powers, powers**2], axis=1), means, errors)[0]]
    if linear[-1][1] >= ACCEPTED:
        return Bias(max(ruled), True, detail)
    if ruled:
        return Bias(max(ruled + bent), True, detail)
    spread = float(np.abs(means - means[0]).max())
    return Bias(2 * max(spread, *bent, *(found for found, _ in linear)), False, detail)


def _fit(basis: Array, means: Array, errors: Array) -> tuple[float, float]:
    """Least squares of m + sum_k a_k basis_k: the size of the sum at the finest step with its error, and the chance."""
    from scipy.special import chdtrc

    design = np.concatenate([np.ones((means.size, 1)), basis], axis=1) / errors[:, None]
    covariance = np.linalg.inv(design.T @ design)
    found = covariance @ design.T @ (means / errors)
    misfit = float(np.sum((means / errors - design @ found) ** 2))
    shift, spread = basis[0] @ found[1:], basis[0] @ covariance[1:, 1:] @ basis[0]
    freedom = means.size - found.size
    scatter = max(1.0, math.sqrt(misfit / freedom))  # means that scatter more than their errors say widen the error
    return math.hypot(float(shift), scatter * math.sqrt(float(spread))), float(chdtrc(freedom, misfit))
