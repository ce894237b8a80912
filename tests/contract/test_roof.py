"""fpsim.landscapes, fpsim.validation and fpsim.animations work, whatever files of the user's have those names."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def run(program, folder, *options):
    """A program in a folder whose files come first, as those beside a script do."""
    path = os.pathsep.join([str(folder), str(ROOT)])
    words = [sys.executable, *options, *(["-c", program] if program else [])]
    environment = {**os.environ, "PYTHONPATH": path}
    return subprocess.run(
        words, cwd=folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120
    )


SAME = """
import sys
import fpsim, landscapes, validation, animations
assert "fpsim.landscapes" not in sys.modules
assert fpsim.landscapes is landscapes and fpsim.validation is validation and fpsim.animations is animations
import fpsim.landscapes.catalogue.wells as one, landscapes.catalogue.wells as two
assert one is two and two.__spec__.name == "landscapes.catalogue.wells" and landscapes.__spec__.name == "landscapes"
from fpsim.landscapes import DoubleWell
assert DoubleWell is landscapes.DoubleWell and DoubleWell.__module__ == "landscapes.catalogue.wells"
from fpsim.validation import experiment
assert experiment is validation.experiment
try:
    import fpsim.landscapes.nothing
except ModuleNotFoundError as error:
    print(error)
"""


def test_one_roof_where_nothing_is_hidden(tmp_path):
    done = run(SAME, tmp_path, "-W", "error")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "No module named 'fpsim.landscapes.nothing'\n"


HIDDEN = """
import landscapes, fpsim
from fpsim.landscapes import DoubleWell, Landscape
from fpsim.landscapes.catalogue.wells import DoubleWell as again
import fpsim.landscapes.catalogue.surfaces
assert again is DoubleWell and issubclass(DoubleWell, Landscape)
problem = fpsim.EscapeProblem(fpsim.SDE(DoubleWell(), fpsim.ConstantDiffusion(0.1)), -1.0, 1.0)
assert abs(problem.by_quadrature().mean - 66.2686263) < 1e-6
assert len(fpsim.landscapes.named("resnet-slice").minima) == 2
assert fpsim.validation.experiment("central-limit").name == "central-limit"
from fpsim.animations.catalogue import Order
assert Order("kramers", renderer="matplotlib").rate > 0
import landscapes as after
assert after is landscapes and landscapes.MINE == "mine"
print("ok")
"""


def files(folder, parts, packages):
    for part in parts:
        place = folder / f"{part}.py"
        if packages:
            (folder / part).mkdir()
            place = folder / part / "__init__.py"
        place.write_text("MINE = 'mine'\nclass DoubleWell: pass\n")


@pytest.mark.parametrize(
    ("parts", "packages"),
    [(("landscapes",), True), (("landscapes", "validation", "animations"), False)],
    ids=["one folder", "three files"],
)
def test_a_users_files_hide_nothing(parts, packages, tmp_path):
    files(tmp_path, parts, packages)
    done = run(HIDDEN, tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "ok\n"
    for part in parts:
        hiding = tmp_path / part / "__init__.py" if packages else tmp_path / f"{part}.py"
        assert f"{hiding} hides the package '{part}' that comes with fpsim" in done.stderr
        assert f"write 'from fpsim import {part}' for ours, or rename the file" in done.stderr
    assert done.stderr.count("hides the package") == len(parts)


def test_a_part_that_is_not_hidden_keeps_its_name(tmp_path):
    """validation is ours and imports landscapes, which is not: it must mean ours, under one name only."""
    files(tmp_path, ["landscapes"], False)
    program = """
import fpsim
import validation.double_well.run as study
from fpsim.landscapes import DoubleWell
assert study.__name__ == "validation.double_well.run" and fpsim.validation.double_well.run is study
import validation.resnet.slices
assert validation.resnet.slices.SampledLandscape is fpsim.landscapes.SampledLandscape
print("ok")
"""
    done = run(program, tmp_path)
    assert (done.returncode, done.stdout) == (0, "ok\n"), done.stderr


def test_an_empty_folder_hides_nothing(tmp_path):
    """A folder without __init__.py, such as one of results, does not come before a package."""
    (tmp_path / "validation").mkdir()
    done = run("import fpsim, validation; print(validation.experiment('resnet').name)", tmp_path, "-W", "error")
    assert (done.returncode, done.stdout) == (0, "resnet\n"), done.stderr


def test_the_command_line_beside_such_files(tmp_path):
    files(tmp_path, ["landscapes", "validation", "animations"], False)
    done = run(None, tmp_path, "-m", "fpsim.cli", "landscape", "double-well")
    assert done.returncode == 0, done.stderr
    assert "minimum" in done.stdout
    assert "landscapes.py hides the package" in done.stderr
    done = run(None, tmp_path, "-m", "fpsim.cli", "validate", "nothing")
    assert done.returncode == 2
    assert "there is no study named 'nothing'" in done.stderr


def test_unknown_names_are_said():
    import fpsim

    with pytest.raises(AttributeError, match=r"no attribute 'nothing'; it offers .*'landscapes'"):
        _ = fpsim.nothing
    assert {"landscapes", "validation", "animations"} <= set(dir(fpsim))
