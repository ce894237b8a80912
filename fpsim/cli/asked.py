"""What is asked of every command alike: ``--quiet`` and ``--verbose`` anywhere, and options repeated from a file.

``fpsim.toml`` in the working folder, or the file that ``$FPSIM_CONFIG`` names, holds options that one would repeat, in
a table for each command, named as on the command line:

    [escape]
    noise = "hessian"
    batch-size = 4

What the command line says goes before it.
"""

from __future__ import annotations

import difflib
import os
import sys
import tomllib
from pathlib import Path
from typing import Any

SWITCHES = {"--quiet": "FPSIM_QUIET", "--verbose": "FPSIM_VERBOSE"}
"""A switch and the variable of the environment that means the same."""


def without_switches(given: list[str]) -> list[str]:
    """The arguments but for the switches, which become variables of the environment."""
    end = given.index("--") if "--" in given else len(given)
    for switch, variable in SWITCHES.items():
        if switch in given[:end]:
            os.environ[variable] = "1"
    if quiet() and verbose():
        raise ValueError("--quiet and --verbose contradict each other; give one of them")
    return [text for place, text in enumerate(given) if place >= end or text not in SWITCHES]


def quiet() -> bool:
    """Whether standard error is to stay empty but for errors."""
    return bool(os.environ.get("FPSIM_QUIET"))


def verbose() -> bool:
    """Whether errors come with their traceback, and progress in lines where no terminal shows a bar."""
    return bool(os.environ.get("FPSIM_VERBOSE"))


def note(words: str) -> None:
    """A remark on standard error."""
    if not quiet():
        print(f"fpsim: note: {words}", file=sys.stderr)


def wrote(file: object) -> None:
    """Say on standard error which file was written."""
    if not quiet():
        print(f"wrote {file}", file=sys.stderr)


def repeated(command: Any) -> dict[str, Any]:
    """The options of the file for each command, by the names of their parameters; empty without a file.

    Args:
        command: the group of all commands.

    Raises:
        ValueError: if the file, a command or an option of it is not known.
    """
    named = os.environ.get("FPSIM_CONFIG")
    file = Path(named or "fpsim.toml")
    if not file.is_file():
        if named:
            raise ValueError(f"FPSIM_CONFIG names '{named}', and there is no such file; correct or unset it")
        return {}
    try:
        tables = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ValueError(f"cannot read options from {file}: {' '.join(str(error).split())}") from None
    note(f"options that the command line does not give come from {file}")
    return {name: _parameters(command, file, name, table) for name, table in tables.items()}


def _parameters(group: Any, file: Path, name: str, table: Any) -> dict[str, Any]:
    """One command's options by the names of their parameters."""
    if name not in group.commands:
        raise ValueError(f"{file} has options for '{name}', which is no command{_near(name, group.commands)}")
    if not isinstance(table, dict):
        raise ValueError(f"{file}: '{name}' must be a table, [{name}], of options; got {table!r}")
    known = {word: one for one in group.commands[name].params for word in one.opts if word.startswith("--")}
    found = {}
    for option, value in table.items():
        if f"--{option}" not in known:
            raise ValueError(f"{file}: {name} has no option --{option}{_near(f'--{option}', known)}")
        found[known[f"--{option}"].name] = value
    return found


def _near(word: str, known: Any) -> str:
    """The nearest of the known words, if one is near."""
    near = difflib.get_close_matches(word, list(known), n=1)
    return f"; did you mean {near[0]}?" if near else ""
