"""The study of sharp against flat valleys behind one barrier."""

from __future__ import annotations

from functools import partial

from validation.sharp_flat.heavy import ALPHA
from validation.sharp_flat.measures import LEVELS, ODDS_RATIO, Size, TwoValleys, measure
from validation.sharp_flat.pictures import escape_figure, odds_figure, tails_figure
from validation.sharp_flat.two_valleys import BARRIER, CLIMB, DISTANCE, FLOOR, SADDLE
from validation.sharp_flat.verdicts import verdicts
from validation.study.study import Study, Told


def told(found: TwoValleys) -> Told:
    """Exponents and prefactors, routes, and the stationary law."""
    return Told(
        "Two valleys of equal depth share one barrier. Their curvatures stand in a ratio of 1 to 64, while height "
        f"and curvature of the barrier stay fixed (dL = {BARRIER:g}, |H_b| = {SADDLE:g}). Exponents and prefactors "
        "are asymptotes of exact times at five small noises; paths and grids check the exact times where they can.",
        verdicts(found),
        {
            "Exponent and prefactor: ln(time) = exponent / noise + ln(prefactor)": found.law,
            "Mean escape times by independent routes at affordable noise": found.time,
            f"Stationary odds flat : sharp at curvature ratio {ODDS_RATIO:g}": found.odds,
            f"Literal |H| noise at ratio {ODDS_RATIO:g}, kappa = 0.1: what the floor does": found.floor,
            f"Heavy tails, alpha = {ALPHA:g}: heights at one width, widths at one height": found.heavy,
            "Rare large examples that have a variance, against the batch size": found.crossover,
        },
        {
            "escape-times": partial(escape_figure, found.law, found.time),
            "stationary-odds": partial(odds_figure, found.odds, found.curve),
            "heavy-tails": partial(tails_figure, found.heavy, found.crossover),
        },
    )


TITLE = "Sharp against flat valleys: what the shape of the noise decides"
FACTS = {
    "barrier": BARRIER, "distance of the minima": DISTANCE, "climb fraction s": CLIMB, "floor": FLOOR,
    "noise of the paths": LEVELS,
}  # fmt: skip
STUDY = Study("sharp-flat", TITLE, Size.of, TwoValleys, measure, told, FACTS)
