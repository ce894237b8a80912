"""A step of torch, recorded once as a CUDA graph and replayed, so that the GPU does not wait for Python at each kernel.

A graph reads and writes the tensors that it was recorded with: what changes is copied into them.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

from landscapes.networks.torch_extra import torch

Step = Callable[[], None]
WARM_UP = 3  # runs, on the stream of the recording: libraries make their workspaces at first use


def cuda_of(device: Any) -> Any:
    """``torch.cuda`` for a device that it records; None for others."""
    return torch.cuda if device.type == "cuda" else None


def recorded(step: Step, device: Any, cuda: Any) -> Step:
    """A replay of ``step``, which takes no arguments and changes tensors in place; it is run `WARM_UP` times before.

    A step that cannot be recorded (a layer waits for the GPU, say) is given back as it is, with a warning.
    """
    with cuda.device(device):
        stream = cuda.Stream()
        stream.wait_stream(cuda.current_stream())
        with cuda.stream(stream):
            for _ in range(WARM_UP):
                step()
        cuda.current_stream().wait_stream(stream)
        graph = cuda.CUDAGraph()
        try:
            with cuda.graph(graph, stream=stream):
                step()
        except RuntimeError as error:
            reason = str(error).splitlines()[0]
            warnings.warn(f"a network that cannot be recorded ({reason}): its steps run kernel by kernel", stacklevel=2)
            return step
    replay: Step = graph.replay
    return replay
