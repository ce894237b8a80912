"""What a film has computed, kept as netCDF by one table: the fields of its data.

    density: Annotated[Array, Drawn("frame cell", "1/length", "probability density")]

An array becomes a variable with these dims, units and meaning; everything else becomes attributes.  Data of several
pieces (shots, lanes) hold them as ``Annotated[tuple[Piece, ...], Pieces(...)]``, and piece i's names end in ``_i``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self, get_type_hints

from numpy.typing import NDArray

if TYPE_CHECKING:
    import xarray

Array = NDArray[Any]


@dataclass(frozen=True)
class Drawn:
    """How an array is kept: dims, units and meaning (its name if empty; ``{words}`` are other fields of its piece)."""

    dims: str
    units: str = ""
    meaning: str = ""


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

        entries, facts = _variables(self), _words(self)
        if self.gathered:
            facts = {"facts": facts}
        for name, pieces in _table(type(self), Pieces).items():
            held = getattr(self, name)
            found = dict(_leaves(held, "" if isinstance(held, tuple) else f"_{name}"))
            words = {ending: _words(one) for ending, one in found.items()}
            for ending, one in found.items():
                entries |= _variables(one, ending, pieces)
            if not pieces.words:
                facts[name] = list(words.values())
                continue
            facts |= {pieces.words + ending: each for ending, each in words.items()}
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
        for name, pieces in _table(cls, Pieces).items():
            own[name] = _pieces(name, pieces, data, facts)
        return _read(cls, data, own)


def _table(kind: Any, mark: type) -> dict[str, Any]:
    """The fields of ``kind`` that bear a ``mark``, with it."""
    hints = get_type_hints(kind, include_extras=True)
    marks = {name: getattr(hint, "__metadata__", (None,))[0] for name, hint in hints.items()}
    return {name: found for name, found in marks.items() if isinstance(found, mark)}


def _variables(one: Any, ending: str = "", pieces: Pieces | None = None) -> dict[str, Any]:
    told, tail = (pieces.told, ending if pieces.own_dims else "") if pieces else ("", "")
    return {
        name + ending: (
            [dim + tail for dim in drawn.dims.split()], getattr(one, name), drawn.units,
            ((drawn.meaning or name.replace("_", " ")) + told).format_map(vars(one)),
        )
        for name, drawn in _table(type(one), Drawn).items()
    }  # fmt: skip


def _words(one: Any) -> dict[str, Any]:
    """What is neither an array nor a piece."""
    kept = {**_table(type(one), Drawn), **_table(type(one), Pieces)}
    return {f.name: getattr(one, f.name) for f in fields(one) if f.name not in kept}


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
        words = facts[name]
        return tuple(_read(pieces.kind, data, each, f"_{i}") for i, each in enumerate(words))

    def piece(ending: str) -> Any:
        """The one whose names end so."""
        return _read(pieces.kind, data, facts[pieces.words + ending], ending)

    shape = facts.get(pieces.count or name)
    return piece(f"_{name}") if shape is None else _built(shape, piece, "")


def _built(shape: Any, piece: Callable[[str], Any], ending: str) -> tuple[Any, ...]:
    """The inverse of :func:`_leaves` for pieces of this :func:`_shape`."""
    if isinstance(shape, list):
        return tuple(_built(one, piece, f"{ending}_{i}") for i, one in enumerate(shape))
    return tuple(piece(f"{ending}_{i}") for i in range(shape))


def _read(kind: Any, data: xarray.Dataset, words: dict[str, Any], ending: str = "") -> Any:
    """An object of ``kind`` from the variables with this ending and its words; JSON knows no NaN and no tuples."""
    drawn = _table(kind, Drawn)
    there = [
        f for f in fields(kind) if (f.name in words or f.name + ending in data)
    ]  # older files lack what has defaults
    values = {
        f.name: data[f.name + ending].values if f.name in drawn else _restored(words[f.name], f.type) for f in there
    }
    return kind(**values)


def _restored(value: Any, kind: Any) -> Any:
    if value is None and kind == "float":
        return math.nan
    return tuple(_restored(one, "") for one in value) if isinstance(value, list) else value
