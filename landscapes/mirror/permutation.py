"""The symmetry of a network under a swap of two channels, which every single example has:  l_j(Qx) = l_j(x).

On the parameters x = Qx no example's gradient points across, so that SGD never leaves them, and at a saddle there no
noise acts along the way out.  This module needs torch (extra ``network``).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from landscapes.evaluation import Array
from landscapes.networks.landscape import NeuralLandscape


def swap_of(landscape: NeuralLandscape) -> Callable[[Array], Array]:
    """Q, which exchanges the two channels of a residual network of width 2 everywhere: x (d, ...) -> (d, ...).

    Raises:
        ValueError: if the example losses at some x are not those at Qx.
    """
    places, begin = [], 0
    for shape in landscape.shapes.values():
        here = np.arange(begin, begin + shape.numel()).reshape(tuple(shape))
        for axis in range(min(2, here.ndim)):
            here = np.flip(here, axis) if here.shape[axis] == 2 else here
        places.append(here.ravel())
        begin += shape.numel()
    index = np.concatenate(places)
    x = np.random.default_rng(0).standard_normal(landscape.dimension) / 2
    gap = float(np.abs(landscape.example_losses(x[index]) - landscape.example_losses(x)).max())
    if gap > 1e-12:
        raise ValueError(f"this network is no other one with its two channels swapped: losses differ by {gap:.2g}")
    return lambda point: np.asarray(point)[index]
