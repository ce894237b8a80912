"""The escape law in all parameters of residual networks: what is measured, piece by piece.

    places       certified: a minimum a, its mirror twin, the saddle of index 1 between them
    theories     exponents of every theory, first among them the least actions in all parameters
    times        mean iterations from a to beyond its twin's distance along e, by splitting and by plain simulation

Pieces are ordered by what the study would miss most without them; a run that is stopped keeps those it has made, and
`validation.full_space.kept` reports on them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

from validation.full_space import places, theories, times
from validation.full_space.size import BATCHES, CONFIRMING, MAIN, Size
from validation.study.findings import Findings, Rows
from validation.study.pieces import Piece
from validation.study.run import Run


@dataclass(frozen=True)
class EscapeLaw(Findings):
    """What was measured.

    Attributes:
        places: where, and what certifies it.
        noise: the spread of slopes across a mirror saddle and across a permutation's.
        theories: exponents per S/eta, and prefactors, of every theory at every place.
        times: mean iterations per setting.
    """

    prefix: ClassVar[str] = ""
    places: Rows
    noise: Rows
    theories: Rows
    times: Rows


def measure(run: Run[Size]) -> EscapeLaw:
    """Everything; pieces that do not need each other are handed over together."""
    pieces = plan(run)
    return gathered(pieces, run.together([piece for _, piece in pieces]))


def gathered(pieces: Sequence[tuple[str, Piece]], answers: Sequence[Any]) -> EscapeLaw:
    """The findings from the answers of the pieces of a plan; None where one was not made."""
    found: dict[str, Rows] = {name: [] for name in ("places", "noise", "theories", "times")}
    for (table, _), answer in zip(pieces, answers, strict=True):
        found[table] += answer or []
    found["times"] = times.together(found["times"])
    return EscapeLaw(**found)


def plan(run: Run[Size], card: bool | None = None) -> list[tuple[str, Piece]]:
    """Every piece with its table, the most important first; ``card``: with those that only a GPU can make."""
    with_card = _card() if card is None else card
    return [one for one in _Plan(run).pieces() if with_card or one[1].name != CARD]


SPLITTING, PLAIN, CARD, THEORIES, ONCE = "splitting", "plain", "card", "theories", "once"


def _card() -> bool:
    from fpsim.cuda.device import NoGPUError, require_gpu, simulated

    try:
        require_gpu()
    except NoGPUError:
        return False
    return not simulated()


@dataclass
class _Plan:
    """Pieces in the order in which they are made."""

    run: Run[Size]

    def pieces(self) -> Iterator[tuple[str, Piece]]:
        """(Table, piece that makes its rows) of all that is measured."""
        size, first = self.run.size, CONFIRMING + 100 * self.run.seed
        for part in range(size.parts):
            if part == 0:
                yield from self._simulated(size.plain, PLAIN, first)
            for network, decay, eta, sizes in size.windows[: None if part == 0 else 1]:
                for batch in sizes:
                    yield self._split(network, decay, eta, batch, first + part)
            for batch in size.leaning if part == 0 else ():
                for side in (places.FIRST, places.SECOND):
                    yield self._split(*MAIN, size.windows[0][2], batch, first + part, side)
            if part == 0:
                yield from self._once(first)
                yield from self._simulated(size.further, PLAIN, first)
                yield from self._places()
            yield from self._simulated(size.card, CARD, first + part)

    def _piece(self, table: str, kind: str, function: Any, **settings: Any) -> tuple[str, Piece]:
        return table, self.run.piece(kind, partial(function, **settings), **settings)

    def _split(
        self, network: str, decay: float, eta: float, batch: int, seed: int, side: str = places.TWINS,
        noise: str = BATCHES, kind: str = SPLITTING,
    ) -> tuple[str, Piece]:  # fmt: skip
        size = self.run.size
        at: dict[str, Any] = {
            "network": network, "decay": decay, "eta": eta, "size": batch, "noise": noise, "side": side
        }  # fmt: skip
        particles = size.particles // 2 if kind == ONCE else size.particles
        effort: dict[str, Any] = {"particles": particles, "repetitions": size.repetitions, "seed": seed}
        make = partial(times.split, **at, **effort, threads=self._threads)
        return "times", self.run.piece(kind, make, **at, **effort)

    def _once(self, seed: int) -> Iterator[tuple[str, Piece]]:
        for network, decay, eta, noise, sizes in self.run.size.once:
            for batch in sizes:
                yield self._split(network, decay, eta, batch, seed, noise=noise, kind=ONCE)

    @property
    def _threads(self) -> int | None:
        """Of a piece; no number depends on them."""
        return 1 if self.run.pieces.crew else self.run.threads

    def _simulated(self, settings: Sequence[Any], kind: str, seed: int) -> Iterator[tuple[str, Piece]]:
        for network, decay, eta, batch, noise, paths, horizon in settings:
            at: dict[str, Any] = {"network": network, "decay": decay, "eta": eta, "size": batch, "noise": noise}
            effort = {"paths": paths, "horizon": horizon, "seed": seed, "device": "cuda" if kind == CARD else "cpu"}
            make = partial(times.simulate, **at, **effort, threads=self._threads)
            yield "times", self.run.piece(kind, make, **at, **effort)

    def _places(self) -> Iterator[tuple[str, Piece]]:
        size = self.run.size
        sampled = [(n, d, eta, (batch,)) for n, d, eta, batch, _, _, _ in size.card]
        windows = [*size.windows, *((n, d, eta, sizes) for n, d, eta, _, sizes in size.once), *sampled]
        where = [(n, d, places.TWINS) for n, d in dict.fromkeys((n, d) for n, d, _, _ in windows)]
        where += [(*MAIN, side) for side in (places.FIRST, places.SECOND) if size.leaning]
        for network, decay, side in where:
            mine = [(eta, sizes) for n, d, eta, sizes in windows if (n, d) == (network, decay)]
            eta = max(rate for rate, _ in mine)
            sizes = sorted({s for rate, several in mine if rate == eta for s in several})
            at: dict[str, Any] = {"network": network, "decay": decay, "side": side}
            effort = {"pieces": size.pieces, "points": size.nodes, "floor": size.floor}
            yield self._piece("theories", THEORIES, theories.theory_rows, **at, eta=eta, sizes=sizes, **effort)
            located = size.pitchfork and (network, decay, side) == (*MAIN, places.TWINS)
            yield self._piece("places", "place", places.place_rows, **at, pitchfork=located)
        yield self._piece("noise", "noise across", places.noise_across, network=MAIN[0], decay=MAIN[1])
