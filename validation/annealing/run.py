"""The study of logarithmic cooling."""

from __future__ import annotations

from functools import partial

from validation.annealing.measures import Cooled, Size, measure
from validation.annealing.pictures import figure
from validation.annealing.two_states import UNIT, places
from validation.annealing.verdicts import verdicts
from validation.study.study import Study, Told


def told(found: Cooled) -> Told:
    """Freezing, forgetting, and the power law between."""
    return Told(
        "A tilted double well is cooled like c / ln(e + t/u), begun in its shallower valley. By Hajek's theorem the "
        "chance of that valley goes to zero if and only if c reaches its depth; below, it freezes.",
        verdicts(found.chance),
        {"Chance of the shallower valley": found.chance},
        {"annealing": partial(figure, found.chance)},
    )


TITLE = "Simulated annealing: how slowly must it cool?"
STUDY = Study(
    "annealing", TITLE, Size.of, Cooled, measure, told, {"depth of the shallower valley": places()[3], "unit u": UNIT}
)
