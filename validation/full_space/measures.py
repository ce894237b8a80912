"""The escape law in all parameters of residual networks: what is measured, piece by piece.

    places       certified: a minimum a, its mirror twin, the saddle of index 1 between them
    theories     exponents of every theory, first among them the least actions in all parameters
    times        mean iterations from a to beyond its twin's distance along e, by splitting and by plain simulation

Pieces are ordered by what the study would miss most without them; a run that is stopped keeps those it has made, and
`validation.full_space.kept` reports on them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

from validation.full_space import places, theories, times
from validation.full_space.size import CONFIRMING, MAIN, Size
from validation.study.findings import Findings, Rows
from validation.study.pieces import Piece
from validation.study.run import Run


@dataclass(frozen=True)
class EscapeLaw(Findings):
    """What was measured.

    Attributes:
        places: where, and what certifies it.
        noise: the spread of slopes across a mirror saddle and across a permutation's.
        theories, prefactors: exponents per S/eta, and ln A, of every theory at every place.
        times: mean iterations per setting.
    """

    prefix: ClassVar[str] = ""
    places: Rows
    noise: Rows
    theories: Rows
    prefactors: Rows
    times: Rows


def measure(run: Run[Size]) -> EscapeLaw:
    """Everything; pieces that do not need each other are handed over together."""
    pieces = plan(run)
    return gathered(pieces, run.together([piece for _, piece in pieces]))


def gathered(pieces: Sequence[tuple[str, Piece]], answers: Sequence[Any]) -> EscapeLaw:
    """The findings from the answers of the pieces of a plan; None where one was not made."""
    found: dict[str, Rows] = {name: [] for name in ("places", "noise", "theories", "prefactors", "times")}
    for (table, _), answer in zip(pieces, answers, strict=True):
        found[table] += answer or []
    found["times"] = times.together(found["times"])
    return EscapeLaw(**found)


def plan(run: Run[Size]) -> list[tuple[str, Piece]]:
    """Every piece with its table, the most important first."""
    size, sides = run.size, (places.FIRST, places.SECOND)
    where = list(dict.fromkeys((network, decay) for network, decay, _, _ in (*size.windows, *size.gaussian)))
    found: list[tuple[str, Piece]] = []

    def add(table: str, kind: str, function: Any, **settings: Any) -> None:
        found.append((table, run.piece(kind, partial(function, **settings), **settings)))

    def place(network: str, decay: float, side: str = places.TWINS) -> None:
        at = {"network": network, "decay": decay, "side": side}
        add("places", "place", places.place_rows, **at, pitchfork=size.pitchfork and (network, decay) == MAIN)
        windows = [(eta, s) for n, d, eta, s in (*size.windows, *size.gaussian) if (n, d) == (network, decay)]
        eta = max(rate for rate, _ in windows)
        sizes = sorted({s for rate, several in windows if rate == eta for s in several})
        effort = {"pieces": size.pieces, "points": size.nodes, "floor": size.floor}
        add("theories", "theories", theories.theory_rows, **at, eta=eta, sizes=sizes, **effort)
        if side == places.TWINS:
            some = {"pieces": size.pieces, "floor": size.floor}
            add("prefactors", "prefactor", theories.prefactor_rows, network=network, decay=decay, eta=eta, **some)

    for part in range(size.parts):
        seed = CONFIRMING + 100 * run.seed + part
        for noise, windows in ((times.BATCHES, size.windows), (times.GAUSSIAN, size.gaussian)):
            for network, decay, eta, sizes in windows:
                for batch in sizes:
                    effort = {"particles": size.particles, "repetitions": size.repetitions, "seed": seed}
                    at = {"network": network, "decay": decay, "eta": eta, "size": batch, "noise": noise}
                    add("times", "splitting", times.split, **at, **effort)
        for batch in size.leaning:
            for side in sides:
                effort = {"particles": size.particles, "repetitions": size.repetitions, "seed": seed}
                at = {"network": MAIN[0], "decay": MAIN[1], "eta": size.windows[0][2], "size": batch}
                add("times", "splitting", times.split, **at, noise=times.BATCHES, side=side, **effort)
        if part == 0:
            for network, decay in where:
                place(network, decay)
            for side in sides if size.leaning else ():
                place(*MAIN, side)
            add("noise", "noise across", places.noise_across, network=MAIN[0], decay=MAIN[1])
            for network, decay, eta, batch, paths, horizon in size.plain:
                at = {"network": network, "decay": decay, "eta": eta, "size": batch, "noise": times.BATCHES}
                add("times", "plain", times.simulate, **at, paths=paths, horizon=horizon, seed=seed)
    return found
