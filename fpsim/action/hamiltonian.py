"""Hamiltonians of small-noise dynamics, and the momentum of a way through a point in a given direction.

    F(x, v) = sup { p . v : H(x, p) <= 0 },       reached where  v = T H_p(x, p),  H(x, p) = 0

F is the action of the piece v of a curve, whatever the time that it takes (T of it).  H is convex in p, H(x, 0) = 0,
and H_p(x, 0) is the drift.  For an SDE H = b . p + p . D p, and then in closed form, with |v|^2 = v . D^-1 v,

    F = (|b| |v| - b . D^-1 v) / 2,      T = |v| / |b|.

M. Heymann and E. Vanden-Eijnden, Comm. Pure Appl. Math. 61 (2008) 1052, equations 1.12 and 2.6; T. Grafke, T. Schaefer
and E. Vanden-Eijnden, in: Recent Progress and Modern Challenges in Applied Mathematics (2017), arXiv 1604.03818.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from fpsim.action.differences import differences

Array = NDArray[np.float64]
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
        if hasattr(self.sde.landscape, "weighted_products"):
            m = self.sde.landscape.number_of_examples
            back = -self.sde.landscape.weighted_products(x, np.full((m, x.shape[1]), 1 / m), p)
        else:
            back = np.einsum("ijn,in->jn", self.sde.landscape.jacobian(x), p)
        if self.sde.noise.is_constant:
            return np.asarray(back)
        change = differences(lambda y: self.sde.along(y, np.broadcast_to(p[:, None], y.shape)), x, self.lengths)
        return np.asarray(back + self.scale * change)

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


def dot(a: Array, b: Array) -> Array:
    """Scalar products of the columns of two arrays (d, n), shape (n,)."""
    return np.asarray(np.einsum("in,in->n", a, b))


def times(matrix: Array, vector: Array) -> Array:
    """Matrices (d, d, ...) applied to vectors (d, ...)."""
    return np.asarray(np.einsum("ij...,j...->i...", matrix, vector))


def solved(matrix: Array, vector: Array) -> Array:
    """Matrices (d, d, n) divided into vectors (d, n)."""
    return np.ascontiguousarray(np.linalg.solve(np.moveaxis(matrix, -1, 0), vector.T[..., None])[..., 0].T)


@dataclass(frozen=True)
class Pull:
    """The pieces v of a curve at points x: momentum p (d, n), time (n,) and action p . v (n,)."""

    momentum: Array
    time: Array
    action: Array


def pull(h: Hamiltonian, x: Array, v: Array, guess: Pull | None = None) -> Pull:
    """Momentum, time and action of pieces ``v`` (d, n) at ``x`` (d, n)."""
    if isinstance(h, Quadratic) or guess is None:
        guess = _quadratic(h, x, v)
    return guess if isinstance(h, Quadratic) else _newton(h, x, v, guess)


def unbent(h: Hamiltonian, x: Array, p: Array, vectors: Array) -> Array:
    """H_pp^-1 applied to vectors (d, n, k): by the Hamiltonian's own method where it has one."""
    own = getattr(h, "unbent", None)
    if own is not None:
        return np.asarray(own(x, p, vectors))
    found = np.linalg.solve(np.moveaxis(h.bend(x, p), -1, 0), np.swapaxes(vectors, 0, 1))
    return np.ascontiguousarray(np.swapaxes(found, 0, 1))


def _quadratic(h: Hamiltonian, x: Array, v: Array) -> Pull:
    """The closed form for A = H_pp / 2 at p = 0."""
    rest = np.zeros_like(x)
    drift = h.by_momentum(x, rest)
    by_v, by_b = np.moveaxis(2 * unbent(h, x, rest, np.stack([v, drift], axis=-1)), -1, 0)
    speed, length = np.sqrt(np.maximum(dot(drift, by_b), 0.0)), np.sqrt(np.maximum(dot(v, by_v), 0.0))
    time = length / np.maximum(speed, 1e-300)
    momentum = (by_v * (speed / np.maximum(length, 1e-300)) - by_b) / 2
    return Pull(momentum, time, np.maximum((speed * length - dot(drift, by_v)) / 2, 0.0))


def _newton(h: Hamiltonian, x: Array, v: Array, first: Pull) -> Pull:
    """Newton's method for T H_p = v, H = 0, damped by the decrement."""
    p, t = first.momentum.copy(), first.time.copy()
    rest = np.zeros_like(x)
    drift = h.by_momentum(x, rest)
    own = np.sqrt(np.maximum(dot(drift, unbent(h, x, rest, drift[..., None])[..., 0]), 0.0))
    for _ in range(ROUNDS):
        found = _newton_step(h, x, p, t, v)
        if found is None:
            break
        step, late, size, scale = found
        share = np.minimum(1.0, 0.5 / np.maximum(np.maximum(size, np.abs(late) / t), 1e-300))
        p, t = p + share * step, t + share * late
        if np.all((size <= 1e-9 * np.maximum(scale, own)) & (np.abs(late) <= 1e-8 * t)):
            return Pull(p, t, np.maximum(dot(p, v), 0.0))
    raise NoWayError(x, v)


def _newton_step(h: Hamiltonian, x: Array, p: Array, t: Array, v: Array) -> tuple[Array, Array, Array, Array] | None:
    """Steps (d, n) of the momentum and (n,) of the time, and the sizes of the first and of v / t in the norms of H_pp.

    From t (H_pp dp + H_p) + H_p dt = v and H_p . dp + H (1 + dt / t) = 0; ``None`` where there is none.
    """
    value, slope = h.value(x, p), h.by_momentum(x, p)
    with np.errstate(all="ignore"):
        try:
            by_v, by_slope = np.moveaxis(unbent(h, x, p, np.stack([v, slope], axis=-1)), -1, 0)
        except np.linalg.LinAlgError:
            return None
        # dp = by_v / t - (1 + dt / t) by_slope
        reach = dot(slope, by_slope) - value
        later = dot(slope, by_v) / (t * reach)
        step = by_v / t - later * by_slope
        size = np.sqrt(np.maximum(dot(step, v / t - later * slope), 0.0))
        scale = np.sqrt(np.maximum(dot(v, by_v), 0.0)) / t
    found = step, t * (later - 1), size, scale
    return found if all(np.isfinite(part).all() for part in found) else None
