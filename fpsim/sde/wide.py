"""SDEs seen through a state with more coordinates than the place: a clock, or normals for jumps.

    (x, y),      x the d places, y what else a step needs

Path kernels take them as they are; starts, walls and targets are widened here, and results cut back by who asks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fpsim.noise.leaps import Leap
from fpsim.sde.sde import SDE, SymbolicSDE
from fpsim.targets import Target

if TYPE_CHECKING:
    import sympy

Array = NDArray[np.float64]


class Jumping(SDE):
    """An SDE whose noise jumps, with a coordinate at rest for every normal that a jump takes beyond d."""

    plain: SDE
    jump: Leap

    def __init__(self, plain: SDE, jump: Leap) -> None:
        for name, value in (
            ("landscape", plain.landscape), ("noise", plain.noise), ("convention", plain.convention),
            ("correction", None), ("plain", plain), ("jump", jump),
        ):  # fmt: skip
            object.__setattr__(self, name, value)

    @property
    def dimension(self) -> int:
        """As many coordinates as a jump takes normals."""
        return self.jump.normals

    @property
    def normals(self) -> int:
        """The same number."""
        return self.jump.normals

    @property
    def structure(self) -> str:
        """No coordinate but the places moves."""
        return "full"

    def drift(self, x: Array) -> Array:
        """The drift of the places, (d + more, ...)."""
        d = self.plain.dimension
        return np.concatenate([self.plain.drift(x[:d]), np.zeros_like(x[d:])])

    def leap(self, x: Array, z: Array, step: float) -> Array:
        """The jump of the places, (d + more, ...)."""
        d = self.plain.dimension
        return np.concatenate([self.plain.leap(x[:d], z, step), np.zeros_like(x[d:])])

    @property
    def symbolic(self) -> SymbolicSDE | None:
        """The drift as formulas; the jump comes with the step."""
        base = self.plain.landscape.symbolic
        if base is None:
            return None
        import sympy

        more = self.jump.normals - self.plain.dimension
        rests = sympy.symbols(f"rest_0:{more}", real=True)
        nothing = sympy.zeros(self.dimension, self.dimension)
        drift = (*base.drift, *([sympy.Integer(0)] * more))
        return SymbolicSDE((*base.variables, *rests), dict(base.parameters), drift, nothing, nothing, (), self.jump)

    def __str__(self) -> str:
        return str(self.plain)


def widened(sde: SDE) -> Jumping | None:
    """The state in which the steps of an SDE that jumps compile; ``None`` for others, and for plain functions.

    A state that holds more than the places already (heavy-ball SGD) goes on in NumPy.
    """
    if sde.dimension != sde.landscape.dimension or sde.landscape.symbolic is None:
        return None
    jump = sde.noise.leap(sde.landscape)
    return None if jump is None else Jumping(sde, jump)


@dataclass(frozen=True)
class PlaceOf(Target):
    """A target for the first d coordinates of a wider state."""

    inner: Target
    places: int

    def level(self, x: Array) -> Array:
        """The target's level at the place alone."""
        return self.inner.level(x[: self.places])

    def gradient(self, x: Array) -> Array:
        """The target's gradient, zero along what else there is."""
        return np.concatenate([self.inner.gradient(x[: self.places]), np.zeros_like(x[self.places :])])

    def symbolic(self, variables: Sequence[sympy.Symbol]) -> tuple[sympy.Expr, dict[sympy.Symbol, float]] | None:
        """The target's formula in the place alone."""
        return self.inner.symbolic(variables[: self.places])

    def __str__(self) -> str:
        return str(self.inner)


def widened_start(start: Any, places: int, more: int) -> Any:
    """Starts (x) as starts (x, 0); what has another shape is refused.

    Raises:
        ValueError: for a wrong number of coordinates.
    """
    if callable(start):
        return lambda u: np.concatenate([np.asarray(start(u[:places]), dtype=float), np.zeros((more, u.shape[1]))])
    points = np.asarray(start, dtype=float)
    if points.ndim < 2:
        if points.size != places:
            raise ValueError(f"a start point needs {places} coordinates; got {start!r}")
        return np.concatenate([points.reshape(places), np.zeros(more)])
    if points.shape[0] != places:
        raise ValueError(f"start points need shape ({places}, paths); got {points.shape}")
    return np.concatenate([points, np.zeros((more, points.shape[1]))])
