"""A landscape of one's own from a Python file, FILE.py:NAME; the file is run, as ``python FILE.py`` would."""

from __future__ import annotations

import importlib.util
import re
import sys
import traceback
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any


def landscape(
    text: str, parameters: Mapping[str, float], variables: str | None, bounds: str | None, walled: bool = False
) -> Any:
    """As :func:`fpsim.words.landscape`, or what NAME of a Python file is or returns, given the ``parameters``."""
    from fpsim import words

    if text.strip().endswith(".py"):
        raise ValueError(f"{text} is a whole file; name what it holds as FILE.py:NAME, a function or a landscape")
    if not is_program(text):
        return words.landscape(text, parameters, variables, bounds, walled)
    if variables is not None or (bounds is not None and not walled):
        raise ValueError("--variables and --bounds belong to formulas; a landscape from a file has its own")
    return _landscape(made(text, parameters), text)


def is_program(text: str) -> bool:
    """Whether the text is FILE.py:NAME."""
    return re.fullmatch(r".+\.py:\w+", text.strip()) is not None


def made(text: str, parameters: Mapping[str, float] | None = None) -> Any:
    """What NAME of FILE.py is or, if it can be called, returns.

    Raises:
        ValueError: if there is no such file or name, or the file ends with an error; where is said.
    """
    if not is_program(text):
        raise ValueError(f"'{text}' must be FILE.py:NAME, what a Python file holds, such as mine.py:make")
    file, _, name = text.strip().rpartition(":")
    path = Path(file).expanduser().resolve()
    if not path.is_file():
        raise ValueError(f"there is no file '{file}'; {text} must be FILE.py:NAME, a function or a landscape in a file")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(path.parent))
    try:
        spec.loader.exec_module(module)
        found = getattr(module, name, None)
        if found is None:
            raise ValueError(f"{file} has no '{name}'; it has {', '.join(_public(module)) or 'no public name'}")
        return found(**(parameters or {})) if callable(found) else found
    except Exception as error:
        ours = [part for part in traceback.extract_tb(error.__traceback__) if Path(part.filename) == path]
        if not ours:
            raise
        raise ValueError(f"{file}, line {ours[-1].lineno}: {type(error).__name__}: {error}") from error
    finally:
        sys.path.remove(str(path.parent))


def _landscape(found: Any, text: str) -> Any:
    from landscapes.field import Field

    if not isinstance(found, Field):
        raise ValueError(f"{text} must be or return a landscape or a drift field; it gives {type(found).__name__}")
    return found


def _public(module: Any) -> list[str]:
    return [name for name, one in vars(module).items() if name[0] != "_" and not isinstance(one, ModuleType)]
