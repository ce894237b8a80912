"""Layers written out lane by lane, forward and backward:

    convolution   y_opq = b_o + sum_cab w_ocab x_c,sp+a-P,sq+b-P       dw_ocab = sum_pq dy_opq x_c,sp+a-P,sq+b-P
                  dx = the transposed sum                              (s stride, P padding, k kernel's side)
    activation    y = f(x),    dx = f'(x) dy
    mean, sum     of channels, of branches

A linear layer is a convolution of a 1 x 1 image.  Parameters stand in ``w``, their gradient in ``g``, by their numbers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

from landscapes.networks.lane_text import Text, Value


class Layer(Protocol):
    """One step of a network."""

    def forward(self, text: Text) -> None:
        """Write the value it makes."""

    def backward(self, text: Text) -> None:
        """Write what its value's slope adds to the slopes of what it reads, and to the gradient."""


@dataclass
class Convolution:
    """``weight`` and ``bias`` are the numbers of its first parameters, ``bias`` None without one."""

    source: Value
    value: Value
    weight: int
    bias: int | None
    side: int
    stride: int = 1
    padding: int = 0

    def __post_init__(self) -> None:
        self.source.border = max(self.source.border, self.padding)
        if self.source.moves and self.stride == 1:
            self.value.slope_border = max(self.side - 1 - self.padding, self.padding)
        if self.source.moves and self.stride > 1:
            self.source.slope_border = max(self.source.slope_border, self.padding)

    def _weight(self, o: str, c: str, a: int, b: int) -> str:
        within = self.weight + a * self.side + b
        return f"{o} * {self.source.channels * self.side**2} + {c} * {self.side**2} + {within}"

    def _source(self, c: str, p: str, q: str, a: int | str, b: int | str) -> str:
        """Place of the number that entry (a, b) of the kernel reads for output (p, q)."""
        down, right = (v if isinstance(v, int) else 0 for v in (a, b))
        rows, columns = (f"({self.stride} * {v})" if self.stride > 1 else v for v in (p, q))
        rows, columns = (v if isinstance(e, int) else f"({v} + {e})" for v, e in ((rows, a), (columns, b)))
        return self.source.place(c, rows, columns, down - self.padding, right - self.padding)

    def forward(self, text: Text) -> None:
        """The sum over channels and entries of the kernel."""
        source, entries = self.source, range(self.side)
        with text.grid(self.value, "o") as (o, p, q):

            def products(c: str) -> str:
                pairs = ((self._weight(o, c, a, b), self._source(c, p, q, a, b)) for a in entries for b in entries)
                return _sum([f"{text.at('w', weight)} * {text.at(source.name, place)}" for weight, place in pairs])

            start = "" if self.bias is None else text.at("w", f"{o} + {self.bias}")
            put = text.at(self.value.name, self.value.place(o, p, q))
            text.collect("c", source.channels, start, products, f"{put} =")

    def backward(self, text: Text) -> None:
        """Gradient of weights and bias, and the transposed sum."""
        self._weights(text)
        if self.source.moves and self.stride == 1:
            self._gather(text)
        elif self.source.moves:
            self._scatter(text)

    def _slope(self, text: Text, o: str, p: str, q: str) -> str:
        return text.at("d" + self.value.name, self.value.slope_place(o, p, q))

    def _weights(self, text: Text) -> None:
        value, side, columns = self.value, self.side, [str(q) for q in range(self.value.width)]
        with text.over("o", value.channels) as o:
            if self.bias is not None:
                put = f"{text.at('g', f'{o} + {self.bias}')} ="
                text.collect("p", value.height, "", lambda p: _sum([self._slope(text, o, p, q) for q in columns]), put)
            with text.over("c", self.source.channels) as c, text.over("a", side) as a, text.over("b", side) as b:

                def products(p: str) -> str:
                    places = (text.at(self.source.name, self._source(c, p, q, a, b)) for q in columns)
                    return _sum([f"{self._slope(text, o, p, q)} * {z}" for q, z in zip(columns, places, strict=True)])

                place = f"{self._weight(o, c, 0, 0)} + {a} * {side} + {b}"
                text.collect("p", value.height, "", products, f"{text.at('g', place)} =")

    def _gather(self, text: Text) -> None:
        """Every number of the source collects what came of it."""
        source, value, entries, reach = self.source, self.value, range(self.side), self.padding
        sign, slope = source.adding(), "d" + source.name
        with text.grid(source) as (c, p, q):

            def products(o: str) -> str:
                pairs = (
                    (self._weight(o, c, a, b), value.slope_place(o, p, q, reach - a, reach - b))
                    for a in entries
                    for b in entries
                )
                return _sum([f"{text.at('w', w)} * {text.at('d' + value.name, place)}" for w, place in pairs])

            put = f"{text.at(slope, source.slope_place(c, p, q))} {sign}"
            text.collect("o", value.channels, "", products, put)

    def _scatter(self, text: Text) -> None:
        """Every number of the value gives its share to what it came of."""
        source, value, entries = self.source, self.value, range(self.side)
        if source.adding() == "=":
            text.zero("d" + source.name, source.slope_size)
        with text.grid(value, "o") as (o, p, q), text.over("c", source.channels) as c:
            rows, columns = (f"({self.stride} * {v})" for v in (p, q))
            for a in entries:
                for b in entries:
                    place = source.slope_place(c, rows, columns, a - self.padding, b - self.padding)
                    share = f"{text.at('w', self._weight(o, c, a, b))} * {self._slope(text, o, p, q)}"
                    text.each(f"{text.at('d' + source.name, place)} += {share}")


SLOPES = {
    "tanh": ("tanh(u)", "{one} - v * v"),
    "relu": ("max(u, {zero})", "{one} if v > {zero} else {zero}"),
    "softplus": ("max(u, {zero}) + math.log1p(math.exp(-abs(u)))", "logistic(u)"),
    "silu": ("u * logistic(u)", "logistic(u) + v * ({one} - logistic(u))"),
    "gelu": (
        "u * ({half} + {half} * math.erf(u * {root}))",
        "{half} + {half} * math.erf(u * {root}) + u * {peak} * math.exp(-{half} * u * u)",
    ),
}
"""Activations v = f(u) and their slopes f'(u), by torch's names."""
CONSTANTS = {"zero": 0.0, "half": 0.5, "one": 1.0, "root": 0.5**0.5, "peak": (2 * math.pi) ** -0.5}


@dataclass
class Activation:
    """f of every number."""

    kind: str
    source: Value
    value: Value

    def forward(self, text: Text) -> None:
        """F."""
        self._everywhere(text, [f"{self._value(text)} = {self._formula(text, 0)}"])

    def backward(self, text: Text) -> None:
        """F' times the slope."""
        if not self.source.moves:
            return
        source, sign = self.source, self.source.adding()
        place, slope = text.at("d" + source.name, "{source}"), text.at("d" + self.value.name, "{value}")
        statement = f"{place} {sign} {slope} * ({self._formula(text, 1)})"
        self._everywhere(text, [f"v = {self._value(text)}", statement])

    def _formula(self, text: Text, which: int) -> str:
        formula = SLOPES[self.kind][which]
        return formula.format(**{k: text.number(v) for k, v in CONSTANTS.items() if f"{{{k}}}" in formula})

    def _value(self, text: Text) -> str:
        return text.at(self.value.name, "{inside}")

    def _everywhere(self, text: Text, statements: list[str]) -> None:
        source, value = self.source, self.value
        with text.grid(value) as (c, p, q):
            places = {
                "source": source.slope_place(c, p, q), "value": value.slope_place(c, p, q),
                "inside": value.place(c, p, q),
            }  # fmt: skip
            first = [f"u = {text.at(source.name, source.place(c, p, q))}"]
            text.each(*first, *(statement.format(**places) for statement in statements))


@dataclass
class Mean:
    """The mean of every channel."""

    source: Value
    value: Value

    def forward(self, text: Text) -> None:
        """Sum over the grid."""
        source, value, share = self.source, self.value, self._share(text)
        with text.over("c", source.channels) as c:

            def row(p: str) -> str:
                parts = (text.at(source.name, source.place(c, p, str(q))) for q in range(source.width))
                return " + ".join(f"{share} * {part}" for part in parts)

            put = f"{text.at(value.name, value.place(c, '0', '0'))} ="
            text.collect("p", source.height, "", row, put)

    def backward(self, text: Text) -> None:
        """An equal share to each."""
        source, value, sign, share = self.source, self.value, self.source.adding(), self._share(text)
        with text.grid(source) as (c, p, q):
            place, slope = source.slope_place(c, p, q), value.slope_place(c, "0", "0")
            text.each(f"{text.at('d' + source.name, place)} {sign} {text.at('d' + value.name, slope)} * {share}")

    def _share(self, text: Text) -> str:
        return text.number(1 / (self.source.height * self.source.width))


@dataclass
class Sum:
    """Of two branches."""

    sources: tuple[Value, Value]
    value: Value

    def forward(self, text: Text) -> None:
        """Number by number."""
        value, (first, second) = self.value, self.sources
        with text.grid(value) as (c, p, q):
            here, one, two = (text.at(v.name, v.place(c, p, q)) for v in (value, first, second))
            text.each(f"{here} = {one} + {two}")

    def backward(self, text: Text) -> None:
        """The same slope to both."""
        value = self.value
        signs = [source.adding() for source in self.sources]
        with text.grid(value) as (c, p, q):
            slope = text.at("d" + value.name, value.slope_place(c, p, q))
            text.each(
                *(
                    f"{text.at('d' + source.name, source.slope_place(c, p, q))} {sign} {slope}"
                    for source, sign in zip(self.sources, signs, strict=True)
                )
            )


@dataclass
class Flattened:
    """The same numbers, read as channels of a 1 x 1 image."""

    source: Value
    value: Value

    def forward(self, text: Text) -> None:
        """A copy, without the border."""
        self._copy(text, False, "=")

    def backward(self, text: Text) -> None:
        """A copy back."""
        if self.source.moves:
            self._copy(text, True, self.source.adding())

    def _copy(self, text: Text, back: bool, sign: str) -> None:
        source, value = self.source, self.value
        with text.grid(source) as (c, p, q):
            flat = f"({c} * {source.height} + {p}) * {source.width} + {q}"
            if back:
                place = text.at("d" + source.name, source.slope_place(c, p, q))
                text.each(f"{place} {sign} {text.at('d' + value.name, flat)}")
            else:
                text.each(f"{text.at(value.name, flat)} = {text.at(source.name, source.place(c, p, q))}")


def _sum(parts: list[str]) -> str:
    return " + ".join(parts) if len(parts) < 3 else "(" + " + ".join(parts) + ")"
