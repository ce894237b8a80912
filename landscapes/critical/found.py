"""Points found in a box, as a sequence and as a table; and whether a drift confines:  b points inward on every face."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeVar, overload

import numpy as np

if TYPE_CHECKING:
    from landscapes.field import Bounds

Found = TypeVar("Found", covariant=True)
MOST_ROWS = 40


class PointsFound(Sequence[Found]):
    """A sequence over its ``points``."""

    points: tuple[Found, ...]

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
