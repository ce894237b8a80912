"""Where an escape ends: {level(x) >= 0}, with level < 0 in the valley.

A target knows its level function and, where it is a plain geometric set, its signed distance as a formula,
which lets compiled kernels and grids place its boundary exactly.  The symbols of these formulas have a blank in their
names, so that they are never those of a landscape.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from landscapes.field import in_words

if TYPE_CHECKING:
    import sympy

Array = NDArray[np.float64]
SMALL = 1e-5  # steps of differences, in lengths on which a level function changes
STEPS = np.exp2(np.arange(-128.0, 129.0, 2.0))  # 38 powers of ten up and down from the start's own size
CHANGE = 1 / 16  # share of the level at the start by which a step of the reach changes it


class Target:
    """A closed set {level >= 0}; subclasses say which."""

    def level(self, x: Array) -> Array:
        """Signed level of ``x`` (d, ...), shape (...): negative outside the target, >= 0 inside."""
        raise NotImplementedError

    def gradient(self, x: Array) -> Array:
        """Gradient of the level, shape (d, ...); by central differences unless a subclass knows better."""
        out, lengths = np.empty_like(x), self._lengths(x)
        for i in range(x.shape[0]):
            step = SMALL * lengths[i]
            ahead, behind = x.copy(), x.copy()
            ahead[i] += step
            behind[i] -= step
            out[i] = (self.level(ahead) - self.level(behind)) / (2 * step)
        return out

    def _lengths(self, x: Array) -> tuple[float, ...]:
        """Length per coordinate on which the level changes: that of the points, unless a subclass knows better."""
        sizes = [float(np.ptp(row)) or float(np.max(np.abs(row), initial=0.0)) for row in x]
        return tuple(size or max(sizes) or 1.0 for size in sizes)

    def symbolic(self, variables: Sequence[sympy.Symbol]) -> tuple[sympy.Expr, dict[sympy.Symbol, float]] | None:
        """Signed distance to the boundary as a formula with its parameters; ``None`` for a general level function."""
        return None

    def check(self, start: Array, dimension: int) -> None:
        """Raise ``ValueError`` unless the level is one finite number at ``start`` and negative there."""
        value = np.asarray(self.level(start[:, None]), dtype=float)
        if value.shape != (1,) or not np.isfinite(value).all():
            raise ValueError(
                f"the target's level function must return one finite number per point (shape (...) for x of shape "
                f"({dimension}, ...)); at {in_words(start)} it returned {value!r}"
            )
        if value[0] >= 0:
            raise ValueError(f"the start {in_words(start)} already lies in the target ({self}); choose one outside it")


@dataclass(frozen=True)
class Point(Target):
    """The 1-D target at and beyond ``value``, seen from ``start``: {x >= value} from the left, {x <= value} else."""

    value: float
    start: float

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

    def __str__(self) -> str:
        return f"x {'>=' if self.direction > 0 else '<='} {self.value:g}"


@dataclass(frozen=True)
class Ball(Target):
    """The closed ball ``|x - center| <= radius``."""

    center: tuple[float, ...]
    radius: float

    def __init__(self, center: ArrayLike, radius: float) -> None:
        object.__setattr__(self, "center", tuple(np.atleast_1d(np.asarray(center, dtype=float)).tolist()))
        object.__setattr__(self, "radius", float(radius))
        if not self.radius > 0 or not np.isfinite(self.center).all():
            raise ValueError(f"a Ball needs a finite center and a radius > 0; got {self.center} and {radius}")

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
class HalfSpace(Target):
    """The half-space ``normal . x >= offset``; the normal is scaled to length one (and the offset with it)."""

    normal: tuple[float, ...]
    offset: float

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

    def level(self, x: Array) -> Array:
        """Signed distance ``normal . x - offset``, shape (...), of ``x`` with shape (d, ...)."""
        return np.tensordot(self.normal, x, axes=1) - self.offset

    def gradient(self, x: Array) -> Array:
        """The normal at every point, shape (d, ...)."""
        return np.broadcast_to(np.reshape(self.normal, (-1,) + (1,) * (x.ndim - 1)), x.shape).copy()

    def symbolic(self, variables: Sequence[sympy.Symbol]) -> tuple[sympy.Expr, dict[sympy.Symbol, float]]:
        """``normal . x - offset``."""
        import sympy

        offset = sympy.Symbol("target offset", real=True)
        normals = [sympy.Symbol(f"target normal {i}", real=True) for i in range(len(self.normal))]
        distance = sympy.Add(*[n * v for n, v in zip(normals, variables, strict=True)]) - offset
        return distance, {offset: self.offset, **dict(zip(normals, self.normal, strict=True))}

    def __str__(self) -> str:
        return f"{in_words(self.normal)} . x >= {self.offset:g}"


@dataclass(frozen=True)
class LevelSet(Target):
    """{function(x) >= 0} for any function of ``x`` with shape (d, ...) that is negative in the valley.

    ``lengths``, one per coordinate, are those on which the level changes; an escape problem finds them at its start.
    """

    function: Callable[[Array], ArrayLike]
    lengths: tuple[float, ...] | None = field(default=None, compare=False, repr=False)

    def level(self, x: Array) -> Array:
        """The user's function, shape (...)."""
        return np.asarray(self.function(x), dtype=float)

    def _lengths(self, x: Array) -> tuple[float, ...]:
        return self.lengths or super()._lengths(x)

    def seen_from(self, start: Array) -> LevelSet:
        """The same set with its lengths as found at a start (d,)."""
        return self if self.lengths else replace(self, lengths=reach(self.level, start))

    def __str__(self) -> str:
        return f"{getattr(self.function, '__name__', 'level')}(x) >= 0"


def as_target(target: Any, start: Array) -> Target:
    """A number (1-D), a :class:`Target` or a level function as a target that ``start`` (d,) lies outside of."""
    dimension = start.shape[0]
    if dimension == 1 and not isinstance(target, Target) and not callable(target) and np.shape(target) == (1,):
        target = np.asarray(target)[0]  # the array of a minimum, as a start may be
    elif isinstance(target, np.ndarray) and target.shape == ():
        target = target[()]
    if isinstance(target, Target):
        chosen = target
        size = (
            len(chosen.center)
            if isinstance(chosen, Ball)
            else len(chosen.normal)
            if isinstance(chosen, HalfSpace)
            else None
        )
        if size is not None and size != dimension:
            raise ValueError(f"the landscape has {dimension} dimensions, but the target {chosen} has {size}")
    elif callable(target):
        chosen = LevelSet(target)
    elif dimension == 1 and isinstance(target, int | float | np.number) and np.isfinite(target):
        if float(target) == start[0]:
            raise ValueError(f"start and target are both {float(target):g}; choose a target away from the start")
        chosen = Point(float(target), float(start[0]))
    elif dimension > 1 and not isinstance(target, str) and np.shape(target) == (dimension,):
        point = [float(v) for v in target]
        raise ValueError(
            f"a single point is never met in {dimension} dimensions: give Ball({point}, radius) with a radius of your "
            "choice, or a HalfSpace"
        )
    else:
        raise ValueError(
            f"in {dimension} dimensions a target is Ball(center, radius), HalfSpace(normal, offset) or a level "
            f"function of x (a finite number in 1-D only); got {target!r}"
        )
    chosen.check(start, dimension)
    return chosen.seen_from(start) if isinstance(chosen, LevelSet) else chosen


def reach(level: Callable[[Array], Array], start: Array) -> tuple[float, ...]:
    """Per coordinate the shortest step from ``start`` (d,) that changes a level function visibly, a power of four.

    It is found by trying; a coordinate that the level does not depend on takes the longest of the others.
    """
    own = float(np.abs(start).max()) or 1.0
    with np.errstate(all="ignore"):
        here = float(level(start[:, None])[0])
        found = [_visible(level, start, own * STEPS, axis, here) for axis in range(start.size)]
    known = [length for length in found if length is not None]
    return tuple(length if length is not None else max(known, default=own) for length in found)


def _visible(level: Callable[[Array], Array], start: Array, steps: Array, axis: int, here: float) -> float | None:
    for step in steps:
        moved = np.repeat(start[:, None], 2, axis=1)
        moved[axis] += [-step, step]
        try:
            values = np.asarray(level(moved), dtype=np.float64)
        except (ArithmeticError, ValueError):  # outside of what the level function knows
            continue
        change = np.abs(values - here)
        if np.any(change[np.isfinite(change)] >= CHANGE * abs(here)):
            return float(step)
    return None
