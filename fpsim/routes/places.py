"""Whether a step is small enough where paths go: one kick  b h + sqrt(2 D h) z  may not jump over what decides the way.

- features of drift and D between x and x + kick, as means over the way (s in (0, 1)) and over kicks, where worst:

      | log( D(x) <1/D(x + s kick)>_s ) |      and      | <b(x + s kick) - b(x)>_s . kick | / (2 D(x)),

  the error of the time that the kick should have taken, and of its work in units of the noise;
- the way to the target, its size (radius of a ball) and the room between walls against the kick.

With inertia a step is a flight, under forces taken at both ends of it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from fpsim.assumption import Assumption
from fpsim.lengths import distance
from fpsim.paths.step import numpy_step
from fpsim.routes.steps import KICKS_PER_RADIUS, KICKS_TO_TARGET, directions
from fpsim.sde.sde import SDE
from fpsim.targets import PlaceTarget, Target
from fpsim.walls import MovingWalls, Walls

Array = NDArray[np.float64]
ROUGHEST = 0.2
"""Largest mean error of a kick by features of drift and D, in the two measures above."""
KICKS_PER_ROOM = 8.0
MIDDLES = (np.arange(12) + 0.5) / 12
NORMALS = np.array([-1.7, -1.0, -0.4, 0.4, 1.0, 1.7])
WALKERS, WALK = 64, 96
ON_LINE, RARE = 401, 0.002
"""Places between the first and the last that walkers visit, but for this share of their visits."""
MOST_NUMBERS = 400_000
"""Coordinates evaluated at once."""


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
    taken: ClassVar[Array] = np.zeros(1)
    """Where along a kick the step takes the drift, in shares of it."""

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
            v = self._leap(x, np.tile(NORMALS, n)[None] if d == z.shape[0] == 1 else z, step)
            drift, noise = self._along(x, v, self.taken)
            middle, noises = self._along(x, v, MIDDLES)
            clock = np.abs(np.log(noise[0] * np.mean(1 / noises, axis=0)))
            work = np.abs(np.mean(middle, axis=0) - np.mean(drift, axis=0)) / (2 * noise[0])
        errors = np.maximum(clock, work)
        if self.jumps.size:
            leaps = np.min(np.abs(x[0] - self.jumps[:, None]), axis=0) <= np.abs(v[0])
            errors = np.where(leaps, 0.0, errors)
        errors = np.where(np.isfinite(errors), errors, 0.0).reshape(n, NORMALS.size).mean(axis=1)
        return float(np.max(errors) if d == 1 else np.quantile(errors, 0.99)) if n else 0.0

    def _leap(self, x: Array, z: Array, step: float) -> Array:
        """How normals carry paths from places ``x`` within a step, (d, n)."""
        return self.sde.leap(x, z, step)

    def _length(self, step: float, x: Array, ways: Array) -> float:
        """How far a step carries a path from the worst of ``x`` along one of ``ways`` (d, n)."""
        return math.sqrt(2 * step * float(np.max(self.sde.along(x, ways), initial=0.0)))

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
        """Kicks against the way to the target, its radius and the room between walls, 1 where they just bear it."""
        slopes = np.broadcast_to(self.target.gradient(self.x), self.x.shape)
        normals = slopes / np.maximum(np.linalg.norm(slopes, axis=0), 1e-300)
        shares, ball = [self._length(step, self.x, normals) * KICKS_TO_TARGET / self.way], self.target.ball()
        if ball is not None and self.x.shape[0] > 1:
            ways = directions(ball[0].size)
            at = np.repeat(ball[0][:, None], ways.shape[1], axis=1)
            shares.append(self._length(step, at, ways) * KICKS_PER_RADIUS / ball[1])
        sides = () if self.walls is None else zip(self.walls.kind, self.walls.box, strict=True)
        for axis, (kind, (low, high)) in enumerate(sides):
            if kind is not None:
                along = np.repeat(np.eye(self.x.shape[0])[:, axis : axis + 1], self.x.shape[1], axis=1)
                shares.append(self._length(step, self.x, along) * KICKS_PER_ROOM / (high - low))
        return max(shares)

    def order(self, bridge: bool) -> float:
        """Weak order of a step: one half where D jumps, or where exits are seen at the steps only (no ``bridge``).

        Of alpha-stable jumps it is min(1, 1/alpha), that of the largest place seen at the steps only (Dia and
        Lamberton, Stochastic Processes and their Applications 121 (2011) 1171).
        """
        law = self.sde.noise.stable
        if law is not None:
            return min(1.0, 1 / law.alpha)
        return 1.0 if bridge and self.smooth else 0.5

    @property
    def smooth(self) -> bool:
        """Whether D does not jump."""
        return not self.sde.noise.jumps and not self.jumps.size

    def fine_enough(self, step: float) -> bool:
        """Whether no kick jumps over a feature, the target or the room between walls."""
        return self.crowding(step) <= 1 and self.roughness(step) <= ROUGHEST


@dataclass(frozen=True)
class Flights(Places):
    """The same for bodies, which fly  h sqrt(D / mass) z  in a step, under forces taken at both ends of it.

    ``sde``, ``walls`` and ``target`` are those of the places.
    """

    mass: float = 1.0
    taken: ClassVar[Array] = np.array([0.0, 1.0])

    def order(self, bridge: bool) -> float:
        """2 for a D that does not jump; exits are seen where the flight crosses."""
        return 2.0 if self.smooth else 1.0

    def _leap(self, x: Array, z: Array, step: float) -> Array:
        return np.asarray(step / math.sqrt(2 * self.mass) * self.sde.kick(x, z))

    def _length(self, step: float, x: Array, ways: Array) -> float:
        return step * math.sqrt(float(np.max(self.sde.along(x, ways), initial=0.0)) / self.mass)


def places(sde: SDE, walls: Walls | None, target: Target, starts: Array, ends: Array, step: float) -> Places:
    """Where paths go: a short walk of the ``starts`` (d, n), and one back from where paths left, ``ends`` (d, m)."""
    body, fences = sde.inertia, walls
    if body is not None:
        fences = None if walls is None else MovingWalls.around(walls)
    moving = sde.between(walls)
    clouds = [_walk(moving, fences, points, step) for points in (starts, ends) if points.size]
    x = np.concatenate(clouds, axis=1)
    if body is not None:
        assert isinstance(target, PlaceTarget)
        sde, target, x, starts = body.overdamped, target.inner, np.split(x, 2)[0], np.split(starts, 2)[0]
    x = x[:, np.isfinite(x).all(axis=0)]
    x, leaps = x[:, np.asarray(target.level(x)) < 0], np.empty(0)
    if sde.dimension == 1 and x.size:
        low, high = np.quantile(x, [RARE, 1 - RARE])
        x, leaps = _with_dips(sde, np.linspace(low, high, ON_LINE))[None], _leaps(sde, low, high)
    elif x.size:
        keep = max(16, MOST_NUMBERS // (x.shape[0] * NORMALS.size * MIDDLES.size * (1 if sde.symbolic else 8)))
        x = x[:, np.linspace(0, x.shape[1] - 1, min(keep, x.shape[1])).astype(int)]
    way = float(np.median([distance(target, point) for point in starts[:, :8].T]))
    if body is not None:
        return Flights(sde, walls, target, x, way, leaps, body.mass)
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
    found, advance = [x], numpy_step(sde, step, None)
    with np.errstate(all="ignore"):
        for _ in range(WALK):
            x = advance(x, rng.standard_normal((sde.normals, x.shape[1])))
            x = x if walls is None else walls.fold(x)
            x = np.where(np.isfinite(x).all(axis=0), x, starts[:, :1])
            found.append(x)
    return np.concatenate(found[:: 1 if sde.dimension == 1 else 8], axis=1)
