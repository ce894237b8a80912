"""Saddles and minima as variables of a dataset, several along one dimension, and back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fpsim.storage import facts_of
from fpsim.valleys.saddle import Saddle
from landscapes.critical.points import CriticalPoint

if TYPE_CHECKING:
    import xarray


def saddles_packed(saddles: Sequence[Saddle]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Variables ``pass_...`` along the dimension ``pass``, and what of each saddle is no array."""
    sets = [s.to_xarray() for s in saddles]
    entries = {
        f"pass_{name}": (
            ("pass", *of.dims), np.stack([one[name].values for one in sets]), of.attrs["units"], of.attrs["long_name"],
        )
        for name, of in (sets[0].data_vars.items() if sets else ())
    }  # fmt: skip
    return entries, [facts_of(one) for one in sets]


def saddles_unpacked(data: xarray.Dataset, facts: Sequence[dict[str, Any]]) -> tuple[Saddle, ...]:
    """The inverse of :func:`saddles_packed`."""
    names = {str(name): str(name).removeprefix("pass_") for name in data.data_vars if str(name).startswith("pass_")}
    part = data[list(names)].rename(names)
    part.attrs = {}
    return tuple(Saddle.from_xarray(part.isel({"pass": k}).assign_attrs(one)) for k, one in enumerate(facts))


def minima_packed(minima: Sequence[CriticalPoint]) -> dict[str, Any]:
    """Variables along the dimension ``state``."""
    return {
        "minima": (("state", "coordinate"), [m.x for m in minima], "", "minima"),
        "loss": ("state", [m.loss for m in minima], "loss", "loss at the minima"),
        "curvatures": (("state", "mode"), [m.eigenvalues for m in minima], "loss/length^2", "curvatures at the minima"),
    }


def minima_unpacked(data: xarray.Dataset) -> tuple[CriticalPoint, ...]:
    """The inverse of :func:`minima_packed`."""
    parts = zip(data.minima.values, data.loss.values, data.curvatures.values, strict=True)
    return tuple(CriticalPoint(x, float(loss), curvatures, 0) for x, loss, curvatures in parts)
