"""Pictures of the story that were made before, on disk: the first one is there before what computes is loaded.

One file for each step of the story, in the folder for what can be made again; each begins with a stamp of the source
and of the libraries that made it, and is made anew where that differs.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from fpsim.storage import cache_base

if TYPE_CHECKING:
    from fpsim.explore.settings import Settings

OWN = ("fpsim", "landscapes")
LIBRARIES = ("numpy", "scipy", "sympy", "numba")


class Kept:
    """What is remembered of the story from one start of the server to the next."""

    def read(self, settings: Settings) -> bytes | None:
        """The answer for a step of the story, if this very program made it."""
        try:
            stamp, _, answer = self._file(settings).read_bytes().partition(b"\n")
            json.loads(answer)
        except (OSError, KeyError, ValueError):
            return None
        return answer if stamp == self.stamp else None

    def write(self, settings: Settings, answer: bytes) -> None:
        """Keep the answer for a step of the story; others are not kept, and nothing is where nothing can be written."""
        try:
            file = self._file(settings)
            file.parent.mkdir(parents=True, exist_ok=True)
            whole = file.with_suffix(f".{os.getpid()}")
            whole.write_bytes(self.stamp + b"\n" + answer)
            whole.replace(file)
        except (OSError, KeyError):
            return

    def _file(self, settings: Settings) -> Path:
        return cache_base() / "explore" / f"{self._steps[settings]}.json"

    @cached_property
    def _steps(self) -> dict[Settings, str]:
        from fpsim.explore.presets import PRESETS

        return {preset.read(): preset.key for preset in PRESETS}

    @cached_property
    def stamp(self) -> bytes:
        """Of the names, sizes and times of the packages' files, and of the libraries' own."""
        found = hashlib.sha256(sys.version.encode())
        for folder in map(_home, OWN):
            for file in sorted(folder.rglob("*.*")):
                if file.suffix != ".pyc":
                    found.update(_seen(file))
        for name in LIBRARIES:
            found.update(_seen(_home(name) / "__init__.py"))
        return found.hexdigest().encode()


def _home(name: str) -> Path:
    """The folder of a package, which is not loaded for it."""
    spec = find_spec(name)
    assert spec is not None and spec.origin is not None
    return Path(spec.origin).parent


def _seen(file: Path) -> bytes:
    facts = file.stat()
    return f"{file} {facts.st_size} {facts.st_mtime_ns}".encode()
