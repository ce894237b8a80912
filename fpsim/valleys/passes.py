"""All passes found between two neighbouring valleys, and what each contributes to the rate:  k = sum_b k_b.

They are sought by :mod:`fpsim.valleys.searching`; their rates are those of Eyring and Kramers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fpsim import fields
from fpsim.assumption import Assumption
from fpsim.numbers import whole
from fpsim.storage import Stored, dataset, facts_of
from fpsim.valleys.eyring import anharmonicity, log_rate, require_temperature
from fpsim.valleys.joining import SAME, end_minimum
from fpsim.valleys.patience import Told, patience
from fpsim.valleys.saddle import Saddle, require_loss, unit_of_length
from fpsim.valleys.searching import PassSearch
from fpsim.valleys.stored import minima_packed, minima_unpacked, saddles_packed, saddles_unpacked
from landscapes.critical.points import CriticalPoint
from landscapes.field import as_point, in_words
from landscapes.products import with_length
from landscapes.progress import Progress, shows_progress

if TYPE_CHECKING:
    import xarray

Array = NDArray[np.float64]


@dataclass(frozen=True, repr=False)
class Passes(Stored):
    """The saddles found between two neighbouring minima, the lowest first.

    Attributes:
        name: the landscape.
        minima: the two minima.
        saddles: each turned so that its first minimum is the first of ``minima``.
        searches: climbs that were tried.
        last_new: the climb that found the last new pass.
        complete: whether all critical points of the box are known (two dimensions at most).
        temperature: T of D = T I, if rates were asked for.
        log_rates: ln of the Eyring-Kramers rate over each pass, from the first minimum.
        log_back: the same from the second.
        log_error: numerical error of all of these (beyond 500 dimensions that of sampled determinants).
        assumptions: what the rates rest on.
    """

    name: str
    minima: tuple[CriticalPoint, CriticalPoint]
    saddles: tuple[Saddle, ...]
    searches: int
    last_new: int
    complete: bool
    temperature: float | None = None
    log_rates: tuple[float, ...] = ()
    log_back: tuple[float, ...] = ()
    log_error: float = 0.0
    assumptions: tuple[Assumption, ...] = ()

    @property
    def log_rate(self) -> float:
        """ln of the sum of the rates; ``ValueError`` without a temperature."""
        if self.temperature is None:
            raise ValueError("rates need a temperature: passes(landscape, a, b, temperature=T)")
        return float(np.logaddexp.reduce(self.log_rates))

    @property
    def log_time(self) -> float:
        """ln of the mean time from the first minimum to the second, where no other valley lies near."""
        return -self.log_rate

    @property
    def shares(self) -> tuple[float, ...]:
        """Share of each pass in the rate."""
        return tuple(math.exp(value - self.log_rate) for value in self.log_rates)

    def plot(self, axes: Any = None) -> Any:
        """The heights of minima and passes, with the shares of the rate; returns the figure."""
        from fpsim.valleys.drawn import draw_passes

        return draw_passes(self, axes)

    def to_xarray(self) -> xarray.Dataset:
        """Passes and minima with the dimensions ``pass``, ``state``, ``side`` and ``coordinate``."""
        saddles, facts = saddles_packed(self.saddles)
        entries = {**minima_packed(self.minima), **saddles}
        if self.temperature is not None:
            entries["log_rate"] = "pass", list(self.log_rates), "", "ln of the rate over each pass"
            entries["log_back"] = "pass", list(self.log_back), "", "the same from the other side"
        own = fields.words(self, "minima", "saddles", "log_rates", "log_back")
        return dataset(entries, passes=facts, **own)

    @classmethod
    def from_xarray(cls, data: xarray.Dataset) -> Self:
        """The inverse of :meth:`to_xarray`."""
        facts = facts_of(data)
        if "temperature" in facts:
            facts |= {"log_rates": data.log_rate.values.tolist(), "log_back": data.log_back.values.tolist()}
        saddles = saddles_unpacked(data, facts["passes"])
        return fields.made(cls, data, facts, minima=minima_unpacked(data), saddles=saddles)

    def __str__(self) -> str:
        a, b = self.minima
        lines = [f"{len(self.saddles)} pass(es) of {self.name} between {in_words(a.x)} and {in_words(b.x)}"]
        for k, s in enumerate(self.saddles):
            share = f"  {100 * self.shares[k]:.4g} % of the rate" if self.temperature is not None else ""
            lines.append(f"  {in_words(s.x)}  barrier {s.barrier:.10g}  H_be {s.curvature:.6g}{share}")
        if self.temperature is not None:
            rate = f"rate e^{self.log_rate:.8g}, exponent +- {self.log_error:.1g}"
            lines.append(f"  T = {self.temperature:g}: {rate} (Eyring-Kramers, passes added)")
        extent = "all in the box" if self.complete else f"the last new one in climb {self.last_new}; others may exist"
        lines.append(f"  {self.searches} climbs, {extent}")
        return "\n".join([*lines, *(f"  {x}" for x in self.assumptions)])


@shows_progress("passes")
def passes(
    landscape: Any,
    a: ArrayLike,
    b: ArrayLike,
    temperature: float | None = None,
    starts: int = 12,
    seed: int = 0,
    progress: Progress = None,
    deadline: float = math.inf,
) -> Passes:
    """All passes that are found between two neighbouring minima; with a temperature their rates and shares.

    Args:
        landscape: a landscape with a loss.
        a: a minimum (d,), or close to one.
        b: another minimum.
        temperature: T of the noise D = T I.
        starts: strings bent at random, both ways, and as many climbs in random directions out of each valley.
        seed: of these.
        progress: ``True`` for a bar, or called with the share of strings and climbs that are done, in [0, 1].
        deadline: seconds after which it gives up with an error that says what was found; once there is a pass, no
            others are sought in the second half of them.

    Raises:
        ValueError: without a loss, if an end is no minimum or both are the same, if no saddle found joins the two, or
            the deadline passes.
    """
    require_loss(landscape)
    temperature = None if temperature is None else require_temperature(temperature)
    starts, seed = whole(starts, "starts", 0), whole(seed, "a seed", 0)
    search: PassSearch | None = None
    with patience(deadline, lambda: "no minimum at both ends was certain" if search is None else search.found()):
        length = unit_of_length(landscape, as_point(a, landscape.dimension))
        landscape = with_length(landscape, length / 4)
        ends = end_minimum(landscape, a, length), end_minimum(landscape, b, length)
        if np.linalg.norm(ends[0].x - ends[1].x) <= SAME * length:
            raise ValueError(f"passes join two minima, and both ends lead to the same one, {in_words(ends[0].x)}")
        search = PassSearch(landscape, ends, length, Told(progress))
        complete = search.run(starts, seed)
        return _result(landscape, ends, search, complete, temperature)


def _result(
    landscape: Any,
    ends: tuple[CriticalPoint, CriticalPoint],
    search: PassSearch,
    complete: bool,
    temperature: float | None,
) -> Passes:
    found = sorted(search.joining, key=lambda s: s.loss)
    if not found:
        others = ", ".join(in_words(s.x) for s in search.seen[:4]) or "none"
        why = f"; the first climb refused: {search.refusals[0]}" if search.refusals else ""
        raise ValueError(
            f"no saddle was found that joins {in_words(ends[0].x)} and {in_words(ends[1].x)} directly (saddles seen: "
            f"{others}); where another minimum lies between, fpsim.string goes through it{why}"
        )
    facts: dict[str, Any] = {}
    if temperature is not None:
        worst = max(anharmonicity(landscape, (ends[0], s), temperature) for s in found)
        least = min(s.loss for s in found) - max(end.loss for end in ends)
        both = [[log_rate(landscape, end, s, temperature) for s in found] for end in ends]
        facts = {
            "temperature": temperature,
            "log_rates": tuple(value for value, _ in both[0]),
            "log_back": tuple(value for value, _ in both[1]),
            "log_error": max(error for side in both for _, error in side),
            "assumptions": (
                Assumption("barrier / T >= 5 from both sides", least >= 5 * temperature, f"{least / temperature:.4g}"),
                Assumption("loss is quadratic within a thermal width (0.1)", worst <= 0.1, f"off by {worst:.3g}"),
            ),
        }
    return Passes(landscape.name, ends, tuple(found), search.count, search.last_new, complete, **facts)
