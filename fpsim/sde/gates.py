"""Where Hessian-shaped noise without a floor lets no continuous path through (1-D).

    D = kappa |L''| = 0 at an inflection point x* between a minimum and its barrier,  delta = 2 |L'| / (kappa |L'''|)

At x* the noise vanishes while the drift still points home.  The distance to x* is, after scaling, a squared Bessel
process of dimension delta, which stays on its side for ever (Revuz and Yor, Continuous Martingales and Brownian
Motion, chapter XI).  With a floor, D = kappa (|L''| + floor), the escape time grows like floor^-delta.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fpsim.lengths import distance
from fpsim.sde.sde import SDE

Array = NDArray[np.float64]


class InfiniteTimeError(ValueError):
    """The mean escape time is infinite: some paths never arrive, or too many arrive too late."""


class EdgeReachedError(InfiniteTimeError):
    """Paths reach an edge of the domain in finite time, and the problem does not say what happens there."""


@dataclass(frozen=True)
class Gate:
    """An inflection point at which |H|-shaped noise dies out while the drift points home.

    Attributes:
        x: the point.
        delta: dimension of the Bessel process there; with a floor the escape time grows like floor^-delta.
    """

    x: float
    delta: float


def gates(sde: SDE, start: float, edge: float) -> list[Gate]:
    """The gates between start and edge, in order along the line; none unless the noise is |H(x)|-shaped in 1-D."""
    if sde.dimension != 1 or sde.noise.floor_of is None:
        return []
    x, slopes = sde.noise.zeros(sde.landscape, min(start, edge), max(start, edge))
    drift = np.asarray(sde.landscape.drift(x[None]))[0]
    home = drift * (1.0 if edge > start else -1.0) < 0
    with np.errstate(divide="ignore"):
        deltas = 2 * np.abs(drift) / slopes
    return [Gate(float(place), float(delta)) for place, delta in zip(x[home], deltas[home], strict=True)]


def is_shut(sde: SDE) -> bool:
    """Whether the noise has neither a floor nor an injected part, so that its gates let nothing through."""
    return sde.noise.floor_of is not None and sde.noise.floor_of.is_missing


def refuse_blocked(sde: SDE, start: float, edge: float) -> None:
    """Raise ``ValueError`` naming inflection point and delta, if noise without a floor blocks the way."""
    found = gates(sde, start, edge)
    if found and is_shut(sde):
        raise InfiniteTimeError(
            f"D = kappa |L''| vanishes at the inflection point x = {found[0].x:.6g} while the drift points home: no "
            f"continuous path crosses it (delta = {found[0].delta:.4g}), so the escape time is infinite; give the "
            "noise a floor (the time then grows like floor^-delta), or use at='path' or the discrete chain"
        )


def require_open(sde: SDE, start: float | None = None, target: Any = None) -> None:
    """Refuse noise without a floor that has a gate anywhere in the landscape's box (or near start and target)."""
    if sde.dimension != 1 or not is_shut(sde):
        return
    low, high = (sde.landscape.bounds or (_neighbourhood(sde, 0.0 if start is None else float(start), target),))[0]
    refuse_blocked(sde, low, high)
    refuse_blocked(sde, high, low)


def _neighbourhood(sde: SDE, start: float, target: Any) -> tuple[float, float]:
    """Five lengths of the problem to both sides; without a target, of the drift itself."""
    if target is None:
        from landscapes.differences import natural_length

        length = float(natural_length(sde.landscape.drift, np.array([[start]]), 0)[0])
    else:
        length = distance(target, np.array([start]))
    return start - 5 * length, start + 5 * length
