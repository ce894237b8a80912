"""The study of sharp against flat valleys behind one barrier."""

from __future__ import annotations

from validation.sharp_flat.measures import LEVELS, ODDS_RATIO, Size, TwoValleys, measure
from validation.sharp_flat.pictures import pictures
from validation.sharp_flat.two_valleys import BARRIER, CLIMB, DISTANCE, FLOOR, SADDLE
from validation.sharp_flat.verdicts import verdicts
from validation.study.findings import Rows
from validation.study.study import Study

SUMMARY = (
    "Two valleys of equal depth share one barrier. Their curvatures stand in a ratio of 1 to 64, while height "
    f"and curvature of the barrier stay fixed (dL = {BARRIER:g}, |H_b| = {SADDLE:g}). Exponents and prefactors "
    "are asymptotes of exact times at five small noises; paths and grids check the exact times where they can."
)


def tables(found: TwoValleys) -> dict[str, Rows]:
    """What the verdicts rest on."""
    return {
        "Exponent and prefactor: ln(time) = exponent / noise + ln(prefactor)": found.law,
        "Mean escape times by independent routes at affordable noise": found.time,
        f"Stationary odds flat : sharp at curvature ratio {ODDS_RATIO:g}": found.odds,
        f"Literal |H| noise at ratio {ODDS_RATIO:g}, kappa = 0.1: what the floor does": found.floor,
    }


STUDY = Study(
    name="sharp-flat",
    title="Sharp against flat valleys: what the shape of the noise decides",
    size=Size.of,
    found=TwoValleys,
    measure=measure,
    verdicts=verdicts,
    summary=lambda found: SUMMARY,
    tables=tables,
    pictures=pictures,
    constants={
        "barrier": BARRIER, "distance of the minima": DISTANCE, "climb fraction s": CLIMB, "floor": FLOOR,
        "noise of the paths": LEVELS,
    },
)  # fmt: skip
