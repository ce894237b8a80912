"""The chance S(t) not to have arrived yet, at several times, with its errors and what it rests on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from fpsim.assumption import Assumed, Assumption
from fpsim.fields import Kept
from fpsim.storage import Stored

Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, repr=False)
class Survival(Assumed, Stored):
    """The chance not to have met the target yet.

    Attributes:
        time: (times,) in ``units``.
        chance: S at these times, (times,).
        standard_error: of sampling (one sigma), (times,); zero for deterministic routes.
        systematic_error: of steps, cells or the formula's neglected terms, (times,).
        method: ``"paths"``, ``"grid"``, ``"chain"`` or ``"quasi-static"``.
        units: the schedule's clock, ``"time"`` or ``"iterations"``.
        assumptions: what the numbers rest on, each checked.
        seconds: wall time spent.
        settings: problem, steps, seeds.
    """

    time: Annotated[Array, Kept("time", "{units}", "clock of the schedule")]
    chance: Annotated[Array, Kept("time", "", "probability not to have met the target")]
    standard_error: Annotated[Array, Kept("time", "", "statistical error (one sigma)")]
    systematic_error: Annotated[Array, Kept("time", "", "estimated systematic error")]
    method: str
    units: str
    assumptions: tuple[Assumption, ...] = ()
    seconds: float = 0.0
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def error(self) -> Array:
        """Both errors in quadrature, (times,)."""
        return np.hypot(self.standard_error, self.systematic_error)

    def z_scores(self, other: Survival) -> Array:
        """Distances to ``other`` at the same times in units of the combined errors, (times,)."""
        if not np.array_equal(self.time, other.time) or self.units != other.units:
            raise ValueError("two survivals are compared at the same times, of the same clock; ask both for them")
        gap, error = self.chance - other.chance, np.hypot(self.error, other.error)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(gap == 0, 0.0, gap / error)

    def __repr__(self) -> str:
        """The last of the numbers; ``print`` shows all."""
        last = f"{self.chance[-1]:.4g} +- {self.error[-1]:.2g} at t = {self.time[-1]:g}"
        return f"<Survival: {last} {self.units} by {self.method}>"

    def __str__(self) -> str:
        lines = [f"survival by {self.method} (t in {self.units})", "  t           chance      +- stat   +- syst"]
        rows = zip(self.time, self.chance, self.standard_error, self.systematic_error, strict=True)
        lines += [f"  {t:<10.6g}  {s:<10.6f}  {e:<8.2g}  {b:<8.2g}" for t, s, e, b in rows]
        lines += [f"  {key}: {value}" for key, value in self.settings.items()]
        return "\n".join(lines + [f"  {assumption}" for assumption in self.assumptions])

    def plot(self, axes: Any = None) -> Any:
        """The chance against the clock on a log axis, with its error; returns the figure."""
        from fpsim.plotting import survival_band

        return survival_band(self, axes)
