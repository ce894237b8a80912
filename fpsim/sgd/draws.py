"""What paths of mini-batch SGD draw, as arrays: the examples, or normals, that the compiled kernels draw.

Word (n mod 4) of the Philox counter (n // 4, draw) of a path decides draw number ``draw`` of iteration n: the example
floor(word * top / 2^32), top = m with replacement; Floyd's algorithm without; Fisher and Yates by epochs
(:mod:`fpsim.kernels.draws`).  So a path is the same, to rounding, whatever moves it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fpsim.kernels.random_numbers import Stream, words
from fpsim.paths.numpy_kernels import quad_normals

Integers = NDArray[np.int64]


def picks(sampling: str, m: int, size: int, seed: int, paths: Integers, begin: int, steps: int) -> Integers:
    """The examples (steps, S, n) of iterations ``begin`` ... of paths (n,)."""
    if sampling == "reshuffled":
        return _epochs(m, size, seed, paths, begin, steps)
    lanes, quads = _lanes(paths, begin, steps)
    return _in_steps(_fours(m, size, seed, lanes, quads, sampling == "without-replacement"), paths.size, begin, steps)


def _lanes(paths: Integers, begin: int, steps: int) -> tuple[Integers, Integers]:
    """All paths in each group of four iterations from ``begin`` on: their numbers and those of the groups."""
    groups = np.arange(begin // 4, (begin + steps - 1) // 4 + 1)
    return np.tile(paths, groups.size), np.repeat(groups, paths.size)


def _in_steps(drawn: NDArray[Any], paths: int, begin: int, steps: int) -> NDArray[Any]:
    """What lanes drew in their four iterations, (4, k, lanes), as (steps, k, n) of all iterations."""
    k = drawn.shape[1]
    ordered = drawn.reshape(4, k, -1, paths).transpose(2, 0, 3, 1).reshape(-1, paths, k)
    return ordered[begin % 4 :][:steps].swapaxes(1, 2)


def _fours(m: int, size: int, seed: int, lanes: Integers, quads: Integers, distinct: bool) -> Integers:
    """The examples (4, S, lanes) of four iterations."""
    batch = np.empty((4, size, lanes.size), dtype=np.int64)
    for draw in range(size):
        top = m - size + draw + 1 if distinct else m
        new = _scaled(words(seed, Stream.MINIBATCHES, lanes, quads, draw), top)
        if distinct:
            new = np.where((batch[:, :draw] == new[:, None]).any(axis=1), top - 1, new)
        batch[:, draw] = new
    return batch


def _epochs(m: int, size: int, seed: int, paths: Integers, begin: int, steps: int) -> Integers:
    """The next S examples of each path's shuffled data set, which is shuffled again when it is used up."""
    batches = m // size
    epoch, place = np.divmod(np.arange(begin, begin + steps), batches)
    orders = {int(e): _order(m, seed, paths, int(e)) for e in np.unique(epoch)}
    return np.stack([orders[int(e)][p * size : (p + 1) * size] for e, p in zip(epoch, place, strict=True)])


def _order(m: int, seed: int, paths: Integers, epoch: int) -> Integers:
    """The order (m, n) of the examples in one epoch."""
    order, every = np.repeat(np.arange(m)[:, None], paths.size, axis=1), np.arange(paths.size)
    for i in range(m):
        if i % 4 == 0:
            drawn = words(seed, Stream.SHUFFLES, paths, epoch, i // 4)
        other = i + _scaled(drawn[i % 4], m - i)
        order[i, every], order[other, every] = order[other, every], order[i, every]
    return order


def _scaled(word: NDArray[np.uint32], top: int) -> Integers:
    return ((word.astype(np.uint64) * np.uint64(top)) >> np.uint64(32)).astype(np.int64)


def normals(count: int, seed: int, paths: Integers, begin: int, steps: int, stream: Stream) -> NDArray[np.float64]:
    """Normals (steps, count, n) of iterations ``begin`` ... of paths (n,)."""
    z = quad_normals(*_lanes(paths, begin, steps), count, seed, int(stream))
    return _in_steps(z, paths.size, begin, steps)
