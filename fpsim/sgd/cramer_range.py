"""Whether eta is small enough for Cramer's exponent: the WKB solution put into the chain's own equation.

The formula takes p(x) = K exp(-(S/eta) phi(x)), phi = |int q dx|, for the stationary density, which needs phi to be
straight over one kick.  For the actual kicks y = x - (eta/S) sum_j g_j(x), drawn with the weights w_j = exp(-q g_j),

    R(x) = ln E exp((S/eta) (phi(y) - phi(x) - q (y - x)))

is what one step is off by.  To first order it is R_1 = (S/2 eta) q' E (y - x)^2, which the prefactor K contains.  What
is left, summed over the steps of the climb, is the formula's error in ln(time),

    E = int |R - R_1| dx / (eta |<g>|).

It falls like eta; where q changes over a single kick it is many units: single examples carry the path over the pass.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fpsim.sgd.cramer import cramer_root

Array = NDArray[np.float64]
POINTS = 300  # on the climb, and as many behind the minimum
DRAWS = 600  # batches per point for S > 1
LARGEST_DRAWN = 64  # beyond, sums of so many draws are taken as normal


@dataclass(frozen=True)
class Straightness:
    """What finite kicks do to the exponent.

    Attributes:
        error: E, the estimated error of ln(time).
        worst: the largest |R - R_1| of a single step.
        place: where that is.
        kick: the largest uphill move of one step on the climb, as a share of the climb.
    """

    error: float
    worst: float
    place: float
    kick: float


@dataclass(frozen=True)
class _Climb:
    """What of a climb depends neither on eta nor on S, at distances ``s`` (n,) from its minimum.

    Attributes:
        g, q: gradients (m, n) and root (n,), both positive where they point back.
        weights: exp(-q g), of sum one, (m, n).
        height: phi at ``s``, (n,).
        phi: the potential as a function of the distance.
    """

    s: Array
    g: Array
    q: Array
    weights: Array
    height: Array
    phi: Callable[[Array], Array]


@lru_cache(maxsize=4)
def _climbed(landscape: Any, start: float, end: float) -> _Climb:
    side, length = float(np.sign(end - start)), abs(end - start)

    def along(s: Array) -> tuple[Array, Array]:
        g = side * np.asarray(landscape.example_gradients((start + side * s)[None]))[:, 0]
        return g, cramer_root(g)

    s = np.linspace(0.0, length, POINTS + 1)
    g, q = along(s)
    height = _integrated(along, q, s)
    behind, fall = _behind(along, length, float(height[-1]))
    weights = np.exp(-q * g)
    phi = _potential(np.concatenate([behind[:0:-1], s]), np.concatenate([fall[:0:-1], height]), along)
    return _Climb(s, g, q, weights / weights.sum(axis=0), height, phi)


def straightness(landscape: Any, start: float, end: float, learning_rate: float, batch_size: float) -> Straightness:
    """Put the WKB solution of the climb from a minimum ``start`` to a pass ``end`` into the chain's equation."""
    side, length = float(np.sign(end - start)), abs(end - start)
    at = _climbed(landscape, start, end)
    ratio, s = batch_size / learning_rate, at.s
    excess = np.zeros(s.size)
    for moves, shares in _moves(at.weights, at.g, learning_rate, batch_size):
        bend = ratio * (at.phi(s + moves) - at.height - at.q * moves)
        residual = np.log((shares * np.exp(np.minimum(bend, 700.0))).sum(axis=0))
        first = ratio / 2 * np.gradient(at.q, s) * (shares * moves**2).sum(axis=0)
        excess = np.maximum(excess, np.abs(residual - first))
    drift = learning_rate * np.abs((at.weights * at.g).sum(axis=0))
    c1 = np.asarray(landscape.gradient_covariance(np.array([[start, end]])))[0, 0]
    curvature = np.abs(np.asarray(landscape.hessian(np.array([[start, end]])))[0, 0])
    widths = np.sqrt(c1 / (2 * ratio * curvature))
    inner = (s > widths[0]) & (length - s > widths[1])
    excess = np.where(inner, excess, 0.0)
    error = float(np.sum(excess / np.maximum(drift, 1e-300)) * (s[1] - s[0]))
    worst = int(excess.argmax())
    kick = float(learning_rate / batch_size * np.max(-at.g) / length)
    return Straightness(error, float(excess[worst]), start + side * float(s[worst]), kick)


def _integrated(along: Any, q: Array, s: Array) -> Array:
    """int_0^s q ds at every s, by Simpson's rule."""
    _, middle = along((s[1:] + s[:-1]) / 2)
    return np.concatenate([[0.0], np.cumsum((q[1:] + 4 * middle + q[:-1]) / 6 * np.diff(s))])


def _behind(along: Any, length: float, most: float) -> tuple[Array, Array]:
    """Places s <= 0 behind the minimum and the potential there, as far as it is finite and below that of the pass."""
    s = np.linspace(0.0, -length, POINTS + 1)
    _, q = along(s)
    end = int(np.argmin(np.append(np.isfinite(q), False)))
    s = s[:end]
    fall = _integrated(along, q[:end], s)
    keep = max(int(np.argmin(np.append(fall <= most, False))), 2)
    return s[:keep], fall[:keep]


def _moves(weights: Array, g: Array, learning_rate: float, batch_size: float) -> Iterator[tuple[Array, Array]]:
    """Moves (k, n) of one step under the weights, with their shares.

    First with one example free and the others as on average; for S > 1 whole batches that are drawn, too.
    """
    size, n = max(round(batch_size), 1), g.shape[1]
    mean = (weights * g).sum(axis=0)
    yield -learning_rate / size * (g + (size - 1) * mean), weights
    if size == 1:
        return
    rng, shares = np.random.default_rng(0), np.full((DRAWS, 1), 1 / DRAWS)
    if size > LARGEST_DRAWN:
        spread = np.sqrt(((weights * g**2).sum(axis=0) - mean**2) / batch_size)
        yield -learning_rate * (mean + spread * rng.normal(size=(DRAWS, 1))), shares
        return
    chances, totals = np.cumsum(weights, axis=0), np.empty((DRAWS, n))
    uniform = rng.random(DRAWS * size)
    order = np.argsort(uniform)
    place, rising = np.argsort(order), uniform[order]
    for k in range(n):  # the same draws everywhere, so that sorting them once finds all of them
        last = np.append(np.searchsorted(rising, chances[:-1, k] / chances[-1, k], side="right"), rising.size)
        drawn = np.repeat(g[:, k], np.diff(last, prepend=0))
        totals[:, k] = drawn[place].reshape(DRAWS, size).sum(axis=1)
    yield -learning_rate / size * totals, shares


def _potential(s: Array, values: Array, along: Any) -> Callable[[Array], Array]:
    """phi as a function: smooth on the places known, level beyond the pass, straight behind the last place."""
    from scipy.interpolate import CubicHermiteSpline

    _, slopes = along(s)
    inside = CubicHermiteSpline(s, values, slopes)

    def phi(y: Array) -> Array:
        behind = values[0] + slopes[0] * (y - s[0])
        return np.where(y < s[0], behind, np.where(y > s[-1], values[-1], inside(np.clip(y, s[0], s[-1]))))

    return phi
