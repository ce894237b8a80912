"""One clear sentence for every mistake, on the command line and in Python; no traceback ever reaches a user."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fpsim
import landscapes
from fpsim.cli.ending import _arguments, _explained
from fpsim.words import box, choice, target, whole_number

HERE = {**os.environ, "PYTHONPATH": str(Path(fpsim.__file__).parents[1])}
NOISE = fpsim.ConstantDiffusion(0.1)


@pytest.fixture
def asked(command: Any) -> Any:
    """Exit code, output and errors of a command."""

    def run(*words: str, cwd: Path | None = None) -> tuple[int, str, str]:
        done = command(*words, cwd=cwd)
        return done.returncode, done.stdout, done.stderr

    return run


WRONG = {
    "option": (["escape", "double-well", "--temprature", "0.1"], "--temperature"),
    "no landscape": (["escape"], "missing argument 'LANDSCAPE': a name such as double-well, the formula of a loss"),
    "command": (["escpe", "double-well"], "did you mean 'escape'"),
    "parameter": (["escape", "double-well", "--set", "bariere=2", "--temperature", "0.1"], "did you mean 'barrier'"),
    "no value": (["escape", "a*x**2", "--temperature", "0.1"], "--set a=1"),
    "half a ball": (["escape", "mueller-brown", "--temperature", "15", "--target", "ball:1"], "ball:CENTER:RADIUS"),
    "half a half-space": (["escape", "mueller-brown", "--temperature=15", "--target=half-space:1,0"], "NORMAL:OFFSET"),
    "a point": (["escape", "mueller-brown", "--temperature=15", "--target=0.6,0.03"], "for example ball:0.6,0.03:0.1"),
    "a scene's landscape": (["animate", "noise-shape", "double-well"], "leave LANDSCAPE out"),
    "drift field": (
        ["escape", "maier-stein", "--noise=hessian", "--learning-rate=.1", "--batch-size=4", "--at=everywhere",
         "--floor=.1"], "drift field",
    ),
    "unwritable": (["escape", "double-well", "--temperature", "0.1", "--output", "/proc/x.nc"], "cannot write"),
    "unwritable folder": (["validate", "escape-formula", "--output", "/proc/here"], "cannot make the folder"),
    "a file as a folder": (["demo", "--output", "/dev/null"], "cannot make the folder"),
    "part of a path": (["escape", "double-well", "--temperature", "0.1", "--paths", "1e2.5"], "not a whole number"),
    "half a path": (["escape", "double-well", "--temperature", "0.1", "--paths", "2.5"], "not a whole number"),
    "noise": (["escape", "double-well", "--noise", "hesian", "--temperature", "0.1"], "did you mean hessian"),
    "another noise's": (["escape", "double-well", "--temperature=.1", "--injected=.2"], "belongs to --noise hessian"),
    "no alpha": (["escape", "double-well", "--noise=heavy-tails", "--scale=1"], "heavy-tails needs --alpha (0 to 2)"),
    "no at": (["escape", "double-well", "--noise=hessian", "--learning-rate=.1"], "needs --batch-size and --at (every"),
    "convention": (["escape", "double-well", "--temperature=.1", "--convention=itto"], "did you mean ito"),
    "walls": (["escape", "double-well", "--temperature=.1", "--boundary=reflect"], "did you mean reflecting"),
    "keep": (["simulate", "double-well", "--temperature=.1", "--keep=moment"], "did you mean moments"),
    "box": (["escape", "x**2", "--temperature=.1", "--bounds=2:1"], "low < high"),
    "walls without a box": (
        ["escape", "x**2", "--temperature=.1", "--boundary=reflecting", "--start=0", "--target=1"], "--bounds",
    ),
    "not finite": (["escape", "double-well", "--temperature", "inf"], "finite"),
    "experiment": (["validate", "sharpnes"], "did you mean 'sharpness'"),
    "scene": (["animate", "noise-shap"], "did you mean 'noise-shape'"),
    "too many cells": (["density", "mueller-brown", "--temperature=15", "--cells=100000"], "cells"),
    "two noises": (
        ["escape", "double-well", "--noise=hessian", "--temperature=.1", "--learning-rate=1", "--batch-size=1",
         "--at=minimum"], "--injected",
    ),
    "a billion coordinates": (["landscape", "coupled-double-wells", "--set", "dimension=1e9"], "at most 10000"),
    "two numbers for one": (["escape", "double-well", "--temperature=.1", "--start", "-1,2"], "got '-1,2'"),
    "unbalanced": (["landscape", "(x**2"], "cannot be read"),
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
    "no threads": (["escape", "double-well", "--temperature", "0.1", "--threads", "0"], "threads"),
    "floor of white noise": (["escape", "double-well", "--temperature", "0.1", "--floor", "1"], "--floor belongs to"),
    "leading minus": (["simulate", "-x**4", "--temperature", "0.1", "--start", "1", "--duration", "9"], "diverged"),
    "bad number": (["escape", "double-well", "--temperature", "warm"], "warm"),
    "points of a drift": (["landscape", "maier-stein"], "drift field"),
    "bad parameter": (["landscape", "double-well", "--set", "height=1"], "height"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_mistakes_on_the_command_line_are_one_sentence(case: str, tmp_path: Path, asked: Any) -> None:
    words, expected = WRONG[case]
    code, _, errors = asked(*words, cwd=tmp_path)
    lines = [line for line in errors.splitlines() if "compiling" not in line and "note:" not in line]
    assert code == 2 and len(lines) == 1 and lines[0].startswith("fpsim: "), errors
    assert expected.lower() in lines[0].lower(), lines[0]
    assert list(tmp_path.iterdir()) == []


def test_what_we_did_not_foresee_is_a_sentence_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert _explained(AttributeError("'x' has no 'y'")) == 70
    said = capsys.readouterr().err
    assert said.startswith("fpsim: this is a fault of fpsim") and "AttributeError" in said and "Traceback" not in said


def test_whole_numbers_may_be_written_as_powers(tmp_path: Path, asked: Any) -> None:
    assert [whole_number(text) for text in ("1e6", " -3", "2_000", "1.5e1")] == [10**6, -3, 2000, 15]
    done = asked(
        "simulate", "double-well", "--temperature=.1", "--paths", "1e1", "--duration=.1", "--json", cwd=tmp_path
    )
    assert done[0] == 0 and json.loads(done[1])["paths"] == 10


def test_minus_signs_are_no_options() -> None:
    assert _arguments(["escape", "-x**4", "--start", "-1", "--set", "a=-2"]) == [
        "escape", " -x**4", "--start", " -1", "--set", "a=-2",
    ]  # fmt: skip
    assert box(" -1:1") == [(-1.0, 1.0)] and choice(" ITO ", ("ito", "other"), "--convention") == "ito"
    assert target("-0.5", None, 1) == -0.5


def test_help_is_shown_without_a_command(tmp_path: Path, asked: Any) -> None:
    code, out, errors = asked(cwd=tmp_path)
    assert code == 2 and "escape" in out and errors == ""
    assert asked("--help", cwd=tmp_path)[0] == 0
    assert asked("--version", cwd=tmp_path)[1].startswith("fpsim ")


def test_walls_on_the_command_line(tmp_path: Path, asked: Any) -> None:
    """0*x between walls at 0 and 1: the mean time from .5 to 1 is (1 - .25) / (2 D) = .375 for D = 1."""
    words = ["escape", "0*x", "--temperature=1", "--start=.5", "--target=1", "--bounds=0:1", "--boundary=reflecting"]
    code, out, errors = asked(*words, "--budget=60", "--paths=4000", "--step=5e-4", "--json", cwd=tmp_path)
    assert code == 0, errors
    table = json.loads(out)
    assert "walls reflecting on [0, 1]" in table["problem"]
    for row in table["routes"]:
        assert row["problem"]["walls"] == {"kind": ["reflecting"], "box": [[0.0, 1.0]]}
        error = row["standard_error"] + row["systematic_error"]
        assert abs(row["mean"] - 0.375) < 5 * error + 1e-9, row["method"]
    assert {"paths"} <= {row["method"] for row in table["routes"]}


def test_density_between_walls(tmp_path: Path, asked: Any) -> None:
    """x**2/2, T = .5, absorbed at +-1 from 0: .78395 and .52671 are left at t = .5 and 1."""
    words = ["density", "x**2/2", "--temperature=.5", "--start=0", "--bounds=-1:1", "--boundary=absorbing"]
    code, out, errors = asked(*words, "--times=.5,1", "--json", cwd=tmp_path)
    assert code == 0, errors
    masses = [row["mass"] for row in json.loads(out)["times"]]
    assert masses == pytest.approx([0.78395, 0.52671], abs=2e-4)


@pytest.mark.parametrize(
    "words",
    [
        ["density", "double-well", "--temperature=.1", "--times=1"],
        ["landscape", "double-well"],
        ["landscape", "maier-stein", "--fixed-points"],
        ["simulate", "double-well", "--temperature=.1", "--duration=1", "--paths=5", "--keep=moments"],
        ["escape", "double-well", "--temperature=1e-4", "--budget=1"],
    ],
)
def test_json_is_json(words: list[str], tmp_path: Path, asked: Any) -> None:
    code, out, errors = asked(*words, "--json", cwd=tmp_path)

    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is not JSON")

    assert code == 0, errors
    assert json.loads(out, parse_constant=refuse)


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_an_interrupted_command_says_what_is_kept(tmp_path: Path) -> None:
    words = ["simulate", "double-well", "--temperature=.1", "--paths=1000000", "--duration=50000", "--keep=moments"]
    process = subprocess.Popen(
        [sys.executable, "-m", "fpsim", *words, "--verbose"], cwd=tmp_path, env=HERE, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None and any("% paths" in line for line in process.stderr)  # it is at work
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=20)
    assert process.returncode == 130 and "Traceback" not in errors
    assert "interrupted; no paths are kept" in errors and "--seed" in errors


# --- in Python --------------------------------------------------------------------------------------------------------


def sentence(call: Any) -> str:
    with pytest.raises((ValueError, TypeError)) as caught:
        call()
    return str(caught.value)


def test_an_sde_is_asked_for() -> None:
    well = landscapes.DoubleWell()
    for call in (
        lambda: fpsim.EscapeProblem(well, -1.0, 1.0),
        lambda: fpsim.simulate(well, -1.0, 1.0, 0.1),
        lambda: fpsim.FokkerPlanck(well, fpsim.Grid((-2, 2, 100))),
        lambda: fpsim.EscapeProblem(NOISE, -1.0, 1.0),
    ):
        assert "expected an SDE, a landscape together with its noise" in sentence(call)


@pytest.mark.parametrize(
    ("call", "near"),
    [
        (lambda: landscapes.DoubleWell(bariere=2), "did you mean 'barrier'"),
        (lambda: landscapes.TiltedCosine(periode=2), "did you mean 'period'"),
        (lambda: landscapes.MaierStein(betta=2), "did you mean 'beta'"),
        (lambda: landscapes.PerExampleDoubleWell(barier=2), "did you mean 'barrier'"),
        (lambda: landscapes.named("double-well", bariere=2), "did you mean 'barrier'"),
        (lambda: landscapes.DoubleWell(nonsense=2), "it has barrier, width, tilt, offset"),
    ],
)
def test_mistyped_parameters_are_answered_with_the_nearest(call: Any, near: str) -> None:
    assert near in sentence(call)


def test_where_the_hessian_is_taken_is_asked_for() -> None:
    said = sentence(lambda: fpsim.HessianDiffusion(learning_rate=0.1, batch_size=4))
    assert "'everywhere', 'minimum' or 'path'" in said and "at" in said


def test_a_target_may_be_the_array_of_a_minimum() -> None:
    well = landscapes.DoubleWell()
    sde, goal = fpsim.SDE(well, NOISE), well.minima[1].x
    for given in (goal, list(goal), goal[0], np.array(1.0)):
        assert fpsim.EscapeProblem(sde, well.minima[0].x, given).target.value == pytest.approx(1.0)
    surface = landscapes.MuellerBrown()
    said = sentence(lambda: fpsim.EscapeProblem(fpsim.SDE(surface, NOISE), surface.minima[0].x, surface.minima[1].x))
    assert "Ball(" in said and "never met" in said


def test_formulas_and_floors_are_printed_by_the_chain() -> None:
    noise = fpsim.HessianDiffusion(learning_rate=0.5, batch_size=2, at="everywhere", floor=0.2)
    found = fpsim.EscapeProblem(fpsim.SDE(landscapes.DoubleWell(), noise), -1.0, 1.0).by_chain()
    assert found.settings["floor"] == 0.2 and "finite steps jump the gap" in found.settings["delta"]
    assert "floor: 0.2" in str(found) and "delta:" in str(found)
