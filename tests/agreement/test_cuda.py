"""``device="cuda"`` without a GPU: the checks of ``cuda_checks.py`` in numba's simulator, and who is asked for what."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

import fpsim
import landscapes
from fpsim.cli.app import app
from fpsim.cuda import device
from fpsim.cuda.device import NoGPUError, chosen
from fpsim.routes.splitting import SplittingRoute
from fpsim.sweeps.study_file import read_study

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


def test_the_checks_pass_in_the_simulator():
    settings = {**os.environ, "NUMBA_ENABLE_CUDASIM": "1", "PYTHONPATH": str(ROOT)}
    command = ["-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider", str(HERE / "cuda_checks.py")]
    done = subprocess.run(
        [sys.executable, *command], cwd=ROOT, env=settings, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    assert " passed" in done.stdout and "skipped" not in done.stdout


PROGRAM = """
import sys
import fpsim, landscapes
sde = fpsim.SDE(landscapes.DoubleWell(), fpsim.ConstantDiffusion(0.3))
for device in ("cpu", "auto"):
    fpsim.simulate(sde, -1.0, 0.1, 0.01, paths=4, device=device)
print([m for m in sys.modules if m.startswith(("numba.cuda", "numba_cuda", "cuda", "fpsim.cuda"))])
"""


def test_the_cpu_loads_nothing_of_cuda():
    done = subprocess.run([sys.executable, "-c", PROGRAM], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['fpsim.cuda', 'fpsim.cuda.device']"


class FakeCuda:
    """What ``numba.cuda`` says on a machine."""

    def __init__(self, error=None, available=True, compiles=True):
        self.error, self.available, self.compiles = error, available, compiles

    def cuda_error(self):
        return self.error

    def is_available(self):
        return self.available

    def compile_ptx(self, function, signature, cc):
        if not self.compiles:
            raise AttributeError("module 'numpy' has no attribute 'row_stack'")


@pytest.mark.parametrize(
    ("package", "cuda", "words"),
    [
        (False, None, "needs the package numba-cuda"),
        (True, FakeCuda(error="CUDA driver library cannot be found"), "needs an NVIDIA GPU and its driver"),
        (True, FakeCuda(available=False), "needs the compiler .* does not find it"),
        (True, FakeCuda(compiles=False), r"cannot compile under NumPy [\d.]+ \(.*row_stack.*NumPy < 2\.5"),
    ],
    ids=["no package", "no driver", "no compiler", "NumPy 2.5"],
)
def test_one_sentence_for_each_thing_that_is_missing(monkeypatch, package, cuda, words):
    monkeypatch.setattr(device, "find_spec", lambda name: object() if package else None)
    monkeypatch.setattr(device, "_imported", lambda: cuda)
    with pytest.raises(NoGPUError, match=words) as said:
        chosen("cuda", 1.0)
    assert "\n" not in str(said.value)
    assert chosen("auto", 1e15) == "cpu"


def test_auto_takes_a_gpu_for_work_that_is_worth_it(monkeypatch):
    monkeypatch.setattr(device, "require_gpu", lambda: None)
    cores = os.cpu_count() or 1
    assert chosen("auto", 1.01 * device.WORTH * cores) == "cuda"
    assert chosen("auto", 0.99 * device.WORTH * cores) == "cpu"
    assert chosen("cuda", 1.0) == "cuda" and chosen("cpu", 1e15) == "cpu"
    with pytest.raises(ValueError, match="device must be 'cpu', 'cuda' or 'auto'; got 'gpu'"):
        chosen("gpu", 1.0)


STUDY = """
[fixed]
landscape = "double-well"
temperature = 0.1
route = "ROUTE"
[axes]
target = [0.0, 0.5]
"""
LINE = "import landscapes\n\ndef line():\n    return landscapes.resnet_slice()\n"


@pytest.fixture
def commands(tmp_path):
    """The commands that take a device, each with what it needs."""
    study, line = tmp_path / "study.toml", tmp_path / "line.py"
    study.write_text(STUDY.replace("ROUTE", "paths"))
    line.write_text(LINE)
    well = ["double-well", "--temperature", "0.1"]
    return {
        "escape": well, "simulate": well, "sweep": [str(study), "--executor", "serial"],
        "network": [f"{line}:line", "--learning-rate", "1.5"],
    }  # fmt: skip


@pytest.mark.parametrize("word", ["escape", "simulate", "sweep", "network"])
@pytest.mark.parametrize(("said", "words"), [("cuda", "needs the package numba-cuda"), ("gpu", "--device must be cpu")])
def test_commands_pass_the_device_on(commands, monkeypatch, word, said, words):
    monkeypatch.setattr(device, "find_spec", lambda name: None)
    done = CliRunner().invoke(app, [word, *commands[word], "--device", said])
    assert isinstance(done.exception, ValueError) and words in str(done.exception)


def test_a_sweep_s_device_is_a_parameter_of_its_points(tmp_path):
    study = tmp_path / "study.toml"
    study.write_text(STUDY.replace("ROUTE", "paths"))
    assert read_study(study, {"device": "auto"}).sweep.design.fixed["device"] == "auto"
    study.write_text(STUDY.replace("ROUTE", "quadrature"))
    with pytest.raises(ValueError, match="an escape has no parameter 'device'"):
        read_study(study, {"device": "auto"})


def test_a_comparison_passes_the_device_on(monkeypatch):
    """To every route that samples; a device that is not there is an error, not a list of routes that were skipped."""
    asked, problem = [], fpsim.EscapeProblem(fpsim.SDE(landscapes.DoubleWell(), fpsim.ConstantDiffusion(0.1)), -1, 1)
    monkeypatch.setattr(device, "find_spec", lambda name: None)
    with pytest.raises(NoGPUError):
        problem.compare(device="cuda")
    monkeypatch.setattr(device, "require_gpu", lambda: None)
    monkeypatch.setattr("fpsim.routes.speed.exit_times", lambda *a, device, **o: asked.append(device) or 1 / 0)
    monkeypatch.setattr(SplittingRoute, "answer", lambda self, *a, device, **o: asked.append(device) or 1 / 0)
    problem.compare(device="cuda")
    assert asked == ["cuda", "cuda"]


BROKEN = """
import builtins, sys
from fpsim.cuda import device
device.simulated, device.find_spec = lambda: False, lambda name: object()
real = builtins.__import__
def refuse(name, globals=None, locals=None, fromlist=(), level=0):
    if name == "numba" and fromlist and "cuda" in fromlist:
        raise AttributeError("module 'numpy' has no attribute 'row_stack'")
    return real(name, globals, locals, fromlist, level)
builtins.__import__ = refuse
try:
    device.require_gpu()
except device.NoGPUError as error:
    print(error)
"""


def test_an_import_that_fails_is_told_with_both_versions():
    done = subprocess.run([sys.executable, "-c", BROKEN], cwd=ROOT, capture_output=True, text=True, check=True)
    said = done.stdout.strip()
    assert "cannot be imported under NumPy" in said and "row_stack" in said and "NumPy < 2.5" in said
    assert "\n" not in said
