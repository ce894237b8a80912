"""The escape exponent of true mini-batch SGD in one dimension (Cramer's theorem in place of the Gaussian).

For independent mini-batches and eta -> 0 at fixed S the chain x' = x - (eta/S) sum g_j(x) obeys a large-deviation
principle (Freidlin and Wentzell, Random Perturbations of Dynamical Systems, chapter 5; for SGD: Azizian, Iutzeler,
Malick, Mertikopoulos, ICML 2024, arXiv 2406.09241), in one dimension with the exponent

    ln(iterations) ~ (S/eta) |int_a^b q dx|,      (1/m) sum_j exp(-q g_j(x)) = 1,   q != 0.

The root q does not depend on S: no batch size makes the exponent Gaussian, which would be q = 2 L'/C1.  The two agree
only where L'^2 << C1:  q = 2 L'/C1 + (4/3) k3 L'^2/C1^3 + ..., k3 the third central moment of g_j.

The factor in front of the exponential is that of the WKB solution of the stationary density, K exp(-(S/eta) int q dx),
with weights w_j = exp(-q g_j) of mean 1 and averages <.> over them (Knessl, Matkowsky, Schuss, Tier, SIAM J. Appl.
Math. 45 (1985) 1006; the equation for K below is their transport equation for this chain):

    (ln K)' = -<g'(1 - q g)>/<g> + (q'/2) (<g^2>/<g> - (S - 1) <g>),     q' = -q <g'>/<g>,
    tau = 2 pi / sqrt(L''_a |L''_b|) (C_a/C_b)^(1/2) (K_a/K_b) exp((S/eta) int_a^b q dx).

The time itself, with its assumptions, is :mod:`fpsim.routes.formulas.cramer`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fpsim.exact.integrals import ORDER, WEIGHTS, nodes_of
from landscapes.examples.dataset import DatasetLandscape
from landscapes.field import as_point
from landscapes.kinds import HasDrift
from landscapes.notebook import Shown
from landscapes.roots import bracketed

Array = NDArray[np.float64]

MOST_HALVINGS = 48
MOST_PANELS = 20_000


@dataclass(frozen=True, repr=False)
class CramerExponent(Shown):
    """The exponent of an escape: ln(iterations) ~ (S/eta) * exponent as eta -> 0.

    Attributes:
        exponent: |int q dx| over the climb; infinite if a point of it cannot be climbed.
        error: estimated error of the integral.
        gaussian: |int 2 L'/C1 dx|, what Gaussian noise of the same covariance has (infinite where C1 vanishes).
        start, end: the climb, from a minimum to its pass.
        blocked: a point with no root q: all its examples pull the same way, so mini-batches never climb it, although
            Gaussian noise would; ``None`` if there is none.
        signal: largest L'^2/C1 on the climb; the Gaussian exponent needs it << 1.
    """

    exponent: float
    error: float
    gaussian: float
    start: float
    end: float
    blocked: float | None
    signal: float

    def __str__(self) -> str:
        climb = f"from {self.start:g} to {self.end:g}"
        lines = [f"Cramer exponent {climb}: {self.exponent:.8g} +- {self.error:.1g}, times S/eta"]
        lines.append(f"  Gaussian noise of that covariance: {self.gaussian:.8g}; largest L'^2/C1 = {self.signal:.3g}")
        if self.blocked is not None:
            lines.append(f"  at x = {self.blocked:g} all examples pull the same way: no mini-batch ever climbs it")
        return "\n".join(lines)


def cramer_root(gradients: ArrayLike) -> Array:
    """The non-zero root q of mean_j exp(-q g_j) = 1 for gradients (m, ...), shape (...).

    q has the sign of the mean gradient, is 0 where that vanishes and infinite (of that sign) where no example has the
    other sign.  It is a root of f(q)/q, f = ln mean_j exp(-q g_j), which rises and is nearly linear, in the bracket
    (0, ln(m)/|g|] that the most opposite example gives.
    """
    g = np.asarray(gradients, dtype=np.float64)
    if g.ndim == 0 or not np.isfinite(g).all():
        raise ValueError("per-example gradients have shape (m, ...), with one row per example, and are finite")
    flat = g.reshape(len(g), -1)
    mean = flat.mean(axis=0)
    sign = np.sign(mean)
    flat = flat * sign
    opposite = -flat.min(axis=0)
    flatness = 4 * np.finfo(float).eps * np.abs(flat).max(axis=0)
    level, open_ = np.abs(mean) <= flatness, opposite > 0  # a mean at rounding level is zero
    q = np.where(level, 0.0, np.inf)
    todo = np.flatnonzero(~level & open_)
    if todo.size:
        q[todo] = _roots(flat[:, todo], math.log(len(g)) / opposite[todo])
    return (sign * q).reshape(g.shape[1:])


def _roots(g: Array, high: Array) -> Array:
    """Roots in (0, high] for columns of gradients whose mean is positive and whose minimum is negative."""
    at_zero = -g.mean(axis=0)

    def ratio(q: Array, column: NDArray[np.intp]) -> Array:
        return np.divide(_cumulant(g[:, column], q), q, out=at_zero[column], where=q > 0)

    return np.asarray(bracketed(ratio, 0.0, (1 + 1e-12) * high, np.arange(high.size)).x)


def _cumulant(g: Array, q: Array) -> Array:
    """ln mean exp(-q g) for columns of gradients, without overflow or cancellation."""
    t = -q * g
    top = np.maximum(t.max(axis=0), 0.0)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        near = np.log1p(np.expm1(np.minimum(t, 30.0)).mean(axis=0))
        return np.where(top < 1.0, near, top + np.log(np.exp(t - top).mean(axis=0)))


def root_at(landscape: DatasetLandscape, x: ArrayLike) -> Array:
    """The root q at points x (1, ...) of a 1-D data-set landscape, shape (...)."""
    require_examples(landscape)
    return cramer_root(np.asarray(landscape.example_gradients(x))[:, 0])


def cramer_exponent(
    landscape: DatasetLandscape, start: ArrayLike, end: ArrayLike, tolerance: float = 1e-10
) -> CramerExponent:
    """The exponent of the climb from a minimum ``start`` to a pass ``end``.

    Args:
        landscape: a 1-D ``DatasetLandscape``.
        start, end: numbers, or arrays of shape (1,).
        tolerance: relative error to be reached.

    Raises:
        ValueError: without examples, in more dimensions, or if the integral does not reach the tolerance.
    """
    require_examples(landscape)
    a, b = (float(as_point(value, 1)[0]) for value in (start, end))
    if a == b:
        raise ValueError(f"a climb has two different ends; both are {a:g}")
    return _exponent(landscape, a, b, tolerance)


@lru_cache(maxsize=8)
def _exponent(landscape: DatasetLandscape, a: float, b: float, tolerance: float) -> CramerExponent:
    """Kept, since it depends neither on the learning rate nor on the batch size, which sweeps and sliders vary."""
    sight = np.linspace(a, b, 513)[None]
    q, c1 = root_at(landscape, sight), landscape.gradient_covariance(sight)[0, 0]
    slope = np.asarray(landscape.gradient(sight))[0]
    with np.errstate(divide="ignore", invalid="ignore"):
        signal = np.where(slope == 0, 0.0, slope**2 / c1)
    blocked = sight[0, np.isinf(q)]
    gauss, _ = _gaussian(landscape, a, b, c1, tolerance)
    place = None if not blocked.size else float(blocked[0])
    if place is not None:
        return CramerExponent(math.inf, 0.0, gauss, a, b, place, float(signal.max()))
    value, error = integral(lambda x: root_at(landscape, x[None]), a, b, tolerance)
    return CramerExponent(abs(value), error, gauss, a, b, None, float(signal.max()))


def _gaussian(landscape: DatasetLandscape, a: float, b: float, c1: Array, tolerance: float) -> tuple[float, float]:
    if not np.all(c1 > 0):
        return math.inf, 0.0

    def root(x: Array) -> Array:
        return np.asarray(2 * landscape.gradient(x[None])[0] / landscape.gradient_covariance(x[None])[0, 0])

    value, error = integral(root, a, b, tolerance)
    return abs(value), error


def integral(function: Callable[[Array], Array], low: float, high: float, tolerance: float) -> tuple[float, float]:
    """int f dx by Gauss panels, halved where halving changes them; returns value and estimated error.

    Raises:
        ValueError: if f is not finite, or needs too many panels.
    """
    edges = np.linspace(low, high, 9)
    left, right = edges[:-1], edges[1:]
    whole = _panels(function, left, right)
    scale, value, error, count = float(np.abs(whole).sum()), 0.0, 0.0, 0
    for _ in range(MOST_HALVINGS):
        middle = (left + right) / 2
        first, second = _panels(function, left, middle), _panels(function, middle, right)
        gap = np.abs(first + second - whole)
        # a share of the error allowed to the whole, by the panel's length
        rough = gap > tolerance * max(scale, 1e-300) * np.maximum((right - left) / (high - low), 1e-3)
        value += float((first + second)[~rough].sum())
        error += 16 * float(gap[~rough].sum())  # with a jump inside, more than halving shows
        count += left.size
        if not rough.any():
            return value, error + 1e-15 * scale
        if count > MOST_PANELS:
            break
        left, right, whole = (
            np.concatenate([left[rough], middle[rough]]),
            np.concatenate([middle[rough], right[rough]]),
            np.concatenate([first[rough], second[rough]]),
        )
    # what is left lies at jumps, on panels too short to matter
    error += float(np.abs(whole).sum())
    value += float(whole.sum())
    if not error <= 1e3 * tolerance * scale:
        raise ValueError(f"the integral from {low:g} to {high:g} has error {error:.1e}, not {tolerance:g}")
    return value, error


def _panels(function: Callable[[Array], Array], left: Array, right: Array) -> Array:
    """Gauss-Legendre integrals over panels."""
    half = (right - left) / 2
    nodes = ((left + right) / 2)[:, None] + half[:, None] * _NODES
    values = function(nodes.ravel()).reshape(nodes.shape)
    if not np.isfinite(values).all():
        raise ValueError(f"the exponent is not finite at x = {nodes[~np.isfinite(values)][0]:g}")
    return half * (values @ WEIGHTS)


_NODES = nodes_of(np.array([-1.0, 1.0]))[0]
assert _NODES.size == ORDER


def log_prefactor(landscape: DatasetLandscape, start: float, end: float, batch_size: float) -> float:
    """ln of (C_a/C_b)^(1/2) K_a/K_b between a minimum and a pass (module docstring)."""
    single, growth = _prefactor(landscape, float(start), float(end))
    return single + (batch_size - 1) * growth


@lru_cache(maxsize=8)
def _prefactor(landscape: DatasetLandscape, a: float, b: float) -> tuple[float, float]:
    """The logarithm at S = 1, and what it gains with each further example of a batch: it is linear in S."""

    @cache  # both integrals ask at the same places first
    def at(places: bytes) -> Array:
        """What Cramer's root gives at a row of places, by their bytes."""
        points = np.frombuffer(places)[None]
        g, h = np.asarray(landscape.example_gradients(points))[:, 0], landscape.examples.hessians(points)[:, 0, 0]
        q = cramer_root(g)
        w = np.exp(-q * g)
        first, second, pull = (w * g).mean(axis=0), (w * g * g).mean(axis=0), (w * h).mean(axis=0)
        turn = -q * pull / first
        bend = -(w * h * (1 - q * g)).mean(axis=0) / first
        return np.stack([bend + turn / 2 * second / first, -turn / 2 * first])

    def slope(row: int) -> Callable[[Array], Array]:
        return lambda x: at(x.tobytes())[row]

    inner = 1e-4 * (b - a)  # the integrands are 0/0 at both ends: leave them out, they are smooth there
    low, high = a + inner, b - inner
    single, growth = (
        integral(f, low, high, 1e-6)[0] + inner * f(np.array([low, high])).sum() for f in (slope(0), slope(1))
    )
    c = landscape.gradient_covariance(np.array([[a, b]]))[0, 0]
    return float(-single + math.log(c[0] / c[1]) / 2), float(-growth)


def require_examples(landscape: HasDrift) -> DatasetLandscape:
    """The landscape, if it is 1-D and knows the gradients of its single examples; else ``ValueError``."""
    if not isinstance(landscape, DatasetLandscape):
        raise ValueError(f"cramer needs the gradients of single examples, so a DatasetLandscape; got {landscape!r}")
    if landscape.dimension != 1:
        raise ValueError(f"the Cramer exponent is for 1-D; this landscape has {landscape.dimension} dimensions")
    return landscape
