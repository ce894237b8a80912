"""SGD out of a shallow basin, in all parameters of a residual network: a panel of `validation.full_space.run`."""

from __future__ import annotations

from functools import partial

from validation.shallow_basin.measures import RECIPE, ShallowBasin, Size, measure
from validation.shallow_basin.pictures import excess_figure, exit_figure
from validation.shallow_basin.verdicts import late, verdicts
from validation.study.study import Study, Told


def told(found: ShallowBasin) -> Told:
    """Where replicas start, and when they have left."""
    (place,) = found.minimum
    return Told(
        f"A norm-free ResNet-8 of width 1 ({place['parameters']} parameters) on {place['examples']} digits. At its "
        f"minimum a the gradient norm is {place['gradient_norm']:.1e} and the curvatures lie between "
        f"{place['lowest_curvature']:.2g} and {place['largest_curvature']:.3g}. Replicas of SGD start in a; they "
        "have left when gradient flow does not lead back to it (quench test).",
        verdicts(found),
        {
            "Shallow basin: the minimum": found.minimum,
            "Shallow basin: curvature, and one example's gradient variance, along the sharpest axes": found.spectrum,
            "Shallow basin: mean excess loss of the late half of each run against the linearised chain": late(
                found.excess
            ),
            "Shallow basin: replicas that have left the basin (quench test)": found.boundary,
            "Shallow basin: quench-verified exits; iterations with 95 % intervals as for exponential times, and the "
            "error of ln(mean) from the scatter; who returns between two quenches has not left; mean * kappa^2 / S is "
            "constant where replicas diffuse out, and grows as noise falls where a barrier holds them": found.exits,
            "Shallow basin: a loss threshold, and how many of those above it fall back": found.threshold,
        },
        {
            "full-space-excess": partial(excess_figure, found.excess),
            "full-space-exits": partial(exit_figure, found.boundary, found.exits, found.times),
        },
    )


TITLE = "SGD out of a shallow basin of a residual network, in all of its parameters"
STUDY = Study("shallow basin", TITLE, Size.of, ShallowBasin, measure, told, {"network": RECIPE})
