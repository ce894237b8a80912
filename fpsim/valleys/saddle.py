"""A saddle of index 1 with the two valleys it joins, found from one point and certified:

    grad L(b) = 0,   H_b e = H_be e with H_be < 0 < all other curvatures,   x' = -grad L from b -+ e ends in a_1, a_2.

The search knows gradients and products with the Hessian only (:mod:`fpsim.valleys.climbing`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Annotated, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fpsim import fields
from fpsim.fields import Kept
from fpsim.storage import Stored, dataset, facts_of
from fpsim.valleys.climbing import LeftError, climb, require_size
from fpsim.valleys.curvature import Curvature
from fpsim.valleys.descent import Descent, Polished, polish, slide_down
from fpsim.valleys.patience import Told, patience
from landscapes.critical.points import CriticalPoint
from landscapes.field import as_point, in_words
from landscapes.products import DENSE, length_along, with_length
from landscapes.progress import Progress, shows_progress

if TYPE_CHECKING:
    import xarray

Array = NDArray[np.float64]
ACCURACY = 1e-4
"""Of the descents, in lengths."""
BESIDE = 1e-3
"""How far beside a saddle its descents begin, in lengths."""
SOFTEST = 3
"""Modes of a minimum that are climbed, both ways, where nobody says which."""
REACH = 10.0
"""The unit of lengths of a landscape without a box, in lengths to which its gradient is linear."""


@dataclass(frozen=True, repr=False)
class Saddle(Stored):
    """A saddle of index 1, certified.

    Attributes:
        name: the landscape.
        x: the point, shape (d,).
        loss: L(x).
        direction: the unit vector e of escape, from the first minimum's side to the second's.
        eigenvalues: curvatures, ascending: all of them up to 500 dimensions, beyond the lowest few.
        minima: the two minima that the descents along -e and +e reach; e points away from the start of the search.
        curvatures: H_ae = e . H e at these minima.
        gradient_norm: |grad L(x)|.
        position_error: bound on the distance to the exact zero of the gradient.
        loss_error: bound on the error of L(x), rounding included.
        eigenvalue_error: bound on the error of the lowest curvatures.
        notes: what the certificate rests on besides.
        descents: the points (n, d) of the descents along -e and +e, unless it comes from a file.
    """

    name: str
    x: Annotated[Array, Kept("coordinate", "", "saddle")]
    loss: float
    direction: Annotated[Array, Kept("coordinate", "", "unit vector of escape")]
    eigenvalues: Annotated[Array, Kept("mode", "loss/length^2", "curvatures at the saddle")]
    minima: tuple[CriticalPoint, CriticalPoint]
    curvatures: tuple[float, float]
    gradient_norm: float
    position_error: float
    loss_error: float
    eigenvalue_error: float
    notes: tuple[str, ...] = ()
    landscape: Any = field(default=None, repr=False, compare=False)
    descents: tuple[Array, ...] = field(default=(), repr=False, compare=False)

    index = 1
    degenerate = False
    kind = "saddle"

    @property
    def curvature(self) -> float:
        """H_be < 0, the curvature along e."""
        return float(self.eigenvalues[0])

    @property
    def barriers(self) -> tuple[float, float]:
        """L_b - L_a from either side."""
        first, second = self.minima
        return self.loss - first.loss, self.loss - second.loss

    @property
    def barrier(self) -> float:
        """L_b - L_a from the first minimum."""
        return self.barriers[0]

    def turned(self) -> Self:
        """The same saddle seen from the other side."""
        return replace(
            self, direction=-self.direction, minima=self.minima[::-1], curvatures=self.curvatures[::-1],
            descents=self.descents[::-1],
        )  # fmt: skip

    def plot(self, axes: Any = None) -> Any:
        """The landscape (in one or two dimensions) with the saddle and its minima; returns the figure.

        Raises:
            ValueError: beyond two dimensions, without a box, or for a saddle that was loaded from a file.
        """
        from landscapes.picture import picture

        if self.landscape is None:
            raise ValueError("a saddle from a file knows no landscape to draw; plot the landscape itself")
        return picture(self.landscape, axes, [*self.minima, self])

    def to_xarray(self) -> xarray.Dataset:
        """Everything as one dataset with the dimensions ``coordinate``, ``mode`` and ``side``."""
        first, second = self.minima
        curved = len(first.eigenvalues) == len(self.eigenvalues)
        modes = [m.eigenvalues if curved else np.full(len(self.eigenvalues), np.nan) for m in self.minima]
        entries = {
            "minima": (("side", "coordinate"), [first.x, second.x], "", "minima on both sides"),
            "minimum_loss": ("side", [first.loss, second.loss], "loss", "loss at the minima"),
            "minimum_eigenvalues": (("side", "mode"), modes, "loss/length^2", "curvatures at the minima"),
            "curvature": ("side", list(self.curvatures), "loss/length^2", "curvature of the minima along direction"),
        }  # fmt: skip
        return dataset({**fields.variables(self), **entries}, **fields.words(self, "minima", "curvatures"))

    @classmethod
    def from_xarray(cls, data: xarray.Dataset) -> Self:
        """The inverse of :meth:`to_xarray`, without the landscape."""
        sides = [
            CriticalPoint(data.minima.values[k], float(data.minimum_loss[k]), data.minimum_eigenvalues.values[k], 0)
            for k in (0, 1)
        ]
        first, second = data.curvature.values.tolist()
        return fields.made(cls, data, facts_of(data), minima=(sides[0], sides[1]), curvatures=(first, second))

    def __str__(self) -> str:
        others = self.eigenvalues[1:]
        beside = f"; the next is {others[0]:.6g}" if len(others) else ""
        lines = [
            f"saddle of {self.name} at {in_words(self.x)}: loss {self.loss:.10g} +- {self.loss_error:.1g}, index 1",
            f"  curvature along e {self.curvature:.8g} +- {self.eigenvalue_error:.1g}{beside}",
            f"  |grad L| = {self.gradient_norm:.1g}, position +- {self.position_error:.1g}",
            f"  e = {in_words(self.direction)}",
        ]
        for sign, minimum, barrier, along in zip("-+", self.minima, self.barriers, self.curvatures, strict=True):
            lines.append(
                f"  {sign}e descends to the minimum {in_words(minimum.x)}, loss {minimum.loss:.10g}: barrier "
                f"{barrier:.10g}, H_ae = {along:.6g}"
            )
        return "\n".join([*lines, *(f"  {note}" for note in self.notes)])


@shows_progress("saddle")
def saddle(
    landscape: Any,
    near: ArrayLike,
    direction: ArrayLike | None = None,
    progress: Progress = None,
    deadline: float = math.inf,
) -> Saddle:
    """The saddle of index 1 that gentlest ascent reaches from a point, in any dimension.

    Args:
        landscape: a landscape with a loss.
        near: where to begin, (d,): near the saddle, in a valley or on its minimum.
        direction: which way to climb out of the valley, (d,).  Without it: the softest mode, uphill; where that leads
            nowhere, its other side and the next modes.
        progress: ``True`` for a bar, or called with the share of these directions that are done, in [0, 1].
        deadline: seconds after which it gives up with an error that says what was found.

    Raises:
        ValueError: without a loss, when the deadline passes, and where no saddle of index 1 with a minimum on both
            sides is found; the sentence says what was.
    """
    require_loss(landscape)
    x = as_point(near, landscape.dimension)
    given = None if direction is None else _unit(as_point(direction, landscape.dimension))
    refusals: list[ValueError] = []
    with patience(deadline, lambda: f"{len(refusals)} direction(s) had led to no saddle"):
        length, told = unit_of_length(landscape, x, given), Told(progress)
        landscape = with_length(landscape, length / 4)
        ways = [given] if given is not None else _ways_up(landscape, x)
        for k, e in enumerate(ways):
            try:
                found = certified(landscape, climb(landscape, x, e, length), length, x)
            except ValueError as error:
                refusals.append(error)
                told((k + 1) / len(ways))
            else:
                told(1.0)
                return found
    more = f" (and {len(refusals) - 1} other directions led to none)" if len(refusals) > 1 else ""
    telling = next((r for r in refusals if not isinstance(r, LeftError)), refusals[0])
    raise ValueError(f"no saddle was found from {in_words(x)}: {telling}{more}")


def certified(landscape: Any, guess: Array, length: float, start: Array | None = None) -> Saddle:
    """The saddle at a guess (d,), polished, with its certificate; ``start`` tells which side comes first.

    Raises:
        ValueError: if it is no saddle of index 1 or does not lead to a minimum on both sides.
    """
    found = polish(landscape, guess, length)
    error = require_index_one(found, length)
    e = found.curvature.modes[1][:, 0]
    toward = float(e @ (found.x - start)) if start is not None else 0.0
    e = e if (toward or e[np.argmax(np.abs(e))]) > 0 else -e
    descents = [side_of(landscape, found.x, sign * e, length) for sign in (-1, 1)]
    sides = [down.minimum for down in descents]
    first, second = (float(e @ Curvature(landscape, m.x, accuracy=1e-10).product(e)) for m in sides)
    loss, off = loss_and_error(landscape, found)
    notes = () if landscape.dimension <= DENSE else ("no other negative curvature was found by Lanczos' method",)
    return Saddle(landscape.name, found.x, loss, e, found.curvature.modes[0], (sides[0], sides[1]), (first, second),
                  float(np.linalg.norm(found.gradient)), found.error, off, error, notes, landscape,
                  tuple(down.path for down in descents))  # fmt: skip


def require_index_one(found: Polished, length: float) -> float:
    """The error of the curvatures at a polished point, refusing any point whose index is not certainly 1."""
    values, error = found.curvature.modes[0], found.curvature_error(length)
    smallest = float(values[np.abs(values).argmin()])
    if abs(smallest) <= error:
        raise ValueError(
            f"the critical point {in_words(found.x)} has a curvature that is zero within its error ({smallest:.2g} +- "
            f"{error:.1g}): its index is not decided (a flat direction, or a degenerate point)"
        )
    index = int(np.sum(values < 0))
    if index != 1:
        kind = "a minimum" if index == 0 else f"a point of index {index}"
        raise ValueError(f"the critical point {in_words(found.x)} is {kind}, where a saddle of index 1 was expected")
    return error


def side_of(landscape: Any, x: Array, e: Array, length: float, accuracy: float = ACCURACY) -> Descent:
    """The descent from a saddle along e (d,).

    Raises:
        ValueError: if it reaches no minimum.
    """
    try:
        return slide_down(landscape, x + BESIDE * length * e, length, accuracy, near=min(1e-2, 100 * accuracy))
    except ValueError as error:
        raise ValueError(f"the saddle {in_words(x)} of index 1 has no minimum on one side: {error}") from None


def loss_and_error(landscape: Any, found: Polished) -> tuple[float, float]:
    """L at a critical point, and a bound on its error: half of g . H^-1 g, and how it scatters within rounding of x."""
    x, eps = found.x, float(np.finfo(float).eps)
    loss = float(landscape.loss(x))
    moves = 2 * eps * np.random.default_rng(0).integers(-1, 2, (len(x), 16))
    scatter = float(np.max(np.abs(np.asarray(landscape.loss(x[:, None] * (1 + moves))) - loss)))
    left = abs(float(found.gradient @ found.curvature.newton(found.gradient)))
    return loss, scatter + left + 4 * eps * abs(loss)


def unit_of_length(landscape: Any, x: Array, direction: Array | None = None) -> float:
    """The largest side of the box; without one ten times the length to which the gradient is linear around x."""
    require_size(landscape, x)
    if landscape.bounds is not None:
        return max(high - low for low, high in landscape.bounds)
    e = Curvature(landscape, x).modes[1][:, 0] if direction is None else direction
    return REACH * length_along(landscape.gradient, x, e)


def require_loss(landscape: Any) -> None:
    """Refuse what is no landscape, or has no loss, each in a sentence."""
    if not hasattr(landscape, "dimension") or hasattr(landscape, "landscape"):
        raise TypeError(f"saddles are those of a landscape (of an SDE: sde.landscape); got {landscape!r}")
    if not hasattr(landscape, "loss"):
        raise ValueError(
            f"saddles are those of a loss, and {getattr(landscape, 'name', landscape)} has none; a drift field has "
            "fixed points (fixed_points)"
        )


def _ways_up(landscape: Any, x: Array) -> list[Array | None]:
    """Directions to try: the unstable mode where there is one; else the softest modes, both ways, uphill first."""
    values, vectors = Curvature(landscape, x).modes
    gradient, softest = np.asarray(landscape.gradient(x)), range(min(SOFTEST, len(values)))
    signs = [1.0 if vectors[:, k] @ gradient >= 0 else -1.0 for k in softest]
    both: list[Array | None] = [s * signs[k] * vectors[:, k] for k in softest for s in (1.0, -1.0)]
    return [None, *both] if values[0] < 0 else both


def _unit(v: Array) -> Array:
    """v / |v|; ``ValueError`` for zero."""
    if not v.any():
        raise ValueError("a direction to climb is a vector other than zero")
    v = v / float(np.abs(v).max())  # its square may be no float
    return np.asarray(v / np.linalg.norm(v))
