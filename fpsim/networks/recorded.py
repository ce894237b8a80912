"""A step of torch, recorded once as a CUDA graph and replayed, so that the GPU does not wait for Python at each kernel.

A graph reads and writes the tensors that it was recorded with: what changes is copied into them.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from landscapes.networks.torch_extra import torch

Step = Callable[[], None]
WARM_UP = 3  # runs, on the stream of the recording: libraries make their workspaces at first use


def cuda_of(device: Any) -> Any:
    """``torch.cuda`` for a device that it records; None for others."""
    return torch.cuda if device.type == "cuda" else None


def recorded(step: Step, device: Any, cuda: Any) -> Step:
    """A replay of ``step``, which takes no arguments and changes tensors in place; it is run `WARM_UP` times before.

    A step that cannot be recorded (a layer waits for the GPU, say) is given back as it is, with a warning.  The last of
    the runs finds it out: a recording that fails leaves torch's memory of the GPU unfit for the rest of the process.
    """
    with cuda.device(device):
        stream, graph = cuda.Stream(), cuda.CUDAGraph()
        stream.wait_stream(cuda.current_stream())
        replay: Step = graph.replay
        with cuda.stream(stream):  # a recording that fails does not leave its stream by itself
            for _ in range(WARM_UP - 1):
                step()
            try:
                with _never_waiting(cuda):
                    step()
                with cuda.graph(graph, stream=stream):
                    step()
            except RuntimeError as error:
                reason = str(error).splitlines()[0]
                warnings.warn(
                    f"a network that cannot be recorded ({reason}): its steps run kernel by kernel", stacklevel=2
                )
                replay = step
        cuda.current_stream().wait_stream(stream)
    return replay


@contextmanager
def _never_waiting(cuda: Any) -> Iterator[None]:
    """Whatever would let the host wait for the GPU is a ``RuntimeError``."""
    before = cuda.get_sync_debug_mode()
    cuda.set_sync_debug_mode("error")
    try:
        yield
    finally:
        cuda.set_sync_debug_mode(before)
