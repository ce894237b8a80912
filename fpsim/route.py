"""The table of the routes to an escape time: what results, pictures and comparisons know of each without taking it.

A result says which route made it (``method``); what process it answers for, how exact it is, how it is drawn and which
file takes it stands here, and nowhere else.  A route of one's own is one more row:

    ROUTES["guess"] = Facts("guess", "formula", "my_module:by_guess")
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from landscapes.look import BLACK, BLUE, GREEN, ORANGE, PURPLE, SKY, VERMILLION

Process = Literal["sde", "chain", "formula"]


@dataclass(frozen=True)
class Facts:
    """One row.

    Attributes:
        name: the ``method`` of the route's results.
        process: what it answers for: the ``"sde"``, SGD's own ``"chain"`` (another process, whose distance to the SDE
            is no error), or ``"formula"``, an asymptotic law of either.
        home: where its :class:`fpsim.routes.route.Route` stands, ``"module:object"``; loaded when it is wanted.
        exactness: its place among those that others are compared with, 0 the most exact; ``None``: it is no reference.
        style: colour and marker in pictures; ``None``: a grey of the common ones.
        remark: said below a table that it stands in.
    """

    name: str
    process: Process
    home: str
    exactness: int | None = None
    style: tuple[str, str] | None = None
    remark: str = ""


_FORMULAS = "fpsim.routes.formulas"
_ROWS = (
    Facts("quadrature", "sde", "fpsim.routes.quadrature:by_quadrature", 0, (BLACK, "D")),
    Facts("fractional", "sde", "fpsim.routes.fractional:by_fractional", 1),
    Facts("kramers", "formula", f"{_FORMULAS}.kramers:by_kramers", style=(VERMILLION, "^")),
    Facts("kramers-next", "formula", f"{_FORMULAS}.kramers:by_kramers_next", style=(ORANGE, "v")),
    Facts("eyring-kramers", "formula", f"{_FORMULAS}.kramers:by_eyring_kramers", style=(PURPLE, "X")),
    Facts("white-noise", "formula", f"{_FORMULAS}.kramers:by_white_noise"),
    Facts("state-dependent", "formula", f"{_FORMULAS}.state_dependent:by_state_dependent"),
    Facts("xie", "formula", f"{_FORMULAS}.xie:by_xie"),
    Facts("getoor", "formula", f"{_FORMULAS}.jumps:by_getoor"),
    Facts("imkeller-pavlyukevich", "formula", f"{_FORMULAS}.jumps:by_imkeller_pavlyukevich"),
    Facts("mori", "formula", f"{_FORMULAS}.mori:by_mori"),
    Facts(
        "cramer", "formula", f"{_FORMULAS}.cramer:by_cramer",
        remark="cramer answers for SGD with actual mini-batches, not for the SDE and its Gaussian noise",
    ),
    Facts("reduced-path", "formula", f"{_FORMULAS}.reduced_path:by_reduced_path"),
    Facts("bouchet-reygner", "formula", f"{_FORMULAS}.bouchet_reygner:by_bouchet_reygner"),
    Facts("kramers-moderate", "formula", f"{_FORMULAS}.inertial:by_kramers_moderate"),
    Facts("kramers-low", "formula", f"{_FORMULAS}.inertial:by_kramers_low"),
    Facts("melnikov-meshkov", "formula", f"{_FORMULAS}.inertial:by_melnikov_meshkov"),
    Facts("langer", "formula", f"{_FORMULAS}.inertial:by_langer"),
    Facts("xie-momentum", "formula", f"{_FORMULAS}.xie_optimisers:by_xie_momentum"),
    Facts(
        "xie-adam", "formula", f"{_FORMULAS}.xie_optimisers:by_xie_adam",
        remark="xie-adam answers for Adam, not for the SDE of plain SGD",
    ),
    Facts("grid", "sde", "fpsim.routes.grid:by_grid", 2, (GREEN, "s")),
    Facts("paths", "sde", "fpsim.routes.paths:by_paths", 3, (BLUE, "o")),
    Facts("splitting", "sde", "fpsim.routes.splitting:by_splitting", 4),
    Facts(
        "chain", "chain", "fpsim.routes.chain:by_chain", 5, (SKY, "h"),
        "the chain is SGD with its finite step: another process than the SDE, so it has no z",
    ),
)  # fmt: skip
ROUTES = {row.name: row for row in _ROWS}
"""All routes, in the order in which a comparison tries them: what is quick says what simulation would cost."""


def by_exactness(methods: Iterable[str]) -> list[str]:
    """The routes among ``methods`` that others are compared with, the most exact one first."""
    places = {name: ROUTES[name].exactness for name in methods if name in ROUTES}
    return sorted((name for name, place in places.items() if place is not None), key=lambda name: places[name] or 0)


def process_of(method: str) -> Process:
    """What a result by ``method`` answers for; a name that no route has is a formula of one's own."""
    return ROUTES[method].process if method in ROUTES else "formula"
