"""A mean escape time by one route: a number with its errors, its assumptions, its problem and its cost.

    z = (tau_1 - tau_2) / sqrt(se_1^2 + sys_1^2 + se_2^2 + sys_2^2)

compares two of them.  Times beyond the range of a float (1e308) have ``mean = inf`` and are answered in logs:
``log_mean`` is finite always, tables print e^log_mean, ratios and z-scores are taken of the logs.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, Self

from fpsim.assumption import Assumed, Assumption
from fpsim.digits import digits, power_of_e
from fpsim.storage import Stored, dataset, facts_of, repeated

if TYPE_CHECKING:
    import xarray

    from fpsim.paths.exit_sample import ExitSample

LARGEST_LOG = 709.7
"""A float holds e^709.7 and not much more."""


@dataclass(frozen=True, kw_only=True, repr=False)
class EscapeTime(Assumed, Stored):
    """A mean escape time by one route.

    Attributes:
        mean: the mean time from start to target, in ``units``; ``inf`` if no float holds it (then see ``log_mean``).
        standard_error: statistical error (one sigma); zero for deterministic routes.
        systematic_error: estimated bound of the discretisation or quadrature error, same units.
        method: the route, e.g. ``"paths"`` or ``"eyring-kramers"``.
        units: ``"time"`` (continuous, = learning rate * iterations) or ``"iterations"``.
        convention: reading of the stochastic integral.
        target: the target in words; several "escape times" exist, this says which one.
        censored: paths that had not arrived at the horizon.
        seconds: wall time spent.
        seed: seed of the random numbers, if any were drawn.
        assumptions: what the number rests on, each checked.
        variance: variance of the escape time, where the route gives it.
        settings: everything else needed to repeat the run.
        sample: the single exits, for Monte Carlo routes.
        log_mean: natural logarithm of the mean; finite for every escape that ends.
        log_error: error of ``log_mean``, which is the relative error of the mean, both kinds in quadrature.
        problem: landscape, noise, start, target and walls as :meth:`fpsim.EscapeProblem.to_dict` gives them.
    """

    mean: float = math.inf
    method: str
    standard_error: float = 0.0
    systematic_error: float = 0.0
    units: str = "time"
    convention: str = "ito"
    target: str = ""
    censored: int = 0
    seconds: float = 0.0
    seed: int | None = None
    assumptions: tuple[Assumption, ...] = ()
    variance: float | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    sample: ExitSample | None = field(default=None, repr=False)
    log_mean: float = math.nan
    log_error: float = math.nan
    problem: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        if math.isnan(self.log_mean):
            object.__setattr__(self, "log_mean", math.log(self.mean) if self.mean > 0 else -math.inf)
        elif self.mean == math.inf and self.log_mean <= LARGEST_LOG:
            object.__setattr__(self, "mean", math.exp(self.log_mean))
        if math.isnan(self.log_error):
            known = math.isfinite(self.mean) and self.mean != 0
            object.__setattr__(self, "log_error", self.error / abs(self.mean) if known else 0.0)

    @property
    def error(self) -> float:
        """Both errors in quadrature."""
        return math.hypot(self.standard_error, self.systematic_error)

    def ratio(self, other: EscapeTime) -> float:
        """This time divided by ``other``; ``inf`` or 0 where no float holds the ratio."""
        if math.isfinite(self.mean) and math.isfinite(other.mean) and other.mean > 0:
            return self.mean / other.mean
        gap = self.log_mean - other.log_mean
        return math.exp(gap) if gap <= LARGEST_LOG else math.inf

    def z_score(self, other: EscapeTime) -> float:
        """Distance to ``other`` in units of the combined errors; infinite if neither has one and they differ.

        Where a time is beyond the range of floats, distance and errors are those of the logs.
        """
        if math.isfinite(self.mean) and math.isfinite(other.mean):
            gap, error = self.mean - other.mean, math.hypot(self.error, other.error)
        else:
            gap, error = self.log_mean - other.log_mean, math.hypot(self.log_error, other.log_error)
        if error == 0.0:
            return 0.0 if gap == 0.0 else math.copysign(math.inf, gap)
        return gap / error

    def __repr__(self) -> str:
        """The number and its route; ``print`` shows what it rests on."""
        return f"<EscapeTime: {format_with_error(self)} {self.units} by {self.method}>"

    def __str__(self) -> str:
        lines = [f"escape time by {self.method}: {format_with_error(self)} {self.units}"]
        lines.append(f"  target: {self.target}; convention: {self.convention}")
        if self.censored:
            lines.append(f"  {self.censored} paths censored at the horizon; tail taken as exponential")
        lines += [f"  {key}: {value}" for key, value in self.settings.items()]
        lines += [f"  {assumption}" for assumption in self.assumptions]
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers and strings, ready for JSON (the sample is left out)."""
        facts = {f.name: getattr(self, f.name) for f in fields(self) if f.name not in ("sample", "assumptions")}
        nested = {"settings": dict(self.settings), "problem": dict(self.problem)}
        return {**facts, **nested, "assumptions": [dict(vars(a)) for a in self.assumptions]}

    @classmethod
    def from_dict(cls, facts: Mapping[str, Any], sample: ExitSample | None = None) -> Self:
        """The inverse of :meth:`to_dict`; what it does not know (a table's ratios) is passed over."""
        known = {f.name: facts[f.name] for f in fields(cls) if f.name in facts}
        known["assumptions"] = tuple(Assumption(**a) for a in known.get("assumptions", ()))
        for name in ("mean", "standard_error", "systematic_error"):
            if name in known and known[name] is None:  # infinity, as JSON has it
                known[name] = math.inf
        return cls(**known, sample=sample)

    def to_xarray(self) -> xarray.Dataset:
        """The numbers as scalars and, if present, the sample of exits, with all settings in the attributes."""
        values = {
            "mean": (self.mean, self.units, "mean escape time"),
            "standard_error": (self.standard_error, self.units, "statistical error (one sigma)"),
            "systematic_error": (self.systematic_error, self.units, "discretisation error estimate"),
            "log_mean": (self.log_mean, "", "logarithm of the mean escape time"),
            "log_error": (self.log_error, "", "error of the logarithm: the relative error"),
        }
        facts = {k: v for k, v in self.to_dict().items() if k not in values}
        scalars = dataset({name: ((), *entry) for name, entry in values.items()}, **facts)
        if self.sample is None:
            return scalars
        exits = self.sample.to_xarray()
        return scalars.assign(exits.data_vars).assign_attrs({**exits.attrs, **scalars.attrs})

    @classmethod
    def from_xarray(cls, data: xarray.Dataset) -> Self:
        """The inverse of :meth:`to_xarray`."""
        from fpsim.paths.exit_sample import ExitSample

        facts = facts_of(data)
        numbers = ("mean", "standard_error", "systematic_error", "log_mean", "log_error")
        facts |= {name: float(data[name]) for name in numbers if name in data}
        return cls.from_dict(facts, ExitSample.from_xarray(data) if "exit_time" in data else None)

    def repeat(self, **changes: Any) -> EscapeTime:
        """The same run again, from what this result remembers; ``changes`` replace options, e.g. ``seed=2``.

        Raises:
            ValueError: if the problem holds plain functions, which no file keeps, or the start was a distribution.
        """
        again: EscapeTime = repeated(self, changes)
        return again

    def plot(self, axes: Any = None) -> Any:
        """Histogram of the exits on a log axis against the exponential law; without a sample that law and its error."""
        from fpsim.plotting import exit_histogram, law_chart

        if self.sample is None:
            return law_chart(self.log_mean, self.log_error, self.method, self.units, self.violated, axes)

        return exit_histogram(self.sample, mean=self.mean, axes=axes)

    def of_problem(self, problem: Mapping[str, Any], **settings: Any) -> Self:
        """The same with the problem that it answers, and more ``settings``."""
        return replace(self, problem=problem, settings={**self.settings, **settings})


def format_with_error(time: EscapeTime) -> str:
    """``12.34 +- 0.05 (stat) +- 0.02 (syst)`` with as many digits as the errors allow; ``e^1234.5`` beyond floats."""
    if not math.isfinite(time.mean):
        return f"{beyond_floats(time)}" + (f", relative error {time.log_error:.2g}" if time.log_error else "")
    parts = [f"{time.mean:.10g}" if time.error == 0 else f"{time.mean:.{digits(time.mean, time.error)}g}"]
    if time.standard_error:
        parts.append(f"+- {time.standard_error:.2g} (stat)")
    if time.systematic_error:
        parts.append(f"+- {time.systematic_error:.2g} (syst)")
    return " ".join(parts)


def beyond_floats(time: EscapeTime) -> str:
    """``e^1234.567``: a time that no float holds, to its relative error."""
    return power_of_e(time.log_mean, time.log_error)
