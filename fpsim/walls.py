"""Walls that keep a path in a box: reflecting (the path is folded back) or periodic (it re-enters opposite).

reflecting   x -> low + L - | (x - low) mod 2L - L |          periodic   x -> low + (x - low) mod L

Of a body with a velocity v a reflecting wall turns v round, as often as x is folded.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from landscapes.field import in_words

Kind = Literal["reflecting", "periodic"]
Array = NDArray[np.float64]


@dataclass(frozen=True)
class Walls:
    """A box with one kind of wall per coordinate.

    Args:
        kind: ``"reflecting"`` or ``"periodic"``, or one of them (or ``None``: no wall) per coordinate.
        box: (low, high) per coordinate.

    Raises:
        ValueError: for unknown kinds or empty boxes.
    """

    kind: Kind | Sequence[Kind | None]
    box: Sequence[tuple[float, float]]

    def __post_init__(self) -> None:
        box = tuple((float(low), float(high)) for low, high in self.box)
        kinds = (self.kind,) * len(box) if isinstance(self.kind, str) else tuple(self.kind)
        if len(kinds) != len(box) or any(k not in ("reflecting", "periodic", None) for k in kinds):
            raise ValueError(f"walls are 'reflecting' or 'periodic', one word or one per coordinate; got {self.kind!r}")
        for low, high in box:
            if not (np.isfinite([low, high]).all() and low < high):
                raise ValueError(
                    f"each side of the box must be (low, high) with low < high, both finite; got {(low, high)}"
                )
        object.__setattr__(self, "box", box)
        object.__setattr__(self, "kind", kinds)

    def widened(self, more: int) -> Walls:
        """The same for states with ``more`` coordinates, along which there are no walls."""
        return replace(self, kind=(*self.kind, *[None] * more), box=(*self.box, *[(0.0, 1.0)] * more))

    def contains(self, x: Array) -> NDArray[np.bool_]:
        """Whether points ``x`` (d, ...) lie in the box, shape (...); along an axis without walls everything does."""
        inside = np.ones(np.shape(x)[1:], dtype=bool)
        for row, kind, (low, high) in zip(x, self.kind, self.box, strict=True):
            if kind is not None:
                inside &= (row >= low) & (row <= high)
        return inside

    def __str__(self) -> str:
        sides = [
            f"{kind} on [{low:g}, {high:g}]" for kind, (low, high) in zip(self.kind, self.box, strict=True) if kind
        ]
        return "walls " + ", ".join(sides) if sides else "no walls"

    def fold(self, x: Array) -> Array:
        """``x`` (d, ...) taken back into the box."""
        out = np.array(x)
        for i, (kind, (low, high)) in enumerate(zip(self.kind, self.box, strict=True)):
            length = high - low
            if kind == "reflecting":
                out[i] = (
                    low + length - np.abs((x[i] - low) - 2 * length * np.floor((x[i] - low) / (2 * length)) - length)
                )
            elif kind == "periodic":
                out[i] = x[i] - length * np.floor((x[i] - low) / length)
        return out

    def turns(self, x: Array) -> Array:
        """-1 where a coordinate of ``x`` (d, ...) was reflected an odd number of times, else 1."""
        out = np.ones(np.shape(x))
        for i, (kind, (low, high)) in enumerate(zip(self.kind, self.box, strict=True)):
            if kind == "reflecting":
                out[i] = np.where(np.floor((x[i] - low) / (high - low)) % 2 == 1, -1.0, 1.0)
        return out

    def symbolic_turns(self, expressions: Sequence[Any]) -> list[Any]:
        """The same of formulas, in the parameters of :meth:`symbolic`."""
        import sympy

        found: list[Any] = []
        for i, (x, kind) in enumerate(zip(expressions, self.kind, strict=True)):
            foot, inverse = (sympy.Symbol(f"wall {i} {name}", real=True) for name in ("low", "inverse"))
            share = (x - foot) * inverse  # of a full turn there and back
            odd = share - sympy.floor(share) >= sympy.Rational(1, 2)
            found.append(sympy.Piecewise((-1, odd), (1, True)) if kind == "reflecting" else sympy.Integer(1))
        return found

    def symbolic(self, expressions: Sequence[Any]) -> tuple[list[Any], dict[Any, float]]:
        """The fold applied to formulas, with its parameters."""
        import sympy

        folded: list[Any] = []
        parameters: dict[Any, float] = {}
        for i, (x, kind, (low, high)) in enumerate(zip(expressions, self.kind, self.box, strict=True)):
            if kind is None:
                folded.append(x)
                continue
            foot, length, inverse = (sympy.Symbol(f"wall {i} {n}", real=True) for n in ("low", "length", "inverse"))
            span = high - low
            parameters |= {foot: low, length: span, inverse: 1 / (2 * span if kind == "reflecting" else span)}
            if kind == "reflecting":
                turned = (x - foot) - 2 * length * sympy.floor((x - foot) * inverse) - length
                folded.append(foot + length - sympy.Abs(turned))
            else:
                folded.append(x - length * sympy.floor((x - foot) * inverse))
        return folded, parameters


@dataclass(frozen=True)
class MovingWalls(Walls):
    """Walls around the first ``places`` coordinates of states (x, v, ...): reflecting ones turn the velocities round.

    A state is folded as a whole, so that within a step a body flies on in the mirror image of its box.
    """

    places: int = 0

    @classmethod
    def around(cls, walls: Walls) -> MovingWalls:
        """The same walls, as states (x, v) meet them."""
        d = len(walls.box)
        return cls((*walls.kind, *[None] * d), (*walls.box, *[(0.0, 1.0)] * d), d)

    def fold(self, x: Array) -> Array:
        """States ``x`` (2 d + ..., ...) taken back into the box, their velocities turned."""
        out, d = super().fold(x), self.places
        out[d : 2 * d] *= self.turns(x)[:d]
        return out

    def symbolic(self, expressions: Sequence[Any]) -> tuple[list[Any], dict[Any, float]]:
        """The fold applied to formulas, with its parameters."""
        (folded, parameters), d = super().symbolic(expressions), self.places
        turned = zip(folded[d : 2 * d], self.symbolic_turns(expressions), strict=False)
        folded[d : 2 * d] = [turn * v for v, turn in turned]
        return folded, parameters


def require_place(sde: Any, start: Array, walls: Walls | None) -> None:
    """Raise ``ValueError`` unless ``start`` (d,) lies inside the walls and where the landscape is defined."""
    place = start if walls is None else start[: len(walls.box)]
    if walls is not None and not walls.contains(place):
        raise ValueError(f"the start {in_words(place)} lies outside the {walls}; choose one inside")
    sde.domain.interval(start)


def as_walls(boundary: Any, landscape: Any) -> Walls | None:
    """``None``, a word (walls on the landscape's own box) or :class:`Walls`, checked against the dimension."""
    if boundary is None:
        return None
    if isinstance(boundary, str):
        if landscape.bounds is None:
            raise ValueError(
                f"boundary='{boundary}' puts walls on the landscape's box, but it has none; use Walls(kind, box)"
            )
        boundary = Walls(boundary, landscape.bounds)  # type: ignore[arg-type]
    if not isinstance(boundary, Walls):
        raise ValueError(f"boundary is None, 'reflecting', 'periodic' or Walls(kind, box); got {boundary!r}")
    if len(boundary.box) != landscape.dimension:
        raise ValueError(f"the landscape has {landscape.dimension} dimensions, but the walls have {len(boundary.box)}")
    return None if all(kind is None for kind in boundary.kind) else boundary


def own_walls(sde: Any, boundary: Any) -> Walls | None:
    """The walls around an escape: those asked for, or those that motion with inertia has been put between."""
    walls, own = as_walls(boundary, sde.place), None if sde.inertia is None else sde.inertia.walls
    if walls is not None and own is not None and walls != own:
        raise ValueError(f"this motion has {own} already, and boundary= asks for {walls}; leave boundary= out")
    return own if walls is None else walls
