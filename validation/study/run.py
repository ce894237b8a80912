"""What a measurement is given: its size, the seed, and where to keep finished pieces and tell how far it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from validation.study.findings import Rows
from validation.study.pieces import Piece, Pieces

if TYPE_CHECKING:
    import xarray

S = TypeVar("S")
Progress = Callable[..., None]
"""Called with the finished share in [0, 1] and the name of what is running."""


def silent(share: float, name: str = "") -> None:
    """Tell nobody."""


@dataclass(frozen=True)
class Run(Generic[S]):
    """What a measurement is given.

    Attributes:
        size: how much is computed.
        seed: of all random numbers.
        threads: of random paths; all cores if None.
        tell: called with the finished share in [0, 1] and the name of what is running.
        pieces: where finished parts are kept.
    """

    size: S
    seed: int = 0
    threads: int | None = None
    tell: Progress = silent
    pieces: Pieces = field(default_factory=Pieces)

    def rows(self, name: str, make: Callable[[], Rows], *of_size: str, **settings: Any) -> Rows:
        """A piece of rows, known by these fields of the size, the settings, the seed and the code of ``make``."""
        return self.pieces.rows(name, make, **self._known(of_size), **settings)

    def data(self, name: str, make: Callable[[], xarray.Dataset], *of_size: str, **settings: Any) -> xarray.Dataset:
        """A piece that is a dataset, likewise."""
        return self.pieces.data(name, make, **self._known(of_size), **settings)

    def piece(self, name: str, make: Callable[[], Any], *of_size: str, **settings: Any) -> Piece:
        """A piece for `together`, likewise."""
        return Piece(name, make, {**self._known(of_size), **settings})

    def together(self, pieces: Sequence[Piece], begin: float = 0.0, end: float = 1.0) -> list[Any]:
        """Pieces that do not need each other, made at once where there are workers; the shares that they take."""
        return self.pieces.many(pieces, self.within(begin, end).tell)

    def within(self, begin: float, end: float, name: str | None = None) -> Run[S]:
        """The same run for what takes the shares from ``begin`` to ``end`` of it, under its own names or one."""
        tell = lambda share, own="": self.tell(begin + (end - begin) * share, name or own)  # noqa: E731
        return replace(self, tell=tell)

    def _known(self, of_size: Sequence[str]) -> dict[str, Any]:
        return {"seed": self.seed, **{name: getattr(self.size, name) for name in of_size}}
