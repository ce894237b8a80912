"""The study of the covariance of SGD's noise."""

from __future__ import annotations

from functools import partial

from validation.noise_covariance.measures import NoiseCovariance, Size, measure
from validation.noise_covariance.pictures import correlations_figure, networks_figure, regressions_figure, slice_figure
from validation.noise_covariance.stages import NETWORKS, stages_of
from validation.noise_covariance.verdicts import plain_words, verdicts
from validation.study.study import Study, Told


def told(found: NoiseCovariance) -> Told:
    """Models first, then the checks; figures of networks if there are any."""
    stages = stages_of(found.data)
    networks = {"networks": partial(networks_figure, stages), "correlations": partial(correlations_figure, stages)}
    return Told(
        "C, the covariance of one example's gradient, is held against the outer products G = mean g g^T, the "
        "Fisher information F of the model and the Hessian H, in H's eigenbasis. Errors are those of a finite "
        "sample of examples (jackknife). Regressions with a right and a wrong law of their data, a network on its "
        "own labels, an MLP and a ResNet on digits before, during and after training, and the shipped slice "
        f"between two minima of a ResNet. {plain_words(found.models, found.places)}",
        verdicts(found, stages),
        {
            "C, F, H and G = mean g g^T per model and stage (C of one example, H without weight decay, in H's "
            "eigenbasis; for the teacher in that of its expected Hessian)": found.models,
            "Covariance of a mini-batch's mean gradient at the optimum of a regression": found.batches,
            "z-scores of C_ii - H_ii over many data sets (well-specified regressions)": found.scores,
            "Along the slice between two minima of a ResNet": found.places,
        },
        {
            "regressions": partial(regressions_figure, stages),
            **(networks if any(model in NETWORKS for model, _ in stages) else {}),
            "slice": partial(slice_figure, found.data, found.places),
        },
    )


TITLE = "Is the covariance of SGD's noise the Hessian?"
STUDY = Study("noise-covariance", TITLE, Size.of, NoiseCovariance, measure, told, {"torch threads": 1})
