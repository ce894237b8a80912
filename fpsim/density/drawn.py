"""Datasets that draw themselves: ``committor(a, b).plot()``."""

from __future__ import annotations

from typing import Any

import xarray


class Committor(xarray.Dataset):  # type: ignore[no-untyped-call]
    """The chance to meet ``b`` before ``a`` on a grid; a dataset like any other whose ``plot`` draws that chance."""

    __slots__ = ()

    def plot(self, axes: Any = None) -> Any:  # type: ignore[override]
        """A curve in one dimension, filled contours with the 1/2 line in two; returns the figure."""
        from fpsim.plotting import committor_map

        return committor_map(self, axes)


def committor_of(data: xarray.Dataset) -> Committor:
    """The same data, attributes that are still to be worked out among them."""
    found = Committor(data.data_vars, data.coords)
    found._attrs = data._attrs
    return found
