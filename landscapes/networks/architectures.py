"""Small networks for images: residual networks of any depth and width, and multilayer perceptrons.

    y = f(x + branch(x)),   branch = conv - [norm] - f - conv - [norm]      (He, Zhang, Ren, Sun, CVPR 2016, figure 2)

The defaults make a loss that is smooth in its parameters and a sum over single examples, as theory wants it: a smooth
activation f and no normalisation, with variance-keeping initial weights (He et al., ICCV 2015, equation 10) whose last
convolution in each of n blocks is scaled by n^(-1/2) (after Zhang, Dauphin, Ma, "Fixup", ICLR 2019).
This module needs torch (extra ``network``).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, Literal

from landscapes.networks.torch_extra import nn, torch

Normalization = Literal["none", "group", "batch"]
Stem = Literal["3x3", "4x4", "7x7"]
STEMS = {"3x3": (3, 1, 1), "4x4": (4, 2, 1), "7x7": (7, 2, 3)}
"""Side, stride and padding of the first convolution."""
ACTIVATIONS: dict[str, Callable[[], Any]] = {
    "gelu": nn.GELU,
    "softplus": nn.Softplus,
    "silu": nn.SiLU,
    "tanh": nn.Tanh,
    "relu": nn.ReLU,
}
FOUR_STAGES = {10: (1, 1, 1, 1), 18: (2, 2, 2, 2), 34: (3, 4, 6, 3)}


class ResidualBlock(nn.Module):
    """Two 3 x 3 convolutions around a shortcut; the shortcut is a 1 x 1 convolution where the shape changes."""

    def __init__(self, inside: int, outside: int, stride: int, normalization: Normalization, activation: str) -> None:
        super().__init__()
        bias = normalization == "none"
        self.first = nn.Conv2d(inside, outside, 3, stride, 1, bias=bias)
        self.second = nn.Conv2d(outside, outside, 3, 1, 1, bias=bias)
        self.norm_first, self.norm_second = _norm(normalization, outside), _norm(normalization, outside)
        self.activation = ACTIVATIONS[activation]()
        self.shortcut: Any = nn.Identity()
        if stride != 1 or inside != outside:
            self.shortcut = nn.Sequential(
                nn.Conv2d(inside, outside, 1, stride, bias=bias), _norm(normalization, outside)
            )

    def forward(self, x: Any) -> Any:
        """Images (n, channels, height, width) to images."""
        branch = self.activation(self.norm_first(self.first(x)))
        return self.activation(self.norm_second(self.second(branch)) + self.shortcut(x))


class ResNet(nn.Module):
    """Stem, stages of residual blocks (each after the first halves the image and doubles the width), mean, linear head.

    Made by `resnet`.
    """

    def __init__(
        self,
        blocks: Sequence[int],
        width: int,
        classes: int,
        channels: int,
        stem: Stem,
        normalization: Normalization,
        activation: str,
    ) -> None:
        super().__init__()
        parts: list[Any] = [nn.Conv2d(channels, width, *STEMS[stem], bias=normalization == "none")]
        parts += [_norm(normalization, width), ACTIVATIONS[activation]()]
        if stem == "7x7":
            parts.append(nn.MaxPool2d(3, 2, 1))
        self.stem = nn.Sequential(*parts)
        stages, inside = [], width
        for stage, count in enumerate(blocks):
            outside = width * 2**stage
            for number in range(count):
                step = 2 if stage and not number else 1
                stages.append(ResidualBlock(inside, outside, step, normalization, activation))
                inside = outside
        self.blocks = nn.Sequential(*stages)
        self.head = nn.Linear(inside, classes)

    def forward(self, x: Any) -> Any:
        """Images (n, channels, height, width) to logits (n, classes)."""
        return self.head(self.blocks(self.stem(x)).mean(dim=(2, 3)))


def resnet(
    depth: int = 8,
    width: int = 4,
    classes: int = 10,
    channels: int = 1,
    stem: Stem = "3x3",
    normalization: Normalization = "none",
    activation: str = "gelu",
    seed: int = 0,
) -> ResNet:
    """Make a residual network in evaluation mode.

    Args:
        depth: 10, 18 or 34 for the four stages of ImageNet networks; 8, 14, 20, 26, ... = 6 n + 2 for the three stages
            of CIFAR networks.
        width: channels of the first stage; ResNet-18 of the literature has 64.
        classes, channels: outputs, and channels of the images.
        stem: ``"3x3"`` for small images, ``"4x4"`` with stride 2, or ``"7x7"`` with stride 2 and max pooling.
        normalization: ``"none"``; ``"group"``; or ``"batch"``, which is to be trained in training mode and then frozen
            by ``network.eval()``: with batch statistics the loss of one example is not defined.
        activation: ``"gelu"``, ``"softplus"``, ``"silu"``, ``"tanh"`` or ``"relu"`` (no second derivative).
        seed: of the initial weights.

    Raises:
        ValueError: for impossible values.
    """
    blocks = FOUR_STAGES.get(depth) or ((depth - 2) // 6,) * 3
    if depth not in FOUR_STAGES and (depth < 8 or depth % 6 != 2):
        raise ValueError(f"a ResNet has depth 10, 18, 34 or 6 n + 2 (8, 14, 20, ...); got {depth!r}")
    for name, value, known in (
        ("stem", stem, tuple(STEMS)),
        ("normalization", normalization, ("none", "group", "batch")),
        ("activation", activation, tuple(ACTIVATIONS)),
    ):
        if value not in known:
            raise ValueError(f"{name} is one of {', '.join(known)}; got {value!r}")
    for name, number in (("width", width), ("classes", classes), ("channels", channels)):
        if number < 1:
            raise ValueError(f"{name} is a whole number >= 1; got {number!r}")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = ResNet(blocks, width, classes, channels, stem, normalization, activation)
        _initialize(network, sum(blocks))
    return network.eval()


def small_resnet(
    width: int = 1, blocks: int = 1, classes: int = 2, channels: int = 1, activation: str = "tanh", seed: int = 0
) -> ResNet:
    """Make a norm-free residual network of one stage behind a 4 x 4 stem, which halves the image: a mirror of an image
    with even sides is a mirror of its kernels.

    Two classes are told apart by one output; with width 1 it has 39 parameters, with width 2 113.

    Raises:
        ValueError: for impossible values.
    """
    if activation not in ACTIVATIONS:
        raise ValueError(f"activation is one of {', '.join(ACTIVATIONS)}; got {activation!r}")
    counts = (("width", width, 1), ("blocks", blocks, 1), ("classes", classes, 2), ("channels", channels, 1))
    for name, number, least in counts:
        if number < least:
            raise ValueError(f"{name} is a whole number >= {least}; got {number}")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        outputs = 1 if classes == 2 else classes
        network = ResNet((blocks,), width, outputs, channels, "4x4", "none", activation)
        _initialize(network, blocks)
    return network.eval()


def perceptron(sizes: Sequence[int], activation: str = "tanh", seed: int = 0) -> Any:
    """Make a multilayer perceptron: ``sizes`` are the numbers of inputs, hidden units and classes.

    Images are flattened. Weights have variance 1/inputs (LeCun et al. 1998), biases are 0.

    Raises:
        ValueError: for fewer than two sizes, or an unknown activation.
    """
    if len(sizes) < 2 or min(sizes) < 1:
        raise ValueError(f"a perceptron has at least inputs and classes, whole numbers >= 1; got {list(sizes)}")
    if activation not in ACTIVATIONS:
        raise ValueError(f"activation is one of {', '.join(ACTIVATIONS)}; got {activation!r}")
    layers: list[Any] = [nn.Flatten()]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for inside, outside in pairwise(sizes):
            linear = nn.Linear(inside, outside)
            nn.init.normal_(linear.weight, std=inside**-0.5)
            nn.init.zeros_(linear.bias)
            layers += [linear, ACTIVATIONS[activation]()]
    return nn.Sequential(*layers[:-1]).eval()


def _norm(kind: Normalization, channels: int) -> Any:
    if kind == "group":
        return nn.GroupNorm(math.gcd(channels, max(1, channels // 4)), channels)
    return nn.BatchNorm2d(channels) if kind == "batch" else nn.Identity()


def _initialize(network: ResNet, blocks: int) -> None:
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    nn.init.normal_(network.head.weight, std=network.head.in_features**-0.5)
    nn.init.zeros_(network.head.bias)
    for block in network.blocks:
        with torch.no_grad():
            block.second.weight *= blocks**-0.5
