"""How far a state has come on its way: numbers that rise towards the target, at which copies are made.

A good score is one that orders states as the committor does, the chance to arrive before falling back; then the
relative variance of a repetition is about -ln p / N.  Any score gives the right mean, a bad one with rare large
weights.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from fpsim.paths.step import Compiled

Array = NDArray[np.float64]


class Score(Protocol):
    """A number per state."""

    def __call__(self, x: Array) -> Array:
        """Scores (n,) of ``x`` (d, n)."""
        ...

    def compiled(self, dtype: DTypeLike, device: str = "cpu") -> Compiled | None:
        """``score(x, data, out)`` over a block, on a GPU its text, or ``None`` if only NumPy knows it."""
        ...


def score_of(score: Any, dimension: int) -> Score | None:
    """A score given as a function, or as points of a path; ``None`` for ``"distance"``."""
    if isinstance(score, str):
        if score != "distance":
            raise ValueError(f"score is 'distance', 'committor', points of a path or a function of x; got {score!r}")
        return None
    return FunctionScore(score) if callable(score) else PathScore(score, dimension)


@dataclass(frozen=True)
class FunctionScore:
    """A user's function of x (d, n)."""

    function: Callable[[Array], ArrayLike]

    def __call__(self, x: Array) -> Array:
        """The function's values, which must be one number per point."""
        found = np.asarray(self.function(x), dtype=float)
        if found.shape != (x.shape[1],):
            raise ValueError(
                f"a score turns points of shape ({x.shape[0]}, n) into n numbers; for {x.shape} it returned "
                f"{found.shape}"
            )
        return found

    def compiled(self, dtype: DTypeLike, device: str = "cpu") -> Compiled | None:
        """Plain functions run in NumPy."""
        return None

    def __str__(self) -> str:
        return getattr(self.function, "__name__", "a function")


def _written(source: str, data: NDArray[Any], device: str) -> Compiled:
    """A text with its numbers, compiled but for a GPU's kernels."""
    if device == "cuda":
        return Compiled(source, data)
    from fpsim.kernels.compiling import compiled_block

    return Compiled(compiled_block(source, 3, data.dtype.name), data)


STRAIGHT = 2e-3
"""Parts of a path's length by which its score may cut corners."""
PATH_SOURCE = """
def block(x, data, out):
    d, points, width = int(data[0]), int(data[1]), out.size
    for j in range(width):
        best, where = np.inf, data[2] * 0
        for k in range(points - 1):
            along, size, gap = 0.0, data[2 + points * (d + 1) + k], 0.0
            for i in range(d):
                step = data[2 + (k + 1) * (d + 1) + i] - data[2 + k * (d + 1) + i]
                along += (x[i * width + j] - data[2 + k * (d + 1) + i]) * step
            share = along / size
            if k > 0:
                share = max(share, 0.0)
            if k < points - 2:
                share = min(share, 1.0)
            for i in range(d):
                here = data[2 + k * (d + 1) + i]
                off = x[i * width + j] - here - share * (data[2 + (k + 1) * (d + 1) + i] - here)
                gap += off * off
            if gap < best:
                first, last = data[2 + k * (d + 1) + d], data[2 + (k + 1) * (d + 1) + d]
                best, where = gap, first + share * (last - first)
        out[j] = where
"""


class PathScore:
    """The arc-length coordinate along a path: that of the nearest point of the polyline, its ends extended.

    Args:
        points: (k, d) from the start's valley to the target.
    """

    def __init__(self, points: ArrayLike, dimension: int) -> None:
        path = np.asarray(points, dtype=float)
        if path.ndim != 2 or path.shape[0] < 2 or path.shape[1] != dimension or not np.isfinite(path).all():
            raise ValueError(
                f"a path as score is 2 or more finite points of {dimension} coordinates, shape (k, {dimension}); got "
                f"shape {path.shape}"
            )
        steps = np.linalg.norm(np.diff(path, axis=0), axis=1)
        if not (steps > 0).all():
            raise ValueError("a path as score has no point twice in a row; leave out the double ones")
        lengths = np.concatenate([[0.0], np.cumsum(steps)])
        keep = _corners(path, STRAIGHT * float(lengths[-1]))
        self.points, self.lengths = path[keep], lengths[keep]

    def __call__(self, x: Array) -> Array:
        """Lengths (n,) along the path."""
        best, where = np.full(x.shape[1], np.inf), np.zeros(x.shape[1])
        last = len(self.points) - 2
        for k, (here, there) in enumerate(zip(self.points[:-1], self.points[1:], strict=True)):
            step = there - here
            share = step @ (x - here[:, None]) / float(step @ step)
            share = np.clip(share, 0.0 if k > 0 else -np.inf, 1.0 if k < last else np.inf)
            gap = np.sum((x - here[:, None] - share * step[:, None]) ** 2, axis=0)
            nearer = gap < best
            best = np.where(nearer, gap, best)
            first, final = self.lengths[k : k + 2]
            where = np.where(nearer, first + share * (final - first), where)
        return where

    def compiled(self, dtype: DTypeLike, device: str = "cpu") -> Compiled | None:
        """The same over a block."""
        table = np.concatenate([self.points, self.lengths[:, None]], axis=1)
        sizes = np.sum(np.diff(self.points, axis=0) ** 2, axis=1)
        data = np.concatenate([[self.points.shape[1], len(table)], table.ravel(), sizes])
        return _written(PATH_SOURCE, data.astype(dtype), device)

    def __str__(self) -> str:
        return f"length along a path of {len(self.points)} points"


def _corners(path: Array, near: float) -> NDArray[np.int64]:
    """Numbers of the points without which a polyline would lie farther than ``near`` from some of the others.

    D. Douglas, T. Peucker, Cartographica 10 (1973) 112.  Every step of a flight asks for its distance to each piece.
    """
    keep, parts = {0, len(path) - 1}, [(0, len(path) - 1)]
    while parts:
        first, last = parts.pop()
        inner, chord = path[first + 1 : last] - path[first], path[last] - path[first]
        square = float(chord @ chord)
        share = np.clip(inner @ chord / square, 0.0, 1.0) if square > 0 else np.zeros(len(inner))
        gaps = np.linalg.norm(inner - share[:, None] * chord, axis=1)
        if gaps.size and gaps.max() > near:
            middle = first + 1 + int(gaps.argmax())
            keep.add(middle)
            parts += [(first, middle), (middle, last)]
    return np.array(sorted(keep))


TABLE_SOURCE = """
def block(x, data, out):
    d, width = int(data[0]), out.size
    for j in range(width):
        total = 0.0
        for corner in range(1 << d):
            weight, index = 1.0, 0
            for i in range(d):
                cells = data[3 + 3 * i]
                u = min(max((x[i * width + j] - data[1 + 3 * i]) * data[2 + 3 * i], 0.0), cells - 1.0)
                k = min(int(u), int(cells) - 2)
                share = u - k
                side = (corner >> i) & 1
                weight *= share if side else 1.0 - share
                index = index * int(cells) + k + side
            total += weight * data[1 + 3 * d + index]
        out[j] = total if total == total and x[j] == x[j] else np.nan
"""


class TableScore:
    """Values on a regular grid over the first coordinates, linear between; beyond it that of its nearest point.

    Args:
        axes: one (n_i,) array of equally spaced coordinates per dimension, two or more each.
        values: (n_1, ..., n_d).
        name: what it is, in words.
    """

    def __init__(self, axes: list[Array], values: Array, name: str) -> None:
        self.low = np.array([axis[0] for axis in axes])
        self.inverse = np.array([(len(axis) - 1) / (axis[-1] - axis[0]) for axis in axes])
        self.values, self.name = np.asarray(values, dtype=float), name

    def __call__(self, x: Array) -> Array:
        """Interpolated values (n,)."""
        total, shape, x = np.zeros(x.shape[1]), np.array(self.values.shape), x[: len(self.low)]
        u = np.clip((x - self.low[:, None]) * self.inverse[:, None], 0.0, shape[:, None] - 1.0)
        k = np.minimum(np.nan_to_num(u).astype(int), shape[:, None] - 2)
        for corner in np.ndindex(*(2,) * len(shape)):
            side = np.array(corner)[:, None]
            weight = np.prod(np.where(side == 1, u - k, 1 - (u - k)), axis=0)
            total += weight * self.values[tuple(k + side)]
        return total

    def compiled(self, dtype: DTypeLike, device: str = "cpu") -> Compiled | None:
        """The same over a block."""
        head = np.stack([self.low, self.inverse, np.array(self.values.shape)], axis=1).ravel()
        data = np.concatenate([[len(self.low)], head, self.values.ravel()])
        return _written(TABLE_SOURCE, data.astype(dtype), device)

    def __str__(self) -> str:
        return self.name
