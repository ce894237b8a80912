"""The routes to an escape time, as a table: what results, pictures and comparisons know of each.

A result says which of the routes made it (``method``); which is the most exact, what process it answers for and how it
is drawn stands here, and nowhere else.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from landscapes.look import BLACK, BLUE, GREEN, ORANGE, PURPLE, SKY, VERMILLION


@dataclass(frozen=True)
class Route:
    """One route.

    Attributes:
        name: the ``method`` of its results.
        process: what it answers for: the ``"sde"``, SGD's own ``"chain"`` (another process, whose distance to the SDE
            is no error), or ``"formula"``, an asymptotic law of either.
        exactness: its place among those that others are compared with, 0 the most exact; ``None``: it is no reference.
        style: colour and marker in pictures; ``None``: a grey of the common ones.
        remark: said below a table that it stands in.
    """

    name: str
    process: Literal["sde", "chain", "formula"]
    exactness: int | None = None
    style: tuple[str, str] | None = None
    remark: str = ""


_ROWS = (
    Route("quadrature", "sde", 0, (BLACK, "D")),
    Route("kramers", "formula", None, (VERMILLION, "^")),
    Route("kramers-next", "formula", None, (ORANGE, "v")),
    Route("eyring-kramers", "formula", None, (PURPLE, "X")),
    Route("white-noise", "formula"),
    Route("state-dependent", "formula"),
    Route("xie", "formula"),
    Route(
        "cramer", "formula",
        remark="cramer answers for SGD with actual mini-batches, not for the SDE and its Gaussian noise",
    ),
    Route("grid", "sde", 1, (GREEN, "s")),
    Route("paths", "sde", 2, (BLUE, "o")),
    Route(
        "chain", "chain", 3, (SKY, "h"),
        "the chain is SGD with its finite step: another process than the SDE, so it has no z",
    ),
)  # fmt: skip
ROUTES = {route.name: route for route in _ROWS}
"""All routes, in the order in which a comparison tries them: what is quick says what simulation would cost."""
_PLACES = {route.exactness: route.name for route in _ROWS if route.exactness is not None}
EXACTNESS = tuple(_PLACES[place] for place in sorted(_PLACES))
"""The routes that others are compared with, the most exact one first."""


def process_of(method: str) -> str:
    """What a result by ``method`` answers for; a name that no route has is a formula of one's own."""
    return ROUTES[method].process if method in ROUTES else "formula"
