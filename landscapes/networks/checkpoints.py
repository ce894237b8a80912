"""What a checkpoint of a network holds beside its parameters, and where a landscape may be asked without it.

Buffers, such as the running means and variances of batch normalisation, belong to a checkpoint and are no coordinates:
a landscape keeps those that its network came with, everywhere. That is another function than the one that training
follows, and far from the checkpoint a wrong one. So

- a second checkpoint with other buffers is refused as a point, and between two checkpoints buffers are interpolated:

      b(s) = (1 - s) b_first + s b_second,        running variances  v(s) = v_first^(1 - s) v_second^s  (positive),

  which gives both ends exactly the loss that torch gives them;
- a plain vector of parameters is refused where the frozen statistics are not those of the data any more: where the loss
  changes, by renewing them on the data, by more than it did at the checkpoint and 5 % of the loss.

This module needs torch (extra ``network``).
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from landscapes.evaluation import Array
from landscapes.networks.admission import _is_spectral
from landscapes.networks.losses import ExampleLosses
from landscapes.networks.torch_extra import nn, torch

TOLERANCE = 0.05
"""Share of the loss by which renewed statistics may change it."""
NEAR = 0.01
"""Points within this share of |x| of one that was looked at are not looked at again."""
FEWEST = 16
"""Examples whose statistics say something."""
KEPT = ", buffers frozen as they came"
"""What the name of a landscape says that has buffers."""
CHOICE = "buffers interpolated between the checkpoints (running variances geometrically)"


def state_of(network: Any) -> dict[str, Any]:
    """The buffers of real numbers that a checkpoint keeps, by name."""
    kept = network.state_dict()
    return {key: b for key, b in network.named_buffers() if key in kept and b.is_floating_point()}


@dataclass(frozen=True)
class Checkpoint:
    """Parameters (d,) and buffers of one checkpoint; None where a vector came without."""

    parameters: Array
    buffers: dict[str, Any] | None


def read(landscape: ExampleLosses, given: Any) -> Checkpoint:
    """A torch module, its state dictionary, or a vector (d,) as a checkpoint of the landscape's network.

    Raises:
        ValueError: for another network, or frozen parameters and whole-number buffers that differ.
    """
    if not isinstance(given, nn.Module | Mapping):
        point = _vector(landscape, given)
        same = np.array_equal(point, landscape.initial)
        return Checkpoint(point, state_of(landscape.network) if same else None)
    found: dict[str, Any] = dict(given.state_dict() if isinstance(given, nn.Module) else given)
    own = landscape.network.state_dict()
    if set(found) != set(own) or any(tuple(found[k].shape) != tuple(own[k].shape) for k in own if _is_tensor(own[k])):
        odd = sorted(set(found) ^ set(own)) or [k for k in own if tuple(found[k].shape) != tuple(own[k].shape)]
        raise ValueError(f"the checkpoint is one of another network: '{odd[0]}' does not fit; give one of the same")
    found = {k: v.detach().to(own[k].device, own[k].dtype) for k, v in found.items() if _is_tensor(v)}
    state = state_of(landscape.network)
    for key, value in found.items():
        moves = key in landscape.shapes or key in state or key.endswith("num_batches_tracked")
        if not moves and not torch.equal(value, own[key]):
            raise ValueError(
                f"'{key}' is frozen or holds whole numbers and differs from that of {landscape.name}; such checkpoints "
                "lie on no common line"
            )
    flat = torch.cat([found[key].reshape(-1) for key in landscape.shapes])
    return Checkpoint(np.asarray(flat.cpu().numpy(), dtype=np.float64), {key: found[key] for key in state})


def _vector(landscape: ExampleLosses, given: Any) -> Array:
    """Parameters (d,) that are given as numbers."""
    try:
        point = np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError, RuntimeError):
        point = np.empty(0)
    if point.shape != (landscape.dimension,) or not np.isfinite(point).all():
        kind = given if isinstance(given, str | None) else type(given).__name__
        shape = f" of shape {np.shape(given)}" if isinstance(given, np.ndarray) else ""
        raise ValueError(
            "a checkpoint is a torch module, its state dictionary (torch.load of a file), or its "
            f"{landscape.dimension} parameters as finite numbers; got '{kind}'{shape}"
        )
    return point


def only_parameters(landscape: ExampleLosses, given: Any) -> Array:
    """The parameters (d,) of a checkpoint whose buffers are the landscape's own.

    Raises:
        ValueError: for other buffers.
    """
    found = read(landscape, given)
    key, gap = _largest_gap(state_of(landscape.network), found.buffers or {})
    if gap > 0:
        raise ValueError(
            f"the checkpoint's buffer '{key}' differs by {gap:.2g} from that of {landscape.name}, which a landscape "
            "keeps everywhere; make a landscape of this checkpoint, or cut a slice between both with "
            "slice_between(landscape, first, second), which interpolates buffers"
        )
    return found.parameters


@dataclass(frozen=True)
class Way:
    """The straight line between two checkpoints.

    Attributes:
        first, second: parameters (d,).
        name: of the line.
        note: what becomes of the buffers; empty where there are none.
        losses: fraction of the way (0 at the first, 1 at the second) -> losses of all examples (m,).
    """

    first: Array
    second: Array
    name: str
    note: str
    losses: Callable[[float], Array]


def way(landscape: ExampleLosses, first: Any, second: Any) -> Way:
    """Join two checkpoints, given as modules, state dictionaries or vectors (d,).

    Raises:
        ValueError: for vectors, if the network keeps buffers; for checkpoints whose buffers cannot be interpolated.
    """
    a, b = read(landscape, first), read(landscape, second)
    step, state = b.parameters - a.parameters, state_of(landscape.network)
    name = f"line through {landscape.name}"

    def frozen(fraction: float) -> Array:
        return np.asarray(landscape.example_losses(a.parameters + fraction * step))

    if not state:
        return Way(a.parameters, b.parameters, name, "", frozen)
    if landscape.frozen:
        return Way(a.parameters, b.parameters, name, "buffers frozen", frozen)
    if a.buffers is None or b.buffers is None:
        key = next(iter(state))
        raise ValueError(
            f"a vector of parameters comes without the buffers of its checkpoint (such as '{key}'), which the loss "
            "depends on; give both checkpoints as torch modules or state dictionaries (buffers are then interpolated), "
            "or make the landscape with buffers='frozen' to keep its own all along the line"
        )
    _require_interpolable(landscape.network, a.buffers, b.buffers)
    ends = (a.buffers, b.buffers)

    def renewed(fraction: float) -> Array:
        return landscape.losses_with(interpolated(*ends, fraction), a.parameters + fraction * step)

    return Way(a.parameters, b.parameters, f"{name.removesuffix(KEPT)}, {CHOICE}", CHOICE, renewed)


def interpolated(first: Mapping[str, Any], second: Mapping[str, Any], fraction: float) -> dict[str, Any]:
    """Buffers at a fraction of the way, also beyond the ends."""
    mixed = {}
    for key, a in first.items():
        b = second[key]
        if key.endswith("running_var"):
            tiny = torch.finfo(a.dtype).tiny
            mixed[key] = a.clamp_min(tiny) ** (1 - fraction) * b.clamp_min(tiny) ** fraction
        else:
            mixed[key] = (1 - fraction) * a + fraction * b
    return mixed


def _require_interpolable(network: Any, first: Mapping[str, Any], second: Mapping[str, Any]) -> None:
    for name, module in network.named_modules():
        if not _is_spectral(module):
            continue
        own = {key for key in first if key.startswith(f"{name}." if name else "")}
        key, gap = _largest_gap({k: first[k] for k in own}, second)
        if gap > 1e-6:
            raise ValueError(
                f"'{key}' of a spectral normalisation follows from the weights and cannot be interpolated; take the "
                "normalisation out of both checkpoints (torch.nn.utils.parametrize.remove_parametrizations)"
            )


class Guard:
    """Looks whether frozen statistics are still those of the data; asked at every point that is new.

    Statistics that no training has made (no batch was tracked) belong to no checkpoint and are not looked at.
    """

    def __init__(self, landscape: ExampleLosses) -> None:
        keepers = [name for name, module in landscape.network.named_modules() if _keeps_state(module)]
        self.fresh: Any = None
        self.usual, self.seen = 0.0, np.zeros(0)
        if not keepers or landscape.number_of_examples < FEWEST:
            return
        self.seen = landscape.initial
        self.fresh = copy.deepcopy(landscape.network)
        for name in keepers:
            self.fresh.get_submodule(name).training = True
        frozen, renewed = self._losses(landscape, self.seen)
        self.usual = abs(frozen - renewed)
        if not np.isfinite(self.usual):
            self.fresh = None

    def check(self, landscape: ExampleLosses, x: Array) -> None:
        """Raise ``ValueError`` at x (d,) where renewed statistics change the loss too much."""
        if self.fresh is None or np.linalg.norm(x - self.seen) <= NEAR * np.linalg.norm(self.seen):
            return
        frozen, renewed = self._losses(landscape, x)
        if abs(frozen - renewed) > self.usual + TOLERANCE * max(abs(frozen), abs(renewed)):
            raise ValueError(
                f"at these parameters the loss is {frozen:.4g} with the buffers (running statistics) that the network "
                f"came with, and {renewed:.4g} with those of the data here: they belong to another checkpoint. Make a "
                "NeuralLandscape of that checkpoint, or cut slices with SampledLandscape.between(landscape, first, "
                "second) from the checkpoints themselves, or state buffers='frozen' if this is what you mean"
            )
        self.seen = np.array(x)

    def _losses(self, landscape: ExampleLosses, x: Array) -> tuple[float, float]:
        """Mean losses of the first examples with frozen and with renewed statistics."""
        chosen = slice(0, min(landscape.number_of_examples, landscape.chunk))
        with torch.no_grad():
            frozen = landscape.chosen_losses(x, chosen)
            try:
                state = {key: b.clone() for key, b in self.fresh.named_buffers()}
                renewed = landscape.chosen_losses(x, chosen, self.fresh, state)
            except Exception:  # a layer of the user's that cannot be renewed here is not judged
                return float(frozen.mean()), float("nan")
        return float(frozen.mean()), float(renewed.mean())


def _keeps_state(module: Any) -> bool:
    own = module._buffers
    names = [k for k, b in own.items() if b is not None and k not in module._non_persistent_buffers_set]
    if not any(own[k].is_floating_point() for k in names):
        return False
    return not ("num_batches_tracked" in names and int(own["num_batches_tracked"]) == 0)


def _largest_gap(first: Mapping[str, Any], second: Mapping[str, Any]) -> tuple[str, float]:
    gaps = {key: float((first[key] - second[key]).abs().max()) for key in first if first[key].numel()}
    key = max(gaps, key=lambda k: gaps[k], default="")
    return key, gaps.get(key, 0.0)


def _is_tensor(value: Any) -> bool:
    return isinstance(value, torch.Tensor)
