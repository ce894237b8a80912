"""The study of the generalised central limit theorem on heavy-tailed draws."""

from __future__ import annotations

from functools import partial

from validation.central_limit.measures import Size, Sums, measure
from validation.central_limit.pictures import sums_figure
from validation.central_limit.verdicts import verdicts
from validation.study.study import Study, Told


def told(found: Sums) -> Told:
    """What sums of draws do."""
    return Told(
        "Symmetric draws with P(|X| > x) = x^-a are summed. For a < 2 (infinite variance) the sums grow like "
        "n^(1/a) and tend to the stable law of index a, whose scale is known; for a > 2 they grow like n^(1/2) and "
        f"tend to a Gaussian. Each line rests on {found.sums[0]['sums']} sums.",
        verdicts(found),
        {
            "Growth of the sums' interquartile range: exponent 1/alpha": found.growth,
            "Kolmogorov-Smirnov distance of the scaled sums from both laws, and their tail index": found.sums,
        },
        {"sums": partial(sums_figure, found)},
    )


STUDY = Study("central-limit", "The generalised central limit theorem, drawn", Size.of, Sums, measure, told)
