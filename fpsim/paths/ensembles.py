"""What a simulation of many paths returns: the paths themselves, or the moments of an ensemble that was not stored."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from fpsim.fields import Kept
from fpsim.storage import Stored

Array = NDArray[Any]
CLOCK = Kept("time", "time", "learning rate * iterations")
MOST_SHOWN = 8  # coordinates in a print


@dataclass(frozen=True, repr=False)
class Paths(Stored):
    """Simulated paths.

    Attributes:
        time: (times,) in units of learning rate * iterations.
        x: (times, paths, d) positions; only the last time if final states were asked for.
        settings: everything needed to repeat the run.
    """

    spread: ClassVar[str] = "settings"

    time: Annotated[Array, CLOCK]
    x: Annotated[Array, Kept("time path dimension", "", "position")]
    settings: dict[str, Any] = field(default_factory=dict)

    def summary(self) -> dict[str, Any]:
        """Mean and variance of each coordinate at the end, with the settings, ready for JSON."""
        last = self.x[-1].astype(float)
        facts = {"time": float(self.time[-1]), "paths": self.x.shape[1], **self.settings}
        return {**facts, "mean": last.mean(axis=0), "variance": last.var(axis=0)}

    @property
    def names(self) -> list[str]:
        """The coordinates as the user calls them, else x or x_0, x_1, ..."""
        return names_of(self.settings, self.x.shape[-1])

    def plot(self, axes: Any = None) -> Any:
        """The first paths against time."""
        from fpsim.plotting import path_chart

        return path_chart(self, axes=axes)

    def __repr__(self) -> str:
        """How many paths and where they end; ``print`` shows the settings too."""
        return f"<Paths: {_shown(_ends(self), 3)}; {self._extent()}>"

    def _extent(self) -> str:
        return f"{self.x.shape[1]} paths, {_times(self.time)}"

    def __str__(self) -> str:
        lines = [f"at the end {_shown(_ends(self), MOST_SHOWN)}", f"  {self._extent()}"]
        return "\n".join([*lines, *_settings(self.settings)])


@dataclass(frozen=True, repr=False)
class Moments(Stored):
    """Moments of an ensemble of paths that were not stored.

    Attributes:
        time: (times,).
        mean, variance: (times, d); the variance has the divisor n - 1.
        third, fourth: (times, d) central moments (divisor n).
        paths: number of paths n.
        settings: everything needed to repeat the run.
    """

    spread: ClassVar[str] = "settings"

    time: Annotated[Array, CLOCK]
    mean: Annotated[Array, Kept("time dimension", "", "mean of the position")]
    variance: Annotated[Array, Kept("time dimension", "", "variance of the position")]
    third: Annotated[Array, Kept("time dimension", "", "third central moment of the position")]
    fourth: Annotated[Array, Kept("time dimension", "", "fourth central moment of the position")]
    paths: int
    settings: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def from_sums(cls, time: Array, sums: Array, origin: Array, paths: int, settings: dict[str, Any]) -> Moments:
        """From sums (times, 4, d) of the powers of x - origin, origin (times, d) near the mean."""
        m1, m2, m3, m4 = np.moveaxis(sums / paths, 1, 0)
        second = m2 - m1**2
        third = m3 - 3 * m1 * m2 + 2 * m1**3
        fourth = m4 - 4 * m1 * m3 + 6 * m1**2 * m2 - 3 * m1**4
        return cls(time, origin + m1, second * paths / max(paths - 1, 1), third, fourth, paths, settings)

    @property
    def standard_error(self) -> Array:
        """Standard error of the mean, (times, d)."""
        return np.sqrt(self.variance / self.paths)

    def summary(self) -> dict[str, Any]:
        """Mean and variance of each coordinate at the end, with the settings, ready for JSON."""
        facts = {"time": float(self.time[-1]), "paths": self.paths, **self.settings}
        return {**facts, "mean": self.mean[-1], "variance": self.variance[-1]}

    @property
    def names(self) -> list[str]:
        """The coordinates as the user calls them, else x or x_0, x_1, ..."""
        return names_of(self.settings, self.mean.shape[-1])

    def plot(self, axes: Any = None) -> Any:
        """Mean with a band of one standard deviation against time."""
        from fpsim.plotting import moment_chart

        return moment_chart(self, axes=axes)

    def __repr__(self) -> str:
        """Mean and variance at the end; ``print`` shows the settings too."""
        return f"<Moments: {_shown(_ends(self), 3)}; {self._extent()}>"

    def _extent(self) -> str:
        return f"moments of {self.paths} paths at {_times(self.time)}"

    def __str__(self) -> str:
        lines = [f"at the end {_shown(_ends(self), MOST_SHOWN)}", f"  {self._extent()}"]
        return "\n".join([*lines, *_settings(self.settings)])


def names_of(settings: dict[str, Any], dimension: int) -> list[str]:
    """What the ``names`` of a result are made of."""
    known = settings.get("variables")
    if known is not None and len(known) >= dimension:
        return [str(name) for name in known[:dimension]]
    return ["x"] if dimension == 1 else [f"x_{i}" for i in range(dimension)]


def _ends(found: Paths | Moments) -> list[str]:
    """Per coordinate the mean at the end with its standard error, and the standard deviation."""
    if isinstance(found, Paths):
        last = found.x[-1].astype(float)
        mean, deviation = last.mean(axis=0), last.std(axis=0)
        error = deviation / np.sqrt(max(len(last), 1))
    else:
        mean, deviation, error = found.mean[-1], np.sqrt(found.variance[-1]), found.standard_error[-1]
    names = names_of(found.settings, len(mean))
    rows = zip(names, mean, error, deviation, strict=True)
    return [f"{name} = {m:.5g} +- {e:.2g} (sd {s:.4g})" for name, m, e, s in rows]


def _shown(rows: list[str], most: int) -> str:
    left = len(rows) - most
    return ", ".join(rows[:most]) + (f" and {left} more coordinates" if left > 0 else "")


def _settings(settings: dict[str, Any]) -> list[str]:
    return [f"  {key}: {value}" for key, value in settings.items() if key not in ("variables", "problem")]


def _times(time: Array) -> str:
    return f"{time.size} time{'s' if time.size > 1 else ''} up to t = {time[-1]:g}"
