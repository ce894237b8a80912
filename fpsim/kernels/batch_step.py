"""A step of mini-batch SGD for a block of paths:  x' = x - (eta / S) sum_{j in B} grad l(x; data_j).

With momentum the state is (x, v), 2 d coordinates:  v' = beta v - eta g,  x' = x + v'; with an optimiser there are its
memories (:mod:`fpsim.sgd.rules`).

The gradient of one example is one function ``gradient(x, examples, data, out)`` over a whole block, called through a
pointer once for every draw, with the data of each lane's own example in the rows of ``examples``.
"""

from __future__ import annotations

import numpy as np

from fpsim.kernels import BLOCK, helper, inlined
from fpsim.kernels.draws import ISOTROPIC

GROUP = 32  # lanes that a sparse gradient does or leaves out together
PLAIN, HEAVY_BALL, SIGN, ADAM = 0, 1, 2, 3  # rules of the steps


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


@inlined
def room_to_step(x, table, dimension, sampling):
    """What :func:`batch_step` needs: rows of examples, the gradient of one, the sum, and their mean if it is wanted."""
    rows, width = np.empty(table.shape[0] * BLOCK, x.dtype), dimension * BLOCK
    mean = np.empty(width if sampling == ISOTROPIC else 0, x.dtype)
    return rows, np.empty(width, x.dtype), np.empty(width, x.dtype), mean


@helper
def weighted_slope(x, k, weights, out, table, room, gradient, data):
    """Fill the sum with the gradients of all examples times the weights of step k of four."""
    m, (rows, slope, total, mean) = table.shape[1], room
    total[:], mean[:] = 0.0, 0.0
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
        for i in range(mean.size):
            mean[i] += slope[i]


@helper
def turn(k, directions, examples, room):
    """Fill the sum with the mean gradient and a kick as long as the sum was, in the direction of step k of four.

    A direction that has no length (of 2^31 in one dimension one) kicks nowhere.
    """
    _, _, total, mean = room
    size, length = np.zeros(BLOCK, total.dtype), np.zeros(BLOCK, total.dtype)
    own = directions[k * total.size : (k + 1) * total.size]
    for i in range(0, total.size, BLOCK):
        for j in range(BLOCK):
            size[j] += total[i + j] * total[i + j]
            length[j] += own[i + j] * own[i + j]
    for j in range(BLOCK):
        size[j] = np.sqrt(size[j] / length[j]) if length[j] > 0 else 0.0
    for i in range(0, total.size, BLOCK):
        for j in range(BLOCK):
            total[i + j] = mean[i + j] / examples + size[j] * own[i + j]


@inlined
def picked_slope(x, k, picks, out, batch, table, room, gradient, data, sparse):
    """Fill the sum with the gradients of the examples picked for step k of four."""
    rows, slope, total, _ = room
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
def batch_step(x, y, k, drawn, out, batch, table, room, gradient, data, rate, rule, numbers, sparse):
    """y = step k of four from x; ``rate`` = eta / S for picked examples, eta for weights."""
    picks, _, _, _, weights, directions, _, _ = drawn
    if weights.size > 0:
        weighted_slope(x, k, weights, out, table, room, gradient, data)
        if directions.size > 0:
            turn(k, directions, table.shape[1], room)
    else:
        picked_slope(x, k, picks, out, batch, table, room, gradient, data, sparse)
    _, _, total, _ = room
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
