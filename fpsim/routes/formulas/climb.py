"""An escape as the small-noise formulas see it: minimum a, pass b, curvatures, target, and what must hold there.

thermal width at a point = sqrt(D / |curvature|),      noise units = int L'/D dx
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fpsim.assumption import Assumption
from fpsim.exact.first_passage import potential_difference
from fpsim.routes.formulas.formula import Formula
from fpsim.sde.gates import InfiniteTimeError
from fpsim.sde.sde import SDE
from fpsim.targets import Target, as_target
from fpsim.valleys.valley import Valley, valley
from fpsim.walls import Walls
from landscapes.field import in_words

Array = NDArray[np.float64]

ON_PASS = 1e-3  # a boundary this close to the pass, in thermal widths, is the pass
FACE = 2000  # points of a wall that are looked at
SEPARATED = 3.0  # thermal widths between pass and target


@dataclass(frozen=True)
class Escape:
    """Minimum, pass and target of one escape, with the curvatures that formulas need."""

    sde: SDE
    start: Array
    target: Target
    valley: Valley
    walls: Walls | None = None

    @property
    def minimum(self) -> Array:
        """The minimum a, shape (d,)."""
        return np.asarray(self.valley.minimum.x, dtype=np.float64)

    @property
    def top(self) -> Array:
        """The pass b, shape (d,)."""
        return np.asarray(self.valley.saddle.x, dtype=np.float64)  # type: ignore[union-attr]

    @property
    def barrier(self) -> float:
        """dL = L_b - L_a."""
        return self.valley.barrier

    @cached_property
    def modes(self) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
        """Eigenvalues (d,) and eigenvectors (d, d) of the Hessian at minimum and pass."""
        pair = [np.linalg.eigh(self.sde.landscape.hessian(p[:, None])[..., 0]) for p in (self.minimum, self.top)]
        return (pair[0][0], pair[0][1]), (pair[1][0], pair[1][1])

    @property
    def direction(self) -> Array:
        """The unstable direction e of the pass, shape (d,)."""
        return self.modes[1][1][:, 0]

    @property
    def curvature_at_pass(self) -> float:
        """H_be < 0."""
        return float(self.modes[1][0][0])

    @property
    def curvature_at_minimum(self) -> float:
        """H_ae = e.H_a e > 0."""
        values, vectors = self.modes[0]
        return float(values @ (vectors.T @ self.direction) ** 2)

    @property
    def alignment(self) -> float:
        """|cos| of the angle between e and the nearest eigenvector of H_a."""
        return float(np.max(np.abs(self.modes[0][1].T @ self.direction)))

    @cached_property
    def distance(self) -> float:
        """From the pass to the target's boundary (off the line to first order); negative if the pass lies in it."""
        if self.valley.ahead:
            return self.valley.ahead[0]
        top = self.top[:, None]
        slope = float(np.linalg.norm(self.target.gradient(top)))
        return -float(self.target.level(top)[0]) / max(slope, 1e-300)

    @cached_property
    def width(self) -> float:
        """Thermal width at the pass, from the noise along e."""
        noise = self.sde.diffusion(self.top[:, None])[..., 0]
        return math.sqrt(float(self.direction @ noise @ self.direction) / abs(self.curvature_at_pass))

    @property
    def on_pass(self) -> bool:
        """Whether the target's boundary is the pass."""
        return len(self.valley.ahead) < 2 and abs(self.distance) <= ON_PASS * self.width

    def formula(
        self,
        name: str,
        log_mean: float,
        reference: str,
        assumptions: tuple[Assumption, ...],
        convention: str,
        notes: tuple[str, ...] = (),
    ) -> Formula:
        """The result; half of it if the target's boundary is the pass."""
        where = "time to a target beyond the pass"
        if self.on_pass:
            where, log_mean = "time to the pass itself: half of that to a target beyond", log_mean - math.log(2)
        if not self.valley.complete:
            notes = (*notes, "minima and passes come from a search that may have missed some")
        ends = tuple(self.minimum.tolist()), tuple(self.top.tolist())
        return Formula(name, log_mean, reference, assumptions, where, convention, *ends, notes)

    def general(self, log_mean: float, exponent: float, levels: Sequence[float]) -> tuple[Assumption, ...]:
        """What every formula here needs; ``levels`` are D at minimum and pass, ``exponent`` the noise units climbed."""
        return (
            Assumption("barrier / noise >= 5", exponent >= 5, f"barrier / noise = {exponent:.4g}"),
            self._separation(),
            self._deep_start(exponent),
            self._no_competition(exponent),
            self._relaxation(log_mean),
            self._curvatures(),
            *self._room(exponent),
            *self._finite(),
        )

    def _separation(self) -> Assumption:
        statement = f"target's boundary at the pass or {SEPARATED:g} thermal widths beyond"
        widths = min([self.distance / self.width, *self._other_widths()])
        if self.sde.dimension > 1 and self.valley.beyond is None and not self.on_pass:
            return Assumption(statement, False, "no minimum lies in the target: paths that crossed may miss it")
        detail = "at the pass" if self.on_pass else f"{widths:.3g} widths beyond"
        return Assumption(statement, self.on_pass or widths >= SEPARATED, detail)

    def _other_widths(self) -> list[float]:
        """The same for the other passes of a ring, which may be another distance from the target."""
        widths = []
        for point, ahead in zip(self.valley.others, self.valley.ahead[1:], strict=False):
            noise = float(self.sde.diffusion(np.asarray(point.x)[:, None])[0, 0, 0])
            widths.append(ahead / math.sqrt(noise / abs(float(point.eigenvalues[0]))))
        return widths

    def _room(self, exponent: float) -> tuple[Assumption, ...]:
        """Reflecting walls are not felt where the loss there lies far above the valley and, off the line, the pass."""
        if self.walls is None or "reflecting" not in self.walls.kind:
            return ()
        faces = wall_points(self.walls, self.minimum, self.top)
        heights = np.asarray(self.sde.landscape.loss(faces)) - float(self.valley.minimum.loss)
        if self.sde.dimension == 1:  # the wall beyond the pass is the target's matter
            behind = (faces[0] - self.minimum[0]) * (self.top - self.minimum)[0] < 0
            lowest, what = float(heights[behind].min(initial=math.inf)), "minimum"
        else:
            lowest, what = float(heights.min()) - self.barrier, "pass"
        units = exponent * lowest / self.barrier
        return (Assumption(f"walls stand 3 noise units above the {what}", units >= 3, f"the lowest {units:.3g}"),)

    def _finite(self) -> tuple[Assumption, ...]:
        """Whether the mean is finite at all: a valley may be left backwards, never to return (on a line)."""
        from fpsim.exact.first_passage import first_passage

        if self.sde.dimension > 1:
            return ()
        try:
            first_passage(self.sde, self.start, self.target, walls=self.walls)
        except InfiniteTimeError as error:
            return (Assumption("the mean time is finite", False, str(error)),)
        except ValueError:
            return ()  # not decided here
        return (Assumption("the mean time is finite", True),)

    def _deep_start(self, exponent: float) -> Assumption:
        loss = float(np.asarray(self.sde.landscape.loss(self.start[:, None]))[0])
        left = exponent * (float(self.valley.saddle.loss) - loss) / self.barrier  # type: ignore[union-attr]
        behind = self.sde.dimension == 1 and (self.start - self.minimum)[0] * (self.top - self.minimum)[0] <= 0
        detail = "behind the minimum" if behind else f"{left:.3g} noise units below the pass"
        return Assumption("start lies 3 noise units below the pass", behind or left >= 3, detail)

    def _no_competition(self, exponent: float) -> Assumption:
        gap = exponent * (1 - self.valley.competing / self.barrier)
        holds = gap >= 3
        detail = "none" if math.isinf(gap) else f"the largest other climb is {exponent - gap:.3g} of {exponent:.3g}"
        return Assumption("no other valley or barrier holds the path up (3 noise units)", holds, detail)

    def _relaxation(self, log_mean: float) -> Assumption:
        slowest = 1 / float(self.modes[0][0][0])
        ratio = slowest * math.exp(-min(max(log_mean, -700.0), 700.0))
        return Assumption("the valley relaxes 10 times faster than it is left", ratio <= 0.1, f"ratio {ratio:.2g}")

    def _curvatures(self) -> Assumption:
        smallest, holds = [], True
        for values, _ in self.modes:
            smallest.append(float(np.min(np.abs(values))))
            holds &= smallest[-1] > 1e-6 * float(np.max(np.abs(values)))
        detail = f"smallest |eigenvalue| {smallest[0]:.3g} at the minimum, {smallest[1]:.3g} at the pass"
        return Assumption("curvatures at minimum and pass are not degenerate", holds, detail)

    def quadratic(self, low: float, high: float) -> Assumption:
        """Whether the loss is quadratic within a thermal width of minimum (D = low) and pass (D = high)."""
        worst = []
        for point, (values, vectors), level in zip((self.minimum, self.top), self.modes, (low, high), strict=True):
            steps = vectors * np.sqrt(level / np.abs(values))
            around = point[:, None] + np.concatenate([steps, -steps], axis=1)
            change = np.asarray(self.sde.landscape.loss(around)) - self.sde.landscape.loss(point[:, None])
            worst.append(float(np.max(np.abs(change / level - np.tile(np.sign(values), 2) / 2))))
        detail = f"off by {worst[0]:.3g} noise units at the minimum, {worst[1]:.3g} at the pass"
        statement = "loss is quadratic within a thermal width (to 0.1 noise units, both ends together)"
        return Assumption(statement, sum(worst) <= 0.1, detail)


def escape(
    sde: SDE, start: ArrayLike, target: Any, name: str, known: Valley | None = None, walls: Walls | None = None
) -> Escape:
    """Find minimum and pass for a formula, refusing in one sentence what it cannot answer."""
    if not hasattr(sde.landscape, "loss"):
        raise ValueError(f"{name} is for a gradient drift; a drift field has no barrier heights (use paths or a grid)")
    if walls is not None and sde.dimension > 1 and "periodic" in walls.kind:
        raise ValueError(f"{name} knows no periodic walls beyond one dimension; use by_grid() or by_paths()")
    x = np.asarray(start, dtype=float).reshape(-1)
    goal = as_target(target, x)
    found = known or valley(sde.landscape, x, goal, walls)
    if found.saddle is None:
        raise ValueError(
            f"{name} needs a pass (saddle) between start {in_words(x)} and target ({goal}), and {missing_pass(found)}"
        )
    for point, which in ((found.minimum, "minimum"), (found.saddle, "pass")):
        if not np.abs(point.eigenvalues).min() > 0:
            raise ValueError(f"{name} needs curvature, and that of the {which} at {in_words(point.x)} is zero")
    return Escape(sde, x, goal, found, walls)


def under_noise(at: Escape) -> Escape:
    """The same escape on a line with heights in noise units, int L'/D dx: which pass is highest, and what competes.

    Where D varies, the highest pass of the loss need not be the one that takes longest.
    """
    stops = at.valley.stops
    if at.sde.noise.is_constant or len(stops) < 3:
        return at
    bottom, side = float(at.minimum[0]), math.copysign(1.0, (at.top - at.minimum)[0])
    edge = side * float(at.top[0]) + at.valley.ahead[0]
    heights = [potential_difference(at.sde, bottom, place) if place != bottom else 0.0 for place, _, _ in stops]
    known = [
        (side * place, is_top, height, point) for (place, is_top, point), height in zip(stops, heights, strict=True)
    ]
    tops = [k for k in known if k[1] and side * bottom < k[0] <= max(edge, side * float(at.top[0])) + 1e-12 * abs(edge)]
    top = max(tops, key=lambda k: k[2])
    climbs = [
        t[2] - m[2] for t in tops for m in known
        if not m[1] and m[0] < t[0] and not (t is top and math.isclose(m[0], side * bottom))
    ]  # fmt: skip
    barrier = float(top[3].loss - at.valley.minimum.loss)
    competing = barrier * max(climbs, default=-math.inf) / top[2]
    found = replace(at.valley, saddle=top[3], competing=competing, ahead=(edge - top[0],))
    return replace(at, valley=found)


def shown(x: Array) -> str:
    """A point in words, to six digits of its size and without the noise below."""
    small = 1e-6 * float(np.max(np.abs(x), initial=0.0))
    return "[" + ", ".join(f"{0.0 if abs(value) < small else value:.6g}" for value in x) + "]"


def missing_pass(found: Valley) -> str:
    """Why there is no pass: the one there is has no curvature, or there is none."""
    if found.flat:
        return (
            f"the curvature of the one at {shown(found.flat[0].x)} vanishes: the Gaussian integral over "
            "it, which every formula here contains, has no meaning; use by_quadrature, by_grid or by_paths"
        )
    return "this landscape has none: there is no barrier to escape over"


def wall_points(walls: Walls, minimum: Array, top: Array) -> Array:
    """Points (d, n) of the walls' faces: their ends on a line, else a sample that holds the shadows of both points."""
    d = minimum.size
    rng = np.random.default_rng(0)
    faces = []
    for i, (kind, ends) in enumerate(zip(walls.kind, walls.box, strict=True)):
        for end in ends if kind == "reflecting" else ():
            boxes = np.array(
                [
                    b if k else (min(m, t), max(m, t))
                    for k, b, m, t in zip(walls.kind, walls.box, minimum, top, strict=True)
                ]
            )
            sample = boxes[:, :1] + rng.random((d, 1 if d == 1 else FACE)) * np.diff(boxes, axis=1)
            face = np.concatenate([sample, minimum[:, None], top[:, None]], axis=1)
            face[i] = end
            faces.append(face)
    return np.concatenate(faces, axis=1)


def noise_level(sde: SDE, at: Escape, name: str) -> float:
    """T of a noise D = T I that does not depend on x; ``ValueError`` for any other."""
    if not sde.noise.is_constant:
        hint = "'state-dependent' or by_quadrature()" if sde.dimension == 1 else "by_grid() or by_paths()"
        raise ValueError(f"{name} is for constant noise; this SDE has {sde.noise} (use {hint})")
    tensor = sde.diffusion(at.minimum[:, None])[..., 0]
    level = float(tensor[0, 0])
    if not np.allclose(tensor, level * np.eye(sde.dimension), rtol=1e-12, atol=0) or not level > 0:
        raise ValueError(f"{name} is for noise D = T I, equal in all directions; this SDE has {sde.noise}")
    return level
