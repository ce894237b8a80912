"""Hamiltonians of small-noise dynamics, and the momentum of a way through a point in a given direction.

    F(x, v) = sup { p . v : H(x, p) <= 0 },       reached where  v = T H_p(x, p),  H(x, p) = 0

F is the action of the piece v of a curve, whatever the time that it takes (T of it).  H is convex in p, H(x, 0) = 0,
and H_p(x, 0) is the drift.  For an SDE H = b . p + p . D p, and then in closed form, with |v|^2 = v . D^-1 v,

    F = (|b| |v| - b . D^-1 v) / 2,      T = |v| / |b|.

M. Heymann and E. Vanden-Eijnden, Comm. Pure Appl. Math. 61 (2008) 1052, equations 1.12 and 2.6; T. Grafke, T. Schaefer
and E. Vanden-Eijnden, in: Recent Progress and Modern Challenges in Applied Mathematics (2017), arXiv 1604.03818.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from fpsim.noise.examples import ExampleCovariance, by_point

Array = NDArray[np.float64]
STEP = 1e-3  # of differences, in the lengths given
AT_ONCE = 4_000_000  # numbers in a difference's matrices that are held at once
OFFSETS = ((1 / 12, -2), (-2 / 3, -1), (2 / 3, 1), (-1 / 12, 2))  # fourth-order weights of a first derivative
ROUNDS = 200


class NoWayError(ValueError):
    """No finite momentum leads in the direction asked for."""

    def __init__(self, places: Array, steps: Array) -> None:
        super().__init__("no finite momentum leads along the way")
        self.places, self.steps = places, steps


@runtime_checkable
class Hamiltonian(Protocol):
    """H(x, p) with its derivatives, for points and momenta of shape (d, n)."""

    @property
    def dimension(self) -> int: ...
    def value(self, x: Array, p: Array) -> Array:
        """H, shape (n,)."""

    def by_momentum(self, x: Array, p: Array) -> Array:
        """dH/dp_i, shape (d, n): the velocity."""

    def by_place(self, x: Array, p: Array) -> Array:
        """dH/dx_i, shape (d, n): minus the rate of p."""

    def bend(self, x: Array, p: Array) -> Array:
        """d2H/dp_i dp_j, shape (d, d, n)."""

    def shear(self, x: Array, p: Array) -> Array:
        """d2H/dp_i dx_j, shape (d, d, n)."""


@dataclass(frozen=True)
class Quadratic:
    """H = b . p + p . A p with A = scale D(x) + floor I: that of an SDE whose noise is multiplied by ``scale``.

    The drift is the landscape's own: what a convention other than Ito adds to it is of the order of the noise, and
    stands in the prefactor.

    Attributes:
        sde: an SDE.
        lengths: (d,) on which D varies, for differences.
        scale: what D is multiplied by.
        floor: what is added to the diagonal of scale * D.
    """

    sde: Any
    lengths: tuple[float, ...]
    scale: float = 1.0
    floor: float = 0.0

    @property
    def dimension(self) -> int:
        """Number of coordinates d."""
        return int(self.sde.dimension)

    def drift(self, x: Array) -> Array:
        """b, shape (d, n)."""
        return np.asarray(self.sde.landscape.drift(x))

    def noise(self, x: Array) -> Array:
        """A, shape (d, d, n)."""
        tensor = self.scale * self.sde.diffusion(x)
        tensor[np.arange(len(x)), np.arange(len(x))] += self.floor
        return np.asarray(tensor)

    def value(self, x: Array, p: Array) -> Array:
        """H, shape (n,)."""
        return np.asarray(dot(self.drift(x), p) + self.scale * self.sde.along(x, p) + self.floor * dot(p, p))

    def by_momentum(self, x: Array, p: Array) -> Array:
        """B + 2 A p, shape (d, n)."""
        return self.drift(x) + 2 * times(self.noise(x), p)

    def by_place(self, x: Array, p: Array) -> Array:
        """J^T p + grad_x (p . A p), shape (d, n)."""
        covariance = getattr(self.sde.noise, "covariance", None)
        if isinstance(covariance, ExampleCovariance) and covariance.landscape is self.sde.landscape:
            return self._from_examples(covariance, x, p)
        if hasattr(self.sde.landscape, "weighted_gradient"):
            back = -by_point(self.sde.landscape.hessian_vector, x, p)
        else:
            back = np.einsum("ijn,in->jn", self.sde.landscape.jacobian(x), p)
        if self.sde.noise.is_constant:
            return np.asarray(back)
        change = differences(lambda y: self.sde.along(y, np.broadcast_to(p[:, None], y.shape)), x, self.lengths)
        return np.asarray(back + self.scale * change)

    def _from_examples(self, covariance: ExampleCovariance, x: Array, p: Array) -> Array:
        """The same where D is that of examples: sum_i w_i H_i p, w_i = (2 c (k_i - mean k) - 1) / m, k_i = g_i . p."""
        k = np.einsum("mdn,dn->mn", np.asarray(covariance.landscape.example_gradients(x)), p)
        size = 2 * self.scale * self.sde.noise.kappa * covariance.factor
        weights = (size * (k - k.mean(axis=0)) - 1) / len(k)
        return tilted(covariance.landscape, x, p, weights, min(self.lengths))

    def bend(self, x: Array, p: Array) -> Array:
        """2 A, shape (d, d, n)."""
        return 2 * self.noise(x)

    def shear(self, x: Array, p: Array) -> Array:
        """J + 2 (d_j A) p, shape (d, d, n)."""
        jacobian = np.asarray(self.sde.landscape.jacobian(x))
        if self.sde.noise.is_constant or not p.any():
            return jacobian
        change = differences(lambda y: times(self.sde.diffusion(y), p[:, None]), x, self.lengths)
        return np.asarray(jacobian + 2 * self.scale * np.swapaxes(change, 0, 1))


def tilted(landscape: Any, x: Array, p: Array, weights: Array, length: float) -> Array:
    """sum_i w_i H_i p for weights (m, n): the weighted gradient differenced along p, shape (d, n)."""
    network = hasattr(landscape, "weighted_gradient")  # point by point: the second order has to do

    def mean(y: Array) -> Array:
        if network:
            return np.asarray(by_point(landscape.weighted_gradient, y, weights))
        return np.asarray(np.einsum("mn,mdn->dn", weights, landscape.example_gradients(y)))

    size = np.maximum(np.linalg.norm(p, axis=0), 1e-300)
    moves = STEP * length * p / size
    offsets = ((-0.5, -1), (0.5, 1)) if network else OFFSETS
    total = sum(weight * mean(x + offset * moves) for weight, offset in offsets)
    return np.asarray(total * size / (STEP * length))


def dot(a: Array, b: Array) -> Array:
    """Scalar products of the columns of two arrays (d, n), shape (n,)."""
    return np.asarray(np.einsum("in,in->n", a, b))


def times(matrix: Array, vector: Array) -> Array:
    """Matrices (d, d, ...) applied to vectors (d, ...)."""
    return np.asarray(np.einsum("ij...,j...->i...", matrix, vector))


def solved(matrix: Array, vector: Array) -> Array:
    """Matrices (d, d, n) divided into vectors (d, n)."""
    return np.ascontiguousarray(np.linalg.solve(np.moveaxis(matrix, -1, 0), vector.T[..., None])[..., 0].T)


def differences(function: Callable[[Array], Array], x: Array, lengths: tuple[float, ...]) -> Array:
    """The derivatives (d, ..., n) of a function of x (d, n) by every coordinate, to fourth order.

    The function is asked for points (d, 4 k, n), as many coordinates k at once as fit into memory.
    """
    d, n = x.shape
    weights, offsets = (np.array(part) for part in zip(*OFFSETS, strict=True))
    at_once, parts = max(1, AT_ONCE // (4 * d * d * n)), []
    for first in range(0, d, at_once):
        chosen = np.arange(first, min(first + at_once, d))
        points = np.repeat(x[:, None], 4 * chosen.size, axis=1).reshape(d, chosen.size, 4, n)
        steps = STEP * np.array(lengths)[chosen]
        points[chosen, np.arange(chosen.size)] += (steps[:, None] * offsets)[..., None]
        values = np.asarray(function(points.reshape(d, -1, n)))
        values = values.reshape(*values.shape[:-2], chosen.size, 4, n)
        total = np.einsum("...ikn,k->i...n", values, weights)
        parts.append(total / steps.reshape(-1, *(1,) * (total.ndim - 1)))
    return np.concatenate(parts)


@dataclass(frozen=True)
class Pull:
    """The pieces v of a curve at points x: momentum p (d, n), time (n,) and action p . v (n,)."""

    momentum: Array
    time: Array
    action: Array


def pull(h: Hamiltonian, x: Array, v: Array, guess: Pull | None = None) -> Pull:
    """Momentum, time and action of pieces ``v`` (d, n) at ``x`` (d, n)."""
    if isinstance(h, Quadratic):
        return _quadratic(h.noise(x), h.drift(x), v)
    first = guess or _quadratic(h.bend(x, np.zeros_like(x)) / 2, h.by_momentum(x, np.zeros_like(x)), v)
    return _newton(h, x, v, first)


def _quadratic(noise: Array, drift: Array, v: Array) -> Pull:
    """The closed form for A = ``noise``."""
    by_v, by_b = solved(noise, v), solved(noise, drift)
    speed, length = np.sqrt(np.maximum(dot(drift, by_b), 0.0)), np.sqrt(np.maximum(dot(v, by_v), 0.0))
    time = length / np.maximum(speed, 1e-300)
    momentum = (by_v * (speed / np.maximum(length, 1e-300)) - by_b) / 2
    return Pull(momentum, time, np.maximum((speed * length - dot(drift, by_v)) / 2, 0.0))


def _newton(h: Hamiltonian, x: Array, v: Array, first: Pull) -> Pull:
    """Newton's method for T H_p = v, H = 0, damped by the decrement."""
    p, t = first.momentum.copy(), first.time.copy()
    rest = np.zeros_like(x)
    own = np.sqrt(np.maximum(_norms(h.bend(x, rest), solved(h.bend(x, rest), h.by_momentum(x, rest))), 0.0))
    for _ in range(ROUNDS):
        bend = h.bend(x, p)
        step = _newton_step(h, x, p, t, v, bend)
        if step is None:
            break
        size, late = np.sqrt(np.maximum(_norms(bend, step[:-1]), 0.0)), np.abs(step[-1]) / t
        share = np.minimum(1.0, 0.5 / np.maximum(np.maximum(size, late), 1e-300))
        p, t = p + share * step[:-1], t + share * step[-1]
        scale = np.sqrt(np.maximum(_norms(bend, p), 0.0))
        if np.all((size <= 1e-9 * np.maximum(scale, own)) & (late <= 1e-8)):
            return Pull(p, t, np.maximum(dot(p, v), 0.0))
    raise NoWayError(x, v)


def _newton_step(h: Hamiltonian, x: Array, p: Array, t: Array, v: Array, bend: Array) -> Array | None:
    """The step (d + 1, n) of momentum and time; ``None`` where there is none."""
    (d, n), value, slope = x.shape, h.value(x, p), h.by_momentum(x, p)
    matrix = np.empty((n, d + 1, d + 1))
    matrix[:, :d, :d] = np.moveaxis(t * bend, -1, 0)
    matrix[:, :d, d], matrix[:, d, :d], matrix[:, d, d] = slope.T, (t * slope).T, value
    right = np.concatenate([v - t * slope, -(t * value)[None]]).T
    try:
        step = np.linalg.solve(matrix, right[..., None])[..., 0].T
    except np.linalg.LinAlgError:
        return None
    return np.ascontiguousarray(step) if np.isfinite(step).all() else None


def _norms(matrix: Array, vector: Array) -> Array:
    """v . M v, shape (n,)."""
    return np.asarray(np.einsum("in,ijn,jn->n", vector, matrix, vector, optimize=True))
