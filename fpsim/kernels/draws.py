"""Which examples a mini-batch takes, for blocks of paths.

Numbers of examples are f(seed, path, step, draw): word (step % 4) of the counter (step // 4, draw).  Reshuffled epochs
walk through a random order of all examples, f(seed, path, epoch), so a path is still the same wherever and whenever it
runs.  Gaussian noise of the exact covariance takes all m examples, with weights:
g = sum_j (1/m + (z_j - mean z)/(m S)^(1/2)) grad l_j, z normal (m,).  Isotropic noise is as long as that, but in a
direction of d more normals.
"""

from __future__ import annotations

import numpy as np

from fpsim.kernels import BLOCK, helper, inlined
from fpsim.kernels.normals import block_normals
from fpsim.kernels.philox import block_words, lane_words, place
from fpsim.kernels.random_numbers import Stream

i4, u4, u8 = np.int32, np.uint32, np.uint64
INDEPENDENT, DISTINCT, RESHUFFLED, GAUSSIAN, ISOTROPIC = 0, 1, 2, 3, 4  # laws of the draws
DIRECTIONS = int(Stream.DIRECTIONS)


@inlined
def block_picks(picks, clash, words, counters, batch, examples, distinct, stream, key0, key1):
    """Fill ``picks`` (4 * batch rows of BLOCK) with the example numbers of four steps: word * top / 2^32.

    ``distinct`` draws without replacement within a batch, by Floyd's algorithm (Bentley and Floyd, Comm. ACM 30
    (1987) 754): draw k of 0 ... m - S + k; if that number is in the batch already, take m - S + k itself.
    """
    narrow = words.view(np.uint32)
    for draw in range(batch):
        block_words(words, counters, u4(stream) << u4(24) | u4(draw), key0, key1)
        top = examples - batch + draw + 1 if distinct else examples
        for k in range(4):
            new = picks[(k * batch + draw) * BLOCK : (k * batch + draw + 1) * BLOCK]
            for j in range(BLOCK):
                new[j] = i4((u8(narrow[place(k, j)]) * u8(top)) >> u8(32))
            if not distinct:
                continue
            clash[:] = 0
            for earlier in range(draw):
                old = picks[(k * batch + earlier) * BLOCK : (k * batch + earlier + 1) * BLOCK]
                for j in range(BLOCK):
                    clash[j] |= old[j] == new[j]
            for j in range(BLOCK):
                new[j] = i4(top - 1) if clash[j] else new[j]


@helper
def shuffle(order, path, epoch, stream, key0, key1):
    """Fill ``order`` with 0 ... m - 1 in random order (Fisher and Yates, from the front)."""
    m = order.size
    for i in range(m):
        order[i] = i4(i)
    c0, c2 = u4(epoch & 0xFFFFFFFF), u4(path & 0xFFFFFFFF)
    c3 = u4(path >> 32) | u4((epoch >> 32) << 16)
    for group in range((m + 3) // 4):
        for k, word in enumerate(lane_words(c0, u4(stream) << u4(24) | u4(group), c2, c3, key0, key1)):
            i = 4 * group + k
            if i < m:
                other = i + np.int64((u8(word) * u8(m - i)) >> u8(32))
                order[i], order[other] = order[other], order[i]


@helper
def epoch_picks(picks, order, shown, counters, batch, stream, key0, key1):
    """Fill ``picks`` as :func:`block_picks` does, with the next examples of each lane's epoch.

    An epoch has m // S batches; what is left of its order is dropped.  ``order`` (BLOCK, m) holds the orders of
    ``shown`` (2, BLOCK): path and epoch.  ``counters`` is seen as 32-bit words.
    """
    batches = order.shape[1] // batch
    for j in range(BLOCK):
        high = np.int64(counters[2 * BLOCK + j])
        path = np.int64(counters[BLOCK + j]) | ((high & 0xFFFF) << 32)
        quad = np.int64(counters[j]) | ((high >> 16) << 32)
        for k in range(4):
            epoch, place = divmod(4 * quad + k, batches)
            if shown[0, j] != path or shown[1, j] != epoch:
                shuffle(order[j], path, epoch, stream, key0, key1)
                shown[0, j], shown[1, j] = path, epoch
            for draw in range(batch):
                picks[(k * batch + draw) * BLOCK + j] = order[j, place * batch + draw]


@helper
def block_weights(weights, words, counters, examples, whole, spread, stream, key0, key1):
    """Fill ``weights`` (4 * examples rows of BLOCK) with whole/m + spread (z - mean z) of four steps."""
    block_normals(weights, words, counters, stream, examples, key0, key1)
    mean = np.empty(BLOCK, weights.dtype)
    for k in range(4):
        mean[:] = 0.0
        own = weights[k * examples * BLOCK : (k + 1) * examples * BLOCK]
        for i in range(examples):
            for j in range(BLOCK):
                mean[j] += own[i * BLOCK + j]
        for i in range(examples):
            for j in range(BLOCK):
                own[i * BLOCK + j] = (whole + spread * (examples * own[i * BLOCK + j] - mean[j])) / examples


@inlined
def room_to_draw(x, dimension, batch, examples, sampling):
    """What :func:`draw_four` fills and needs: picks, clash, order, shown, weights, directions, words, counters."""
    reshuffled, isotropic = sampling == RESHUFFLED, sampling == ISOTROPIC
    picks, clash = np.empty(4 * batch * BLOCK, np.int32), np.empty(BLOCK, np.uint8)
    order, shown = np.empty((BLOCK, examples if reshuffled else 0), np.int32), np.full((2, BLOCK), -1)
    weights = np.empty(4 * examples * BLOCK if sampling >= GAUSSIAN else 0, x.dtype)
    directions = np.empty(4 * dimension * BLOCK if isotropic else 0, x.dtype)
    words, counters = np.empty(2 * BLOCK, np.uint64), np.empty(3 * BLOCK // 2, np.uint64)
    return picks, clash, order, shown, weights, directions, words, counters


@inlined
def draw_four(room, batch, examples, sampling, spread, stream, key0, key1):
    """The example numbers of the next four steps of every lane, or the weights of all, under one of the laws."""
    picks, clash, order, shown, weights, directions, words, counters = room
    if sampling == ISOTROPIC:
        block_weights(weights, words, counters, examples, 0.0, spread, stream, key0, key1)
        block_normals(directions, words, counters, DIRECTIONS, directions.size // (4 * BLOCK), key0, key1)
    elif sampling == GAUSSIAN:
        block_weights(weights, words, counters, examples, 1.0, spread, stream, key0, key1)
    elif sampling == RESHUFFLED:
        epoch_picks(picks, order, shown, counters.view(np.uint32), batch, stream, key0, key1)
    else:
        block_picks(picks, clash, words, counters, batch, examples, sampling == DISTINCT, stream, key0, key1)
