"""Spectra of the Hessian and of the noise covariance of a perceptron: from products with vectors, and dense."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from landscapes.networks.spectral_density import SpectralDensity, spectral_density, trace
from validation.study.findings import Rows

if TYPE_CHECKING:
    import xarray

    from landscapes.networks.landscape import NeuralLandscape
    from validation.sharpness.size import Size

Array = NDArray[np.float64]
TOP = 5


def landscape(size: Size, activation: str, seed: int) -> NeuralLandscape:
    """A perceptron with one hidden layer on digits of 4 x 4 pixels."""
    from landscapes.networks.architectures import perceptron
    from landscapes.networks.images import digits
    from landscapes.networks.landscape import NeuralLandscape

    data = digits().pooled(2).subset(size.examples, seed).standardized()
    network = perceptron([16, size.width, 10], activation, seed=seed)
    return NeuralLandscape(network, data.images, data.labels, weight_decay=1e-3, chunk=2000)


def trained(size: Size, seed: int) -> xarray.Dataset:
    """A smooth perceptron before and after training, and a ReLU one after it."""
    from fpsim.networks.one_thread import one_thread
    from fpsim.storage import dataset
    from landscapes.networks.training import adam, polish

    entries: dict[str, Any] = {}
    with one_thread():
        for name, activation, newton in (("smooth", "tanh", 20), ("relu", "relu", 0)):
            land = landscape(size, activation, seed)
            x = polish(land, adam(land, land.initial, size.steps, 0.01, 64, seed), 300, newton)
            for stage, point in (("initialisation", land.initial), ("minimum", x)):
                entries[f"{name}_{stage}"] = ("coordinate", point, "", f"parameters, {name}, {stage}")
    return dataset(entries)


def spectrum(size: Size, stage: str, x: Array, seed: int) -> xarray.Dataset:
    """Dense eigenvalues of H and C1, quadratures of their densities, traces and top eigenvalues."""
    from fpsim.networks.one_thread import one_thread
    from fpsim.storage import dataset
    from landscapes.networks.eigenpairs import top_eigenpairs

    entries: dict[str, Any] = {}
    with one_thread():
        land = landscape(size, "tanh", seed)
        for name, dense, operator in (
            ("hessian", land.hessian(x), land.hessian_operator(x)),
            ("covariance", land.gradient_covariance(x), land.covariance_operator(x)),
        ):
            density = spectral_density(operator, size.lanczos, size.probes, seed)
            total = trace(operator, size.products, seed)
            top = top_eigenpairs(operator, TOP, seed=seed)[0]
            values = np.linalg.eigvalsh(np.asarray(dense))[::-1]
            entries |= {
                f"{stage}_{name}": ("eigenvalue", values, "", f"eigenvalues of the {name}, dense"),
                f"{stage}_{name}_nodes": (("probe", "step"), density.nodes, "", "nodes of the quadratures"),
                f"{stage}_{name}_weights": (("probe", "step"), density.weights, "", "weights of the quadratures"),
                f"{stage}_{name}_trace": ("number", list(_pair(total)), "", "trace and error, Hutch++"),
                f"{stage}_{name}_top": ("rank", top, "", "largest eigenvalues by Lanczos' method"),
            }
    return dataset(entries)


def compared(stage: str, data: xarray.Dataset) -> Rows:
    """Trace, top eigenvalues, moments and counts against the dense eigenvalues."""
    rows = []
    for name in ("hessian", "covariance"):
        values = data[f"{stage}_{name}"].values
        parts = ("nodes", "weights", "trace", "top")
        nodes, weights, (total, error), top = (data[f"{stage}_{name}_{part}"].values for part in parts)
        density = SpectralDensity(nodes, weights, len(values))
        edge = 0.1 * float(values[0])
        found = {
            ("trace", "trace, Hutch++"): (total, error, values.sum()),
            **{("moment", f"sum of lambda^{p}"): _moment(density, values, p) for p in (1, 2, 3, 4)},
            ("count", "number above top/10"): (*_pair(density.count(edge, np.inf)), float(np.sum(values > edge))),
        }
        head = {"stage": stage, "operator": name}
        for (kind, what), (value, sigma, dense) in found.items():
            numbers = {"value": value, "error": sigma, "dense": dense, "relative difference": value / dense - 1}
            numbers["z"] = (value - dense) / sigma
            plain = {key: float(number) for key, number in numbers.items()}
            rows.append({**head, "kind": kind, "quantity": what, **plain})
        worst = float(np.abs(top / values[: len(top)] - 1).max())
        rows.append(
            {
                **head, "kind": "top", "quantity": f"top {len(top)} eigenvalues", "value": float(top[0]), "error": 0.0,
                "dense": float(values[0]), "relative difference": worst, "z": float("nan"),
            }
        )  # fmt: skip
    return rows


def _moment(density: SpectralDensity, values: Array, power: int) -> tuple[float, float, float]:
    return *_pair(density.trace_of(lambda t: t**power)), float(np.sum(values**power))


def _pair(estimate: Any) -> tuple[float, float]:
    return estimate.value, estimate.standard_error
