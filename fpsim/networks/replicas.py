"""Many copies of one network at once, each with its own parameters and its own examples:

    g_r = sum_s w_rs grad l_{j_rs}(x_r),      r = 1 ... R   (replicas),   s = 1 ... S   (picked examples)

with l_j the loss of one example of a `NeuralLandscape`, weight decay included.  Weights 1/S on a drawn mini-batch give
its gradient.  Three engines do the same arithmetic:

    "compiled"  loops over lanes of replicas (:mod:`fpsim.networks.compiled`); on a CPU, for networks of known layers
    "grouped"   the R convolutions of a layer as one convolution with R groups of torch; for
                `landscapes.networks.architectures.ResNet`
    "vmap"      ``torch.func.vmap`` over the parameters, one replica after the other where it cannot; for every network

``engine=None`` takes the first of them that there is for the network, "compiled" up to a million products for an
example: below that it was the fastest everywhere that ``benchmarks/replicas.py`` measures, mostly several times so.
This module needs torch (extra ``network``).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fpsim.networks import grouped
from fpsim.networks.compiled import MOST_PRODUCTS, CompiledReplicas, known_layers
from fpsim.networks.parts import MORE, in_parts
from fpsim.networks.tensors import TensorReplicas, mapped
from landscapes.networks.architectures import ResNet
from landscapes.networks.landscape import NeuralLandscape
from landscapes.networks.network_code import UnknownLayerError
from landscapes.networks.torch_calls import numbers
from landscapes.networks.torch_extra import torch

Array = NDArray[np.float64]
Engine = Literal["compiled", "grouped", "vmap"]


@dataclass(frozen=True, eq=False)
class Replicas:
    """R copies of a landscape's network, stepped together.

    Args:
        landscape: the network, its examples, the precision and the device.
        engine: ``"compiled"``, ``"grouped"``, ``"vmap"``, or None: the fastest that there is for the network.

    Attributes:
        kept: a march of such replicas (:mod:`fpsim.networks.march`) between two calls.

    Raises:
        ValueError: for an unknown engine, or one that there is not for the network.
    """

    landscape: NeuralLandscape
    engine: Engine | None = None
    kept: list[Any] = field(default_factory=list, init=False, repr=False)

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

    def batch_gradients(self, x: Array, picks: NDArray[np.int64]) -> Array:
        """Return the mean gradients (R, d) of the losses of examples (R, S) that were drawn: they are not checked."""
        return self._sums(x, picks, np.full(picks.shape, 1 / picks.shape[1]))[1]

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
        return self._sums(self._points(x))

    def losses(self, x: ArrayLike) -> Array:
        """Return the full losses at x (R, d), shape (R,)."""
        return self._sums(self._points(x), slopes=False)[0]

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

    @cached_property
    def tensors(self) -> TensorReplicas:
        """The same in torch, on tensors of the network's device."""
        return TensorReplicas(self.landscape, grouped.outputs if self.engine == "grouped" else mapped)

    def _sums(
        self, x: Array, picks: NDArray[np.int64] | None = None, weights: Array | None = None, slopes: bool = True
    ) -> tuple[Array, Array]:
        """Weighted sums over picked (or all) examples: losses (R,), and gradients (R, d) if they are wanted."""
        if self.engine == "compiled":
            m = self.landscape.number_of_examples
            shares = np.full((len(x), m), 1 / m) if weights is None else weights
            losses, total = in_parts(self._compiled.sums, np.concatenate, x, picks, shares, slopes, MORE)
            return losses, total
        there = self.tensors
        chosen = None if picks is None else torch.as_tensor(picks, device=there.device)
        shares = there.shares(len(x)) if weights is None else there.tensor(weights)
        losses, total = there.sums(there.tensor(x), chosen, shares, slopes)
        return numbers(losses), numbers(total)

    def _points(self, x: ArrayLike) -> Array:
        points, d = np.asarray(x, dtype=np.float64), self.landscape.dimension
        if points.ndim != 2 or points.shape[1] != d:
            raise ValueError(f"parameters of replicas have shape (R, {d}); got {points.shape}")
        return points
