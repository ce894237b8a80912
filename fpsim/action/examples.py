"""The Hamiltonian of Gaussian noise whose covariance is that of the gradients g_i of m examples,

    H(x, p) = - mean(k) + size var(k) + floor p . p,      k_i = g_i(x) . p,
    H_x = sum_i w_i H_i(x) p,      w_i = (2 size (k_i - mean k) - 1) / m,

from the gradients and products with Hessians of single examples only.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from fpsim.action.gradients import Gradients, divided
from fpsim.action.hamiltonian import Quadratic, dot

Array = NDArray[np.float64]


@dataclass(frozen=True)
class GaussianExamples(Quadratic):
    """:class:`Quadratic` for noise D = kappa factor C1(x) of the same examples as the loss."""

    @cached_property
    def gradients(self) -> Gradients:
        """Those of the examples."""
        return Gradients(self.sde.landscape, min(self.lengths))

    @property
    def size(self) -> float:
        """What C1 is multiplied by."""
        return float(self.scale * self.sde.noise.kappa * self.sde.noise.covariance.factor)

    def drift(self, x: Array) -> Array:
        """Minus the mean gradient, shape (d, n)."""
        return np.asarray(-self.gradients.at(x).mean(axis=2).T)

    def _columns(self, x: Array) -> Array:
        """A (n, d, m) with A A^T = size C1."""
        g = self.gradients.at(x)
        return np.asarray((g - g.mean(axis=2, keepdims=True)) * np.sqrt(self.size / g.shape[2]))

    def noise(self, x: Array) -> Array:
        """Size C1 + floor, shape (d, d, n)."""
        columns = self._columns(x)
        found = np.moveaxis(columns @ np.swapaxes(columns, 1, 2), 0, -1)
        return np.asarray(found + self.floor * np.eye(len(x))[..., None])

    def value(self, x: Array, p: Array) -> Array:
        """H, shape (n,)."""
        k = self.gradients.slopes(x, p)
        return np.asarray(self.size * k.var(axis=1) - k.mean(axis=1) + self.floor * dot(p, p))

    def by_momentum(self, x: Array, p: Array) -> Array:
        """The weighted sum of the gradients, + 2 floor p; shape (d, n)."""
        found = self.gradients.at(x) @ self._weights(x, p)[..., None]
        return np.asarray(found[..., 0].T + 2 * self.floor * p)

    def by_place(self, x: Array, p: Array) -> Array:
        """sum_i w_i H_i p, shape (d, n)."""
        return self.gradients.products(x, p, self._weights(x, p))

    def _weights(self, x: Array, p: Array) -> Array:
        """w_i, shape (n, m)."""
        k = self.gradients.slopes(x, p)
        return np.asarray((2 * self.size * (k - k.mean(axis=1, keepdims=True)) - 1) / k.shape[1])

    def second(self, x: Array, p: Array) -> tuple[Array, Array]:
        """H_xx = sum_i w_i H_i' p + 2 size cov(H_i p) and H_px = sum_i w_i H_i + 2 size cov(g_i, H_i p); (n, d, d)."""
        bends, along, products = self.gradients.second(x, p, self._weights(x, p))
        turned = np.swapaxes(products - products.mean(axis=2, keepdims=True), 1, 2)
        turned = turned * (2 * self.size / products.shape[2])
        return along + products @ turned, bends + self.gradients.at(x) @ turned

    def unbent(self, x: Array, p: Array, vectors: Array) -> Array:
        """H_pp^-1 applied to vectors (d, n, k)."""
        found = divided(self._columns(x), self.floor, np.swapaxes(vectors, 0, 1)) / 2
        return np.asarray(np.swapaxes(found, 0, 1))

    def rough_shear(self, x: Array) -> Array:
        """The drift's Jacobian, good enough for a metric; shape (d, d, n)."""
        return self.gradients.jacobians(x)
