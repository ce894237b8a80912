"""A target as seen by a path between walls, at the end u of a step *before* it is folded back into the box.

    reflecting   the path in the box is the fold of a free path, which has entered the target if its fold has
    periodic     the target is repeated in every image of the box

A half-space on a ring is the part of the box at and beyond its plane, an arc from the plane to the seam: a path enters
it at either end.  Across an axis the free path is followed itself, so that no step is long enough to jump over what
lies between a plane and the wall behind it; a ball is the nearest of its images; any other level is read at the folded
point, and ends at seams beyond which the target lies.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fpsim.paths.edges import Edges
from fpsim.targets import PlaceTarget, Point, Target
from fpsim.walls import Walls

if TYPE_CHECKING:
    import sympy

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Enclosed(Target):
    """``inner`` between ``walls``; levels are signed distances, points lie anywhere."""

    inner: Target
    walls: Walls

    def level(self, x: Array) -> Array:
        """Signed distance of ``x`` (d, ...), shape (...)."""
        return self._both(x)[0]

    def gradient(self, x: Array) -> Array:
        """Unit normal at the fold of ``x``, shape (d, ...)."""
        return self._both(x)[1]

    def _both(self, x: Array) -> tuple[Array, Array]:
        at = np.stack(self._images(np, list(x)))
        slope = np.broadcast_to(self.inner.gradient(at), at.shape)
        length = np.maximum(np.sqrt(np.sum(slope**2, axis=0)), 1e-300)
        level, normal = self.inner.level(at) / length, np.array(slope / length)

        def beyond(point: list[Array]) -> Array:
            return np.asarray(self.inner.level(np.stack(point)) / length)

        for axis, seam in self._seams(np, list(x), list(at), beyond):
            nearer = seam > level
            level = np.where(nearer, seam, level)
            normal[:, nearer] = 0.0
            normal[axis, nearer] = 1.0
        return level, normal

    def ball(self) -> tuple[Array, float] | None:
        """That of the target in the box."""
        return self.inner.ball()

    def symbolic(self, variables: Sequence[sympy.Symbol]) -> tuple[sympy.Expr, dict[sympy.Symbol, float]] | None:
        """The signed distance as a formula."""
        found = self.pieces(variables)
        if found is None:
            return None
        import sympy

        parts, parameters = found
        return sympy.Max(*(distance for distance, _ in parts)), parameters

    def pieces(self, variables: Sequence[sympy.Symbol]) -> tuple[list[tuple[Any, list[Any]]], dict[Any, float]] | None:
        """Signed distances, of which the largest counts, each with its normal; ``None`` for a level function."""
        import sympy

        plain = [sympy.Symbol(f"enclosed {i}", real=True) for i in range(len(variables))]
        found = self.inner.symbolic(plain)
        if found is None:
            return None
        distance, parameters = found
        names = [[f"enclosure {i} low", f"enclosure {i} high"] for i in range(len(plain))]
        ends = [[sympy.Symbol(name, real=True) for name in pair] for pair in names]
        for pair, side in zip(ends, self.walls.box, strict=True):
            parameters = parameters | dict(zip(pair, side, strict=True))
        walls = _Symbols(self.walls.kind, ends)
        at = self._images(sympy, list(variables), walls)

        def put(point: list[Any]) -> Any:
            return distance.xreplace(dict(zip(plain, point, strict=True)))

        normal = [sympy.diff(distance, v).xreplace(dict(zip(plain, at, strict=True))) for v in plain]
        parts = [(put(at), normal)]
        for axis, seam in self._seams(sympy, list(variables), at, put, walls):
            parts.append((seam, [sympy.Integer(i == axis) for i in range(len(plain))]))
        return parts, parameters

    @property
    def _axis(self) -> int | None:
        """The axis that the target's plane is square to, if it is a plane and square to one."""
        plane = self.inner.plane()
        crossed = [] if plane is None else [i for i, n in enumerate(plane[0]) if n != 0]
        return crossed[0] if len(crossed) == 1 else None

    @property
    def _rightwards(self) -> bool:
        plane = self.inner.plane()
        return plane is not None and bool(plane[0][self._axis or 0] > 0)

    def _images(self, m: Any, u: list[Any], walls: Any = None) -> list[Any]:
        """Where the inner target is read for a path that arrives at u."""
        walls, ball = walls or self.walls, self.inner.ball()
        out = []
        for i, (v, kind, (low, high)) in enumerate(zip(u, walls.kind, walls.box, strict=True)):
            if kind == "periodic" and ball is not None:
                length, center = high - low, float(ball[0][i]) if m is np else _center(i)
                out.append(v - length * m.floor((v - center) / length + m_half(m)))
            elif kind == "periodic" and i != self._axis:
                out.append(v - (high - low) * m.floor((v - low) / (high - low)))
            elif kind == "reflecting" and i == self._axis:  # the wall behind the plane lies in the target
                out.append(low + _absolute(m, v - low) if self._rightwards else high - _absolute(m, v - high))
            elif kind == "reflecting":
                length = high - low
                turned = (v - low) - 2 * length * m.floor((v - low) / (2 * length)) - length
                out.append(low + length - _absolute(m, turned))
            else:
                out.append(v)
        return out

    def _seams(
        self, m: Any, u: list[Any], at: list[Any], beyond: Callable[[list[Any]], Any], walls: Any = None
    ) -> list[tuple[int, Any]]:
        """(axis, signed distance) to the target through every seam behind which it may lie."""
        walls = walls or self.walls
        found: list[tuple[int, Any]] = []
        if self.inner.ball() is not None:
            return found
        for i, (v, kind, (low, high)) in enumerate(zip(u, walls.kind, walls.box, strict=True)):
            if kind != "periodic" or (self._axis is not None and i != self._axis):
                continue
            if i == self._axis:
                found.append((i, low - v if self._rightwards else v - high))
                continue
            for near, far in ((low - at[i], high), (at[i] - high, low)):
                opposite = beyond([*at[:i], far + 0 * at[i], *at[i + 1 :]])
                found.append((i, m.minimum(near, opposite) if m is np else m.Min(near, opposite)))
        return found

    def __str__(self) -> str:
        return str(self.inner)


@dataclass(frozen=True)
class _Symbols:
    """Walls whose box is made of symbols, so that other numbers need no other code."""

    kind: Any
    box: Any


def m_half(m: Any) -> Any:
    """One half, in floats or exactly."""
    return 0.5 if m is np else m.Rational(1, 2)


def _center(i: int) -> Any:
    """The symbol of a ball's centre, as its formula has it."""
    import sympy

    return sympy.Symbol(f"target center {i}", real=True)


def _absolute(m: Any, value: Any) -> Any:
    return np.abs(value) if m is np else m.Abs(value)


def enclosed(target: Target, edges: Edges, bridge: bool) -> Target:
    """``target`` as the kernels watch it between walls and edges.

    A ball on a line is the half-line that begins at its near end, for a path that moves continuously.

    Raises:
        ValueError: if walls or edges keep every path out of it.
    """
    walls, start = edges.walls, edges.origin
    require_reachable(target, edges)
    on_ring = walls is not None and walls.kind[0] == "periodic"
    place = target.inner if isinstance(target, PlaceTarget) else target
    edge = place.edge(start[:1]) if place.dimension == 1 else None
    if place.ball() is not None and edge is not None and bridge and not on_ring:
        near = Point(edge, float(start[0]))
        target = PlaceTarget(near, target.copies) if isinstance(target, PlaceTarget) else near
    return target if walls is None else Enclosed(target, walls)


def require_reachable(target: Target, edges: Edges) -> None:
    """Raise ``ValueError`` if a point, half-space or ball lies wholly outside the walls or the domain."""
    plane, ball = target.plane(), target.ball()
    if plane is None and ball is None:
        return
    nearest, scale = [], 0.0
    kinds = edges.walls.kind if edges.walls is not None else (None,) * edges.origin.size
    for i, (kind, (low, high)) in enumerate(zip(kinds, edges.box, strict=True)):
        if ball is not None:
            center = float(ball[0][i])
            nearest.append(center if kind == "periodic" else float(np.clip(center, low, high)))
        elif plane is not None:
            nearest.append(high if plane[0][i] > 0 else low if plane[0][i] < 0 else float(edges.origin[i]))
        scale = max(scale, abs(nearest[-1] - edges.origin[i]))
    if np.isinf(nearest).any():
        return
    if float(target.level(np.array(nearest)[:, None])[0]) < -1e-12 * scale:
        outside = "the edge of the landscape's domain" if edges.walls is None else f"the {edges.walls}"
        raise ValueError(f"no path can reach the target {target}: it lies beyond {outside}; move the target")


def lengths_met(target: Target, walls: Walls | None) -> list[tuple[int | None, float]]:
    """Lengths that a step may not jump over: sides of the box by axis, and (axis ``None``) the radius of a ball.

    On a line a path cannot pass a ball unseen.
    """
    sides = zip(walls.kind, walls.box, strict=True) if walls else ()
    found: list[tuple[int | None, float]] = [(k, b - a) for k, (kind, (a, b)) in enumerate(sides) if kind]
    ball = target.ball()
    if ball is not None and (ball[0].size > 1 or found):
        found.append((None, ball[1]))
    return found
