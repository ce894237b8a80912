"""The wheel: what a user gets from `pip install fpsim-sgd`, built from a copy of what a clone would hold."""

import email.message
import email.parser
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from itertools import chain
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PACKAGES = ("landscapes", "fpsim", "validation", "animations")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def files_of_a_clone() -> list[Path]:
    """Paths that git tracks or would track; without git, everything but what hides behind a dot."""
    if (ROOT / ".git").exists() and shutil.which("git"):
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT,
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        found = [Path(name) for name in listed.split("\0") if name]
    else:
        found = [path.relative_to(ROOT) for path in ROOT.rglob("*")]
        found = [path for path in found if not re.search(r"(^|/)(\.|__pycache__)", path.as_posix())]
    return [path for path in found if (ROOT / path).is_file()]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    clone = tmp_path_factory.mktemp("clone")
    for path in files_of_a_clone():
        (clone / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / path, clone / path)
    run = subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", "dist", "."],
        cwd=clone,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    (built,) = (clone / "dist").glob("*.whl")
    return zipfile.ZipFile(built)


def metadata(wheel: zipfile.ZipFile) -> email.message.Message:
    (name,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
    return email.parser.Parser().parsestr(wheel.read(name).decode())


def test_wheel_holds_the_four_packages_and_nothing_else(wheel: zipfile.ZipFile):
    top = {name.partition("/")[0] for name in wheel.namelist()}
    assert {name for name in top if not name.endswith(".dist-info")} == set(PACKAGES)


@pytest.mark.parametrize("package", PACKAGES)
def test_wheel_holds_every_module_and_the_typing_mark(wheel: zipfile.ZipFile, package: str):
    expected = {path.as_posix() for path in files_of_a_clone() if path.parts[0] == package}
    assert f"{package}/py.typed" in expected
    assert expected == {name for name in wheel.namelist() if name.startswith(f"{package}/")}


def test_wheel_metadata(wheel: zipfile.ZipFile):
    import fpsim

    fields = metadata(wheel)
    assert fields["Name"] == "fpsim-sgd"
    assert fields["Version"] == fpsim.__version__
    assert fields["Requires-Python"] == ">=3.11"
    assert fields["License-Expression"] == "MIT"
    extras = {"network", "animation", "cluster", "docs", "explore", "gpu", "dev"}
    assert set(fields.get_all("Provides-Extra", [])) == extras
    assert any(name.endswith("/licenses/LICENSE") for name in wheel.namelist())
    (entry_points,) = (name for name in wheel.namelist() if name.endswith("entry_points.txt"))
    assert "fpsim = fpsim.cli:main" in wheel.read(entry_points).decode()


def test_core_brings_no_torch_and_no_manim():
    core = {Requirement(line).name for line in PROJECT["dependencies"]}
    assert not core & {"torch", "manim", "dask", "pytest"}


def pins() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    found = {}
    for line in lines:
        if line and not line.startswith("#"):
            match = re.fullmatch(r"([A-Za-z0-9._-]+)==([A-Za-z0-9.!]+)", line)
            assert match, f"constraints.txt holds exact public versions only, not {line!r}"
            found[canonicalize_name(match[1])] = match[2]
    return found


def test_constraints_pin_every_requirement():
    pinned = pins()
    for line in chain(PROJECT["dependencies"], *PROJECT["optional-dependencies"].values()):
        requirement = Requirement(line)
        version = pinned.get(canonicalize_name(requirement.name))
        assert version is not None, f"constraints.txt has no pin for {requirement.name}"
        assert requirement.specifier.contains(version), f"the pin {version} contradicts {line!r}"
    assert pinned["torch"] == "2.13.0"


def test_changelog_names_the_version():
    import fpsim

    assert f"## [{fpsim.__version__}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
