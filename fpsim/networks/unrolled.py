"""A convolution of a small image as a product with a matrix, for many replicas at once:

    y_o = sum_i T(k_oi) x_i,      T(k)[p, q] = k[p - stride * q + padding]     (p a pixel of x, q one of y)

T is linear in the kernel k, so that kernels (R, out, in, n, n) become matrices (R, in * pixels, out * pixels) by one
product with a table of zeros and ones.  Most of what is multiplied is zero; but the products are those that BLAS is
best at, where convolutions of one or two channels are what libraries are worst at.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from fpsim.networks.layers import Layers
from landscapes.networks.architectures import ResNet
from landscapes.networks.torch_extra import functional, nn, torch


def outputs(network: ResNet, parameters: dict[str, Any], inputs: Any) -> Any:
    """Outputs (R, S, classes) of R replicas of a residual network; parameters (R, ...), inputs (R or 1, S, C, H, W)."""
    layers = _Unrolled(parameters)
    replicas = len(parameters["head.weight"])
    x = layers.sequence(network.stem, "stem", inputs.expand(replicas, *inputs.shape[1:]))
    for number, block in enumerate(network.blocks):
        x = layers.residual(block, f"blocks.{number}", x)
    return torch.baddbmm(parameters["head.bias"][:, None], x.mean(dim=(3, 4)), parameters["head.weight"].mT)


class _Unrolled(Layers):
    """Layers on images (R, S, C, H, W)."""

    def layer(self, module: Any, name: str, x: Any) -> Any:
        """One layer of every replica, as products of matrices."""
        if isinstance(module, nn.Sequential):
            return self.sequence(module, name, x)
        if isinstance(module, nn.Conv2d):
            return self._convolution(module, name, x)
        if isinstance(module, nn.GroupNorm):
            plain = functional.group_norm(x.flatten(0, 1), module.num_groups, eps=module.eps).view(x.shape)
            return self._scaled(name, plain)
        if isinstance(module, nn.BatchNorm2d):  # in evaluation mode: the statistics are the same for all replicas
            mean, variance = module.running_mean, module.running_var
            plain = functional.batch_norm(x.flatten(0, 1), mean, variance, eps=module.eps).view(x.shape)
            return self._scaled(name, plain)
        y = module(x.flatten(0, 1))  # activations, pooling, identity: image by image
        return y.view(*x.shape[:2], *y.shape[1:])

    def _convolution(self, module: nn.Conv2d, name: str, x: Any) -> Any:
        weight, bias = self.parameters[f"{name}.weight"], self.parameters.get(f"{name}.bias")
        replicas, examples, channels, *sides = x.shape
        step, edge = (int(v[0]) for v in (module.stride, module.padding))
        table, shape = _table(*sides, weight.shape[-1], step, edge, x.dtype, x.device)
        matrix = (weight.flatten(3) @ table).view(replicas, weight.shape[1], channels, sides[0] * sides[1], -1)
        matrix = matrix.permute(0, 2, 3, 1, 4).reshape(replicas, channels * sides[0] * sides[1], -1)
        y = torch.bmm(x.reshape(replicas, examples, -1), matrix).view(replicas, examples, weight.shape[1], *shape)
        return y if bias is None else y + bias[:, None, :, None, None]

    def _scaled(self, name: str, x: Any) -> Any:
        weight, bias = (self.parameters[f"{name}.{key}"][:, None, :, None, None] for key in ("weight", "bias"))
        return x * weight + bias


@lru_cache(maxsize=64)
def _table(height: int, width: int, side: int, step: int, edge: int, dtype: Any, device: Any) -> Any:
    """T for unit kernels, (side^2, pixels in * pixels out), and the shape of the image that comes out."""
    image = torch.eye(height * width, dtype=dtype).view(-1, 1, height, width)
    units = torch.eye(side**2, dtype=dtype).view(-1, 1, side, side)
    found = functional.conv2d(image, units, stride=step, padding=edge)  # (pixels in, kernel entry, rows, columns)
    table = found.flatten(2).transpose(0, 1).reshape(side**2, -1)
    return table.to(device), tuple(found.shape[2:])
