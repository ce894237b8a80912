"""What every noise model answers: D(x) as arrays, its divergence, D as a formula where there is one, and facts."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Generic, Literal, Self

import numpy as np
from numpy.typing import NDArray

from fpsim.noise.facts import Floor, MiniBatch, StableLaw, TwoLevels
from fpsim.noise.given import GivenTensor
from fpsim.noise.kicks import Kicks, Place, dense_kicks
from fpsim.noise.leaps import Leap
from landscapes.kinds import HasDrift

if TYPE_CHECKING:
    import sympy

Array = NDArray[np.float64]
Structure = Literal["isotropic", "diagonal", "full"]
SMALL = 1e-3  # steps of differences, in lengths on which D varies
SymbolicTensor = tuple[Any, "dict[sympy.Symbol, float]"]


class Diffusion(Generic[Place]):
    """What every noise model answers; ``landscape`` is the landscape or drift field that it drives.

    ``Place`` is what it asks of that: a model of ``Diffusion[HasHessian]`` drives no drift field.
    """

    # --- the tensor ---------------------------------------------------------------------------------------------------

    @property
    def is_constant(self) -> bool:
        """Whether D is the same everywhere."""
        return False

    @property
    def jumps(self) -> bool:
        """Whether D jumps, so that it has no divergence that is a function."""
        return False

    @property
    def folds(self) -> bool:
        """Whether D has a kink on whole surfaces, so that it has no second derivative there."""
        return False

    def structure(self, landscape: Place) -> Structure:
        """Shape of D: ``"isotropic"`` (a number times I), ``"diagonal"`` or ``"full"``."""
        raise NotImplementedError

    def tensor(self, landscape: Place, x: Array) -> Array:
        """D at ``x`` (d, ...), shape (d, d, ...)."""
        raise NotImplementedError

    def divergence(self, landscape: Place, x: Array) -> Array:
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

    def require_divergence(self) -> None:
        """Raise ``ValueError`` if D has a kink, where conventions other than Ito have no drift."""

    def kicks(self, landscape: Place) -> Kicks:
        """How the noise moves points in NumPy, sqrt(2 D(x)) z; a noise that knows D as a product makes no matrix."""
        return dense_kicks(self, landscape)

    def _lengths(self, landscape: Place, x: Array) -> list[float]:
        """Length per coordinate on which D varies: a quarter of the landscape's box, else found from D at x."""
        if landscape.bounds is not None:
            return [(high - low) / 4 for low, high in landscape.bounds]
        from landscapes.differences import natural_length

        def rows(points: Array) -> Array:
            return self.tensor(landscape, points).reshape(-1, *points.shape[1:])

        points = x.reshape(len(x), -1)
        some = points[:, np.unique(np.linspace(0, points.shape[1] - 1, 4).astype(int))]
        return [float(np.max(natural_length(rows, some, axis))) for axis in range(len(x))]

    def symbolic(self, landscape: Place) -> SymbolicTensor | None:
        """D as a sympy matrix in the landscape's variables with its parameters, or ``None`` if there is no formula."""
        return None

    def given(self, landscape: Place) -> GivenTensor | None:
        """Where compiled code takes D from, if there is no formula; ``None`` runs it in NumPy."""
        return None

    # --- what it needs ------------------------------------------------------------------------------------------------

    def requires(self, landscape: HasDrift) -> None:
        """Raise ``ValueError``, in a sentence, if the model cannot drive this landscape or drift field."""

    @property
    def awaits_escape(self) -> bool:
        """Whether a minimum or a saddle is still to be filled in by :meth:`resolved`."""
        return False

    def resolved(self, landscape: Place, start: Array, target: Any) -> Diffusion[Any]:
        """The model with what depends on the escape at hand (its minimum, its saddle) filled in."""
        return self

    @property
    def source(self) -> HasDrift | None:
        """The landscape that D was made for, where it is not the one that the drift is of."""
        return None

    # --- where it is not smooth ---------------------------------------------------------------------------------------

    def breaks(self, landscape: Place, low: float, high: float) -> Array | None:
        """Where in (low, high) D jumps or has a kink, on a line, in order; ``None`` where the model does not know."""
        return np.empty(0) if self.is_constant else None

    @property
    def floor_of(self) -> Floor | None:
        """What keeps D from vanishing at its :meth:`zeros`; ``None`` for a noise without such."""
        return None

    def zeros(self, landscape: Place, low: float, high: float) -> Array:
        """Where in (low, high), on a line, D without its floor falls to zero, and |dD/dx| beside it; shape (2, n)."""
        return np.empty((2, 0))

    # --- what is known of it ------------------------------------------------------------------------------------------

    @property
    def minibatch(self) -> MiniBatch | None:
        """Learning rate and batch size, for a noise that is SGD's."""
        return None

    @property
    def two_levels(self) -> TwoLevels | None:
        """The two-level model of Xie et al. 2021 that this noise is, or is compared with."""
        return None

    @property
    def leaps(self) -> bool:
        """Whether it jumps, so that there is no D, and nothing to be seen between two steps."""
        return False

    def leap(self, landscape: Place) -> Leap | None:
        """How a step of a noise that :attr:`leaps` moves points."""
        return None

    @property
    def longest_step(self) -> float:
        """The longest step that a noise that leaps can be told apart in, with some room."""
        return math.inf

    @property
    def white(self) -> Diffusion[Any] | None:
        """White noise of the same covariance, for a noise that leaps and has one."""
        return None

    @property
    def stable(self) -> StableLaw | None:
        """The law of its jumps, for a noise that has no D."""
        return None

    @property
    def loss_temperature(self) -> float | None:
        """T of a noise D = T L(x) I in proportion to the loss."""
        return None

    @property
    def strength(self) -> tuple[str, float] | None:
        """Name and value of the one number that D is proportional to, ``"T"`` or ``"eta/S"``."""
        return None

    def scaled(self, factor: float) -> Self:
        """The noise ``factor`` times as strong; ``ValueError`` without a single :attr:`strength`."""
        raise ValueError(f"the noise '{self}' has no single strength, T or eta/S, that could be varied")

    @property
    def title(self) -> str:
        """Two words for a picture; empty for a model of one's own."""
        return ""

    @property
    def typeset(self) -> str:
        """Its definition in Typst's mathematics, as films print it; empty for one without a short formula."""
        return ""


@lru_cache(maxsize=64)
def exact_divergence(noise: Diffusion[Any], landscape: HasDrift) -> Callable[[Array], Array] | None:
    """Div D as a NumPy function of x (d, ...), where D is a formula."""
    found, base = noise.symbolic(landscape), landscape.symbolic
    if found is None or base is None:
        return None
    import sympy

    (tensor, parameters), variables = found, base.variables
    rows = [sum(sympy.diff(tensor[i, j], v) for j, v in enumerate(variables)) for i in range(len(variables))]
    values = {**base.parameters, **parameters}
    function = sympy.lambdify([*variables, *values], rows, modules=["scipy", "numpy"], cse=True)
    return lambda x: np.stack([np.broadcast_to(row, x.shape[1:]) for row in function(*x, *values.values())])


def spread(matrix: Array, x: Array) -> Array:
    """A constant (d, d) matrix at every point of x (d, ...)."""
    return np.broadcast_to(matrix.reshape(matrix.shape + (1,) * (x.ndim - 1)), matrix.shape + x.shape[1:]).copy()
