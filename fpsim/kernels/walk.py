"""Euler-Maruyama for blocks of paths:  x_{n+1} = x_n + b(x_n) h + sqrt(2 h D(x_n)) z_n.

The right-hand side is one function ``advance(x, z, data, out)`` over a whole block, called through a pointer, so that
these loops are compiled once for all landscapes.
"""

from __future__ import annotations

import numpy as np
from numba import types

from fpsim.kernels import BLOCK, aligned, compiled, helper, inlined
from fpsim.kernels.normals import begin_paths, step_normals
from fpsim.kernels.philox import wide

u8 = np.uint64


@inlined
def all_finite(x, limit):
    """Whether every entry lies within +-limit (false for NaN)."""
    bad = 0
    for j in range(x.size):
        bad |= not (abs(x[j]) <= limit)
    return bad == 0


@helper
def any_lost(x, lanes, limit):
    """Whether one of the first ``lanes`` paths of a block has left the finite numbers; the rest is padding."""
    for i in range(x.size // BLOCK):  # noqa: SIM110  (numba knows no any())
        if not all_finite(x[i * BLOCK : i * BLOCK + lanes], limit):
            return True
    return False


@helper
def add_powers(sums, x, origin, lanes):
    """Add the first four powers of x - origin over the first ``lanes`` paths of a block to ``sums`` (4, d)."""
    for i in range(origin.size):
        for j in range(lanes):
            gap = np.float64(x[i * BLOCK + j]) - origin[i]
            square = gap * gap
            sums[0, i] += gap
            sums[1, i] += square
            sums[2, i] += gap * square
            sums[3, i] += square * square


def _signature(real):
    row, integer = real[::1], types.int64
    advance = types.FunctionType(types.void(row, row, row, row))
    return types.UniTuple(integer, 2)(
        real[:, ::1], integer, integer, integer, integer, types.uint32, types.uint32, row, advance, real,
        real[:, :, ::1], types.float64[:, :, ::1], types.float64[:, ::1], integer, integer,
    )  # fmt: skip


@compiled(_signature)
def walk(
    states, first_path, first_step, every, check, key0, key1, data, advance, limit, frames, sums, origin, paths, stream
):  # fmt: skip
    """Advance blocks of paths by ``frames`` stretches of ``every`` steps each.

    Args:
        states: (blocks, d * BLOCK), start on entry; end on exit.
        first_path: number of the first path of the first block; the paths of a block agree in number // 2^32.
        first_step: number of the first step.
        check: steps between tests for divergence.
        key0, key1: the seed's halves (uint32).
        data, advance: the compiled right-hand side and its numbers.
        limit: largest |x| taken for finite.
        frames: (stretches, blocks, d * BLOCK): the state after every stretch (or no blocks: nothing kept).
        sums: (stretches, 4, d), added to: sums of the first four powers of x - origin over the true paths (or size 0).
        origin: (stretches, d) reference of ``sums`` (or no stretches, with ``sums``).
        paths: number of true paths in these blocks; the rest of the last block is padding.
        stream: number of the random stream.

    Returns:
        (block, step): where a path was first seen to diverge (its block's states are then the diverged ones), or
        (-1, -1).
    """
    wide()
    width = states.shape[1]
    dimension = width // BLOCK
    stretches = frames.shape[0]
    words = aligned(2 * BLOCK, np.empty(0, np.uint64))
    begun = aligned(dimension * 3 * BLOCK, words).reshape((dimension, 3 * BLOCK))
    z = aligned(4 * width, states)
    kick0, kick1, kick2, kick3 = z[:width], z[width : 2 * width], z[2 * width : 3 * width], z[3 * width :]
    x, y = aligned(width, states), aligned(width, states)
    for block in range(states.shape[0]):
        x[:] = states[block]
        true_lanes = min(BLOCK, paths - block * BLOCK)
        path = u8(first_path + block * BLOCK)
        begin_paths(begun, path, stream, key0)
        n = first_step
        for stretch in range(stretches):
            k = 0
            while k < every:
                if n % 4 == 0 or n == first_step:
                    step_normals(z, words, begun, path, u8(n // 4), key0, key1)
                # there and back between x and y: exchanging two arrays would cost more than a step
                if n % 4 == 0 and k % 2 == 0 and k + 4 <= every and check >= 4:
                    advance(x, kick0, data, y)
                    advance(y, kick1, data, x)
                    advance(x, kick2, data, y)
                    advance(y, kick3, data, x)
                    n, k = n + 4, k + 4
                    sound = n % check != 0 or all_finite(x, limit)
                else:
                    kick = z[(n % 4) * width : (n % 4 + 1) * width]
                    if k % 2 == 0:
                        advance(x, kick, data, y)
                        sound = (n + 1) % check != 0 or all_finite(y, limit)
                    else:
                        advance(y, kick, data, x)
                        sound = (n + 1) % check != 0 or all_finite(x, limit)
                    n, k = n + 1, k + 1
                if not sound and any_lost(x if k % 2 == 0 else y, true_lanes, limit):
                    states[block] = x if k % 2 == 0 else y
                    return block, n
            if every % 2 == 1:
                x[:] = y
            if not all_finite(x, limit) and any_lost(x, true_lanes, limit):
                states[block] = x
                return block, n
            if frames.shape[1] > 0:
                frames[stretch, block] = x
            if sums.size > 0:
                add_powers(sums[stretch], x, origin[stretch], true_lanes)
        states[block] = x
    return -1, -1
