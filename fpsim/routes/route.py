"""A route to an escape time: what it applies to, what it costs, how it answers, alone and within a budget.

Its name, process, place and look are its row of :data:`fpsim.route.ROUTES`, which results and pictures read, too.
Routes reach each other by :func:`route`, never by an import.
"""

from __future__ import annotations

from collections.abc import Mapping
from inspect import signature
from pkgutil import resolve_name
from typing import Any, NamedTuple

from fpsim.description import parts_of_problem
from fpsim.escape_time import EscapeTime
from fpsim.route import ROUTES, Facts
from fpsim.routes.plan import Plan
from fpsim.routes.problem import Problem


class Cost(NamedTuple):
    """What an answer will cost, in words (none: not said), and the mean time, where it is known at once."""

    words: str = ""
    mean: float | None = None


class Route:
    """One way to an escape time; a subclass says which, and an instance of it stands in a row of the table.

    Attributes:
        name: that of its row.
        reference: the paper, with equation.
        papers: keys of :mod:`fpsim.papers`, what ``fpsim cite`` prints.
        share: the part of the seconds left that it may take before the others have had theirs.
        alone: the part if no other comes after; the same if left out.
        room: seconds beyond, in which what stops at its deadline may still be evaluated.
    """

    name: str
    reference: str = ""
    papers: tuple[str, ...] = ()
    share = 1.0
    alone: float | None = None
    room = 0.0

    @property
    def facts(self) -> Facts:
        """Its row: process, exactness, colour and marker."""
        return ROUTES[self.name]

    def applies(self, problem: Problem) -> bool:
        """Whether the route is worth trying; one that is may still refuse."""
        return True

    def samples(self, problem: Problem) -> bool:
        """Whether the answer is a mean over paths: these come after the others, which say what paths would cost."""
        return False

    def cost(self, problem: Problem, expected: float | None = None) -> Cost:
        """What an answer will cost where the mean time is ``expected``.

        Raises:
            ValueError: if the route does not apply after all.
        """
        return Cost()

    def answer(self, problem: Problem, *args: Any, **options: Any) -> EscapeTime:
        """The mean time from start to target.

        Raises:
            ValueError: in one sentence, if the route does not apply.
        """
        raise NotImplementedError

    def share_of(self, followed: bool) -> float:
        """The part of the seconds left, knowing whether another route comes after."""
        return self.share if followed or self.alone is None else self.alone

    def within(self, problem: Problem, plan: Plan, share: float) -> EscapeTime:
        """The answer within its ``share`` of what is left of the plan's seconds."""
        return self.answer(problem)

    def options(self, found: EscapeTime) -> dict[str, Any]:
        """The options that an answer was found with, as its settings and seed remember them."""
        known = {"seed": found.seed} if found.seed is not None else {}
        names = signature(self.answer).parameters
        return known | {name: found.settings[name] for name in names if name in found.settings}


def route(name: str) -> Route:
    """The route of a row, loaded now.

    Raises:
        ValueError: if the table has no such row.
    """
    if name not in ROUTES:
        raise ValueError(f"there is no route '{name}'; known are {', '.join(ROUTES)}")
    found: Route = resolve_name(ROUTES[name].home)
    return found


def applicable(problem: Problem) -> list[Route]:
    """The routes worth trying, in order: as in the table, those that sample last."""
    found = [one for one in map(route, ROUTES) if one.applies(problem)]
    return sorted(found, key=lambda one: one.samples(problem))


def repeated(found: EscapeTime, changes: Mapping[str, Any]) -> EscapeTime:
    """What :meth:`fpsim.EscapeTime.repeat` documents: the run that ``found`` came from, with changed options."""
    problem, way = Problem(*parts_of_problem(found.problem)), route(found.method)
    if "start" in found.settings:
        raise ValueError(
            f"this run began from {found.settings['start']}, which this file does not hold; run by_{found.method} again"
        )
    return way.answer(problem, **{**way.options(found), **changes})
