"""Torch, or the sentence that says how to get it: modules that cannot do without torch import it from here."""

from __future__ import annotations

from landscapes.extras import missing

try:
    import torch
    from torch import nn
    from torch.nn import functional
except ModuleNotFoundError as error:
    if error.name != "torch":
        raise
    raise missing("torch", "a network as a landscape") from None

__all__ = ["functional", "nn", "torch"]
