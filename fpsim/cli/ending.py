"""How a command ends: with a result, with one sentence, or interrupted; never with a traceback."""

from __future__ import annotations

import os
import sys
import warnings
from typing import Any

from fpsim.cli import asked
from fpsim.cli.interrupting import kept

WRONG_INPUT = 2
OUR_FAULT = 70  # as sysexits.h has it: an internal software error
INTERRUPTED = 130
EXPECTED = (ValueError, TypeError, OSError, ArithmeticError, MemoryError, ModuleNotFoundError)


def main() -> None:
    """Entry point: run a command and leave with its exit code."""
    sys.exit(_code())


def _code() -> int:
    try:
        from fpsim.cli.app import command

        warnings.showwarning = _one_line
        given, group = _arguments(asked.without_switches(sys.argv[1:])), command()
        code = group(given, prog_name="fpsim", standalone_mode=False, default_map=asked.repeated(group))
    except KeyboardInterrupt:
        code = INTERRUPTED
    except BrokenPipeError:  # the reader of a pipe has gone: nobody listens any more
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        if os.environ.get("FPSIM_TRACEBACK") or asked.verbose():
            raise
        return _explained(error)
    if code == INTERRUPTED:
        print(f"\nfpsim: interrupted; {kept()}", file=sys.stderr)
    return code if isinstance(code, int) else 0


def _arguments(given: list[str]) -> list[str]:
    """Formulas and numbers may begin with a minus; a blank in front keeps them from being read as options."""
    return [f" {text}" if text[:1] == "-" and text[:2] not in ("--", "-") else text for text in given]


def _explained(error: Exception) -> int:
    """One sentence about an error; its exit code."""
    message = getattr(error, "format_message", None)
    if message is not None:  # of the parser of the command line
        text = str(message()) or str(error)
        if type(error).__name__ == "NoArgsIsHelpError":
            print(text)
            return WRONG_INPUT
        return _said(f"{_sentence(text)}{_possible(error)}", WRONG_INPUT)
    text = " ".join(str(error).split())
    if isinstance(error, EXPECTED):
        return _said(text or f"{type(error).__name__} without a word", WRONG_INPUT)
    kind = type(error).__name__
    return _said(
        f"this is a fault of fpsim and not of your input ({kind}: {text}); please report it with the command you gave "
        "and what FPSIM_TRACEBACK=1 in front of it prints",
        OUR_FAULT,
    )


def _sentence(text: str) -> str:
    text = " ".join(text.split()).rstrip(".")
    return text[:1].lower() + text[1:]


def _possible(error: Exception) -> str:
    """What is missing, or names near to the one that was mistyped, where the message does not say so already."""
    if type(error).__name__ == "MissingParameter":
        told = getattr(getattr(error, "param", None), "help", None)
        return f": {_sentence(told)}" if told else ""
    near = list(getattr(error, "possibilities", None) or ())
    if not near or "did you mean" in str(error).lower() or "did you mean" in str(getattr(error, "message", "")).lower():
        return ""
    shown = error.format_message().lower()  # type: ignore[attr-defined]
    return "" if "did you mean" in shown or "possible options" in shown else f"; did you mean {near[0]}?"


def _said(text: str, code: int) -> int:
    print(f"fpsim: {text}", file=sys.stderr)
    return code


def _one_line(message: Any, *_: Any, **__: Any) -> None:
    """Warnings as people can read them."""
    asked.note(" ".join(str(message).split()))
