"""What a route to an escape time returns: a number with its errors, its assumptions and its cost.

    z = (tau_1 - tau_2) / sqrt(se_1^2 + sys_1^2 + se_2^2 + sys_2^2)

compares two of them.  All results are frozen; they print as a short table and are saved as netCDF.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import xarray

    from fpsim.exits import ExitSample


@dataclass(frozen=True)
class Assumption:
    """One condition under which a formula holds, checked for the problem at hand.

    Attributes:
        statement: what must hold, in words, e.g. ``"barrier / noise >= 5"``.
        holds: whether it does, here and now.
        detail: the figures behind the verdict, e.g. ``"barrier / noise = 2.5"``.
    """

    statement: str
    holds: bool
    detail: str = ""

    def __str__(self) -> str:
        mark = "ok  " if self.holds else "FAIL"
        return f"{mark} {self.statement}" + (f" ({self.detail})" if self.detail else "")


@dataclass(frozen=True, kw_only=True)
class EscapeTime:
    """A mean escape time by one route.

    Attributes:
        mean: the mean time from start to target, in ``units``.
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
    """

    mean: float
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

    @property
    def error(self) -> float:
        """Both errors in quadrature."""
        return math.hypot(self.standard_error, self.systematic_error)

    @property
    def violated(self) -> tuple[Assumption, ...]:
        """The assumptions that do not hold."""
        return tuple(a for a in self.assumptions if not a.holds)

    def z_score(self, other: EscapeTime) -> float:
        """Distance to ``other`` in units of the combined errors; infinite if neither has one and they differ."""
        gap, error = self.mean - other.mean, math.hypot(self.error, other.error)
        if error == 0.0:
            return 0.0 if gap == 0.0 else math.copysign(math.inf, gap)
        return gap / error

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
        return {
            "method": self.method,
            "mean": self.mean,
            "standard_error": self.standard_error,
            "systematic_error": self.systematic_error,
            "variance": self.variance,
            "units": self.units,
            "convention": self.convention,
            "target": self.target,
            "censored": self.censored,
            "seconds": self.seconds,
            "seed": self.seed,
            "settings": dict(self.settings),
            "assumptions": [vars(a) for a in self.assumptions],
        }

    def to_xarray(self) -> xarray.Dataset:
        """The numbers as scalars and, if present, the sample of exits, with all settings in the attributes."""
        from fpsim.storage import dataset

        values = {
            "mean": (self.mean, self.units, "mean escape time"),
            "standard_error": (self.standard_error, self.units, "statistical error (one sigma)"),
            "systematic_error": (self.systematic_error, self.units, "discretisation error estimate"),
        }
        facts = {k: v for k, v in self.to_dict().items() if k not in values}
        scalars = dataset({name: ((), *entry) for name, entry in values.items()}, **facts)
        return scalars if self.sample is None else scalars.merge(self.sample.to_xarray(), combine_attrs="no_conflicts")

    def save(self, path: str | Path) -> Path:
        """Write :meth:`to_xarray` as netCDF and return the path."""
        from fpsim.storage import write

        return write(self.to_xarray(), path)

    def plot(self, axes: Any = None) -> Any:
        """Histogram of the exits on a log axis against the exponential law; needs a sample."""
        if self.sample is None:
            raise ValueError(
                f"the route '{self.method}' gives a number, not a sample to draw; use by_paths() or compare().plot()"
            )
        from fpsim.plotting import exit_histogram

        return exit_histogram(self.sample, mean=self.mean, axes=axes)


@dataclass(frozen=True)
class Skipped:
    """A route that was not taken, with the reason (and, if it was the budget, the predicted cost)."""

    method: str
    reason: str
    predicted_seconds: float | None = None


@dataclass(frozen=True)
class Comparison:
    """Several routes to one escape time, side by side.

    Attributes:
        problem: the problem in words.
        routes: one :class:`EscapeTime` per route that ran.
        skipped: routes that did not, and why.
        reference: the route the others are compared with (the most exact one that ran).
        notes: remarks on the problem itself.
    """

    problem: str
    routes: tuple[EscapeTime, ...]
    skipped: tuple[Skipped, ...] = ()
    notes: tuple[str, ...] = ()
    landscape: Any = field(default=None, repr=False)

    EXACTNESS = ("quadrature", "grid", "paths", "chain")

    @property
    def reference(self) -> EscapeTime | None:
        """The most exact route that ran: quadrature before grid before paths; ``None`` if only formulas ran."""
        ranked = [r for name in self.EXACTNESS for r in self.routes if r.method == name and r.units == "time"]
        return ranked[0] if ranked else None

    def __getitem__(self, method: str) -> EscapeTime:
        for route in self.routes:
            if route.method == method:
                return route
        raise ValueError(f"no route '{method}' in this comparison; it has {[r.method for r in self.routes]}")

    def rows(self) -> list[dict[str, Any]]:
        """One dictionary per route that ran: time, errors, ratio to the reference, z-score, failed assumptions."""
        reference, rows = self.reference, []
        for route in self.routes:
            row = route.to_dict()
            row["reference"] = route is reference
            row["ratio"] = row["z_score"] = None
            if reference is not None and route.units == reference.units:
                row["ratio"] = route.mean / reference.mean
                same = route.method != "chain" and reference.method != "chain"  # the chain is SGD itself, not its SDE
                row["z_score"] = route.z_score(reference) if route.error > 0 and same else None
            row["failed_assumptions"] = [str(a.statement) for a in route.violated]
            rows.append(row)
        return rows

    def to_dict(self) -> dict[str, Any]:
        """Everything in the table as plain numbers and strings."""
        return {
            "problem": self.problem,
            "routes": self.rows(),
            "skipped": [vars(s) for s in self.skipped],
            "notes": list(self.notes),
        }

    def to_json(self) -> str:
        """The table as JSON text."""
        return as_json(self.to_dict())

    def to_xarray(self) -> xarray.Dataset:
        """Means and errors along the dimension ``route``."""
        from fpsim.storage import dataset

        columns = {
            "mean": "mean escape time",
            "standard_error": "statistical error (one sigma)",
            "systematic_error": "discretisation error estimate",
        }
        entries = {c: ("route", [getattr(r, c) for r in self.routes], "time", name) for c, name in columns.items()}
        entries["method"] = ("route", [r.method for r in self.routes], "", "route to the escape time")
        return dataset(entries, problem=self.problem, table=self.to_json())

    def save(self, path: str | Path) -> Path:
        """Write netCDF, or JSON if the path ends in ``.json``; returns the path."""
        from fpsim.storage import write

        if Path(path).suffix == ".json":
            Path(path).write_text(self.to_json() + "\n")
            return Path(path)
        return write(self.to_xarray(), path)

    def plot(self, axes: Any = None) -> Any:
        """Times with error bars, one row per route."""
        from fpsim.plotting import comparison_chart

        return comparison_chart(self, axes=axes)

    def __str__(self) -> str:
        table = [("route", "time", "+- stat", "+- syst", "ratio", "z", "seconds")]
        for row in self.rows():
            table.append(
                (
                    row["method"] + (" *" if row["reference"] else ""),
                    f"{row['mean']:.6g}" + ("" if row["units"] == "time" else f" {row['units']}"),
                    f"{row['standard_error']:.2g}" if row["standard_error"] else "-",
                    f"{row['systematic_error']:.2g}" if row["systematic_error"] else "-",
                    "-" if row["ratio"] is None else f"{row['ratio']:.4f}",
                    "-" if row["z_score"] is None or row["reference"] else f"{row['z_score']:+.1f}",
                    f"{row['seconds']:.2g}",
                )
            )
        widths = [max(len(line[i]) for line in table) for i in range(len(table[0]))]
        lines = [self.problem]
        lines += ["  " + "  ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)).rstrip() for line in table]
        lines.append("  (* reference; z counts both errors of both routes)" if self.reference else "")
        if any(route.method == "chain" for route in self.routes):
            lines.append("  (the chain is SGD with its finite step: another process than the SDE, so it has no z)")
        lines += [f"  note: {note}" for note in self.notes]
        for route in self.routes:
            lines += [f"  {route.method}: FAILED assumption: {a.statement} ({a.detail})" for a in route.violated]
            if route.censored:
                lines.append(f"  {route.method}: {route.censored} paths censored; their tail taken as exponential")
        lines += [f"  skipped {s.method}: {s.reason}" for s in self.skipped]
        return "\n".join(line for line in lines if line)


def format_with_error(time: EscapeTime) -> str:
    """``12.34 +- 0.05 (stat) +- 0.02 (syst)`` with as many digits as the errors allow."""
    parts = [f"{time.mean:.10g}" if time.error == 0 else f"{time.mean:.{_digits(time.mean, time.error)}g}"]
    if time.standard_error:
        parts.append(f"+- {time.standard_error:.2g} (stat)")
    if time.systematic_error:
        parts.append(f"+- {time.systematic_error:.2g} (syst)")
    return " ".join(parts)


def _digits(value: float, error: float) -> int:
    """Digits of ``value`` worth printing: two beyond the first digit of the error, between 3 and 12."""
    if value == 0 or not math.isfinite(value) or not math.isfinite(error):
        return 6
    return max(3, min(12, 2 + math.ceil(math.log10(abs(value) / error))))


def as_json(data: Any) -> str:
    """JSON text of nested dictionaries, lists, numbers and arrays."""
    return json.dumps(data, indent=2, default=lambda v: v.tolist() if hasattr(v, "tolist") else str(v))
