"""The Hamiltonian of SGD with actual mini-batches and a small learning rate,

    H(x, q) = ln (1/m) sum_i exp(-q . g_i(x)) + floor q . q,       p = S q / eta,

g_i the gradients of the m examples: the cumulants of one example, which the batch size S does not enter.  The action
int q . dx times S/eta is the exponent of ln(iterations).  Freidlin and Wentzell, Random Perturbations of Dynamical
Systems, chapter 5; for SGD: Azizian, Iutzeler, Malick, Mertikopoulos, ICML 2024, arXiv 2406.09241.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fpsim.action.gradients import Gradients, divided
from fpsim.action.hamiltonian import dot

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Cumulant:
    """H of one example; batches drawn with replacement.

    Attributes:
        landscape: a ``DatasetLandscape`` or ``NeuralLandscape``.
        length: on which gradients vary, for differences.
        floor: added to the diagonal of half the covariance.
    """

    landscape: Any
    length: float
    floor: float = 0.0

    @property
    def dimension(self) -> int:
        """Number of coordinates d."""
        return int(self.landscape.dimension)

    @cached_property
    def gradients(self) -> Gradients:
        """Those of the examples."""
        return Gradients(self.landscape, self.length)

    def _weights(self, x: Array, q: Array) -> tuple[Array, Array]:
        """exp(-q . g_i) as shares (n, m), and H without its floor (n,)."""
        t = -self.gradients.slopes(x, q)
        top = t.max(axis=1)
        shares = np.exp(t - top[:, None])
        total = shares.mean(axis=1)
        near = np.expm1(np.minimum(t, 1.0)).mean(axis=1)
        close = (top < 1.0) & (near > -0.5)
        value = np.where(close, np.log1p(np.maximum(near, -0.5)), top + np.log(total))
        return shares / shares.sum(axis=1, keepdims=True), value

    def shares(self, x: Array, q: Array) -> Array:
        """How often each example is drawn on a way with momenta q, exp(-q . g_i) / sum; shape (n, m)."""
        return self._weights(x, q)[0]

    def value(self, x: Array, p: Array) -> Array:
        """H, shape (n,)."""
        return np.asarray(self._weights(x, p)[1] + self.floor * dot(p, p))

    def by_momentum(self, x: Array, p: Array) -> Array:
        """Minus the tilted mean of the gradients, + 2 floor q; shape (d, n)."""
        shares, _ = self._weights(x, p)
        return np.asarray(2 * self.floor * p - (self.gradients.at(x) @ shares[..., None])[..., 0].T)

    def _columns(self, x: Array, p: Array) -> Array:
        """A (n, d, m) with A A^T the tilted covariance of the gradients."""
        (shares, _), g = self._weights(x, p), self.gradients.at(x)
        return np.asarray((g - g @ shares[..., None]) * np.sqrt(shares)[:, None])

    def bend(self, x: Array, p: Array) -> Array:
        """The tilted covariance of the gradients, + 2 floor; shape (d, d, n)."""
        columns = self._columns(x, p)
        found = np.moveaxis(columns @ np.swapaxes(columns, 1, 2), 0, -1)
        return np.asarray(found + 2 * self.floor * np.eye(len(x))[..., None])

    def unbent(self, x: Array, p: Array, vectors: Array) -> Array:
        """H_pp^-1 applied to vectors (d, n, k)."""
        found = divided(self._columns(x, p), 2 * self.floor, np.swapaxes(vectors, 0, 1))
        return np.asarray(np.swapaxes(found, 0, 1))

    def by_place(self, x: Array, p: Array) -> Array:
        """- sum_i w_i H_i q with the shares w; shape (d, n)."""
        return -self.gradients.products(x, p, self._weights(x, p)[0])

    def second(self, x: Array, p: Array) -> tuple[Array, Array]:
        """H_xx = cov(H_i q) - sum_i w_i H_i' q and H_px = cov(g_i, H_i q) - sum_i w_i H_i, w the shares; (n, d, d)."""
        shares, _ = self._weights(x, p)
        bends, along, products = self.gradients.second(x, p, shares)
        turned = np.swapaxes((products - products @ shares[..., None]) * shares[:, None], 1, 2)
        return products @ turned - along, self.gradients.at(x) @ turned - bends

    def shear(self, x: Array, p: Array) -> Array:
        """The drift's Jacobian, which is d2H/dp dx at p = 0; shape (d, d, n)."""
        return np.asarray(self.landscape.jacobian(x))

    def rough_shear(self, x: Array) -> Array:
        """The same, good enough for a metric."""
        return self.gradients.jacobians(x)
