"""Normals of four consecutive steps for many paths at once (what the NumPy routes draw from)."""

from __future__ import annotations

import numpy as np
from numba import types

from fpsim.kernels import BLOCK, compiled
from fpsim.kernels.normals import block_normals
from fpsim.kernels.philox import set_path, set_quad


def _signature(real):
    numbers = types.int64[::1]
    return types.void(numbers, numbers, types.int64, types.uint32, types.uint32, real[:, :, ::1])


@compiled(_signature)
def fill_normals(paths, quads, stream, key0, key1, out):
    """Fill ``out`` (4, d, n), n a multiple of BLOCK, for paths and groups of four steps given lane by lane."""
    dimension = out.shape[1]
    words = np.empty(2 * BLOCK, np.uint64)
    counters = np.empty(3 * BLOCK // 2, np.uint64)
    lanes = counters.view(np.uint32)
    z = np.empty(4 * dimension * BLOCK, out.dtype)
    for first in range(0, paths.size, BLOCK):
        for j in range(BLOCK):
            set_path(lanes, j, np.uint64(paths[first + j]))
            set_quad(lanes, j, np.uint64(quads[first + j]))
        block_normals(z, words, counters, stream, dimension, key0, key1)
        for k in range(4):
            for i in range(dimension):
                row = (k * dimension + i) * BLOCK
                out[k, i, first : first + BLOCK] = z[row : row + BLOCK]
