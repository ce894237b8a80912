"""The numbered programs in examples/: each asserts a number that is known by other means, and leaves nothing behind."""

import ast
import re
import runpy
from pathlib import Path

import pytest

HOME = Path(__file__).parents[2] / "examples"
PROGRAMS = sorted(HOME.glob("*.py"))


def marked(program: Path) -> object:
    """The program, marked where it needs torch."""
    torch = "import torch" in program.read_text(encoding="utf-8")
    return pytest.param(program, marks=pytest.mark.network if torch else (), id=program.stem)


@pytest.mark.parametrize("program", map(marked, PROGRAMS))
def test_it_answers_its_question(program: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    if "import torch" in program.read_text(encoding="utf-8"):
        pytest.importorskip("torch", reason="needs torch (extra `network`)")
    monkeypatch.chdir(tmp_path)
    runpy.run_path(str(program), run_name="__main__")
    assert capsys.readouterr().out.strip(), "it prints its answer"
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.stem)
def test_it_is_short_and_asks_and_asserts(program: Path) -> None:
    text = program.read_text(encoding="utf-8")
    tree = ast.parse(text)
    question, blank, *_ = (ast.get_docstring(tree) or "").splitlines()
    assert question.endswith("?") and not blank and 15 <= len(text.splitlines()) <= 60
    assert any(isinstance(node, ast.Assert) for node in ast.walk(tree))


def test_they_are_numbered_and_their_page_names_each_with_its_question() -> None:
    assert [program.stem[:4] for program in PROGRAMS] == [f"ex{n:02}" for n in range(1, len(PROGRAMS) + 1)]
    page = (HOME / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"\[(ex\d\d)\]\((\w+\.py)\) \| (.*?) \|", page)
    assert [HOME / file for _, file, _ in rows] == PROGRAMS
    for (name, file, question), program in zip(rows, PROGRAMS, strict=True):
        assert program.stem.startswith(name) and file.endswith(program.name)
        assert program.read_text(encoding="utf-8").startswith(f'"""{question}\n')
