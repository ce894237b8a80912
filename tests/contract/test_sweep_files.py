"""Study files: what they mean, and what is said about mistakes in them."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from fpsim.cli.app import app
from fpsim.sweeps.design import as_design, sampled
from fpsim.sweeps.study_file import StudyFileError, read_study

GOOD = """
[sweep]
name = "well"

[fixed]
landscape = "double-well"
landscape.barrier = 0.25
target = 0.0

[axes]
temperature = [0.05, 0.1]
route = ["quadrature", "kramers"]
"""
GOOD = GOOD.replace("landscape.barrier = 0.25", '"landscape.barrier" = 0.25')


def written(tmp_path, text):
    file = tmp_path / "study.toml"
    file.write_text(text)
    return file


def test_a_study_runs_resumes_and_is_drawn_from_the_command_line(tmp_path):
    file = written(tmp_path, GOOD)
    run = CliRunner().invoke(app, ["sweep", str(file), "--executor", "serial"])
    assert run.exit_code == 0 and "4 of 4 done" in run.output, run.output
    assert "temperature = 0.05, route = quadrature: <EscapeTime: 361.9037595" in run.output
    table, picture = tmp_path / "t.nc", tmp_path / "p.png"
    again = CliRunner().invoke(app, ["sweep", str(file), "--status", "--json", "--output", str(table)])
    assert json.loads(again.stdout.splitlines()[0])["done"] == 4
    drawn = CliRunner().invoke(app, ["sweep", str(file), "--plot", str(picture), "--axis", "temperature"])
    assert drawn.exit_code == 0 and picture.stat().st_size > 5000
    found = read_study(file).sweep.to_xarray()
    assert np.allclose(found["mean"].sel(route="quadrature"), [361.903759501, 30.8213024727], rtol=1e-9)


def test_points_that_fail_are_named_and_the_exit_code_says_so(tmp_path):
    text = GOOD.replace("[0.05, 0.1]", "[0.1, -1.0]")
    run = CliRunner().invoke(app, ["sweep", str(written(tmp_path, text)), "--executor", "serial"])
    assert run.exit_code == 1 and "2 of 4 done, 2 failed" in run.output
    assert "failed at temperature = -1.0, route = quadrature: ValueError" in run.output


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("[sweep]", "[sweeps]", r"line 2: 'sweeps' is not a section; did you mean sweep\?"),
        ("[sweep]", "[sweep", r"is not TOML: .*line 2"),
        ("name =", "nam =", r"line 3: 'nam' is not a key of \[sweep\]; did you mean name\?"),
        ('name = "well"', "name = 3", r"line 3: 'name' is a text; got 3"),
        ('name = "well"', "seeds = 0", r"line 3: 'seeds': seeds is how many repetitions"),
        ('name = "well"', "seeds = [1, 1]", "seeds is how many repetitions"),
        ('name = "well"', "tolerance = 0.1", r"line 3: 'tolerance' needs seeds"),
        ('name = "well"', "seeds = 1\ntolerance = -0.1", r"line 4: 'tolerance' is a relative standard error"),
        ('name = "well"', 'workers = "two"', r"line 3: 'workers' is a whole number of calls at once; got 'two'"),
        ('name = "well"', 'executor = "cloud"', r"'executor' is one of serial, threads, processes; got 'cloud'"),
        ('name = "well"', 'budget = "long"', r"'budget' is seconds per point such as 60; got 'long'"),
        ('name = "well"', 'function = "escape"', r"'function' is a text \"module:function\""),
        ('name = "well"', 'function = "nowhere:at_all"', r"line 3: 'function': there is no function 'nowhere:at_all'"),
        ("temperature", "temprature", r"line 11: 'temprature': an escape has no .* mean temperature\?"),
        ('"kramers"', '"kramer"', r"line 12: 'route': there is no route 'kramer'"),
        ('landscape = "double-well"\n', "", r"\[fixed\] needs landscape"),
        ("[0.05, 0.1]", "[]", r"line 11: 'temperature': the axis 'temperature' has no values"),
        ("[0.05, 0.1]", "[0.1, 0.1]", r"line 11: 'temperature': the axis 'temperature' has a value twice"),
        ("[0.05, 0.1]", "0.1", r"line 11: 'temperature' is a list of values, or \{from, to, count\}; got 0.1"),
        ("[0.05, 0.1]", "[0.1, nan]", "must be finite"),
        ("[0.05, 0.1]", "[0.1, 2020-01-01]", "are numbers, words or tuples"),
        ("[0.05, 0.1]", "{ from = 1, to = 2 }", r"needs two different numbers from and to, and a whole count >= 2"),
        ("[0.05, 0.1]", "{ from = 0, to = 2, count = 3, spacing = 'log' }", "needs from > 0"),
        ("[0.05, 0.1]", "{ from = 1, to = 2, count = 3, spacing = 'cubic' }", "has spacing"),
        ("[0.05, 0.1]", "{ from = 1, to = 2, cout = 3 }", r"did you mean count\?"),
        ("[axes]", "[axes]\ntarget = [0.0, 1.0]", r"line 11: 'target' is in \[fixed\] too"),
        ("[axes]", "[axes]\nseed = [1, 2]", "the seed is no parameter: give seeds="),
        ("[axes]", "[[points]]\ntemperature = 0.1\n[axes]", r"one of \[axes\], \[\[points\]\] and .*; got \[axes\]"),
        ("[axes]\n", "[fixed.more]\n", r"one of \[axes\], \[\[points\]\] and \[design\]; got none of them"),
        ("target = 0.0", "target = { x = 1 }", "an escape has no parameter 'target.x'"),
    ],
)
def test_a_mistake_gets_one_sentence_with_its_line(tmp_path, old, new, words):
    assert old in GOOD
    with pytest.raises(StudyFileError, match=words) as caught:
        read_study(written(tmp_path, GOOD.replace(old, new, 1)))
    assert str(caught.value).startswith("study.toml") and "\n" not in str(caught.value)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no study file"):
        read_study(tmp_path / "none.toml")


def test_designs_fill_their_box_and_lists_keep_their_order(tmp_path):
    text = GOOD[: GOOD.index("[axes]")] + (
        '[design]\nkind = "sobol"\ncount = 64\nlogarithmic = ["temperature"]\n[ranges]\ntemperature = [0.01, 1.0]\n'
        "start = [-1.2, -0.8]\n"
    )
    design = read_study(written(tmp_path, text)).sweep.design
    logs = np.log10([point["temperature"] for point in design.listed])
    starts = np.array([point["start"] for point in design.listed])
    counts, _, _ = np.histogram2d(logs, starts, bins=8, range=[(-2, 0), (-1.2, -0.8)])
    assert (counts == 1).all()  # a Sobol sequence of 64 points has one in each of 8 x 8 cells
    assert design.fixed["landscape"] == "double-well" and len(design) == 64
    cube = sampled("latin-hypercube", {"a": (0.0, 1.0), "b": (2.0, 3.0), "c": 7}, 10, seed=1)
    assert sorted(int(10 * point["a"]) for point in cube.listed) == list(range(10)) and cube[3]["c"] == 7
    listed = as_design([{"x": 3}, {"x": 1}])
    assert [listed[k]["x"] for k in range(2)] == [3, 1]
    grid = as_design({"a": [1, 2], "b": "word", "c": [5, 6, 7]})
    assert [tuple(grid[k].values()) for k in (0, 1, 3)] == [("word", 1, 5), ("word", 1, 6), ("word", 2, 5)]


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"a": [np.inf, 1]}, "must be finite"),
        ({"a": [object()]}, "numbers, words or tuples"),
        ({"a": 1}, "nothing varies"),
        ({"a b": [1]}, "names of parameters are words"),
        ([{"a": 1}, {"b": 1}], "same names"),
        ([{"a": 1}, {"a": 1}], "twice"),
        (3, "parameters of a sweep are"),
        ([], "parameters of a sweep are"),
    ],
)
def test_parameters_that_are_none(parameters, words):
    with pytest.raises((TypeError, ValueError), match=words):
        as_design(parameters)


FILES = sorted((Path(__file__).parents[2] / "examples" / "sweeps").glob("*.toml"))


def test_there_are_the_four_usual_studies():
    assert [file.stem for file in FILES] == ["batch_size", "curvature", "floor", "network_slice"]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_an_example_file_runs_and_says_what_it_claims(tmp_path, file):
    table = read_study(shutil.copy(file, tmp_path)).sweep.run("serial").to_xarray()
    logs = table.log_mean.values
    if file.stem == "batch_size":  # a line in S, and the formula for large times ends on it
        assert np.ptp(np.diff(logs[:, 0])) < 0.03 and logs[-1, 1] == pytest.approx(logs[-1, 0], abs=0.01)
    if file.stem == "curvature":  # the sharpest valley is left first
        assert (np.diff(logs) > 0.5).all()
    if file.stem == "floor":  # check values, and the slope -delta = -2 / (9 kappa)
        assert table["mean"].values[[0, 2, 4]] == pytest.approx([1.64926e7, 100862.155, 733.1255], rel=1e-5)
        assert np.diff(logs)[0] / np.log(10**0.5) == pytest.approx(-2 / (9 * 0.1), rel=5e-3)
    if file.stem == "network_slice":  # exponential in S
        assert np.diff(logs)[1:] == pytest.approx(np.diff(logs)[:-1], rel=0.02)
