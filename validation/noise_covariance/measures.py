"""Is the covariance of SGD's noise the Hessian?  The chain of claims behind D = eta H / (2 S), one by one:

    C(x) = C1(x)/S,      C1 = mean g_n g_n^T - g g^T  =(1)  mean g_n g_n^T  =(2)  F  =(3)  H

(1) where the mean gradient g vanishes; (2) where the data follow the model (White 1982); (3) where F, the Fisher
information of the model, is the Hessian of its loss: everywhere for a model that is linear in its parameters, and on
average over the model's own labels for any other.  Near minima the whole chain is used by Jastrzebski et al. 2017
(arXiv 1711.04623) and Xie, Sato, Sugiyama 2021 (arXiv 2002.03495); that it fails in networks, where C_ii goes like
H_ii^gamma with gamma between 1 and 2, is argued in arXiv 2602.05600 (2026).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from fpsim.storage import dataset
from validation.noise_covariance import regressions
from validation.noise_covariance.checks import batch_covariances, noise_at_places, noise_on_slice, scores_of_errors
from validation.noise_covariance.directions import Array
from validation.noise_covariance.stages import Key, described, row_of, together
from validation.study.findings import Findings, Row, Rows

if TYPE_CHECKING:
    import xarray

    from validation.noise_covariance.networks import Training
    from validation.study.run import Run

Make = Callable[[], "xarray.Dataset"]
Makers = dict[Key, tuple[Make, Row]]
"""Per model and stage the function that measures it, and what its piece depends on."""


@dataclass(frozen=True)
class Size:
    """How much is computed.

    Attributes:
        examples, dimension: of the regressions.
        repetitions: data sets on which the errors themselves are tested.
        teacher: examples of the network that drew its own labels.
        mlp, resnet: settings of `validation.noise_covariance.networks.Training`; None leaves the network out.
        nodes: places along the slice.
    """

    examples: int
    dimension: int
    repetitions: int
    teacher: int
    mlp: dict[str, Any] | None
    resnet: dict[str, Any] | None
    nodes: int

    @classmethod
    def of(cls, quick: bool, seed: int = 0) -> Size:
        """About a minute on two cores, or some minutes."""
        if quick:
            mlp = dict(examples=600, width=6, early=60, steps=500, polish=300, newton=20)
            resnet = dict(examples=160, width=1, early=60, steps=200, polish=80, newton=0, directions=8)
            return cls(20_000, 8, 20, 5000, mlp, resnet, 121)
        mlp = dict(examples=1797, width=12, early=60, steps=1000, polish=500, newton=30)
        resnet = dict(examples=512, width=2, early=100, steps=300, polish=400, newton=8, directions=60)
        return cls(100_000, 12, 200, 40_000, mlp, resnet, 481)


@dataclass(frozen=True)
class NoiseCovariance(Findings):
    """What was measured.

    Attributes:
        models: numbers per model and stage.
        scores: z-scores of the errors over many data sets.
        batches: covariance of real mini-batches.
        places: minima and barrier of the slice.
        data: `validation.noise_covariance.stages.together`.
    """

    models: Rows
    scores: Rows
    batches: Rows
    places: Rows
    data: xarray.Dataset


def measure(run: Run[Size]) -> NoiseCovariance:
    """Train the networks, then every model at every stage; then the checks."""
    size, seed = run.size, run.seed
    makers = {**_regressions(size, seed), **_teachers(size, seed), **_networks(run)}
    wanted = [run.piece("-".join(key).replace(" ", "-"), make, **on) for key, (make, on) in makers.items()]
    found = dict(zip(makers, run.together(wanted, 0.3, 0.9), strict=True))
    run.tell(0.92, "errors of the errors")
    line = run.data("slice", partial(noise_on_slice, size.nodes), "nodes")
    return NoiseCovariance(
        [row_of(key, data) for key, data in found.items()],
        run.rows("scores", partial(scores_of_errors, size.repetitions, seed), "repetitions"),
        run.rows("batches", partial(batch_covariances, size.dimension, seed), "dimension"),
        noise_at_places(),
        together(found, line),
    )


def _regressions(size: Size, seed: int) -> Makers:
    """Regressions at and off their optimum, with the exact C_ii/H_ii where the law of the data gives it."""
    m, d = size.examples, size.dimension
    ones, uneven = np.ones(d), np.r_[3.0, np.ones(d - 1)]  # E u^4 = 3 (E u^2)^2 in the uneven direction
    linear, logistic = (partial(make, m, d, seed) for make in (regressions.linear, regressions.logistic))
    cases: dict[Key, Any] = {
        ("linear", "optimum"): (linear, None, ones),
        ("linear", "off optimum"): (linear, np.linspace(0.5, 2.0, d), None),
        ("linear, loud noise", "optimum"): (partial(linear, "loud"), None, 4 * ones),
        ("linear, uneven noise", "optimum"): (partial(linear, "uneven"), None, uneven),
        ("logistic", "optimum"): (logistic, None, ones),
        ("logistic, wrong labels", "optimum"): (partial(logistic, regressions.FLIPPED), None, None),
    }
    return {key: (partial(_regression, *case), {"examples": m, "dimension": d}) for key, case in cases.items()}


def _regression(draw: Callable[[], regressions.Regression], off: Array | None, theory: Array | None) -> xarray.Dataset:
    found, basis, errors = draw().directions(off)
    exact = theory if off is None else regressions.shifted_ratio(found.hessian, basis.T @ off)
    return described(found, errors, exact)


def _teachers(size: Size, seed: int) -> Makers:
    """The network whose labels are its own, at the parameters that drew them and 1.5 away."""
    stages = {"truth": 0.0, "off truth": 1.5}
    return {
        ("teacher", stage): (partial(_teacher, size.teacher, seed, v), {"examples": size.teacher, "shift": v})
        for stage, v in stages.items()
    }


def _teacher(examples: int, seed: int, shift: float) -> xarray.Dataset:
    from fpsim.networks.one_thread import one_thread
    from validation.noise_covariance.networks import teacher_directions

    with one_thread():
        found = teacher_directions(examples, seed, shift)
    return described(found, theory=None if shift else np.ones(len(found.hessian)))


def _networks(run: Run[Size]) -> Makers:
    """Train what is wanted; return how to measure every stage."""
    makers: Makers = {}
    for i, (name, settings) in enumerate((("MLP", run.size.mlp), ("ResNet", run.size.resnet))):
        if settings is None:
            continue
        from validation.noise_covariance import networks

        run.tell(0.05 + 0.15 * i, f"training the {name}")
        training = networks.Training(**settings)
        # how many directions are looked at later does not change the parameters
        known = asdict(replace(training, directions=None))
        parts = run.data(f"{name}-parameters", partial(_trained, name, training, run.seed), **known)
        for stage in networks.STAGES:
            makers[name, stage] = (partial(_stage, name, training, parts[stage].values, run.seed), settings)
    return makers


def _trained(name: str, training: Training, seed: int) -> xarray.Dataset:
    from fpsim.networks.one_thread import one_thread
    from validation.noise_covariance import networks

    train = {"MLP": networks.trained_mlp, "ResNet": networks.trained_resnet}[name]
    with one_thread():
        found = train(training, seed)
    return dataset({stage: ("coordinate", x, "", f"parameters, {stage}") for stage, x in found.items()})


def _stage(name: str, training: Training, x: Array, seed: int) -> xarray.Dataset:
    from fpsim.networks.one_thread import one_thread
    from validation.noise_covariance import networks

    build = {"MLP": networks.mlp, "ResNet": networks.resnet}[name]
    with one_thread():
        return described(networks.network_directions(build(training, seed), x, training, seed))
