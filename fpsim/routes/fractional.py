"""The mean time to leave an interval under alpha-stable noise, by its equation (:mod:`fpsim.exact.fractional`)."""

from __future__ import annotations

import time as clock

from fpsim.assumption import Assumption
from fpsim.escape_time import EscapeTime, format_with_error
from fpsim.routes.problem import Problem
from fpsim.routes.route import Cost, Route

ORDER, AROUND = 1.0, 0.4
"""What the differences between grids fall by, and how far from it they may be."""


class FractionalRoute(Route):
    """The fractional backward equation with killing outside, on four grids."""

    name = "fractional"
    reference = (
        "Huang, Oberman, SIAM J. Numer. Anal. 52 (2014) 3056; Duo, van Wyk, Zhang, J. Comput. Phys. 355 (2018) 233"
    )
    papers = ("huang2014", "duo2018")
    share = 0.4

    def applies(self, problem: Problem) -> bool:
        """On a line, under noise that jumps."""
        return problem.sde.noise.stable is not None and problem.sde.dimension == 1

    def cost(self, problem: Problem, expected: float | None = None) -> Cost:
        """It is taken: some seconds."""
        found = self.answer(problem)
        return Cost(f"some seconds: {format_with_error(found)}", found.mean)

    def answer(self, problem: Problem, cells: int = 1600) -> EscapeTime:
        """The mean time out of an interval; ``cells`` of the finest grid, a multiple of 8.

        Raises:
            ValueError: for another noise, dimension or target than the outside of an interval, with walls, or from
                within a cell of an end.
        """
        from fpsim.exact.fractional import fractional_passage

        began = clock.perf_counter()
        found = fractional_passage(problem.sde, problem.point, problem.target, walls=problem.walls, cells=cells)
        check = Assumption(
            f"the grids converge at order {ORDER:g} (within {AROUND:g})", abs(found.order - ORDER) <= AROUND,
            f"order {found.order:.3g}, " + ", ".join(f"{mean:.6g}" for mean in found.means), key="order",
        )  # fmt: skip
        return problem.result(
            self.name, began, found.mean, systematic_error=found.error, variance=found.variance, assumptions=(check,),
            settings={"cells": cells, "interval": f"({found.low:g}, {found.high:g})"},
        )  # fmt: skip


by_fractional = FractionalRoute()
