"""Landscapes and networks from Python files on the command line, and escapes over batch sizes."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

import fpsim
import landscapes
from fpsim.batch_sizes import BatchSizes, over_batch_sizes
from fpsim.cli import own

PROGRAM = """
import landscapes

well = landscapes.DoubleWell()
number = 3


def bent(c=1.0):
    return landscapes.Landscape.from_expression("(x**2 - 1)**2/4 + c*y**2", variables="x y", bounds=[(-2, 2)] * 2, c=c)


def line():
    return landscapes.resnet_slice()


def wrong():
    return 1 / 0
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "mine.py"
    path.write_text(PROGRAM)
    return path


def test_a_landscape_or_a_function_of_its_parameters(file: Path) -> None:
    assert own.landscape(f"{file}:well", {}, None, None) == landscapes.DoubleWell()
    assert own.landscape(f"{file}:bent", {"c": 2.0}, None, None).hessian([0.0, 0.0])[1, 1] == 4.0
    assert own.landscape("double-well", {}, None, None) == landscapes.DoubleWell()  # names go on as they were


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("nope", "has no 'nope'; it has well, number, bent, line, wrong"),
        ("number", "must be or return a landscape or a drift field; it gives int"),
        ("wrong", "line 17: ZeroDivisionError: division by zero"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(name: str, sentence: str, file: Path) -> None:
    with pytest.raises(ValueError, match=sentence):
        own.landscape(f"{file}:{name}", {}, None, None)


def test_files_and_options_that_do_not_fit(file: Path) -> None:
    with pytest.raises(ValueError, match=r"there is no file 'nothing\.py'"):
        own.landscape("nothing.py:well", {}, None, None)
    with pytest.raises(ValueError, match="belong to formulas"):
        own.landscape(f"{file}:well", {}, "x", None)


def test_the_page_in_the_browser_runs_no_files(file: Path) -> None:
    from fpsim import words

    with pytest.raises(ValueError):
        words.landscape(f"{file}:well", {}, None, None)


@pytest.fixture(scope="module")
def found() -> BatchSizes:
    line = landscapes.resnet_slice()
    return over_batch_sizes(line, 1.5, [1, 2], paths=200, seed=3, routes=("quadrature", "cramer"))


def test_theories_are_the_routes_own_answers(found: BatchSizes) -> None:
    line = landscapes.resnet_slice()
    for size, log in zip(found.sizes, found.logs["quadrature"], strict=True):
        sgd = fpsim.MiniBatchSGD(line, learning_rate=1.5, batch_size=size)
        problem = fpsim.EscapeProblem(fpsim.SDE(line, sgd.noise()), line.default_start, line.default_target[0])
        assert abs(log - math.log(problem.by_quadrature().mean / 1.5)) < 1e-9
    slope, error = found.slope("cramer")
    assert error == 0 and abs(slope - (found.logs["cramer"][1] - found.logs["cramer"][0])) < 1e-9


def test_sgd_is_measured_with_its_error(found: BatchSizes) -> None:
    measured, errors = found.logs["mini-batches"], found.errors["mini-batches"]
    assert all(0 < e < 0.12 for e in errors)
    slope, error = found.slope("mini-batches")
    assert abs(slope - (measured[1] - measured[0])) < 1e-9
    assert abs(error - math.hypot(*errors)) < 1e-9


def test_it_is_shown_as_table_json_and_picture(found: BatchSizes) -> None:
    text = str(found)
    assert all(name in text for name in ("quadrature", "cramer", "mini-batches", "slope per S"))
    assert json.loads(json.dumps(found.to_dict()))["sizes"] == [1, 2]
    assert len(found.plot().axes[0].get_lines()) >= 3


def test_a_line_with_one_valley_needs_ends() -> None:
    bowl = landscapes.DatasetLandscape.from_expression("(x - u)**2/2", data={"u": [-1.0, 1.0]}, bounds=(-3, 3))
    with pytest.raises(ValueError, match="say by start and target which valley is left"):
        over_batch_sizes(bowl, 0.1, [1])


def test_the_command_refuses_what_is_no_line(file: Path, capsys: Any) -> None:
    from fpsim.cli.network import network

    with pytest.raises(ValueError, match="must return a line through a network"):
        network(f"{file}:well", learning_rate=1.0)
