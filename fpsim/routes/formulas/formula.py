"""What a closed formula says: ln(mean escape time), with the paper, and with what it assumes checked; and its route."""

from __future__ import annotations

import math
import time as clock
from collections.abc import Callable
from dataclasses import dataclass
from inspect import signature
from typing import Any

from fpsim.assumption import Assumed, Assumption
from fpsim.escape_time import LARGEST_LOG, EscapeTime, beyond_floats
from fpsim.exact.passage import from_log
from fpsim.route import ROUTES
from fpsim.routes.problem import Problem
from fpsim.routes.route import Cost, Route, route
from fpsim.sde.gates import require_open


@dataclass(frozen=True)
class Formula(Assumed):
    """What a closed formula says.

    Attributes:
        name: its name in ``EscapeProblem.by_formula``.
        log_mean: logarithm of the mean escape time (finite also where the time overflows).
        reference: the paper, with theorem or equation.
        assumptions: what the formula needs, each checked for the problem at hand.
        target: which escape time this is: beyond the pass, or at the pass (half).
        convention: reading of the stochastic integral that the prefactor belongs to.
        minimum: the minimum a, as a tuple of coordinates.
        saddle: the pass b.
        notes: remarks on the number.
        log_error: numerical error of ``log_mean``, where the formula holds integrals that are computed.
    """

    name: str
    log_mean: float
    reference: str
    assumptions: tuple[Assumption, ...]
    target: str
    convention: str
    minimum: tuple[float, ...]
    saddle: tuple[float, ...]
    notes: tuple[str, ...] = ()
    log_error: float = 0.0

    def __post_init__(self) -> None:
        """Refuse a number that is none."""
        if not math.isfinite(self.log_mean):
            raise ValueError(f"{self.name} has the exponent {self.log_mean:g} here, which no float holds")

    @property
    def mean(self) -> float:
        """The mean escape time; ``ValueError`` beyond the floating-point range (use ``log_mean``)."""
        return from_log(self.log_mean, f"escape time by {self.name}", "log_mean")

    def __str__(self) -> str:
        lines = [f"{self.name}: e^{self.log_mean:.6g}, {self.target} ({self.convention}); {self.reference}"]
        return "\n".join([*lines, *(f"  {note}" for note in self.notes), *(f"  {a}" for a in self.assumptions)])


class FormulaRoute(Route):
    """A closed formula as a route.

    Args:
        name: that of its row.
        function: the formula, of a problem.
        reference: the paper, with equation.
        worth_trying: for which problems a comparison takes it; others may ask for it by name.
        papers: keys of :mod:`fpsim.papers`.
    """

    share = 0.25

    def __init__(
        self,
        name: str,
        function: Callable[..., Formula],
        reference: str,
        worth_trying: Callable[[Problem], bool],
        papers: tuple[str, ...] = (),
    ) -> None:
        self.name, self.function, self.reference, self.worth_trying = name, function, reference, worth_trying
        self.papers = papers

    def applies(self, problem: Problem) -> bool:
        """Whether this is the formula for the problem's noise and dimension."""
        return self.worth_trying(problem)

    def cost(self, problem: Problem, expected: float | None = None) -> Cost:
        """Nothing: it is evaluated."""
        found = self.answer(problem)
        return Cost(f"instant: {found.mean:.4g}" if math.isfinite(found.mean) else beyond_floats(found), found.mean)

    def answer(self, problem: Problem, **options: Any) -> EscapeTime:
        """What :meth:`fpsim.EscapeProblem.by_formula` documents."""
        require_open(problem.sde, problem.start[0], problem.target)
        began = clock.perf_counter()
        found = self.function(problem, **options)
        settings = {"meaning": found.target, "reference": found.reference, **options}
        if found.notes:
            settings["notes"] = "; ".join(found.notes)
        return problem.result(
            self.name, began, log_mean=found.log_mean, assumptions=found.assumptions, convention=found.convention,
            settings=settings, **_error_of(found),
        )  # fmt: skip

    def options(self, found: EscapeTime) -> dict[str, Any]:
        """Those of the formula."""
        return {name: found.settings[name] for name in signature(self.function).parameters if name in found.settings}


def _error_of(found: Formula) -> dict[str, float]:
    """The numerical error of a formula, if it has one, in both of its forms."""
    if not found.log_error:
        return {}
    mean = math.exp(found.log_mean) if found.log_mean <= LARGEST_LOG else math.inf
    return {"log_error": found.log_error, "systematic_error": found.log_error * mean}


def formulas() -> dict[str, FormulaRoute]:
    """All closed formulas of the table, by name."""
    found = {name: route(name) for name, row in ROUTES.items() if row.process == "formula"}
    return {name: one for name, one in found.items() if isinstance(one, FormulaRoute)}
