"""Results in and out: netCDF with units and long names, version and settings; and JSON that every reader reads.

A file knows which kind of result it holds, so :func:`load` gives back what was saved.  JSON has no infinity and no
NaN: what is not finite becomes null.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Self

from fpsim import fields
from landscapes.notebook import Shown

if TYPE_CHECKING:
    import xarray

Entry = tuple[str | Sequence[str], Any, str, str]
HOMES = {
    "EscapeTime": "fpsim.escape_time",
    "Comparison": "fpsim.results",
    "ExitSample": "fpsim.paths.exits",
    "Paths": "fpsim.paths.ensembles",
    "Moments": "fpsim.paths.ensembles",
    "Spectrum": "fpsim.density.spectrum",
    "DensityReport": "fpsim.density.report",
    "QuasiPotential": "fpsim.sgd.quasipotential",
    "MinimumAction": "fpsim.action.result",
    "Saddle": "fpsim.valleys.saddle",
    "String": "fpsim.valleys.string",
    "Passes": "fpsim.valleys.passes",
    "ValleyRates": "fpsim.valleys.chain",
    "Survival": "fpsim.survival.result",
}
"""Which module each kind of result that :func:`load` gives back lives in."""
PRIVATE = "_construct_direct"
"""What puts a dataset of xarray together without a look at its parts."""
RUNS = "fpsim.routes.route", "repeated"
"""The function that runs again what a result remembers. Only these two tables name floors above this one."""


class Column(NamedTuple):
    """A variable of xarray and, if it is the axis of its dimension, the index, which takes long to make."""

    variable: Any
    index: Any

    def again(self) -> Column:
        """The same for another dataset, with notes of its own."""
        return Column(self.variable.copy(deep=False), self.index)


class Stored(Shown):
    """A result that can be saved and loaded, by the table of its fields (:mod:`fpsim.fields`)."""

    spread: ClassVar[str] = ""
    """The field, a dictionary, whose entries are attributes of their own."""

    def to_xarray(self) -> xarray.Dataset:
        """Everything as one dataset: arrays as variables, what is no array in its attributes."""
        facts = fields.words(self)
        facts |= facts.pop(self.spread, {})
        return dataset(fields.variables(self), **facts)

    @classmethod
    def from_xarray(cls, data: xarray.Dataset) -> Self:
        """The inverse of :meth:`to_xarray`."""
        facts = facts_of(data)
        own = {name: facts.pop(name) for name in fields.types_of(cls) if name in facts}
        given: dict[str, Any] = {cls.spread: facts} if cls.spread else {}
        return fields.made(cls, data, own, **given)

    def save(self, path: str | Path) -> Path:
        """Write :meth:`to_xarray` as netCDF and return the path."""
        return write(self.to_xarray().assign_attrs(result=type(self).__name__), path)

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read what :meth:`save` wrote.

        Raises:
            ValueError: if the file holds another kind of result, or is no netCDF file of fpsim.
            FileNotFoundError: if there is no such file.
        """
        data = read(path)
        kind = data.attrs.get("result")
        if kind != cls.__name__:
            raise ValueError(f"'{path}' holds {_called(kind)}, not a {cls.__name__}; fpsim.load(path) reads any kind")
        return cls.from_xarray(data)


def load(path: str | Path) -> Any:
    """Read a result of any kind that was saved as netCDF: an ``EscapeTime``, ``Comparison``, ``Paths`` and so on.

    Raises:
        ValueError: if the file is no netCDF file of a result.
        FileNotFoundError: if there is no such file.
    """
    data = read(path)
    kind = data.attrs.get("result")
    if kind not in HOMES:
        raise ValueError(f"'{path}' holds {_called(kind)}; load reads {', '.join(HOMES)} as written by their save()")
    return result_of(data)


def result_of(data: xarray.Dataset) -> Any:
    """The result that a dataset holds, of whichever kind its attribute ``result`` says."""
    kind = data.attrs["result"]
    return getattr(import_module(HOMES[kind]), kind).from_xarray(data)


def repeated(found: Any, changes: Mapping[str, Any]) -> Any:
    """The run that a result came from once more, with some of its options changed."""
    home, name = RUNS
    return getattr(import_module(home), name)(found, changes)


def _called(kind: Any) -> str:
    return "no result of fpsim" if kind is None else f"a {kind}"


def column(name: str, dims: str | Sequence[str], values: Any, units: str, long_name: str) -> Column:
    """One entry of :func:`dataset` made ahead, for one that goes into many."""
    import xarray
    from xarray.indexes import PandasIndex

    variable = xarray.Variable(dims, values, {"units": units, "long_name": long_name})
    if variable.dims != (name,):
        return Column(variable, None)
    index = PandasIndex(variable.values, name, coord_dtype=variable.dtype)
    return Column(index.create_variables({name: variable})[name], index)


def dataset(
    entries: Mapping[str, Entry], coordinates: Mapping[str, Entry | Column] | None = None, **facts: Any
) -> xarray.Dataset:
    """A dataset from ``name -> (dims, values, units, long_name)``; ``facts`` become attributes (nested as JSON).

    What is named like its one dimension is that dimension's axis.  Where xarray has it, a private way puts the dataset
    together: the constructor aligns and merges first, which takes longer (0.21 ms for 0.08) than many of the answers
    inside.  A test holds both ways against each other.
    """
    import xarray

    from fpsim import __version__

    given: dict[str, Entry | Column] = {**(coordinates or {}), **entries}
    made = {name: one.again() if isinstance(one, Column) else column(name, *one) for name, one in given.items()}
    variables: dict[Any, Any] = {name: one.variable for name, one in made.items()}
    indexes: dict[Any, Any] = {name: one.index for name, one in made.items() if one.index is not None}
    attributes = {name: attribute(value) for name, value in facts.items() if value is not None}
    attributes = {"fpsim_version": __version__, **attributes}
    names = {*(coordinates or {}), *indexes}
    direct = getattr(xarray.Dataset, PRIVATE, None)
    if direct is not None:
        found: xarray.Dataset = direct(variables, names, attrs=attributes, indexes=indexes)
        return found
    return xarray.Dataset(
        {n: v for n, v in variables.items() if n not in names}, {n: variables[n] for n in names}, attributes
    )


def attribute(value: Any) -> Any:
    """A value as netCDF can keep it: numbers and strings as they are, everything else as JSON text."""
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, int | float | str):
        return value
    return json.dumps(plain(value), allow_nan=False)


def facts_of(data: xarray.Dataset) -> dict[str, Any]:
    """The attributes of a dataset with the nested ones unfolded: the inverse of :func:`attribute`."""
    return {name: _unfolded(value) for name, value in data.attrs.items() if name not in ("fpsim_version", "result")}


def _unfolded(value: Any) -> Any:
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value.item() if hasattr(value, "item") else value


def as_json(data: Any) -> str:
    """JSON text of nested dictionaries, lists, numbers and arrays; what is not finite becomes null."""
    return json.dumps(plain(data), indent=2, allow_nan=False)


def plain(value: Any) -> Any:
    """The same in lists, dictionaries, strings, finite numbers and ``None`` only."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    return plain(value.tolist()) if hasattr(value, "tolist") else str(value)


def cache_base() -> Path:
    """The folder for what can be made again: ``$FPSIM_CACHE_DIR``, else ``fpsim`` in the user's cache folder."""
    named = os.environ.get("FPSIM_CACHE_DIR")
    return Path(named) if named else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "fpsim"


def write(data: xarray.Dataset, path: str | Path) -> Path:
    """Write ``data`` as netCDF-4 and return the path; an existing file is replaced only by a complete one."""
    path = Path(path)
    if path.suffix not in {".nc", ".netcdf"}:
        raise ValueError(f"results are saved as netCDF: expected a file name ending in .nc, got '{path.name}'")
    part = _part(path)
    data.to_netcdf(part, engine="h5netcdf")
    part.replace(path)
    return path


def write_text(text: str, path: str | Path) -> Path:
    """Write ``text`` and return the path; an existing file is replaced only by a complete one."""
    path = Path(path)
    part = _part(path)
    part.write_text(text + "\n", encoding="utf-8")
    part.replace(path)
    return path


def _part(path: Path) -> Path:
    """Where a file is written before it is complete; ``ValueError`` if its folder does not exist."""
    if not path.parent.is_dir():
        raise ValueError(f"cannot save to '{path}': the folder '{path.parent}' does not exist; create it first")
    return path.with_name(path.name + ".part")


def read(path: str | Path) -> xarray.Dataset:
    """The dataset in a netCDF file, in memory."""
    import xarray

    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"there is no file '{path}' to load; check the path")
    try:
        with xarray.open_dataset(path, engine="h5netcdf") as data:
            return data.load()
    except Exception as error:  # whatever the reader makes of a file that is none of ours
        raise ValueError(f"'{path}' cannot be read as netCDF ({' '.join(str(error).split())[:120]})") from None
