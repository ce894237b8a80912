"""``fpsim sweep STUDY.toml``: a sweep from a file; what is finished is never computed again."""

from __future__ import annotations

import json
import sys
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import typer

from fpsim.cli import asked
from fpsim.cli.interrupting import if_interrupted
from fpsim.cli.options import Json
from fpsim.cli.output import check_file, progress_bar, write

SHOWN = 5
"""Points that are named, and as many that failed."""


def sweep(
    file: Annotated[Path, typer.Argument(metavar="STUDY.toml", help="What to sweep (see docs/sweeps.md).")],
    status: Annotated[bool, typer.Option("--status", help="Only say how far it is.")] = False,
    plot: Annotated[Path | None, typer.Option(help="Draw what is known to this picture, and compute nothing.")] = None,
    retry: Annotated[bool, typer.Option("--retry", help="Try points again that failed.")] = False,
    executor: Annotated[str | None, typer.Option(help="serial, threads or processes, in place of the file's.")] = None,
    workers: Annotated[int | None, typer.Option(help="Calls at once; all cores by default.")] = None,
    cluster: Annotated[str | None, typer.Option(help="Address of a Dask scheduler, or local.")] = None,
    device: Annotated[
        str | None, typer.Option(help="cpu, cuda or auto for points that sample: the study's [fixed] device.")
    ] = None,
    axis: Annotated[str | None, typer.Option(help="Axis along x of the picture.")] = None,
    as_json: Json = False, output: Annotated[Path | None, typer.Option(help="Also write the table: .nc")] = None,
) -> None:  # fmt: skip
    """Many parameters from a TOML file; goes on where it stopped."""
    from fpsim.sweeps.study_file import read_study

    check_file(output, only=(".nc",))
    check_file(plot)
    study = read_study(file, _on(device))
    found = study.sweep
    if not status and plot is None:
        options: dict[str, Any] = {**study.options, "retry": retry}
        given = {"executor": executor, "workers": workers, "cluster": cluster}
        options |= {name: value for name, value in given.items() if value is not None}
        if cluster is not None:
            options.pop("executor", None)
        else:
            options.setdefault("executor", "processes" if device in (None, "cpu") else "serial")  # one call fills it
        kept = f"what is finished is kept in {found.store}, and the same command goes on from there"
        with progress_bar(as_json) as bar, if_interrupted(kept):
            found.run(**options, progress=lambda now: bar((now.done + now.failed) / now.total, words=str(now)))
    now = found.status()
    facts = {"sweep": found.name, **{name: v for name, v in vars(now).items() if name != "left"}}
    print(json.dumps(facts) if as_json else found)
    if not (status or as_json):
        _say_found(found)
    if now.failed:
        _say_failed(found)
    if plot is not None:
        found.plot(axis).savefig(plot)
        asked.wrote(plot)
    write(found, output)
    if now.failed and not status:
        raise typer.Exit(1)


def _on(device: str | None) -> dict[str, str]:
    """The parameter of the points that says where they are computed, if it was asked for; a GPU must be there."""
    from fpsim.cuda.device import DEVICES, chosen
    from fpsim.words import choice

    if device is None:
        return {}
    where: Any = choice(device, DEVICES, "--device")
    chosen(where, 0.0)
    return {"device": where}


def _place(found: Any, row: Any) -> str:
    """A point by what varies."""
    return ", ".join(f"{name} = {row.point[name]}" for name in found.design.names)


def _say_found(found: Any) -> None:
    """What came out at the first points."""
    done = (row for row in found.rows() if row.answer is not None)
    for row in islice(done, SHOWN):
        print(f"  {_place(found, row)}: {row.value!r}")
    if next(done, None) is not None:
        print("  and so on: --output FILE.nc keeps them all, --plot FILE.png draws them")


def _say_failed(found: Any) -> None:
    """The first points that failed, by what varies, and why."""
    failed = [row for row in found.rows() if row.error]
    for row in failed[:SHOWN]:
        print(f"failed at {_place(found, row)}: {row.error}", file=sys.stderr)
    if len(failed) > SHOWN:
        print(f"and {len(failed) - SHOWN} more; --retry tries them again", file=sys.stderr)
