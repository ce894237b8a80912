"""The density of an SDE at a glance: how it evolves, where it settles, and when it first meets a target.

What ``fpsim density`` prints, draws and saves.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fpsim.density.automatic import DEFAULT_CELLS, FEWEST_CELLS, automatic_grid, require_cells
from fpsim.density.fokker_planck import FokkerPlanck
from fpsim.density.grid import Grid
from fpsim.description import describe_sde, sde_from
from fpsim.sde.gates import require_open
from fpsim.storage import Stored, as_json, attribute, facts_of, write_text
from landscapes.field import in_words

if TYPE_CHECKING:
    import xarray

Array = NDArray[np.float64]


@dataclass(frozen=True, repr=False)
class DensityReport(Stored):
    """Evolution, stationary law and, with a target, survival and first-passage time.

    Attributes:
        solver: the equation on its grid.
        evolution: ``density`` (time, x[, y[, z]]) and ``mass``.
        stationary: ``density`` (x[, y[, z]]), or ``None`` where a wall absorbs.
        survival: ``survival`` and ``first_passage_density`` over time, or ``None`` without a target.
        passage: mean and variance of the first-passage time from the start, or ``None``.
        passage_field: the first-passage times from everywhere (of a stored report, its attributes), or ``None``.
        start: the start point.
    """

    solver: FokkerPlanck
    evolution: xarray.Dataset
    stationary: xarray.Dataset | None
    survival: xarray.Dataset | None
    passage: tuple[float, float] | None
    start: tuple[float, ...]
    passage_field: xarray.Dataset | None = None

    def _grid_errors(self) -> dict[str, dict[str, Any]]:
        """Discretisation error of every part, what it is of, and the assumptions that fail."""
        parts = {
            "evolution": self.evolution, "stationary": self.stationary, "survival": self.survival,
            "first-passage time": self.passage_field,
        }  # fmt: skip
        names = {"error": "discretisation_error", "of": "discretisation_error_of", "failed": "failed_assumptions"}
        return {
            part: {short: data.attrs[name] for short, name in names.items() if name in data.attrs}
            for part, data in parts.items()
            if data is not None
        }

    def rows(self) -> list[dict[str, Any]]:
        """Per time: mass, mean and standard deviation of every coordinate, and survival if there is a target."""
        rows = [
            {"time": float(t), **_moments(p)} for t, p in zip(self.evolution.time, self.evolution.density, strict=True)
        ]
        if self.survival is not None:
            for row, left in zip(rows, self.survival.survival.values, strict=True):
                row["survival"] = float(left)
        if self.stationary is not None:
            rows.append({"time": float("inf"), **_moments(self.stationary.density)})
        return rows

    def to_dict(self) -> dict[str, Any]:
        """Everything in the table as plain numbers and strings."""
        passage = None if self.passage is None else {"mean": self.passage[0], "variance": self.passage[1]}
        return {
            "problem": str(self.solver.sde), "grid": str(self.solver.grid), "boundary": str(self.solver.boundary),
            "start": list(self.start), "fallback_cells": self.solver.fallbacks,
            "method": self.evolution.attrs["method"],
            "times": self.rows(), "first_passage_time": passage, "discretisation": self._grid_errors(),
        }  # fmt: skip

    def to_json(self) -> str:
        """The table as JSON text; the time of the stationary law is null."""
        return as_json(self.to_dict())

    def to_xarray(self) -> xarray.Dataset:
        """Evolution, stationary law (``stationary_density``) and survival in one dataset."""
        data = self.evolution
        if self.stationary is not None:
            data = data.assign(stationary_density=self.stationary.density)
        if self.survival is not None:
            data = data.assign(self.survival.data_vars)
        facts = {
            "sde": describe_sde(self.solver.sde),
            "axes": self.solver.grid.axes,
            "walls": self.solver.boundary,
            "start": list(self.start),
            "passage": self.passage,
            "stationary_facts": None if self.stationary is None else dict(self.stationary.attrs),
            "survival_facts": None if self.survival is None else dict(self.survival.attrs),
            "passage_facts": None if self.passage_field is None else dict(self.passage_field.attrs),
        }
        return data.assign_attrs({name: attribute(value) for name, value in facts.items() if value is not None})

    @classmethod
    def from_xarray(cls, data: xarray.Dataset) -> Self:
        """The inverse of :meth:`to_xarray`.

        Raises:
            ValueError: if landscape or noise were plain functions, which no file holds.
        """
        import xarray

        facts = facts_of(data)
        own = {"sde", "axes", "walls", "start", "passage", "result"}
        own |= {"stationary_facts", "survival_facts", "passage_facts"}
        rest = {name: value for name, value in data.attrs.items() if name not in own}
        solver = FokkerPlanck(sde_from(facts["sde"]), Grid(*facts["axes"]), _as_boundary(facts["walls"]))
        stationary = survival = None
        if "stationary_density" in data:
            stationary = data[["stationary_density"]].rename(stationary_density="density")
            stationary.attrs = facts["stationary_facts"]
        if "survival" in data:
            names = [name for name in data.data_vars if data[name].dims == ("time",) and name != "mass"]
            survival = data[names]
            survival.attrs = facts["survival_facts"]
        extra = [name for name in data.data_vars if survival is not None and name in survival.data_vars]
        evolution = data.drop_vars([*extra, *(["stationary_density"] if stationary is not None else [])])
        evolution.attrs = rest
        passage = None if "passage" not in facts else tuple(facts["passage"])
        fields = None if "passage_facts" not in facts else xarray.Dataset(attrs=facts["passage_facts"])
        return cls(solver, evolution, stationary, survival, passage, tuple(facts["start"]), fields)

    def save(self, path: str | Path) -> Path:
        """Write :meth:`to_xarray` as netCDF (or the table, if the path ends in ``.json``); returns the path."""
        return write_text(self.to_json(), path) if Path(path).suffix == ".json" else super().save(path)

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read what :meth:`save` wrote as netCDF.

        Raises:
            ValueError: for another file; JSON holds the table only, from which no report is made.
            FileNotFoundError: if there is no such file.
        """
        if Path(path).suffix == ".json":
            raise ValueError(f"'{path}' holds the table of a report only; save the report as .nc to load it again")
        return super().load(path)

    def plot(self, axes: Any = None) -> Any:
        """Densities over the landscape (1-D), or a heat map with current arrows (2-D); returns the figure.

        Without ``axes`` the survival stands beside densities on a line.
        """
        from fpsim.plotting import density_chart, density_map

        return (density_chart if self.solver.grid.dimension == 1 else density_map)(self, axes)

    def __repr__(self) -> str:
        """Where the density ends, or when it meets the target; ``print`` shows all times."""
        return f"<DensityReport: {self._headline()}; {self.evolution.time.size} times, grid {self.solver.grid}>"

    def _headline(self) -> str:
        if self.passage is not None:
            return f"mean first-passage time {self.passage[0]:.8g}"
        last = self.rows()[-1]
        return "mean " + ", ".join(f"{round(m, 5) + 0.0:+.5f}" for m in last["mean"])

    def __str__(self) -> str:
        solver = self.solver
        lines = [
            str(solver.sde),
            f"  grid {solver.grid}, {solver.boundary} walls, method {self.evolution.attrs['method']}",
        ]
        kept = {name: count for name, count in solver.fallbacks.items() if count}
        lines.append(f"  cells with a stencil of lower order: {kept or 'none'} of {solver.grid.size}")
        for row in self.rows():
            when = "stationary" if np.isinf(row["time"]) else f"t = {row['time']:<8.4g}"
            moments = ", ".join(
                f"{round(m, 5) + 0.0:+.5f} (sd {s:.5f})" for m, s in zip(row["mean"], row["deviation"], strict=True)
            )
            left = f"  survival {row['survival']:.6f}" if "survival" in row else ""
            lines.append(f"  {when:12s} mass {row['mass']:.12f}  mean {moments}{left}")
        if self.passage is not None:
            lines.append(
                f"  mean first-passage time on this grid {self.passage[0]:.8g}, sd {self.passage[1] ** 0.5:.6g}"
            )
        for part, found in self._grid_errors().items():
            error, of = found.get("error", math.nan), found.get("of", "")
            lines.append(f"  discretisation error of {part}: {error:.2g} ({of})")
            if "failed" in found:
                lines.append(f"    FAILED assumption: {found['failed']}")
        return "\n".join(lines)


def density_report(
    sde: Any, start: Sequence[float], times: ArrayLike, target: Any = None, cells: int | None = None,
    boundary: Any = "reflecting", grid: Grid | None = None, box: Sequence[tuple[float, float]] | None = None,
) -> DensityReport:  # fmt: skip
    """Evolve a unit mass from ``start`` and collect what :class:`DensityReport` shows.

    Args:
        sde: an SDE in one to three dimensions.
        start: the start point.
        times: increasing times.
        target: where first passages end; left out, none are counted.
        cells: per axis; chosen from the dimension by default.
        boundary: as in :class:`fpsim.FokkerPlanck`.
        grid: a grid of one's own instead of the automatic one.
        box: where the walls stand, one (low, high) per coordinate; left out, a box that the density does not fill.
    """
    require_open(sde, start[0])
    for value, (low, high) in zip(start, sde.landscape.bounds or (), strict=False):
        if not low - (high - low) <= value <= high + (high - low):
            raise ValueError(
                f"the start {in_words(start)} lies far outside the landscape's box {sde.landscape.bounds}; start nearer"
            )
    if grid is None and box is not None:
        count = DEFAULT_CELLS[len(box)] if cells is None else require_cells(cells, FEWEST_CELLS)
        grid = Grid(*((low, high, count) for low, high in box))
    solver = FokkerPlanck(sde, grid or automatic_grid(sde, start, None, cells), boundary)
    evolution = solver.evolve(start, times)
    stationary = None if solver.walk.killing.any() else solver.stationary()
    survival, passage, fields = None, None, None
    if target is not None:
        hunter = FokkerPlanck(
            sde, grid or automatic_grid(sde, start, target, cells), boundary
        )  # its faces fit the target
        survival = hunter.survival(start, target, times)
        fields = hunter.mean_first_passage_time(target, start)
        passage = tuple(hunter.grid.at(fields[name].values, start) for name in ("mean", "variance"))
    return DensityReport(solver, evolution, stationary, survival, passage, tuple(start), fields)  # type: ignore[arg-type]


def _as_boundary(walls: Any) -> Any:
    """Words of walls as they were before they were JSON."""
    return walls if isinstance(walls, str) else [side if isinstance(side, str) else tuple(side) for side in walls]


def _moments(density: xarray.DataArray) -> dict[str, Any]:
    """Mass, mean and standard deviation of a density on its grid."""
    volume = float(np.prod([float(density[name][1] - density[name][0]) for name in density.dims]))
    masses = density * volume
    mass = float(masses.sum())
    means = [float((masses * density[name]).sum()) / mass for name in density.dims]
    squares = [float((masses * density[name] ** 2).sum()) / mass for name in density.dims]
    deviations = [max(s - m * m, 0.0) ** 0.5 for s, m in zip(squares, means, strict=True)]
    return {"mass": mass, "mean": means, "deviation": deviations}
