"""How a dataclass is kept in a dataset: one table, its fields.

    density: Annotated[Array, Kept("frame cell", "1/length", "probability density")]

An array becomes a variable with these dims, units and meaning; everything else becomes attributes, and comes back by
the type that it is declared with.  What equality passes over (``field(compare=False)``) is not kept.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from functools import cache
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

T = TypeVar("T")


@dataclass(frozen=True)
class Kept:
    """How an array is kept: dims, units and meaning (the name if empty); ``{words}`` are other fields.

    ``name`` is that of the variable where it is not the field's.
    """

    dims: str
    units: str = ""
    meaning: str = ""
    name: str = ""


def _types_of(kind: Any) -> dict[str, Any]:
    """The fields of a dataclass that are kept, with their types."""
    hints = get_type_hints(kind, include_extras=True)
    return {f.name: hints[f.name] for f in fields(kind) if f.compare}


types_of: Callable[[Any], dict[str, Any]] = cache(_types_of)


def marked(kind: Any, mark: type[T]) -> dict[str, T]:
    """The fields of ``kind`` that bear a ``mark``, with it."""
    marks = {name: getattr(hint, "__metadata__", (None,))[0] for name, hint in types_of(kind).items()}
    return {name: found for name, found in marks.items() if isinstance(found, mark)}


def variables(one: Any, told: str = "", ending: str = "", tail: str = "") -> dict[str, Any]:
    """What :func:`fpsim.storage.dataset` makes of the arrays.

    Args:
        one: a dataclass.
        told: what is added to every meaning.
        ending: of the variables' names.
        tail: ending of the dims' names.
    """
    return {
        (kept.name or name) + ending: (
            [dim + tail for dim in kept.dims.split()], getattr(one, name), kept.units.format_map(vars(one)),
            ((kept.meaning or name.replace("_", " ")) + told).format_map(vars(one)),
        )
        for name, kept in marked(type(one), Kept).items()
    }  # fmt: skip


def words(one: Any, *without: str) -> dict[str, Any]:
    """What is no array, but for the fields ``without``; a dataclass among them as the dictionary of its fields."""
    apart = {*marked(type(one), Kept), *without}
    return {name: _unfolded(getattr(one, name)) for name in types_of(type(one)) if name not in apart}


def _unfolded(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_unfolded(item) for item in value]
    return dict(vars(value)) if is_dataclass(value) else value


def made(kind: Callable[..., T], data: Any, facts: Mapping[str, Any], ending: str = "", **given: Any) -> T:
    """An object of ``kind`` from the variables with this ending, its words, and fields that are ``given`` made.

    What neither has (``None``, or what is younger than the file) keeps its default.
    """
    names = {name: (kept.name or name) + ending for name, kept in marked(kind, Kept).items()}
    arrays = {name: data[stored].values for name, stored in names.items() if stored in data}
    types = {name: hint for name, hint in types_of(kind).items() if name in facts and name not in names}
    return kind(**{**arrays, **{name: restored(facts[name], hint) for name, hint in types.items()}, **given})


def restored(value: Any, kind: Any) -> Any:
    """A value as JSON has it, which knows no tuples, no dataclasses and no NaN, as one of this type."""
    if value is None and kind is float:
        return math.nan
    if kind is bool:
        return bool(value)
    if isinstance(kind, type) and is_dataclass(kind) and isinstance(value, Mapping):
        return kind(**{name: restored(value[name], hint) for name, hint in types_of(kind).items() if name in value})
    if get_origin(kind) is tuple:
        kinds = get_args(kind)
        kinds = kinds[:1] * len(value) if kinds[-1] is Ellipsis else kinds
        return tuple(map(restored, value, kinds))
    return value
