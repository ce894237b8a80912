"""The documentation site, as far as it can be held without building it (`make docs` does that)."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from types import ModuleType

import fpsim
import landscapes
from animations.catalogue import FILMS
from fpsim import statistics
from validation import EXPERIMENTS

DOCS = Path(__file__).parents[2] / "docs"
PAGES = {path.stem for path in (*DOCS.glob("*.md"), *DOCS.glob("*.rst"))}


def test_the_reference_lists_every_public_name_once() -> None:
    listed: dict[str, list[str]] = {}
    module = ""
    for line in (DOCS / "reference.rst").read_text(encoding="utf-8").splitlines():
        if line.startswith(".. currentmodule:: "):
            module = line.split()[-1]
        elif re.fullmatch(r"   \w+", line):
            listed.setdefault(module, []).append(line.strip())
    rooms = {name for name in fpsim.__all__ if isinstance(getattr(fpsim, name), ModuleType)}
    assert sorted(listed["fpsim"]) == sorted(set(fpsim.__all__) - rooms - {"__version__"})
    assert sorted(listed["landscapes"]) == sorted(landscapes.__all__)
    assert sorted(listed["fpsim.statistics"]) == sorted(statistics.__all__)


def test_every_page_is_reached_from_the_first_one() -> None:
    reached, left = set(), ["index"]
    while left:
        page = left.pop()
        reached.add(page)
        (text,) = (
            path.read_text(encoding="utf-8") for path in DOCS.glob(f"{page}.*") if path.suffix in (".md", ".rst")
        )
        for tree in re.findall(r"```\{toctree\}\n(.*?)```", text, flags=re.S):
            named = set(re.findall(r"^(?:[\w ]+<)?([\w-]+)>?$", tree, flags=re.MULTILINE))
            left += sorted(named - reached)
    assert reached == PAGES


def test_pages_link_to_what_is_there() -> None:
    for path in DOCS.glob("*.md"):
        text = path.read_text(encoding="utf-8")
        for target in re.findall(r"\]\((?!https?:)([^)#\s]+)", text):
            assert target.startswith("gallery/") or (DOCS / target).is_file(), f"{path.name} links to {target}"


def test_every_example_has_a_picture_in_the_gallery() -> None:
    cells = tomllib.loads((DOCS / "gallery.toml").read_text(encoding="utf-8"))
    programs = {path.stem[:4] for path in (DOCS.parent / "examples").glob("ex*.py")}
    assert set(cells) == programs and all(set(cell) == {"says", "draws"} for cell in cells.values())


def test_every_picture_is_made_by_a_program_of_the_repository() -> None:
    made = tomllib.loads((DOCS / "pictures.toml").read_text(encoding="utf-8"))
    assert set(made) == {path.name for kind in ("*.png", "*.gif", "*.svg") for path in DOCS.glob(kind)}
    for picture, how in made.items():
        words = how.split()
        if words[0] == "fpsim":
            assert words[2] in {"animate": FILMS, "validate": EXPERIMENTS}[words[1]], how
        elif words[0] == "python":
            assert (DOCS.parent / words[1]).is_file(), how
        elif words[0] == "make":
            assert f"\n{words[1]}: " in (DOCS.parent / "Makefile").read_text(encoding="utf-8"), how
        else:
            assert f'savefig("{picture}"' in (DOCS.parent / how).read_text(encoding="utf-8"), how
