"""``fpsim cite``: the papers that a number rests on, as BibTeX."""

from __future__ import annotations

from typing import Annotated

import typer

from fpsim.cli.completion import routes


def cite(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="ROUTE", help="Routes, such as grid or kramers; all without one.", autocompletion=routes
        ),
    ] = None,
) -> None:
    """BibTeX of the papers behind a route: fpsim cite grid kramers."""
    from fpsim.papers import bibtex
    from fpsim.route import ROUTES
    from fpsim.routes.route import route
    from fpsim.words import choice

    asked = [choice(name, tuple(ROUTES), "a route") for name in names or ROUTES]
    print(bibtex(["fpsim", *(key for name in asked for key in route(name).papers)]))
    for name in asked:
        print(f"% {name}: {route(name).reference}")
