"""What a result is found again by: a checksum of everything that it depends on.

key = sha256(function, its file, parameters, seed, part, version and source of fpsim)
"""

from __future__ import annotations

import hashlib
import inspect
import json
from collections.abc import Callable
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any

from fpsim.sweeps.design import Point

SOURCES = ("fpsim", "landscapes")
"""Packages of the project that results of sweeps rest on."""
DRAWING = ("plotting", "cli", "sweeps")
"""Folders of them that no number rests on."""


def name_of(function: Any) -> str:
    """``module:function``, by which every worker finds the function.

    Raises:
        TypeError: for what cannot be found by a name: lambdas, inner functions, bound arguments.
    """
    module, name = getattr(function, "__module__", None), getattr(function, "__qualname__", "<nameless>")
    if not callable(function) or not module or "<" in name:
        raise TypeError(
            f"the function of a sweep must be found by its name: a def at the top of a file; got {function!r:.80}. "
            "What a partial or a lambda would bind goes into the parameters"
        )
    return f"{module}:{name}"


def found(name: str) -> Callable[..., Any]:
    """The function with this ``module:function`` name; ``ValueError`` if there is none."""
    module, _, path = name.partition(":")
    try:
        here: Any = import_module(module)
        for part in path.split("."):
            here = getattr(here, part)
    except (ImportError, AttributeError, ValueError) as error:
        raise ValueError(f"there is no function '{name}' to sweep ({error}); give it as module:function") from None
    if not callable(here):
        raise ValueError(f"'{name}' is no function but {here!r:.60}; give module:function")
    return here


def code_of(function: Callable[..., Any]) -> str:
    """Checksum of the file that the function is in, and of what fpsim computes with."""
    try:
        file = inspect.getsourcefile(inspect.unwrap(function))
        own = Path(file).read_bytes() if file else b""
    except (TypeError, OSError):  # compiled, or typed into a terminal
        own = getattr(getattr(function, "__code__", None), "co_code", b"")
    return hashlib.sha256(own + library_code().encode()).hexdigest()[:16]


@lru_cache(maxsize=1)
def library_code() -> str:
    """Version of fpsim and a checksum of its source."""
    from fpsim import __version__

    home, total = Path(__file__).parents[2], hashlib.sha256(__version__.encode())
    for package in SOURCES:
        for file in sorted((home / package).rglob("*.py")):
            if file.relative_to(home / package).parts[0] not in DRAWING:
                total.update(file.relative_to(home).as_posix().encode() + file.read_bytes())
    return total.hexdigest()


_in_order = json.JSONEncoder(sort_keys=True, allow_nan=False).encode


def words_of(point: Point) -> str:
    """A point as text, the same for the same values: names in order, numbers with all their digits."""
    return _in_order(point)


def key_of(function: str, code: str, words: str, seed: int | None, part: int) -> bytes:
    """The key, 16 bytes."""
    return hashlib.sha256(json.dumps([function, code, words, seed, part]).encode()).digest()[:16]


def stream_of(words: str, seed: int, part: int) -> int:
    """The seed that the function is given at a point: its own for every point, seed and part."""
    text = json.dumps([words, seed, part])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:6], "big")
