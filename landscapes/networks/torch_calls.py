"""What torch needs said before it differentiates a network, and arrays to and from it.

This module needs torch (extra ``network``).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from landscapes.evaluation import Array
from landscapes.networks.torch_extra import torch

NO_SECOND = ("not implemented", "differentiate twice", "double", "does not require grad")
"""Words of torch where a second derivative is missing."""
_lock = threading.Lock()
_inside: list[bool] = []  # torch's switch is one for all threads: the first one in turns it off, the last one out on


@contextmanager
def plain_kernels() -> Iterator[None]:
    """Attention by its formula: the fused kernels have no second derivative, and no rule for many examples at once."""
    switch = torch.backends.mha
    with _lock:
        _inside.append(switch.get_fastpath_enabled() if not _inside else _inside[0])
        switch.set_fastpath_enabled(False)
    try:
        with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH):
            yield
    finally:
        with _lock:
            before = _inside.pop()
            if not _inside:
                switch.set_fastpath_enabled(before)


@contextmanager
def twice(name: str) -> Iterator[None]:
    """Say in a sentence that a layer of ``name`` cannot be differentiated twice; by its formula where it has one."""
    try:
        with plain_kernels():
            yield
    except (RuntimeError, NotImplementedError) as error:
        reason = str(error).splitlines()[0]
        if not any(words in reason for words in NO_SECOND):
            raise
        raise ValueError(
            f"products with the Hessian or with single slopes differentiate {name} twice, which torch cannot do for "
            f"one of its layers ({reason}); first derivatives and weighted gradients work"
        ) from error


def numbers(tensor: Any) -> Array:
    """A tensor as a float64 array."""
    return np.asarray(tensor.detach().cpu().numpy(), dtype=np.float64)


def spread(function: Callable[[Array], Array], x: Array) -> Array:
    """Apply a function of one point (d,) to points (d, ...); their axes come last in the result."""
    flat = x.reshape(len(x), -1)
    values = np.stack([function(flat[:, i]) for i in range(flat.shape[1])], axis=-1)
    return values.reshape(values.shape[:-1] + x.shape[1:])
