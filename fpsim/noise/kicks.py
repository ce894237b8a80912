"""One step's share of the noise, sqrt(2 D(x)) z: how many normals z it takes, and how it is made of them.

Any root R of 2 D, with R R^T = 2 D, gives the same law.  A dense D has the symmetric root in two dimensions and where
it is constant, and beyond the lower triangular one of Cholesky, by d (d + 1) (d + 2)/6 products at every point.  A
noise that knows D as a product needs no matrix (`fpsim.noise.examples`, `fpsim.noise.krylov`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from landscapes.kinds import HasDrift

Array = NDArray[np.float64]
Place = TypeVar("Place", bound=HasDrift, contravariant=True)
"""What a noise asks of the landscape or drift field that it drives."""
INDEFINITE = 1e-4
"""An eigenvalue of D this part of the largest below zero is no rounding, also of float32: such a D has no root."""
SINGULAR = 16.0
"""A pivot of at most `SINGULAR` d times the rounding of its diagonal entry is zero."""


@dataclass(frozen=True)
class Kicks:
    """How a noise moves points.

    Attributes:
        normals: number of normals that a kick takes, d for a dense D.
        kick: x (d, ...) and normals z (normals, ...) -> sqrt(2 D(x)) z (d, ...), of covariance 2 D(x).
        along: x and directions n (d, ...) -> n . D(x) n (...).
    """

    normals: int
    kick: Callable[[Array, Array], Array]
    along: Callable[[Array, Array], Array]


class HasTensor(Protocol[Place]):
    """A noise as far as its tensor goes."""

    @property
    def is_constant(self) -> bool: ...
    def structure(self, landscape: Place) -> str: ...
    def tensor(self, landscape: Place, x: Array) -> Array: ...


def dense_kicks(noise: HasTensor[Place], landscape: Place, symmetric: bool = False) -> Kicks:
    """Kicks by a root of the tensor, ``symmetric`` in any dimension if so asked; that of a constant D is taken once."""
    d, shape = int(landscape.dimension), noise.structure(landscape)

    def diagonal(x: Array, z: Array) -> Array:
        tensor = noise.tensor(landscape, x)
        return np.asarray(np.sqrt(2 * np.stack([tensor[i, i] for i in range(d)])) * z)

    def full(x: Array, z: Array) -> Array:
        roots = matrix_root(np.moveaxis(noise.tensor(landscape, x), (0, 1), (-2, -1)))
        return np.moveaxis((roots @ np.moveaxis(z, 0, -1)[..., None])[..., 0], -1, 0)

    def triangular(x: Array, z: Array) -> Array:
        return np.asarray(np.einsum("ij...,j...->i...", lower_root(2 * noise.tensor(landscape, x)), z))

    root: list[Array] = []

    def constant(x: Array, z: Array) -> Array:
        if not root:
            root.append(matrix_root(noise.tensor(landscape, np.zeros((d, 1)))[..., 0]))
        return np.asarray(np.tensordot(root[0], z, axes=1))

    def along(x: Array, n: Array) -> Array:
        return np.asarray(np.einsum("i...,ij...,j...->...", n, noise.tensor(landscape, x), n))

    moving = full if symmetric or d <= 2 else triangular
    kick = diagonal if shape != "full" else constant if noise.is_constant else moving
    return Kicks(d, kick, along)


def matrix_root(tensor: Array) -> Array:
    """The symmetric root of 2 D for (..., d, d) positive semi-definite D; NaN where D is not."""
    values, vectors = np.linalg.eigh(2 * tensor)
    least = -INDEFINITE * values[..., -1:]
    values = np.where(values < least, np.nan, np.maximum(values, 0.0))
    return np.asarray((vectors * np.sqrt(values)[..., None, :]) @ np.swapaxes(vectors, -1, -2))


def lower_root(matrix: Array) -> Array:
    """Cholesky's lower triangular L of M = L L^T for M (d, d, ...).

    A pivot that is zero up to rounding gives a column of zeros, as a positive semi-definite M has it.  One below minus
    the cube root of the rounding gives no number, since then M has no root: small pivots before it can amplify its
    rounding, but by less.
    """
    d, root, rounding = len(matrix), np.zeros_like(matrix), float(np.finfo(float).eps)
    for j in range(d):
        column = matrix[j:, j] - np.einsum("ik...,k...->i...", root[j:, :j], root[j, :j])
        whole, left = matrix[j, j], column[0]
        is_zero = (left <= SINGULAR * d * rounding * whole) & (left >= -np.cbrt(rounding) * whole)
        root[j:, j] = column * np.where(is_zero, 0.0, 1 / np.sqrt(np.where(is_zero, 1.0, left)))
    return root
