"""The study of sharpness: what it is, and what it is not."""

from __future__ import annotations

from validation.sharpness.measures import Sharpness, Size, measure
from validation.sharpness.pictures import pictures
from validation.sharpness.stretched_slice import LEARNING_RATE
from validation.sharpness.verdicts import verdicts
from validation.study.findings import Rows
from validation.study.study import Study

SUMMARY = (
    "Spectra of a perceptron's Hessian and noise covariance from products with vectors are held against dense "
    "ones. A ReLU perceptron at a minimum is rescaled (one layer times a, the next over a): the same function, "
    "other curvatures. The same stretch is applied to the shipped slice between two minima of a ResNet, whose "
    "escape times are compared at equal and at matching learning rates."
)


def tables(found: Sharpness) -> dict[str, Rows]:
    """One per part."""
    return {
        "From products with vectors, against dense matrices": found.compared,
        "A ReLU perceptron, rescaled: one function, many sharpnesses": found.rescaled,
        "Mean iterations to escape over the slice, stretched by k": found.escape,
    }


STUDY = Study(
    name="sharpness",
    title="What sharpness is, and what it is not",
    size=Size.of,
    found=Sharpness,
    measure=measure,
    verdicts=verdicts,
    summary=lambda found: SUMMARY,
    tables=tables,
    pictures=pictures,
    constants={"torch threads": 1, "learning rate of the escapes": LEARNING_RATE},
)
