"""What a mini-batch kernel takes from a landscape: the gradient of one example, its numbers, the examples' table.

A ``DatasetLandscape`` has a formula; a small network is written out from its layers
(:mod:`landscapes.networks.network_code`), if they are known there.  Others run in torch.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from fpsim.paths.step import Compiled, made
from fpsim.sgd.batches import MiniBatchSGD

Array = NDArray[Any]
WORTH = 1_000_000
"""Gradients of one example from which on a network is compiled, which takes some seconds the first time."""


def compiles(sgd: MiniBatchSGD) -> bool:
    """Whether the landscape's gradient can be compiled."""
    return not sgd.moves_network or why_not(sgd.landscape) is None


def why_not(landscape: Any) -> str | None:
    """Why a network is not written out, in words."""
    if not hasattr(landscape, "inputs"):
        return "it is a table of a network's losses, not the network"
    if "float64" not in str(landscape.inputs.dtype):
        return f"its numbers are {str(landscape.inputs.dtype).removeprefix('torch.')}, not float64"
    from landscapes.networks.network_code import UnknownLayerError

    try:
        _written(landscape, 1)
    except UnknownLayerError as error:
        return str(error)
    return None


def slope_and_table(sgd: MiniBatchSGD, device: str = "cpu", dtype: DTypeLike = np.float64) -> tuple[Compiled, Array]:
    """The compiled gradient of one example (on a GPU its text) with its numbers, and the table (columns, m)."""
    if sgd.moves_network:
        return _of_network(sgd.landscape, device, dtype)
    from landscapes.formula.symbolic import derivative, symbol

    examples = sgd.landscape.examples
    x = [symbol(name) for name in examples.variables]
    rows = [symbol(name) for name, _ in examples.data]
    slopes = [derivative(examples.expression, v) for v in x]
    parameters = {symbol(name): value for name, value in examples.parameters}
    gradient = made(device, slopes, {"x": x, "u": rows}, parameters, dtype)
    return gradient, np.ascontiguousarray(examples.table, dtype=dtype).copy()


def _of_network(landscape: Any, device: str, dtype: DTypeLike) -> tuple[Compiled, Array]:
    from fpsim.paths.chunks import BLOCK

    code = _written(landscape, 1 if device == "cuda" else BLOCK)
    function: Any = code.source
    if device == "cpu":
        from fpsim.kernels.compiling import compiled_block

        function = compiled_block(code.source, 4, np.dtype(dtype).name)
    return Compiled(function, code.data.astype(dtype)), code.table.astype(dtype)


@lru_cache(maxsize=16)
def _written(landscape: Any, width: int) -> Any:
    from landscapes.networks.network_code import network_code

    return network_code(landscape, width)
