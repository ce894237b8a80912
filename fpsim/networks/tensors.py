"""What :class:`fpsim.networks.replicas.Replicas` computes, on tensors that are and stay on the network's device.

    sum_s w_rs l_{j_rs}(x_r) and its gradient with respect to x_r,      r = 1 ... R,   s = 1 ... S

Positions, weights and sums are float64; the network computes in the precision of its landscape.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from fpsim.networks.parts import MORE, in_parts
from landscapes.networks.landscape import NeuralLandscape
from landscapes.networks.losses import logits
from landscapes.networks.torch_calls import plain_kernels
from landscapes.networks.torch_extra import functional, torch


@dataclass(frozen=True, eq=False)
class TensorReplicas:
    """R copies of a landscape's network; x is (R, d), picks (R, S) are numbers of examples.

    Attributes:
        landscape: the network, its examples, the precision and the device.
        outputs: (R, S, classes) of all replicas at once, from network, parameters (R, ...) and inputs.
    """

    landscape: NeuralLandscape
    outputs: Callable[[Any, dict[str, Any], Any], Any]

    @property
    def device(self) -> Any:
        """Where everything is."""
        return self.landscape.inputs.device

    @property
    def real(self) -> Any:
        """The precision of positions and sums."""
        return torch.float32 if self.device.type == "mps" else torch.float64  # Apple's GPUs have no float64

    def tensor(self, values: ArrayLike) -> Any:
        """Numbers as a tensor."""
        return torch.as_tensor(np.array(values), dtype=self.real, device=self.device)

    # --- the names of Replicas ---

    def batch_gradients(self, x: Any, picks: Any) -> Any:
        """Mean gradients (R, d) of the losses of picked examples."""
        return self.sums(x, picks, self._full(picks.shape, 1 / picks.shape[1]))[1]

    def combined_gradients(self, x: Any, weights: Any) -> Any:
        """sum_j w_rj grad l_j (R, d) over all examples, with weights (R, m)."""
        return self.sums(x, None, weights)[1]

    def gradients(self, x: Any) -> Any:
        """Gradients (R, d) of the full loss."""
        return self.sums(x, None, self.shares(len(x)))[1]

    def shares(self, replicas: int) -> Any:
        """Weights 1/m, (R, m)."""
        m = self.landscape.number_of_examples
        return self._full((replicas, m), 1 / m)

    def sums(self, x: Any, picks: Any, weights: Any, slopes: bool = True) -> tuple[Any, Any]:
        """Weighted sums over picked examples, or all (``picks`` None): losses (R,), gradients (R, d) if wanted."""
        more = 1 if self.device.type == "cpu" else MORE
        losses, total = in_parts(self._part, torch.cat, x, picks, weights, slopes, more)
        return losses, total

    # --- inside ---

    def _part(self, x: Any, picks: Any, weights: Any, slopes: bool) -> tuple[Any, Any]:
        """The same of picks (R, S), or of a slice of the examples, which all replicas see."""
        landscape, dtype = self.landscape, next(self.landscape.network.parameters()).dtype
        own, which = x.detach().to(dtype).requires_grad_(slopes), (None, picks) if isinstance(picks, slice) else picks
        with torch.set_grad_enabled(slopes):
            losses = self._examples(own, landscape.inputs[which], landscape.labels[which])
            sums = (losses * weights.to(dtype)).sum(dim=1)
        slope = torch.autograd.grad(sums.sum(), own)[0] if slopes else x[:, :0]
        return sums.detach().to(self.real), slope.to(self.real)

    def _examples(self, points: Any, inputs: Any, labels: Any) -> Any:
        """Losses (R, S) of inputs (R, S, ...) or shared ones (1, S, ...), weight decay included."""
        landscape = self.landscape
        outputs = self.outputs(landscape.network, self._parameters(points), inputs)
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

    def _full(self, shape: tuple[int, ...], value: float) -> Any:
        return torch.full(shape, value, dtype=self.real, device=self.device)


def mapped(network: Any, parameters: dict[str, Any], inputs: Any) -> Any:
    """Outputs (R, S, classes) of any network by vmap over its parameters; inputs (R, S, ...), or shared (1, S, ...)."""

    def one(parameters: dict[str, Any], inputs: Any) -> Any:
        return torch.func.functional_call(network, parameters, (inputs,))

    replicas, shared = len(next(iter(parameters.values()))), len(inputs) == 1
    with plain_kernels():
        try:
            own = inputs[0] if shared else inputs
            return torch.func.vmap(one, in_dims=(0, None if shared else 0))(parameters, own)
        except torch.cuda.OutOfMemoryError:  # a RuntimeError, too, which is no reason to be a thousand times slower
            raise
        except (RuntimeError, NotImplementedError):  # some layers, and what branches on values: one after the other
            alone = ({key: p[r] for key, p in parameters.items()} for r in range(replicas))
            return torch.stack([one(own, inputs[0 if shared else r]) for r, own in enumerate(alone)])
