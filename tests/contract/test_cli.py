"""The command line: output for people and machines (for wrong input see test_words)."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import landscapes


def fpsim(*words: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "fpsim.cli", *words], capture_output=True, text=True, cwd=cwd, timeout=300
    )


def test_escape_as_json_agrees_with_theory() -> None:
    done = fpsim("escape", "double-well", "--temperature", "0.1", "--paths", "2000", "--json")
    table = json.loads(done.stdout)
    times = {row["method"]: row for row in table["routes"]}
    assert times["quadrature"]["mean"] == pytest.approx(66.2686263649, rel=1e-9)
    assert abs(times["paths"]["z_score"]) < 5
    assert "barrier" in times["kramers"]["failed_assumptions"][0]


def test_formula_needs_no_box(command: Any) -> None:
    words = ("--temperature", "0.1", "--start", "-1", "--target", "1", "--paths", "1000")
    done = command("escape", "(x**2-1)**2/4", *words)
    assert done.returncode == 0
    assert "66.2686" in done.stdout and "kramers" in done.stdout


def test_simulate_writes_what_it_says(tmp_path: Path, command: Any) -> None:
    import xarray

    words = ("--temperature", "0.1", "--duration", "1", "--paths", "10", "--output", "p.nc")
    done = command("simulate", "double-well", *words, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    with xarray.open_dataset(tmp_path / "p.nc", engine="h5netcdf") as data:
        assert data.x.dims == ("time", "path", "dimension") and data.sizes["path"] == 10
        assert data.attrs["seed"] == 0 and data.attrs["fpsim_version"] and data.x.attrs["long_name"] == "position"


def test_landscape_lists_certified_points(command: Any) -> None:
    done = command("landscape", "mueller-brown", "--json")
    points = json.loads(done.stdout)["critical_points"]
    assert [p["kind"] for p in points].count("minimum") == 3 and len(points) == 5


def test_demo_writes_figure_table_and_data(tmp_path: Path, command: Any) -> None:
    done = command("demo", "--paths", "1000", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "agree within 5 sigma" in done.stdout
    assert (tmp_path / "demo" / "double-well.png").stat().st_size > 20_000
    table = json.loads((tmp_path / "demo" / "double-well.json").read_text())
    assert {row["method"] for row in table["arrhenius"]} >= {"quadrature", "kramers", "paths"}


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("simulate double-well --temperature 0.1 --target 1", "meet no --target"),
        ("explore mine.py:make --export page.html", "runs no file"),
        ("network double-well --learning-rate 1", "'double-well' must be FILE.py:NAME"),
        ("animate kramers --seconds -1", "a film lasts a positive number of seconds; got -1"),
        ("demo --paths 1", "paths must be a whole number >= 20; got 1"),
    ],
)
def test_what_was_ignored_or_answered_beside_the_point(words: str, told: str, tmp_path: Path, command: Any) -> None:
    done = command(*words.split(), cwd=tmp_path)
    assert done.returncode == 2 and told in done.stderr


def test_a_loss_of_zero_is_printed_as_zero() -> None:
    place = landscapes.Landscape.from_expression("x*y", variables="x y", bounds=[(-1, 1), (-1, 1)])
    assert "e-" not in str(place.critical_points())
