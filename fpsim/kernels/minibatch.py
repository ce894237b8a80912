"""Mini-batch SGD for blocks of paths:  x_{n+1} = x_n - (eta / S) sum_{j in B_n} grad l(x_n; data_j).

With momentum the state is (x, v), 2 d coordinates:  v' = beta v - eta g,  x' = x + v'; with an optimiser there are its
memories (:mod:`fpsim.sgd.rules`).  Gaussian noise of the exact covariance takes all m examples:
g = sum_j (1/m + (z_j - mean z)/(m S)^(1/2)) grad l_j, z normal (m,).

The gradient of one example is one function ``gradient(x, examples, data, out)`` over a whole block, called through a
pointer once for every draw, with the data of each lane's own example in the rows of ``examples``.  Example numbers are
f(seed, path, step, draw): word (step % 4) of the counter (step // 4, draw).  Reshuffled epochs walk through a random
order of all examples, f(seed, path, epoch), so a path is still the same wherever and whenever it runs.
"""

from __future__ import annotations

import numpy as np
from numba import types

from fpsim.kernels import BLOCK, compiled, helper, inlined
from fpsim.kernels.exits import diverged, refill, retire
from fpsim.kernels.normals import block_normals
from fpsim.kernels.philox import block_words, lane_words, set_path, set_quad
from fpsim.kernels.walk import add_powers, all_finite

i4, u4, u8 = np.int32, np.uint32, np.uint64
GROUP = 32  # lanes that a sparse gradient does or leaves out together
IDLE = -1  # lane without a path
INDEPENDENT, DISTINCT, RESHUFFLED, GAUSSIAN = 0, 1, 2, 3  # laws of the draws
PLAIN, HEAVY_BALL, SIGN, ADAM = 0, 1, 2, 3  # rules of the steps


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
                new[j] = i4((u8(narrow[k * BLOCK + j]) * u8(top)) >> u8(32))
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
def block_weights(weights, words, counters, examples, spread, stream, key0, key1):
    """Fill ``weights`` (4 * examples rows of BLOCK) with 1/m + spread (z - mean z) of four steps, summing to one."""
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
                own[i * BLOCK + j] = (1.0 + spread * (examples * own[i * BLOCK + j] - mean[j])) / examples


@inlined
def draw_four(
    picks, clash, order, shown, weights, words, counters, batch, examples, sampling, spread, stream, key0, key1
):
    """The example numbers of the next four steps of every lane, or the weights of all, under one of the laws."""
    if sampling == GAUSSIAN:
        block_weights(weights, words, counters, examples, spread, stream, key0, key1)
    elif sampling == RESHUFFLED:
        epoch_picks(picks, order, shown, counters.view(np.uint32), batch, stream, key0, key1)
    else:
        block_picks(picks, clash, words, counters, batch, examples, sampling == DISTINCT, stream, key0, key1)


@inlined
def show_busy(slope, out):
    """Tell a sparse gradient which lanes matter: it leaves out groups of lanes that are all out, with slope 0."""
    for j in range(BLOCK):
        slope[j] = 0.0 if out[j] else 1.0


@inlined
def fetch(rows, table, picks, first, out, sparse):
    """Fill ``rows`` with the examples of all lanes, or of the groups of lanes that are not all out."""
    for begin in range(0, BLOCK, GROUP):
        busy = not sparse
        for j in range(begin, begin + GROUP):
            busy |= not out[j]
        if busy:
            for r in range(table.shape[0]):
                for j in range(begin, begin + GROUP):
                    rows[r * BLOCK + j] = table[r, picks[first + j]]


@helper
def weighted_slope(x, k, weights, out, table, rows, slope, total, gradient, data):
    """Fill ``total`` with the sum of the gradients of all examples times the weights of step k of four."""
    m = table.shape[1]
    total[:] = 0.0
    for example in range(m):
        for r in range(table.shape[0]):
            for j in range(BLOCK):
                rows[r * BLOCK + j] = table[r, example]
        show_busy(slope, out)
        gradient(x, rows, data, slope)
        own = weights[(k * m + example) * BLOCK : (k * m + example + 1) * BLOCK]
        for i in range(total.size // BLOCK):
            for j in range(BLOCK):
                total[i * BLOCK + j] += own[j] * slope[i * BLOCK + j]


@inlined
def picked_slope(x, k, picks, out, batch, table, rows, slope, total, gradient, data, sparse):
    """Fill ``total`` with the sum of the gradients of the examples picked for step k of four."""
    total[:] = 0.0
    for first in range(k * batch * BLOCK, (k + 1) * batch * BLOCK, BLOCK):
        fetch(rows, table, picks, first, out, sparse)
        show_busy(slope, out)
        gradient(x, rows, data, slope)
        for i in range(total.size):
            total[i] += slope[i]


@helper
def sign_step(x, y, total, rate, numbers):
    """Signum: ``numbers`` are its momentum, and S."""
    width, beta, size = total.size, numbers[0], numbers[1]
    eta = rate * size
    for i in range(width):
        mean = beta * x[width + i] + (1 - beta) * (total[i] / size)
        y[width + i] = mean
        y[i] = x[i] - eta * ((mean > 0) - (mean < 0))


@helper
def adam_step(x, y, total, rate, numbers):
    """Adam: ``numbers`` are beta1, beta2, epsilon and S; means of g and g^2 so far, below them the weights so far."""
    width, beta1, beta2, epsilon, size = total.size, numbers[0], numbers[1], numbers[2], numbers[3]
    eta, last = rate * size, 3 * width
    for j in range(BLOCK):
        y[last + j] = beta1 * x[last + j] + (1 - beta1)
        y[last + BLOCK + j] = beta2 * x[last + BLOCK + j] + (1 - beta2)
    for i in range(0, width, BLOCK):
        for j in range(BLOCK):
            g = total[i + j] / size
            first, second = (1 - beta1) / y[last + j], (1 - beta2) / y[last + BLOCK + j]
            mean = (1 - first) * x[width + i + j] + first * g
            square = (1 - second) * x[2 * width + i + j] + second * g * g
            y[width + i + j], y[2 * width + i + j] = mean, square
            y[i + j] = x[i + j] - eta * mean / (np.sqrt(square) + epsilon)


@inlined
def batch_step(
    x, y, k, picks, weights, out, batch, table, rows, slope, total, gradient, data, rate, rule, numbers, sparse
):  # fmt: skip
    """y = step k of four from x; ``rate`` = eta / S for picked examples, eta for weights."""
    if weights.size > 0:
        weighted_slope(x, k, weights, out, table, rows, slope, total, gradient, data)
    else:
        picked_slope(x, k, picks, out, batch, table, rows, slope, total, gradient, data, sparse)
    width = total.size
    if rule == PLAIN:
        for i in range(width):
            y[i] = x[i] - rate * total[i]
    elif rule == HEAVY_BALL:
        for i in range(width):
            speed = numbers[0] * x[width + i] - rate * total[i]
            y[width + i] = speed
            y[i] = x[i] + speed
    elif rule == SIGN:
        sign_step(x, y, total, rate, numbers)
    else:
        adam_step(x, y, total, rate, numbers)


@inlined
def any_inside(level):
    """Whether a lane is in the target."""
    found = 0
    for j in range(BLOCK):
        found |= level[j] >= 0
    return found != 0


@helper
def land(y, level, owner, quads, out, k, limit, times, places):
    """Record the lanes whose step k of four has ended in the target; returns how many."""
    gone = 0
    for j in range(BLOCK):
        if level[j] >= 0 and not out[j]:
            sound = True
            for i in range(y.size // BLOCK):
                sound &= abs(y[i * BLOCK + j]) <= limit
                places[owner[j], i] = y[i * BLOCK + j]
            if sound:
                times[owner[j]] = 4 * quads[j] + k + 1
                out[j] = 1
                gone += 1
    return gone


def _arguments(real):
    row, integer, word = real[::1], types.int64, types.uint32
    gradient = types.FunctionType(types.void(row, row, row, row))
    # table, data, gradient, dimension, rate, rule, numbers, spread, batch, sampling, stream, sparse, key0, key1
    which = integer, integer, integer, types.boolean
    return real[:, ::1], row, gradient, integer, real, integer, row, real, *which, word, word


def _walk_signature(real):
    integer = types.int64
    return types.UniTuple(integer, 2)(
        real[:, ::1], integer, integer, integer, *_arguments(real), real, real[:, :, ::1], types.float64[:, :, ::1],
        types.float64[::1], integer,
    )  # fmt: skip


@compiled(_walk_signature)
def walk_batches(
    states, first_path, first_step, every, table, data, gradient, dimension, rate, rule, numbers, spread,
    batch, sampling, stream, sparse, key0, key1, limit, frames, sums, origin, paths,
):  # fmt: skip
    """Advance blocks of paths by ``frames`` stretches of ``every`` steps each.

    Args:
        states: (blocks, coordinates * BLOCK), start on entry; end on exit.
        first_path: number of the first path of the first block.
        first_step: number of the first step.
        table: (data names, examples) the data set.
        data, gradient: parameters, and the compiled gradient of one example.
        dimension: d; states have d coordinates, and below them what the rule remembers.
        rate: eta / S (eta for Gaussian noise).
        rule, numbers: how a step is made of a gradient, and its numbers (:mod:`fpsim.sgd.rules`).
        spread: (m S)^(-1/2) for Gaussian noise.
        batch, sampling: examples in a batch, and the law of the draws.
        stream, key0, key1: random stream of that law, and the seed's halves.
        sparse: whether the gradient leaves out groups of lanes whose first slopes are 0 when it is called.
        limit: largest |x| taken for finite.
        frames: (stretches, blocks, d * BLOCK): the state after every stretch (or no blocks: nothing kept).
        sums: (stretches, 4, d), added to: sums of the first four powers of x - origin over the true paths (or size 0).
        origin: (d,) reference of ``sums``.
        paths: number of true paths in these blocks; the rest of the last block is padding.

    Returns:
        (block, step): where a path was seen to diverge, or (-1, -1).
    """
    width = states.shape[1]
    words = np.empty(2 * BLOCK, np.uint64)
    counters = np.empty(3 * BLOCK // 2, np.uint64)
    lanes = counters.view(np.uint32)
    picks = np.empty(4 * batch * BLOCK, np.int32)
    weights = np.empty(4 * table.shape[1] * BLOCK if sampling == GAUSSIAN else 0, states.dtype)
    clash = np.empty(BLOCK, np.uint8)
    order = np.empty((BLOCK, table.shape[1] if sampling == RESHUFFLED else 0), np.int32)
    shown = np.full((2, BLOCK), -1)
    rows, y = np.empty(table.shape[0] * BLOCK, states.dtype), np.empty(width, states.dtype)
    slope, total = np.empty(dimension * BLOCK, states.dtype), np.empty(dimension * BLOCK, states.dtype)
    out = np.zeros(BLOCK, np.uint8)
    for block in range(states.shape[0]):
        x = states[block]
        for j in range(BLOCK):
            out[j] = block * BLOCK + j >= paths  # padding
            set_path(lanes, j, u8(first_path + block * BLOCK + j))
        for m in range(frames.shape[0] * every):
            n = first_step + m
            k = n % 4
            if k == 0 or m == 0:
                for j in range(BLOCK):
                    set_quad(lanes, j, u8(n // 4))
                draw_four(
                    picks, clash, order, shown, weights, words, counters, batch, table.shape[1], sampling, spread,
                    stream, key0, key1,
                )  # fmt: skip
            batch_step(
                x, y, k, picks, weights, out, batch, table, rows, slope, total, gradient, data, rate, rule, numbers,
                sparse,
            )  # fmt: skip
            x[:] = y
            if not all_finite(x, limit):
                return block, n + 1
            if (m + 1) % every == 0:
                stretch = m // every
                if frames.shape[1] > 0:
                    frames[stretch, block] = x
                if sums.size > 0:
                    add_powers(sums[stretch], x, origin, min(BLOCK, paths - block * BLOCK))
    return -1, -1


def _exit_signature(real):
    row, integer = real[::1], types.int64
    wall = types.FunctionType(types.void(row, row, row))
    return integer(
        row, integer[::1], integer[::1], integer[::1], types.float64[:, ::1], integer, integer, *_arguments(real),
        row, wall, real, types.float64[::1], types.float64[:, ::1], integer[::1], integer[::1], types.boolean,
    )  # fmt: skip


@compiled(_exit_signature)
def exit_batches(
    x, owner, quads, pool, starts, horizon, budget, table, data, gradient, dimension, rate, rule, numbers, spread,
    batch, sampling, stream, sparse, key0, key1, wall_data, wall, limit, times, places, clock, begun, final,
):  # fmt: skip
    """Move one block of lanes until its budget, or its list of paths, is used up.

    A path is out when a step lands in the target: the chain is the truth, nothing happens between its steps.
    Arguments are those of :func:`walk_batches` and of :func:`fpsim.kernels.exits.exits`; ``wall`` gives the signed
    distance to the target.

    Returns:
        number of lanes still carrying paths, or -1 - path for a path that diverged.
    """
    width = x.size
    words = np.empty(2 * BLOCK, np.uint64)
    counters = np.empty(3 * BLOCK // 2, np.uint64)
    lanes = counters.view(np.uint32)
    picks = np.empty(4 * batch * BLOCK, np.int32)
    weights = np.empty(4 * table.shape[1] * BLOCK if sampling == GAUSSIAN else 0, x.dtype)
    clash = np.empty(BLOCK, np.uint8)
    order = np.empty((BLOCK, table.shape[1] if sampling == RESHUFFLED else 0), np.int32)
    shown = np.full((2, BLOCK), -1)
    rows, y = np.empty(table.shape[0] * BLOCK, x.dtype), np.empty(width, x.dtype)
    slope, total = np.empty(dimension * BLOCK, x.dtype), np.empty(dimension * BLOCK, x.dtype)
    level = np.empty(BLOCK, x.dtype)
    out = np.zeros(BLOCK, np.uint8)
    busy = 0
    for j in range(BLOCK):
        out[j] = owner[j] == IDLE
        if owner[j] != IDLE:
            busy += 1
            set_path(lanes, j, u8(owner[j]))
    for _ in range(budget):
        if busy < BLOCK and pool[0] < pool[1]:
            busy += refill(x, owner, quads, pool, starts, out, lanes, clock, begun)
        if busy == 0 or (busy < BLOCK and not final):
            return busy
        oldest = 0
        for j in range(BLOCK):
            set_quad(lanes, j, u8(quads[j]))
            oldest = max(oldest, quads[j])
        draw_four(
            picks, clash, order, shown, weights, words, counters, batch, table.shape[1], sampling, spread, stream,
            key0, key1,
        )  # fmt: skip
        gone = 0
        for k in range(4):
            batch_step(
                x, y, k, picks, weights, out, batch, table, rows, slope, total, gradient, data, rate, rule, numbers,
                sparse,
            )  # fmt: skip
            wall(y, wall_data, level)
            if any_inside(level):
                gone += land(y, level, owner, quads, out, k, limit, times, places)
            x[:] = y
        if not all_finite(x, limit):
            path = diverged(x, owner, out, limit)
            if path >= 0:
                return -1 - path
            gone += 1
        clock[0] += 1
        for j in range(BLOCK):
            quads[j] += 1
        if gone > 0 or oldest + 1 >= horizon:
            busy -= retire(x, owner, quads, starts, horizon, out, times, places)
    return busy
