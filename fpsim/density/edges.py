"""Directed edges between grid cells and the rates along them.

    fitted    rate = scale / int_0^1 exp(phi(s)) ds + max(wind, 0)                      (positive: Scharfetter-Gummel)
    guided    rate = base + flow exp(-rise / 2) / 2,      base = scale / int exp(phi(s) - s turn) ds,
              turn = phi(1) - rise,                       flow = wind - scale turn

phi is the potential of the whole drift along the edge and ``rise`` the part of it that belongs to a stationary density;
what is left over (``turn``: rotation) is transported by central differences of the density at the edge's middle, so
that no numerical diffusion comes of it.  Such a rate may be negative.  ``wind`` is drift along an edge without noise.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Indices = NDArray[np.int64]
STEEPEST = 8.0  # |rise| of an edge beyond which it is fitted: no density is resolved there


@dataclass(frozen=True)
class Edges:
    """Edges out of cells.

    Attributes:
        source: the cell that each edge leaves, shape (m,).
        offset: the edge in whole cells, shape (m, d).
        scale, mid, end: rate of the edge without potential, and the potential phi at its middle and its end relative
            to its source, shape (m,).
        wind: drift along edges without noise over their length, shape (m,); ``None`` where there are none.
        rise: guide, shape (m,), NaN on fitted edges; ``None`` where all are fitted.
    """

    source: Indices
    offset: Indices
    scale: Array
    mid: Array
    end: Array
    wind: Array | None = None
    rise: Array | None = None

    def take(self, index: NDArray[np.int64] | NDArray[np.bool_]) -> Edges:
        """The edges of an index or mask."""
        wind = None if self.wind is None else self.wind[index]
        rise = None if self.rise is None else self.rise[index]
        scale, mid, end = (values[index] for values in (self.scale, self.mid, self.end))
        return Edges(self.source[index], self.offset[index], scale, mid, end, wind, rise)

    def rates(self, fraction: Array | None = None) -> Array:
        """Rate of each edge, shape (m,); of edges cut short at ``fraction`` of their length if that is given."""
        if self.rise is None:
            rate = self._along(self.mid, self.end, fraction)
            if self.wind is None:
                return rate
            return np.asarray(rate + np.maximum(self.wind, 0.0) / (1.0 if fraction is None else fraction))
        guided = np.isfinite(self.rise)
        rise, wind = np.where(guided, self.rise, 0.0), 0.0 if self.wind is None else self.wind
        turn = np.where(guided, self.end - rise, 0.0)
        base = self._along(self.mid - turn / 2, self.end - turn, fraction)
        a = 1.0 if fraction is None else fraction
        carried = (wind - self.scale * turn) * np.exp(-a * rise / 2) / 2  # a shorter arm carries no more
        return np.where(guided, base + carried, base + np.maximum(wind, 0.0) / a)

    def _along(self, mid: Array, end: Array, fraction: Array | None) -> Array:
        from fpsim.kernels.assembly import cut_rates, edge_rates

        if fraction is None:
            return np.asarray(edge_rates(self.scale, mid, end))
        return np.asarray(cut_rates(self.scale, mid, end, fraction))


def joined(parts: list[Edges]) -> Edges:
    """Edges one after the other."""
    source, offset, scale, mid, end = (
        np.concatenate([getattr(part, name) for part in parts]) for name in ("source", "offset", "scale", "mid", "end")
    )
    wind = None
    if any(part.wind is not None for part in parts):
        wind = np.concatenate([np.zeros(part.scale.size) if part.wind is None else part.wind for part in parts])
    return Edges(source, offset, scale, mid, end, wind)
