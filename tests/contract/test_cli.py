"""The command line: output for people and machines, one sentence and exit code 2 for wrong input."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest


def fpsim(*words: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "fpsim.cli", *words], capture_output=True, text=True, cwd=cwd, timeout=300
    )


WRONG = {
    "unknown landscape": (["escape", "dubble-well", "--temperature", "0.1"], "did you mean 'double-well'"),
    "unsafe formula": (["escape", "__import__('os').getcwd()", "--temperature", "0.1"], "formula"),
    "undeclared name": (["escape", "x**2 + open", "--temperature", "0.1"], "'open' is not declared"),
    "no escape": (["escape", "x**2", "--temperature", "0.1"], "no saddle"),
    "no temperature": (["escape", "double-well"], "--temperature"),
    "negative temperature": (["escape", "double-well", "--temperature", "-1"], "positive"),
    "no floor": (
        ["escape", "double-well", "--noise=hessian", "--learning-rate=1", "--batch-size=1", "--at=everywhere"],
        "floor",
    ),
    "start in target": (["escape", "double-well", "--temperature", "0.1", "--start", "1", "--target", "1"], "target"),
    "negative paths": (["escape", "double-well", "--temperature", "0.1", "--paths", "-3"], "paths"),
    "bad seed": (["simulate", "double-well", "--temperature", "0.1", "--seed", "-1"], "seed"),
    "step too large": (["simulate", "double-well", "--temperature", "0.1", "--step", "3"], "diverged at step"),
    "no folder": (
        ["simulate", "double-well", "--temperature", "0.1", "--duration", "1", "--output", "nowhere/x.nc"], "nowhere",
    ),
    "picture into a folder": (["landscape", "double-well", "--output", "."], "it is a folder"),
    "unknown ending": (["escape", "double-well", "--temperature", "0.1", "--output", "x.txt"], "ending"),
    "five dimensions on a grid": (
        ["density", "styblinski-tang", "--set", "dimension=5", "--temperature", "0.1"], "one to three dimensions",
    ),
    "few cells": (["density", "double-well", "--temperature", "0.1", "--cells", "-4"], "whole number of at least"),
    "start far away": (["density", "double-well", "--temperature", "0.1", "--start", "50"], "far outside"),
    "half an example": (
        ["escape", "resnet-slice", "--noise=examples", "--learning-rate=1", "--batch-size=1.5"], "whole number",
    ),
    "negative step": (["escape", "double-well", "--temperature", "0.1", "--step", "-1"], "step must be"),
    "no friction": (["escape", "double-well", "--temperature", "0.1", "--friction", "0"], "friction must be"),
    "no budget": (["escape", "double-well", "--temperature", "0.1", "--budget", "-1"], "budget"),
    "mass alone": (["escape", "double-well", "--temperature", "0.1", "--mass", "2"], "--friction"),
    "walls round a body": (
        ["escape", "double-well", "--temperature=0.1", "--friction=1", "--boundary=reflecting"],
        "turn velocities round",
    ),
    "no threads": (["escape", "double-well", "--temperature", "0.1", "--threads", "0"], "threads"),
    "floor of white noise": (["escape", "double-well", "--temperature", "0.1", "--floor", "1"], "--floor belongs to"),
    "leading minus": (["simulate", "-x**4", "--temperature", "0.1", "--start", "1", "--duration", "9"], "diverged"),
    "bad number": (["escape", "double-well", "--temperature", "warm"], "warm"),
    "drift field": (["landscape", "maier-stein"], "drift field"),
    "bad parameter": (["landscape", "double-well", "--set", "height=1"], "height"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_wrong_input_is_one_sentence(case: str, tmp_path: Path, command: Any) -> None:
    words, expected = WRONG[case]
    done = command(*words, cwd=tmp_path)
    lines = [line for line in done.stderr.splitlines() if "compiling" not in line]
    assert done.returncode == 2
    assert len(lines) == 1 and lines[0].startswith("fpsim: ") and expected in lines[0], done.stderr
    assert "Traceback" not in done.stderr


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

    done = command(
        "simulate",
        "double-well",
        "--temperature",
        "0.1",
        "--duration",
        "1",
        "--paths",
        "10",
        "--output",
        "p.nc",
        cwd=tmp_path,
    )
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
