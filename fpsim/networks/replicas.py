"""Many copies of one network at once, each with its own parameters and its own examples:

    g_r = sum_s w_rs grad l_{j_rs}(x_r),      r = 1 ... R   (replicas),   s = 1 ... S   (picked examples)

with l_j the loss of one example of a `NeuralLandscape`, weight decay included.  Weights 1/S on a drawn mini-batch give
its gradient.  Three engines do the same arithmetic:

    "grouped"   the R convolutions of a layer as one convolution with R groups; for
    `landscapes.networks.architectures.ResNet` "unrolled"  each convolution as a product with a matrix
    (:mod:`fpsim.networks.unrolled`); for `ResNet` "vmap"      ``torch.func.vmap`` over the parameters; for every
    network

All replace R small calls of torch by one larger call.  ``engine=None`` takes "grouped" where it exists: on 8 x 8 images
it was as fast as "vmap" or faster at every size that ``benchmarks/replicas.py`` measures, but for 3 % at two of them.
"unrolled" is to be asked for: it was up to 2.4 times faster at widths 1 and 2 from 16 examples per replica on, and up
to 5 times slower at width 4 with few examples; its cost grows with the square of the number of pixels.
This module needs torch (extra ``network``).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fpsim.networks import unrolled
from fpsim.networks.layers import Layers
from landscapes.networks.architectures import ResNet
from landscapes.networks.landscape import NeuralLandscape
from landscapes.networks.losses import logits
from landscapes.networks.torch_calls import plain_kernels
from landscapes.networks.torch_extra import functional, nn, torch

Array = NDArray[np.float64]
Engine = Literal["grouped", "unrolled", "vmap"]

MOST_IMAGES = 4096
"""Examples of all replicas together that go through the network at a time, so that activations stay in the caches."""


@dataclass(frozen=True, eq=False)
class Replicas:
    """R copies of a landscape's network, stepped together.

    Args:
        landscape: the network, its examples, the precision and the device.
        engine: ``"grouped"``, ``"unrolled"``, ``"vmap"``, or None: "grouped" for a `ResNet`, "vmap" for others.

    Raises:
        ValueError: for an unknown engine, or ``"grouped"`` or ``"unrolled"`` for a network that is no `ResNet`.
    """

    landscape: NeuralLandscape
    engine: Engine | None = None

    def __post_init__(self) -> None:
        residual = isinstance(self.landscape.network, ResNet)
        if self.engine not in (None, "grouped", "unrolled", "vmap"):
            raise ValueError(f"engine is 'grouped', 'unrolled', 'vmap' or None; got {self.engine!r}")
        if self.engine in ("grouped", "unrolled") and not residual:
            kind = type(self.landscape.network).__name__
            raise ValueError(
                f"'{self.engine}' is written for landscapes.networks.architectures.ResNet, not {kind}; use 'vmap'"
            )
        if self.engine is None:
            object.__setattr__(self, "engine", "grouped" if residual else "vmap")

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
            shapes = f"{chosen.shape} and {w.shape} for x of shape {tuple(points.shape)}"
            raise ValueError(f"picks and weights have one row per replica, shape (R, S); got {shapes}")
        m = self.landscape.number_of_examples
        if chosen.dtype.kind not in "iu" or (chosen.size and not 0 <= chosen.min() <= chosen.max() < m):
            raise ValueError(f"picks are whole numbers from 0 to {m - 1}; got {chosen.dtype} up to {chosen.max()}")
        index, factors = torch.as_tensor(chosen.astype(np.int64), device=points.device), self._tensor(w)
        total = torch.zeros_like(points)
        for rows, columns in self._parts(*chosen.shape):
            part = index[rows, columns]
            own = self.landscape.inputs[part], self.landscape.labels[part]
            total[rows] += self._pulled(points[rows], *own, factors[rows, columns])
        return _numbers(total)

    def combined_gradients(self, x: ArrayLike, weights: ArrayLike) -> Array:
        """Return sum_j w_rj grad l_j(x_r) over all examples: x (R, d), weights (R, m), result (R, d)."""
        points, w = self._points(x), np.asarray(weights, dtype=np.float64)
        m = self.landscape.number_of_examples
        if w.shape != (len(points), m):
            raise ValueError(f"weights have one row per replica, one column per example, shape ({len(points)}, {m})")
        factors, total = self._tensor(w), torch.zeros_like(points)
        for rows, columns in self._parts(len(points), m):
            total[rows] += self._pulled(points[rows], *self._shared(columns), factors[rows, columns])
        return _numbers(total)

    def gradients(self, x: ArrayLike) -> Array:
        """Return the gradients of the full loss at x (R, d), shape (R, d)."""
        return self.losses_and_gradients(x)[1]

    def losses_and_gradients(self, x: ArrayLike) -> tuple[Array, Array]:
        """Return the full losses (R,) and their gradients (R, d) at x (R, d)."""
        points, m = self._points(x), self.landscape.number_of_examples
        losses, total = torch.zeros_like(points[:, 0]), torch.zeros_like(points)
        for rows, columns in self._parts(len(points), m):
            own = points[rows].detach().requires_grad_()
            sums = self._examples(own, *self._shared(columns)).sum(dim=1)
            total[rows] += torch.autograd.grad(sums.sum(), own)[0]
            losses[rows] += sums.detach()
        return _numbers(losses / m), _numbers(total / m)

    def losses(self, x: ArrayLike) -> Array:
        """Return the full losses at x (R, d), shape (R,)."""
        points, m = self._points(x), self.landscape.number_of_examples
        total = torch.zeros(len(points), dtype=points.dtype, device=points.device)
        with torch.no_grad():
            for rows, columns in self._parts(len(points), m):
                total[rows] += self._examples(points[rows], *self._shared(columns)).sum(dim=1)
        return _numbers(total / m)

    # --- inside ---

    def _pulled(self, points: Any, inputs: Any, labels: Any, weights: Any) -> Any:
        """Gradient of sum_s w_rs l_rs with respect to x_r, (R, d)."""
        own = points.detach().requires_grad_()
        total = (self._examples(own, inputs, labels) * weights).sum()
        return torch.autograd.grad(total, own)[0]

    def _examples(self, points: Any, inputs: Any, labels: Any) -> Any:
        """Losses (R, S) of inputs (R, S, ...) or shared ones (1, S, ...), weight decay included."""
        landscape = self.landscape
        engine = {"grouped": _grouped, "unrolled": unrolled.outputs, "vmap": _mapped}[str(self.engine)]
        outputs = engine(landscape.network, self._parameters(points), inputs)
        if landscape.kind == "cross-entropy":
            outputs, every = logits(outputs), labels.expand(outputs.shape[:2]).flatten()
            losses = functional.cross_entropy(outputs.flatten(0, 1), every, reduction="none").view(outputs.shape[:2])
        else:
            losses = ((outputs - labels) ** 2).sum(dim=2) / 2
        return losses + landscape.weight_decay / 2 * (points**2).sum(dim=1, keepdim=True)

    def _shared(self, columns: slice) -> tuple[Any, Any]:
        """Examples that all replicas see, with a first axis of length 1."""
        return self.landscape.inputs[None, columns], self.landscape.labels[None, columns]

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
        rows = max(1, min(replicas, MOST_IMAGES))
        columns = max(1, min(examples, MOST_IMAGES // rows))
        for row in range(0, replicas, rows):
            for column in range(0, examples, columns):
                yield slice(row, row + rows), slice(column, column + columns)

    def _points(self, x: ArrayLike) -> Any:
        points, d = np.asarray(x, dtype=np.float64), self.landscape.dimension
        if points.ndim != 2 or points.shape[1] != d:
            raise ValueError(f"parameters of replicas have shape (R, {d}); got {points.shape}")
        return self._tensor(points)

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


def _grouped(network: ResNet, parameters: dict[str, Any], inputs: Any) -> Any:
    """The same for a residual network: channel c of replica r is channel r C + c of one wide network with R groups."""
    replicas = len(parameters["head.weight"])
    wide = _Wide(parameters, replicas)
    images = inputs.expand(replicas, *inputs.shape[1:])  # (R, S, C, H, W)
    x = wide.sequence(network.stem, "stem", images.transpose(0, 1).flatten(1, 2))  # (S, R C, H, W)
    for number, block in enumerate(network.blocks):
        x = wide.residual(block, f"blocks.{number}", x)
    features = x.mean(dim=(2, 3)).view(len(x), replicas, -1).transpose(0, 1)
    return torch.baddbmm(parameters["head.bias"][:, None], features, parameters["head.weight"].transpose(1, 2))


@dataclass(frozen=True)
class _Wide(Layers):
    """Replicas side by side in the channels."""

    replicas: int

    def layer(self, module: Any, name: str, x: Any) -> Any:
        """One layer of every replica, as groups of one convolution."""
        if isinstance(module, nn.Sequential):
            return self.sequence(module, name, x)
        if isinstance(module, nn.Conv2d):
            weight, bias = self._flat(f"{name}.weight"), self._flat(f"{name}.bias")
            return functional.conv2d(x, weight, bias, module.stride, module.padding, groups=self.replicas)
        if isinstance(module, nn.GroupNorm):
            weight, bias = self._flat(f"{name}.weight"), self._flat(f"{name}.bias")
            return functional.group_norm(x, module.num_groups * self.replicas, weight, bias, module.eps)
        if isinstance(module, nn.BatchNorm2d):  # in evaluation mode: the statistics are the same for all replicas
            mean, variance = (s.repeat(self.replicas) for s in (module.running_mean, module.running_var))
            weight, bias = self._flat(f"{name}.weight"), self._flat(f"{name}.bias")
            return functional.batch_norm(x, mean, variance, weight, bias, False, 0.0, module.eps)
        return module(x)  # activations, pooling, identity: channel by channel

    def _flat(self, name: str) -> Any:
        """Parameter (R, C, ...) as (R C, ...); None where the layer has none."""
        found = self.parameters.get(name)
        return None if found is None else found.flatten(0, 1)


def _numbers(tensor: Any) -> Array:
    return np.asarray(tensor.detach().cpu().numpy(), dtype=np.float64)
