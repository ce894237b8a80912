"""An escape as the small-noise formulas see it: minimum a, pass b, curvatures and target.

thermal width at a point = sqrt(D / |curvature|),      noise units = int L'/D dx
"""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from fpsim.assumption import Assumption
from fpsim.exact.first_passage import potential_difference
from fpsim.routes.formulas.formula import Formula
from fpsim.routes.problem import Problem
from fpsim.sde.sde import SDE
from fpsim.valleys.curvature import Curvature
from fpsim.valleys.valley import Valley
from landscapes.field import in_words
from landscapes.kinds import has_loss
from landscapes.products import DENSE

Array = NDArray[np.float64]

ON_PASS = 1e-3  # a boundary this close to the pass, in thermal widths, is the pass


@dataclass(frozen=True)
class Escape:
    """Minimum and pass of one escape, with the curvatures that formulas need."""

    problem: Problem
    valley: Valley

    @property
    def sde(self) -> SDE:
        """What moves."""
        return self.problem.sde

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
        """Eigenvalues and eigenvectors of the Hessian at minimum and pass: all of them, beyond 500 the lowest few."""
        if self.sde.dimension > DENSE:
            low, high = (Curvature(self.sde.potential, p, accuracy=1e-10).modes for p in (self.minimum, self.top))
            return low, high
        pair = [np.linalg.eigh(self.sde.potential.hessian(p[:, None])[..., 0]) for p in (self.minimum, self.top)]
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
        if self.sde.dimension > DENSE:
            bottom = Curvature(self.sde.potential, self.minimum, accuracy=1e-10)
            return float(self.direction @ bottom.product(self.direction))
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
        slope = float(np.linalg.norm(self.problem.target.gradient(top)))
        return -float(self.problem.target.level(top)[0]) / max(slope, 1e-300)

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
        log_error: float = 0.0,
    ) -> Formula:
        """The result; half of it if the target's boundary is the pass."""
        where = "time to a target beyond the pass"
        if self.on_pass:
            where, log_mean = "time to the pass itself: half of that to a target beyond", log_mean - math.log(2)
        if not self.valley.complete:
            notes = (*notes, "minima and passes come from a search that may have missed some")
        ends = tuple(self.minimum.tolist()), tuple(self.top.tolist())
        return Formula(name, log_mean, reference, assumptions, where, convention, *ends, notes, log_error)


def refuse_inertia(problem: Problem, name: str) -> None:
    """Refuse motion with inertia, and name what is for it."""
    if problem.sde.inertia is not None:
        raise ValueError(
            f"{name} is for an SDE without inertia; for this one there are 'melnikov-meshkov', 'kramers-moderate', "
            "'kramers-low' (one dimension) and 'langer'"
        )


def escape(problem: Problem, name: str) -> Escape:
    """Find minimum and pass for a formula, refusing in one sentence what it cannot answer."""
    refuse_inertia(problem, name)
    if not has_loss(problem.sde.landscape):
        raise ValueError(f"{name} is for a gradient drift; a drift field has no barrier heights (use paths or a grid)")
    if problem.walls is not None and problem.sde.dimension > 1 and "periodic" in problem.walls.kind:
        raise ValueError(f"{name} knows no periodic walls beyond one dimension; use by_grid() or by_paths()")
    found = problem.valley
    if found.saddle is None:
        raise ValueError(
            f"{name} needs a pass (saddle) between start {in_words(problem.point)} and target ({problem.target}), and "
            f"{missing_pass(found)}"
        )
    for point, which in ((found.minimum, "minimum"), (found.saddle, "pass")):
        if not np.abs(point.eigenvalues).min() > 0:
            raise ValueError(f"{name} needs curvature, and that of the {which} at {in_words(point.x)} is zero")
    return Escape(problem, found)


def on_a_line(problem: Problem, name: str) -> Escape:
    """The same, of one-dimensional formulas."""
    if problem.sde.dimension != 1 and problem.sde.inertia is None:
        raise ValueError(
            f"{name} is a 1-D formula; this landscape has {problem.sde.dimension} dimensions (use 'eyring-kramers')"
        )
    return escape(problem, name)


def one_way(at: Escape, name: str) -> Escape:
    """Refuse a ring, which can be left both ways."""
    if at.valley.others:
        raise ValueError(
            f"{name} is a formula for one pass, and on this ring two lead to the target (at {in_words(at.top)} and "
            f"{in_words(at.valley.others[0].x)}); use 'kramers', whose rates add"
        )
    return at


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


def noise_level(at: Escape, name: str) -> float:
    """T of a noise D = T I that does not depend on x; ``ValueError`` for any other."""
    sde = at.sde
    if not sde.noise.is_constant:
        hint = "'state-dependent' or by_quadrature()" if sde.dimension == 1 else "by_grid() or by_paths()"
        raise ValueError(f"{name} is for constant noise; this SDE has {sde.noise} (use {hint})")
    tensor = sde.diffusion(at.minimum[:, None])[..., 0]
    level = float(tensor[0, 0])
    if not np.allclose(tensor, level * np.eye(sde.dimension), rtol=1e-12, atol=0) or not level > 0:
        raise ValueError(f"{name} is for noise D = T I, equal in all directions; this SDE has {sde.noise}")
    if level * sys.float_info.max < at.barrier:
        raise ValueError(f"{name} has the exponent barrier / T here, which no float holds at T = {level:g}")
    return level
