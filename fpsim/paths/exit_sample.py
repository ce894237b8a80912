"""Single exits: their mean with its error, their survival, and what a deadline leaves of them."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from fpsim.paths.censoring import CensoredMean, censored_mean
from fpsim.paths.deadline import common_horizon
from fpsim.paths.exit_pool import Exits
from fpsim.storage import Stored, dataset, facts_of

if TYPE_CHECKING:
    import xarray

Array = NDArray[Any]


@dataclass(frozen=True, repr=False)
class ExitSample(Stored):
    """Single exits.

    Attributes:
        times: (paths,) exit times; ``horizon`` for censored paths.
        places: (paths, d) where each path left; for censored paths, where they were last seen.
        censored: (paths,) whether the path had not arrived at the horizon.
        horizon: longest time a path was followed (infinite: until it was out).
        step: time step.
        settings: everything else.
    """

    times: Array
    places: Array
    censored: Array
    horizon: float
    step: float
    settings: dict[str, Any] = field(default_factory=dict)

    @property
    def exits(self) -> Array:
        """Times of the paths that left."""
        return np.asarray(self.times[~self.censored])

    def mean_and_error(self) -> tuple[float, float]:
        """Mean exit time and its standard error; censored paths enter through an exponential tail.

        The error holds the sampling error and, where paths are censored, what a rate that still changes at the horizon
        would add (:mod:`fpsim.paths.censoring`).

        Raises:
            ValueError: if the late part of the horizon cannot tell what follows it.
        """
        found = self.censored_mean()
        return found.mean, math.hypot(found.standard_error, found.tail_error)

    def censored_mean(self) -> CensoredMean:
        """Mean, standard error and what is known beyond the horizon; raises as :meth:`mean_and_error`."""
        return censored_mean(self.times, self.censored, self.horizon)

    def survival(self, points: int = 200) -> tuple[Array, Array, Array]:
        """Survival probability P(T > t) with a simultaneous 95 % band (Dvoretzky-Kiefer-Wolfowitz, Massart 1990).

        Returns:
            (t, probability, half width of the band), each (points,).
        """
        t = np.linspace(0, float(self.times.max()), points)
        probability = 1 - np.searchsorted(np.sort(self.exits), t, side="right") / self.times.size
        return t, probability, np.full(points, np.sqrt(np.log(2 / 0.05) / (2 * self.times.size)))

    def __str__(self) -> str:
        """Mean exit time with its error, how many left, and the settings."""
        out, paths = int(self.exits.size), self.times.size
        units = self.settings.get("units", "time")
        try:
            mean, error = self.mean_and_error()
            head = f"mean exit time {mean:.6g} +- {error:.2g} {units}"
        except ValueError:
            head = f"{out} of {paths} paths left, too few for a mean exit time"
        lines = [f"{head}; {out} of {paths} paths left" + (f" within t = {self.horizon:g}" if out < paths else "")]
        facts = {"step": self.step, **self.settings}
        return "\n".join(lines + [f"  {key}: {value}" for key, value in facts.items() if key != "problem"])

    def __repr__(self) -> str:
        """The first line of what ``print`` shows."""
        return f"<ExitSample: {str(self).splitlines()[0]}>"

    def plot(self, axes: Any = None) -> Any:
        """Share of paths that have not left, against the exponential law of the same mean."""
        from fpsim.plotting import survival_chart

        return survival_chart(self, self.mean_and_error()[0], axes=axes)

    @classmethod
    def from_xarray(cls, data: xarray.Dataset) -> Self:
        """The inverse of :meth:`to_xarray`; of a saved ``EscapeTime``, its sample."""
        facts = facts_of(data)
        horizon = np.inf if facts["horizon"] is None else float(facts["horizon"])  # JSON has no infinity
        step = float(facts["step"])
        censored = np.asarray(data["censored"].values, dtype=bool)
        return cls(data.exit_time.values, data.exit_place.values, censored, horizon, step, facts["sample_settings"])

    def to_xarray(self) -> xarray.Dataset:
        """Dataset over the dims path and (path, dimension)."""
        entries = {
            "exit_time": ("path", self.times, "time", "exit time (horizon if censored)"),
            "exit_place": (("path", "dimension"), self.places, "", "where the path left"),
            "censored": ("path", self.censored.astype(np.int8), "", "1 if the path had not left at the horizon"),
        }
        facts = {**self.settings, "horizon": self.horizon, "step": self.step}
        return dataset(entries, **facts, sample_settings=self.settings)


def sample_of(
    found: Exits, horizon: float, quads: int, step: float, deadline: float, facts: dict[str, Any]
) -> ExitSample:
    """Exits in units of time: all of them, or, if the deadline came first, those with one common horizon."""
    times, places = found.times, found.places
    end = 4 * quads * step if np.isfinite(horizon) else np.inf
    if np.isnan(times).any():
        chosen, common = common_horizon(times, found.followed, quads)
        if common == 0:
            raise ValueError(f"no path did four steps in the {deadline:.2g} s that were left for them; give more time")
        times, places, end = times[chosen], places[chosen], 4 * common * step
        times = np.where(times <= 4 * common, times, np.inf)  # NaN is under way
        facts["stopped"] = f"after {deadline:g} s: {times.size} of {chosen.size} paths, followed up to t = {end:g}"
    censored = np.isinf(times)
    return ExitSample(np.where(censored, end, times * step), places, censored, end, step, facts)
