"""Every result draws itself into the caller's ``axes`` and is one short line where it is not printed."""

from __future__ import annotations

import importlib
import inspect
import math
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure

import fpsim
import landscapes
from fpsim.action.theories import Theory
from fpsim.assumption import Assumption
from fpsim.density.report import density_report
from fpsim.networks.exits import NetworkExits
from fpsim.plotting import law_chart, survival_band, theory_lines
from fpsim.plotting.style import new_figure
from fpsim.sgd.transfer import ChainPassage
from fpsim.survival.result import Survival
from landscapes.notebook import Shown

ROOT = Path(__file__).parents[2]
WELL = landscapes.DoubleWell()
WHITE = fpsim.SDE(WELL, fpsim.ConstantDiffusion(0.1))
PROBLEM = fpsim.EscapeProblem(WHITE, start=-1.0, target=1.0)
LINE = fpsim.FokkerPlanck(WHITE, fpsim.Grid((-2, 2, 60)))
SURFACE = fpsim.SDE(landscapes.named("three-hole"), fpsim.ConstantDiffusion(0.6))
PLANE = fpsim.FokkerPlanck(SURFACE, fpsim.Grid((-2, 2, 30), (-1.5, 2.5, 30)))
LEFT, RIGHT = fpsim.Ball((-1.05, -0.04), 0.3), fpsim.Ball((1.05, -0.04), 0.3)
TURNING = landscapes.DriftField.from_expression(["-x - y", "x - y"], "x y", bounds=[(-2, 2), (-2, 2)])
GRADUAL = Survival(
    time=np.arange(1.0, 6.0), chance=np.exp(-np.arange(1.0, 6.0)), standard_error=np.full(5, 0.001),
    systematic_error=np.full(5, 0.002), method="paths", units="time",
)  # fmt: skip

PICTURES: dict[str, Callable[[], Any]] = {
    "a formula": lambda: PROBLEM.by_formula("kramers"),
    "a time of paths": lambda: PROBLEM.by_paths(200, step=0.05, step_bias=False),
    "a diagnosis": PROBLEM.diagnose,
    "a chain": lambda: ChainPassage(4.1e5, 1.6e11, 1e-9, 0.1, -1.0, "x >= 1", (-2.0, 2.0), 400, math.log(4.1e5)),
    "a survival": lambda: GRADUAL,
    "a density": lambda: density_report(WHITE, [-1.0], [0.5, 2.0], 1.0, cells=40),
    "a spectrum": lambda: LINE.spectrum(5),
    "a spectrum of turning": lambda: fpsim.FokkerPlanck(
        fpsim.SDE(TURNING, fpsim.ConstantDiffusion(0.2)), fpsim.Grid((-2, 2, 16), (-2, 2, 16))
    ).spectrum(5),
    "a committor": lambda: PLANE.committor(LEFT, RIGHT),
    "transitions on a line": lambda: LINE.transitions(fpsim.HalfSpace(-1.0, 1.0), fpsim.HalfSpace(1.0, 1.0)),
    "transitions in the plane": lambda: PLANE.transitions(LEFT, RIGHT),
    "a quasi-stationary law": lambda: LINE.quasi_stationary(0.0, start=-1.0),
    "passes": lambda: fpsim.passes(SURFACE.landscape, (-1.05, -0.04), (1.05, -0.04), temperature=0.6),
    "rates": lambda: fpsim.rates(WHITE),
    "critical points": SURFACE.landscape.critical_points,
    "critical points of six parameters": landscapes.CoupledDoubleWells(dimension=6).critical_points,
    "no critical points": lambda: landscapes.Landscape.from_expression("x", bounds=[(-1, 1)]).critical_points(),
    "fixed points": TURNING.fixed_points,
    "a schedule": lambda: fpsim.schedules.warm_up(0.0, 1.0, 5.0).then(fpsim.schedules.steps([2.0, 0.5], [3.0]), at=5.0),
    "a schedule without end": lambda: fpsim.schedules.inverse_time(0.1, 1e-3),
    "a constant": lambda: fpsim.schedules.steps([1.0, 1.0], [2.0]),
    "exits of networks": lambda: NetworkExits(
        np.array([10.0, 20.0, 50.0]), np.ones(3), np.array(["left", "left", "inside"]), np.zeros((3, 3)), 50
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", PICTURES)
def test_a_result_draws_into_the_axes_of_the_caller_or_its_own(name: str) -> None:
    found = PICTURES[name]()
    figure = new_figure(5.0, 4.0)
    axes = figure.add_subplot()
    assert found.plot(axes=axes) is figure and axes.has_data() + len(axes.texts) > 0
    own = found.plot()
    assert isinstance(own, Figure) and own is not figure
    own.canvas.draw()


def kinds() -> Iterator[type]:
    """Every class that a notebook shows."""
    for file in (path for package in ("fpsim", "landscapes") for path in sorted((ROOT / package).rglob("*.py"))):
        if re.search(r"^class .*\b(Shown|Stored|Judged|PointsFound)\b", file.read_text(encoding="utf-8"), re.MULTILINE):
            importlib.import_module(".".join(file.relative_to(ROOT).with_suffix("").parts))
    left = [Shown]
    while left:
        kind = left.pop()
        left += kind.__subclasses__()
        if kind.__module__.split(".")[0] in ("fpsim", "landscapes"):
            yield kind


def test_a_schedule_is_drawn_from_jump_to_jump_as_far_as_it_does_something() -> None:
    drawn = fpsim.schedules.steps([3.0, 1.0, 2.0], [5.0, 8.0])
    lines = drawn.plot().axes[0].get_lines()
    pieces = [(line.get_xdata()[[0, -1]].tolist(), set(line.get_ydata())) for line in lines]
    assert pieces == [([0.0, 5.0], {3.0}), ([5.0, 8.0], {1.0}), ([8.0, 9.6], {2.0})]
    slow = fpsim.schedules.exponential(0.1, 1e6)
    (line,) = slow.plot().axes[0].get_lines()
    t, value = line.get_xdata(), line.get_ydata()
    assert value == pytest.approx(0.1 * np.exp(-t / 1e6), rel=1e-6) and 1e6 < t[-1] < 5e6 and t[0] == 0
    assert slow.plot(until=2.0).axes[0].get_lines()[0].get_xdata()[-1] == 2.0
    with pytest.raises(ValueError, match="the end of the picture of a schedule must be a positive number; got -1"):
        slow.plot(until=-1)


def test_points_beyond_the_plane_are_drawn_by_index_and_loss() -> None:
    found = landscapes.CoupledDoubleWells(dimension=6).critical_points()
    marks = {line.get_label(): (line.get_xdata(), line.get_ydata()) for line in found.plot().axes[0].get_lines()}
    assert sum(len(x) for x, _ in marks.values()) == len(found)
    assert sorted(marks["minimum"][1]) == pytest.approx(sorted(point.loss for point in found.minima))
    assert set(marks["minimum"][0]) == {0} and set(marks["saddle"][0]) == {p.index for p in found if p.kind == "saddle"}


TABLES = {"Shown", "Stored", "Judged", "CramerExponent", "Walls"}
"""What has no picture of its own: single numbers."""


def test_every_kind_of_result_has_a_picture_and_a_short_repr() -> None:
    found = set(kinds())
    assert len(found) > 30
    for kind in found:
        settings = getattr(kind, "__dataclass_params__", None)
        assert settings is None or not settings.repr or "__repr__" in vars(kind), kind
        if kind.__name__ not in TABLES:
            drawn: Any = getattr(kind, "plot", None) or type(kind._pictured)
            assert drawn is property or "axes" in inspect.signature(drawn).parameters, kind


def test_a_law_shows_the_error_of_its_mean_and_what_failed() -> None:
    failed = (Assumption("barrier / noise >= 5", False),)
    axes = law_chart(math.log(50.0), 0.1, "kramers", "time", failed).axes[0]
    (curve,) = axes.get_lines()
    np.testing.assert_allclose(curve.get_ydata(), np.exp(-np.asarray(curve.get_xdata(), dtype=float) / 50.0))
    band = axes.collections[0].get_paths()[0].vertices
    for factor in (math.exp(0.1), math.exp(-0.1)):
        at = np.abs(band[:, 0] - 100.0) < 1.1
        assert np.abs(np.log(band[at, 1]) + band[at, 0] / (50.0 * factor)).min() < 1e-9
    assert [text.get_text() for text in axes.texts] == ["FAILED: barrier / noise >= 5"]


def test_a_law_beyond_floats_has_an_axis_of_its_own_units() -> None:
    axes = law_chart(5000.0, 0.0, "chain", "iterations").axes[0]
    assert axes.get_xlim() == (0.0, 4.0) and "tau" in axes.get_xlabel()
    assert "e^5000" in axes.get_legend().get_texts()[0].get_text()


def test_a_survival_without_anything_left_is_refused() -> None:
    gone = Survival(
        time=np.ones(1), chance=np.zeros(1), standard_error=np.zeros(1), systematic_error=np.zeros(1), method="paths",
        units="time",
    )  # fmt: skip
    with pytest.raises(ValueError, match="ask for earlier"):
        survival_band(gone)


def test_theories_are_lines_of_their_slopes() -> None:
    rows = [Theory("cramer", 2.0, 0.1, 3.0), Theory("power law", 1.0, 0.0, math.nan)]
    lines = theory_lines(rows).axes[0].get_lines()
    ends = [np.asarray(line.get_xydata())[-1] for line in lines]
    assert ends[0][1] == pytest.approx(3.0 + 2.0 * ends[0][0]) and ends[1][1] == pytest.approx(ends[1][0])
