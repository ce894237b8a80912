"""An escape with inertia on grids in (x, v), for one place coordinate and a target to one side of it."""

from __future__ import annotations

import math
import time as clock
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fpsim.assumption import Assumption
from fpsim.density.kinetic import PhaseBox
from fpsim.routes.grid_setting import Level
from fpsim.routes.problem import Problem
from fpsim.targets import PlaceTarget

Array = NDArray[np.float64]
EXACT = 1e-6
"""Largest rounding error of a solution that is still called solved."""
LONGEST = 300.0
"""Cells in free paths sqrt(D mass) / friction; from a few times this on the extrapolated error is no bound any more."""
POINTS = 501
SELDOM = 1e-5
"""Share of the time beyond which what happens at the ends of the box is felt."""


@dataclass(frozen=True)
class PhaseSetting:
    """A problem in its box, ready for grids of any number of cells."""

    box: PhaseBox

    @classmethod
    def of(cls, problem: Problem) -> PhaseSetting:
        """The setting of a problem with inertia.

        Raises:
            ValueError: beyond one place coordinate, for a target with no near end, or one beyond the walls.
        """
        own, target = problem.sde.inertia, problem.target
        assert own is not None and isinstance(target, PlaceTarget)
        d = own.overdamped.dimension
        if d > 1:
            raise ValueError(f"grids in (x, v) serve one place coordinate; this problem has {d} (use by_paths)")
        place, walls = problem.point[:1], problem.walls
        edge = target.inner.edge(place)
        if edge is None or (target.inner.plane() is None and walls is not None and walls.kind[0] == "periodic"):
            raise ValueError(
                f"grids in (x, v) serve a target x >= c or x <= c, or a ball away from a ring, not {target}; use "
                "by_paths()"
            )
        if walls is not None and not walls.contains(np.array([edge])):
            raise ValueError(f"no body can reach the target {target}: it lies beyond the {walls}; move the target")
        side = 1.0 if edge > place[0] else -1.0
        return cls(PhaseBox.of(own, (problem.start[0], problem.start[1]), edge, side, walls))

    def require_free_paths(self, cells: int) -> None:
        """Refuse cells so long that bodies forget their speed too often within one: what moves them is lost there."""
        box, own = self.box, self.box.inertia
        x = np.linspace(box.low, box.edge, POINTS)
        noise = float(np.max(own.overdamped.diffusion(box.side * x[None])[0, 0]))
        path = math.sqrt(noise * own.mass) / own.friction
        width = (box.edge - box.low) / cells
        if width > LONGEST * path:
            raise ValueError(
                f"friction {own.friction:g} lets a body of mass {own.mass:g} fly {path:.3g} freely, and a cell of this "
                f"grid is {width:.3g} long; leave the inertia out, EscapeProblem(sde.inertia.overdamped, ...), whose "
                "time times the friction this is for strong friction"
            )

    @property
    def start(self) -> Array:
        """The start (x, v)."""
        return np.array(self.box.start)

    def on_grid(self, cells: int, looks: bool = False) -> tuple[Level, tuple[Assumption, ...]]:
        """The answer on one grid."""
        began = clock.perf_counter()
        found, box = self.box.times(cells), self.box
        seconds, ends = clock.perf_counter() - began, sorted((box.side * box.low, box.side * box.edge))
        words = f"x in [{ends[0]:g}, {ends[1]:g}], |v| <= {box.fastest:g}, {cells} x {cells} cells"
        checks = (
            Assumption(
                f"the system is solved to {EXACT:g}", found.accuracy <= EXACT, f"{found.accuracy:.2g}", key="solved"
            ),
            Assumption(
                f"bodies spend {SELDOM:g} of their time at the ends of the box or less", found.at_ends <= SELDOM,
                f"{found.at_ends:.2g}", key="box",
            ),
        )  # fmt: skip
        width = (box.edge - box.low) / cells
        return Level(width, found.mean, found.variance, words, found.accuracy, {}, cells**2, seconds), checks
