"""A torch network with its training data as a loss landscape over the flat vector x of its parameters,

    L(x) = (1/m) sum_j l_j(x),      l_j = cross entropy (or squared error) of example j  +  weight_decay |x|^2 / 2.

Everything that theory asks for comes from products with vectors, no matrix is formed: with J (m x d) the derivatives
of the l_j, w -> J^T w is one backward pass, v -> J v and v -> H v are backward passes through it, and the covariance of
one example's gradient is  C1 v = J^T (J v - mean(J v)) / m,  the centred one.

Coordinates are the parameters that can be trained (``requires_grad``); frozen ones stay as they are, and so do buffers
such as running statistics (:mod:`landscapes.networks.checkpoints`).
This module needs torch (extra ``network``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from landscapes.evaluation import Array, PlainFunctions
from landscapes.field import numbered
from landscapes.networks import many_points, products
from landscapes.networks.admission import admitted
from landscapes.networks.checkpoints import KEPT, Guard, Way, only_parameters, state_of, way
from landscapes.networks.derivatives import require_true_derivatives
from landscapes.networks.losses import ExampleLosses
from landscapes.networks.torch_calls import numbers, plain_kernels
from landscapes.networks.torch_extra import nn, torch

if TYPE_CHECKING:
    from scipy.sparse.linalg import LinearOperator


class NeuralLandscape(ExampleLosses):
    """The loss of a network on a data set, as a function of its parameters.

    Args:
        network: a torch module mapping inputs (m, ...) to outputs (m, classes), in evaluation mode; one output tells
            two classes apart. It is copied;
            trainable parameters, in the order of ``network.parameters()``, become the coordinates.
        inputs: (m, ...) array or tensor; images (m, height, width) get a channel axis where the network takes one, and
            whole numbers stay so for a network that takes only those (an embedding).
        labels: (m,) classes for ``"cross-entropy"``; (m, outputs) numbers for ``"squared"``, (m,) if there is one
            output; classes stand for their unit vectors.
        loss: ``"cross-entropy"``, or ``"squared"``: |output - label|^2 / 2.
        weight_decay: coefficient of |x|^2 / 2, part of every example's loss.
        dtype: ``"float64"`` or ``"float32"``, in which torch computes; results are float64 arrays.
        device: torch's name of a device, such as ``"cpu"`` or ``"cuda"``.
        chunk: examples that go through the network at a time.
        name: shown in results.
        buffers: ``"frozen"`` keeps running statistics and other buffers as they came, at every x. None does so too, but
            refuses points at which they are visibly not those of the data any more.

    Raises:
        ValueError: for data of wrong shapes, and for a network whose loss is no function of its parameters and single
            examples (:mod:`landscapes.networks.admission`).
        TypeError: for what is no torch module.
    """

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
        buffers: Literal["frozen"] | None = None,
    ) -> None:
        if dtype not in ("float64", "float32"):
            raise ValueError(f"dtype is 'float64' or 'float32'; got {dtype!r}")
        if not (np.isfinite(weight_decay) and weight_decay >= 0):
            raise ValueError(f"weight_decay is a number >= 0; got {weight_decay!r}")
        if chunk < 1:
            raise ValueError(f"chunk counts examples and is at least 1; got {chunk!r}")
        if buffers not in (None, "frozen"):
            raise ValueError(f"buffers is 'frozen' or None; got {buffers!r}")
        own, x, y = admitted(network, inputs, labels, loss, dtype, device)
        shapes = {key: parameter.shape for key, parameter in own.named_parameters() if parameter.requires_grad}
        d, every = sum(shape.numel() for shape in shapes.values()), sum(p.numel() for p in own.parameters())
        counted = f"{d} parameters" if d == every else f"{d} of {every} parameters (the others are frozen)"
        kept = KEPT if state_of(own) else ""
        self.__dict__.update(
            network=own, inputs=x, labels=y, kind=loss, weight_decay=float(weight_decay), chunk=int(chunk),
            frozen=buffers == "frozen", shapes=shapes,
            _functions=PlainFunctions(d, self._losses, self._gradients, self._hessians), dimension=d, bounds=None,
            name=name or f"{type(own).__name__} with {counted} on {len(y)} examples{kept}",
            default_start=None, default_target=None,
        )  # fmt: skip
        require_true_derivatives(self)

    @property
    def variables(self) -> tuple[str, ...]:  # type: ignore[override]  # a million names are made only when asked for
        """The names x0, x1, ... of the coordinates."""
        return numbered(self.dimension)

    @property
    def keeps_buffers(self) -> bool:
        """Whether the network has buffers of which nobody said that they are to be frozen."""
        return not self.frozen and bool(state_of(self.network))

    # --- checkpoints ---

    def parameters_of(self, checkpoint: Any) -> Array:
        """The parameters (d,) of another checkpoint of the network, a torch module or its state dictionary.

        Raises:
            ValueError: for another network, or one whose buffers (running statistics) are not those kept here.
        """
        return only_parameters(self, checkpoint)

    def way(self, first: Any, second: Any) -> Way:
        """The straight line between two checkpoints (modules, state dictionaries, or vectors (d,)), buffers included.

        Raises:
            ValueError: for vectors, if the loss depends on buffers that they come without.
        """
        return way(self, first, second)

    # --- derivatives ---

    def example_gradients(self, x: ArrayLike) -> Array:
        """Return the gradients of all examples at x (d, ...), shape (m, d, ...).

        Raises:
            ValueError: if the array would be too large; use `weighted_gradient` and `covariance_operator` then.
        """
        points = self._points(x)
        self._require_room("gradients of single examples", self.number_of_examples * points.size)

        flat = points.reshape(len(points), -1).T
        found = np.moveaxis(many_points.example_gradients(self, flat), 0, -1)
        return self._numbers("gradient", found.reshape(self.number_of_examples, *points.shape), points)

    def gradient_covariance(self, x: ArrayLike) -> Array:
        """Return the covariance C1 of one example's gradient at x (d, ...) as a matrix, shape (d, d, ...).

        Raises:
            ValueError: if the matrix would be too large; use `covariance_operator` then.
        """
        points = self._points(x)
        self._require_room("covariance", points.size * self.dimension)
        g = self.example_gradients(points)
        g = np.moveaxis((g - g.mean(axis=0)).reshape(*g.shape[:2], -1), 2, 0)
        found = np.moveaxis(np.swapaxes(g, 1, 2) @ g, 0, -1) / self.number_of_examples
        return np.ascontiguousarray(found).reshape(self.dimension, *points.shape)

    def weighted_gradient(self, x: ArrayLike, weights: ArrayLike) -> Array:
        """Return J^T w = sum_j w_j grad l_j at x (d,) for weights (m,), shape (d,).

        Weights 1/S on the S examples of a mini-batch give its gradient. Weights (z - mean z)/(m S)^(1/2) with standard
        normal z (m,) give Gaussian noise of the covariance C1/S.
        """
        w = np.asarray(weights, dtype=np.float64)
        if w.shape != (self.number_of_examples,):
            raise ValueError(f"weights are one number per example, shape ({self.number_of_examples},); got {w.shape}")
        point, chosen = self._tensor(self._point(x)).requires_grad_(), np.flatnonzero(w)
        total = torch.zeros_like(point)
        for first in range(0, len(chosen), self.chunk):
            part = torch.as_tensor(chosen[first : first + self.chunk], device=point.device)
            losses = self._examples(point, self.inputs[part], self.labels[part])
            weighted = losses @ self._tensor(w[chosen[first : first + self.chunk]])
            total += torch.autograd.grad(weighted, point)[0]
        return numbers(total)

    def batch_gradients(self, x: ArrayLike, picks: ArrayLike) -> Array:
        """Return the gradients of mini-batches, each at a point of its own, shape (d, R).

        Args:
            x: points (d, R).
            picks: numbers (S, R) of examples, 0 ... m - 1; one may occur more than once.
        """
        points, chosen = np.asarray(x, dtype=np.float64), np.asarray(picks)
        if points.shape != (self.dimension, *chosen.shape[1:]) or chosen.ndim != 2:
            raise ValueError(f"points (d, R) and picks (S, R) are wanted; got {points.shape} and {chosen.shape}")
        index = torch.as_tensor(chosen.T.astype(np.int64), device=self.inputs.device)

        def mean(point: Any, inputs: Any, labels: Any) -> Any:
            return self._examples(point, inputs, labels).mean()

        gradient, rows = torch.func.grad(mean), max(1, self.chunk // max(1, chosen.shape[0]))
        found = []
        with plain_kernels():
            for first in range(0, points.shape[1], rows):
                part = index[first : first + rows]
                together = self._tensor(points.T[first : first + rows]), self.inputs[part], self.labels[part]
                try:
                    found.append(torch.func.vmap(gradient)(*together))
                except (RuntimeError, NotImplementedError):  # as in example_gradients
                    found.append(torch.stack([gradient(*one) for one in zip(*together, strict=True)]))
        return numbers(torch.cat(found)).T

    def weighted_products(self, x: ArrayLike, weights: ArrayLike, v: ArrayLike) -> Array:
        """Return sum_j w_j H_j(x) v, H_j the Hessian of an example: x, v (d, n), weights (m, n), result (d, n)."""
        points, w, along = self._points(x), np.asarray(weights, dtype=np.float64), np.asarray(v, dtype=np.float64)
        if points.ndim != 2 or along.shape != points.shape or w.shape != (self.number_of_examples, points.shape[1]):
            shapes = f"{points.shape}, {w.shape} and {along.shape}"
            raise ValueError(f"points (d, n), weights (m, n) and vectors (d, n) are wanted; got {shapes}")
        return many_points.weighted_products(self, points.T, w.T, along.T).T

    def weighted_hessians(self, x: ArrayLike, weights: ArrayLike) -> Array:
        """Return sum_j w_j H_j(x), H_j the Hessian of an example: x (d, n), weights (m, n), result (d, d, n)."""
        points, w = self._points(x), np.asarray(weights, dtype=np.float64)
        self._require_room("Hessian", points.size * self.dimension)
        if points.ndim != 2 or w.shape != (self.number_of_examples, points.shape[1]):
            raise ValueError(f"points (d, n) and weights (m, n) are wanted; got {points.shape} and {w.shape}")
        return np.ascontiguousarray(np.moveaxis(many_points.weighted_hessians(self, points.T, w.T), 0, -1))

    def slopes(self, x: ArrayLike, v: ArrayLike) -> Array:
        """Return J v: the derivative of every example's loss at x (d,) along v (d,), shape (m,)."""
        return numbers(products.slopes(self, *self._place(x, v)))

    def hessian_vector(self, x: ArrayLike, v: ArrayLike) -> Array:
        """Return H(x) v for x (d,) and v (d,), shape (d,)."""
        return numbers(products.hessian_vector(self, *self._place(x, v)))

    def hessian_operator(self, x: ArrayLike, rough: bool = False) -> LinearOperator:
        """Return v -> H(x) v as a symmetric scipy operator (d, d); they are never ``rough`` here."""
        return products.Products(self, self._tensor(self._point(x)), products.hessian_vector).operator()

    def covariance_operator(self, x: ArrayLike) -> LinearOperator:
        """Return v -> C1(x) v, the centred covariance of one example's gradient, as a scipy operator (d, d)."""
        return products.Products(self, self._tensor(self._point(x)), products.covariance_vector).operator()

    # --- inside ---

    def _points(self, x: ArrayLike) -> Array:
        if isinstance(x, nn.Module | Mapping):
            x = self.parameters_of(x)
        points = super()._points(x.detach().cpu().numpy() if isinstance(x, torch.Tensor) else x)
        if not self.frozen:
            for i in range(points[0].size):
                self._guard.check(self, points.reshape(len(points), -1)[:, i])
        return points

    @property
    def _guard(self) -> Guard:
        found: Guard | None = self.__dict__.get("_guarding")
        if found is None:
            found = self.__dict__["_guarding"] = Guard(self)
        return found

    def _place(self, x: ArrayLike, v: ArrayLike) -> tuple[Any, Any]:
        return self._tensor(self._point(x)), self._tensor(self._vector(v))

    def _losses(self, x: Array) -> Array:
        return self.example_losses(x).mean(axis=0)

    def _gradients(self, x: Array) -> Array:
        flat, m = x.reshape(len(x), -1).T, self.number_of_examples
        return many_points.weighted_gradients(self, flat, np.full((len(flat), m), 1 / m)).T.reshape(x.shape)

    def _hessians(self, x: Array) -> Array:
        self._require_room("Hessian", x.size * self.dimension)
        flat, m = x.reshape(len(x), -1), self.number_of_examples
        return self.weighted_hessians(flat, np.full((m, flat.shape[1]), 1 / m)).reshape(self.dimension, *x.shape)

    def __eq__(self, other: object) -> bool:
        return self is other

    def __hash__(self) -> int:
        return id(self)
