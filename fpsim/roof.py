"""Everything under one roof: ``fpsim.landscapes``, ``fpsim.validation``, ``fpsim.animations``.

These are the packages `landscapes`, `validation` and `animations` that are installed beside fpsim, under names that a
user's own files cannot take. Python searches a script's folder first, so that a ``landscapes.py`` in it hides ours from
everybody, fpsim included. Then ours is loaded from where it lies, as ``fpsim.landscapes`` only, and the import
statements inside the four packages mean it; the user's own file keeps its name for all others.
"""

from __future__ import annotations

import builtins
import importlib.util
import os
import sys
import warnings
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from typing import Any

PARTS = ("landscapes", "validation", "animations")
HOME = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))


def hidden_parts() -> dict[str, str]:
    """Which of our packages a file of another's hides: name -> that file."""
    found = {}
    for part in PARTS:
        ours = os.path.join(HOME, part, "__init__.py")
        other = _file_of(part)
        if os.path.isfile(ours) and other and os.path.realpath(other) != ours:
            found[part] = other
    return found


def _file_of(name: str) -> str | None:
    """The file that ``import name`` gives."""
    if name in sys.modules:
        return getattr(sys.modules[name], "__file__", None)
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        return None
    return spec.origin if spec and spec.has_location else None


def build() -> None:
    """Put the roof up: called once, when fpsim is imported."""
    hidden = hidden_parts()
    sys.meta_path.insert(0, _Roof(frozenset(hidden)))
    for part, file in hidden.items():
        warnings.warn(
            f"{file} hides the package '{part}' that comes with fpsim: 'import {part}' gives that file here; write "
            f"'from fpsim import {part}' for ours, or rename the file",
            UserWarning,
            stacklevel=3,
        )


class _Roof(MetaPathFinder):
    """Finds ``fpsim.<part>``; where a part is hidden, also lets our modules find it."""

    def __init__(self, hidden: frozenset[str]) -> None:
        self.hidden = hidden

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        """The spec of a module of ours that the ordinary finders would not get right; None for all others."""
        head, _, rest = fullname.partition(".")
        part = rest.partition(".")[0]
        if head == "fpsim" and part in PARTS:
            return self._own(fullname, rest) if part in self.hidden else _alias(fullname, rest)
        if not self.hidden or not (head == "fpsim" or (head in PARTS and head not in self.hidden)):
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and isinstance(spec.loader, SourceFileLoader):
            spec.loader = _Inside(spec.loader.name, spec.loader.path, self.hidden)
        return spec

    def _own(self, fullname: str, rest: str) -> ModuleSpec | None:
        place = os.path.join(HOME, *rest.split("."))
        folder = os.path.join(place, "__init__.py")
        file = folder if os.path.isfile(folder) else place + ".py"
        if not os.path.isfile(file):
            return None
        inside = _Inside(fullname, file, self.hidden)
        places = [place] if file == folder else None
        return importlib.util.spec_from_file_location(fullname, file, loader=inside, submodule_search_locations=places)


def _alias(fullname: str, real: str) -> ModuleSpec | None:
    """A second name of a module that nobody hides."""
    spec = importlib.util.find_spec(real)
    if spec is None:
        return None
    return ModuleSpec(fullname, _Alias(real), is_package=spec.submodule_search_locations is not None)


class _Alias(Loader):
    """Answers with the module itself, which keeps its own name."""

    def __init__(self, real: str) -> None:
        self.real = real
        self.spec: Any = None

    def create_module(self, spec: ModuleSpec) -> Any:
        """The module of the real name."""
        module = import_module(self.real)
        self.spec = module.__spec__
        return module

    def exec_module(self, module: Any) -> None:
        """Nothing to run; the import system had given the module the alias's spec."""
        module.__spec__ = self.spec


class _Inside(SourceFileLoader):
    """Loads a module of ours whose imports of hidden parts mean ours."""

    def __init__(self, name: str, path: str, hidden: frozenset[str]) -> None:
        super().__init__(name, path)
        self.hidden = hidden

    def exec_module(self, module: Any) -> None:
        """Run it; import statements call the ``__import__`` of the module's own builtins."""
        module.__dict__["__builtins__"] = {**vars(builtins), "__import__": self._import}
        super().exec_module(module)

    def _import(self, name: str, globals: Any = None, locals: Any = None, fromlist: Any = (), level: int = 0) -> Any:
        head = name.partition(".")[0]
        if level or head not in self.hidden:
            return builtins.__import__(name, globals, locals, fromlist, level)
        if fromlist:
            return builtins.__import__(f"fpsim.{name}", globals, locals, fromlist, 0)
        import_module(f"fpsim.{name}")
        return sys.modules[f"fpsim.{head}"]  # what "import landscapes.catalogue.wells" binds
