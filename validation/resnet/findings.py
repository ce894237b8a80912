"""What the study of slices measured, as its tables, pictures and verdicts take it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np

from fpsim.storage import dataset
from landscapes.examples.sampled import SampledLandscape
from validation.resnet.escapes import Sweep
from validation.resnet.slices import Case, Climb
from validation.study.findings import Findings, Rows

if TYPE_CHECKING:
    import xarray


@dataclass(frozen=True)
class Slices(Findings):
    """Everything that was measured on slices.

    Attributes:
        route: the toolkit's check.
        point: every batch size of every sweep, by ``part``: ``"sweeps"`` (real SGD, with replacement, on every fresh
            slice), ``"laws"`` (the other laws of noise on the first fresh slice), ``"rates"`` (real SGD there at other
            learning rates), ``"large"`` (real SGD on the shipped slice, in large steps).
        way: time out of either minimum.
        climb: of every slice, the shipped one first, the way that was chosen and the way back.
        tried: every branch.
        ends: the trained networks at both ends of the slices.
        data: the slices: losses of all examples at the nodes, and L, L'' and C1 along the line.
    """

    route: Rows
    point: Rows
    way: Rows
    climb: Rows
    tried: Rows
    ends: Rows
    data: xarray.Dataset

    @classmethod
    def of(cls, cases: Sequence[Case], routes: Rows, sweeps: Mapping[str, Sequence[Sweep]], ways: Rows) -> Slices:
        """From what was measured, case by case and sweep by sweep."""
        points = [
            {"slice": s.slice, "law": s.law, "eta": s.learning_rate, **row, "part": part}
            for part, found in sweeps.items()
            for s in found
            for row in s.rows
        ]
        climbs = [{"slice": case.name, **asdict(climb)} for case in cases for climb in (case.climb, case.back)]
        tried, ends = [row for c in cases for row in c.tries], [row for c in cases for row in c.network]
        lines = dataset({name: entry for case in cases for name, entry in _line(case).items()})
        return cls(routes, points, ways, climbs, tried, ends, lines)

    @cached_property
    def cases(self) -> tuple[Case, ...]:
        """The slices, the shipped one first."""
        pairs = zip(self.climb[::2], self.climb[1::2], strict=True)
        return tuple(self._case(row["slice"], _climb(row), _climb(back)) for row, back in pairs)

    def sweeps(self, *parts: str) -> list[Sweep]:
        """The sweeps of one part or several."""
        climbs = {case.name: case.climb for case in self.cases}
        rows = [row for part in parts for row in self.point if row["part"] == part]
        runs = groupby(rows, lambda row: (row["part"], row["slice"], row["law"], row["eta"]))
        return [Sweep(name, law, eta, climbs[name], tuple(points)) for (_, name, law, eta), points in runs]

    @property
    def all_sweeps(self) -> list[Sweep]:
        """The sweeps of all parts."""
        return self.sweeps("sweeps", "laws", "rates", "large")

    def _case(self, name: str, climb: Climb, back: Climb) -> Case:
        nodes, losses, wall = (self.data[f"{name}_{part}"].values for part in ("nodes", "losses", "wall"))
        return Case(name, SampledLandscape(nodes, losses, float(wall), f"slice {name}"), climb, back)


def _climb(row: dict[str, Any]) -> Climb:
    return Climb(**{key: value for key, value in row.items() if key != "slice"})


def _line(case: Case) -> dict[str, Any]:
    """The slice as variables of its own name."""
    x = np.linspace(float(case.line.nodes[0]), float(case.line.nodes[-1]), 801)
    at, node, table = x[None], f"{case.name}_node", f"{case.name}_table"
    return {
        f"{case.name}_x": (node, x, "", "length along the line"),
        f"{case.name}_loss": (node, case.line.loss(at), "", "loss"),
        f"{case.name}_hessian": (node, case.line.hessian(at)[0, 0], "", "second derivative"),
        f"{case.name}_covariance": (node, case.line.gradient_covariance(at)[0, 0], "", "C1"),
        f"{case.name}_nodes": (table, case.line.nodes, "", "nodes of the table"),
        f"{case.name}_wall": ((), case.line.wall, "", "curvature beyond the ends"),
        f"{case.name}_losses": ((f"{case.name}_example", table), case.line.values, "", "loss of one example"),
    }
