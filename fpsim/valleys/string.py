"""The path of least loss between two minima, through saddles and minima in turn:  grad L is along it everywhere.

A relaxed string (:mod:`fpsim.valleys.relaxing`) shows where the passes are; from each of its tops a climb finds the
saddle, certified by its descents (:mod:`fpsim.valleys.saddle`). The path itself is made of these descents, so that its
highest point is a saddle to rounding, and is followed more closely until the force across it meets the tolerance.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fpsim import fields
from fpsim.fields import Kept
from fpsim.numbers import positive, whole
from fpsim.storage import Stored, dataset, facts_of
from fpsim.valleys.joining import SAME, Joining, end_minimum
from fpsim.valleys.patience import Told, patience
from fpsim.valleys.saddle import ACCURACY, BESIDE, Saddle, require_loss, side_of, unit_of_length
from fpsim.valleys.stored import saddles_packed, saddles_unpacked
from landscapes.critical.points import CriticalPoint
from landscapes.field import as_point, in_words
from landscapes.products import with_length
from landscapes.progress import Progress, shows_progress

if TYPE_CHECKING:
    import xarray

Array = NDArray[np.float64]
CLOSER, LOOKS = 8.0, 5
"""By how much the accuracy of the descents is raised, and how often."""


@dataclass(frozen=True, repr=False)
class String(Stored):
    """A path of least loss between two minima.

    Attributes:
        name: the landscape.
        x: points along it, shape (d, n), evenly spaced between one station and the next.
        arc: length of the path up to each point, (n,).
        loss: L at each point, (n,).
        saddles: the passes on the way, in order.
        minima: the minima on the way, in order, both ends included.
        residual: largest force across the path, in parts of the largest force on it.
        notes: what else is to be said.
    """

    name: str
    x: Annotated[Array, Kept("coordinate point", "", "path of least loss")]
    arc: Annotated[Array, Kept("point", "", "length of the path")]
    loss: Annotated[Array, Kept("point", "loss", "loss along the path")]
    saddles: tuple[Saddle, ...]
    minima: tuple[CriticalPoint, ...]
    residual: float
    notes: tuple[str, ...] = ()
    landscape: Any = field(default=None, repr=False, compare=False)

    @property
    def highest(self) -> Saddle:
        """The highest pass on the way."""
        return max(self.saddles, key=lambda s: s.loss)

    @property
    def barrier(self) -> float:
        """Height of the highest pass above the first minimum."""
        return self.highest.loss - self.minima[0].loss

    @property
    def barrier_error(self) -> float:
        """Bound on the error of :attr:`barrier`."""
        return 2 * self.highest.loss_error

    def plot(self, axes: Any = None) -> Any:
        """In two dimensions the path on the landscape, else the loss along it; returns the figure."""
        from fpsim.valleys.drawn import draw_string

        return draw_string(self, axes)

    def to_xarray(self) -> xarray.Dataset:
        """Path, passes and minima with the dimensions ``point``, ``coordinate``, ``pass`` and ``minimum``."""
        saddles, facts = saddles_packed(self.saddles)
        entries = {
            **fields.variables(self),
            "minima": (("minimum", "coordinate"), [m.x for m in self.minima], "", "minima in order"),
            **saddles,
        }
        arc, own = {"arc": entries.pop("arc")}, fields.words(self, "saddles", "minima")
        return dataset(entries, arc, barrier=self.barrier, passes=facts, **own)

    @classmethod
    def from_xarray(cls, data: xarray.Dataset) -> Self:
        """The inverse of :meth:`to_xarray`, without the landscape."""
        facts = facts_of(data)
        saddles = saddles_unpacked(data, facts["passes"])
        minima = (saddles[0].minima[0], *(s.minima[1] for s in saddles))
        return fields.made(cls, data, facts, saddles=saddles, minima=minima)

    def __str__(self) -> str:
        first, last = self.minima[0], self.minima[-1]
        lines = [
            f"path of least loss of {self.name} from {in_words(first.x)} to {in_words(last.x)}: barrier "
            f"{self.barrier:.10g} +- {self.barrier_error:.1g}, length {self.arc[-1]:.6g}"
        ]
        stations: list[Any] = [s for pair in zip(self.minima, self.saddles, strict=False) for s in pair] + [last]
        for station in stations:
            word, above = "minimum" if station.index == 0 else "saddle ", station.loss - first.loss
            lines.append(f"  {word}  loss {station.loss:<16.10g} {above:+.6g}  {in_words(station.x)}")
        lines.append(f"  force across the path <= {self.residual:.1g} of the largest on it ({len(self.arc)} points)")
        return "\n".join([*lines, *(f"  {note}" for note in self.notes)])


@shows_progress("string")
def string(
    landscape: Any,
    a: ArrayLike,
    b: ArrayLike,
    images: int = 25,
    points: int = 101,
    tolerance: float = 1e-3,
    progress: Progress = None,
    deadline: float = 60.0,
) -> String:
    """The path of least loss from minimum a to minimum b, over the lowest passes that are found.

    Args:
        landscape: a landscape with a loss.
        a: a minimum (d,), or close to one.
        b: another minimum.
        images: points of the strings that find the passes.
        points: points of the path, at least.
        tolerance: force across the path, in parts of the largest force on it.
        progress: ``True`` for a bar, or called with the share of the way that is joined, in [0, 1].
        deadline: seconds after which it gives up with an error that says what was found; rugged landscapes with very
            many minima on the way (50 weakly coupled wells) take more, or ask for one minimum in between.

    Raises:
        ValueError: without a loss, if an end is no minimum or both are the same, if no chain of certified saddles is
            found that joins them, the tolerance is not met, or the deadline passes.
    """
    require_loss(landscape)
    images, points = whole(images, "the images of a string", 5), whole(points, "the points of a path", 5)
    tolerance = positive(tolerance, "the tolerance")
    search: Joining | None = None
    with patience(deadline, lambda: "no minimum at both ends was certain" if search is None else search.found()):
        length = unit_of_length(landscape, as_point(a, landscape.dimension))
        landscape = with_length(landscape, length / 4)
        ends = end_minimum(landscape, a, length), end_minimum(landscape, b, length)
        if np.linalg.norm(ends[0].x - ends[1].x) <= SAME * length:
            raise ValueError(f"a string joins two minima, and both ends lead to the same one, {in_words(ends[0].x)}")
        told = Told(progress)
        search = Joining(landscape, ends, length, images, told)
        found = _along(landscape, search.search(), length, points, tolerance)
        told(1.0)
        return found


def _along(landscape: Any, way: tuple[Saddle, ...], length: float, points: int, tolerance: float) -> String:
    """The path over these saddles, followed more closely until the force across it meets the tolerance."""
    minima, accuracy = (way[0].minima[0], *(s.minima[1] for s in way)), ACCURACY
    for _ in range(LOOKS):
        x, arc, residual = _path(landscape, way, length, accuracy, points)
        if residual <= tolerance:
            loss = np.asarray(landscape.loss(x))
            return String(landscape.name, x, arc, loss, way, minima, residual, (), landscape)
        accuracy, points = accuracy / CLOSER, int(1.5 * points)
    raise ValueError(f"the force across the path stays {residual:.2g} of the largest on it, above the tolerance "
                     f"{tolerance:g}; ask for less, or for more points")  # fmt: skip


def _path(
    landscape: Any, way: Sequence[Saddle], length: float, accuracy: float, points: int
) -> tuple[Array, Array, float]:
    """Points (d, n) along the descents of the saddles, their arc length (n,) and the largest force across."""
    legs = []
    for s in way:
        for side, sign in enumerate((-1, 1)):
            known = accuracy == ACCURACY and s.descents  # they were followed so closely when it was certified
            leg = s.descents[side] if known else side_of(landscape, s.x, sign * s.direction, length, accuracy).path
            leg = np.concatenate([s.x[None], leg])
            legs.append(leg[::-1] if sign < 0 else leg)
    sizes = [float(np.linalg.norm(np.diff(leg, axis=0), axis=1).sum()) for leg in legs]
    pieces, arcs, forces, scale, done = [], [], [], 0.0, 0.0
    for k, (leg, size) in enumerate(zip(legs, sizes, strict=True)):
        share = max(9, int(np.ceil(points * size / sum(sizes))))
        x, arc, tangent = _evenly_on(leg, share)
        gradient = np.asarray(landscape.gradient(x))
        across = gradient - np.sum(gradient * tangent, axis=0) * tangent
        beside = BESIDE * length  # the first step from a saddle is straight, along e
        away = np.linalg.norm(x - (leg[-1] if k % 2 == 0 else leg[0])[:, None], axis=0) > beside
        forces.append(float(np.linalg.norm(across[:, away], axis=0).max(initial=0.0)))
        scale = max(scale, float(np.linalg.norm(gradient, axis=0).max()))
        first = 0 if k == 0 else 1
        pieces.append(x[:, first:])
        arcs.append(done + arc[first:])
        done += arc[-1]
    return np.concatenate(pieces, axis=1), np.concatenate(arcs), max(forces) / scale


def _evenly_on(leg: Array, points: int) -> tuple[Array, Array, Array]:
    """Evenly spaced points (d, points) on the smooth curve through a leg (n, d), arc lengths and unit tangents."""
    from scipy.interpolate import CubicSpline

    chords = np.linalg.norm(np.diff(leg, axis=0), axis=1)
    keep = np.concatenate([[True], chords > 1e-12 * chords.sum()])
    leg = leg[keep]
    along = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(leg, axis=0), axis=1))])
    curve = CubicSpline(along, leg)
    places = np.linspace(0.0, along[-1], points)
    x = curve(places).T
    x[:, 0], x[:, -1] = leg[0], leg[-1]
    tangent = curve(places, 1).T
    return x, places, tangent / np.maximum(np.linalg.norm(tangent, axis=0), 1e-300)
