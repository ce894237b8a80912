"""Points found in a box, as a sequence and as a table; and whether a drift confines:  b points inward on every face."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self, TypeVar, overload

import numpy as np

from landscapes.notebook import Shown, page
from landscapes.notebook import picture as drawn

if TYPE_CHECKING:
    from landscapes.field import Bounds

Found = TypeVar("Found", covariant=True)
MOST_ROWS = 40


@dataclass(frozen=True, repr=False)
class PointsFound(Shown, Sequence[Found]):
    """A sequence over its ``points``.

    Attributes:
        points: the points.
        bounds: the box searched.
        complete: False where a search cannot promise to have found all (beyond two dimensions), or where the
            index sum shows that some are missing.
        confining: whether the drift points inward all along the boundary of the box.
        index_sum: sum of (-1)^index, the sign of det(-J), without degenerate points; 1 if the drift confines and all
            were found.
        warnings: what is doubtful, in sentences; empty when nothing is.
        of: the landscape or drift whose points they are.
    """

    points: tuple[Found, ...]
    bounds: Bounds
    complete: bool
    confining: bool
    index_sum: int
    warnings: tuple[str, ...] = ()
    of: Any = field(default=None, compare=False)

    def plot(self, axes: Any = None) -> Any:
        """Their landscape with them on it; beyond two dimensions their losses (of a drift: rates) by index.

        Returns the figure; ``axes`` are matplotlib's axes to draw into, a new figure if None.
        """
        from landscapes.picture import by_index, picture

        if self.of is not None and self.of.dimension <= 2:
            return picture(self.of, axes, self)
        return by_index(self.points, axes)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {len(self.points)} in {self.bounds}>"

    def _repr_html_(self) -> str:
        """The table, for notebooks."""
        return page(f"{len(self.points)} points", str(self).splitlines(), drawn(self.plot))

    @classmethod
    def searched(
        cls, of: Any, bounds: Bounds, search: Callable[[int], tuple[Any, ...]], doubts: Callable[..., tuple[str, ...]]
    ) -> Self:
        """What ``search`` finds with effort 1, 2 or 4, until the indices sum to 1 where the box confines.

        ``doubts(of, points, confining, index_sum)`` are sentences.
        """
        points: tuple[Any, ...] = ()
        confining, index_sum, expected = confines(of, bounds), 0, False
        for effort in (1, 2, 4):
            points = search(effort)
            index_sum = sum((-1) ** point.index for point in points if not point.degenerate)
            expected = index_sum == 1 or not confining or any(point.degenerate for point in points)
            if expected or of.dimension > 2:
                break
        found = cls(
            points, bounds, of.dimension <= 2 and expected, confining, index_sum,
            doubts(of, points, confining, index_sum), of,
        )  # fmt: skip
        if of.dimension <= 2:  # beyond, the search promises nothing and the result says so
            for doubt in found.warnings:
                warnings.warn(doubt, stacklevel=4)
        return found

    @overload
    def __getitem__(self, key: int) -> Found: ...
    @overload
    def __getitem__(self, key: slice) -> tuple[Found, ...]: ...
    def __getitem__(self, key: int | slice) -> Found | tuple[Found, ...]:
        return self.points[key]

    def __len__(self) -> int:
        return len(self.points)

    def __iter__(self) -> Iterator[Found]:
        return iter(self.points)


def table(head: Sequence[str], rows: Sequence[Sequence[str]], ends: Sequence[str]) -> str:
    """Rows below a head in aligned columns, the first 40 of them, and closing lines."""
    shown = [head, *rows[:MOST_ROWS]]
    widths = [max(len(row[column]) for row in shown) for column in range(len(head))]
    lines = ["  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)) for row in shown]
    if len(rows) > MOST_ROWS:
        lines.append(f"... and {len(rows) - MOST_ROWS} more")
    return "\n".join(line.rstrip() for line in [*lines, *ends])


def summary(kind: str, found: Any, index_sum: str) -> str:
    """How many points of a search there are, whether these are all, and the sum over their indices."""
    extent = "all in the box" if found.complete else "perhaps not all in the box"
    walls = "confining" if found.confining else "not confining at the box's boundary"
    return f"{len(found)} {kind}(s), {extent}; {walls}; sum of {index_sum} = {found.index_sum}"


def confines(field: Any, bounds: Bounds) -> bool:
    """Tell whether the drift points inward at a dense sample of every face of the box."""
    low, high = np.array(bounds).T
    d = len(low)
    shares = np.random.default_rng(0).random((d, 500)) if d > 2 else np.tile(np.linspace(0, 1, 2001), (d, 1))
    for i in range(d):
        for wall, inward in ((low[i], 1.0), (high[i], -1.0)):
            x = shares * (high - low)[:, np.newaxis] + low[:, np.newaxis]
            x[i] = wall
            if not np.all(inward * field.drift(x)[i] > 0):
                return False
    return True
