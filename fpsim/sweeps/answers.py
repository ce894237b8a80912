"""What a function returned, as numbers, arrays and facts that a store keeps, and back.

number -> value;   array -> value;   {name: number or array} -> name by name;   rows of plain data -> facts
a result of fpsim, an xarray.Dataset -> its scalars, and all of it as netCDF
"""

from __future__ import annotations

import io
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import xarray

Array = NDArray[Any]


@dataclass(frozen=True)
class Answer:
    """One answer.

    Attributes:
        numbers: by name.
        arrays: by name.
        facts: plain data besides; ``result`` names the kind of a result of fpsim, ``Dataset`` or ``rows``.
        file: a dataset, or a result of fpsim that is more than numbers, as netCDF.
    """

    numbers: Mapping[str, float] = field(default_factory=dict)
    arrays: Mapping[str, Array] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
    file: bytes | None = None


def answer_of(value: Any) -> Answer:
    """What a store keeps of a value.

    Raises:
        TypeError: for values that are no numbers, arrays, results of fpsim, datasets, mappings of numbers and arrays,
            or lists of ``{name: number or word}``.
    """
    from fpsim.escape_time import EscapeTime
    from fpsim.storage import Stored, plain

    if isinstance(value, EscapeTime):
        facts = {"result": "EscapeTime", **{name: v for name, v in value.to_dict().items() if name not in NUMBERS}}
        return Answer({name: float(getattr(value, name)) for name in NUMBERS}, facts=plain(facts))
    if isinstance(value, Stored):
        return _filed(value.to_xarray().assign_attrs(result=type(value).__name__), type(value).__name__)
    if type(value).__name__ == DATASET and hasattr(value, "to_netcdf"):
        return _filed(value, DATASET)
    if isinstance(value, list) and all(isinstance(row, Mapping) for row in value):
        return Answer(facts={"result": ROWS, ROWS: plain_data(value)})
    named = value if isinstance(value, Mapping) else {"value": value}
    if not named:
        raise TypeError("the function returned nothing; a sweep wants numbers, arrays or a result of fpsim")
    return _split(named)


NUMBERS = ("mean", "standard_error", "systematic_error", "log_mean", "log_error", "seconds")
"""What is kept of an escape time as numbers."""
DATASET, ROWS = "Dataset", "rows"


def _filed(data: xarray.Dataset, kind: str) -> Answer:
    """A dataset as netCDF, its scalars beside it."""
    numbers = {str(k): float(v) for k, v in data.data_vars.items() if v.ndim == 0 and v.dtype.kind in "fiub"}
    file = io.BytesIO()
    data.to_netcdf(file, engine="h5netcdf")
    return Answer(numbers, facts={"result": kind}, file=file.getvalue())


def plain_data(value: Any) -> Any:
    """Lists, dictionaries, numbers and words as JSON gives them back: every digit, NaN and infinity stay.

    Raises:
        TypeError: for anything else in them.
    """
    return json.loads(json.dumps(value, default=_listed))


def _listed(value: Any) -> Any:
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    raise TypeError(f"rows hold numbers, words and lists of them; got {value!r:.60}")


def _split(named: Mapping[Any, Any]) -> Answer:
    numbers: dict[str, float] = {}
    arrays: dict[str, Array] = {}
    for name, value in named.items():
        found = np.asarray(value)
        if not isinstance(name, str) or found.dtype.kind not in "fiub":
            raise TypeError(
                "the function of a sweep returns a number, an array, {name: number or array}, or a result of fpsim; "
                f"got {value!r:.60} under {name!r}"
            )
        if found.ndim:
            arrays[name] = found
        else:
            numbers[name] = float(found)
    return Answer(numbers, arrays)


def value_of(answer: Answer) -> Any:
    """The value again: a number or array alone, a dictionary of several, rows, a dataset, or a result of fpsim."""
    kind = answer.facts.get("result")
    if kind == ROWS:
        return answer.facts[ROWS]
    if kind == "EscapeTime":
        from fpsim.escape_time import EscapeTime

        return EscapeTime.from_dict({**answer.facts, **answer.numbers})
    if answer.file is not None:
        import xarray

        from fpsim.storage import result_of

        with xarray.open_dataset(io.BytesIO(answer.file), engine="h5netcdf") as data:
            return data.load() if kind == DATASET else result_of(data.load())
    found: dict[str, Any] = {**answer.numbers, **answer.arrays}
    return found["value"] if set(found) == {"value"} else found


def pooled(parts: list[Answer]) -> Answer:
    """Independent parts of one answer as one: means of everything, errors as of a mean.

    ``standard_error`` and what ends in ``_standard_error`` are added in quadrature; of a number without one the scatter
    of the parts is the error.  Facts are those of the first part.
    """
    if len(parts) == 1:
        return parts[0]
    numbers = {name: _joined(name, np.array([part.numbers[name] for part in parts])) for name in parts[0].numbers}
    if set(numbers) == {"value"}:
        numbers["standard_error"] = float(np.std([p.numbers["value"] for p in parts], ddof=1)) / math.sqrt(len(parts))
    if "log_mean" in numbers and math.isfinite(numbers["mean"]):
        numbers["log_mean"] = math.log(numbers["mean"])
        numbers["log_error"] = math.hypot(numbers["standard_error"], numbers["systematic_error"]) / numbers["mean"]
    arrays = {name: np.mean([part.arrays[name] for part in parts], axis=0) for name in parts[0].arrays}
    return Answer(numbers, arrays, {**parts[0].facts, "parts": len(parts)}, parts[0].file)


def _joined(name: str, values: Array) -> float:
    if name == "seconds":
        return float(values.sum())
    return math.sqrt(float(values @ values)) / values.size if _is_error(name) else float(values.mean())


def _is_error(name: str) -> bool:
    return name == "standard_error" or name.endswith("_standard_error")


def relative_error(answer: Answer) -> float:
    """Standard error of the first number over its size; infinite where it is not known.

    Raises:
        TypeError: for an answer without a number, which no tolerance can end.
    """
    if not answer.numbers:
        raise TypeError("a tolerance is for a number, and the function returned none; leave the tolerance out")
    error = answer.numbers.get("standard_error", math.inf)
    mean = next((v for name, v in answer.numbers.items() if not _is_error(name)), math.nan)
    return abs(error / mean) if mean else math.inf
