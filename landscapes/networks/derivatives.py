"""Whether torch's derivatives of a network are those of its loss, looked at once along single directions:

    (L(x + h g) - L(x - h g)) / 2 h = |g|^2,      u . H v = v . H u

A layer that lets no gradient through (``detach``, straight-through estimators) breaks the first, one whose second
derivative torch has wrong the second; kinks of ReLU break neither.
This module needs torch (extra ``network``).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from landscapes.networks.losses import ExampleLosses
from landscapes.networks.torch_calls import numbers, plain_kernels
from landscapes.networks.torch_extra import nn, torch

SEEN = 4
"""Examples that are looked at."""
APART = 1e-2
"""How far the two sides may be from each other, in parts of their size; wrong ones are far beyond."""
STEP, ASIDE = 1e-6, 1e-3
"""Parts of the parameters' size: a step, and how far from where they came they are looked at, off ties and minima."""


class PlainWeightNorm(nn.Module):
    """w = g v / |v| by its formula, of which torch's own kernel has a wrong second derivative."""

    def __init__(self, axis: int) -> None:
        super().__init__()
        self.axis = axis

    def forward(self, size: Any, direction: Any) -> Any:
        """The weight, of its sizes along one axis (-1: of one size) and its directions."""
        others = [k for k in range(direction.ndim) if k != self.axis]
        return size * direction / direction.square().sum(others, keepdim=True).sqrt()


def with_plain_weight_norms(network: Any) -> Any:
    """The network, whose weight norms are changed in place into those by their formula."""
    for module in network.modules():
        if isinstance(module, nn.utils.parametrize.ParametrizationList):
            for k, part in enumerate(module):
                if type(part).__name__ == "_WeightNorm":
                    module[k] = PlainWeightNorm(part.dim)
    return network


def require_true_derivatives(landscape: ExampleLosses) -> None:
    """Refuse a network whose gradient is not that of its loss, or whose Hessian is not symmetric.

    Raises:
        ValueError: if it is so on the first examples, beside the parameters that the network came with.
    """
    x = landscape.initial
    rng, size = np.random.default_rng(0), float(np.linalg.norm(x)) or 1.0
    x = x + ASIDE * size * rng.standard_normal(x.shape) / np.sqrt(len(x))
    point = landscape._tensor(x).requires_grad_()

    def mean(at: Any) -> Any:
        return landscape._examples(at, landscape.inputs[:SEEN], landscape.labels[:SEEN]).mean()

    with plain_kernels():
        (gradient,) = torch.autograd.grad(mean(point), point)
        if point.dtype == torch.float64:  # in float32 a difference has too few digits
            _require_slope(mean, point.detach(), gradient, STEP * size)
        try:
            u, v = (landscape._tensor(rng.standard_normal(x.shape)) for _ in range(2))
            (slope,) = torch.autograd.grad(mean(point), point, create_graph=True)
            hu, hv = (torch.autograd.grad(slope @ along, point, retain_graph=True)[0] for along in (u, v))
        except (RuntimeError, NotImplementedError):  # no second derivative: said where one is asked for
            return
    one, other = float(u @ hv), float(v @ hu)
    if abs(one - other) > APART * float(np.linalg.norm(numbers(hv))) * float(u.norm()) / np.sqrt(len(x)):
        raise ValueError(
            f"torch's second derivatives of {landscape.name} are wrong: u.Hv = {one:.6g} and v.Hu = {other:.6g} for "
            "the same u and v, but a Hessian is symmetric; one of the layers needs another form"
        )


def _require_slope(mean: Any, x: Any, gradient: Any, step: float) -> None:
    """Compare the gradient with the difference of losses along itself."""
    steep = float(gradient.norm())
    if steep == 0:
        return
    ahead, behind = (float(mean(x + sign * step * gradient / steep)) for sign in (1, -1))
    rounding = 16 * float(np.finfo(float).eps) * (abs(ahead) + abs(behind)) / step
    found = (ahead - behind) / (2 * step)
    if not abs(found - steep) <= APART * steep + rounding:  # also NaN
        raise ValueError(
            f"torch's gradient is not that of the loss: along it the loss rises by {found:.6g} per length and not by "
            f"{steep:.6g}; a layer lets no gradient through (detach, rounding, a straight-through estimator)"
        )
