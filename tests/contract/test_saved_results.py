"""What is saved comes back: results load from their files, and a file alone repeats the run."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray

import fpsim
import landscapes
from fpsim.description import describe
from landscapes.description import described, rebuilt

WELL = landscapes.DoubleWell()
PROBLEM = fpsim.EscapeProblem(fpsim.SDE(WELL, fpsim.ConstantDiffusion(0.25)), -1.0, 1.0)


def strict(text: str) -> Any:
    """JSON as the standard has it: no Infinity, no NaN."""

    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is not JSON")

    return json.loads(text, parse_constant=refuse)


def same(one: Any, other: Any) -> None:
    """Equal in every field, arrays included."""
    assert type(one) is type(other)
    for name, value in vars(one).items():
        found = getattr(other, name)
        if isinstance(value, np.ndarray):
            np.testing.assert_array_equal(found, value)
        elif hasattr(value, "__dataclass_fields__"):
            same(value, found)
        else:
            assert found == value or (value != value and found != found), name


def test_escape_times_come_back_with_their_sample(tmp_path: Path) -> None:
    found = PROBLEM.by_paths(500, seed=3)
    back = fpsim.load(found.save(tmp_path / "t.nc"))
    same(found, back)
    assert back.problem["landscape"]["class"] == "DoubleWell" and back.problem["noise"]["value"] == 0.25
    assert back.problem["start"] == [-1.0] and back.problem["target"] == {"class": "Point", "value": 1.0}
    same(found.sample, fpsim.load(found.sample.save(tmp_path / "s.nc")))


def test_a_file_alone_repeats_the_run(tmp_path: Path) -> None:
    for number, found in enumerate(
        [PROBLEM.by_paths(300, seed=5, step=0.02), PROBLEM.by_quadrature(), PROBLEM.by_formula("kramers-next")]
    ):
        again = fpsim.EscapeTime.load(found.save(tmp_path / f"{number}.nc")).repeat()
        assert (again.mean, again.method, again.standard_error) == (found.mean, found.method, found.standard_error)
    other = fpsim.load(tmp_path / "0.nc").repeat(seed=6)
    assert other.mean != PROBLEM.by_paths(300, seed=5, step=0.02).mean and other.settings["step"] == 0.02


def test_comparisons_come_back(tmp_path: Path) -> None:
    found = PROBLEM.compare(paths=500, seed=3, budget=20)
    back = fpsim.load(found.save(tmp_path / "c.nc"))
    assert str(back) == str(found) and back.to_json() == found.to_json()
    np.testing.assert_array_equal(back["paths"].sample.times, found["paths"].sample.times)
    as_text = fpsim.Comparison.load(found.save(tmp_path / "c.json"))
    assert str(as_text) == str(found) and as_text["paths"].sample is None
    strict((tmp_path / "c.json").read_text())


@pytest.mark.parametrize("keep", ["paths", "final", "moments"])
def test_ensembles_come_back(keep: Any, tmp_path: Path) -> None:
    found = fpsim.simulate(PROBLEM.sde, -1.0, 1.0, 0.01, 20, keep=keep)
    same(found, fpsim.load(found.save(tmp_path / "e.nc")))


def test_quasipotentials_come_back(tmp_path: Path) -> None:
    found = fpsim.Chain(WELL, fpsim.ConstantDiffusion(0.05), 0.3).quasipotential(-1.0, 1.0, points=200)
    back = fpsim.load(found.save(tmp_path / "q.nc"))
    same(found, back)
    assert str(back) == str(found)


def test_what_is_no_result_is_refused_in_a_sentence(tmp_path: Path) -> None:
    PROBLEM.by_quadrature().save(tmp_path / "t.nc")
    (tmp_path / "text.nc").write_text("hello")
    (tmp_path / "text.json").write_text("[1]")
    with pytest.raises(ValueError, match="holds a EscapeTime, not a Comparison"):
        fpsim.Comparison.load(tmp_path / "t.nc")
    with pytest.raises(ValueError, match="cannot be read as netCDF"):
        fpsim.load(tmp_path / "text.nc")
    with pytest.raises(FileNotFoundError, match="no file"):
        fpsim.load(tmp_path / "nowhere.nc")
    with pytest.raises(ValueError, match="holds no comparison"):
        fpsim.Comparison.load(tmp_path / "text.json")


DESCRIBED = {
    "named": WELL,
    "named, other parameters": landscapes.DoubleWell(barrier=0.5, tilt=0.01),
    "formula": landscapes.Landscape.from_expression("k*x**2 + y**4", "x y", bounds=[(-1, 1), (-2, 2)], k=3.0),
    "drift field": landscapes.DriftField.from_expression(["-x+w*y", "-w*x-y"], "x y", w=2.0),
    "named drift field": landscapes.MaierStein(),
    "ten dimensions": landscapes.CoupledDoubleWells(dimension=10),
    "data set": landscapes.PerExampleDoubleWell(),
    "shipped table": landscapes.named("resnet-slice"),
}


@pytest.mark.parametrize("name", DESCRIBED)
def test_landscapes_are_rebuilt_from_plain_data(name: str) -> None:
    found = rebuilt(strict(json.dumps(described(DESCRIBED[name]))))
    assert found == DESCRIBED[name] and type(found) is type(DESCRIBED[name])
    assert found.default_start == DESCRIBED[name].default_start


NOISES = {
    "number": fpsim.ConstantDiffusion(0.1),
    "matrix": fpsim.ConstantDiffusion([[0.2, 0.1], [0.1, 0.2]]),
    "field": fpsim.DiffusionField.from_expression("T*(1+b*sin(x))", "x y", T=0.3, b=0.5),
    "hessian": fpsim.HessianDiffusion(
        learning_rate=0.1, batch_size=4, at="everywhere", floor=0.1, floor_shape="smooth"
    ),
    "covariance": fpsim.GradientNoise(learning_rate=0.1, batch_size=4, covariance=[[1.0, 0.0], [0.0, 2.0]]),
}


@pytest.mark.parametrize("name", NOISES)
def test_problems_are_rebuilt_from_plain_data(name: str) -> None:
    surface = landscapes.Landscape.from_expression("(x**2-1)**2/4 + y**2", "x y", bounds=[(-2, 2), (-2, 2)])
    sde = fpsim.SDE(surface, NOISES[name], convention="anti-ito" if name == "field" else "ito")
    walls = fpsim.Walls(("reflecting", None), [(-2, 2), (-2, 2)]) if name != "number" else None
    for target in (fpsim.Ball((1.0, 0.0), 0.2), fpsim.HalfSpace((1.0, 1.0), 1.0)):
        problem = fpsim.EscapeProblem(sde, (-1.0, 0.0), target, boundary=walls)
        again = fpsim.EscapeProblem.from_dict(strict(json.dumps(describe(problem))))
        assert again == problem and str(again) == str(problem)


def test_the_modified_equation_is_rebuilt() -> None:
    problem = fpsim.EscapeProblem(fpsim.SDE(WELL, fpsim.ConstantDiffusion(0.1), correction=0.05), -1.0, 1.0)
    again = fpsim.EscapeProblem.from_dict(problem.to_dict())
    assert again.sde.correction == 0.05
    assert again.by_quadrature().mean == problem.by_quadrature().mean


def test_plain_functions_are_named_and_not_made_up() -> None:
    bowl = landscapes.Landscape(lambda x: (x[0] ** 2 - 1) ** 2 / 4, bounds=[(-2, 2)], name="my loss")
    found = fpsim.EscapeProblem(fpsim.SDE(bowl, fpsim.ConstantDiffusion(0.25)), -1.0, 1.0).by_quadrature()
    assert found.problem["landscape"]["name"] == "my loss"
    with pytest.raises(ValueError, match="'my loss' is made of plain functions, which this file does not hold"):
        found.repeat()
    level = fpsim.EscapeProblem(PROBLEM.sde, -1.0, lambda x: x[0] - 1)
    with pytest.raises(ValueError, match="plain function, which this file does not hold"):
        fpsim.EscapeProblem.from_dict(level.to_dict())


def test_times_beyond_floats_are_answered_in_logs(tmp_path: Path) -> None:
    cold = fpsim.EscapeProblem(fpsim.SDE(WELL, fpsim.ConstantDiffusion(1e-4)), -1.0, 1.0)
    exact, kramers = cold.by_quadrature(), cold.by_formula("kramers")
    assert kramers.log_mean == pytest.approx(2500 + math.log(math.sqrt(2) * math.pi), rel=1e-12)
    assert exact.mean == kramers.mean == math.inf and exact.log_mean - kramers.log_mean == pytest.approx(0, abs=1e-3)
    assert "e^2501.4" in str(exact) and "e^2501.4" in str(kramers)
    assert abs(exact.z_score(kramers)) > 100 and exact.ratio(kramers) == pytest.approx(1, abs=1e-3)
    same(exact, fpsim.load(exact.save(tmp_path / "t.nc")))
    table = cold.compare(budget=1, paths=100)
    rows = {row["method"]: row for row in strict(table.to_json())["routes"]}
    assert rows["quadrature"]["mean"] is None and rows["quadrature"]["log_mean"] == pytest.approx(2501.49, abs=0.1)
    assert rows["kramers"]["ratio"] == pytest.approx(1, abs=1e-3) and "e^2501" in str(table)
    back = fpsim.Comparison.load(table.save(tmp_path / "c.json"))
    assert str(back) == str(table)


def test_two_times_beyond_floats_are_compared_by_their_logs() -> None:
    one = fpsim.EscapeTime(method="a", log_mean=2000.0, log_error=0.3)
    two = fpsim.EscapeTime(method="b", log_mean=2001.0, log_error=0.4)
    low = fpsim.EscapeTime(method="c", mean=1.0, standard_error=0.1)
    assert one.z_score(two) == pytest.approx(-2) and one.ratio(two) == pytest.approx(math.exp(-1))
    assert one.ratio(low) == math.inf and low.ratio(one) == 0.0
    assert fpsim.EscapeTime(method="d", log_mean=math.log(7.0)).mean == pytest.approx(7.0)
    assert low.log_mean == 0.0 and low.log_error == pytest.approx(0.1)


def test_density_reports_come_back(tmp_path: Path) -> None:
    from fpsim.density.report import DensityReport, density_report

    found = density_report(PROBLEM.sde, (-1.0,), (0.5, 1.0, 2.0), 1.0, cells=200)
    back = fpsim.load(found.save(tmp_path / "d.nc"))
    assert str(back) == str(found) and back.to_json() == found.to_json() and back.passage == found.passage
    for name in ("evolution", "stationary", "survival"):
        assert getattr(back, name).identical(getattr(found, name)), name
    assert back.solver.mean_first_passage_time(1.0, -1.0)["mean"].equals(
        found.solver.mean_first_passage_time(1.0, -1.0)["mean"]
    )
    strict(found.save(tmp_path / "d.json").read_text())
    with pytest.raises(ValueError, match="save the report as"):
        DensityReport.load(tmp_path / "d.json")


def test_reports_of_studies_come_back(tmp_path: Path) -> None:
    from fpsim.plotting.style import new_figure
    from fpsim.storage import dataset
    from validation.study.report import Report, Table, Verdict

    found = Report(
        "small", "A small report", "Nothing is measured.",
        (Verdict("equal", "one is two", False, "1 and 2", expected=False),),
        (Table.of("Numbers", [{"x": 1.0, "word": "yes"}]),), {"line": lambda: new_figure(2, 1.5)},
        dataset({"x": ("row", [1.0, 2.0], "", "x")}), {"quick": True}, 3,
    )  # fmt: skip
    found.save(tmp_path / "small")
    back = Report.load(tmp_path / "small")
    assert str(back) == str(found) and back.to_json() == found.to_json() and back.data.identical(found.data)
    assert list(back.pictures) == ["line"] and back.pictures["line"]().get_size_inches()[0] == pytest.approx(2, abs=0.1)
    back.save(tmp_path / "again")
    with pytest.raises(ValueError, match="holds no report"):
        Report.load(tmp_path)


@pytest.mark.parametrize("rotation", [0.0, 2.0])
def test_spectra_come_back(rotation: float, tmp_path: Path) -> None:
    drift = landscapes.DriftField.from_expression(["-x+w*y", "-w*x-y"], "x y", w=rotation)
    grid = fpsim.Grid((-2, 2, 24), (-2, 2, 24))
    found = fpsim.FokkerPlanck(fpsim.SDE(drift, fpsim.ConstantDiffusion(0.3)), grid).spectrum(4)
    back = fpsim.load(found.save(tmp_path / "s.nc"))
    np.testing.assert_array_equal(back.eigenvalues, found.eigenvalues)
    assert back.eigenvalues.dtype == found.eigenvalues.dtype and back.gap == found.gap
    assert str(back) == str(found) and back.checks == found.checks
    assert back.modes.equals(found.modes) and back.discretisation_error == found.discretisation_error


@pytest.mark.parametrize("private", [True, False])
def test_a_dataset_is_what_the_constructor_of_xarray_makes(private: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Axes are indexes, each dataset has its own, and sizes that do not fit are refused; by the private way or not."""
    if not private:
        monkeypatch.setattr("fpsim.storage.PRIVATE", "gone")
    entries = {"density": (("time", "x"), np.ones((2, 3)), "1/volume", "p"), "y": ("y", [4, 5], "", "y")}
    axes = {"time": ("time", [0.0, 1.5], "time", "time"), "x": ("x", np.arange(3.0), "", "x")}
    axes |= {"kind": ("time", ["a", "b"], "", "of another name"), "tag": ((), 3.0, "", "scalar")}
    made, other = (fpsim.storage.dataset(entries, axes, grid="g", none=None, nested=[1, {"a": 2}]) for _ in range(2))
    meant = xarray.Dataset(
        {name: (d, v, {"units": u, "long_name": w}) for name, (d, v, u, w) in entries.items()},
        {name: (d, v, {"units": u, "long_name": w}) for name, (d, v, u, w) in axes.items()},
        {"fpsim_version": fpsim.__version__, "grid": "g", "nested": '[1, {"a": 2}]'},
    )
    xarray.testing.assert_identical(made, meant)
    assert set(made.coords) == set(meant.coords) and set(made.xindexes) == set(meant.xindexes) == {"time", "x", "y"}
    xarray.testing.assert_identical(made.sel(time=1.5, x=2.0), meant.sel(time=1.5, x=2.0))
    xarray.testing.assert_identical(made + other.isel(x=[0, 2]), meant + meant.isel(x=[0, 2]))
    made.x.attrs["units"] = "changed"
    assert other.x.attrs["units"] == ""
    with pytest.raises(ValueError, match="conflicting sizes"):
        fpsim.storage.dataset(entries, {"x": ("x", np.arange(4.0), "", "x")})
