"""What an equation on a grid answers, as arrays: each is asked again on coarser grids, for the discretisation error.

Guided rates may be negative; an answer that is not sound with them (a negative time, a chance beyond one) is given by
the fitted rates.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fpsim.density.cuts import Restricted, on_grid, restrict
from fpsim.density.passage import committors, mean_and_variance, passage_solver, quasi_stationary
from fpsim.density.walk import Walk

if TYPE_CHECKING:
    from fpsim.density.equation import Equation

Array = NDArray[np.float64]
RIPPLES = 0.05  # largest share of negative mass in a density whose moments are asked for; it is cut off
UNSOUND = 1e-6  # how far a guided answer may leave what is possible


class Answer(NamedTuple):
    """Arrays by name, the walk and the part of it that they belong to, and the accuracy of the linear algebra."""

    values: dict[str, Any]
    walk: Walk
    part: Restricted
    accuracy: float
    words: str = ""


def sound(equation: Equation, answer: Callable[[Walk], Answer], is_sound: Callable[[Answer], bool]) -> Answer:
    """The answer of the equation's walk, or that of the fitted one where this is not sound."""
    if not equation.walk.is_fitted:
        try:
            found = answer(equation.walk)
            if is_sound(found):
                return found
        except (ValueError, RuntimeError):
            pass  # if the question is at fault, the fitted walk says so
        return answer(equation.fitted)
    return answer(equation.walk)


def sets_on(equation: Equation, target: Any, start: ArrayLike | None) -> list[Any]:
    """The target checked, or none: what is left then are absorbing walls."""
    return [] if target is None else [on_grid(target, equation.grid, start)]


def ended_by(part: Restricted) -> str:
    """What ends a walk, in words."""
    walls = bool(part.walls.any())
    if not part.losses.any():
        return "an absorbing wall"
    return "the target or an absorbing wall, whichever comes first" if walls else "the target"


def passage(equation: Equation, target: Any, start: ArrayLike | None) -> Answer:
    """``mean`` and ``variance`` of the time to the end, and ``target_chance`` where walls end walks as well."""
    sets = sets_on(equation, target, start)

    def answer(walk: Walk) -> Answer:
        """The answer by one walk."""
        part = restrict(walk, sets)
        mean, variance, accuracy = mean_and_variance(walk, part)
        values = {"mean": part.spread(mean), "variance": part.spread(variance)}
        if sets and part.walls.any():
            chance = part.spread(passage_solver(walk, part).backward(part.losses[0]))
            chance[part.inside[0]] = 1.0
            values["target_chance"] = chance
        return Answer(values, walk, part, accuracy, ended_by(part))

    def possible(found: Answer) -> bool:
        return all(bool(v.min() >= -UNSOUND * v.max()) for v in found.values.values())

    found = sound(equation, answer, possible)
    return found._replace(values={name: np.maximum(v, 0.0) for name, v in found.values.items()})


def committor(equation: Equation, a: Any, b: Any) -> Answer:
    """``committor``: the chance to meet b before a."""
    sets = [on_grid(a, equation.grid), on_grid(b, equation.grid)]

    def answer(walk: Walk) -> Answer:
        """The answer by one walk."""
        part = restrict(walk, sets)
        forward, _, accuracy = committors(walk, part)
        field = part.spread(forward)
        field[part.inside[1]] = 1.0
        return Answer({"committor": field}, walk, part, accuracy)

    def possible(found: Answer) -> bool:
        field = found.values["committor"]
        return bool(field.min() >= -UNSOUND and field.max() <= 1 + UNSOUND)

    found = sound(equation, answer, possible)
    return found._replace(values={"committor": np.clip(found.values["committor"], 0.0, 1.0)})


def _no_hole(found: Answer) -> bool:
    """Whether a density is positive but for ripples around a narrow source."""
    masses = found.values["masses"]
    return bool(-np.minimum(masses, 0.0).sum() <= RIPPLES * np.abs(masses).sum())


def left_valley(equation: Equation, valley: Any, start: ArrayLike | None) -> Answer:
    """Exit ``rate`` and quasi-stationary ``masses`` of a valley."""
    sets = sets_on(equation, valley, start)

    def answer(walk: Walk) -> Answer:
        """The answer by one walk."""
        part = restrict(walk, sets)
        rate, masses, accuracy = quasi_stationary(walk, part)
        return Answer({"rate": rate, "masses": part.spread(masses)}, walk, part, accuracy, ended_by(part))

    return sound(equation, answer, lambda found: found.values["rate"] > 0 and _no_hole(found))
