"""What every command has alike: completion, --quiet and --verbose, options from a file; doctor and cite."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import fpsim
from fpsim.papers import bibtex, entries
from fpsim.route import ROUTES
from fpsim.routes.route import route

ROOT = Path(__file__).parents[2]


def run(*words: str, cwd: Path | None = None, **variables: str) -> subprocess.CompletedProcess[str]:
    """A command in a fresh process."""
    surroundings = {**os.environ, **variables}
    for name in ("FPSIM_QUIET", "FPSIM_VERBOSE", "FPSIM_CONFIG"):
        if name not in variables:
            surroundings.pop(name, None)
    return subprocess.run(
        [sys.executable, "-m", "fpsim.cli", *words], capture_output=True, text=True, cwd=cwd, env=surroundings,
        timeout=120,
    )  # fmt: skip


OFFERED = {
    "es": "escape",
    "animate kra": "kramers",
    "cite gr": "grid",
    "escape mue": "mueller-brown",
    "validate sharp-": "sharp-flat",
}


@pytest.mark.parametrize(("begun", "offered"), OFFERED.items())
def test_the_shell_is_offered_names(begun: str, offered: str, command: Any) -> None:
    words = f"fpsim {begun}"
    found = command(_FPSIM_COMPLETE="complete_bash", COMP_WORDS=words, COMP_CWORD=str(len(words.split()) - 1))
    assert offered in found.stdout.split()


ESCAPE = ("landscape", "double-well", "--output", "found.png")


def test_quiet_leaves_only_the_answer(tmp_path: Path, command: Any) -> None:
    loud, silent = command(*ESCAPE, cwd=tmp_path), command(*ESCAPE, "--quiet", cwd=tmp_path)
    assert "wrote found.png" in loud.stderr and silent.stderr == ""
    assert silent.stdout == loud.stdout


def test_verbose_shows_the_traceback_and_quiet_still_says_what_is_wrong() -> None:
    wrong = ("escape", "double-well", "--temperature", "-1")
    assert "Traceback" in run("--verbose", *wrong).stderr
    said = run(*wrong, "--quiet")
    assert said.returncode == 2 and "positive" in said.stderr and "Traceback" not in said.stderr
    assert "contradict" in run(*wrong, "--quiet", "--verbose").stderr


def test_a_file_holds_options_that_one_repeats(tmp_path: Path, command: Any) -> None:
    (tmp_path / "fpsim.toml").write_text("[density]\ntemperature = 0.25\ncells = 40\n")
    words = ("density", "double-well", "--json")
    from_file = command(*words, cwd=tmp_path)
    said = command(*words, "--temperature", "0.25", "--cells", "40")
    assert from_file.returncode == 0 and from_file.stdout == said.stdout
    assert "come from fpsim.toml" in from_file.stderr
    assert command(*words, "--temperature", "0.5", cwd=tmp_path).stdout != said.stdout  # the command line goes before


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('[escap]\nnoise = "hessian"', "which is no command; did you mean escape?"),
        ('[escape]\nnose = "hessian"', "escape has no option --nose; did you mean --noise?"),
        ("escape = 3", "must be a table, [escape]"),
        ("[escape", "cannot read options"),
    ],
)
def test_a_wrong_file_is_one_sentence(text: str, sentence: str, tmp_path: Path, command: Any) -> None:
    (tmp_path / "fpsim.toml").write_text(text)
    found = command("escape", "double-well", cwd=tmp_path)
    assert found.returncode == 2 and sentence in found.stderr and "Traceback" not in found.stderr


def test_a_named_file_that_is_missing(command: Any) -> None:
    assert "there is no such file" in command("escape", "double-well", FPSIM_CONFIG="/nowhere/x.toml").stderr


def test_doctor_says_what_there_is(tmp_path: Path, command: Any) -> None:
    found = command("doctor", FPSIM_CACHE_DIR=str(tmp_path))
    assert found.returncode == 0, found.stdout
    assert f"fpsim {fpsim.__version__}" in found.stdout and str(tmp_path) in found.stdout
    for package in ("numpy", "scipy", "numba"):
        assert re.search(rf"^ok +{package} ", found.stdout, re.MULTILINE)


def test_doctor_names_what_is_missing(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    import typer

    from fpsim.cli import doctor

    monkeypatch.setattr(doctor, "NEEDED", ("numpy", "no-such-package"))
    monkeypatch.setattr(doctor, "EXTRAS", {"moon": ("no_such_module", "dust")})
    with pytest.raises(typer.Exit):
        doctor.doctor()
    said = capsys.readouterr().out
    assert re.search("^FAILS no-such-package", said, re.MULTILINE) and "pip install 'fpsim-sgd[moon]'" in said


@pytest.mark.parametrize("name", ROUTES)
def test_every_route_names_papers_that_can_be_cited(name: str) -> None:
    one = route(name)
    assert one.papers and one.reference
    for key in one.papers:
        entry = entries()[key]
        assert entry.count("{") == entry.count("}") and "year = {" in entry
        surname = re.search(r"author = \{(\w+)", entry)
        assert surname is None or key.startswith(surname[1].lower()[:4])


def test_cite_prints_each_entry_once(command: Any) -> None:
    found = command("cite", "kramers", "quadrature").stdout
    assert found.count("@book{gardiner2004,") == 1 and "@article{kramers1940," in found and "@software{fpsim," in found
    assert "% kramers: Kramers, Physica 7 (1940) 284" in found
    assert "did you mean kramers?" in command("cite", "krammers").stderr


def test_an_entry_that_is_not_there() -> None:
    with pytest.raises(KeyError, match="nobody1900"):
        bibtex(["nobody1900"])


def test_the_version_stands_alike_in_what_is_cited() -> None:
    assert f"version = {{{fpsim.__version__}}}" in entries()["fpsim"]
    assert f"\nversion: {fpsim.__version__}\n" in (ROOT / "CITATION.cff").read_text()
