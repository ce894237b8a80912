"""The study of sharpness: what it is, and what it is not."""

from __future__ import annotations

from functools import partial

from validation.sharpness.measures import Sharpness, measure
from validation.sharpness.pictures import rescaling_figure, spectrum_figure
from validation.sharpness.size import Size
from validation.sharpness.stretched_slice import LEARNING_RATE
from validation.sharpness.verdicts import verdicts
from validation.study.study import Study, Told


def told(found: Sharpness) -> Told:
    """Spectra, one function rescaled, one slice stretched."""
    return Told(
        "Spectra of a perceptron's Hessian and noise covariance from products with vectors are held against dense "
        "ones. A ReLU perceptron at a minimum is rescaled (one layer times a, the next over a): the same function, "
        "other curvatures. The same stretch is applied to the shipped slice between two minima of a ResNet, whose "
        "escape times are compared at equal and at matching learning rates.",
        verdicts(found),
        {
            "From products with vectors, against dense matrices": found.compared,
            "A ReLU perceptron, rescaled: one function, many sharpnesses": found.rescaled,
            "Mean iterations to escape over the slice, stretched by k": found.escape,
        },
        {
            "spectra": partial(spectrum_figure, found.data),
            "rescaling": partial(rescaling_figure, found.rescaled, found.escape),
        },
    )


FACTS = {"torch threads": 1, "learning rate of the escapes": LEARNING_RATE}
STUDY = Study("sharpness", "What sharpness is, and what it is not", Size.of, Sharpness, measure, told, FACTS)
