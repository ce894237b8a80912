"""The losses of single examples as functions of the flat vector x (d,) of a network's trainable parameters:

l_j(x) = cross entropy, or |output - label|^2 / 2, of example j  +  weight_decay |x|^2 / 2

The cross entropy of one output z is that of two classes with the logits 0 and z.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from landscapes.evaluation import Array
from landscapes.landscape import Landscape
from landscapes.networks.torch_calls import numbers, spread
from landscapes.networks.torch_extra import functional, torch

MOST_NUMBERS = 50_000_000
"""The largest dense array of derivatives (0.4 GB) that is made."""


def logits(outputs: Any) -> Any:
    """Outputs (..., classes) of a classifier; one output (..., 1) as the logits (..., 2) of two classes, 0 and z."""
    return functional.pad(outputs, (1, 0)) if outputs.shape[-1] == 1 else outputs


class ExampleLosses(Landscape):
    """A network, its examples, and the losses of these; what is differentiated is :class:`NeuralLandscape`'s matter."""

    network: Any
    inputs: Any
    labels: Any
    kind: str
    weight_decay: float
    chunk: int
    frozen: bool
    shapes: dict[str, Any]
    """Name -> shape of the parameters that are coordinates, in their order."""

    @property
    def initial(self) -> Array:
        """The parameters that the network came with, shape (d,)."""
        own = dict(self.network.named_parameters())
        return numbers(torch.cat([own[key].reshape(-1) for key in self.shapes]))

    @property
    def number_of_examples(self) -> int:
        """The number m of examples."""
        return len(self.labels)

    def example_losses(self, x: ArrayLike) -> Array:
        """Return the losses of all examples at x (d, ...), shape (m, ...)."""

        def at(point: Any) -> Array:
            with torch.no_grad():
                return numbers(torch.cat(list(self._parts(point))))

        return self._everywhere("loss", x, at)

    def chosen_losses(self, x: ArrayLike, chosen: slice, network: Any = None, buffers: Any = None) -> Array:
        """Losses of some examples at x (d,), if asked for by another copy of the network with buffers of its own."""
        with torch.no_grad():
            outputs = self._call(self._tensor(np.asarray(x)), self.inputs[chosen], network, buffers)
            return numbers(self._compared(outputs, self.labels[chosen]))

    def accuracy(self, x: ArrayLike) -> float:
        """Return the share of examples that the network with parameters x (d,) classifies as labelled."""
        if self.kind != "cross-entropy":
            raise ValueError("a network that fits numbers has no accuracy; its loss is squared, not cross-entropy")
        with torch.no_grad():
            point = self._tensor(self._point(x))
            right = sum(
                int((logits(self._outputs(point, chosen)).argmax(dim=1) == self.labels[chosen]).sum())
                for chosen in self._chunks()
            )
        return right / self.number_of_examples

    def losses_with(self, buffers: Mapping[str, Any], x: Array) -> Array:
        """Losses (m,) of all examples at x (d,) with other values of some of the network's buffers."""
        point = self._tensor(x)
        with torch.no_grad():
            parts = [self._examples(point, self.inputs[c], self.labels[c], buffers) for c in self._chunks()]
        return self._numbers("loss", numbers(torch.cat(parts)), x)

    # --- inside ---

    def _point(self, x: ArrayLike) -> Array:
        points = self._points(x)
        if points.ndim != 1:
            raise ValueError(f"this takes one point, shape ({self.dimension},); got shape {points.shape}")
        return points

    def _vector(self, v: ArrayLike) -> Array:
        vector = np.asarray(v, dtype=np.float64)
        if vector.shape != (self.dimension,):
            raise ValueError(f"a direction has shape ({self.dimension},); got {vector.shape}")
        return vector

    def _everywhere(self, what: str, x: ArrayLike, function: Callable[[Any], Array]) -> Array:
        points = self._points(x)
        return self._numbers(what, spread(lambda point: function(self._tensor(point)), points), points)

    def _parts(self, point: Any) -> Iterator[Any]:
        """The losses of all examples, a chunk at a time."""
        for chosen in self._chunks():
            yield self._examples(point, self.inputs[chosen], self.labels[chosen])

    def _chunks(self) -> Iterator[slice]:
        for first in range(0, self.number_of_examples, self.chunk):
            yield slice(first, first + self.chunk)

    def _examples(self, point: Any, inputs: Any, labels: Any, buffers: Any = None) -> Any:
        losses = self._compared(self._call(point, inputs, buffers=buffers), labels)
        return losses + self.weight_decay / 2 * (point @ point)

    def _compared(self, outputs: Any, labels: Any) -> Any:
        if self.kind == "cross-entropy":
            return functional.cross_entropy(logits(outputs), labels, reduction="none")
        return ((outputs - labels) ** 2).sum(dim=1) / 2

    def _outputs(self, point: Any, chosen: slice) -> Any:
        return self._call(point, self.inputs[chosen])

    def _call(self, point: Any, inputs: Any, network: Any = None, buffers: Any = None) -> Any:
        pieces = torch.split(point, [shape.numel() for shape in self.shapes.values()])
        parameters = {key: piece.view(shape) for (key, shape), piece in zip(self.shapes.items(), pieces, strict=True)}
        return torch.func.functional_call(network or self.network, {**parameters, **(buffers or {})}, (inputs,))

    def _tensor(self, values: Array) -> Any:
        like = next(self.network.parameters())
        return torch.as_tensor(np.array(values, dtype=np.float64), dtype=like.dtype, device=like.device)

    def _require_room(self, what: str, numbers: int) -> None:
        if numbers > MOST_NUMBERS:
            raise ValueError(
                f"the {what} of {self.name} would be {numbers:.2g} numbers; use products with vectors instead "
                "(hessian_operator, covariance_operator, weighted_gradient)"
            )
