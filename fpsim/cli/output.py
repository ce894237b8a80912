"""What a command leaves behind: files that are known to be writable beforehand, and a bar that shows how far it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fpsim.cli import asked
from landscapes.progress import bar, in_terminal

PICTURES = (".png", ".svg", ".pdf")


@contextmanager
def progress_bar(quiet: bool) -> Iterator[Callable[..., None]]:
    """A progress bar on standard error; silent for --json, --quiet and where nobody watches, unless --verbose."""
    if quiet or asked.quiet() or not (in_terminal() or asked.verbose()):
        yield lambda share, name="", words="": None
        return
    with bar() as told:
        yield told


def check_file(output: Path | None, *more: str, only: tuple[str, ...] = ()) -> None:
    """Refuse, before any work, a file that could not be written; ``more`` endings than pictures, or ``only`` these."""
    if output is None:
        return
    endings = only or (*PICTURES, *more)
    if output.is_dir():
        raise ValueError(f"cannot write '{output}': it is a folder; name a file in it")
    if output.suffix not in endings:
        raise ValueError(f"cannot write '{output}': its ending must be {' or '.join(endings)}")
    if not output.parent.is_dir():
        raise ValueError(f"cannot write '{output}': the folder '{output.parent}' does not exist; create it first")
    _try_writing(output)


def check_folder(output: Path) -> None:
    """Make a folder for results, or refuse, before any work, one that could not be written to."""
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(f"cannot make the folder '{output}': {error.strerror or error}; choose another") from None
    _try_writing(output / "fpsim.part", output)


def _try_writing(file: Path, shown: Path | None = None) -> None:
    """Open a neighbour of ``file``, and the file itself if it is there, as the end of the work will."""
    part = file.with_name(file.name + ".part")
    try:
        if file.exists():
            with file.open("ab"):
                pass
        with part.open("wb"):
            pass
        part.unlink()
    except OSError as error:
        raise ValueError(f"cannot write '{shown or file}': {error.strerror or error}; choose another place") from None


def write(found: Any, output: Path | None, draw: Callable[[], Any] | None = None) -> None:
    """A result as a picture (its own, unless ``draw`` makes it), JSON or netCDF, by the file's ending."""
    if output is None:
        return
    if output.suffix in PICTURES:
        (draw or found.plot)().savefig(output)
    else:
        found.save(output)
    asked.wrote(output)
