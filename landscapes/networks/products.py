"""Products of a network's derivatives with vectors, on tensors that are and stay on its device:

    J v,      J^T w,      H v,      C1 v = J^T (J v - mean(J v)) / m

with J (m x d) the derivatives of the examples' losses, H the Hessian of their mean.
This module needs torch (extra ``network``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse.linalg import LinearOperator

from landscapes.evaluation import Array
from landscapes.networks.losses import ExampleLosses
from landscapes.networks.torch_calls import numbers, twice
from landscapes.networks.torch_extra import torch


def slopes(landscape: ExampleLosses, point: Any, along: Any) -> Any:
    """J v (m,) at a point (d,), v (d,)."""
    point, found = point.detach().requires_grad_(), []
    with twice(landscape.name):
        for losses in landscape._parts(point):
            # J^T w is linear in w: its derivative along v with respect to w is J v
            w = torch.ones_like(losses).requires_grad_()
            (pulled,) = torch.autograd.grad(losses @ w, point, create_graph=True)
            found.append(torch.autograd.grad(pulled @ along, w)[0])
    return torch.cat(found)


def weighted_gradient(landscape: ExampleLosses, point: Any, weights: Any) -> Any:
    """J^T w (d,) at a point (d,), w (m,)."""
    point = point.detach().requires_grad_()
    shares = weights.split(landscape.chunk)
    return sum(
        torch.autograd.grad(losses @ own, point)[0]
        for losses, own in zip(landscape._parts(point), shares, strict=True)
    )


def hessian_vector(landscape: ExampleLosses, point: Any, along: Any) -> Any:
    """H v (d,) at a point (d,), v (d,)."""
    point, total = point.detach().requires_grad_(), torch.zeros_like(point)
    with twice(landscape.name):
        for losses in landscape._parts(point):
            (slope,) = torch.autograd.grad(losses.sum(), point, create_graph=True)
            total += torch.autograd.grad(slope @ along, point)[0]
    return total / landscape.number_of_examples


def covariance_vector(landscape: ExampleLosses, point: Any, along: Any) -> Any:
    """C1 v (d,) at a point (d,), v (d,)."""
    steep = slopes(landscape, point, along)
    return weighted_gradient(landscape, point, (steep - steep.mean()) / landscape.number_of_examples)


@dataclass(frozen=True, eq=False)
class Products:
    """v -> A v, symmetric, at one point of a landscape.

    Attributes:
        landscape: whose point it is.
        point: (d,), a tensor on the landscape's device.
        product: one of this module.
    """

    landscape: ExampleLosses
    point: Any
    product: Callable[[ExampleLosses, Any, Any], Any]

    @property
    def on_host(self) -> bool:
        """Whether vectors are best left to NumPy; Apple's GPUs have no float64."""
        return self.point.device.type in ("cpu", "mps")

    def operator(self) -> LinearOperator:
        """The same as a scipy operator (d, d), whose attribute ``products`` is this."""
        d = len(self.point)
        found = LinearOperator((d, d), matvec=self.of_array, rmatvec=self.of_array, dtype=np.float64)
        vars(found)["products"] = self
        return found

    def of_array(self, v: Array) -> Array:
        """A v of an array."""
        along = self.landscape._tensor(np.asarray(v, dtype=np.float64).reshape(-1))
        return numbers(self.product(self.landscape, self.point, along))

    def of_tensor(self, v: Any) -> Any:
        """A v of a float64 tensor on the device."""
        return self.product(self.landscape, self.point, v.to(self.point.dtype)).to(v.dtype)

    def tensor(self, v: Array) -> Any:
        """An array (d,) as a float64 tensor on the device."""
        return torch.as_tensor(np.array(v, dtype=np.float64), device=self.point.device)
