"""Many copies of one network at once, each with its own parameters and its own examples:

    g_r = sum_s w_rs grad l_{j_rs}(x_r),      r = 1 ... R   (replicas),   s = 1 ... S   (picked examples)

with l_j the loss of one example of a `NeuralLandscape`, weight decay included.  Weights 1/S on a drawn mini-batch give
its gradient.  Three engines do the same arithmetic:

    "compiled"  loops over lanes of replicas (:mod:`fpsim.networks.compiled`); on a CPU, for networks of known layers
    "grouped"   the R convolutions of a layer as one convolution with R groups of torch; for
                `landscapes.networks.architectures.ResNet`
    "vmap"      ``torch.func.vmap`` over the parameters; for every network

``engine=None`` takes the first of them that there is for the network, "compiled" up to a million products for an
example: below that it was the fastest everywhere that ``benchmarks/replicas.py`` measures, mostly several times so.
This module needs torch (extra ``network``).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fpsim.networks import grouped
from fpsim.networks.compiled import MOST_PRODUCTS, CompiledReplicas, known_layers
from landscapes.networks.architectures import ResNet
from landscapes.networks.landscape import NeuralLandscape
from landscapes.networks.losses import logits
from landscapes.networks.network_code import UnknownLayerError
from landscapes.networks.torch_calls import plain_kernels
from landscapes.networks.torch_extra import functional, torch

Array = NDArray[np.float64]
Engine = Literal["compiled", "grouped", "vmap"]

MOST_IMAGES = 4096
"""Examples of all replicas together that are taken at a time, so that torch's activations stay in the caches."""


@dataclass(frozen=True, eq=False)
class Replicas:
    """R copies of a landscape's network, stepped together.

    Args:
        landscape: the network, its examples, the precision and the device.
        engine: ``"compiled"``, ``"grouped"``, ``"vmap"``, or None: the fastest that there is for the network.

    Raises:
        ValueError: for an unknown engine, or one that there is not for the network.
    """

    landscape: NeuralLandscape
    engine: Engine | None = None

    def __post_init__(self) -> None:
        network = self.landscape.network
        if self.engine not in (None, "compiled", "grouped", "vmap"):
            raise ValueError(f"engine is 'compiled', 'grouped', 'vmap' or None; got {self.engine!r}")
        if self.engine == "grouped" and not isinstance(network, ResNet):
            kind = type(network).__name__
            raise ValueError(f"'grouped' is written for landscapes.networks.architectures.ResNet, not {kind}; use None")
        if self.engine is None:
            object.__setattr__(self, "engine", self._fastest())
        if self.engine == "compiled":
            _ = self._compiled

    def weighted_gradients(self, x: ArrayLike, picks: ArrayLike, weights: ArrayLike) -> Array:
        """Return sum_s w_rs grad l_{j_rs}(x_r) for every replica.

        Args:
            x: parameters (R, d).
            picks: numbers (R, S) of examples, 0 ... m - 1; one may occur more than once.
            weights: (R, S).

        Returns:
            (R, d), float64.

        Raises:
            ValueError: for arrays of other shapes, or examples that do not exist.
        """
        points, chosen, w = self._points(x), np.asarray(picks), np.asarray(weights, dtype=np.float64)
        if chosen.ndim != 2 or len(chosen) != len(points) or w.shape != chosen.shape:
            shapes = f"{chosen.shape} and {w.shape} for x of shape {points.shape}"
            raise ValueError(f"picks and weights have one row per replica, shape (R, S); got {shapes}")
        m = self.landscape.number_of_examples
        if chosen.dtype.kind not in "iu" or (chosen.size and not 0 <= chosen.min() <= chosen.max() < m):
            raise ValueError(f"picks are whole numbers from 0 to {m - 1}; got {chosen.dtype} up to {chosen.max()}")
        return self._sums(points, chosen.astype(np.int64), w)[1]

    def combined_gradients(self, x: ArrayLike, weights: ArrayLike) -> Array:
        """Return sum_j w_rj grad l_j(x_r) over all examples: x (R, d), weights (R, m), result (R, d)."""
        points, w = self._points(x), np.asarray(weights, dtype=np.float64)
        m = self.landscape.number_of_examples
        if w.shape != (len(points), m):
            raise ValueError(f"weights have one row per replica, one column per example, shape ({len(points)}, {m})")
        return self._sums(points, None, w)[1]

    def gradients(self, x: ArrayLike) -> Array:
        """Return the gradients of the full loss at x (R, d), shape (R, d)."""
        return self.losses_and_gradients(x)[1]

    def losses_and_gradients(self, x: ArrayLike) -> tuple[Array, Array]:
        """Return the full losses (R,) and their gradients (R, d) at x (R, d)."""
        points = self._points(x)
        return self._sums(points, None, self._shares(points))

    def losses(self, x: ArrayLike) -> Array:
        """Return the full losses at x (R, d), shape (R,)."""
        points = self._points(x)
        return self._sums(points, None, self._shares(points), slopes=False)[0]

    # --- inside ---

    def _fastest(self) -> Engine:
        """The fastest engine that there is for the network."""
        try:
            if known_layers(self.landscape).products <= MOST_PRODUCTS:
                return "compiled"
        except UnknownLayerError:
            pass
        return "grouped" if isinstance(self.landscape.network, ResNet) else "vmap"

    @cached_property
    def _compiled(self) -> CompiledReplicas:
        try:
            return CompiledReplicas.of(self.landscape)
        except UnknownLayerError as error:
            raise ValueError(f"'compiled' is not for this network: {error}; use None") from error

    def _sums(
        self, x: Array, picks: NDArray[np.int64] | None, weights: Array, slopes: bool = True
    ) -> tuple[Array, Array]:
        """Weighted sums over picked (or all) examples: losses (R,), and gradients (R, d) if they are wanted."""
        losses, total = np.zeros(len(x)), np.zeros(x.shape if slopes else (len(x), 0))
        work = self._compiled.sums if self.engine == "compiled" else self._by_torch
        for rows, columns in self._parts(*weights.shape):
            part = columns if picks is None else picks[rows, columns]
            found = work(x[rows], part, weights[rows, columns], slopes)
            if weights[rows, columns].shape == weights.shape:
                return found
            losses[rows] += found[0]
            total[rows] += found[1]
        return losses, total

    def _by_torch(self, x: Array, picks: Any, weights: Array, slopes: bool) -> tuple[Array, Array]:
        """The same by torch of picks (R, S), or of a slice of the examples, which all replicas see."""
        own, landscape = self._tensor(x).requires_grad_(slopes), self.landscape
        if isinstance(picks, slice):
            inputs, labels = landscape.inputs[None, picks], landscape.labels[None, picks]
        else:
            index = torch.as_tensor(picks, device=own.device)
            inputs, labels = landscape.inputs[index], landscape.labels[index]
        with torch.set_grad_enabled(slopes):
            sums = (self._examples(own, inputs, labels) * self._tensor(weights)).sum(dim=1)
        slope = _numbers(torch.autograd.grad(sums.sum(), own)[0]) if slopes else np.empty((len(x), 0))
        return _numbers(sums), slope

    def _examples(self, points: Any, inputs: Any, labels: Any) -> Any:
        """Losses (R, S) of inputs (R, S, ...) or shared ones (1, S, ...), weight decay included."""
        landscape = self.landscape
        engine = grouped.outputs if self.engine == "grouped" else _mapped
        outputs = engine(landscape.network, self._parameters(points), inputs)
        if landscape.kind == "cross-entropy":
            outputs, every = logits(outputs), labels.expand(outputs.shape[:2]).flatten()
            losses = functional.cross_entropy(outputs.flatten(0, 1), every, reduction="none").view(outputs.shape[:2])
        else:
            losses = ((outputs - labels) ** 2).sum(dim=2) / 2
        return losses + landscape.weight_decay / 2 * (points**2).sum(dim=1, keepdim=True)

    def _parameters(self, points: Any) -> dict[str, Any]:
        """The rows of points (R, d) as named parameters (R, ...)."""
        shapes = self.landscape.shapes
        pieces = torch.split(points, [shape.numel() for shape in shapes.values()], dim=1)
        moving = {
            key: piece.reshape(len(points), *shape) for (key, shape), piece in zip(shapes.items(), pieces, strict=True)
        }
        still = {k: p.detach() for k, p in self.landscape.network.named_parameters() if k not in shapes}
        return moving | {key: p.expand(len(points), *p.shape) for key, p in still.items()}

    def _parts(self, replicas: int, examples: int) -> Iterator[tuple[slice, slice]]:
        """Rows and columns of (R, S) in blocks of at most about `MOST_IMAGES`, all rows of a block together."""
        most = MOST_IMAGES * (16 if self.engine == "compiled" else 1)  # whose activations are those of a few lanes
        rows = max(1, min(replicas, most))
        columns = max(1, min(examples, most // rows))
        for row in range(0, replicas, rows):
            for column in range(0, examples, columns):
                yield slice(row, row + rows), slice(column, column + columns)

    def _shares(self, points: Array) -> Array:
        """Weights 1/m."""
        m = self.landscape.number_of_examples
        return np.full((len(points), m), 1 / m)

    def _points(self, x: ArrayLike) -> Array:
        points, d = np.asarray(x, dtype=np.float64), self.landscape.dimension
        if points.ndim != 2 or points.shape[1] != d:
            raise ValueError(f"parameters of replicas have shape (R, {d}); got {points.shape}")
        return points

    def _tensor(self, values: Array) -> Any:
        like = next(self.landscape.network.parameters())
        return torch.as_tensor(np.array(values), dtype=like.dtype, device=like.device)


def _mapped(network: Any, parameters: dict[str, Any], inputs: Any) -> Any:
    """Outputs (R, S, classes) of any network by vmap over its parameters; inputs (R, S, ...), or shared (1, S, ...)."""

    def one(parameters: dict[str, Any], inputs: Any) -> Any:
        return torch.func.functional_call(network, parameters, (inputs,))

    with plain_kernels():
        if len(inputs) == 1:
            return torch.func.vmap(one, in_dims=(0, None))(parameters, inputs[0])
        return torch.func.vmap(one)(parameters, inputs)


def _numbers(tensor: Any) -> Array:
    return np.asarray(tensor.detach().cpu().numpy(), dtype=np.float64)
