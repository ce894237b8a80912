"""All commands, in the order in which ``--help`` lists them."""

from __future__ import annotations

from typing import Annotated

import typer

from fpsim import __version__
from fpsim.cli.problems import density, escape, landscape_command, simulate
from fpsim.cli.shows import animate, demo, validate
from fpsim.cli.sweep import sweep

app = typer.Typer(
    help="Simulate how SGD moves through loss landscapes: random paths, densities, escape times.",
    no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None,
)  # fmt: skip
for command in (escape, simulate, density):
    app.command()(command)
app.command("landscape")(landscape_command)
for command in (animate, demo, validate, sweep):
    app.command()(command)


@app.callback(invoke_without_command=True)
def root(version: Annotated[bool, typer.Option("--version", help="Print the version and stop.")] = False) -> None:
    """Simulate how SGD moves through loss landscapes."""
    if version:
        print(f"fpsim {__version__}")
        raise typer.Exit
