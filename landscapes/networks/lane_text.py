"""Text of loops over lanes: the pieces of which :mod:`landscapes.networks.lane_layers` writes a network.

A value of a network is an array of C channels on a grid, for a group of lanes side by side, with a border of zeros as
wide as the convolutions that read it look over its edges:

    name[lanes * (((c * (H + 2 e)) + p + e) * (W + 2 e) + q + e) + j]
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass


class Text:
    """Lines of a function; ``lanes`` of them go side by side, innermost.

    Args:
        lanes: one on a GPU, where every thread is a lane; there is no loop over them then.
    """

    def __init__(self, lanes: int) -> None:
        self.lanes, self.lines, self.depth = lanes, list[str](), 1
        self.numbers: list[float] = []

    def line(self, text: str) -> None:
        """One line where we are."""
        self.lines.append("    " * self.depth + text)

    def number(self, value: float) -> str:
        """The name of a number, which stands in ``data``: a literal would turn single precision into double."""
        if value not in self.numbers:
            self.numbers.append(value)
        return f"c{self.numbers.index(value)}"

    @contextmanager
    def over(self, name: str, count: int) -> Iterator[str]:
        """A loop ``name`` = 0 ... count - 1 around what is written inside; of one turn, the number 0 instead."""
        if count == 1:
            yield "0"
            return
        self.line(f"for {name} in range({count}):")
        self.depth += 1
        yield name
        self.depth -= 1

    @contextmanager
    def grid(self, value: Value, channel: str = "c") -> Iterator[tuple[str, str, str]]:
        """Loops over channels, rows and columns."""
        counts = value.channels, value.height, value.width
        with self.over(channel, counts[0]) as c, self.over("p", counts[1]) as p, self.over("q", counts[2]) as q:
            yield c, p, q

    def each(self, *statements: str) -> None:
        """Statements for every lane ``j``."""
        with self.over("j", self.lanes):
            for statement in statements:
                self.line(statement)

    def at(self, name: str, index: str) -> str:
        """One lane's number ``index`` of an array."""
        return f"{name}[{index}]" if self.lanes == 1 else f"{name}[{self.lanes} * ({index}) + j]"

    def collect(self, name: str, count: int, start: str, term: Callable[[str], str], put: str) -> None:
        """``put`` start + the sum of terms over a loop, of which ``put`` is the left side of an assignment."""
        if count == 1:
            self.each(f"{put} {start + ' + ' if start else ''}{term('0')}")
            return
        self.each(f"{self.total} = {start or self.number(0.0)}")
        with self.over(name, count) as k:
            self.each(f"{self.total} += {term(k)}")
        self.each(f"{put} {self.total}")

    @property
    def total(self) -> str:
        """One lane's sum that is being taken."""
        return "t" if self.lanes == 1 else self.at("t", "0")

    def array(self, name: str, size: int) -> None:
        """Room for ``size`` numbers of each lane."""
        self.line(f"{name} = local({size * self.lanes})")

    def zero(self, name: str, size: int) -> None:
        """Set all of an array to 0."""
        self.line(f"for i in range({size * self.lanes}):")
        self.line(f"    {name}[i] = 0.0")


@dataclass
class Value:
    """What a layer makes, and the slope of the loss along it.

    Attributes:
        name: of its array; that of its slope is ``d`` before it.
        channels, height, width: its shape.
        moves: whether it depends on the parameters, so that it has a slope.
        border, slope_border: zeros around it, and around its slope.
        touched: whether anything has been added to its slope.
    """

    name: str
    channels: int
    height: int
    width: int
    moves: bool = True
    border: int = 0
    slope_border: int = 0
    touched: bool = False

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, height, width."""
        return self.channels, self.height, self.width

    @property
    def size(self) -> int:
        """Numbers with the border."""
        return self.channels * (self.height + 2 * self.border) * (self.width + 2 * self.border)

    @property
    def slope_size(self) -> int:
        """Numbers of the slope with its border."""
        return self.channels * (self.height + 2 * self.slope_border) * (self.width + 2 * self.slope_border)

    def place(self, c: str, p: str, q: str, down: int = 0, right: int = 0) -> str:
        """Index of the number in channel c, row p + down, column q + right."""
        return _place(self.shape, self.border, c, p, q, down, right)

    def slope_place(self, c: str, p: str, q: str, down: int = 0, right: int = 0) -> str:
        """The same of its slope."""
        return _place(self.shape, self.slope_border, c, p, q, down, right)

    def adding(self) -> str:
        """How the next share of its slope is put in: the first one fills the array."""
        sign, self.touched = "+=" if self.touched else "=", True
        return sign


def _place(shape: tuple[int, int, int], border: int, c: str, p: str, q: str, down: int, right: int) -> str:
    _, height, width = shape
    rows, columns = height + 2 * border, width + 2 * border
    here = f"{p} * {columns} + {q} + {(border + down) * columns + border + right}"
    return here if c == "0" else f"{c} * {rows * columns} + {here}"
