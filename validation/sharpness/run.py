"""What sharpness is, measured, and what it is not: the same function has any sharpness that one likes.

    x -> D x:     L(D x) = L(x),     H -> D^-1 H D^-1,     C1 -> D^-1 C1 D^-1,     rates eta D^2: the same walk of SGD

(Dinh, Pascanu, Bengio, Bengio, ICML 2017, for layers with ReLU between them).  Three parts: spectra of Hessians from
products with vectors against dense ones; a ReLU network rescaled; and the escape over a slice that such a rescaling
stretches by a factor k, H -> H/k^2, at the same and at the matching learning rate.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from landscapes.networks.spectral_density import spectral_density, trace
from validation.sharpness import verdicts as judge
from validation.sharpness.stretched_slice import LEARNING_RATE, escapes_over_stretches
from validation.study.pieces import Pieces
from validation.study.report import Progress, Report, Table

if TYPE_CHECKING:
    import xarray

Array = NDArray[np.float64]
Row = dict[str, Any]
LAYERS = ("1", "3")
"""The two linear layers of a perceptron with one hidden layer, by the names that torch gives them."""
WALK_RATE, WALK_BATCH = 0.05, 32
TOP = 5


@dataclass(frozen=True)
class Size:
    """How much is computed.

    Attributes:
        examples, width: of the perceptrons.
        steps: Adam steps.
        lanczos, probes: steps and random vectors of a spectral density.
        products: for a trace.
        factors: of the rescaling.
        stretches: of the slice.
        paths: true mini-batch escapes.
        walk: SGD steps that are compared.
    """

    examples: int
    width: int
    steps: int
    lanczos: int
    probes: int
    products: int
    factors: tuple[float, ...]
    stretches: tuple[float, ...]
    paths: int
    walk: int

    @classmethod
    def of(cls, quick: bool) -> Size:
        """About half a minute on two cores, or some minutes."""
        if quick:
            return cls(500, 6, 500, 30, 12, 150, (0.125, 0.5, 1, 2, 8), (0.75, 1.0, 1.25, 1.5), 200, 200)
        factors = tuple(2.0**n for n in range(-5, 6))
        return cls(1797, 12, 1000, 60, 40, 240, factors, (0.7, 0.8, 0.9, 1.0, 1.15, 1.3, 1.5, 1.75), 2000, 500)


def sharpness(
    quick: bool = False,
    seed: int = 0,
    threads: int | None = None,
    progress: Progress | None = None,
    pieces: Pieces | None = None,
) -> Report:
    """Spectra of Hessians, a rescaled network, and escapes over a stretched slice.

    Args:
        quick: smaller networks, fewer factors.
        seed: of data, networks, training, random vectors and mini-batches.
        threads: of the random paths; torch runs on one, since other numbers of threads round differently.
        progress: called with a share and a name.
        pieces: where finished pieces are kept.

    Returns:
        a report with a verdict per claim.
    """
    return measured(Size.of(quick), quick, seed, threads, progress or (lambda share, name="": None), pieces or Pieces())


def measured(size: Size, quick: bool, seed: int, threads: int | None, tell: Progress, pieces: Pieces) -> Report:
    """The study at any size."""
    tell(0.05, "training two perceptrons")
    points = pieces.data("parameters", lambda: _trained(size, seed), seed=seed, **_kept(size, "examples width steps"))
    spectra, rows = {}, []
    wanted = _kept(size, "examples width steps lanczos probes products")
    for i, stage in enumerate(("initialisation", "minimum")):
        tell(0.3 + 0.15 * i, f"spectrum, {stage}")
        x = points[f"smooth_{stage}"].values
        spectra[stage] = pieces.data(f"spectrum-{stage}", _spectrum(size, x, seed), seed=seed, **wanted)
        rows += _compared(stage, spectra[stage])
    tell(0.6, "rescaling")
    x = points["relu_minimum"].values
    wanted = _kept(size, "examples width steps factors walk")
    rescaled = pieces.rows("rescaled", lambda: [_rescaled(size, x, f, seed) for f in size.factors], seed=seed, **wanted)
    tell(0.8, "escapes")
    wanted = _kept(size, "stretches paths")
    escapes = pieces.rows(
        "escapes", lambda: escapes_over_stretches(size.stretches, size.paths, seed, threads), seed=seed, **wanted
    )
    return Report(
        name="sharpness",
        title="What sharpness is, and what it is not",
        summary=(
            "Spectra of a perceptron's Hessian and noise covariance from products with vectors are held against dense "
            "ones. A ReLU perceptron at a minimum is rescaled (one layer times a, the next over a): the same function, "
            "other curvatures. The same stretch is applied to the shipped slice between two minima of a ResNet, whose "
            "escape times are compared at equal and at matching learning rates."
        ),
        verdicts=judge.verdicts(rows, rescaled, escapes),
        tables=(
            Table.of("From products with vectors, against dense matrices", rows),
            Table.of("A ReLU perceptron, rescaled: one function, many sharpnesses", rescaled),
            Table.of("Mean iterations to escape over the slice, stretched by k", escapes),
        ),
        pictures=_pictures(spectra, rescaled, escapes),
        data=_data(spectra, rescaled, escapes, seed),
        settings={"quick": quick, "torch threads": 1, "learning rate of the escapes": LEARNING_RATE, **asdict(size)},
        seed=seed,
    )


def _kept(size: Size, names: str) -> Row:
    return {name: getattr(size, name) for name in names.split()}


def _landscape(size: Size, activation: str, seed: int) -> Any:
    from landscapes.networks.architectures import perceptron
    from landscapes.networks.images import digits
    from landscapes.networks.landscape import NeuralLandscape

    data = digits().pooled(2).subset(size.examples, seed).standardized()
    network = perceptron([16, size.width, 10], activation, seed=seed)
    return NeuralLandscape(network, data.images, data.labels, weight_decay=1e-3, chunk=2000)


def _trained(size: Size, seed: int) -> xarray.Dataset:
    """A smooth perceptron before and after training, and a ReLU one after it."""
    from fpsim.networks.one_thread import one_thread
    from fpsim.storage import dataset
    from landscapes.networks.training import adam, polish

    entries: dict[str, Any] = {}
    with one_thread():
        for name, activation, newton in (("smooth", "tanh", 20), ("relu", "relu", 0)):
            land = _landscape(size, activation, seed)
            x = polish(land, adam(land, land.initial, size.steps, 0.01, 64, seed), 300, newton)
            for stage, point in (("initialisation", land.initial), ("minimum", x)):
                entries[f"{name}_{stage}"] = ("coordinate", point, "", f"parameters, {name}, {stage}")
    return dataset(entries)


def _spectrum(size: Size, x: Array, seed: int) -> Callable[[], xarray.Dataset]:
    """Dense eigenvalues of H and C1, quadratures of their densities, traces and top eigenvalues."""

    def run() -> xarray.Dataset:
        from fpsim.networks.one_thread import one_thread
        from fpsim.storage import dataset
        from landscapes.networks.eigenpairs import top_eigenpairs

        entries: dict[str, Any] = {}
        with one_thread():
            land = _landscape(size, "tanh", seed)
            for name, dense, operator in (
                ("hessian", land.hessian(x), land.hessian_operator(x)),
                ("covariance", land.gradient_covariance(x), land.covariance_operator(x)),
            ):
                density = spectral_density(operator, size.lanczos, size.probes, seed)
                total = trace(operator, size.products, seed)
                top = top_eigenpairs(operator, TOP, seed=seed)[0]
                values = np.linalg.eigvalsh(np.asarray(dense))[::-1]
                entries |= {
                    name: ("eigenvalue", values, "", f"eigenvalues of the {name}, dense"),
                    f"{name}_nodes": (("probe", "step"), density.nodes, "", "nodes of the quadratures"),
                    f"{name}_weights": (("probe", "step"), density.weights, "", "weights of the quadratures"),
                    f"{name}_trace": ("number", [total.value, total.standard_error], "", "trace and error, Hutch++"),
                    f"{name}_top": ("rank", top, "", "largest eigenvalues by Lanczos' method"),
                }
        return dataset(entries)

    return run


def _compared(stage: str, data: xarray.Dataset) -> list[Row]:
    """Trace, top eigenvalues, moments and counts against the dense eigenvalues."""
    from landscapes.networks.spectral_density import SpectralDensity

    rows = []
    for name in ("hessian", "covariance"):
        values = data[name].values
        density = SpectralDensity(data[f"{name}_nodes"].values, data[f"{name}_weights"].values, len(values))
        total, error = data[f"{name}_trace"].values
        top = data[f"{name}_top"].values
        edge = 0.1 * float(values[0])
        found = {
            "trace, Hutch++": (total, error, values.sum()),
            **{
                f"sum of lambda^{p}": (*_pair(density.trace_of(lambda t, p=p: t**p)), float(np.sum(values**p)))  # type: ignore[misc]
                for p in (1, 2, 3, 4)
            },
            "number above top/10": (*_pair(density.count(edge, np.inf)), float(np.sum(values > edge))),
        }
        head = {"stage": stage, "operator": name}
        for what, (value, sigma, dense) in found.items():
            numbers = {"value": value, "error": sigma, "dense": dense, "relative difference": value / dense - 1}
            numbers["z"] = (value - dense) / sigma
            rows.append({**head, "quantity": what, **{key: float(number) for key, number in numbers.items()}})
        worst = float(np.abs(top / values[: len(top)] - 1).max())
        rows.append(
            {
                **head, "quantity": f"top {len(top)} eigenvalues", "value": float(top[0]), "error": 0.0,
                "dense": float(values[0]), "relative difference": worst, "z": float("nan"),
            }
        )  # fmt: skip
    return rows


def _pair(estimate: Any) -> tuple[float, float]:
    return estimate.value, estimate.standard_error


def _rescaled(size: Size, x: Array, factor: float, seed: int) -> Row:
    """All measures of the network after rescaling, the exact laws of change, and a walk with matching rates."""
    from fpsim.networks.one_thread import one_thread
    from landscapes.networks.reparametrization import rescaling, sharpness

    with one_thread():
        land = _landscape(size, "relu", seed)
        d = rescaling(land, x, *LAYERS, factor)
        hessian = np.asarray(land.hessian(x)) - land.weight_decay * np.eye(land.dimension)
        moved = hessian / np.outer(d, d)
        after = sharpness(land, d * x)
        plain = _walk(land, x, np.ones(land.dimension), size.walk, seed)
        matched = _walk(land, d * x, d**2, size.walk, seed)
        same_rate = _walk(land, d * x, np.ones(land.dimension), size.walk, seed)
        losses, other = land.example_losses(x), land.example_losses(d * x)
    loss = land.weight_decay / 2 * float((d * x) @ (d * x) - x @ x)
    return {
        "a": float(factor), "change of losses": float(np.abs(other - loss - losses).max() / losses.max()),
        "trace": after.trace, "trace by law": float(np.trace(moved)),
        "top": after.top, "top by law": float(np.linalg.eigvalsh(moved)[-1]), **after.invariant,
        "matching rates: distance after the walk": _gap(matched / d, plain, x),
        "one rate: distance after the walk": _gap(same_rate / d, plain, x),
    }  # fmt: skip


def _walk(land: Any, x: Array, rates: Array, steps: int, seed: int) -> Array:
    """SGD on the loss without penalty, which the rescaling would change, with one learning rate per coordinate.

    A walk that leaves the finite numbers is stopped where it was last finite.
    """
    draws, m = np.random.default_rng([seed, 6]), land.number_of_examples
    x = x.copy()
    for _ in range(steps):
        weights = np.bincount(draws.integers(0, m, WALK_BATCH), minlength=m) / WALK_BATCH
        following = x - WALK_RATE * rates * (land.weighted_gradient(x, weights) - land.weight_decay * x)
        if not np.isfinite(following).all():
            break
        x = following
    return x


def _gap(first: Array, second: Array, start: Array) -> float:
    """Distance of two ends in units of the way that the second has come."""
    return float(np.linalg.norm(first - second) / np.linalg.norm(second - start))


def _pictures(spectra: Any, rescaled: list[Row], escapes: list[Row]) -> dict[str, Callable[[], Any]]:
    def spectrum() -> Any:
        from validation.sharpness.pictures import spectrum_figure

        return spectrum_figure(spectra)

    def invariance() -> Any:
        from validation.sharpness.pictures import rescaling_figure

        return rescaling_figure(rescaled, escapes)

    return {"spectra": spectrum, "rescaling": invariance}


def _data(spectra: Any, rescaled: list[Row], escapes: list[Row], seed: int) -> xarray.Dataset:
    """The spectra, and every column of the tables of numbers."""
    from fpsim.storage import dataset

    entries: dict[str, Any] = {}
    for stage, data in spectra.items():
        for name in data:
            dims = [{"number": "number", "rank": "rank"}.get(str(n), str(n)) for n in data[name].dims]
            entries[f"{stage}_{name}"] = (dims, data[name].values, "", data[name].attrs["long_name"])
    for table, rows in (("rescaled", rescaled), ("escape", escapes)):
        for i, key in enumerate(rows[0]):
            entries[f"{table}_{i}"] = (f"{table}_row", [row[key] for row in rows], "", key)
    return dataset(entries, experiment="sharpness", seed=seed)
