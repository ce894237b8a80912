"""The study of the escape-time formula for SGD under four noises."""

from __future__ import annotations

from functools import partial

from validation.escape_formula import four_noises as noises
from validation.escape_formula.measures import EscapeFormula, Size, measure
from validation.escape_formula.pictures import details_figure, noises_figure
from validation.escape_formula.sweeps import sweeps_of
from validation.escape_formula.verdicts import assumptions, verdicts
from validation.study.study import Study, Told


def told(found: EscapeFormula) -> Told:
    """Slopes first, every point last."""
    sweeps = sweeps_of(found.point)
    rows = [sweep.row() for sweep in sweeps]
    return Told(
        "One double well (dL = 1/4, H_a = 2, |H_b| = 1 unless varied). 'slope / theory' compares with the exponent "
        "of the model itself; 's needed' is the fraction of the climb with which theorem 3.2 of Xie et al. would "
        "give the same slope: only values between 0 and 1 mean anything, if they agree in all rows of a model.",
        verdicts(found, sweeps, rows),
        {
            "Slopes and prefactors": rows,
            "Assumptions of theorem 3.2, one at a time": assumptions(rows, found.prefactor, found.floor),
            "Two-level noise: exact time over formula, per convention": found.prefactor,
            "Literal |H| noise with a floor, from -1 to 0.3: time ~ floor^(-delta)": found.floor,
            "Check values: D = 0.1 (|L''| + floor), from -1 to 0.3": found.check,
            "Every point": found.point,
        },
        {
            "four-noises": partial(noises_figure, sweeps),
            "details": partial(details_figure, sweeps, found.prefactor, found.floor),
        },
    )


TITLE = "The escape-time formula for SGD: slope and prefactor under four noises"
FACTS = {
    "barrier": 0.25, "curvature": 2.0, "climb fraction s": noises.CLIMB, "floor / curvature": noises.RELATIVE_FLOOR,
    "examples": noises.EXAMPLES, "examples that push left": noises.POSITIVE,
}  # fmt: skip
STUDY = Study("escape-formula", TITLE, Size.of, EscapeFormula, measure, told, FACTS)
