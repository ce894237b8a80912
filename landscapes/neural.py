"""A torch network with its training data as a loss landscape over the flat vector x of its parameters,

    L(x) = (1/m) sum_j l_j(x),      l_j = cross entropy (or squared error) of example j  +  weight_decay |x|^2 / 2.

Everything that theory asks for comes from products with vectors, no matrix is formed: with J (m x d) the derivatives
of the l_j, w -> J^T w is one backward pass, v -> J v and v -> H v are backward passes through it, and the covariance of
one example's gradient is  C1 v = J^T (J v - mean(J v)) / m,  the centred one.
This module needs torch (extra ``network``).
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import nn

from landscapes.evaluation import Array, PlainFunctions
from landscapes.field import numbered
from landscapes.landscape import Landscape
from landscapes.networks import require_single_examples

if TYPE_CHECKING:
    from scipy.sparse.linalg import LinearOperator

MOST_NUMBERS = 50_000_000
"""The largest dense array of derivatives (0.4 GB) that is made."""


class NeuralLandscape(Landscape):
    """The loss of a network on a data set, as a function of its parameters.

    Args:
        network: a torch module mapping inputs (m, ...) to outputs (m, classes). It is copied; parameters, in the
            order of ``network.parameters()``, become the coordinates.
        inputs: (m, ...) array; images (m, height, width) get a channel axis.
        labels: (m,) classes for ``"cross-entropy"``; (m,) or (m, outputs) numbers for ``"squared"``.
        loss: ``"cross-entropy"``, or ``"squared"``: |output - label|^2 / 2.
        weight_decay: coefficient of |x|^2 / 2, part of every example's loss.
        dtype: ``"float64"`` or ``"float32"``, in which torch computes; results are float64 arrays.
        device: torch's name of a device, such as ``"cpu"`` or ``"cuda"``.
        chunk: examples that go through the network at a time.
        name: shown in results.

    Raises:
        ValueError: for data of wrong shapes, and for a network whose loss is no function of single examples (batch
            normalisation in training mode) or is random (dropout in training mode).
    """

    network: Any
    inputs: Any
    labels: Any
    kind: str
    weight_decay: float
    chunk: int
    _shapes: dict[str, Any]

    def __init__(
        self,
        network: Any,
        inputs: ArrayLike,
        labels: ArrayLike,
        loss: Literal["cross-entropy", "squared"] = "cross-entropy",
        weight_decay: float = 0.0,
        dtype: Literal["float64", "float32"] = "float64",
        device: str = "cpu",
        chunk: int = 1024,
        name: str | None = None,
    ) -> None:
        if dtype not in ("float64", "float32"):
            raise ValueError(f"dtype is 'float64' or 'float32'; got {dtype!r}")
        if not (np.isfinite(weight_decay) and weight_decay >= 0):
            raise ValueError(f"weight_decay is a number >= 0; got {weight_decay!r}")
        if chunk < 1:
            raise ValueError(f"chunk counts examples and is at least 1; got {chunk!r}")
        require_single_examples(network)
        real = getattr(torch, dtype)
        own = copy.deepcopy(network).to(device=device, dtype=real)
        x, y = _tensors(inputs, labels, loss, real, device)
        shapes = {key: parameter.shape for key, parameter in own.named_parameters()}
        d = sum(shape.numel() for shape in shapes.values())
        self.__dict__.update(
            network=own, inputs=x, labels=y, kind=loss, weight_decay=float(weight_decay), chunk=int(chunk),
            _shapes=shapes,
            _functions=PlainFunctions(d, self._losses, self._gradients, self._hessians), dimension=d, bounds=None,
            name=name or f"{type(network).__name__} with {d} parameters on {len(y)} examples",
            default_start=None, default_target=None,
        )  # fmt: skip

    @property
    def variables(self) -> tuple[str, ...]:  # type: ignore[override]  # a million names are made only when asked for
        """The names x0, x1, ... of the coordinates."""
        return numbered(self.dimension)

    @property
    def number_of_examples(self) -> int:
        """The number m of examples."""
        return len(self.labels)

    @property
    def initial(self) -> Array:
        """The parameters that the network came with, shape (d,)."""
        return _numbers(nn.utils.parameters_to_vector(self.network.parameters()))

    # --- losses ---

    def example_losses(self, x: ArrayLike) -> Array:
        """Return the losses of all examples at x (d, ...), shape (m, ...)."""

        def at(point: Any) -> Array:
            with torch.no_grad():
                return np.concatenate([_numbers(part) for part in self._parts(point)])

        return self._everywhere("loss", x, at)

    def accuracy(self, x: ArrayLike) -> float:
        """Return the share of examples that the network with parameters x (d,) classifies as labelled."""
        if self.kind != "cross-entropy":
            raise ValueError("a network that fits numbers has no accuracy; its loss is squared, not cross-entropy")
        with torch.no_grad():
            point = self._tensor(np.asarray(x))
            right = sum(
                int((self._outputs(point, chosen).argmax(dim=1) == self.labels[chosen]).sum())
                for chosen in self._chunks()
            )
        return right / self.number_of_examples

    # --- derivatives ---

    def example_gradients(self, x: ArrayLike) -> Array:
        """Return the gradients of all examples at x (d, ...), shape (m, d, ...).

        Raises:
            ValueError: if the array would be too large; use `weighted_gradient` and `covariance_operator` then.
        """
        points = self._points(x)
        self._require_room("gradients of single examples", self.number_of_examples * points.size)

        def one(point: Any, example: Any, label: Any) -> Any:
            return self._examples(point, example[None], label[None])[0]

        many = torch.func.vmap(torch.func.grad(one), in_dims=(None, 0, 0))

        def at(point: Any) -> Array:
            parts = [many(point, self.inputs[c], self.labels[c]) for c in self._chunks()]
            return np.concatenate([_numbers(part) for part in parts])

        return self._everywhere("gradient", points, at)

    def gradient_covariance(self, x: ArrayLike) -> Array:
        """Return the covariance C1 of one example's gradient at x (d, ...) as a matrix, shape (d, d, ...).

        Raises:
            ValueError: if the matrix would be too large; use `covariance_operator` then.
        """
        points = self._points(x)
        self._require_room("covariance", points.size * self.dimension)
        g = self.example_gradients(points)
        g = g - g.mean(axis=0)
        return np.asarray(np.einsum("mi...,mj...->ij...", g, g) / self.number_of_examples)

    def weighted_gradient(self, x: ArrayLike, weights: ArrayLike) -> Array:
        """Return J^T w = sum_j w_j grad l_j at x (d,) for weights (m,), shape (d,).

        Weights 1/S on the S examples of a mini-batch give its gradient. Weights (z - mean z)/(m S)^(1/2) with standard
        normal z (m,) give Gaussian noise of the covariance C1/S.
        """
        w = np.asarray(weights, dtype=np.float64)
        if w.shape != (self.number_of_examples,):
            raise ValueError(f"weights are one number per example, shape ({self.number_of_examples},); got {w.shape}")
        point, chosen = self._tensor(np.asarray(x)).requires_grad_(), np.flatnonzero(w)
        total = torch.zeros_like(point)
        for first in range(0, len(chosen), self.chunk):
            part = torch.as_tensor(chosen[first : first + self.chunk], device=point.device)
            losses = self._examples(point, self.inputs[part], self.labels[part])
            weighted = losses @ self._tensor(w[chosen[first : first + self.chunk]])
            total += torch.autograd.grad(weighted, point)[0]
        return _numbers(total)

    def slopes(self, x: ArrayLike, v: ArrayLike) -> Array:
        """Return J v: the derivative of every example's loss at x (d,) along v (d,), shape (m,)."""
        point, along = self._tensor(np.asarray(x)).requires_grad_(), self._tensor(np.asarray(v))
        found = []
        for losses in self._parts(point):
            # J^T w is linear in w: its derivative along v with respect to w is J v
            w = torch.ones_like(losses).requires_grad_()
            (pulled,) = torch.autograd.grad(losses @ w, point, create_graph=True)
            found.append(torch.autograd.grad(pulled @ along, w)[0])
        return np.concatenate([_numbers(part) for part in found])

    def hessian_vector(self, x: ArrayLike, v: ArrayLike) -> Array:
        """Return H(x) v for x (d,) and v (d,), shape (d,)."""
        point, along = self._tensor(np.asarray(x)).requires_grad_(), self._tensor(np.asarray(v))
        total = torch.zeros_like(point)
        for losses in self._parts(point):
            (slope,) = torch.autograd.grad(losses.sum(), point, create_graph=True)
            total += torch.autograd.grad(slope @ along, point)[0]
        return _numbers(total / self.number_of_examples)

    def hessian_operator(self, x: ArrayLike) -> LinearOperator:
        """Return v -> H(x) v as a symmetric scipy operator (d, d)."""
        return self._operator(lambda v: self.hessian_vector(x, v))

    def covariance_operator(self, x: ArrayLike) -> LinearOperator:
        """Return v -> C1(x) v, the centred covariance of one example's gradient, as a scipy operator (d, d)."""

        def product(v: Array) -> Array:
            along = self.slopes(x, v)
            return self.weighted_gradient(x, (along - along.mean()) / self.number_of_examples)

        return self._operator(product)

    # --- inside ---

    def _operator(self, product: Callable[[Array], Array]) -> LinearOperator:
        from scipy.sparse.linalg import LinearOperator

        d = self.dimension

        def matvec(v: Array) -> Array:
            return product(np.asarray(v, dtype=np.float64).reshape(d))

        return LinearOperator((d, d), matvec=matvec, rmatvec=matvec, dtype=np.float64)

    def _losses(self, x: Array) -> Array:
        return self.example_losses(x).mean(axis=0)

    def _gradients(self, x: Array) -> Array:
        uniform = np.full(self.number_of_examples, 1 / self.number_of_examples)
        return _spread(lambda point: self.weighted_gradient(point, uniform), x)

    def _hessians(self, x: Array) -> Array:
        self._require_room("Hessian", x.size * self.dimension)

        def at(point: Array) -> Array:
            columns = np.stack([self.hessian_vector(point, e) for e in np.eye(self.dimension)])
            return (columns + columns.T) / 2

        return _spread(at, x)

    def _everywhere(self, what: str, x: ArrayLike, function: Callable[[Any], Array]) -> Array:
        points = self._points(x)
        return self._numbers(what, _spread(lambda point: function(self._tensor(point)), points), points)

    def _parts(self, point: Any) -> Iterator[Any]:
        """The losses of all examples, a chunk at a time."""
        for chosen in self._chunks():
            yield self._examples(point, self.inputs[chosen], self.labels[chosen])

    def _chunks(self) -> Iterator[slice]:
        for first in range(0, self.number_of_examples, self.chunk):
            yield slice(first, first + self.chunk)

    def _examples(self, point: Any, inputs: Any, labels: Any) -> Any:
        outputs = self._call(point, inputs)
        if self.kind == "cross-entropy":
            losses = nn.functional.cross_entropy(outputs, labels, reduction="none")
        else:
            losses = ((outputs - labels) ** 2).sum(dim=1) / 2
        return losses + self.weight_decay / 2 * (point @ point)

    def _outputs(self, point: Any, chosen: slice) -> Any:
        return self._call(point, self.inputs[chosen])

    def _call(self, point: Any, inputs: Any) -> Any:
        pieces = torch.split(point, [shape.numel() for shape in self._shapes.values()])
        parameters = {key: piece.view(shape) for (key, shape), piece in zip(self._shapes.items(), pieces, strict=True)}
        return torch.func.functional_call(self.network, parameters, (inputs,))

    def _tensor(self, values: Array) -> Any:
        return torch.as_tensor(np.array(values, dtype=np.float64), dtype=self.inputs.dtype, device=self.inputs.device)

    def _require_room(self, what: str, numbers: int) -> None:
        if numbers > MOST_NUMBERS:
            raise ValueError(
                f"the {what} of {self.name} would be {numbers:.2g} numbers; use products with vectors instead "
                "(hessian_operator, covariance_operator, weighted_gradient)"
            )

    def __eq__(self, other: object) -> bool:
        return self is other

    def __hash__(self) -> int:
        return id(self)


def _tensors(inputs: ArrayLike, labels: ArrayLike, loss: str, dtype: Any, device: str) -> tuple[Any, Any]:
    """Inputs and labels as tensors of the right shapes."""
    x, y = np.asarray(inputs, dtype=np.float64), np.asarray(labels)
    x = x[:, None] if x.ndim == 3 else x
    if x.ndim < 2 or len(x) == 0 or y.shape[:1] != x.shape[:1]:
        raise ValueError(f"inputs have shape (m, ...) and labels (m, ...), m >= 1; got {x.shape} and {y.shape}")
    if not np.isfinite(x).all():
        raise ValueError("the inputs hold values that are not finite numbers")
    if loss == "cross-entropy":
        if y.ndim != 1 or y.dtype.kind not in "iu":
            raise ValueError(f"labels are classes, whole numbers of shape (m,); got {y.dtype} of shape {y.shape}")
        targets = torch.as_tensor(y.astype(np.int64), device=device)
    elif loss == "squared":
        targets = torch.as_tensor(y.astype(np.float64).reshape(len(y), -1), dtype=dtype, device=device)
    else:
        raise ValueError(f"loss is 'cross-entropy' or 'squared'; got {loss!r}")
    return torch.as_tensor(x, dtype=dtype, device=device), targets


def _numbers(tensor: Any) -> Array:
    return np.asarray(tensor.detach().cpu().numpy(), dtype=np.float64)


def _spread(function: Callable[[Array], Array], x: Array) -> Array:
    """Apply a function of one point (d,) to points (d, ...); their axes come last in the result."""
    flat = x.reshape(len(x), -1)
    values = np.stack([function(flat[:, i]) for i in range(flat.shape[1])], axis=-1)
    return values.reshape(values.shape[:-1] + x.shape[1:])
