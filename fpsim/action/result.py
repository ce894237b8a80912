"""A least action: the exponent of an escape, and the way that it takes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Annotated, Any, Self

import numpy as np
from numpy.typing import NDArray

from fpsim import fields
from fpsim.assumption import Assumed, Assumption
from fpsim.digits import digits
from fpsim.storage import Stored, dataset, facts_of
from landscapes.field import in_words

if TYPE_CHECKING:
    import xarray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Stop:
    """Where a leg of the way ends: the point (d,), how many directions of the drift grow there, and the leg's action.

    ``index`` is 0 at a stable fixed point, 1 at a saddle, -1 where the drift does not vanish.
    """

    x: tuple[float, ...]
    index: int
    action: float


@dataclass(frozen=True)
class Other:
    """Another way at which the action is stationary, with its action and points (d, n)."""

    action: float
    x: Array


@dataclass(frozen=True, repr=False)
class MinimumAction(Assumed, Stored):
    """The least action from one point to another.

    Attributes:
        action: S = int p . dx along the way; ``convention`` says in which units.
        error: of the action: refinement, what the descent still promises, and the floor's share.
        speed: S/eta, or 1: what the action is multiplied by.
        x: (d, n) points of the way.
        momentum: (d, n) p at them, in units of the action.
        stops: where each leg ends; legs that climb have an action, those that fall have none.
        energy: the largest |H| on the way, in units of the largest |b . p|.
        force: the largest force across the way, in units of (largest momentum) / (length).
        floor: added to the diagonal of the noise, in the units of the convention.
        floor_share: how much of the action the floor takes, from two floors (:mod:`fpsim.action.floors`).
        gaussian: the least action under Gaussian noise of the same covariance (``nan`` where that is the noise).
        system, convention: what moves, and what the action is, in words.
        others: further ways at which the action is stationary, in order of their actions.
        assumptions: what the number rests on, each checked.
        settings: what else is needed to repeat it.
    """

    action: float
    error: float
    speed: float
    x: Annotated[Array, fields.Kept("coordinate point", "", "way of least action")]
    momentum: Annotated[Array, fields.Kept("coordinate point", "", "momentum along it")]
    stops: tuple[Stop, ...]
    energy: float
    force: float
    floor: float
    floor_share: float
    gaussian: float
    system: str
    convention: str
    others: tuple[Other, ...] = ()
    assumptions: tuple[Assumption, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def exponent(self) -> float:
        """speed * action: ln(time) ~ exponent for the noise as given."""
        return self.speed * self.action

    @property
    def exponent_error(self) -> float:
        """The error of the exponent."""
        return self.speed * self.error

    @property
    def residual(self) -> float:
        """The larger one of ``energy`` (H = 0) and ``force`` (stationary across the way)."""
        return max(self.energy, self.force)

    def times(self, units: Array) -> MinimumAction:
        """The same in coordinates ``units`` (d,) times as large."""
        stops = tuple(replace(stop, x=tuple((np.array(stop.x) * units).tolist())) for stop in self.stops)
        others = tuple(replace(other, x=other.x * units[:, None]) for other in self.others)
        x, p = self.x * units[:, None], self.momentum / units[:, None]
        return replace(self, x=x, momentum=p, stops=stops, others=others)

    def to_xarray(self) -> xarray.Dataset:
        """Dataset with the way over (coordinate, point), and the others over (other, coordinate, node)."""
        entries = fields.variables(self)
        if self.others:
            stacked = np.stack([other.x for other in self.others])
            entries["other_x"] = (("other", "coordinate", "node"), stacked, "", "other stationary ways")
            entries["other_action"] = (("other",), np.array([o.action for o in self.others]), "", "their actions")
        return dataset(entries, **fields.words(self, "others"))

    @classmethod
    def from_xarray(cls, data: xarray.Dataset) -> Self:
        """The inverse of :meth:`to_xarray`."""
        others: tuple[Other, ...] = ()
        if "other_x" in data:
            pairs = zip(data.other_action.values, data.other_x.values, strict=True)
            others = tuple(Other(float(action), x) for action, x in pairs)
        return fields.made(cls, data, facts_of(data), others=others)

    def plot(self, axes: Any = None, landscape: Any = None) -> Any:
        """The way in the plane (2-D, over the contours of ``landscape`` if given); else the action spent along it."""
        from fpsim.plotting import action_chart

        return action_chart(self, axes, landscape)

    def __repr__(self) -> str:
        return f"<MinimumAction: exponent {_number(self.exponent, self.exponent_error)}>"

    def __str__(self) -> str:
        where = f"from {in_words(self.x[:, 0])} to {in_words(self.x[:, -1])}"
        lines = [f"least action {where}: exponent {_number(self.exponent, self.exponent_error)}"]
        lines.append(f"  {self.convention}")
        lines.append(f"  action {_number(self.action, self.error)}, speed {self.speed:g}; {self.system}")
        if not math.isnan(self.gaussian):
            lines.append(f"  Gaussian noise of the same covariance: action {self.gaussian:.8g}")
        for stop in self.stops:
            kind = {-1: "a point of the drift", 0: "a stable fixed point", 1: "a saddle"}.get(
                stop.index, f"a fixed point with {stop.index} growing directions"
            )
            lines.append(f"  to {in_words(stop.x)}, {kind}: action {stop.action:.8g}")
        lines += [f"  another stationary way: action {other.action:.8g}" for other in self.others]
        if self.floor:
            lines.append(f"  floor {self.floor:.4g} added to the noise; it takes {self.floor_share:.2g} of the action")
        lines.append(f"  |H| <= {self.energy:.1e} |b . p|, force across <= {self.force:.1e} momenta per length")
        return "\n".join([*lines, *(f"  {a}" for a in self.assumptions)])


def _number(value: float, error: float) -> str:
    if not math.isfinite(value):
        return f"{value}"
    return f"{value:.{digits(value, error) if error else 10}g} +- {error:.1g}"
