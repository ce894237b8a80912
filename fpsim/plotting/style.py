"""The look of all pictures (:mod:`landscapes.look`) and of the routes: the same colour and marker everywhere."""

from __future__ import annotations

from fpsim.route import ROUTES
from landscapes.look import (
    BLACK,
    BLUE,
    CYCLE,
    DPI,
    GREEN,
    INK,
    LABEL,
    ORANGE,
    PURPLE,
    SHADE,
    SKY,
    SMALL,
    TIME,
    TITLE,
    VERMILLION,
    axes_or_new,
    figure_of,
    new_figure,
    remark,
    tidy,
)

__all__ = [
    "BLACK",
    "BLUE",
    "CYCLE",
    "DPI",
    "GREEN",
    "INK",
    "LABEL",
    "ORANGE",
    "OTHER_ROUTES",
    "PURPLE",
    "SHADE",
    "SKY",
    "SMALL",
    "TIME",
    "TITLE",
    "VERMILLION",
    "axes_or_new",
    "figure_of",
    "new_figure",
    "remark",
    "route_style",
    "tidy",
]

OTHER_ROUTES = ((SHADE, "P"), (SHADE, "p"), (SHADE, "<"), (SHADE, ">"), (SHADE, "*"), (SHADE, "d"))


def route_style(method: str, methods: list[str]) -> tuple[str, str]:
    """Colour and marker of a route; ``methods`` are all routes in the picture, in order."""
    own = {name: row.style for name, row in ROUTES.items() if row.style is not None}
    others = [m for m in dict.fromkeys(methods) if m not in own]
    return own.get(method) or OTHER_ROUTES[others.index(method) % len(OTHER_ROUTES)]
