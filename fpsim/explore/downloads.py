"""What is on the page as files: netCDF with everything, CSV of its single tables."""

from __future__ import annotations

import csv
import io
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from fpsim import __version__
from fpsim.explore.arrays import unpacked

TABLES = ("routes", "landscape", "density", "survival")


def as_csv(picture: dict[str, Any], table: str) -> str:
    """One of TABLES of a picture, with a header line.

    Raises:
        ValueError: for another table, or one that this picture does not have.
    """
    if table not in TABLES:
        raise ValueError(f"there is no table '{table[:40]}'; known are {', '.join(TABLES)}")
    if table == "routes":
        names = ["method", "process", "mean", "log_mean", "log_error", "units", "ratio", "z", "failed"]
        rows: Iterable[Any] = (_route(row, names) for row in picture["table"]["rows"])
        return _written(names, rows)
    if table == "landscape":
        return _written(*_nodes(picture))
    part = picture.get(table)
    if part is None:
        why = picture.get("no_density") or "it comes with pictures in one dimension"
        raise ValueError(f"this picture has no {table}: {why}")
    times = unpacked(part["times"])
    if table == "survival":
        return _written(["time", "survival"], zip(times.tolist(), unpacked(part["values"]).tolist(), strict=True))
    x, values = unpacked(part["axes"][0]), unpacked(part["values"])
    head = [picture["variables"][0], *(f"density at t = {t:.6g}" for t in times)]
    return _written(head, ([float(a), *row] for a, row in zip(x, values.T.tolist(), strict=True)))


def as_netcdf(picture: dict[str, Any]) -> bytes:
    """All arrays of a picture in one netCDF file, with the problem in words."""
    import xarray

    surface, names = picture["surface"], picture["variables"]
    data = xarray.Dataset({k: (names, unpacked(surface[k])) for k in ("height", "noise") if surface[k] is not None})
    data = data.assign_coords({n: unpacked(a) for n, a in zip(names, surface["axes"], strict=True)})
    if picture.get("density"):
        part = picture["density"]
        cells = [f"{name}_cell" for name in names]
        data = data.assign_coords({n: unpacked(a) for n, a in zip(cells, part["axes"], strict=True)})
        data = data.assign_coords(time=unpacked(part["times"]))
        data["density"] = (["time", *cells], unpacked(part["values"]))
    if picture.get("survival"):
        data = data.assign_coords(survival_time=unpacked(picture["survival"]["times"]))
        data["survival"] = (["survival_time"], unpacked(picture["survival"]["values"]))
    rows = picture["table"]["rows"]
    data["log_mean"] = (["route"], [row["log_mean"] for row in rows])
    data = data.assign_coords(route=[row["method"] for row in rows])
    facts = {"problem": picture["title"], "command": picture["command"], "fpsim_version": __version__}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "page.nc"
        data.assign_attrs(facts).to_netcdf(path, engine="h5netcdf")
        return path.read_bytes()


def _nodes(picture: dict[str, Any]) -> tuple[list[str], Iterable[Any]]:
    import numpy as np

    surface, names = picture["surface"], picture["variables"]
    columns = list(np.meshgrid(*(unpacked(axis) for axis in surface["axes"]), indexing="ij"))
    head = [*names, surface["height_name"]]
    columns.append(unpacked(surface["height"]))
    if surface["noise"] is not None:
        head.append(surface["noise_name"])
        columns.append(unpacked(surface["noise"]))
    return head, np.stack([c.ravel() for c in columns], axis=1).tolist()


def _route(row: dict[str, Any], names: list[str]) -> list[Any]:
    failed = "; ".join(f"{a['statement']} ({a['detail']})" for a in row["failed"])
    return [failed if name == "failed" else row[name] for name in names]


def _written(head: list[str], rows: Iterable[Any]) -> str:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(head)
    writer.writerows(rows)
    return text.getvalue()
