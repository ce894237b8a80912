"""A sweep as one labelled dataset: numbers and arrays over its axes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fpsim.sweeps.answers import Answer, value_of
from fpsim.sweeps.design import Design, Point, Value

if TYPE_CHECKING:
    import xarray

Array = NDArray[Any]
UNITS = {"mean": "time", "standard_error": "time", "systematic_error": "time", "seconds": "s"}
LONG = {
    "mean": "mean escape time",
    "standard_error": "statistical error (one sigma)",
    "systematic_error": "discretisation error estimate",
    "log_mean": "logarithm of the mean escape time",
    "log_error": "error of the logarithm",
    "seconds": "seconds of computing",
}


@dataclass(frozen=True)
class Row:
    """One point of a sweep and what came of it: ``value``, or ``error`` and its ``trace``; all empty: not yet done."""

    point: Point
    seed: int | None
    answer: Answer | None
    error: str = ""
    trace: str = ""

    @property
    def value(self) -> Any:
        """What the function returned, over all parts; ``None`` if it has not, or failed."""
        return None if self.answer is None else value_of(self.answer)


def dataset_of(
    rows: list[Row], design: Design, seeds: Sequence[int | None] | None, facts: dict[str, Any]
) -> xarray.Dataset:
    """All that is known of a sweep; NaN where a point failed or is not yet done, and the errors in ``error``."""
    from fpsim.storage import dataset

    shape = design.shape if seeds is None else (*design.shape, len(rows) // len(design))
    dims = ("point",) if design.listed else tuple(design.axes)
    dims = dims if seeds is None else (*dims, "seed")
    entries: dict[str, Any] = {}
    for name, units, long_name in _names(rows, "numbers"):
        values = np.array([np.nan if r.answer is None else r.answer.numbers.get(name, np.nan) for r in rows])
        entries[name] = (dims, values.reshape(shape), units, long_name)
    for name, units, long_name in _names(rows, "arrays"):
        values, inner = _stacked(rows, name)
        entries[name] = ((*dims, *inner), values.reshape(*shape, *values.shape[1:]), units, long_name)
    if any(row.error for row in rows):
        errors = np.array([row.error for row in rows], dtype=str).reshape(shape)
        entries["error"] = (dims, errors, "", "why a point failed")
    coordinates = _coordinates(design, seeds)
    if both := sorted(set(entries) & set(coordinates)):
        raise ValueError(
            f"'{both[0]}' is a parameter of this sweep and a name of what its function returns; rename one of them"
        )
    return dataset(entries, coordinates, **facts)


def _coordinates(design: Design, seeds: Sequence[int | None] | None) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in design.names:
        dim = "point" if design.listed else name
        found[name] = (dim, _labels(design.column(name)), "", name)
    if seeds is not None:
        found["seed"] = ("seed", np.array(seeds), "", "seed")
    return found


def _labels(values: tuple[Value, ...]) -> Array:
    """Values of an axis as an array: numbers as they are, all else in words."""
    plain = all(isinstance(v, int | float) and not isinstance(v, bool) for v in values)
    if plain:
        found = np.array(values)
        return found if found.dtype.kind in "if" else found.astype(float)  # whole numbers beyond 64 bits
    return np.array([v if isinstance(v, str) else repr(v) for v in values])


def _names(rows: list[Row], kind: str) -> list[tuple[str, str, str]]:
    """Names of the numbers or arrays of any row, in order, with units and long names."""
    names = dict.fromkeys(name for row in rows if row.answer is not None for name in getattr(row.answer, kind))
    return [(name, UNITS.get(name, ""), LONG.get(name, name)) for name in names]


def _stacked(rows: list[Row], name: str) -> tuple[Array, tuple[str, ...]]:
    """One array per row, NaN where there is none, padded to the longest."""
    found = [None if row.answer is None else row.answer.arrays.get(name) for row in rows]
    known = [values for values in found if values is not None]
    depth = known[0].ndim
    if any(values.ndim != depth for values in known):
        raise ValueError(f"the arrays '{name}' have different numbers of axes at different points; look at rows()")
    size = tuple(max(values.shape[k] for values in known) for k in range(depth))
    out = np.full((len(rows), *size), np.nan)
    for k, values in enumerate(found):
        if values is not None:
            part: tuple[int | slice, ...] = (k, *(slice(n) for n in values.shape))
            out[part] = values
    return out, tuple(f"{name}_{k}" for k in range(depth))
