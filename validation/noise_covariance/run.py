"""The study of the covariance of SGD's noise."""

from __future__ import annotations

from validation.noise_covariance.measures import NoiseCovariance, Size, measure
from validation.noise_covariance.pictures import pictures
from validation.noise_covariance.verdicts import plain_words, verdicts
from validation.study.findings import Rows
from validation.study.study import Study


def summary(found: NoiseCovariance) -> str:
    """What was held against what, and what came out."""
    return (
        "C, the covariance of one example's gradient, is held against the outer products G = mean g g^T, the "
        "Fisher information F of the model and the Hessian H, in H's eigenbasis. Errors are those of a finite "
        "sample of examples (jackknife). Regressions with a right and a wrong law of their data, a network on its "
        "own labels, an MLP and a ResNet on digits before, during and after training, and the shipped slice "
        f"between two minima of a ResNet. {plain_words(found.models, found.places)}"
    )


def tables(found: NoiseCovariance) -> dict[str, Rows]:
    """Models first, then the checks."""
    return {
        "C, F, H and G = mean g g^T per model and stage (C of one example, H without weight decay, in H's "
        "eigenbasis; for the teacher in that of its expected Hessian)": found.models,
        "Covariance of a mini-batch's mean gradient at the optimum of a regression": found.batches,
        "z-scores of C_ii - H_ii over many data sets (well-specified regressions)": found.scores,
        "Along the slice between two minima of a ResNet": found.places,
    }


STUDY = Study(
    name="noise-covariance",
    title="Is the covariance of SGD's noise the Hessian?",
    size=Size.of,
    found=NoiseCovariance,
    measure=measure,
    verdicts=verdicts,
    summary=summary,
    tables=tables,
    pictures=pictures,
    constants={"torch threads": 1},
)
