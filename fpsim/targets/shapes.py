"""Targets that are plain geometric sets: their level is the signed distance, known as a formula, too.

The symbols of these formulas have a blank in their names, so that they are never those of a landscape.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from fpsim.targets.target import Array, Target
from landscapes.field import in_words

if TYPE_CHECKING:
    import sympy


@dataclass(frozen=True)
class Point(Target):
    """The 1-D target at and beyond ``value``, seen from ``start``: {x >= value} from the left, {x <= value} else."""

    value: float
    start: float
    is_distance = True

    @property
    def dimension(self) -> int:
        """One."""
        return 1

    @property
    def direction(self) -> float:
        """+1 if the target lies to the right of the start, -1 if to the left."""
        return 1.0 if self.value > self.start else -1.0

    def level(self, x: Array) -> Array:
        """Signed distance, shape (...), of ``x`` with shape (1, ...)."""
        return self.direction * (x[0] - self.value)

    def gradient(self, x: Array) -> Array:
        """+-1, shape (1, ...)."""
        return np.full_like(x, self.direction)

    def symbolic(self, variables: Sequence[sympy.Symbol]) -> tuple[sympy.Expr, dict[sympy.Symbol, float]]:
        """``direction * (x - value)``."""
        import sympy

        direction, value = (sympy.Symbol(f"target {name}", real=True) for name in ("direction", "value"))
        return direction * (variables[0] - value), {direction: self.direction, value: self.value}

    def plane(self) -> tuple[Array, float]:
        """The half-line."""
        return np.array([self.direction]), self.direction * self.value

    def describe(self) -> dict[str, Any]:
        """Its value; the start says its side."""
        return {"class": "Point", "value": self.value}

    def __str__(self) -> str:
        return f"x {'>=' if self.direction > 0 else '<='} {self.value:g}"


@dataclass(frozen=True)
class Ball(Target):
    """The closed ball ``|x - center| <= radius``."""

    center: tuple[float, ...]
    radius: float
    is_distance = True

    def __init__(self, center: ArrayLike, radius: float) -> None:
        object.__setattr__(self, "center", tuple(np.atleast_1d(np.asarray(center, dtype=float)).tolist()))
        object.__setattr__(self, "radius", float(radius))
        if not self.radius > 0 or not np.isfinite(self.center).all():
            raise ValueError(f"a Ball needs a finite center and a radius > 0; got {self.center} and {radius}")

    @property
    def dimension(self) -> int:
        """Coordinates of the center."""
        return len(self.center)

    def ball(self) -> tuple[Array, float]:
        """Itself."""
        return np.array(self.center), self.radius

    def describe(self) -> dict[str, Any]:
        """Center and radius."""
        return {"class": "Ball", "center": list(self.center), "radius": self.radius}

    def _offsets(self, x: Array) -> Array:
        return x - np.reshape(self.center, (-1,) + (1,) * (x.ndim - 1))

    def level(self, x: Array) -> Array:
        """``radius - |x - center|``, shape (...), of ``x`` with shape (d, ...)."""
        return self.radius - np.sqrt(np.sum(self._offsets(x) ** 2, axis=0))

    def gradient(self, x: Array) -> Array:
        """Unit vector towards the center, shape (d, ...)."""
        offsets = self._offsets(x)
        return -offsets / np.maximum(np.sqrt(np.sum(offsets**2, axis=0)), 1e-300)

    def symbolic(self, variables: Sequence[sympy.Symbol]) -> tuple[sympy.Expr, dict[sympy.Symbol, float]]:
        """``radius - |x - center|``."""
        import sympy

        radius = sympy.Symbol("target radius", real=True)
        centers = [sympy.Symbol(f"target center {i}", real=True) for i in range(len(self.center))]
        distance = sympy.sqrt(sympy.Add(*[(v - c) ** 2 for v, c in zip(variables, centers, strict=True)]))
        return radius - distance, {radius: self.radius, **dict(zip(centers, self.center, strict=True))}

    def __str__(self) -> str:
        return f"|x - {in_words(self.center)}| <= {self.radius:g}"


@dataclass(frozen=True)
class Outside(Target):
    """The outside of a ball, ``|x - center| >= radius``; on a line that of an interval, which is left to both sides."""

    center: tuple[float, ...]
    radius: float
    is_distance = True

    def __init__(self, center: ArrayLike, radius: float) -> None:
        inner = Ball(center, radius)  # its refusals
        object.__setattr__(self, "center", inner.center)
        object.__setattr__(self, "radius", inner.radius)

    @property
    def dimension(self) -> int:
        """Coordinates of the center."""
        return len(self.center)

    def room(self) -> tuple[Array, float]:
        """The ball that is left."""
        return np.array(self.center), self.radius

    def describe(self) -> dict[str, Any]:
        """Center and radius."""
        return {"class": "Outside", "center": list(self.center), "radius": self.radius}

    def level(self, x: Array) -> Array:
        """``|x - center| - radius``, shape (...), of ``x`` with shape (d, ...)."""
        return -Ball(self.center, self.radius).level(x)

    def gradient(self, x: Array) -> Array:
        """Unit vector away from the center, shape (d, ...)."""
        return -Ball(self.center, self.radius).gradient(x)

    def symbolic(self, variables: Sequence[sympy.Symbol]) -> tuple[sympy.Expr, dict[sympy.Symbol, float]]:
        """``|x - center| - radius``."""
        level, parameters = Ball(self.center, self.radius).symbolic(variables)
        return -level, parameters

    def __str__(self) -> str:
        return f"|x - {in_words(self.center)}| >= {self.radius:g}"


@dataclass(frozen=True)
class HalfSpace(Target):
    """The half-space ``normal^T x >= offset``; the normal is scaled to length one (and the offset with it)."""

    normal: tuple[float, ...]
    offset: float
    is_distance = True

    def __init__(self, normal: ArrayLike, offset: float) -> None:
        vector = np.atleast_1d(np.asarray(normal, dtype=float))
        length = float(np.linalg.norm(vector))
        if not (np.isfinite(length) and length > 0 and np.isfinite(offset)):
            raise ValueError(
                f"a HalfSpace needs a non-zero normal and an offset, both finite; got {normal!r} and {offset!r}"
            )
        length = 1.0 if abs(length - 1) < 1e-15 else length  # a scaled normal stays as it is, to the last bit
        object.__setattr__(self, "normal", tuple((vector / length).tolist()))
        object.__setattr__(self, "offset", float(offset) / length)

    @property
    def dimension(self) -> int:
        """Coordinates of the normal."""
        return len(self.normal)

    def plane(self) -> tuple[Array, float]:
        """Itself."""
        return np.array(self.normal), self.offset

    def describe(self) -> dict[str, Any]:
        """Normal and offset."""
        return {"class": "HalfSpace", "normal": list(self.normal), "offset": self.offset}

    def level(self, x: Array) -> Array:
        """Signed distance ``normal^T x - offset``, shape (...), of ``x`` with shape (d, ...)."""
        return np.tensordot(self.normal, x, axes=1) - self.offset

    def gradient(self, x: Array) -> Array:
        """The normal at every point, shape (d, ...)."""
        return np.broadcast_to(np.reshape(self.normal, (-1,) + (1,) * (x.ndim - 1)), x.shape).copy()

    def symbolic(self, variables: Sequence[sympy.Symbol]) -> tuple[sympy.Expr, dict[sympy.Symbol, float]]:
        """``normal^T x - offset``."""
        import sympy

        offset = sympy.Symbol("target offset", real=True)
        normals = [sympy.Symbol(f"target normal {i}", real=True) for i in range(len(self.normal))]
        distance = sympy.Add(*[n * v for n, v in zip(normals, variables, strict=True)]) - offset
        return distance, {offset: self.offset, **dict(zip(normals, self.normal, strict=True))}

    def __str__(self) -> str:
        return f"{in_words(self.normal)} . x >= {self.offset:g}"
