"""Replicas of a residual network side by side in torch: the R convolutions of a layer as one with R groups."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from landscapes.networks.architectures import ResNet
from landscapes.networks.torch_extra import functional, nn, torch


def outputs(network: ResNet, parameters: dict[str, Any], inputs: Any) -> Any:
    """Outputs (R, S, classes); parameters by name (R, ...), inputs (R or 1, S, C, H, W).

    Channel c of replica r is channel r C + c of one wide network.
    """
    replicas = len(parameters["head.weight"])
    wide = _Wide(parameters, replicas)
    images = inputs.expand(replicas, *inputs.shape[1:])  # (R, S, C, H, W)
    x = wide.sequence(network.stem, "stem", images.transpose(0, 1).flatten(1, 2))  # (S, R C, H, W)
    for number, block in enumerate(network.blocks):
        x = wide.residual(block, f"blocks.{number}", x)
    features = x.mean(dim=(2, 3)).view(len(x), replicas, -1).transpose(0, 1)
    return torch.baddbmm(parameters["head.bias"][:, None], features, parameters["head.weight"].transpose(1, 2))


@dataclass(frozen=True)
class _Wide:
    """The layers of all replicas."""

    parameters: dict[str, Any]
    replicas: int

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

    def layer(self, module: Any, name: str, x: Any) -> Any:
        """One layer of every replica."""
        if isinstance(module, nn.Sequential):
            return self.sequence(module, name, x)
        if isinstance(module, nn.Conv2d):
            weight, bias = self._flat(f"{name}.weight"), self._flat(f"{name}.bias")
            return functional.conv2d(x, weight, bias, module.stride, module.padding, groups=self.replicas)
        if isinstance(module, nn.GroupNorm):
            weight, bias = self._flat(f"{name}.weight"), self._flat(f"{name}.bias")
            return functional.group_norm(x, module.num_groups * self.replicas, weight, bias, module.eps)
        if isinstance(module, nn.BatchNorm2d):  # in evaluation mode: the statistics are the same for all replicas
            mean, variance = (s.repeat(self.replicas) for s in (module.running_mean, module.running_var))
            weight, bias = self._flat(f"{name}.weight"), self._flat(f"{name}.bias")
            return functional.batch_norm(x, mean, variance, weight, bias, False, 0.0, module.eps)
        return module(x)  # activations, pooling, identity: channel by channel

    def _flat(self, name: str) -> Any:
        """Parameter (R, C, ...) as (R C, ...); None where the layer has none."""
        found = self.parameters.get(name)
        return None if found is None else found.flatten(0, 1)
