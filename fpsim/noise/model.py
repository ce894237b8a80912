"""What every noise model answers: D(x) as arrays, its divergence, and D as a formula where there is one."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from fpsim.noise.kicks import Kicks, dense_kicks

if TYPE_CHECKING:
    import sympy

Array = NDArray[np.float64]
Structure = Literal["isotropic", "diagonal", "full"]
SMALL = 1e-3  # steps of differences, in lengths on which D varies
SymbolicTensor = tuple[Any, "dict[sympy.Symbol, float]"]


class Diffusion:
    """What every noise model answers; ``landscape`` is the landscape or drift field that it drives."""

    is_constant: bool = False

    def structure(self, landscape: Any) -> Structure:
        """Shape of D: ``"isotropic"`` (a number times I), ``"diagonal"`` or ``"full"``."""
        raise NotImplementedError

    def tensor(self, landscape: Any, x: Array) -> Array:
        """D at ``x`` (d, ...), shape (d, d, ...)."""
        raise NotImplementedError

    def divergence(self, landscape: Any, x: Array) -> Array:
        """(div D)_i = sum_j d_j D_ij at ``x`` (d, ...), shape (d, ...).

        Exact where D is a formula, by fourth-order central differences else.
        """
        if self.is_constant:
            return np.zeros_like(x)
        exact = exact_divergence(self, landscape)
        if exact is not None:
            return exact(x)
        total = np.zeros_like(x)
        for j, length in enumerate(self._lengths(landscape, x)):
            step = SMALL * length
            for weight, offset in ((1 / 12, -2), (-2 / 3, -1), (2 / 3, 1), (-1 / 12, 2)):
                moved = x.copy()
                moved[j] += offset * step
                total += weight * self.tensor(landscape, moved)[:, j] / step
        return total

    def kicks(self, landscape: Any) -> Kicks:
        """How the noise moves points in NumPy, sqrt(2 D(x)) z; a noise that knows D as a product makes no matrix."""
        return dense_kicks(self, landscape)

    def _lengths(self, landscape: Any, x: Array) -> list[float]:
        """Length per coordinate on which D varies: a quarter of the landscape's box, else found from D at x."""
        if landscape.bounds is not None:
            return [(high - low) / 4 for low, high in landscape.bounds]
        from landscapes.differences import natural_length

        def rows(points: Array) -> Array:
            return self.tensor(landscape, points).reshape(-1, *points.shape[1:])

        points = x.reshape(len(x), -1)
        some = points[:, np.unique(np.linspace(0, points.shape[1] - 1, 4).astype(int))]
        return [float(np.max(natural_length(rows, some, axis))) for axis in range(len(x))]

    def symbolic(self, landscape: Any) -> SymbolicTensor | None:
        """D as a sympy matrix in the landscape's variables with its parameters, or ``None`` if there is no formula."""
        return None

    def breaks(self, landscape: Any, low: float, high: float) -> Array | None:
        """Where in (low, high) D jumps or has a kink, on a line, in order; ``None`` where the model does not know."""
        return np.empty(0) if self.is_constant else None

    def check(self, dimension: int) -> None:
        """Raise ``ValueError`` if the model cannot drive ``dimension`` coordinates."""

    def requires(self, landscape: Any) -> None:
        """Raise ``ValueError`` if the landscape or drift field lacks what D is made of."""

    def resolved(self, landscape: Any, start: Array, target: Any) -> Diffusion:
        """The model with what depends on the escape at hand (its minimum, its saddle) filled in."""
        return self


@lru_cache(maxsize=64)
def exact_divergence(noise: Diffusion, landscape: Any) -> Callable[[Array], Array] | None:
    """Div D as a NumPy function of x (d, ...), where D is a formula."""
    found = noise.symbolic(landscape)
    if found is None:
        return None
    import sympy

    (tensor, parameters), variables = found, landscape.symbolic.variables
    rows = [sum(sympy.diff(tensor[i, j], v) for j, v in enumerate(variables)) for i in range(len(variables))]
    values = {**landscape.symbolic.parameters, **parameters}
    function = sympy.lambdify([*variables, *values], rows, modules=["scipy", "numpy"], cse=True)
    return lambda x: np.stack([np.broadcast_to(row, x.shape[1:]) for row in function(*x, *values.values())])


def spread(matrix: Array, x: Array) -> Array:
    """A constant (d, d) matrix at every point of x (d, ...)."""
    return np.broadcast_to(matrix.reshape(matrix.shape + (1,) * (x.ndim - 1)), matrix.shape + x.shape[1:]).copy()
