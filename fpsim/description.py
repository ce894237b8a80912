"""A problem as plain data and back, so that a saved result names what it answers and a file alone repeats the run.

    EscapeProblem(*parts_of_problem(describe(problem))) == problem

for landscapes and noises made of formulas and numbers.  What is a plain Python function stands as its name, and
rebuilding says so in a sentence.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from fpsim.noise.described import describe_noise, noise_from
from fpsim.sde.sde import SDE
from fpsim.sde.underdamped import Underdamped
from fpsim.targets import Target, target_from
from fpsim.walls import Walls
from landscapes.description import described, rebuilt


class Escape(Protocol):
    """What is described of an escape."""

    @property
    def sde(self) -> SDE: ...
    @property
    def start(self) -> Any: ...
    @property
    def target(self) -> Target: ...
    @property
    def walls(self) -> Walls | None: ...


def describe(problem: Escape) -> dict[str, Any]:
    """Landscape, noise, convention, start, target and walls of an escape."""
    return {
        **describe_sde(problem.sde),
        "start": list(problem.start),
        "target": problem.target.describe(),
        "walls": describe_walls(problem.walls),
    }


def describe_sde(sde: SDE) -> dict[str, Any]:
    """Landscape, noise, convention, correction and inertia of an SDE, ready for JSON."""
    if sde.inertia is not None:
        numbers = {"friction": sde.inertia.friction, "mass": sde.inertia.mass}
        return {**describe_sde(sde.inertia.overdamped), "inertia": numbers}
    own = sde.noise.source if sde.correction is not None else None
    return {
        "landscape": described(sde.landscape if own is None else own),
        "noise": describe_noise(sde.noise),
        "convention": sde.convention,
        "correction": sde.correction,
    }


def describe_walls(walls: Walls | None) -> dict[str, Any] | None:
    """Kind and box of the walls, ``None`` without."""
    return None if walls is None else {"kind": list(walls.kind), "box": [list(side) for side in walls.box]}


def parts_of_problem(facts: Mapping[str, Any]) -> tuple[SDE, Any, Any, Walls | None]:
    """SDE, start, target and walls of the problem that :func:`describe` was given.

    Raises:
        ValueError: if a part of it was a plain function, or ``facts`` describe no problem.
    """
    if "landscape" not in facts or "target" not in facts:
        raise ValueError("this result does not say which problem it answers, so it cannot be repeated from the file")
    return sde_from(facts), facts["start"], target_from(facts["target"]), walls_from(facts.get("walls"))


def sde_from(facts: Mapping[str, Any]) -> SDE:
    """The SDE that :func:`describe_sde` was given; ``ValueError`` if a part of it was a plain function."""
    landscape = rebuilt(facts["landscape"])
    if facts.get("inertia"):
        return Underdamped(landscape, noise_from(facts["noise"]), **facts["inertia"])
    return SDE(landscape, noise_from(facts["noise"]), facts["convention"], facts["correction"])


def walls_from(facts: Mapping[str, Any] | None) -> Walls | None:
    """The walls that :func:`describe_walls` was given."""
    return None if facts is None else Walls(tuple(facts["kind"]), [tuple(side) for side in facts["box"]])
