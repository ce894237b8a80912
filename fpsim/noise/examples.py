"""The covariance of one example's gradient as a noise, with kicks that need no matrix:

    C1 = J^T (1 - 1 1^T/m) J / m,     sqrt(2 C1) z  ->  sqrt(2/m) J^T (z - mean z),     z standard normal (m,)

with J (m x d) the gradients of the m examples: the same covariance from m normals and one product with J^T, where a
root of C1 takes d normals and the eigenvectors of a d x d matrix.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from fpsim.noise.given import GivenTensor
from fpsim.noise.kicks import Kicks, dense_kicks
from fpsim.noise.model import Array, Diffusion, Structure, SymbolicTensor
from landscapes.kinds import HasDrift, HasExamples, HasProducts, has_products


@dataclass(frozen=True)
class ExampleCovariance(Diffusion[HasDrift]):
    """The covariance of one example's gradient, ``factor`` * C1(x); compiles where the loss separates.

    Args:
        landscape: a ``DatasetLandscape`` or a ``NeuralLandscape``.
        factor: a number >= 0.
    """

    landscape: HasExamples
    factor: float = 1.0

    def structure(self, landscape: HasDrift) -> Structure:
        """Isotropic in one dimension, full beyond."""
        return "isotropic" if landscape.dimension == 1 else "full"

    def requires(self, landscape: HasDrift) -> None:
        """Refuse another dimension than that of the examples."""
        d, own = landscape.dimension, self.landscape.dimension
        if d != own:
            raise ValueError(f"the landscape has {d} dimensions, but the examples have {own}")

    def tensor(self, landscape: HasDrift, x: Array) -> Array:
        """``factor`` * C1(x) at x (d, ...), shape (d, d, ...)."""
        return self.factor * self.landscape.gradient_covariance(x)

    def kicks(self, landscape: HasDrift) -> Kicks:
        """From m normals where that is less work than a root: for networks, and for fewer examples than coordinates."""
        own, m = self.landscape, self.landscape.number_of_examples
        if has_products(own):
            return self._by_products(own)
        if own.dimension > 2 and m <= own.dimension:
            return Kicks(m, self._table_kick, self._table_along)
        return dense_kicks(self, landscape)

    def _weights(self, z: Array) -> Array:
        return np.sqrt(2 * self.factor / len(z)) * (z - z.mean(axis=0))

    def _by_products(self, own: HasProducts) -> Kicks:
        def kick(x: Array, z: Array) -> Array:
            return by_point(own.weighted_gradient, x, self._weights(z))

        def along(x: Array, n: Array) -> Array:
            return self.factor * by_point(lambda p, v: np.var(own.slopes(p, v)), x, n)

        return Kicks(own.number_of_examples, kick, along)

    def _table_kick(self, x: Array, z: Array) -> Array:
        return np.asarray(np.einsum("m...,mi...->i...", self._weights(z), self.landscape.example_gradients(x)))

    def _table_along(self, x: Array, n: Array) -> Array:
        slopes = np.einsum("i...,mi...->m...", n, self.landscape.example_gradients(x))
        return np.asarray(self.factor * np.var(slopes, axis=0))

    def symbolic(self, landscape: HasDrift) -> SymbolicTensor | None:
        """``factor`` * C1 as formulas; None where the loss gives none."""
        if not hasattr(self.landscape, "covariance_formula"):
            return None
        import sympy

        found = self.landscape.covariance_formula()
        if found is None:
            return None
        matrix, values = found
        names = {s: sympy.Symbol(f"noise_{s}", real=True) for s in values}
        factor = sympy.Symbol("noise_factor", real=True)
        return factor * matrix.xreplace(names), {factor: self.factor, **{names[s]: v for s, v in values.items()}}

    def given(self, landscape: HasDrift) -> GivenTensor | None:
        """The examples, where their loss is a formula and kicks take the matrix."""
        if getattr(self.landscape, "examples", None) is None or self.kicks(landscape).normals != landscape.dimension:
            return None
        return GivenTensor("examples", source=self.landscape, factor=self.factor)

    def __str__(self) -> str:
        return f"{self.factor:g} C1(x) of {self.landscape}"


def by_point(function: Callable[[Array, Array], ArrayLike], x: Array, other: Array) -> Array:
    """``function(point, column)`` for the columns of two arrays (d, ...) and (n, ...); their axes come last."""
    points, columns = x.reshape(len(x), -1), other.reshape(len(other), -1)
    values = np.stack([function(points[:, i], columns[:, i]) for i in range(points.shape[1])], axis=-1)
    return values.reshape(values.shape[:-1] + x.shape[1:])


def examples_of(covariance: Any) -> Any:
    """The landscape whose C1 is meant by itself or by its method ``gradient_covariance``; None for anything else."""
    if hasattr(covariance, "example_gradients"):
        return covariance
    owner = getattr(covariance, "__self__", None)
    own = getattr(owner, "weighted_gradient", None) is not None  # a network's: others are taken as plain functions
    return owner if own and getattr(covariance, "__name__", "") == "gradient_covariance" else None
