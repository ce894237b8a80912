"""What the README and the pages in docs show works: Python blocks run, commands exit with 0."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

README = Path(__file__).parents[2] / "README.md"
TEXT = README.read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", TEXT, flags=re.S)


def commands() -> list[str]:
    lines = [line for block in blocks("sh") for line in block.splitlines()]
    # the studies and films have tests of their own at smaller sizes
    slow = ("fpsim validate", "fpsim animate")
    return [line for line in lines if line.startswith("fpsim ") and not line.startswith(slow)]


def test_the_first_screen_names_both_commands() -> None:
    first_screen = TEXT[:2000]
    assert "make demo" in first_screen and "make test" in first_screen


def test_python_blocks_run(tmp_path: Path) -> None:
    program = "\n".join(blocks("python"))
    assert len(blocks("python")) >= 3
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert "66.2686263" in done.stdout  # the exact mean of the first example


@pytest.mark.parametrize("command", commands())
def test_commands_run(command: str, tmp_path: Path) -> None:
    words = shlex.split(command)[1:]
    if words[0] == "escape":
        words += ["--paths", "1000"]
    if words[0] == "sweep":
        (tmp_path / words[1]).parent.mkdir(parents=True)
        shutil.copy(README.parent / words[1], tmp_path / words[1])
    done = subprocess.run(
        [sys.executable, "-m", "fpsim.cli", *words], cwd=tmp_path, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    if "--output" in words:
        written = tmp_path / words[words.index("--output") + 1]
        assert written.stat().st_size > 1000


def pages() -> list[object]:
    """The pages in docs that hold programs; those that need torch are marked."""
    torch = {path.name for path in (README.parent / "docs").glob("*.md") if "import torch" in path.read_text()}
    names = sorted(path.name for path in (README.parent / "docs").glob("*.md") if "```python" in path.read_text())
    return [pytest.param(name, marks=pytest.mark.network) if name in torch else name for name in names]


@pytest.mark.parametrize("page", pages())
def test_blocks_of_the_pages_print_what_their_comments_say(page: str, tmp_path: Path) -> None:
    if page == "own-network.md":
        pytest.importorskip("torch", reason="torch (extra `network`) is not installed")
    program = "\n".join(re.findall(r"```python\n(.*?)```", (README.parent / "docs" / page).read_text(), flags=re.S))
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    promised = [number for comment in re.findall(r"#(.*)", program) for number in re.findall(r"\d+\.\d+", comment)]
    assert promised
    for number in promised:
        assert number in done.stdout, f"{number} is promised in a comment and not printed"


def commands_of_pages() -> list[tuple[str, str]]:
    """Every ``fpsim ...`` of README and docs, in blocks of any language but Python and inline where it has options."""
    found = []
    for page in (README, *sorted((README.parent / "docs").glob("*.md"))):
        text = page.read_text(encoding="utf-8").replace("\\\n", " ")
        for language, block in re.findall(r"^```([^\n]*)\n(.*?)^```$", text, flags=re.S | re.M):
            if language not in ("python", "py"):
                found += [(page.name, line) for line in block.splitlines() if re.match("fpsim [a-z]", line)]
        prose = re.sub(r"^```.*?^```$", "", text, flags=re.S | re.M)
        inline = re.findall(r"`(fpsim [a-z]+ [^`]*--[^`]*)`", prose)
        found += [(page.name, " ".join(line.split())) for line in inline]
    return found


def test_every_command_of_the_pages_has_the_options_that_it_is_given() -> None:
    """Read as they stand, not run; those of the README are run above."""
    import typer.main

    from fpsim.cli.app import app

    program = typer.main.get_command(app)
    assert len(commands_of_pages()) > 40
    for page, line in commands_of_pages():
        words = shlex.split(line, comments=True)[1:]
        try:
            program.commands[words[0]].make_context(words[0], words[1:])  # type: ignore[attr-defined]
        except Exception as error:
            raise AssertionError(f"{page}: {line}: {error}") from error


def test_installation_names_every_extra_and_every_system() -> None:
    import tomllib

    section = (README.parent / "docs" / "start.md").read_text().split("\n## ")[0]
    extras = tomllib.loads((README.parent / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert set(re.findall(r"-e '\.\[(\w+)\]'", section)) == set(extras) - {"docs", "dev"}
    for word in ("PowerShell", "macOS", "constraints.txt", "another project", ".venv\\Scripts\\python"):
        assert word in section
    assert "pip install fpsim" not in TEXT
    assert (README.parent / "constraints.txt").is_file()


def test_pictures_exist() -> None:
    for name in re.findall(r"!\[[^\]]*\]\(([^)]+)\)", TEXT):
        assert (README.parent / name).is_file(), name


def test_nothing_was_left_to_fill_in() -> None:
    assert not re.findall(r"\b[A-Z]+_TABLE\b|TODO|FIXME", TEXT)
