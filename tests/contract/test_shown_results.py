"""Results print short and their main number first; pictures show what was printed, under the user's names."""

from __future__ import annotations

import re

import pytest

import fpsim
import landscapes
from fpsim.density.report import density_report
from fpsim.results import Comparison, EscapeTime, Skipped

WELL = landscapes.Landscape.from_expression("(u**2-1)**2/4", "u", bounds=(-2, 2))
SDE = fpsim.SDE(WELL, fpsim.ConstantDiffusion(0.25))


def test_ensembles_print_where_they_end() -> None:
    plane = landscapes.Landscape.from_expression("p**2 + q**2", "p q", bounds=[(-1, 1), (-1, 1)])
    sde = fpsim.SDE(plane, fpsim.ConstantDiffusion(0.1))
    for keep in ("paths", "final", "moments"):
        found = fpsim.simulate(sde, (0.5, 0.5), 1.0, 0.01, 64, keep=keep)  # type: ignore[arg-type]
        assert re.match(r"at the end p = -?[\d.e-]+ \+- [\d.e-]+ \(sd [\d.e-]+\), q = ", str(found))
        assert len(repr(found)) < 160 and "p = " in repr(found) and "64 paths" in repr(found)
        assert "\n  variables:" not in str(found)


def test_many_coordinates_are_not_all_printed() -> None:
    many = fpsim.SDE(landscapes.CoupledDoubleWells(dimension=30), fpsim.ConstantDiffusion(0.1))
    found = fpsim.simulate(many, [-1.0] * 30, 0.1, 0.01, 8)
    assert "and 22 more coordinates" in str(found) and "and 27 more coordinates" in repr(found)


def test_samples_and_times_print_their_mean() -> None:
    found = fpsim.EscapeProblem(SDE, -1.0, 1.0).by_paths(400, seed=2)
    assert found.sample is not None
    assert str(found.sample).startswith("mean exit time 1") and "400 of 400 paths left" in repr(found.sample)
    assert repr(found).startswith("<EscapeTime: 1") and len(repr(found)) < 120
    assert "array" not in repr(found.sample) and len(str(found.sample).splitlines()) < 12


def test_comparisons_print_the_most_exact_number_first() -> None:
    routes = EscapeTime(mean=2.0, method="kramers"), EscapeTime(mean=1.5, method="quadrature")
    table = Comparison("a problem", routes, (Skipped("paths", "too slow"),))
    assert str(table).splitlines()[0] == "escape time 1.5 by quadrature"
    assert repr(table) == "<Comparison: escape time 1.5 by quadrature; 2 routes, 1 skipped>"
    assert str(Comparison("a problem", ())).splitlines()[0] == "no route gave a time"


def test_tables_say_whom_cramer_answers_for() -> None:
    table = Comparison("a problem", (EscapeTime(mean=2.0, method="cramer"), EscapeTime(mean=1.5, method="chain")))
    assert "cramer answers for SGD with actual mini-batches, not for the SDE" in str(table)
    assert "the chain is SGD with its finite step" in str(table)


@pytest.mark.parametrize("count", [1, 7, 12])
def test_every_printed_density_is_drawn(count: int) -> None:
    times = [0.5 * (k + 1) for k in range(count)]
    figure = density_report(SDE, (-1.0,), times, 1.0, cells=200).plot()
    labels = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert [f"t = {t:.3g}" for t in times] == labels[:-1] and labels[-1] == "stationary"
    assert figure.axes[0].get_xlabel() == "u"


def test_what_is_left_out_of_a_picture_is_said() -> None:
    figure = density_report(SDE, (-1.0,), [0.1 * (k + 1) for k in range(40)], cells=200).plot()
    assert any("12 of 40 times" in text.get_text() for text in figure.axes[0].texts)


def test_axes_have_the_users_names() -> None:
    paths = fpsim.simulate(SDE, -1.0, 1.0, 0.01, 8)
    assert paths.plot().axes[0].get_ylabel() == "u"
    assert fpsim.simulate(SDE, -1.0, 1.0, 0.01, 8, keep="moments").plot().axes[0].get_ylabel() == "u"


def test_times_beyond_floats_are_drawn_by_their_logs() -> None:
    cold = Comparison(
        "cold", (EscapeTime(method="kramers", log_mean=2000.0), EscapeTime(method="grid", log_mean=2001.0))
    )
    axes = cold.plot().axes[0]
    assert axes.get_xlabel().startswith("log10 of the escape time")
    marks = [float(container.lines[0].get_xdata()[0]) for container in axes.containers]
    assert marks == pytest.approx([2001 / 2.302585093, 2000 / 2.302585093], rel=1e-9) or marks == pytest.approx(
        [2000 / 2.302585093, 2001 / 2.302585093], rel=1e-9
    )


def test_committors_draw_themselves() -> None:
    line = fpsim.FokkerPlanck(SDE, fpsim.Grid((-2, 2, 100))).committor(fpsim.Ball(-1.0, 0.1), fpsim.Ball(1.0, 0.1))
    axes = line.plot().axes[0]
    assert axes.get_xlabel() == "u" and "chance to meet b before a" in axes.get_ylabel()
    assert float(line.committor.max()) == 1.0 and "discretisation_error" in line.attrs
    plane = landscapes.Landscape.from_expression("(p**2-1)**2/4+q**2", "p q", bounds=[(-2, 2), (-1, 1)])
    solver = fpsim.FokkerPlanck(fpsim.SDE(plane, fpsim.ConstantDiffusion(0.2)), fpsim.Grid((-2, 2, 40), (-1, 1, 20)))
    axes = solver.committor(fpsim.Ball((-1, 0), 0.3), fpsim.Ball((1, 0), 0.3)).plot().axes[0]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("p", "q")
