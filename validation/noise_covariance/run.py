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
from typing import TYPE_CHECKING, Any

import numpy as np

from validation.noise_covariance import regressions
from validation.noise_covariance import verdicts as judge
from validation.noise_covariance.checks import batch_covariances, noise_at_places, noise_on_slice, scores_of_errors
from validation.noise_covariance.directions import Array, Directions
from validation.study.pieces import Pieces
from validation.study.report import Progress, Report, Table

if TYPE_CHECKING:
    import xarray

    from validation.noise_covariance.networks import Training

Row = dict[str, Any]
SHOWN = 40
"""Directions whose correlations are kept for the figure."""


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
    def of(cls, quick: bool) -> Size:
        """About a minute on two cores, or some minutes."""
        if quick:
            mlp = dict(examples=600, width=6, early=60, steps=500, polish=300, newton=20)
            resnet = dict(examples=160, width=1, early=60, steps=200, polish=80, newton=0, directions=8)
            return cls(20_000, 8, 20, 5000, mlp, resnet, 121)
        mlp = dict(examples=1797, width=12, early=60, steps=1000, polish=500, newton=30)
        resnet = dict(examples=512, width=2, early=100, steps=300, polish=400, newton=8, directions=60)
        return cls(100_000, 12, 200, 40_000, mlp, resnet, 481)


def noise_covariance(
    quick: bool = False,
    seed: int = 0,
    threads: int | None = None,
    progress: Progress | None = None,
    pieces: Pieces | None = None,
) -> Report:
    """C, F and H in the Hessian's eigenbasis: regressions, networks, and a slice between two minima.

    Args:
        quick: fewer examples and smaller networks.
        seed: of data, networks and training.
        threads: not used; torch runs on one thread, since other numbers of threads round differently.
        progress: called with a share and a name.
        pieces: where finished pieces are kept.

    Returns:
        a report with a verdict per claim and model.
    """
    return measured(Size.of(quick), quick, seed, progress or (lambda share, name="": None), pieces or Pieces())


def measured(size: Size, quick: bool, seed: int, tell: Progress, pieces: Pieces) -> Report:
    """The study at any size."""
    found: dict[tuple[str, str], xarray.Dataset] = {}
    makers = {**_regressions(size, seed), **_teachers(size, seed), **_networks(size, seed, tell, pieces)}
    for i, (key, (make, settings)) in enumerate(makers.items()):
        tell(0.3 + 0.6 * i / len(makers), f"{key[0]}, {key[1]}")
        found[key] = pieces.data("-".join(key).replace(" ", "-"), make, seed=seed, **settings)
    rows = [_row(key, data) for key, data in found.items()]
    tell(0.92, "errors of the errors")
    settings = {"examples": 1000, "repetitions": size.repetitions, "seed": seed}
    scores = pieces.rows("scores", lambda: scores_of_errors(size.repetitions, seed), **settings)
    d = size.dimension
    batches = pieces.rows("batches", lambda: batch_covariances(d, seed), dimension=d, seed=seed)
    line, places = pieces.data("slice", lambda: noise_on_slice(size.nodes), nodes=size.nodes), noise_at_places()
    return Report(
        name="noise-covariance",
        title="Is the covariance of SGD's noise the Hessian?",
        summary=(
            "C, the covariance of one example's gradient, is held against the outer products G = mean g g^T, the "
            "Fisher information F of the model and the Hessian H, in H's eigenbasis. Errors are those of a finite "
            "sample of examples (jackknife). Regressions with a right and a wrong law of their data, a network on its "
            "own labels, an MLP and a ResNet on digits before, during and after training, and the shipped slice "
            f"between two minima of a ResNet. {judge.plain_words(rows, places)}"
        ),
        verdicts=judge.verdicts(found, rows, scores, batches, line, places),
        tables=(
            Table.of(
                "C, F, H and G = mean g g^T per model and stage (C of one example, H without weight decay, in H's "
                "eigenbasis; for the teacher in that of its expected Hessian)",
                rows,
            ),
            Table.of("Covariance of a mini-batch's mean gradient at the optimum of a regression", batches),
            Table.of("z-scores of C_ii - H_ii over many data sets (well-specified regressions)", scores),
            Table.of("Along the slice between two minima of a ResNet", places),
        ),
        pictures=_pictures(found, line, places),
        data=_data(found, line, seed),
        settings={"quick": quick, "torch threads": 1, **{k: _shown(v) for k, v in asdict(size).items()}},
        seed=seed,
    )


def described(found: Directions, errors: Array | None = None, theory: Array | None = None) -> xarray.Dataset:
    """One model at one stage as a dataset; ``errors`` (2, k) of C_ii - H_ii and C_ii/H_ii, ``theory`` of the ratio."""
    from fpsim.storage import dataset

    k = len(found.hessian)
    difference, ratio = found.errors() if errors is None else errors
    c, n = found.covariance, min(k, SHOWN)
    spread = np.sqrt(np.diag(c))
    spread = np.where(spread > 0, spread, 1)
    entries = {
        "hessian": ("direction", found.hessian, "", "curvature H_ii"),
        "covariance": ("direction", np.diag(c), "", "variance C_ii of one example's gradient"),
        "outer_products": ("direction", np.diag(found.outer_products), "", "mean square of one example's gradient"),
        "fisher": ("direction", np.diag(found.fisher), "", "Fisher information F_ii of the model"),
        "difference_error": ("direction", difference, "", "error of C_ii - H_ii"),
        "ratio_error": ("direction", ratio, "", "error of C_ii / H_ii, nan where H_ii is not resolved"),
        "correlation": (("row", "column"), (c / np.outer(spread, spread))[:n, :n], "", "C_ij / (C_ii C_jj)^(1/2)"),
    }
    if theory is not None:
        entries["theory"] = ("direction", theory, "", "C_ii / H_ii that the law of the data gives")
    facts = {"examples": len(found.gradients), **found.measures()}
    return dataset(entries, measures=facts)


def _regressions(size: Size, seed: int) -> dict[tuple[str, str], tuple[Callable[[], xarray.Dataset], Row]]:
    """Regressions at and off their optimum, with the exact C_ii/H_ii where the law of the data gives it."""
    m, d = size.examples, size.dimension
    ones, uneven = np.ones(d), np.r_[3.0, np.ones(d - 1)]  # E u^4 = 3 (E u^2)^2 in the uneven direction
    shift = np.linspace(0.5, 2.0, d)

    def make(data: Callable[[], regressions.Regression], off: Array | None, theory: Array | None) -> Any:
        def run() -> xarray.Dataset:
            found, basis, errors = data().directions(off)
            exact = regressions.shifted_ratio(found.hessian, basis.T @ off) if off is not None else theory
            return described(found, errors, exact)

        return run

    cases: dict[tuple[str, str], Any] = {
        ("linear", "optimum"): (lambda: regressions.linear(m, d, seed), None, ones),
        ("linear", "off optimum"): (lambda: regressions.linear(m, d, seed), shift, None),
        ("linear, loud noise", "optimum"): (lambda: regressions.linear(m, d, seed, "loud"), None, 4 * ones),
        ("linear, uneven noise", "optimum"): (lambda: regressions.linear(m, d, seed, "uneven"), None, uneven),
        ("logistic", "optimum"): (lambda: regressions.logistic(m, d, seed), None, ones),
        ("logistic, wrong labels", "optimum"): (
            lambda: regressions.logistic(m, d, seed, regressions.FLIPPED), None, None,
        ),
    }  # fmt: skip
    return {key: (make(*case), {"examples": m, "dimension": d}) for key, case in cases.items()}


def _teachers(size: Size, seed: int) -> dict[tuple[str, str], tuple[Callable[[], xarray.Dataset], Row]]:
    """The network whose labels are its own, at the parameters that drew them and 1.5 away."""

    def make(shift: float) -> Callable[[], xarray.Dataset]:
        def run() -> xarray.Dataset:
            from fpsim.networks.one_thread import one_thread
            from validation.noise_covariance.networks import teacher_directions

            with one_thread():
                found = teacher_directions(size.teacher, seed, shift)
            return described(found, theory=None if shift else np.ones(len(found.hessian)))

        return run

    stages = {"truth": 0.0, "off truth": 1.5}
    return {("teacher", s): (make(v), {"examples": size.teacher, "shift": v}) for s, v in stages.items()}


def _networks(
    size: Size, seed: int, tell: Progress, pieces: Pieces
) -> dict[tuple[str, str], tuple[Callable[[], xarray.Dataset], Row]]:
    """Train what is wanted; return how to measure every stage."""
    makers: dict[tuple[str, str], tuple[Callable[[], xarray.Dataset], Row]] = {}
    for i, (name, settings) in enumerate((("MLP", size.mlp), ("ResNet", size.resnet))):
        if settings is None:
            continue
        from validation.noise_covariance import networks

        tell(0.05 + 0.15 * i, f"training the {name}")
        training = networks.Training(**settings)
        build, train = (
            (networks.mlp, networks.trained_mlp) if name == "MLP" else (networks.resnet, networks.trained_resnet)
        )
        parts = _trained(train, training, seed, f"{name}-parameters", pieces)
        for stage in networks.STAGES:
            makers[name, stage] = (_stage(build, training, parts[stage].values, seed), settings)
    return makers


def _trained(train: Any, training: Training, seed: int, name: str, pieces: Pieces) -> xarray.Dataset:
    from fpsim.networks.one_thread import one_thread
    from fpsim.storage import dataset

    def make() -> xarray.Dataset:
        with one_thread():
            found = train(training, seed)
        return dataset({stage: ("coordinate", x, "", f"parameters, {stage}") for stage, x in found.items()})

    # how many directions are looked at later does not change the parameters
    return pieces.data(name, make, seed=seed, **asdict(replace(training, directions=None)))


def _stage(build: Any, training: Training, x: Array, seed: int) -> Callable[[], xarray.Dataset]:
    def run() -> xarray.Dataset:
        from fpsim.networks.one_thread import one_thread
        from validation.noise_covariance.networks import network_directions

        with one_thread():
            return described(network_directions(build(training, seed), x, training, seed))

    return run


def _row(key: tuple[str, str], data: xarray.Dataset) -> Row:
    import json

    facts = json.loads(data.attrs["measures"])
    return {"model": key[0], "stage": key[1], **facts, "max |z|": float(np.abs(judge.z_scores(data)).max())}


def _pictures(found: dict[tuple[str, str], xarray.Dataset], line: xarray.Dataset, places: list[Row]) -> Any:
    def draw(name: str) -> Callable[[], Any]:
        def figure() -> Any:
            from validation.noise_covariance import pictures

            if name == "slice":
                return pictures.slice_figure(line, places)
            return getattr(pictures, f"{name}_figure")(found)

        return figure

    names = ["regressions", "slice"]
    if any(model in ("MLP", "ResNet") for model, _ in found):
        names[1:1] = ["networks", "correlations"]
    return {name: draw(name) for name in names}


def _data(found: dict[tuple[str, str], xarray.Dataset], line: xarray.Dataset, seed: int) -> xarray.Dataset:
    """Every direction of every model and stage, one after the other, and the slice."""
    from fpsim.storage import dataset

    names = ("hessian", "covariance", "outer_products", "fisher", "difference_error", "ratio_error")
    first = next(iter(found.values()))
    entries: dict[str, Any] = {}
    for name in names:
        joined = np.concatenate([d[name].values for d in found.values()])
        entries[name] = ("direction", joined, "", first[name].attrs["long_name"])
    for i, word in enumerate(("model", "stage")):
        labels = np.concatenate([[key[i]] * d.sizes["direction"] for key, d in found.items()])
        entries[word] = ("direction", labels.astype(object), "", f"{word} of this direction")
    entries |= {f"slice_{name}": ("place", line[name].values, "", line[name].attrs["long_name"]) for name in line}
    entries["slice_x"] = ("place", line.x.values, "", "length along the slice")
    return dataset(entries, experiment="noise-covariance", seed=seed)


def _shown(value: Any) -> Any:
    return ", ".join(f"{k} {v}" for k, v in value.items()) if isinstance(value, dict) else value
