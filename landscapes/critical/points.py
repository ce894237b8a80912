"""Critical points: grad L(x) = 0, told apart by the Morse index, the number of negative eigenvalues of Hess L.

In one dimension roots of L' are isolated on a fine scan, which roots of L'' refine so that close pairs are
found. In two dimensions Newton's method starts from every cell of a grid where both components of the gradient
may vanish. Beyond two, Newton starts from many points and the result says that it may be incomplete.

Where grad L points outward all along the boundary of the box, the Poincare-Hopf theorem demands
sum (-1)^index = 1 (J. Milnor, Topology from the Differentiable Viewpoint, 1965, section 6). The sum is checked,
and a mismatch is reported as a warning and in the result.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from landscapes.critical.asked import Array, HasHeight
from landscapes.critical.found import PointsFound, summary, table
from landscapes.critical.newton import newton, unique_points
from landscapes.critical.starts import halfway, seeds

if TYPE_CHECKING:
    from landscapes.field import Bounds

DEGENERATE = 1e-9
"""An eigenvalue counts as zero when its change of L across the box is below this part of L's range there."""
MOST_DEGENERATE = 8
"""More degenerate points than this are taken for a line or region of critical points."""


@dataclass(frozen=True)
class CriticalPoint:
    """A point where the gradient vanishes.

    Attributes:
        x: coordinates, shape (d,).
        loss: L(x).
        eigenvalues: of the Hessian, ascending.
        index: number of negative eigenvalues; 0 at a minimum, 1 at a saddle that paths cross.
        degenerate: whether an eigenvalue is zero within rounding, so that the index decides nothing.
    """

    x: NDArray[np.float64]
    loss: float
    eigenvalues: NDArray[np.float64]
    index: int
    degenerate: bool = False

    @property
    def kind(self) -> str:
        """One of "minimum", "saddle", "maximum", "degenerate"; a barrier top in one dimension is a "saddle"."""
        if self.degenerate:
            return "degenerate"
        if self.index == 0:
            return "minimum"
        return "maximum" if self.index == len(self.x) > 1 else "saddle"

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers and strings, ready for JSON."""
        facts = {"kind": self.kind, "x": self.x.tolist(), "loss": float(self.loss)}
        return {**facts, "eigenvalues": self.eigenvalues.tolist()}

    def __repr__(self) -> str:
        at = ", ".join(f"{value:.6g}" for value in self.x)
        return f"CriticalPoint({self.kind} at ({at}), loss={self.loss:.6g}, index={self.index})"


@dataclass(frozen=True, repr=False)
class CriticalPoints(PointsFound[CriticalPoint]):
    """The critical points found in a box: minima first, then by rising index."""

    @property
    def minima(self) -> tuple[CriticalPoint, ...]:
        """The minima, in order of their coordinates."""
        return tuple(point for point in self.points if point.kind == "minimum")

    @property
    def saddles(self) -> tuple[CriticalPoint, ...]:
        """The points of index 1, in order of their coordinates; in one dimension the barrier tops."""
        return tuple(point for point in self.points if point.index == 1 and not point.degenerate)

    def __str__(self) -> str:
        rows, box = [], max(high - low for low, high in self.bounds)
        for p in self.points:
            steep = float(np.abs(p.eigenvalues).max())
            loss = 0.0 if abs(p.loss) < 1e-14 * steep * box**2 else p.loss  # rounding
            rows.append((p.kind, _numbers(p.x, box), f"{loss:.9g}", _numbers(p.eigenvalues, steep), str(p.index)))
        ends = [summary("point", self, "(-1)^index"), *self.warnings]
        return table(("kind", "x", "loss", "eigenvalues", "index"), rows, ends)


def find_critical_points(landscape: HasHeight, bounds: Bounds) -> CriticalPoints:
    """Search a box for critical points; the public call is `Landscape.critical_points`.

    Raises:
        ValueError: where the critical points are not isolated (a flat region or a line of them).
    """
    return CriticalPoints.searched(landscape, bounds, partial(_search, landscape, bounds), _doubts)


def _search(landscape: HasHeight, bounds: Bounds, effort: int) -> tuple[CriticalPoint, ...]:
    low, high = np.array(bounds).T
    starts = seeds(landscape, bounds, effort)
    if landscape.dimension > 2:
        minima = unique_points(newton(landscape, starts, bounds, downhill=True), high - low)
        starts = np.concatenate([minima, halfway(minima, starts.shape[1]), starts], axis=1)
    places = unique_points(newton(landscape, starts, bounds), high - low)
    if places.shape[1] == 0:
        return ()
    losses = np.asarray(landscape.loss(places))
    values = np.linalg.eigvalsh(np.moveaxis(landscape.hessian(places), -1, 0))
    flat = DEGENERATE * _range(landscape, bounds) / (high - low).max() ** 2
    points = [
        CriticalPoint(places[:, k], float(losses[k]), values[k], int(np.sum(values[k] < 0)), degenerate)
        for k, degenerate in enumerate(np.any(np.abs(values) <= flat, axis=1).tolist())
    ]
    if sum(point.degenerate for point in points) > MOST_DEGENERATE:
        raise ValueError(
            f"The critical points of {landscape.name} are not isolated: the loss is flat along a line or region."
        )
    return tuple(sorted(points, key=lambda point: (point.index, *np.round(point.x / (high - low), 9))))


def _doubts(landscape: HasHeight, points: Sequence[CriticalPoint], confining: bool, index_sum: int) -> tuple[str, ...]:
    degenerate = [point for point in points if point.degenerate]
    if degenerate:
        at = "; ".join(_numbers(point.x, np.abs(point.x).max()) for point in degenerate)
        return (
            f"{landscape.name} has degenerate critical points (zero curvature) at {at}: "
            "their index decides nothing, and formulas with second derivatives do not hold there.",
        )
    if confining and index_sum != 1:
        return (
            f"The critical points found in {landscape.name} have sum (-1)^index = {index_sum} where a "
            "confining landscape has 1: some are missing.",
        )
    return ()


def _range(landscape: HasHeight, bounds: Bounds) -> float:
    """Return the typical variation of the loss over the box, robust against steep corners."""
    low, high = np.array(bounds).T
    x = np.random.default_rng(0).random((len(low), 1000)) * (high - low)[:, np.newaxis] + low[:, np.newaxis]
    values = np.asarray(landscape.loss(x))
    spread = float(np.median(np.abs(values - np.median(values))))
    return spread if math.isfinite(spread) else 0.0


def _numbers(values: Array, size: float) -> str:
    """Show a vector: rounding errors against ``size`` as 0, the middle of a long one left out."""
    shown = [f"{0.0 if abs(value) < 1e-14 * size else value:.7g}" for value in values]
    if len(shown) > 5:
        shown = [*shown[:3], "...", shown[-1]]
    return f"({', '.join(shown)})"
