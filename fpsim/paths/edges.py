"""Where a path may not go:  what is done to the end u of a step before the next one begins from y.

    y = fold(u)                      between walls
    y = -infinity (no number)        if u left the piece of the landscape's domain that its path started on

A lost path is found by the test for divergence, which then says what happened to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fpsim.paths.starts import start_points
from fpsim.sde.sde import SDE
from fpsim.walls import Walls
from landscapes.field import in_words

if TYPE_CHECKING:
    from landscapes.domain import Domain

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Edges:
    """Walls and the edge of the domain, for paths that start around ``origin`` (d,)."""

    sde: SDE
    walls: Walls | None
    origin: Array

    @cached_property
    def conditions(self) -> tuple[Any, ...]:
        """Expressions that are positive on the piece of the domain that the paths live on."""
        domain = self.sde.domain
        return () if domain.is_everywhere else domain.conditions(self.origin[: len(domain.variables)])

    @cached_property
    def _piece(self) -> Domain:
        domain = self.sde.domain
        return replace(domain, positive=self.conditions, nonzero=())

    @property
    def box(self) -> tuple[tuple[float, float], ...]:
        """(low, high) that no path leaves, per coordinate; infinite where that is not known beforehand."""
        free = (-np.inf, np.inf)
        sides = [free] * self.origin.size
        if self.conditions:
            domain = self.sde.domain
            around = domain.interval(self.origin[: len(domain.variables)])
            for i, variable in enumerate(domain.variables):
                own = [c.free_symbols & set(domain.variables) for c in self.conditions if variable in c.free_symbols]
                mixed = any(found != {variable} for found in own)
                sides[i] = free if mixed else around[i]
        for i, kind in enumerate(self.walls.kind if self.walls is not None else ()):
            if kind is not None and self.walls is not None:
                sides[i] = self.walls.box[i]
        return tuple(sides)

    def __bool__(self) -> bool:
        return self.walls is not None or bool(self.conditions)

    def require(self, points: Array) -> None:
        """Refuse start points (d, n) outside the walls or off this piece of the domain."""
        if self.walls is not None and not (inside := self.walls.contains(points)).all():
            raise ValueError(
                f"the start {in_words(points[:, ~inside][:, 0])} lies outside the {self.walls}; choose one inside"
            )
        if not (inside := self.inside(points)).all():
            lost = points[:, ~inside][:, 0]
            self.sde.domain.interval(lost[: len(self.sde.domain.variables)])  # raises where nothing is defined
            raise ValueError(
                f"the starts {in_words(self.origin)} and {in_words(lost)} are parted by an edge of the domain of "
                f"{self.sde.landscape}, which no path crosses; run them apart"
            )

    def inside(self, x: Array) -> NDArray[np.bool_]:
        """Whether points (d, ...) lie on the piece of the domain that the paths live on, shape (...)."""
        if not self.conditions:
            return np.ones(x.shape[1:], dtype=bool)
        return self._piece.contains(x[: len(self._piece.variables)])

    def verdict(self, before: float, after: float) -> str:
        """What to do about a 1-D step from ``before`` over an edge to ``after``, by Feller's test of that edge."""
        from fpsim.exact.feller import classify

        low, high = self.sde.domain.interval(np.array([before]))[0]
        place = low if after <= low else high

        def fields(x: Array) -> tuple[Array, Array]:
            d = self.sde.diffusion(x[None])[0, 0]
            return -self.sde.landscape.drift(x[None])[0] / d, np.log(d)

        with np.errstate(all="ignore"):
            edge = classify(fields, before, place, self.sde.convention_weight, abs(before - place))
        if edge.kind == "undecided":
            return ""
        advice = "put walls before it" if edge.is_reached else "reduce step="
        return f"by Feller's test {edge}, so {advice}"

    def evaluable(self, u: Array) -> Array:
        """y on arrays (d, n) as a point at which drift and noise exist; lost ones are put to the origin."""
        y = u if self.walls is None else self.walls.fold(u)
        if self.conditions:
            y = np.where(self.inside(y), y, self.origin[:, None])
        return y

    def fold(self, u: Array) -> Array:
        """y on arrays (d, n)."""
        y = u if self.walls is None else self.walls.fold(u)
        if self.conditions:
            y = np.where(self.inside(y), y, -np.inf)
        return y

    def symbolic(self, u: Sequence[Any]) -> tuple[list[Any], dict[Any, float]]:
        """y as formulas, with their parameters."""
        import sympy

        y, parameters = (list(u), {}) if self.walls is None else self.walls.symbolic(u)
        if self.conditions:
            domain = self.sde.domain
            place = dict(zip(domain.variables, y, strict=False))
            least = sympy.Min(*(condition.xreplace(place) for condition in self.conditions), evaluate=False)
            inside = sympy.Heaviside(least, 0, evaluate=False)  # its sign is not for sympy to find
            y[0] = y[0] + (inside - 1) / inside  # 0/1, or -1/0
            parameters = parameters | dict(domain.values)
        return y, parameters


def start_edges(sde: SDE, start: Any, walls: Walls | None, seed: int) -> Edges:
    """Walls and edges around the first start of a run, which must lie within them; of motion with inertia its own."""
    points = start_points(start, sde.dimension, 0, 1, seed)
    walls = walls if sde.inertia is None else sde.inertia.fences
    edges = Edges(sde, walls, points[:, 0])
    rows = len(sde.domain.variables)
    sde.domain.interval(points[:rows, 0])  # raises where the formula is not defined
    edges.require(points)
    return edges
