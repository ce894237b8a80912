"""Which networks, data and labels make a landscape L(x) = (1/m) sum_j l_j(x), and what is the matter with others.

A landscape is one function of the parameters, and a mean over examples of which each has a loss of its own. A network
that draws random numbers, changes its own state, or lets examples of a batch see each other is none. Known layers are
recognised by name; all others are found out by running the network a few times.
This module needs torch (extra ``network``).
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from landscapes.networks.derivatives import with_plain_weight_norms
from landscapes.networks.torch_extra import nn, torch

FEW = 16
"""Examples on which a network is tried."""
SAME = {"float64": 1e-8, "float32": 1e-4}
"""How far apart outputs may be that differ by rounding only, relative to the largest (other sizes of batches call other
routines)."""
IGNORED = -100  # torch's default ignore_index


def admitted(network: Any, inputs: Any, labels: Any, loss: str, dtype: str, device: str) -> tuple[Any, Any, Any]:
    """The network (a copy), inputs and labels as tensors, checked against each other.

    Raises:
        ValueError: for whatever does not make a mean over single examples; one sentence says what and what to do.
        TypeError: for what is no torch module.
    """
    if not isinstance(network, nn.Module):
        raise TypeError(f"the network is a torch.nn.Module; got {network!r}")
    if loss not in ("cross-entropy", "squared"):
        raise ValueError(
            f"loss is 'cross-entropy' or 'squared' (|output - label|^2 / 2), each a mean over examples; got {loss!r}"
        )
    network = getattr(network, "_orig_mod", network)  # torch.compile's wrapper compiles anew for every shape
    require_single_examples(network)
    real = getattr(torch, dtype)
    require_device(device, real)
    convolve_in(dtype, device)
    own = with_plain_weight_norms(_copied(network)).to(device=device, dtype=real)
    _require_parameters(own)
    x, y = _arrays(inputs, labels)
    tensors = _accepted(own, x, real, device)
    targets = _targets(y, loss, _outputs(own, tensors[:FEW]), real, device)
    _require_function(own, tensors[:FEW], SAME[dtype])
    return own, tensors, targets


def require_single_examples(network: Any) -> None:
    """Refuse a network with layers whose loss is not a sum over single examples, or is random.

    Raises:
        ValueError: for batch normalisation by the batch's own statistics, and for dropout, RReLU or spectral
            normalisation that is switched on.
    """
    for name, module in network.named_modules():
        kind = type(module).__name__
        if isinstance(module, nn.modules.batchnorm._BatchNorm) and (module.training or module.running_mean is None):
            raise ValueError(
                f"{kind} '{name}' normalises by its batch's own statistics: one example's loss then depends on the "
                "others, so that it has no gradient noise of its own. "
                + (
                    "Take it with running statistics (track_running_stats=True), or nn.GroupNorm"
                    if module.running_mean is None
                    else "Freeze it with network.eval() after training, or use normalization='none' or 'group'"
                )
            )
        if module.training and _is_random(module):
            raise ValueError(f"{kind} '{name}' makes the loss random; switch it off with network.eval()")
        if module.training and _is_spectral(module):
            raise ValueError(
                f"{kind} '{name}' improves its estimate of a singular value whenever it is evaluated, so that the loss "
                "is no function of the parameters; freeze it with network.eval()"
            )


def _is_random(module: Any) -> bool:
    if isinstance(module, nn.modules.dropout._DropoutNd):
        return bool(module.p > 0)
    if isinstance(module, nn.RReLU):
        return bool(module.lower != module.upper)
    if isinstance(module, nn.MultiheadAttention):
        return bool(module.dropout > 0)
    return isinstance(module, nn.RNNBase) and module.dropout > 0 and module.num_layers > 1


def _is_spectral(module: Any) -> bool:
    hooks = [type(hook).__name__ for hook in module._forward_pre_hooks.values()]
    return type(module).__name__ == "_SpectralNorm" or "SpectralNorm" in hooks


def require_device(device: str, real: Any) -> None:
    """Refuse a device that torch does not know, has not found, or cannot compute on in this precision."""
    try:
        torch.zeros(1, dtype=real, device=device).cpu()
    except Exception as error:  # torch has a kind of its own for every reason
        raise ValueError(
            f"torch cannot compute in {real} on the device {device!r}: {_first(error)}; use device='cpu'"
        ) from None


def convolve_in(dtype: str, device: str) -> None:
    """Let this process convolve in single precision where it is asked for: on a GPU torch rounds to 11 bits (TF32)."""
    kinds = torch.backends.cudnn.conv, torch.backends.cudnn.rnn
    if dtype != "float32" or torch.device(device).type != "cuda" or all(k.fp32_precision == "ieee" for k in kinds):
        return
    for kind in kinds:
        kind.fp32_precision = "ieee"
    warnings.warn(
        "float32 on a GPU: from here on torch's convolutions and recurrent layers keep all 24 bits in this process "
        "(torch.backends.cudnn.conv.fp32_precision = 'ieee'); its own default, TF32, keeps 11",
        stacklevel=4,
    )


def _copied(network: Any) -> Any:
    try:
        return copy.deepcopy(network)
    except RuntimeError as error:
        raise ValueError(
            f"the network cannot be copied ({_first(error)}); the older torch.nn.utils.weight_norm and spectral_norm "
            "keep such tensors, those of torch.nn.utils.parametrizations do not"
        ) from None


def _require_parameters(network: Any) -> None:
    for name, parameter in network.named_parameters():
        if isinstance(parameter, nn.parameter.UninitializedParameter):
            raise ValueError(f"the parameter '{name}' has no shape yet; run the network once on an example before")
        if parameter.is_complex():
            raise ValueError(f"the parameter '{name}' is complex; the coordinates of a landscape are real numbers")
        if not bool(torch.isfinite(parameter).all()):
            raise ValueError(f"the parameter '{name}' holds values that are not finite numbers")
    if not any(parameter.requires_grad for parameter in network.parameters()):
        raise ValueError(
            "the network has no parameter to move in: none, or all are frozen; set requires_grad of some to True"
        )


def _arrays(inputs: Any, labels: Any) -> tuple[Any, Any]:
    x, y = (_array(values, what) for values, what in ((inputs, "inputs"), (labels, "labels")))
    if x.ndim < 2 or len(x) == 0 or y.shape[:1] != x.shape[:1]:
        raise ValueError(f"inputs have shape (m, ...) and labels (m, ...), m >= 1; got {x.shape} and {y.shape}")
    for values, what in ((x, "inputs"), (y, "labels")):
        if values.dtype.kind not in "fiub":
            raise ValueError(f"the {what} are real numbers; got values of type {values.dtype}")
        if not np.isfinite(values).all():
            raise ValueError(f"the {what} hold values that are not finite numbers")
    return x, y


def _array(values: ArrayLike, what: str) -> Any:
    if isinstance(values, torch.Tensor):
        plain = values.detach().cpu()
        return (plain.double() if plain.is_floating_point() else plain).numpy()
    try:
        return np.asarray(values)
    except (ValueError, TypeError) as error:
        raise ValueError(f"the {what} are an array of numbers, one row per example; {_first(error)}") from None


def _accepted(network: Any, x: Any, real: Any, device: str) -> Any:
    """The inputs in the first form that the network takes: images with a channel axis, then as they came; numbers
    as reals, then, if they are whole, as whole numbers (an embedding's).
    """
    reasons = []
    for values, kind in _forms(x, real):
        tensors = torch.as_tensor(values, device=device).to(kind)
        try:
            outputs = _outputs(network, tensors[: min(2, len(tensors))])
        except Exception as error:  # whatever the user's network raises
            reasons.append(_first(error))
            continue
        if isinstance(outputs, torch.Tensor) and outputs.ndim == 2 and len(outputs) == min(2, len(tensors)):
            return tensors
        got = tuple(outputs.shape) if isinstance(outputs, torch.Tensor) else type(outputs).__name__
        reasons.append(f"{min(2, len(tensors))} examples gave {got}")
    raise ValueError(
        f"the network maps inputs (m, ...) to a tensor of outputs (m, classes); for inputs of shape {x.shape} it does "
        f"not: {'; '.join(dict.fromkeys(reasons))}"
    )


def _forms(x: Any, real: Any) -> Iterator[tuple[Any, Any]]:
    shapes = [x[:, None], x] if x.ndim == 3 else [x]
    for values in shapes:
        yield values, real
    if x.dtype.kind in "iu":
        for values in shapes:
            yield values.astype(np.int64), torch.int64


def _targets(y: Any, loss: str, outputs: Any, real: Any, device: str) -> Any:
    width = outputs.shape[1]
    if loss == "squared":
        values = y.astype(np.float64).reshape(len(y), -1)
        if y.ndim == 1 and y.dtype.kind in "iu" and width > 1 and 0 <= y.min() <= y.max() < width:
            values = np.eye(width)[y]  # classes
        if values.shape[1] != width:
            raise ValueError(
                f"the network has {width} output(s) for each example and the labels {values.shape[1]}; for a squared "
                f"loss labels are numbers of shape (m, {width}), or classes 0 to {width - 1}; got {y.shape}"
            )
        return torch.as_tensor(values, dtype=real, device=device)
    if y.ndim != 1 or np.any(y != np.rint(y)):
        hint = "; of one-hot rows, take labels.argmax(axis=1)" if y.ndim == 2 and y.shape[1] == width else ""
        raise ValueError(f"labels are classes, whole numbers of shape (m,); got {y.dtype} of shape {y.shape}{hint}")
    low, high = int(y.min()), int(y.max())
    if IGNORED in y:
        raise ValueError(
            f"{int(np.sum(y == IGNORED))} labels are {IGNORED}, torch's ignore_index: an example without a loss has no "
            "place in a mean over examples; leave it out (inputs[labels >= 0])"
        )
    if low < 0 or high >= max(width, 2):
        told = f"{width} outputs are the classes 0 to {width - 1}" if width > 1 else "one output tells 0 and 1 apart"
        raise ValueError(
            f"the network's {told}, but the labels go from {low} to {high}; "
            "number them from 0, or give the network more outputs"
        )
    return torch.as_tensor(y.astype(np.int64), device=device)


def _require_function(network: Any, x: Any, same: float) -> None:
    """Refuse outputs that are drawn, that change the network, or that depend on the other examples."""
    before = {key: buffer.clone() for key, buffer in network.named_buffers()}
    with torch.random.fork_rng(devices=[]):
        runs = []
        for seed in range(3):
            torch.manual_seed(seed)
            runs.append(_outputs(network, x))
        alone = [_outputs(network, x[j : j + 1]) for j in sorted({0, len(x) - 1})]
    moved = [key for key, buffer in network.named_buffers() if not torch.equal(buffer, before[key])]
    how = "switch layers of that kind off with network.eval(), or take them out"
    if moved:
        raise ValueError(f"every evaluation changes the network's buffer '{moved[0]}', so that its loss changes; {how}")
    if not bool(torch.isfinite(runs[0]).all()):
        raise ValueError("the network's outputs are not finite numbers at the parameters that it came with")
    near = same * (1 + float(runs[0].abs().max()))
    if any(float((run - runs[0]).abs().max()) > near for run in runs[1:]):
        raise ValueError(f"two evaluations of the network at the same parameters differ: its loss is random; {how}")
    for j, one in zip(sorted({0, len(x) - 1}), alone, strict=True):
        if one.shape != runs[0][j : j + 1].shape:
            raise ValueError(
                f"for one example alone the network gives outputs of shape {tuple(one.shape)}, not (1, classes); "
                "squeeze no axis that may be the examples'"
            )
        if float((one - runs[0][j : j + 1]).abs().max()) > near:
            raise ValueError(
                "an example's outputs depend on the other examples of its batch, so that it has no loss and no "
                f"gradient noise of its own; {how}"
            )


def _outputs(network: Any, x: Any) -> Any:
    with torch.no_grad():
        return network(x)


def _first(error: Exception) -> str:
    """The first line of an error, without its full stop."""
    lines = [line for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    return lines[0].strip().rstrip(".")
