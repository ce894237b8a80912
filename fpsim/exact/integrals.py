"""Integrals over panels of Gauss-Legendre nodes, in logarithms.

    ln int_{y_0}^{y} e^{f(z)} dz     at every node y, from the values of f at the nodes

Panels are halved until what is integrated is resolved; inside a panel the integrals up to each node are those
of the interpolating polynomial, and panels are summed by log-sum-exp, so that e^f may overflow.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.polynomial import legendre
from numpy.typing import NDArray

Array = NDArray[np.float64]
Hidden = Callable[[Array, Array], Array]  # bound of what panels (middle, half) hide from their nodes
Fields = Callable[[Array], tuple[Array, Array]]  # (L'/D, ln D) at points of any shape

ORDER = 24
NODES, WEIGHTS = legendre.leggauss(ORDER)
# values at the nodes @ these = Legendre coefficients of the interpolating polynomial, and its integrals from -1 on
_COEFFICIENTS = legendre.legvander(NODES, ORDER - 1) * WEIGHTS[:, None] * (np.arange(ORDER) + 0.5)
RUNNING = legendre.legval(NODES, legendre.legint(_COEFFICIENTS.T, lbnd=-1, axis=0))

MOST_PANELS = 60_000
DEEPEST = 43  # panels halved this often hold a jump or a kink and are accepted
SMALLEST = 2.0**-DEEPEST
HIDDEN = 10.0  # bounds are cautious: what may hide is allowed to be this many tolerances


class UnusableError(ValueError):
    """Drift or D is not finite, or D not positive, somewhere on the panels."""


class TooManyPanelsError(ValueError):
    """Drift or D cannot be resolved with a reasonable number of panels."""


def nodes_of(edges: Array) -> Array:
    """Gauss-Legendre nodes of all panels, shape (panels, ORDER)."""
    return np.asarray((edges[:-1, None] + edges[1:, None]) / 2 + np.diff(edges)[:, None] / 2 * NODES)


def halved(edges: Array) -> Array:
    """The same panels, each cut in two (where floating point still can)."""
    return np.union1d(edges, (edges[:-1] + edges[1:]) / 2)


def resolve(
    fields: Fields, edges: Array, tolerance: float, rise: float, hidden: Hidden | None = None
) -> tuple[Array, float | None]:
    """Halve panels until L'/D and ln D are resolved and W changes by at most ``rise`` on each.

    ``hidden`` bounds what the nodes of a panel cannot show; panels are halved until that is below the tolerance too.
    Where halving no longer helps (rounding in D close to a zero of L'', derivatives by differences) it stops; the
    error estimate then says what is left.  Returns the edges, and a point where D vanishes, if panels close in on it.
    """
    found, vanished = _sampled(fields, edges, edges[:-1], edges[1:], tolerance, rise)
    proved = np.empty(0)  # left edges of panels on which nothing hides
    while hidden is not None and vanished is None:
        new = np.flatnonzero(~np.isin(found[:-1], proved))
        middle, half = (found[new] + found[new + 1]) / 2, np.diff(found)[new] / 2
        coarse = np.diff(edges)[np.clip(np.searchsorted(edges, middle) - 1, 0, edges.size - 2)]
        doubtful = (hidden(middle, half) > HIDDEN * tolerance) & (half > SMALLEST * coarse)
        doubtful &= half > 8 * np.finfo(float).eps * np.abs(middle)
        if not doubtful.any():
            break
        proved = np.concatenate([proved, found[new[~doubtful]]])
        low, high, cut = found[new][doubtful], found[new + 1][doubtful], middle[doubtful]
        low, high = np.concatenate([low, cut]), np.concatenate([cut, high])
        found, vanished = _sampled(fields, np.union1d(found, cut), low, high, tolerance, rise)
    return found, vanished


def _sampled(
    fields: Fields, edges: Array, low: Array, high: Array, tolerance: float, rise: float
) -> tuple[Array, float | None]:
    """Halve the panels (low, high) until their nodes agree; all edges, and where D vanishes."""
    ulp = 8 * np.finfo(float).eps
    before, done, count, vanished, greatest = np.full(low.size, np.inf), [edges], 0, None, -math.inf
    for depth in range(DEEPEST + 2):
        if not low.size:
            break
        count += low.size
        middle, half = (low + high) / 2, (high - low)[:, None] / 2
        slope, log_d = fields(middle[:, None] + half * NODES)
        if not (np.isfinite(slope).all() and np.isfinite(log_d).all()):
            if depth and (log_d == -np.inf).any():
                y = middle[:, None] + half * NODES
                return np.unique(np.concatenate(done)), float(y[log_d == -np.inf][0])
            _refuse_values(fields, low, high)
        steps = slope * half
        unresolved = np.maximum(_tail(steps), _tail(log_d)) / tolerance
        noisy = (unresolved * tolerance < 1e-6) & (unresolved > before / 4)
        noisy &= np.roll(noisy, low.size // 2)  # both halves no better than the whole: not a jump, but noise
        rough = (unresolved > 1) & ~noisy | (np.ptp(steps @ RUNNING, axis=1) > rise)
        tiny = rough & ((depth >= DEEPEST) | (half[:, 0] < ulp * np.abs(middle)))
        greatest = max(greatest, float(log_d.max()))
        zero = tiny & (log_d.min(axis=1) < greatest + math.log(10 * SMALLEST))
        if zero.any():
            vanished = float(middle[zero][0])
        rough &= ~tiny
        if count > MOST_PANELS:
            place = abs(float(middle[np.argmax(rough)]))
            raise TooManyPanelsError(
                f"the quadrature needs more than {MOST_PANELS} panels near |x| = {place:.6g}: drift or D is too "
                "rough there, or the barrier too many times the noise"
            )
        low, high, middle, before = low[rough], high[rough], middle[rough], np.tile(unresolved[rough], 2)
        done.append(middle)
        low, high = np.concatenate([low, middle]), np.concatenate([middle, high])
    return np.unique(np.concatenate(done)), vanished


def _tail(values: Array) -> Array:
    """Last Legendre coefficients on each panel, relative to 1 + |values|: what the nodes do not resolve."""
    last = np.abs(values @ _COEFFICIENTS[:, -4:]).max(axis=1)
    return np.asarray(last / (1 + np.abs(values).max(axis=1)))


def _refuse_values(fields: Fields, low: Array, high: Array) -> None:
    """Raise: drift or D is unusable somewhere on these oriented panels."""
    y = (low + high)[:, None] / 2 + (high - low)[:, None] / 2 * NODES
    slope, log_d = fields(y)
    worst = float(y[~(np.isfinite(slope) & np.isfinite(log_d))][0])
    raise UnusableError(
        "between the far side and the target the drift must be finite and D > 0; it is not at x = "
        f"{worst:.6g} (in the direction from start to target)"
    )


def panel_logs(log_values: Array, half: Array) -> Array:
    """ln of the integral over each panel, from the logarithms at the nodes."""
    top = log_values.max(axis=1)
    return np.asarray(top + np.log(half) + np.log(np.exp(log_values - top[:, None]) @ WEIGHTS))


def running(log_values: Array, half: Array, beyond: float = -math.inf) -> tuple[Array, Array]:
    """ln of the integral up to every node (panels, ORDER), and up to every left edge.

    ``beyond`` is the logarithm of what comes before the first edge.
    """
    top = log_values.max(axis=1, keepdims=True)
    within = np.exp(log_values - top) @ RUNNING
    sums = np.concatenate([[beyond], panel_logs(log_values, half)])
    before = np.logaddexp.accumulate(sums)[:-1]
    with np.errstate(divide="ignore"):
        inside = top + np.log(half)[:, None] + np.log(np.maximum(within, 0.0))
    return np.logaddexp(before[:, None], inside), before
