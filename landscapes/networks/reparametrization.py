"""The same function with other parameters (Dinh, Pascanu, Bengio, Bengio, ICML 2017, theorem 4), and what it does.

Where f(a z) = a f(z) for a > 0, as for ReLU, a layer's weights and biases times a and the next layer's weights over a
leave the network's function as it is. With D the diagonal matrix of these factors,

    L(D x) = L(x),    gradient -> D^-1 gradient,    H -> D^-1 H D^-1,    C1 -> D^-1 C1 D^-1,

so trace and top eigenvalue of H become anything, while the measures of `Sharpness` called invariant stay. SGD with the
learning rates eta D^2, one per coordinate, moves through D x exactly as SGD with eta moves through x.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from landscapes.evaluation import Array

if TYPE_CHECKING:
    from landscapes.networks.landscape import NeuralLandscape

SAME = 1e-9
"""Largest relative change of an example's loss under which two parameter vectors are the same function."""


def rescaling(landscape: NeuralLandscape, x: ArrayLike, layer: str, following: str, factor: float) -> Array:
    """The diagonal of D, shape (d,): ``D * x`` is the same function as x (d,).

    Args:
        landscape: a network with ReLU (or another positively homogeneous function) between the two layers.
        x: where the losses of all examples are compared before and after.
        layer: name of the module whose weights and biases are multiplied, such as ``"1"`` (``named_modules``).
        following: name of the next one, whose weights are divided.
        factor: a > 0.

    Raises:
        ValueError: for a factor that is not positive, unknown layers, or if the function changes.
    """
    if not (np.isfinite(factor) and factor > 0):
        raise ValueError(f"the factor is a positive number; got {factor!r}")
    scales = {f"{layer}.weight": factor, f"{layer}.bias": factor, f"{following}.weight": 1 / factor}
    parts = slices(landscape)
    missing = [key for key in (f"{layer}.weight", f"{following}.weight") if key not in parts]
    if missing:
        raise ValueError(f"the network has no parameters {missing[0]!r}; it has {', '.join(parts)}")
    point, d = np.asarray(x, dtype=np.float64), np.ones(landscape.dimension)
    for key, scale in scales.items():
        if key in parts:
            d[parts[key]] = scale
    without = landscape.weight_decay / 2
    before = landscape.example_losses(point) - without * float(point @ point)
    after = landscape.example_losses(d * point) - without * float((d * point) @ (d * point))
    change = float(np.abs(after - before).max() / np.abs(before).max())
    if not change <= SAME:
        raise ValueError(
            f"rescaling {layer!r} against {following!r} changes losses by {change:.2g}: between them must be a "
            "positively homogeneous activation such as 'relu', and nothing else"
        )
    return d


def slices(landscape: NeuralLandscape) -> dict[str, slice]:
    """Where each of the network's parameters lies in x, by name."""
    found, first = {}, 0
    for name, shape in landscape.shapes.items():
        found[name] = slice(first, first + shape.numel())
        first += shape.numel()
    return found


@dataclass(frozen=True)
class Sharpness:
    """Measures of sharpness at one point; the first two are not invariant under rescaling, the others are.

    Attributes:
        trace: tr H.
        top: the largest eigenvalue of H.
        relative_trace: sum_i x_i^2 H_ii.
        relative_top: the largest eigenvalue of X H X, X = diag(x): sharpness of relative changes of each parameter (the
            adaptive sharpness of Kwon, Kim, Park, Choi, ICML 2021, for small radius).
        relative_flatness: per layer, sum over pairs of its neurons s, s' of <w_s, w_s'> tr H_ss' (Petzka, Kamp,
            Adilova, Sminchisescu, Boley, NeurIPS 2021, definition 3; flat means small).
        fisher_rao: (x . F x)^(1/2) with the Fisher information F of the model (Liang, Poggio, Rakhlin, Stokes, AISTATS
            2019, definition 2).
    """

    trace: float
    top: float
    relative_trace: float
    relative_top: float
    relative_flatness: Mapping[str, float]
    fisher_rao: float

    @property
    def invariant(self) -> dict[str, float]:
        """The measures that do not change under rescaling, by name."""
        layers = {f"relative flatness of {name}": value for name, value in self.relative_flatness.items()}
        return {
            "relative trace": self.relative_trace, "relative top": self.relative_top, **layers,
            "Fisher-Rao norm": self.fisher_rao,
        }  # fmt: skip


def sharpness(landscape: NeuralLandscape, x: ArrayLike) -> Sharpness:
    """All measures at x (d,) from the dense Hessian of the loss without its penalty.

    Raises:
        ValueError: if the Hessian would be too large, or the loss is not cross entropy.
    """
    from landscapes.networks.fisher import model_fisher_form

    point = np.asarray(x, dtype=np.float64)
    hessian = np.asarray(landscape.hessian(point)) - landscape.weight_decay * np.eye(landscape.dimension)
    relative = point[:, None] * hessian * point
    return Sharpness(
        trace=float(np.trace(hessian)),
        top=float(np.linalg.eigvalsh(hessian)[-1]),
        relative_trace=float(np.trace(relative)),
        relative_top=float(np.linalg.eigvalsh(relative)[-1]),
        relative_flatness=_relative_flatness(landscape, point, hessian),
        fisher_rao=float(np.sqrt(model_fisher_form(landscape, point, point))),
    )


def _relative_flatness(landscape: NeuralLandscape, x: Array, hessian: Array) -> dict[str, float]:
    """Petzka's measure of every weight matrix; a convolution's rows are its output channels."""
    shapes = landscape.shapes
    found = {}
    for name, part in slices(landscape).items():
        if len(shapes[name]) < 2:
            continue
        rows = shapes[name][0]
        w = x[part].reshape(rows, -1)
        blocks = hessian[part, part].reshape(rows, w.shape[1], rows, w.shape[1])
        found[name.removesuffix(".weight")] = float(np.sum((w @ w.T) * np.einsum("sitj->stij", blocks).trace(0, 2, 3)))
    return found
