"""Derivatives of the examples' losses at many points of parameter space in one call of torch:

    g_j(x_k),      sum_j w_jk g_j(x_k),      sum_j w_jk H_j(x_k) v_k,          k = 1 ... n points,  j = 1 ... m examples

Small networks cost torch more to be called than to be computed: n points at once take a tenth of the time of n calls.
What `torch.func.vmap` cannot take (some layers, any branching on values) goes point by point.
This module needs torch (extra ``network``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from landscapes.evaluation import Array
from landscapes.networks.losses import ExampleLosses
from landscapes.networks.torch_calls import numbers, plain_kernels, twice
from landscapes.networks.torch_extra import torch

MOST_IMAGES = 4096
"""Examples of all points together that go through the network at a time, so that activations stay in the caches."""
MORE = 16
"""How many times as many on a GPU, which small parts leave idle."""
ROWS = 16
"""Rows of a Hessian that are made together."""


def example_gradients(landscape: ExampleLosses, points: Array) -> Array:
    """g_j(x_k) at points (n, d), shape (n, m, d)."""

    def one(point: Any, example: Any, label: Any) -> Any:
        return landscape._examples(point, example[None], label[None])[0]

    gradient = torch.func.grad(one)
    every = torch.func.vmap(gradient, in_dims=(None, 0, 0))

    def part(x: Any, inputs: Any, labels: Any) -> Any:
        try:
            return torch.func.vmap(every, in_dims=(0, None, None))(x, inputs, labels)
        except (RuntimeError, NotImplementedError):
            return torch.stack(
                [torch.stack([gradient(y, u, v) for u, v in zip(inputs, labels, strict=True)]) for y in x]
            )

    found = np.empty((len(points), landscape.number_of_examples, points.shape[1]))
    with plain_kernels():
        for rows, columns in _parts(landscape, len(points)):
            x = landscape._tensor(points[rows])
            found[rows, columns] = numbers(part(x, landscape.inputs[columns], landscape.labels[columns]))
    return found


def weighted_gradients(landscape: ExampleLosses, points: Array, weights: Array) -> Array:
    """sum_j w_kj g_j(x_k) for points (n, d) and weights (n, m), shape (n, d)."""
    total = np.zeros_like(points)
    with plain_kernels():
        for rows, columns in _parts(landscape, len(points)):
            x = landscape._tensor(points[rows]).requires_grad_()
            sums = _losses(landscape, x, columns) * landscape._tensor(weights[rows, columns])
            total[rows] += numbers(torch.autograd.grad(sums.sum(), x)[0])
    return total


def weighted_products(landscape: ExampleLosses, points: Array, weights: Array, vectors: Array) -> Array:
    """sum_j w_kj H_j(x_k) v_k for points (n, d), weights (n, m) and vectors (n, d), shape (n, d)."""
    total = np.zeros_like(points)
    with twice(landscape.name):
        for rows, columns in _parts(landscape, len(points)):
            x = landscape._tensor(points[rows]).requires_grad_()
            losses = _losses(landscape, x, columns)
            mean = (losses * landscape._tensor(weights[rows, columns])).sum()
            (slope,) = torch.autograd.grad(mean, x, create_graph=True)
            along = (slope * landscape._tensor(vectors[rows])).sum()
            total[rows] += numbers(torch.autograd.grad(along, x)[0])
    return total


def weighted_hessians(landscape: ExampleLosses, points: Array, weights: Array) -> Array:
    """sum_j w_kj H_j(x_k) for points (n, d) and weights (n, m), shape (n, d, d): several rows at once."""

    def total(point: Any, inputs: Any, labels: Any, shares: Any) -> Any:
        return landscape._examples(point, inputs, labels) @ shares

    many = torch.func.jacrev(torch.func.grad(total), chunk_size=ROWS)

    def at(point: Array, own: Array) -> Array:
        """sum_j w_j Hess l_j (d, d) at a point (d,) with weights (m,)."""
        x, shares = landscape._tensor(point), landscape._tensor(own)
        try:
            with plain_kernels():
                chunks = landscape._chunks()
                parts = [numbers(many(x, landscape.inputs[c], landscape.labels[c], shares[c])) for c in chunks]
            found = np.sum(parts, axis=0)
        except (RuntimeError, NotImplementedError):
            d = len(point)
            rows, every = np.broadcast_to(point, (d, d)), np.broadcast_to(own, (d, len(own)))
            found = weighted_products(landscape, rows, every, np.eye(d))
        return np.asarray((found + found.T) / 2)

    found = [at(point, own) for point, own in zip(points, weights, strict=True)]
    return np.stack(found) if found else np.empty((0, *points.shape[1:] * 2))


def _losses(landscape: ExampleLosses, x: Any, columns: slice) -> Any:
    """Losses (n, k) of the examples ``columns`` at points x (n, d)."""
    inputs, labels = landscape.inputs[columns], landscape.labels[columns]

    def one(point: Any) -> Any:
        return landscape._examples(point, inputs, labels)

    return _mapped(one, x)


def _mapped(function: Callable[[Any], Any], x: Any) -> Any:
    try:
        return torch.func.vmap(function)(x)
    except (RuntimeError, NotImplementedError):
        return torch.stack([function(point) for point in x])


def _parts(landscape: ExampleLosses, points: int) -> Iterator[tuple[slice, slice]]:
    """Points and examples in blocks of at most `MOST_IMAGES` or so (one point's chunk at least)."""
    m = landscape.number_of_examples
    columns = min(m, landscape.chunk)
    rows = max(1, MOST_IMAGES * (1 if landscape.inputs.device.type == "cpu" else MORE) // columns)
    for first in range(0, points, rows):
        for column in range(0, m, columns):
            yield slice(first, min(first + rows, points)), slice(column, min(column + columns, m))
