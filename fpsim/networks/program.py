"""A network of known layers as the table that :mod:`fpsim.kernels.network` runs.

Every value of the network, and every slope, is a grid of channels with a border of zeros as wide as somebody looks over
its edges.  A convolution with stride s and padding P reads, for output (p, q) and entry (a, b) of its kernel, the place
(s p + a - P, s q + b - P) of its source.  The slope along its source at (s i + u, s j + v) collects from the entries
with a = u + P and b = v + P modulo s, at the places (i + (u + P - a)/s, j + (v + P - b)/s) of the slope along its
result: one sum of products for each (u, v).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fpsim.kernels import network as k
from landscapes.networks.lane_layers import Activation, Convolution, Flattened, Mean, Sum
from landscapes.networks.lane_text import Value
from landscapes.networks.network_code import KnownLayers

Table = NDArray[np.int64]
CURVES = {"gelu": k.GELU, "silu": k.SILU, "tanh": k.TANH, "softplus": k.SOFTPLUS, "relu": k.RELU}


@dataclass(frozen=True)
class Program:
    """Arguments of :func:`fpsim.kernels.network.network_slopes`."""

    forward: Table
    backward: Table
    places: Table
    factors: NDArray[Any]
    facts: Table


@dataclass(frozen=True)
class Grid:
    """Where the numbers of a value or a slope are."""

    first: int
    channels: int
    height: int
    width: int
    border: int

    @property
    def row(self) -> int:
        """From one row to the next."""
        return self.width + 2 * self.border

    @property
    def plane(self) -> int:
        """From one channel to the next."""
        return (self.height + 2 * self.border) * self.row

    @property
    def origin(self) -> int:
        """Place of channel 0, row 0, column 0."""
        return self.first + self.border * (self.row + 1)

    def pixels(self, rows: Iterable[int] | None = None, columns: Iterable[int] | None = None) -> list[int]:
        """Places of rows x columns (or all) behind ``origin``."""
        across = list(range(self.width) if columns is None else columns)
        return [p * self.row + q for p in (range(self.height) if rows is None else rows) for q in across]


@dataclass
class _Writer:
    """The table while it grows; all numbers count those of one lane, until :meth:`program` multiplies them."""

    size: int = 0
    rows: list[dict[int, int]] = field(default_factory=list)
    factors: list[float] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    lists: dict[tuple[int, ...], int] = field(default_factory=dict)
    touched: set[int] = field(default_factory=set)

    def grid(self, value: Value, border: int) -> Grid:
        """Room for a value."""
        made = Grid(self.size, *value.shape, border)
        self.size += made.channels * made.plane
        return made

    def listed(self, places: Iterable[int]) -> int:
        """Where a list of places begins."""
        key = tuple(places)
        if key not in self.lists:
            self.lists[key] = len(self.places)
            self.places.extend(key)
        return self.lists[key]

    def adds(self, slope: Grid) -> int:
        """Whether something has been put there already."""
        before = slope.first in self.touched
        self.touched.add(slope.first)
        return int(before)

    def write(self, what: int, factor: float = 1.0, **entries: int) -> None:
        """One row."""
        self.rows.append({0: what} | {getattr(k, name.upper()): value for name, value in entries.items()})
        self.factors.append(factor)

    def each(self, what: int, y: Grid, x: Grid, adding: int = 0, factor: float = 1.0, **entries: int) -> None:
        """A row that takes the numbers of x to those of y, one by one; a single pixel of either meets all of the other.

        Where all of x add up in one pixel, the first of them begins.
        """
        from_x, to_y = x.pixels(), y.pixels()
        from_x, to_y = from_x * (len(to_y) if len(from_x) == 1 else 1), to_y * (len(from_x) if len(to_y) == 1 else 1)
        places = {"many": x.channels, "y": y.origin, "x": x.origin, "y_step": y.plane, "x_step": x.plane}
        first = 1 if len(set(to_y)) < len(to_y) and not adding else len(to_y)
        for part, added in ((slice(0, first), adding), (slice(first, None), 1)):
            lists = {"by_x": self.listed(from_x[part]), "by_y": self.listed(to_y[part]), "pixels": len(to_y[part])}
            if lists["pixels"]:
                self.write(what, factor, adding=added, **lists, **places, **entries)

    def table(self, rows: list[dict[int, int]], lanes: int) -> Table:
        """Rows as numbers; places in the arrays count lanes."""
        counted = {k.Y, k.X, k.W, k.BIAS, k.Y_STEP, k.X_STEP, k.W_STEP}
        found = np.zeros((len(rows), k.COLUMNS), dtype=np.int64)
        for line, row in zip(found, rows, strict=True):
            line[k.BIAS] = -1
            for column, number in row.items():
                line[column] = number * lanes if column in counted else number
        return found


def program_of(network: KnownLayers, dtype: Any) -> Program:
    """Write the table of a network for numbers of ``dtype``."""
    own = _Writer()
    grids = {value.name: own.grid(value, value.border) for value in network.values}
    borders = {layer.value.name: _reach(layer) for layer in network.layers if isinstance(layer, Convolution)}
    slopes = {v.name: own.grid(v, borders.get(v.name, 0)) for v in network.values if v.moves}
    kept = {layer.value.name: own.grid(layer.value, 0) for layer in network.layers if isinstance(layer, Activation)}
    for layer in network.layers:
        _forward(own, layer, grids, kept)
    forward = len(own.rows)
    for layer in reversed(network.layers):
        _backward(own, layer, grids, slopes, kept)
    lanes, entry, out = 64 // np.dtype(dtype).itemsize, grids[network.input.name], grids[network.values[-1].name]
    inputs = [entry.origin + c * entry.plane + place for c in range(entry.channels) for place in entry.pixels()]
    loss = k.SQUARED if network.kind == "squared" else k.TWO_CLASSES if out.channels == 1 else k.CLASSES
    at_input, slope = own.listed(inputs), slopes[network.values[-1].name]
    return Program(
        own.table(own.rows[:forward], lanes),
        own.table(own.rows[forward:], lanes),
        np.array(own.places, dtype=np.int64) * lanes,
        np.array(own.factors, dtype=dtype),
        np.array([
            own.size * lanes, at_input, len(inputs), out.origin * lanes, slope.origin * lanes, slope.plane * lanes,
            out.channels, loss,
        ]),
    )


def _forward(own: _Writer, layer: Any, grids: dict[str, Grid], kept: dict[str, Grid]) -> None:
    y = grids[layer.value.name]
    if isinstance(layer, Convolution):
        own.write(k.PRODUCTS, **_reading(own, layer, grids[layer.source.name], y))
    elif isinstance(layer, Activation):
        own.each(k.CURVE, y, grids[layer.source.name], w=kept[layer.value.name].first, kind=CURVES[layer.kind])
    elif isinstance(layer, Mean):
        x = grids[layer.source.name]
        own.each(k.SHARE, y, x, 0, 1 / (x.height * x.width))
    elif isinstance(layer, Sum):
        for adding, source in enumerate(layer.sources):
            own.each(k.SHARE, y, grids[source.name], adding)
    else:
        x = grids[layer.source.name]
        own.each(k.SHARE, _as_images(y, x), x)


def _backward(
    own: _Writer, layer: Any, grids: dict[str, Grid], slopes: dict[str, Grid], kept: dict[str, Grid]
) -> None:
    dy = slopes.get(layer.value.name)
    if dy is None:
        return
    if isinstance(layer, Convolution):
        own.write(k.WEIGHTS, **_reading(own, layer, grids[layer.source.name], dy))
        if layer.source.moves:
            _collected(own, layer, slopes[layer.source.name], dy)
        return
    for source in layer.sources if isinstance(layer, Sum) else (layer.source,):
        if not source.moves:
            continue
        dx = slopes[source.name]
        adding = own.adds(dx)
        if isinstance(layer, Activation):
            own.each(k.TIMES, dx, dy, adding, w=kept[layer.value.name].first)
        elif isinstance(layer, Mean):
            own.each(k.SHARE, dx, dy, adding, 1 / (dx.height * dx.width))
        else:
            own.each(k.SHARE, dx, _as_images(dy, dx) if isinstance(layer, Flattened) else dy, adding)


def _as_images(flat: Grid, like: Grid) -> Grid:
    """A flat value seen as channels of images."""
    return Grid(flat.first, like.channels, like.height, like.width, 0)


def _reading(own: _Writer, layer: Convolution, x: Grid, y: Grid) -> dict[str, int]:
    """Entries of a convolution that reads x and has y (or its slope) as result."""
    taps, step = range(layer.side), layer.stride
    entries = [c * x.plane + (a - layer.padding) * x.row + b - layer.padding
               for c in range(x.channels) for a in taps for b in taps]  # fmt: skip
    return {
        "y": y.origin, "x": x.origin, "w": layer.weight, "bias": -1 if layer.bias is None else layer.bias,
        "many": y.channels, "terms": len(entries), "pixels": y.height * y.width, "w_step": len(entries),
        "at_w": own.listed(range(len(entries))), "at_x": own.listed(entries), "y_step": y.plane,
        "by_x": own.listed(x.pixels(range(0, step * y.height, step), range(0, step * y.width, step))),
        "by_y": own.listed(y.pixels()),
    }  # fmt: skip


def _collected(own: _Writer, layer: Convolution, dx: Grid, dy: Grid) -> None:
    """What the slope along the source of a convolution collects."""
    step, side, adding = layer.stride, layer.side, own.adds(dx)
    each = dx.channels * side**2
    for u in range(min(step, dx.height)):
        for v in range(min(step, dx.width)):
            taps = [(a, b) for a in _entries(layer, u) for b in _entries(layer, v)]
            places = [((u + layer.padding - a) // step, (v + layer.padding - b) // step) for a, b in taps]
            rows, columns = range(u, dx.height, step), range(v, dx.width, step)
            own.write(
                k.PRODUCTS, y=dx.origin, x=dy.origin, w=layer.weight, many=dx.channels, w_step=side**2,
                terms=dy.channels * len(taps), pixels=len(rows) * len(columns), y_step=dx.plane, adding=adding,
                at_w=own.listed([o * each + a * side + b for o in range(dy.channels) for a, b in taps]),
                at_x=own.listed([o * dy.plane + p * dy.row + q for o in range(dy.channels) for p, q in places]),
                by_x=own.listed(dy.pixels(range(len(rows)), range(len(columns)))),
                by_y=own.listed(dx.pixels(rows, columns)),
            )  # fmt: skip


def _entries(layer: Convolution, offset: int) -> list[int]:
    """Rows (or columns) of the kernel that meet the source at ``offset`` modulo the stride."""
    return [a for a in range(layer.side) if (offset + layer.padding - a) % layer.stride == 0]


def _reach(layer: Convolution) -> int:
    """How far :func:`_collected` looks over the edges of the slope along the result."""
    if not layer.source.moves:
        return 0
    over = 0
    for size, result in zip(layer.source.shape[1:], layer.value.shape[1:], strict=True):
        for u in range(min(layer.stride, size)):
            last = (size - 1 - u) // layer.stride
            steps = [(u + layer.padding - a) // layer.stride for a in _entries(layer, u)]
            over = max([over, *(-s for s in steps), *(last + s - (result - 1) for s in steps)])
    return over
