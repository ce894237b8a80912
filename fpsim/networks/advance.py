"""Replicas of a network take iterations of SGD: on arrays in compiled loops, or in torch on the network's device.

A replica is lost when a parameter is farther than `FAR` from the start, or not finite: eta is too large for where it
went.  It keeps its last place that was in order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fpsim.networks.sgd import FAR, NetworkSGD, block_of, drawn, slopes_of

if TYPE_CHECKING:
    from fpsim.networks.replicas import Replicas

Array = NDArray[np.float64]
Integers = NDArray[np.int64]


def advance(
    sgd: NetworkSGD, engine: Replicas, x: Array, replicas: ArrayLike, begin: int, steps: int, seed: int
) -> tuple[Array, Integers]:
    """Take replicas from iteration ``begin`` to ``begin + steps``.

    Args:
        sgd: what moves.
        engine: many copies of ``sgd.landscape``, or of the same network in another precision.
        x: parameters (R, d) at iteration ``begin``.
        replicas: numbers (R,), which choose the random numbers.
        begin, steps: whole numbers >= 0.
        seed: integer in [0, 2^64).

    Returns:
        parameters (R, d), and the iterations (R,) at which replicas were lost, 0 for those that were not.
    """
    numbers, places = np.asarray(replicas, dtype=np.int64), np.array(x, dtype=np.float64)
    if not numbers.size:
        return places, numbers
    walk = _in_loops if engine.engine == "compiled" else _in_torch
    return walk(sgd, engine, places, numbers, begin, begin + steps, seed)


def _in_loops(
    sgd: NetworkSGD, engine: Replicas, x: Array, numbers: Integers, first: int, end: int, seed: int
) -> tuple[Array, Integers]:
    """On arrays, which are changed; who is lost is left behind at once."""
    lost, alive = np.zeros(numbers.size, dtype=np.int64), np.arange(numbers.size)
    while first < end and alive.size:
        of, block = alive, drawn(sgd, seed, numbers[alive], first, min(block_of(sgd, alive.size), end - first))
        for now in zip(*block, strict=True):
            first += 1
            own = now if alive is of else tuple(part[np.searchsorted(of, alive)] for part in now)
            moved = x[alive] - sgd.learning_rate * slopes_of(sgd, engine, x[alive], own)
            sound = (np.abs(moved - sgd.start) <= FAR).all(axis=1)  # false for NaN too
            x[alive[sound]], lost[alive[~sound]] = moved[sound], first
            alive = alive if sound.all() else alive[sound]
            if not alive.size:
                break
    return x, lost


def _in_torch(
    sgd: NetworkSGD, engine: Replicas, x: Array, numbers: Integers, first: int, end: int, seed: int
) -> tuple[Array, Integers]:
    """On the network's device; the host looks once in a block, and lost replicas are taken along if they are few."""
    from fpsim.networks.march import march_of

    march = march_of(sgd, engine, numbers.size)
    march.put(x, first)
    while first < end:
        block = drawn(sgd, seed, numbers, first, min(march.block, end - first))  # while a GPU still walks
        if 2 * march.walking() < numbers.size:
            break
        march.walk(block)
        first += len(block[0])
    x, lost = march.found(numbers.size)
    if march.worth_keeping:
        engine.kept.append(march)
    left = np.flatnonzero(lost == 0)
    if first < end and left.size:
        x[left], lost[left] = _in_torch(sgd, engine, x[left], numbers[left], first, end, seed)
    return x, lost
