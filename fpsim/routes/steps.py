"""Which step is small enough: one kick  b h + sqrt(2 D h) z  may not jump over what decides the way.

Three things bound h before any mean is looked at:

- stability: h |lambda|^2 / |Re lambda| for the eigenvalues of the drift at rest (h |lambda| without rotation);
- features of drift and D between x and x + kick, as means over the way (s in (0, 1)) and over kicks, where worst:

      | log( D(x) <1/D(x + s kick)>_s ) |      and      | <b(x + s kick) - b(x)>_s . kick | / (2 D(x)),

  the error of the time that the kick should have taken, and of its work in units of the noise;
- the way to the target, its size (radius of a ball) and the room between walls against the kick.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fpsim.assumption import Assumption
from fpsim.lengths import distance
from fpsim.sde.sde import SDE, Inertia
from fpsim.targets import Target
from fpsim.walls import Walls

Array = NDArray[np.float64]
STEP_TIMES_STIFFNESS = 0.02
"""Default step: this over the stiffness of the drift at rest (0.01 for the quartic double well)."""
INERTIAL = 0.1
"""The same for motion with inertia."""
ROUGHEST = 0.2
"""Largest mean error of a kick by features of drift and D, in the two measures above."""
KICKS_PER_RADIUS, KICKS_PER_ROOM, KICKS_TO_TARGET = 3.0, 8.0, 2.0
JUMP_PARTS = 200
"""Steps in the time in which a stable process goes as far as the target."""
MIDDLES = (np.arange(12) + 0.5) / 12
NORMALS = np.array([-1.7, -1.0, -0.4, 0.4, 1.0, 1.7])
SLOWEST = 50.0
"""A pair without damping counts as one damped this many times slower than it turns."""
WALKERS, WALK = 64, 96
ON_LINE, RARE = 401, 0.002
"""Places between the first and the last that walkers visit, but for this share of their visits."""
MOST_NUMBERS = 400_000
"""Coordinates evaluated at once."""


def stiffness(jacobian: Array) -> float:
    """Largest |lambda|^2 / |Re lambda| over the eigenvalues of the drift's Jacobian (d, d)."""
    values = np.linalg.eigvals(jacobian)
    size = np.abs(values)
    damping = np.maximum(np.abs(values.real), size / SLOWEST)
    return float(np.max(size * (size / np.where(size > 0, damping, 1.0))))


def first_step(sde: SDE, stiff: float, start: Array, target: Target) -> float:
    """0.02 / stiffness; a kick may be a twentieth of the way on flat ground, and a third of a ball's radius."""
    if not math.isfinite(stiff):
        raise ValueError(f"the drift's derivative at rest is {stiff}, so no step can be chosen for you; give step=")
    law, white = sde.noise.stable, sde.noise.white
    if white is not None:  # jumps of a finite size, which are to come alone
        return min(first_step(sde.with_noise(white), stiff, start, target), sde.noise.longest_step)
    if law is not None:  # no time of its own beyond that of a jump over the way
        jump = (distance(target, start) / law.scale) ** law.alpha / JUMP_PARTS
        return float(f"{min(STEP_TIMES_STIFFNESS / stiff, jump) if stiff > 0 else jump:.2g}")
    flat = distance(target, start) ** 2 / (2 * _noise(sde, start))
    steps = [STEP_TIMES_STIFFNESS / stiff, flat / KICKS_TO_TARGET**2] if stiff > 0 else [flat / 400]
    ball = target.ball()
    if ball is not None and start.size > 1:
        steps.append((ball[1] / KICKS_PER_RADIUS) ** 2 / (2 * _noise(sde, ball[0])))
    return float(f"{min(steps):.2g}")


def inertial_stiffness(inertia: Inertia, x: Array) -> float:
    """sqrt(|curvature| / mass + (friction / mass)^2) at the place ``x`` (d,)."""
    values = np.abs(np.linalg.eigvals(inertia.overdamped.landscape.jacobian(x[:, None])[..., 0]))
    return math.sqrt(float(values.max()) / inertia.mass + (inertia.friction / inertia.mass) ** 2)


def inertial_step(stiff: float) -> float:
    """0.1 / stiffness: the bias of a step of second order is some thousandths then."""
    if not math.isfinite(stiff):
        raise ValueError(f"the drift's derivative at rest is {stiff}, so no step can be chosen for you; give step=")
    return float(f"{INERTIAL / stiff:.2g}")


def _noise(sde: SDE, x: Array) -> float:
    """Largest n . D n at ``x`` (d,), over the axes and some more directions n."""
    ways = np.concatenate([np.eye(x.size), np.random.default_rng(2).standard_normal((x.size, 8))], axis=1)
    return float(np.max(sde.along(np.repeat(x[:, None], ways.shape[1], axis=1), ways / np.linalg.norm(ways, axis=0))))


def rest(landscape: Any, start: Array) -> Array:
    """Where the drift takes ``start`` (d,), roughly; ``start`` itself where it leads nowhere."""
    from scipy.integrate import solve_ivp

    def drift(_: float, x: Array) -> Array:
        return np.asarray(landscape.drift(x[:, None]))[:, 0]

    x, speed = start, float(np.linalg.norm(drift(0.0, start)))
    if not speed > 0:
        return start
    pace = float(np.abs(np.linalg.eigvals(landscape.jacobian(start[:, None])[..., 0])).max())
    if not pace > 0:
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
        x: (d, n) places in the valley and on the way to the target.
        way: distance from start to target.
        jumps: (k,) where D jumps on a line; no step sees a jump as smooth, and the order of a step is 1/2 there.
    """

    sde: SDE
    walls: Walls | None
    target: Target
    x: Array
    way: float
    jumps: Array = field(default_factory=lambda: np.empty(0))

    def checks(self, step: float, stiff: float) -> tuple[Assumption, ...]:
        """Whether a kick jumps over features of drift and D, the target or the room between walls; and stability."""
        rough, crowded, size = self.roughness(step), self.crowding(step), step * stiff
        return (
            Assumption(
                f"a kick jumps over no feature of drift, D, target or walls (error of a kick <= {ROUGHEST:g})",
                rough <= ROUGHEST and crowded <= 1, f"{rough:.2g}; kick / room {crowded:.2g}", key="kick",
            ),
            Assumption("step * stiffness at the minimum <= 0.2", size <= 0.2, f"{size:.3g}", key="stiffness"),
        )  # fmt: skip

    def roughness(self, step: float) -> float:
        """Error of a kick by features of drift and D, at the worst place (the worst percent beyond one dimension)."""
        d, n = self.x.shape
        x = np.repeat(self.x, NORMALS.size, axis=1)
        z = np.random.default_rng(0).standard_normal((self.sde.normals, x.shape[1]))
        with np.errstate(all="ignore"):
            v = self.sde.leap(x, np.tile(NORMALS, n)[None] if d == z.shape[0] == 1 else z, step)
            drift, noise = self._along(x, v, np.zeros(1))
            middle, noises = self._along(x, v, MIDDLES)
            clock = np.abs(np.log(noise[0] * np.mean(1 / noises, axis=0)))
            work = np.abs(np.mean(middle, axis=0) - drift[0]) / (2 * noise[0])
        errors = np.maximum(clock, work)
        if self.jumps.size:
            leaps = np.min(np.abs(x[0] - self.jumps[:, None]), axis=0) <= np.abs(v[0])
            errors = np.where(leaps, 0.0, errors)
        errors = np.where(np.isfinite(errors), errors, 0.0).reshape(n, NORMALS.size).mean(axis=1)
        return float(np.max(errors) if d == 1 else np.quantile(errors, 0.99)) if n else 0.0

    def _along(self, x: Array, v: Array, shares: Array) -> tuple[Array, Array]:
        """b . v and v . D v / v . v at x + share v, shape (shares, n)."""
        points = x[:, None] + shares[:, None] * v[:, None]
        if self.walls is not None:
            points = self.walls.fold(points)
        flat, ways = points.reshape(x.shape[0], -1), np.tile(v, shares.size)
        size = np.sqrt(np.sum(ways**2, axis=0))
        work = np.sum(np.asarray(self.sde.drift(flat)) * ways, axis=0)
        noise = self.sde.along(flat, ways / size)
        return work.reshape(shares.size, -1), noise.reshape(shares.size, -1)

    def crowding(self, step: float) -> float:
        """A kick against the way to the target, its radius and the room between walls, 1 where they just bear it."""
        kick = math.sqrt(2 * step * self._noise())
        sizes, ball = [self.way / KICKS_TO_TARGET], self.target.ball()
        if ball is not None and self.x.shape[0] > 1:
            sizes.append(ball[1] / KICKS_PER_RADIUS)
        if self.walls is not None:
            room = [high - low for kind, (low, high) in zip(self.walls.kind, self.walls.box, strict=True) if kind]
            sizes += [min(room) / KICKS_PER_ROOM] if room else []
        return kick / min(sizes)

    def _noise(self) -> float:
        """Largest D at the target's centre, or where the paths are."""
        ball = self.target.ball()
        x = self.x if ball is None else ball[0][:, None]
        ways = np.concatenate([np.eye(x.shape[0]), np.random.default_rng(2).standard_normal((x.shape[0], 8))], axis=1)
        ways = np.repeat(ways / np.linalg.norm(ways, axis=0), x.shape[1], axis=1)
        return float(np.max(self.sde.along(np.tile(x, ways.shape[1] // x.shape[1]), ways)))

    def fine_enough(self, step: float) -> bool:
        """Whether no kick jumps over a feature, the target or the room between walls."""
        return self.crowding(step) <= 1 and self.roughness(step) <= ROUGHEST


def places(sde: SDE, walls: Walls | None, target: Target, starts: Array, ends: Array, step: float) -> Places:
    """Where paths go: a short walk of the ``starts`` (d, n), and one back from where paths left, ``ends`` (d, m)."""
    clouds = [_walk(sde, walls, points, step) for points in (starts, ends) if points.size]
    x = np.concatenate(clouds, axis=1)
    x = x[:, np.isfinite(x).all(axis=0)]
    x, leaps = x[:, np.asarray(target.level(x)) < 0], np.empty(0)
    if sde.dimension == 1 and x.size:
        low, high = np.quantile(x, [RARE, 1 - RARE])
        x, leaps = _with_dips(sde, np.linspace(low, high, ON_LINE))[None], _leaps(sde, low, high)
    elif x.size:
        keep = max(16, MOST_NUMBERS // (x.shape[0] * NORMALS.size * MIDDLES.size * (1 if sde.symbolic else 8)))
        x = x[:, np.linspace(0, x.shape[1] - 1, min(keep, x.shape[1])).astype(int)]
    way = float(np.median([distance(target, point) for point in starts[:, :8].T]))
    return Places(sde, walls, target, x, way, leaps)


def _leaps(sde: SDE, low: float, high: float) -> Array:
    """Where D jumps on a line."""
    if sde.noise.is_constant or not low < high:
        return np.empty(0)
    from fpsim.density.jumps import jumps

    with np.errstate(all="ignore"):
        return jumps(lambda z: np.asarray(sde.along(z[None], np.ones((1, z.size)))), low, high, 8 * ON_LINE)


def _with_dips(sde: SDE, x: Array) -> Array:
    """Places x (n,) on a line, and more of them ever closer to each dip of D: where D is small, kicks end."""
    if sde.noise.is_constant:
        return x

    def noise(points: Array) -> Array:
        return np.asarray(sde.along(points[None], np.ones((1, points.size))))

    with np.errstate(all="ignore"):
        values, found = noise(x), [x]
        for i in np.flatnonzero((values[1:-1] <= values[:-2]) & (values[1:-1] <= values[2:])) + 1:
            low, high = x[i - 1], x[i + 1]
            for _ in range(12):  # thirteen points, of which the lowest and its neighbours are kept
                line = np.linspace(low, high, 13)
                j = int(np.clip(np.argmin(noise(line)), 1, 11))
                low, high = line[j - 1], line[j + 1]
            off = (x[i + 1] - x[i - 1]) * np.exp2(-np.arange(1.0, 26.0))
            found += [(low + high) / 2 - off, (low + high) / 2 + off]
    return np.sort(np.concatenate(found))


def _walk(sde: SDE, walls: Walls | None, starts: Array, step: float) -> Array:
    """Places (d, n) of a few walkers from ``starts`` over some steps; those that get lost are left out."""
    rng = np.random.default_rng(1)
    x = starts[:, np.linspace(0, starts.shape[1] - 1, WALKERS).astype(int)]
    found = [x]
    with np.errstate(all="ignore"):
        for _ in range(WALK):
            x = x + step * sde.drift(x) + sde.leap(x, rng.standard_normal((sde.normals, x.shape[1])), step)
            x = x if walls is None else walls.fold(x)
            x = np.where(np.isfinite(x).all(axis=0), x, starts[:, :1])
            found.append(x)
    return np.concatenate(found[:: 1 if sde.dimension == 1 else 8], axis=1)
