"""The Hamiltonian of SGD with actual mini-batches and a small learning rate,

    H(x, q) = ln (1/m) sum_i exp(-q . g_i(x)) + floor q . q,       p = S q / eta,

g_i the gradients of the m examples: the cumulants of one example, which the batch size S does not enter.  The action
int q . dx times S/eta is the exponent of ln(iterations).  Freidlin and Wentzell, Random Perturbations of Dynamical
Systems, chapter 5; for SGD: Azizian, Iutzeler, Malick, Mertikopoulos, ICML 2024, arXiv 2406.09241.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fpsim.action.hamiltonian import dot, tilted

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
    _last: list[Any] = field(default_factory=list, repr=False, compare=False)

    @property
    def dimension(self) -> int:
        """Number of coordinates d."""
        return int(self.landscape.dimension)

    def gradients(self, x: Array) -> Array:
        """g_i at x (d, n), shape (m, d, n); those of the last points are kept."""
        if not (self._last and self._last[0] is x):
            self._last[:] = [x, np.asarray(self.landscape.example_gradients(x))]
        return np.asarray(self._last[1])

    def _weights(self, x: Array, q: Array) -> tuple[Array, Array]:
        """exp(-q . g_i) as shares (m, n), and H without its floor (n,)."""
        t = -np.einsum("mdn,dn->mn", self.gradients(x), q)
        top = t.max(axis=0)
        shares = np.exp(t - top)
        total = shares.mean(axis=0)
        near = np.expm1(np.minimum(t, 1.0)).mean(axis=0)
        close = (top < 1.0) & (near > -0.5)
        value = np.where(close, np.log1p(np.maximum(near, -0.5)), top + np.log(total))
        return shares / shares.sum(axis=0), value

    def value(self, x: Array, p: Array) -> Array:
        """H, shape (n,)."""
        return np.asarray(self._weights(x, p)[1] + self.floor * dot(p, p))

    def by_momentum(self, x: Array, p: Array) -> Array:
        """Minus the tilted mean of the gradients, + 2 floor q; shape (d, n)."""
        shares, _ = self._weights(x, p)
        return np.asarray(-np.einsum("mn,mdn->dn", shares, self.gradients(x)) + 2 * self.floor * p)

    def bend(self, x: Array, p: Array) -> Array:
        """The tilted covariance of the gradients, + 2 floor; shape (d, d, n)."""
        shares, _ = self._weights(x, p)
        g = self.gradients(x)
        spread = g - np.einsum("mn,mdn->dn", shares, g)
        matrix = np.einsum("mn,min,mjn->ijn", shares, spread, spread, optimize=True)
        d = len(x)
        matrix[np.arange(d), np.arange(d)] += 2 * self.floor
        return np.asarray(matrix)

    def by_place(self, x: Array, p: Array) -> Array:
        """- sum_i w_i H_i q: the tilted mean gradient, differenced along q at fixed weights; shape (d, n)."""
        shares, _ = self._weights(x, p)
        return -tilted(self.landscape, x, p, shares, self.length)

    def shear(self, x: Array, p: Array) -> Array:
        """The drift's Jacobian, which is d2H/dp dx at p = 0; shape (d, d, n)."""
        return np.asarray(self.landscape.jacobian(x))
