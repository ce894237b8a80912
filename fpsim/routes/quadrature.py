"""Mean and variance of the escape time in one dimension by quadrature (:mod:`fpsim.exact.first_passage`)."""

from __future__ import annotations

import math
import time as clock

from fpsim.escape_time import LARGEST_LOG, EscapeTime, format_with_error
from fpsim.routes.problem import Problem
from fpsim.routes.route import Cost, Route


class QuadratureRoute(Route):
    """Exact in one dimension, but for rounding."""

    name = "quadrature"
    reference = "Gardiner, Handbook of Stochastic Methods (3rd ed.), section 5.2.7"
    papers = ("gardiner2004",)
    share = 0.4

    def applies(self, problem: Problem) -> bool:
        """On a line."""
        return problem.sde.dimension == 1

    def cost(self, problem: Problem, expected: float | None = None) -> Cost:
        """It is taken: a second."""
        exact = self.answer(problem)
        return Cost(f"exact, about a second: {format_with_error(exact)}", exact.mean)

    def answer(self, problem: Problem) -> EscapeTime:
        """What :meth:`fpsim.EscapeProblem.by_quadrature` documents."""
        found, seconds = problem.passage
        began = clock.perf_counter() - seconds
        error = found.relative_error * math.exp(found.log_mean) if found.log_mean <= LARGEST_LOG else math.inf
        return problem.result(
            self.name, began, log_mean=found.log_mean, log_error=found.relative_error, systematic_error=error,
            variance=math.exp(found.log_variance) if found.log_variance < 700 else None, settings=found.settings,
            assumptions=found.assumptions,
        )  # fmt: skip


by_quadrature = QuadratureRoute()
