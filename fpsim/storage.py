"""netCDF in and out: every variable with units and a long name, every file with version and settings."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import xarray

Entry = tuple[str | Sequence[str], Any, str, str]


def cache_base() -> Path:
    """The folder for what can be made again: ``$FPSIM_CACHE_DIR``, else ``fpsim`` in the user's cache folder."""
    named = os.environ.get("FPSIM_CACHE_DIR")
    return Path(named) if named else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "fpsim"


def dataset(
    entries: Mapping[str, Entry], coordinates: Mapping[str, Entry] | None = None, **facts: Any
) -> xarray.Dataset:
    """A dataset from ``name -> (dims, values, units, long_name)``; ``facts`` become attributes (nested as JSON)."""
    import xarray

    from fpsim import __version__

    def variable(entry: Entry) -> Any:
        dims, values, units, long_name = entry
        return xarray.Variable(dims, values, {"units": units, "long_name": long_name})

    attributes = {name: attribute(value) for name, value in facts.items() if value is not None}
    return xarray.Dataset(
        {name: variable(entry) for name, entry in entries.items()},
        coords={name: variable(entry) for name, entry in (coordinates or {}).items()},
        attrs={"fpsim_version": __version__, **attributes},
    )


def attribute(value: Any) -> Any:
    """A value as netCDF can keep it: numbers and strings as they are, everything else as JSON text."""
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, int | float | str):
        return value
    return json.dumps(value, default=lambda v: v.tolist() if hasattr(v, "tolist") else str(v))


def write(data: xarray.Dataset, path: str | Path) -> Path:
    """Write ``data`` as netCDF-4 and return the path; an existing file is replaced only by a complete one."""
    path = Path(path)
    if path.suffix not in {".nc", ".netcdf"}:
        raise ValueError(f"results are saved as netCDF: expected a file name ending in .nc, got '{path.name}'")
    if not path.parent.is_dir():
        raise ValueError(f"cannot save to '{path}': the folder '{path.parent}' does not exist; create it first")
    part = path.with_name(path.name + ".part")
    data.to_netcdf(part, engine="h5netcdf")
    part.replace(path)
    return path
