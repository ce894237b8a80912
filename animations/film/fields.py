"""What a film has computed, kept as netCDF by one table: the fields of its data.

    density: Annotated[Array, Kept("frame cell", "1/length", "probability density")]

The table is that of :mod:`fpsim.fields`.  Data of several pieces (shots, lanes) hold them as
``Annotated[tuple[Piece, ...], Pieces(...)]``, and piece i's names end in ``_i``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

from numpy.typing import NDArray

from fpsim.fields import made, marked, variables, words

if TYPE_CHECKING:
    import xarray

Array = NDArray[Any]


@dataclass(frozen=True)
class Pieces:
    """How pieces are kept: their class, and the attributes that hold words and number.

    Args:
        kind: the class of one.
        words: attribute of each piece's words, its ending behind it; empty: one list of all under the field's name.
        count: attribute of how many there are; the field's name if empty.
        own_dims: whether each piece has dims of its own.
        told: what is added to every meaning.
    """

    kind: type
    words: str = ""
    count: str = ""
    own_dims: bool = False
    told: str = ""


@dataclass(frozen=True)
class FilmData:
    """Everything that is drawn in one film; ``film`` is its name, and renderers read nothing else."""

    film: ClassVar[str]
    gathered: ClassVar[bool] = True
    """Whether what is no array stands in one attribute, ``facts``, or each in its own."""

    def to_xarray(self) -> xarray.Dataset:
        """One dataset: arrays as variables, what is no array in its attributes."""
        from fpsim.storage import dataset

        own = marked(type(self), Pieces)
        entries, facts = variables(self), words(self, *own)
        if self.gathered:
            facts = {"facts": facts}
        for name, pieces in own.items():
            held = getattr(self, name)
            found = dict(_leaves(held, "" if isinstance(held, tuple) else f"_{name}"))
            told = {ending: words(one) for ending, one in found.items()}
            for ending, one in found.items():
                entries |= variables(one, pieces.told, ending, ending if pieces.own_dims else "")
            if not pieces.words:
                facts[name] = list(told.values())
                continue
            facts |= {pieces.words + ending: each for ending, each in told.items()}
            if isinstance(held, tuple):
                facts[pieces.count or name] = _shape(held)
        return dataset(entries, film=self.film, **facts)

    def save(self, path: str | Path) -> Path:
        """Write netCDF and return the path."""
        from fpsim.storage import write

        return write(self.to_xarray(), path)

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read what :meth:`save` wrote.

        Raises:
            ValueError: if the file holds something else.
            FileNotFoundError: if there is no such file.
        """
        from fpsim.storage import facts_of, read

        data = read(path)
        if data.attrs.get("film") != cls.film:
            raise ValueError(f"'{path}' does not hold the data of the film '{cls.film}'")
        facts = facts_of(data)
        own = dict(facts["facts"] if cls.gathered else facts)
        given = {name: _pieces(name, pieces, data, facts) for name, pieces in marked(cls, Pieces).items()}
        return made(cls, data, own, **given)


def _leaves(held: Any, ending: str) -> Iterator[tuple[str, Any]]:
    """(ending, piece) of nested tuples of pieces."""
    if not isinstance(held, tuple):
        yield ending, held
        return
    for i, one in enumerate(held):
        yield from _leaves(one, f"{ending}_{i}")


def _shape(held: tuple[Any, ...]) -> Any:
    """How many pieces; for tuples of tuples, how many in each."""
    return [_shape(one) for one in held] if isinstance(held[0], tuple) else len(held)


def _pieces(name: str, pieces: Pieces, data: xarray.Dataset, facts: dict[str, Any]) -> Any:
    if not pieces.words:
        return tuple(made(pieces.kind, data, each, f"_{i}") for i, each in enumerate(facts[name]))

    def piece(ending: str) -> Any:
        """The one whose names end so."""
        return made(pieces.kind, data, facts[pieces.words + ending], ending)

    shape = facts.get(pieces.count or name)
    return piece(f"_{name}") if shape is None else _built(shape, piece, "")


def _built(shape: Any, piece: Callable[[str], Any], ending: str) -> tuple[Any, ...]:
    """The inverse of :func:`_leaves` for pieces of this :func:`_shape`."""
    if isinstance(shape, list):
        return tuple(_built(one, piece, f"{ending}_{i}") for i, one in enumerate(shape))
    return tuple(piece(f"{ending}_{i}") for i in range(shape))
