"""Results: frozen, printable, saved with their settings; the comparison's table says what its routes say."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path

import numpy as np
import pytest

import fpsim
import landscapes
from fpsim.results import Assumption, Comparison, EscapeTime, Skipped

PROBLEM = fpsim.EscapeProblem(fpsim.SDE(landscapes.DoubleWell(), fpsim.ConstantDiffusion(0.25)), -1.0, 1.0)


@pytest.fixture(scope="module")
def by_paths() -> EscapeTime:
    return PROBLEM.by_paths(2000, seed=3)


@pytest.fixture(scope="module")
def table() -> Comparison:
    return PROBLEM.compare(paths=2000, seed=3)


def route(mean: float, **facts: object) -> EscapeTime:
    return EscapeTime(mean=mean, method="paths", **facts)  # type: ignore[arg-type]


def test_z_scores_count_both_errors_of_both_routes() -> None:
    one = route(10.0, standard_error=3.0, systematic_error=4.0)
    other = route(24.0, standard_error=12.0)
    assert one.error == 5.0
    assert one.z_score(other) == pytest.approx(-14 / 13)
    assert route(1.0).z_score(route(1.0)) == 0.0 and math.isinf(route(1.0).z_score(route(2.0)))


def test_results_are_frozen(by_paths: EscapeTime) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        by_paths.mean = 1.0  # type: ignore[misc]


def test_saved_escape_time_can_be_read_back(by_paths: EscapeTime, tmp_path: Path) -> None:
    import xarray

    with xarray.open_dataset(by_paths.save(tmp_path / "t.nc"), engine="h5netcdf") as data:
        assert float(data["mean"]) == by_paths.mean
        assert data["mean"].attrs == {"units": "time", "long_name": "mean escape time"}
        assert data.attrs["seed"] == 3 and data.attrs["fpsim_version"] == fpsim.__version__
        assert json.loads(data.attrs["settings"])["step"] == 0.01
        assert data.exit_time.mean() == pytest.approx(by_paths.mean, rel=1e-12)  # nothing was censored


def test_files_are_written_whole_or_not_at_all(by_paths: EscapeTime, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"ending in \.nc"):
        by_paths.save(tmp_path / "t.txt")
    with pytest.raises(ValueError, match="does not exist"):
        by_paths.save(tmp_path / "nowhere" / "t.nc")
    assert list(tmp_path.iterdir()) == []


def test_comparison_takes_the_exact_route_as_reference(table: Comparison) -> None:
    assert table.reference is not None and table.reference.method == "quadrature"
    rows = {row["method"]: row for row in table.rows()}
    assert set(rows) == {"quadrature", "grid", "paths", "kramers", "kramers-next"}
    assert rows["paths"]["ratio"] == pytest.approx(table["paths"].mean / 14.2777366365, rel=1e-9)
    assert abs(rows["paths"]["z_score"]) < 5
    assert rows["grid"]["ratio"] == pytest.approx(1, abs=1e-6)
    assert rows["kramers"]["z_score"] is None  # a formula has no error bar to count


def test_comparison_prints_what_fails(table: Comparison) -> None:
    text = str(table)
    assert "quadrature *" in text and "14.2777" in text
    assert "kramers: FAILED assumption: barrier / noise >= 5 (barrier / noise = 1)" in text


def test_comparison_as_json_and_netcdf(table: Comparison, tmp_path: Path) -> None:
    import xarray

    assert json.loads(table.to_json())["routes"][0]["method"] == "quadrature"
    assert json.loads(table.save(tmp_path / "c.json").read_text()) == json.loads(table.to_json())
    with xarray.open_dataset(table.save(tmp_path / "c.nc"), engine="h5netcdf") as data:
        np.testing.assert_array_equal(data["mean"], [r.mean for r in table.routes])
        assert list(data.method.values) == [r.method for r in table.routes]


def test_unknown_routes_are_refused(table: Comparison) -> None:
    with pytest.raises(ValueError, match="no route 'magic'"):
        table["magic"]
    with pytest.raises(ValueError, match="no formula 'magic'"):
        PROBLEM.by_formula("magic")


def test_routes_beyond_the_budget_are_listed_with_their_cost() -> None:
    cold = fpsim.EscapeProblem(fpsim.SDE(landscapes.DoubleWell(), fpsim.ConstantDiffusion(0.0125)), -1.0, 1.0)
    found = cold.compare(budget=1)
    skipped = next(one for one in found.skipped if one.method == "paths")  # splitting too, on a machine that compiles
    assert skipped.predicted_seconds is not None and skipped.predicted_seconds > 60
    assert found["quadrature"].mean == pytest.approx(2198644401.41, rel=1e-9)
    assert found["kramers-next"].mean == pytest.approx(2198644401.41, rel=2e-3)


def test_printed_errors_have_as_many_digits_as_they_deserve() -> None:
    assert "12.346 +- 0.12 (stat)" in str(route(12.3456789, standard_error=0.123))


def test_failed_assumptions_and_skips_print() -> None:
    lone = EscapeTime(mean=1.0, method="kramers", assumptions=(Assumption("all is calm", False, "it is not"),))
    text = str(Comparison("p", (lone,), (Skipped("grid", "too many dimensions"),)))
    assert "kramers: FAILED assumption: all is calm (it is not)" in text and "skipped grid: too many dimensions" in text
