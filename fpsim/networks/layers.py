"""The way of many images through a residual network whose layers an engine computes in its own way."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Layers(ABC):
    """The layers of R replicas of a `landscapes.networks.architectures.ResNet`.

    Args:
        parameters: by name, each (R, ...).
    """

    parameters: dict[str, Any]

    @abstractmethod
    def layer(self, module: Any, name: str, x: Any) -> Any:
        """What ``module``, with the parameters under ``name``, makes of x."""

    def residual(self, block: Any, name: str, x: Any) -> Any:
        """`landscapes.networks.architectures.ResidualBlock`."""
        branch = self.layer(block.norm_first, f"{name}.norm_first", self.layer(block.first, f"{name}.first", x))
        branch = self.layer(block.second, f"{name}.second", block.activation(branch))
        branch = self.layer(block.norm_second, f"{name}.norm_second", branch)
        return block.activation(branch + self.layer(block.shortcut, f"{name}.shortcut", x))

    def sequence(self, modules: Any, name: str, x: Any) -> Any:
        """One layer after another."""
        for key, module in modules.named_children():
            x = self.layer(module, f"{name}.{key}", x)
        return x
