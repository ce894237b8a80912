"""Kernel source for the gradient of one example's loss in all parameters of a small network, lane by lane:

    out = grad l_j(x) + weight_decay x,      every lane with parameters x (d,) and an example j of its own

The text is the backward pass written out from the layers.  It has the form of `landscapes.formula.block_code`,

    def block(x, example, data, out):        x[width*i + lane],  example[width*r + lane],  out[width*i + lane]

so that whatever runs a formula over a block of paths runs a network.  Lanes go in groups; row 0 of ``out`` says on
entry which lanes are wanted (1, or else 0), and a group without any gets slopes 0.  Who compiles the text provides
``local(n)``, an array of n numbers of its own, and the functions ``tanh`` and ``logistic``.
This module needs torch (extra ``network``).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from landscapes.networks.architectures import ACTIVATIONS, ResidualBlock, ResNet
from landscapes.networks.lane_layers import Activation, Convolution, Flattened, Layer, Mean, Sum
from landscapes.networks.lane_text import Text, Value
from landscapes.networks.torch_extra import nn

if TYPE_CHECKING:
    from landscapes.networks.landscape import NeuralLandscape

Array = NDArray[np.float64]
GROUP = 32
"""Lanes that go through the network together, so that all numbers of a small one stay in the nearest cache."""
MOST_PRODUCTS = 200_000
"""Products of one example's forward pass from which on libraries are faster."""


@dataclass(frozen=True)
class NetworkCode:
    """Source of ``block``, its numbers, and the examples.

    Attributes:
        source: the text.
        data: the weight decay first, then what layers multiply by.
        table: (rows, m) inputs of every example in its column, and below them its label or its numbers to fit.
    """

    source: str
    data: Array
    table: Array


class UnknownLayerError(ValueError):
    """A network, or a layer of it, that is not written out."""


def network_code(landscape: NeuralLandscape, width: int = 256, group: int = GROUP) -> NetworkCode:
    """Write a network's gradient for blocks of ``width`` lanes, ``group`` of which go side by side.

    Raises:
        UnknownLayerError: for a layer that is not written out here, or frozen parameters, or a large network.
    """
    own, group = KnownLayers(landscape), min(group, width)
    if own.products > MOST_PRODUCTS:
        raise UnknownLayerError(f"{own.products} products for one example are work for a library, not for one lane")
    source, numbers = own.text(width, group)
    table = np.ascontiguousarray(examples_table(landscape).T)
    return NetworkCode(source, np.array([landscape.weight_decay, *numbers]), table)


def examples_table(landscape: NeuralLandscape, dtype: str = "float64") -> NDArray[Any]:
    """The examples (m, rows): the inputs of each, and behind them its label or its numbers to fit."""
    inputs, targets = (part.detach().cpu().numpy() for part in (landscape.inputs, landscape.labels))
    flat = [part.astype(dtype, copy=False).reshape(len(inputs), -1) for part in (inputs, targets)]
    return np.concatenate(flat, axis=1)


class KnownLayers:
    """The layers of a network in order, the values between them, and where its parameters are.

    Raises:
        UnknownLayerError: for a layer that is not written out here, or frozen parameters.
    """

    def __init__(self, landscape: NeuralLandscape) -> None:
        self.kind, self.dimension, self.group = landscape.kind, landscape.dimension, 1
        sizes = np.cumsum([0, *(shape.numel() for shape in landscape.shapes.values())])
        self.places = dict(zip(landscape.shapes, sizes.tolist(), strict=False))
        shape = tuple(landscape.inputs.shape[1:])
        if len(shape) not in (1, 3) or not landscape.inputs.dtype.is_floating_point:
            raise UnknownLayerError(f"inputs of shape {shape} are neither vectors nor images of real numbers")
        self.input = Value("z0", *(shape if len(shape) == 3 else (*shape, 1, 1)))
        self.input.moves = False
        self.values, self.layers = [self.input], list[Layer]()
        self._read(landscape.network)

    @property
    def products(self) -> int:
        """How many products one example takes on the way forward."""
        return sum(
            layer.value.size * layer.source.channels * layer.side**2
            for layer in self.layers
            if isinstance(layer, Convolution)
        )

    # --- from modules to layers ---

    def _read(self, network: Any) -> None:
        """All layers."""
        if isinstance(network, ResNet):
            value = self._layer(network.stem, "stem", self.input)
            for number, block in enumerate(network.blocks):
                value = self._layer(block, f"blocks.{number}", value)
            mean = self._new(value.channels, 1, 1)
            self.layers.append(Mean(value, mean))
            self._layer(network.head, "head", mean)
        else:
            self._layer(network, "", self.input)

    def _layer(self, module: Any, name: str, value: Value) -> Value:
        """What ``module``, with the parameters under ``name``, makes of a value."""
        if isinstance(module, nn.Sequential):
            for key, part in module.named_children():
                value = self._layer(part, f"{name}.{key}".lstrip("."), value)
            return value
        if isinstance(module, ResidualBlock):
            return self._residual(module, name, value)
        if isinstance(module, nn.Identity):
            return value
        if isinstance(module, nn.Flatten):
            return self._flat(value)
        if isinstance(module, nn.Conv2d):
            return self._convolution(module, name, value)
        if isinstance(module, nn.Linear):
            return self._linear(module, name, value)
        kinds = [key for key, make in ACTIVATIONS.items() if type(module) is make]
        if not kinds or getattr(module, "approximate", "none") != "none" or getattr(module, "beta", 1) != 1:
            raise UnknownLayerError(f"the layer '{name}', a {type(module).__name__}, is not written out for lanes")
        made = self._new(*value.shape)
        made.moves = value.moves
        self.layers.append(Activation(kinds[0], value, made))
        return made

    def _residual(self, block: ResidualBlock, name: str, value: Value) -> Value:
        branch = value
        for part in ("first", "norm_first", "activation", "second", "norm_second"):
            branch = self._layer(getattr(block, part), f"{name}.{part}", branch)
        short = self._layer(block.shortcut, f"{name}.shortcut", value)
        total = self._new(*branch.shape)
        self.layers.append(Sum((branch, short), total))
        return self._layer(block.activation, f"{name}.activation", total)

    def _flat(self, value: Value) -> Value:
        if value.height * value.width == 1:
            return value
        made = self._new(value.channels * value.height * value.width, 1, 1)
        made.moves = value.moves
        self.layers.append(Flattened(value, made))
        return made

    def _convolution(self, module: Any, name: str, value: Value) -> Value:
        (side, other), (stride, across), dilation = module.kernel_size, module.stride, module.dilation
        odd = side != other or stride != across or tuple(dilation) != (1, 1) or module.groups != 1
        if odd or isinstance(module.padding, str) or module.padding_mode != "zeros" or len(set(module.padding)) > 1:
            raise UnknownLayerError(f"the convolution '{name}' has groups, dilation or unequal sides")
        padding = module.padding[0]
        rows, columns = ((n + 2 * padding - side) // stride + 1 for n in value.shape[1:])
        return self._products(module, name, value, (module.out_channels, rows, columns), side, stride, padding)

    def _linear(self, module: Any, name: str, value: Value) -> Value:
        if value.height * value.width > 1:
            raise UnknownLayerError(f"the layer '{name}' takes vectors and gets images; put a Flatten before it")
        return self._products(module, name, value, (module.out_features, 1, 1), 1)

    def _products(
        self, module: Any, name: str, value: Value, shape: tuple[int, int, int], side: int, stride: int = 1,
        padding: int = 0,
    ) -> Value:  # fmt: skip
        made, keys = self._new(*shape), [f"{name}.weight".lstrip("."), f"{name}.bias".lstrip(".")]
        keys = keys if module.bias is not None else keys[:1]
        if any(key not in self.places for key in keys):
            raise UnknownLayerError(f"parameters of the layer '{name}' are frozen")
        weight, bias = self.places[keys[0]], self.places[keys[1]] if len(keys) > 1 else None
        self.layers.append(Convolution(value, made, weight, bias, side, stride, padding))
        return made

    def _new(self, channels: int, height: int, width: int) -> Value:
        value = Value(f"z{len(self.values)}", channels, height, width)
        self.values.append(value)
        return value

    # --- from layers to text ---

    def text(self, width: int, group: int) -> tuple[str, list[float]]:
        """The whole function, and the numbers that it reads after the weight decay."""
        text, out, self.group = Text(group), self.values[-1], group
        self._rooms(text)
        with text.over("first", width // group) as first, self._if_busy(text, width, first):
            self._load(text, width, first)
            for layer in self.layers:
                layer.forward(text)
            self._loss(text, out, lambda i: self._lane("example", width, i, first))
            for layer in reversed(self.layers):
                layer.backward(text)
            with text.over("i", self.dimension) as i:
                text.each(f"{self._lane('out', width, i, first)} = {text.at('g', i)} + decay * {text.at('w', i)}")
        numbers = [f"    c{k} = data[{k + 1}]" for k in range(len(text.numbers))]
        lines = ["def block(x, example, data, out):", "    decay = data[0]", *numbers, *text.lines]
        return "\n".join(lines) + "\n", text.numbers

    @contextmanager
    def _if_busy(self, text: Text, width: int, first: str) -> Iterator[None]:
        """What is written inside, for a group of lanes that somebody wants."""
        if text.lanes == 1:
            yield
            return
        text.line("busy = 0.0")
        text.each(f"busy += {self._lane('out', width, '0', first)}")
        text.line("if busy == 0.0:")
        text.depth += 1
        with text.over("i", self.dimension) as i:
            text.each(f"{self._lane('out', width, i, first)} = 0.0")
        text.depth -= 1
        text.line("else:")
        text.depth += 1
        yield
        text.depth -= 1

    def _rooms(self, text: Text) -> None:
        if text.lanes > 1:
            text.array("w", self.dimension)
            text.array("g", self.dimension)
            text.array("t", 1)
        else:
            text.line("w = x")
            text.line("g = out")
        for value in self.values:
            text.array(value.name, value.size)
            if value.border:
                text.zero(value.name, value.size)
            if value.moves:
                text.array("d" + value.name, value.slope_size)
                if value.slope_border:
                    text.zero("d" + value.name, value.slope_size)

    def _lane(self, name: str, width: int, i: str, first: str) -> str:
        """Number i of a lane in a block."""
        if width == 1:
            return f"{name}[{i}]"
        return f"{name}[{width} * ({i}) + {f'{first} * {self.group} + ' if first != '0' else ''}j]"

    def _load(self, text: Text, width: int, first: str) -> None:
        if text.lanes > 1:
            with text.over("i", self.dimension) as i:
                text.each(f"{text.at('w', i)} = {self._lane('x', width, i, first)}")
        value = self.input
        with text.grid(value) as (c, p, q):
            number = f"({c} * {value.height} + {p}) * {value.width} + {q}"
            text.each(f"{text.at('z0', value.place(c, p, q))} = {self._lane('example', width, number, first)}")

    def _loss(self, text: Text, out: Value, row: Any) -> None:
        """The slope of the loss along the outputs, whose shape is (classes, 1, 1)."""
        first = self.input.channels * self.input.height * self.input.width
        out.touched, name, classes = True, out.name, out.channels
        if self.kind == "squared":
            with text.over("c", classes) as c:
                text.each(f"{text.at('d' + name, c)} = {text.at(name, c)} - {row(f'{c} + {first}')}")
        elif classes == 1:
            text.each(f"{text.at('d' + name, '0')} = logistic({text.at(name, '0')}) - {row(str(first))}")
        else:
            self._softmax(text, name, classes, row(str(first)))

    def _softmax(self, text: Text, name: str, classes: int, label: str) -> None:
        """P_c - (c is the label), P_c = 1/sum_k exp(z_k - z_c)."""
        one, zero = text.number(1.0), text.number(0.0)
        with text.over("c", classes) as c:
            slope, own = text.at("d" + name, c), text.at(name, c)
            text.collect("k", classes, "", lambda k: f"math.exp({text.at(name, k)} - {own})", f"{slope} =")
            text.each(f"{slope} = {one} / {slope} - ({one} if {label} == {c} else {zero})")
