"""What the Hamiltonians of noise that is made of examples need of a data set or network: its gradients g_i(x), kept
for the last points, sums of w_i H_i(x) p, and matrices  A A^T + f I  with few columns A divided into vectors:

    (A A^T + f I)^-1 = (I - A (A^T A + f I)^-1 A^T) / f        (Woodbury)

which for m examples and d coordinates takes m^2 d in place of d^3 operations.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fpsim.action.differences import OFFSETS, STEP

Array = NDArray[np.float64]
KNOTS = 9  # points of a curve at which a network's Hessian is formed
NEAR = 0.05  # of the curve's length: a curve that moved by less keeps its Hessians


@dataclass(frozen=True)
class Gradients:
    """The gradients of single examples along curves.

    Attributes:
        landscape: a ``DatasetLandscape`` or ``NeuralLandscape``.
        length: on which gradients vary, for differences.
    """

    landscape: Any
    length: float
    _last: list[Any] = field(default_factory=list, repr=False, compare=False)
    _hessians: list[Any] = field(default_factory=list, repr=False, compare=False)

    @property
    def is_network(self) -> bool:
        """Whether products with Hessians come from a network."""
        return hasattr(self.landscape, "weighted_products")

    def at(self, x: Array) -> Array:
        """g_i at x (d, n) by point, shape (n, d, m); those of the last points are kept."""
        if not (self._last and self._last[0].shape == x.shape and np.array_equal(self._last[0], x)):
            g = np.asarray(self.landscape.example_gradients(x))
            self._last[:] = [x.copy(), np.ascontiguousarray(g.transpose(2, 1, 0))]
        return np.asarray(self._last[1])

    def slopes(self, x: Array, p: Array) -> Array:
        """g_i . p for p (d, n), shape (n, m)."""
        return np.asarray((p.T[:, None] @ self.at(x))[:, 0])

    def products(self, x: Array, p: Array, weights: Array) -> Array:
        """sum_i w_i H_i p for weights (n, m), shape (d, n); a data set's is differenced along p."""
        if self.is_network:
            return np.asarray(self.landscape.weighted_products(x, weights.T, p))
        size = np.maximum(np.linalg.norm(p, axis=0), 1e-300)
        moves, total = STEP * self.length * p / size, np.zeros_like(x)
        for weight, offset in OFFSETS:
            g = np.asarray(self.landscape.example_gradients(x + offset * moves))
            total += weight * np.einsum("nm,mdn->dn", weights, g)
        return np.asarray(total * size / (STEP * self.length))

    def second(self, x: Array, p: Array, weights: Array) -> tuple[Array, Array, Array]:
        """sum_i w_i H_i and its derivative along p, (n, d, d) each, and H_i p by example, (n, d, m).

        Along p all are differenced to fourth order.
        """
        size = np.maximum(np.linalg.norm(p, axis=0), 1e-300)
        moves, scale = STEP * self.length * p / size, size / (STEP * self.length)
        places = [x, *(x + offset * moves for _, offset in OFFSETS)]
        bends = [self._weighted(y, weights) for y in places]
        slopes = [np.asarray(self.landscape.example_gradients(y)).transpose(2, 1, 0) for y in places[1:]]
        along = [
            scale[:, None, None] * sum(weight * part for (weight, _), part in zip(OFFSETS, parts, strict=True))
            for parts in (bends[1:], slopes)
        ]
        return bends[0], along[0], along[1]

    def _weighted(self, x: Array, weights: Array) -> Array:
        """sum_i w_i H_i, (n, d, d)."""
        if self.is_network:
            return np.asarray(np.moveaxis(self.landscape.weighted_hessians(x, weights.T), -1, 0))
        return np.asarray(np.einsum("nm,mijn->nij", weights, self.landscape.examples.hessians(x)))

    def jacobians(self, x: Array) -> Array:
        """That of the drift along a curve (d, n), roughly: a network's is interpolated between a few points."""
        if not self.is_network or x.shape[1] <= KNOTS:
            return np.asarray(self.landscape.jacobian(x))
        n = x.shape[1]
        at = np.linspace(0, n - 1, KNOTS)
        knots = x[:, np.round(at).astype(int)]
        if not (self._hessians and _same(self._hessians[0], knots)):
            self._hessians[:] = [knots, np.asarray(self.landscape.jacobian(knots))]
        place = np.linspace(0, KNOTS - 1, n)
        low = np.minimum(place.astype(int), KNOTS - 2)
        share, found = place - low, self._hessians[1]
        return np.asarray(found[..., low] * (1 - share) + found[..., low + 1] * share)


def _same(old: Array, new: Array) -> bool:
    """Whether two curves of the same points lie side by side."""
    length = float(np.linalg.norm(np.diff(new), axis=0).sum())
    return bool(np.linalg.norm(new - old, axis=0).max() <= NEAR * length)


def divided(columns: Array, floor: float, vectors: Array) -> Array:
    """(A A^T + floor I)^-1 applied to vectors (n, d, k), for columns A (n, d, m)."""
    (_, d, m), turned = columns.shape, np.swapaxes(columns, 1, 2)
    if m >= d or not floor > 0:
        return np.asarray(np.linalg.solve(columns @ turned + floor * np.eye(d), vectors))
    inner = np.linalg.solve(turned @ columns + floor * np.eye(m), turned @ vectors)
    return np.asarray((vectors - columns @ inner) / floor)
