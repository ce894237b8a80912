"""White noise: D independent of x."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from fpsim.noise.model import Array, Diffusion, Structure, SymbolicTensor, spread
from fpsim.numbers import reals
from landscapes.kinds import HasDrift


@dataclass(frozen=True)
class ConstantDiffusion(Diffusion[HasDrift]):
    """White noise: D independent of x (stochastic gradient Langevin dynamics at temperature D).

    Args:
        value: a number (D = value * I), a vector (diagonal of D) or a symmetric positive semi-definite matrix.

    Raises:
        ValueError: for negative, non-finite, asymmetric or indefinite values.
    """

    value: float | tuple[float, ...] | tuple[tuple[float, ...], ...]

    def __init__(self, value: ArrayLike) -> None:
        array = reals(value)
        if array is None or array.ndim > 2 or array.size == 0 or not np.isfinite(array).all():
            raise ValueError(f"a constant diffusion is a finite number, vector (diagonal) or matrix; got {value!r}")
        if array.ndim == 2 and array.shape[0] != array.shape[1]:
            raise ValueError(f"a diffusion matrix must be square and symmetric; got shape {array.shape}")
        if array.ndim == 2 and not np.allclose(array, array.T, rtol=1e-12):
            raise ValueError(f"a diffusion matrix must be square and symmetric; got {array.tolist()}")
        lowest = np.linalg.eigvalsh(array).min() if array.ndim == 2 else array.min()
        if lowest < -1e-14 * np.abs(array).max() or not array.any():
            told = f" with lowest eigenvalue {lowest:g}" if array.ndim == 2 else ""
            raise ValueError(f"a diffusion must be positive; got {array.tolist()}{told}")
        frozen = float(array) if array.ndim == 0 else as_tuples(array)
        object.__setattr__(self, "value", frozen)

    @property
    def is_constant(self) -> bool:
        """True."""
        return True

    def structure(self, landscape: HasDrift) -> Structure:
        """Isotropic for a number, diagonal for a vector, full for a matrix."""
        return ("isotropic", "diagonal", "full")[np.ndim(self.value)]

    def requires(self, landscape: HasDrift) -> None:
        """Refuse a vector or matrix that does not fit the dimension."""
        d, own = landscape.dimension, len(self.value) if isinstance(self.value, tuple) else landscape.dimension
        if own != d:
            raise ValueError(f"the landscape has {d} dimensions, but the diffusion has {own}")

    def matrix(self, dimension: int) -> Array:
        """D as a (d, d) matrix."""
        value = np.asarray(self.value, dtype=float)
        return value if value.ndim == 2 else np.diag(np.broadcast_to(value, (dimension,)))

    def tensor(self, landscape: HasDrift, x: Array) -> Array:
        """The same D at every x (d, ...), shape (d, d, ...)."""
        return spread(self.matrix(x.shape[0]), x)

    def symbolic(self, landscape: HasDrift) -> SymbolicTensor:
        """D as a matrix of parameters, so that another value compiles nothing."""
        import sympy

        d, parameters = landscape.dimension, {}
        tensor = sympy.zeros(d, d)
        matrix = self.matrix(d)
        for i in range(d):
            for j in range(i + 1):
                if matrix[i, j] != 0:
                    name = "noise d" if np.ndim(self.value) == 0 else f"noise d {i} {j}"
                    symbol = sympy.Symbol(name, real=True)
                    parameters[symbol] = float(matrix[i, j])
                    tensor[i, j] = tensor[j, i] = symbol
        return tensor, parameters

    @property
    def strength(self) -> tuple[str, float] | None:
        """T, the largest entry."""
        return "T", float(np.max(self.value))

    def scaled(self, factor: float) -> Self:
        """The same shape, ``factor`` times as large."""
        return type(self)(np.asarray(self.value) * factor)

    @property
    def title(self) -> str:
        """White noise."""
        return "White noise"

    @property
    def typeset(self) -> str:
        """D = T."""
        return f"D = {self.value:g}" if isinstance(self.value, float) else ""

    def __str__(self) -> str:
        return f"D = {self.value} (constant)"


def as_tuples(array: Array) -> Any:
    """A nested tuple, so that descriptions stay hashable."""
    return tuple(as_tuples(a) if a.ndim else float(a) for a in array)
