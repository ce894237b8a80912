"""Finished pieces of a study, one small file each: an interrupted study goes on where it stopped.

A piece is known by its name, its settings and the code that made it (`validation.study.stamp`).  The same piece is
read, not computed again; one that was made otherwise is left alone.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fpsim.storage import cache_base, write
from validation.study.findings import Rows
from validation.study.stamp import stamp

if TYPE_CHECKING:
    import xarray


def folder_of(study: str) -> Path:
    """Where the pieces of a study are kept if nothing else is said: in the user's cache folder."""
    return cache_base() / "studies" / study


@dataclass(frozen=True)
class Pieces:
    """The finished pieces in one folder.

    Args:
        folder: made when the first piece is written; None keeps nothing.
        measure: the function that asks for them, which may hand objects to what makes a piece: its code counts too.

    Attributes:
        found: names of the pieces that an earlier run had finished, in the order in which they were read.
    """

    folder: Path | None = None
    measure: Callable[..., Any] | None = None
    found: list[str] = field(default_factory=list, compare=False)
    _own: set[Path] = field(default_factory=set, compare=False, repr=False)

    def rows(self, name: str, make: Callable[[], Rows], **settings: Any) -> Rows:
        """Rows of plain numbers and words under ``name``, kept as JSON; ``make()`` computes them.

        Raises:
            TypeError: for rows that JSON cannot keep.
        """
        path = self._path(name, make, settings, ".json")
        if path is not None and path.is_file():
            self._read(name, path)
            return list(json.loads(path.read_text())["rows"])
        text = json.dumps({"name": name, "settings": _plain(settings), "rows": _plain(make())}, indent=1)
        if path is not None:
            part = path.with_name(path.name + ".part")
            part.write_text(text)
            part.replace(path)
            self._own.add(path)
        return list(json.loads(text)["rows"])

    def data(self, name: str, make: Callable[[], xarray.Dataset], **settings: Any) -> xarray.Dataset:
        """A dataset under ``name``, kept as netCDF; ``make()`` computes it."""
        import xarray

        path = self._path(name, make, settings, ".nc")
        if path is None:
            return make()
        if path.is_file():
            self._read(name, path)
        else:
            write(make(), path)
            self._own.add(path)
        # always from the file: sums over a view and over its copy may differ in their last bit
        return xarray.load_dataset(path, engine="h5netcdf")

    def _read(self, name: str, path: Path) -> None:
        if path not in self._own:
            self.found.append(name)

    def _path(self, name: str, make: Callable[[], Any], settings: Mapping[str, Any], ending: str) -> Path | None:
        if self.folder is None:
            return None
        self.folder.mkdir(parents=True, exist_ok=True)
        known = json.dumps([stamp(make, self.measure or make), _plain(settings)], sort_keys=True)
        return self.folder / f"{name}-{hashlib.sha256(known.encode()).hexdigest()[:12]}{ending}"


def _plain(value: Any) -> Any:
    """Numbers, strings, lists and dictionaries that JSON knows; NaN and infinity stay."""
    if isinstance(value, Mapping):
        return {str(key): _plain(v) for key, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    return value.tolist() if hasattr(value, "tolist") else value
