"""What a measurement rests on: the module of the function that made it, and all that this imports of the project.

Imports inside functions count, those for types do not; nor does what only draws or talks to the user.  Where modules
stand in a table as words, to be loaded when they are wanted, each of them counts; those of a package's own table do if
more is taken from it than a name like ``__version__``.  Data files count for the modules that name them.
"""

from __future__ import annotations

import ast
import hashlib
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

from fpsim import __version__

HOME = Path(__file__).parents[2]
PACKAGES = ("landscapes", "fpsim", "validation")
APART = ("fpsim.plotting", "fpsim.cli", "landscapes.look", "landscapes.picture")
"""Modules that compute nothing: colours, figures, words of the command line."""
LOADS_RESULTS = "fpsim.storage"
"""Its table says which module each kind of stored result lives in: no measurement rests on all of them."""
WORDS = re.compile(rf"({'|'.join(PACKAGES)})(\.\w+)+(:\w+)?")
ALL, WORD = "*", "a word of a package's table"


@dataclass(frozen=True)
class Module:
    """A source file and the name under which it is imported."""

    name: str
    file: Path

    @property
    def package(self) -> list[str]:
        """What its relative imports start from, part by part."""
        parts = self.name.split(".")
        return parts if self.file.name == "__init__.py" else parts[:-1]

    def near(self, name: str) -> Module | None:
        """The module of that name, if it belongs to the project or to this module's own package or folder."""
        parts, own = name.split("."), self.package
        if parts[0] not in PACKAGES and own[:1] not in ([], parts[:1]):
            return None
        base = (HOME if parts[0] in PACKAGES else self.file.parents[len(own)]).joinpath(*parts)
        found = (file for file in (base.with_suffix(".py"), base / "__init__.py") if file.is_file())
        return next((Module(name, file) for file in found), None)


def stamp(*functions: Callable[..., Any]) -> str:
    """A checksum of the version and of every file that the functions rest on."""
    total = hashlib.sha256(__version__.encode())
    for file in dict.fromkeys(file for function in functions for file in sources(function)):
        total.update(file.name.encode() + _content(file))
    return total.hexdigest()


def sources(make: Callable[..., Any]) -> tuple[Path, ...]:
    """The files that a function rests on, its own first.

    Raises:
        ValueError: for a function that stands in no file.
    """
    while isinstance(make, partial):
        make = make.func
    file = getattr(sys.modules.get(make.__module__), "__file__", None)
    if file is None:
        raise ValueError(f"a piece is known by the code that makes it, which must stand in a file; got {make!r}")
    under_the_roof = make.__module__.removeprefix("fpsim.")
    ours = under_the_roof.startswith(("landscapes.", "validation."))
    return _closure(Module(under_the_roof if ours else make.__module__, Path(file)))


@cache
def _closure(start: Module) -> tuple[Path, ...]:
    found, waiting = {start.name: start.file}, [start]
    while waiting:
        for module in _imported(waiting.pop()):
            if module.name not in found and not module.name.startswith(APART):
                found[module.name] = module.file
                waiting.append(module)
    named = set().union(*(re.findall(r'"([\w-]+\.(?:nc|npz))"', _content(f).decode()) for f in found.values()))
    kept = (file for package in PACKAGES for file in sorted((HOME / package / "data").glob("*")) if file.name in named)
    return (*(found[name] for name in (start.name, *sorted(found.keys() - {start.name}))), *kept)


def _imported(module: Module) -> Iterator[Module]:
    """The modules near it that it imports."""
    for target, name in _statements(module):
        if name == WORD:
            continue
        place, part = module.near(target), module.near(f"{target}.{name}") if name else None
        homes: list[str] = []
        if place is not None and part is None and place.file.name == "__init__.py":
            if name == ALL:
                homes = [f"{target}.{file.stem}" for file in sorted(place.file.parent.glob("*.py"))]
            elif not (name or "").startswith("__"):
                homes = [home for home, taken in _statements(place) if taken == WORD]
        yield from (one for one in (part or place, *map(module.near, homes)) if one is not None)


@cache
def _statements(module: Module) -> tuple[tuple[str, str | None], ...]:
    """Every import that can run: the module, and the name that is taken from it.

    None stands for the module itself, `ALL` for it or, if it is a package, all that lies in it, `WORD` for what counts
    only where something is taken from the package.
    """
    found: list[tuple[str, str | None]] = []
    word = WORD if module.file.name == "__init__.py" else ALL
    waiting: list[ast.AST] = [ast.parse(_content(module.file))]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            waiting += node.orelse
            continue
        if isinstance(node, ast.Import):
            found += [(alias.name, None) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = module.package[: len(module.package) - node.level + 1] if node.level else []
            target = ".".join([*above, *([node.module] if node.module else [])])
            found += [(target, alias.name) for alias in node.names]
        elif isinstance(node, ast.Constant) and WORDS.fullmatch(str(node.value)) and module.name != LOADS_RESULTS:
            found.append((str(node.value).partition(":")[0], word))
        waiting += ast.iter_child_nodes(node)
    return tuple(found)


@cache
def _content(file: Path) -> bytes:
    """As it was when it was first asked for: a file that changes during a run has not made what the run makes."""
    return file.read_bytes()
