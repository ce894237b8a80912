"""The workflow of the public CI service: it can be read, and every command in it is a target of the Makefile."""

import re
import shlex
import subprocess
import tomllib
from pathlib import Path

import pytest

yaml = pytest.importorskip("yaml")

ROOT = Path(__file__).parents[2]
FLOW = yaml.safe_load((ROOT / ".github/workflows/tests.yml").read_text(encoding="utf-8"))
TARGETS = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.M))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def commands(job: str) -> list[str]:
    return [line for step in FLOW["jobs"][job]["steps"] for line in step.get("run", "").splitlines()]


def versions(job: str) -> list[str]:
    """The Pythons of a job, from its matrix or its one step."""
    found = FLOW["jobs"][job].get("strategy", {}).get("matrix", {}).get("python")
    steps = [step for step in FLOW["jobs"][job]["steps"] if "setup-python" in step.get("uses", "")]
    assert len(steps) == 1
    return found or [steps[0]["with"]["python-version"]]


@pytest.mark.parametrize("job", FLOW["jobs"])
def test_every_command_is_a_target(job: str) -> None:
    assert commands(job) and FLOW["jobs"][job]["timeout-minutes"] <= 60
    for command in commands(job):
        program, target, *settings = shlex.split(command)
        assert program == "make" and target in TARGETS, command
        assert all(re.fullmatch(r"(PYTHON|ARGS)=.+", word) for word in settings)


def test_it_runs_where_users_are() -> None:
    assert {command.split()[1] for command in commands("linux")} == {"lint", "test"}
    assert {command.split()[1] for command in commands("macos")} == {"coretest"}
    assert {command.split()[1] for command in commands("package")} == {"dist"}
    assert versions("linux") == ["3.11", "3.13"]  # strings: 3.10 as a number would be 3.1
    classified = {line.rpartition(" ")[2] for line in PROJECT["classifiers"] if re.search(r":: 3\.\d+$", line)}
    assert all(isinstance(v, str) and v in classified for job in FLOW["jobs"] for v in versions(job))


def test_the_local_gate_is_the_same() -> None:
    gate = (ROOT / ".ci/run").read_text(encoding="utf-8")
    assert set(re.findall(r"^make (\w+)", gate, flags=re.M)) == {"lint", "test"}


def test_make_knows_what_each_target_would_do() -> None:
    for target in ("coretest", "dist"):
        done = subprocess.run(["make", "--dry-run", target], cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert {"coretest": "not network and not animation", "dist": "-m build"}[target] in done.stdout
