"""Random numbers without state: every draw is f(seed, stream, path, step, coordinate).

Philox 4x32-10 (Salmon et al., SC 2011) on the counter

    c0, c3 high   step // 4          c1   stream (8 bits), coordinate (24 bits)
    c2, c3 low    path               key  seed (64 bits)

and Box-Muller on its words (two words, two normals; the four words of one counter serve four consecutive steps).  Hence
a path is the same alone, in any block, on any number of threads, and after a restart.  Words have 32 bits, so
|z| <= 6.76 and the density of the normals is discrete at the level 2^-32.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray


class Stream(IntEnum):
    """What the draws are for; different streams of one seed are independent."""

    INCREMENTS = 0
    BRIDGE = 1
    STARTS = 2
    MINIBATCHES = 3
    JUMPS = 4
    SHUFFLES = 5
    DIRECTIONS = 6
    COARSE_INCREMENTS = 8
    COARSE_BRIDGE = 9


def seed_words(seed: int) -> tuple[np.uint32, np.uint32]:
    """The key of a seed in [0, 2^64).

    Raises:
        ValueError: for anything else.
    """
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or not 0 <= seed < 2**64:
        raise ValueError(f"a seed is an integer with 0 <= seed < 2^64; got {seed!r}")
    return np.uint32(int(seed) & 0xFFFFFFFF), np.uint32(int(seed) >> 32)


def own_seed(seed: int, *setting: Any) -> int:
    """A seed of its own for one setting of a sweep, such as a batch size, a learning rate, a name.

    Under one common seed the draws of neighbouring settings nest (batches of S and of S + 1 share S draws), so that
    their results correlate and a fit through them has another error than it says.
    """
    import hashlib

    return int.from_bytes(hashlib.sha256(repr((seed, *setting)).encode()).digest()[:7], "big")


def words(
    seed: int, stream: int, paths: NDArray[np.int64], quad: int | NDArray[np.int64], coordinate: int = 0
) -> NDArray[np.uint32]:
    """The four words of steps ``4 quad ... 4 quad + 3`` for every path (and its own quad), shape (4, paths)."""
    from fpsim.kernels.philox import words_of_lanes

    number = np.asarray(paths, dtype=np.uint64)
    out = np.empty((4, number.size), dtype=np.uint32)
    low = np.uint64(0xFFFFFFFF)
    words_of_lanes[np.float64](
        np.full(number.size, quad & 0xFFFFFFFF, dtype=np.uint32),
        np.full(number.size, (int(stream) << 24) | coordinate, dtype=np.uint32),
        (number & low).astype(np.uint32),
        ((number >> np.uint64(32)) | np.uint64((quad >> 32) << 16)).astype(np.uint32),
        *seed_words(seed),
        out,
    )
    return out


def uniforms(
    seed: int, stream: int, paths: NDArray[np.int64], step: int = 0, coordinate: int = 0
) -> NDArray[np.float64]:
    """Uniforms in (0, 1), one per path: (word + 1/2) 2^-32."""
    return np.asarray((words(seed, stream, paths, step // 4, coordinate)[step % 4] + 0.5) * 2.0**-32)


def normals(
    seed: int, paths: int, steps: int, dimension: int = 1, stream: int = Stream.INCREMENTS, first_path: int = 0,
    first_step: int = 0, dtype: DTypeLike = np.float64,
) -> NDArray[np.floating]:  # fmt: skip
    """Standard normals, shape (steps, dimension, paths): exactly the ones that the path kernels use.

    Args:
        seed: integer in [0, 2^64).
        paths, steps, dimension: how many.
        stream: see :class:`Stream`.
        first_path, first_step: where to begin.
        dtype: float64 or float32; both come from the same words.
    """
    from fpsim.kernels import BLOCK
    from fpsim.kernels.fill import fill_normals

    blocks, quads = -(-paths // BLOCK), range(first_step // 4, (first_step + steps - 1) // 4 + 1)
    out = np.empty((len(quads) * 4, dimension, blocks * BLOCK), dtype=dtype)
    numbers = first_path + np.arange(blocks * BLOCK, dtype=np.int64)
    for row, quad in enumerate(quads):
        steps_of_quad = out[4 * row : 4 * row + 4]
        fill_normals[dtype](numbers, np.full(numbers.size, quad), int(stream), *seed_words(seed), steps_of_quad)
    skip = first_step % 4
    return out[skip : skip + steps, :, :paths]
