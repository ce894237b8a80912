"""Which step is small enough: one kick  b h + sqrt(2 D h) z  may not jump over what decides the way.

Three things bound h before any mean is looked at:

- stability: h |lambda|^2 / |Re lambda| for the eigenvalues of the drift at rest (h |lambda| without rotation);
- features of drift and D between x and x + kick, averaged over the way (s in (0, 1)) and over kicks, at the worst place:

      | log( D(x) <1/D(x + s kick)>_s ) |      and      | <b(x + s kick) - b(x)>_s . kick | / (2 D(x)),

  the error of the time that the kick should have taken, and of its work in units of the noise;
- sizes of the target (radius of a ball) and of the room between walls against the kick.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fpsim.sde import SDE
from fpsim.targets import Ball, Target
from fpsim.walls import Walls

Array = NDArray[np.float64]
STEP_TIMES_STIFFNESS = 0.02
"""Default step: this over the stiffness of the drift at rest (0.01 for the quartic double well)."""
ROUGHEST = 0.4
"""Largest mean error of a kick by features of drift and D, in the two measures above."""
KICKS_PER_RADIUS, KICKS_PER_ROOM = 3.0, 8.0
MIDDLES = (np.arange(12) + 0.5) / 12
NORMALS = np.array([-1.7, -1.0, -0.4, 0.4, 1.0, 1.7])
SLOWEST = 50.0
"""A pair without damping counts as one damped this many times slower than it turns."""
WALKERS, WALK = 64, 96
ON_LINE = 401
MOST_NUMBERS = 2_000_000
"""Entries of D evaluated at once."""


def stiffness(jacobian: Array) -> float:
    """Largest |lambda|^2 / |Re lambda| over the eigenvalues of the drift's Jacobian (d, d)."""
    values = np.linalg.eigvals(jacobian)
    size = np.abs(values)
    damping = np.maximum(np.abs(values.real), size / SLOWEST)
    return float(np.max(size * (size / np.where(size > 0, damping, 1.0))))


def rest(landscape: Any, start: Array) -> Array:
    """Where the drift takes ``start`` (d,), roughly; ``start`` itself where it leads nowhere."""
    from scipy.integrate import solve_ivp

    def drift(_: float, x: Array) -> Array:
        return np.asarray(landscape.drift(x[:, None]))[:, 0]

    x, speed = start, float(np.linalg.norm(drift(0.0, start)))
    pace = float(np.abs(np.linalg.eigvals(landscape.jacobian(start[:, None])[..., 0])).max())
    if not speed > 0 or not pace > 0:
        return start
    with np.errstate(all="ignore"):
        for k in range(6):
            flow = solve_ivp(drift, (0.0, 4.0**k / pace), x, method="LSODA", rtol=1e-4, atol=1e-6 * speed / pace)
            if not flow.success or not np.isfinite(flow.y[:, -1]).all():
                return start
            x = flow.y[:, -1]
            if np.linalg.norm(drift(0.0, x)) <= 1e-4 * speed:
                return np.asarray(x)
    return np.asarray(x)


@dataclass(frozen=True)
class Places:
    """Where paths go, with the features met there by a kick.

    Attributes:
        sde, walls, target: what they obey.
        x: (d, n) places in the valley and, below ``split``, those on the way to the target.
    """

    sde: SDE
    walls: Walls | None
    target: Target
    x: Array

    def roughness(self, step: float) -> float:
        """Error of a kick by features of drift and D, at the worst place (the worst percent beyond one dimension)."""
        d, n = self.x.shape
        kicks = NORMALS if d == 1 else np.random.default_rng(0).standard_normal((d, n, NORMALS.size))
        with np.errstate(all="ignore"):
            x = np.repeat(self.x[:, :, None], NORMALS.size, axis=2)
            z = np.broadcast_to(kicks, x.shape)
            v = math.sqrt(step) * _kick(self.sde, x, z)
            drift, along = self._along(x, v, np.zeros(1))
            middle, noise = self._along(x, v, MIDDLES)
            clock = np.abs(np.log(along[0] * np.mean(1 / noise, axis=0)))
            work = np.abs(np.mean(middle, axis=0) - drift[0]) / (2 * along[0])
        errors = np.where(np.isfinite(clock + work), np.maximum(clock, work), 0.0).mean(axis=-1)
        return float(np.max(errors) if d == 1 else np.quantile(errors, 0.99)) if n else 0.0

    def _along(self, x: Array, v: Array, shares: Array) -> tuple[Array, Array]:
        """b . v and v . D v / v . v at x + share v, shape (shares, n, kicks)."""
        points = x[:, None] + shares[:, None, None] * v[:, None]
        if self.walls is not None:
            points = self.walls.fold(points)
        flat = points.reshape(points.shape[0], -1)
        ways = np.broadcast_to(v[:, None], points.shape).reshape(flat.shape)
        work = np.sum(np.asarray(self.sde.drift(flat)) * ways, axis=0)
        square = np.sum(ways**2, axis=0)
        tensor = self.sde.diffusion(flat[:, :1] if self.sde.noise.is_constant else flat)
        noise = np.einsum("in,ijn,jn->n", ways, np.broadcast_to(tensor, (*tensor.shape[:2], flat.shape[1])), ways)
        return work.reshape(points.shape[1:]), (noise / square).reshape(points.shape[1:])

    def crowding(self, step: float) -> float:
        """A kick against the target's radius and the room between walls, 1 where they just bear it."""
        kick = math.sqrt(2 * step * self._noise())
        sizes = [self.target.radius / KICKS_PER_RADIUS] if isinstance(self.target, Ball) and self.x.shape[0] > 1 else []
        if self.walls is not None:
            room = [high - low for kind, (low, high) in zip(self.walls.kind, self.walls.box, strict=True) if kind]
            sizes += [min(room) / KICKS_PER_ROOM] if room else []
        return kick / min(sizes) if sizes else 0.0

    def _noise(self) -> float:
        """Largest D at the target's centre, or where the paths are."""
        x = np.array(self.target.center)[:, None] if isinstance(self.target, Ball) else self.x
        tensor = np.moveaxis(self.sde.diffusion(x), -1, 0)
        return float(np.linalg.eigvalsh(tensor).max())

    def fine_enough(self, step: float) -> bool:
        """Whether no kick jumps over a feature, the target or the room between walls."""
        return self.crowding(step) <= 1 and self.roughness(step) <= ROUGHEST


def places(sde: SDE, walls: Walls | None, target: Target, starts: Array, ends: Array, step: float) -> Places:
    """Where paths go: a short walk of the ``starts`` (d, n), and one back from where paths left, ``ends`` (d, m)."""
    clouds = [_walk(sde, walls, points, step) for points in (starts, ends) if points.size]
    x = np.concatenate(clouds, axis=1)
    x = x[:, np.isfinite(x).all(axis=0)]
    if sde.dimension == 1 and x.size:
        x = np.linspace(x.min(), x.max(), ON_LINE)[None]
    elif x.size:
        numbers = x.shape[0] ** (1 if sde.noise.is_constant else 2) * NORMALS.size * MIDDLES.size
        keep = max(16, MOST_NUMBERS // numbers // (1 if sde.symbolic else 8))
        x = x[:, np.linspace(0, x.shape[1] - 1, min(keep, x.shape[1])).astype(int)]
    return Places(sde, walls, target, x)


def _walk(sde: SDE, walls: Walls | None, starts: Array, step: float) -> Array:
    """Places (d, n) of a few walkers from ``starts`` over some steps; those that get lost are left out."""
    rng = np.random.default_rng(1)
    x = starts[:, np.linspace(0, starts.shape[1] - 1, WALKERS).astype(int)]
    found = [x]
    with np.errstate(all="ignore"):
        for _ in range(WALK):
            x = x + step * sde.drift(x) + math.sqrt(step) * _kick(sde, x, rng.standard_normal(x.shape))
            x = x if walls is None else walls.fold(x)
            x = np.where(np.isfinite(x).all(axis=0), x, starts[:, :1])
            found.append(x)
    return np.concatenate(found[:: 1 if sde.dimension == 1 else 8], axis=1)


def _kick(sde: SDE, x: Array, z: Array) -> Array:
    """sqrt(2 D) z at x (d, ...), normals z of the same shape."""
    flat = x.reshape(x.shape[0], -1)
    return np.asarray(sde.kick(flat, z.reshape(flat.shape))).reshape(x.shape)
