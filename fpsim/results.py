"""Several routes to one escape time, side by side; what a route returns is an :class:`EscapeTime`.

All results are frozen; they print as a short table, are saved as netCDF and loaded again.  Times beyond 1e308 stand in
the table as e^log, and their ratios and z-scores are taken of the logs (:mod:`fpsim.escape_time`).
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from fpsim.assumption import Assumption
from fpsim.escape_time import EscapeTime, beyond_floats, format_with_error
from fpsim.route import ROUTES, by_exactness, process_of
from fpsim.storage import Stored, as_json, attribute, dataset, write_text

if TYPE_CHECKING:
    import xarray

__all__ = ["Assumption", "Comparison", "EscapeTime", "Skipped", "as_json"]


COLUMNS = ("route", "time", "+- stat", "+- syst", "ratio", "z", "seconds")


@dataclass(frozen=True)
class Skipped:
    """A route that was not taken, with the reason (and, if it was the budget, the predicted cost)."""

    method: str
    reason: str
    predicted_seconds: float | None = None


@dataclass(frozen=True, repr=False)
class Comparison(Stored):
    """Several routes to one escape time, side by side.

    Attributes:
        problem: the problem in words.
        routes: one :class:`EscapeTime` per route that ran.
        skipped: routes that did not, and why.
        reference: the route the others are compared with (the most exact one that ran).
        notes: remarks on the problem itself.
        infinite: the route that found the mean time to be infinite, if one did.
    """

    problem: str
    routes: tuple[EscapeTime, ...]
    skipped: tuple[Skipped, ...] = ()
    notes: tuple[str, ...] = ()
    infinite: str = ""

    @property
    def reference(self) -> EscapeTime | None:
        """The most exact route that ran: quadrature before grid before paths; ``None`` if only formulas ran."""
        in_time = {route.method: route for route in reversed(self.routes) if route.units == "time"}
        return next((in_time[name] for name in by_exactness(in_time)), None)

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
            row["ratio"] = row["log_ratio"] = row["z_score"] = None
            if reference is not None and route.units == reference.units:
                row["ratio"] = route.ratio(reference)
                row["log_ratio"] = route.log_mean - reference.log_mean
                same = "chain" not in (process_of(route.method), process_of(reference.method))  # SGD, not its SDE
                row["z_score"] = route.z_score(reference) if route.log_error > 0 and same else None
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
            "infinite": self.infinite,
        }

    def to_json(self) -> str:
        """The table as JSON text; what is not finite becomes null."""
        return as_json(self.to_dict())

    @classmethod
    def from_dict(cls, table: Mapping[str, Any], samples: Mapping[str, Any] | None = None) -> Self:
        """The inverse of :meth:`to_dict`, with the samples of exits by method."""
        routes = tuple(EscapeTime.from_dict(row, (samples or {}).get(row["method"])) for row in table["routes"])
        skipped = tuple(Skipped(**entry) for entry in table["skipped"])
        return cls(table["problem"], routes, skipped, tuple(table["notes"]), table.get("infinite", ""))

    def to_xarray(self) -> xarray.Dataset:
        """Means and errors along the dimension ``route``, and the sample of exits of each route that has one."""
        columns = {
            "mean": "mean escape time",
            "standard_error": "statistical error (one sigma)",
            "systematic_error": "discretisation error estimate",
            "log_mean": "logarithm of the mean escape time",
        }
        entries: dict[str, Any] = {
            c: ("route", [getattr(r, c) for r in self.routes], "" if c == "log_mean" else "time", name)
            for c, name in columns.items()
        }
        entries["method"] = ("route", [r.method for r in self.routes], "", "route to the escape time")
        found = dataset(entries, problem=self.problem, table=self.to_json())
        for route in self.routes:
            if route.sample is not None:
                own = route.sample.to_xarray()
                names = {str(name): f"{route.method} {name}" for name in (*own.data_vars, *own.dims)}
                found = found.assign(own.rename(names).data_vars)
                found = found.assign_attrs({f"{route.method} sample": attribute(own.attrs)})
        return found

    @classmethod
    def from_xarray(cls, data: xarray.Dataset) -> Self:
        """The inverse of :meth:`to_xarray`."""
        from fpsim.paths.exit_sample import ExitSample

        samples = {}
        for method in (str(name) for name in data.method.values):
            if f"{method} sample" in data.attrs:
                part = data[[name for name in data.data_vars if str(name).startswith(f"{method} ")]]
                names = {name: str(name).removeprefix(f"{method} ") for name in (*part.data_vars, *part.dims)}
                facts = json.loads(data.attrs[f"{method} sample"])
                samples[method] = ExitSample.from_xarray(part.rename(names).assign_attrs(facts))
        return cls.from_dict(json.loads(data.attrs["table"]), samples)

    def save(self, path: str | Path) -> Path:
        """Write netCDF, or the table as JSON (without samples) if the path ends in ``.json``; returns the path."""
        return write_text(self.to_json(), path) if Path(path).suffix == ".json" else super().save(path)

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read what :meth:`save` wrote, netCDF or JSON.

        Raises:
            ValueError: if the file holds something else.
            FileNotFoundError: if there is no such file.
        """
        if Path(path).suffix != ".json":
            return super().load(path)
        try:
            return cls.from_dict(json.loads(Path(path).read_text(encoding="utf-8")))
        except (KeyError, TypeError, json.JSONDecodeError):
            raise ValueError(f"'{path}' holds no comparison of routes as its save() writes it") from None

    def plot(self, axes: Any = None) -> Any:
        """Times with error bars, one row per route."""
        from fpsim.plotting import comparison_chart

        return comparison_chart(self, axes=axes)

    def _repr_html_(self) -> str:
        """The table, for notebooks."""
        from landscapes.notebook import page, picture, rows

        cells = [_cells(route, row) for route, row in zip(self.routes, self.rows(), strict=True)]
        return page(self._headline(), [str(self.problem), *self._remarks()], picture(self.plot), rows(COLUMNS, cells))

    def __repr__(self) -> str:
        """The main number and how many routes stand behind it; ``print`` shows the table."""
        return f"<Comparison: {self._headline()}; {len(self.routes)} routes, {len(self.skipped)} skipped>"

    def _headline(self) -> str:
        if self.infinite:
            return f"the mean time is infinite, by {self.infinite}"
        if self.reference is not None:
            return f"escape time {format_with_error(self.reference)} by {self.reference.method}"
        first = next((f"{format_with_error(r)} {r.units} by {r.method}" for r in self.routes), None)
        return "no route gave a time" if first is None else f"only formulas gave a time: {first}"

    def __str__(self) -> str:
        table = [COLUMNS, *(_cells(route, row) for route, row in zip(self.routes, self.rows(), strict=True))]
        widths = [max(len(line[i]) for line in table) for i in range(len(table[0]))]
        lines = [self._headline(), f"  {self.problem}"]
        lines += ["  " + "  ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)).rstrip() for line in table]
        return "\n".join([*lines, *(f"  {remark}" for remark in self._remarks())])

    def _remarks(self) -> list[str]:
        """What stands below the table."""
        lines = ["(* reference; z counts both errors of both routes)"] if self.reference else []
        methods = {route.method for route in self.routes}
        lines += [f"({route.remark})" for name, route in ROUTES.items() if name in methods and route.remark]
        lines += [f"note: {note}" for note in self.notes]
        for route in self.routes:
            lines += [f"{route.method}: {note}" for note in route.settings.get("notes", "").split("; ") if note]
            lines += [f"{route.method}: FAILED assumption: {a.statement} ({a.detail})" for a in route.violated]
            if route.censored:
                lines.append(f"{route.method}: {route.censored} paths censored; their tail taken as exponential")
        lines += [f"skipped {s.method}: {s.reason}" for s in self.skipped]
        return lines


def _cells(route: EscapeTime, row: Mapping[str, Any]) -> tuple[str, ...]:
    """One line of the table; errors of times beyond floats are relative."""
    time = f"{route.mean:.6g}" if math.isfinite(route.mean) else beyond_floats(route)
    errors = [row["standard_error"], row["systematic_error"]]
    shown = [f"{e:.2g}" if e and math.isfinite(e) else "-" for e in errors]
    if not math.isfinite(route.mean) and route.log_error:
        shown[0 if row["standard_error"] else 1] = f"{100 * route.log_error:.2g} %"
    ratio = row["ratio"]
    return (
        route.method + (" *" if row["reference"] else ""),
        time + ("" if route.units == "time" else f" {route.units}"),
        *shown,
        "-" if ratio is None else _ratio(ratio, row["log_ratio"]),
        "-" if row["z_score"] is None or row["reference"] else f"{row['z_score']:+.1f}",
        f"{route.seconds:.2g}",
    )


def _ratio(ratio: float, log_ratio: float) -> str:
    if ratio in (0.0, math.inf):
        return f"e^{log_ratio:.4g}"
    return f"{ratio:.4f}" if 1e-3 <= ratio < 1e6 else f"{ratio:.3g}"
