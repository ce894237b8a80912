"""Symmetric alpha-stable random numbers, with the characteristic function E exp(i t X) = exp(-|t|^alpha).

    X = sin(alpha V) / cos(V)^(1/alpha) * [cos((1 - alpha) V) / W]^((1 - alpha)/alpha)

V uniform in (-pi/2, pi/2), W exponential (J. Chambers, C. Mallows, B. Stuck, J. Am. Stat. Assoc. 71 (1976) 340).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def stable(alpha: float, shape: int | tuple[int, ...], seed: int | Sequence[int] = 0) -> NDArray[np.float64]:
    """Draw symmetric alpha-stable numbers of unit scale; at alpha = 2 they are normal with variance 2.

    Args:
        alpha: 0 < alpha <= 2.
        shape: of the result.
        seed: of NumPy's counter-based Philox generator.

    Raises:
        ValueError: for another alpha.
    """
    if not 0 < alpha <= 2:
        raise ValueError(f"a stable law has 0 < alpha <= 2; got {alpha!r}")
    draws = np.random.Generator(np.random.Philox(seed))
    v = np.pi * (draws.random(shape) - 0.5)
    w = draws.standard_exponential(shape)
    return chambers_mallows_stuck(alpha, v, w)


def chambers_mallows_stuck(alpha: float, v: NDArray[np.float64], w: NDArray[np.float64]) -> NDArray[np.float64]:
    """The stable number of an angle ``v`` in (-pi/2, pi/2) and an exponential ``w``."""
    if alpha == 1:
        return np.tan(v)
    rest = (np.cos((1 - alpha) * v) / w) ** ((1 - alpha) / alpha)
    return np.asarray(np.sin(alpha * v) / np.cos(v) ** (1 / alpha) * rest)


def kanter(alpha: float, angle: NDArray[np.float64], w: NDArray[np.float64]) -> NDArray[np.float64]:
    """The positive stable number A, E exp(-u A) = exp(-u^alpha), alpha < 1, of an angle in (0, pi) and an exponential.

    sin(alpha v) / sin(v)^(1/alpha) * [sin((1 - alpha) v) / w]^((1 - alpha)/alpha)

    (M. Kanter, Ann. Prob. 3 (1975) 697).
    """
    rest = (np.sin((1 - alpha) * angle) / w) ** ((1 - alpha) / alpha)
    return np.asarray(np.sin(alpha * angle) / np.sin(angle) ** (1 / alpha) * rest)
