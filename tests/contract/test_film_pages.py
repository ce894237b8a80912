"""The page about films: its commands make films, its programs run, and its tables name all that there is."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from animations import catalogue
from animations.catalogue import FILMS, SIZES, Order, film_of, without_manim
from animations.film.clock import NAMED
from animations.film.encoding import FORMATS
from animations.film.languages import LANGUAGES
from animations.film.look import SCHEMES

PAGE = (Path(__file__).parents[2] / "docs" / "films.md").read_text(encoding="utf-8")
COMMANDS = [
    line for block in re.findall(r"```sh\n(.*?)```", PAGE, flags=re.S)
    for line in block.replace("\\\n", " ").splitlines()
]  # fmt: skip
PROGRAMS = re.findall(r"```python\n(.*?)```", PAGE, flags=re.S)

pytestmark = pytest.mark.skipif(bool(without_manim()), reason="needs manim")


@pytest.mark.animation
@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_describes_a_film(command: str, tmp_path, monkeypatch) -> None:
    """Everything up to the computation, which would take minutes."""
    from fpsim.cli.app import app

    films: list = []

    def described(order: Order, problem, path: Path, seed=0, report=None, **options):
        films.append((order, order.film(problem, seed, **options), path))
        return path, path.with_suffix(".nc")

    monkeypatch.setattr(catalogue, "animate", described)
    monkeypatch.chdir(tmp_path)
    program, *words = shlex.split(command)
    done = CliRunner().invoke(app, words, catch_exceptions=False)
    assert program == "fpsim" and done.exit_code == 0, done.output
    ((order, film, path),) = films
    assert isinstance(film, film_of(order.scene)) and path.suffix == f".{order.format}"
    assert film.frames == round(film.seconds * order.pace)


@pytest.mark.animation
@pytest.mark.parametrize("number", range(len(PROGRAMS)))
def test_a_program_runs(number: int, tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    exec(PROGRAMS[number], names)
    if "order" in names:
        assert names["film"].stat().st_size > 10_000 and names["data"].exists()
    else:
        strength = [float(word) for word in re.findall(r"[\d.]+", capsys.readouterr().out)]
        assert len(strength) == 6 and (strength[0], strength[-1]) == (0.3, 0.1)


def test_the_tables_name_all_there_is() -> None:
    named = set(re.findall(r"`([^`]*)`", PAGE))
    assert re.findall(r"^\| `([\w-]+)` \|", PAGE.partition("```")[0], flags=re.M) == list(FILMS)
    assert {*FILMS, *SIZES, *NAMED, *SCHEMES, *LANGUAGES, *FORMATS} <= named
