"""The study of the escape law in all parameters of residual networks, with a panel on a shallow basin."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial

from validation.full_space import laws
from validation.full_space.crossing import STUDY as PASSES
from validation.full_space.measures import EscapeLaw, measure
from validation.full_space.pictures import slopes_figure, times_figure
from validation.full_space.size import CONFIRMING, Size
from validation.full_space.times import LAG
from validation.full_space.verdicts import EXPECTED, SIGMAS, SYSTEMATIC, verdicts
from validation.shallow_basin.run import STUDY as SHALLOW
from validation.study.study import Study, Told

SUMMARY = (
    "Residual networks without normalisation are trained on digits together with their mirror images, so that the "
    "mean loss has a mirror symmetry which single examples lack. Below a weight decay (a pitchfork) the symmetric "
    "minimum is a saddle b of index 1 between two minima a and a' that mirror each other; all three are certified. SGD "
    "starts in a and has left when u = (x - b) . e reaches |u(a)|, e the direction of negative curvature at b: all "
    "parameters move, and nothing else is asked. Exponents are slopes of ln(iterations) in S/eta. Windows in S, effort "
    "and verdicts were fixed before the seeds of this run were drawn; they rest on a prototype and on exploring runs "
    "with other seeds."
)


def told(found: EscapeLaw) -> Told:
    """The law first, then what it rests on."""
    lines = laws.slopes(found.times)
    tables = {
        "Escape law: slopes of ln(iterations) in S/eta, from splitting": lines,
        "Escape law: measured slopes against every theory": laws.against(lines, found.theories),
        "Escape law: ln(iterations) against theories with a prefactor, finite noise of the valley's floor included":
            laws.predicted(found.times, found.theories),
        "Escape law: mean iterations": found.times,
        "Escape law: exponents and prefactors of the theories": found.theories,
        "Escape law: the places": found.places,
        "Escape law: slopes of single examples across the two kinds of symmetric saddles": found.noise,
    }  # fmt: skip
    pictures = {
        "escape-law-times": partial(times_figure, found.times, found.theories),
        "escape-law-slopes": partial(slopes_figure, found.times, found.theories),
    }
    drawn = {
        "escape-law-times": any(math.isfinite(r["ln(iterations)"]) for r in found.times),
        "escape-law-slopes": lines,
    }
    shown = {name: draw for name, draw in pictures.items() if drawn[name]}
    return Told(SUMMARY, verdicts(found), tables, shown)


TITLE = "An exponential escape law in all parameters of residual networks"
FACTS = {
    "lag in relaxation times": LAG, "sigmas": SIGMAS, "systematic share of a slope": SYSTEMATIC,
    "first confirming seed": CONFIRMING, "expected": {f"{n} {d:g}": dict(v) for (n, d), v in EXPECTED.items()},
}  # fmt: skip
PANELS = (replace(PASSES, share=0.05), replace(SHALLOW, share=0.1))
STUDY = Study("full-space", TITLE, Size.of, EscapeLaw, measure, told, FACTS, panels=PANELS, share=0.85)
