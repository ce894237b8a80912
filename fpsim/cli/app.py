"""All commands, in the order in which ``--help`` lists them."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from fpsim import __version__
from fpsim.cli.cite import cite
from fpsim.cli.doctor import doctor
from fpsim.cli.explore import explore
from fpsim.cli.network import network
from fpsim.cli.problems import density, escape, landscape_command, simulate
from fpsim.cli.shows import animate, demo, validate
from fpsim.cli.sweep import sweep

app = typer.Typer(
    help="Simulate how SGD moves through loss landscapes: random paths, densities, escape times.",
    no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode=None,
)  # fmt: skip
for shown in (escape, simulate, density):
    app.command()(shown)
app.command("landscape")(landscape_command)
for shown in (network, explore, animate, demo, validate, sweep, cite, doctor):
    app.command()(shown)


@app.callback(invoke_without_command=True)
def root(
    version: Annotated[bool, typer.Option("--version", help="Print the version and stop.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress and no notes; anywhere in a command.")] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", help="Tracebacks, and progress in lines; anywhere in a command.")
    ] = False,
) -> None:
    """Simulate how SGD moves through loss landscapes."""
    if version:
        print(f"fpsim {__version__}")
        raise typer.Exit


def command() -> Any:
    """The group of all commands."""
    return typer.main.get_command(app)
