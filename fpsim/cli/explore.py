"""``fpsim explore``: the page in the browser, served on this machine or written to a file."""

from __future__ import annotations

import sys
from dataclasses import fields
from pathlib import Path
from typing import Annotated

import typer

from fpsim.cli.options import ProblemOptions, Seed, takes_problem
from fpsim.cli.output import check_file, progress_bar
from fpsim.cli.own import is_program


@takes_problem
def explore(
    landscape: Annotated[
        str | None, typer.Argument(metavar="LANDSCAPE", help="A name, or the formula of a loss; else the story.")
    ] = None,
    given: ProblemOptions = ProblemOptions(),  # noqa: B008 (frozen)
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 takes a free one.")] = 8765,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Only print the address.")] = False,
    host: Annotated[str, typer.Option(help="Address to serve on; any but loopback needs --token.")] = "127.0.0.1",
    token: Annotated[str | None, typer.Option(help="Word that everybody must know who opens the page.")] = None,
    export: Annotated[Path | None, typer.Option(help="Write one self-contained page (.html) instead.")] = None,
    seed: Seed = 0,
) -> None:  # fmt: skip
    """Play with landscape and noise on a page in the browser."""
    from landscapes.extras import require

    if landscape is not None and is_program(landscape):
        raise ValueError(f"the page reads names and formulas, and runs no file; got '{landscape}'")
    require("starlette", "uvicorn", "plotly", purpose="fpsim explore")
    flags = {f.name: getattr(given, f.name) for f in fields(given) if getattr(given, f.name) != f.default}
    flags.pop("set_", None)
    settings = None
    if landscape is not None or flags or given.set_ or seed:
        from fpsim.explore.settings import settings_for

        settings = settings_for(landscape, flags, given.set_ or [], seed)
    if export is not None:
        from fpsim.explore.export import export_page

        check_file(export, only=(".html",))
        with progress_bar(False) as bar:
            export_page(export, settings, lambda share, words: bar(share, words=words))
        print(f"wrote {export}", file=sys.stderr)
        return
    from fpsim.explore.launch import serve

    serve(settings, host, port, token, not no_browser)
