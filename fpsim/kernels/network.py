"""Gradients of many small networks at once, each with its own parameters: one loop, to which a network is a table.

    total_r = sum_s w_rs grad l_{j_rs}(x_r)

A network is rows of whole numbers (:mod:`fpsim.networks.program` writes them), so that a new one compiles nothing.
Lanes of 64 bytes go side by side: replicas, and several examples of each where replicas are fewer than lanes.  Nearly
all work is sums of products over places that the tables name:

    y[o, n] = b[o] + sum_k w[o, k] x[place(k) + place(n)]        a layer; its slopes too, with the table transposed
    g[o, k] += sum_n dy[o, n] x[place(k) + place(n)]             the gradient of its weights

taken for 2 o and 4 n (or k) together: the sums stay in registers, and a number is loaded once for several products.
The eight sums are written twice: as a function, even a pasted one, they leave the registers, at twice the time.
"""

from __future__ import annotations

import math

import numpy as np
from numba import types

from fpsim.kernels import aligned, compiled, helper, inlined
from fpsim.kernels.elementary import exp, gauss, lanes, local, logistic, pointer, tanh
from fpsim.kernels.philox import wide

PRODUCTS, WEIGHTS, SHARE, CURVE, TIMES = range(5)  # what a row does; the rest of it, by the row's kind:
Y, X, W, BIAS, MANY, TERMS, PIXELS, AT_W, AT_X, BY_X, BY_Y, Y_STEP, X_STEP, W_STEP, ADDING, KIND = range(1, 17)
COLUMNS = 17
GELU, SILU, TANH, SOFTPLUS, RELU = range(5)
SQUARED, TWO_CLASSES, CLASSES = range(3)  # losses


@helper
def products(op, places, room, weights):
    """y[o, n] = b[o] + sum_k w[o, k] x[k, n], or added to what y holds."""
    wide()
    many, terms, pixels, bias, adding = op[MANY], op[TERMS], op[PIXELS], op[BIAS], op[ADDING]
    y, x, at_w, at_x, by_x, by_y = op[Y], op[X], op[AT_W], op[AT_X], op[BY_X], op[BY_Y]
    count, t = lanes(room), local(room, 128)
    for first in range(0, many, 2):
        second = min(first + 1, many - 1)  # an odd last one twice, with the same sums
        one, two = pointer(weights, op[W] + first * op[W_STEP]), pointer(weights, op[W] + second * op[W_STEP])
        for n in range(0, pixels, 4):
            for i in range(8):
                o, pixel = (first if i < 4 else second), min(n + i % 4, pixels - 1)
                out = pointer(room, y + o * op[Y_STEP] + places[by_y + pixel])
                own = pointer(weights, max(bias, 0) + o * count)
                for j in range(count):
                    t[i * count + j] = out[j] if adding else own[j]
                if not adding and bias < 0:
                    for j in range(count):
                        t[i * count + j] = 0
            a = pointer(room, x + places[by_x + n])
            b = pointer(room, x + places[by_x + min(n + 1, pixels - 1)])
            c = pointer(room, x + places[by_x + min(n + 2, pixels - 1)])
            d = pointer(room, x + places[by_x + min(n + 3, pixels - 1)])
            for k in range(terms):
                p, q = places[at_w + k], places[at_x + k]
                for j in range(count):
                    u, v = one[p + j], two[p + j]
                    t[j] += u * a[q + j]
                    t[count + j] += u * b[q + j]
                    t[2 * count + j] += u * c[q + j]
                    t[3 * count + j] += u * d[q + j]
                    t[4 * count + j] += v * a[q + j]
                    t[5 * count + j] += v * b[q + j]
                    t[6 * count + j] += v * c[q + j]
                    t[7 * count + j] += v * d[q + j]
            for i in range(8):
                o, pixel = (first if i < 4 else second), min(n + i % 4, pixels - 1)
                out = pointer(room, y + o * op[Y_STEP] + places[by_y + pixel])
                for j in range(count):
                    out[j] = t[i * count + j]


@helper
def weight_slopes(op, places, room, slopes):
    """g[o, k] += sum_n dy[o, n] x[k, n], and g of the biases."""
    wide()
    many, terms, pixels, bias = op[MANY], op[TERMS], op[PIXELS], op[BIAS]
    y, x, at_w, at_x, by_x, by_y = op[Y], op[X], op[AT_W], op[AT_X], op[BY_X], op[BY_Y]
    count, t = lanes(room), local(room, 128)
    for first in range(0, many, 2):
        second = min(first + 1, many - 1)
        one, two = pointer(room, y + first * op[Y_STEP]), pointer(room, y + second * op[Y_STEP])
        for k in range(0, terms, 4):
            for i in range(8):
                o, term = (first if i < 4 else second), min(k + i % 4, terms - 1)
                own = pointer(slopes, op[W] + o * op[W_STEP] + places[at_w + term])
                for j in range(count):
                    t[i * count + j] = own[j]
            a = pointer(room, x + places[at_x + k])
            b = pointer(room, x + places[at_x + min(k + 1, terms - 1)])
            c = pointer(room, x + places[at_x + min(k + 2, terms - 1)])
            d = pointer(room, x + places[at_x + min(k + 3, terms - 1)])
            for n in range(pixels):
                p, q = places[by_y + n], places[by_x + n]
                for j in range(count):
                    u, v = one[p + j], two[p + j]
                    t[j] += u * a[q + j]
                    t[count + j] += u * b[q + j]
                    t[2 * count + j] += u * c[q + j]
                    t[3 * count + j] += u * d[q + j]
                    t[4 * count + j] += v * a[q + j]
                    t[5 * count + j] += v * b[q + j]
                    t[6 * count + j] += v * c[q + j]
                    t[7 * count + j] += v * d[q + j]
            for i in range(8):
                o, term = (first if i < 4 else second), min(k + i % 4, terms - 1)
                own = pointer(slopes, op[W] + o * op[W_STEP] + places[at_w + term])
                for j in range(count):
                    own[j] = t[i * count + j]
        if bias >= 0:
            bias_slope(pointer(slopes, bias + first * count), one, places, by_y, pixels, count)
            if second > first:
                bias_slope(pointer(slopes, bias + second * count), two, places, by_y, pixels, count)


@inlined
def bias_slope(own, y, places, by_y, pixels, count):
    """G += sum_n dy[n]."""
    for n in range(pixels):
        p = places[by_y + n]
        for j in range(count):
            own[j] += y[p + j]


@helper
def share(op, places, room, factor):
    """y[c, n] = factor x[c, n], or added."""
    count = lanes(room)
    for c in range(op[MANY]):
        for n in range(op[PIXELS]):
            y = pointer(room, op[Y] + c * op[Y_STEP] + places[op[BY_Y] + n])
            x = pointer(room, op[X] + c * op[X_STEP] + places[op[BY_X] + n])
            for j in range(count):
                y[j] = y[j] + factor * x[j] if op[ADDING] else factor * x[j]


@helper
def times(op, places, room):
    """y[c, n] = f'[c, n] x[c, n], or added, with f' from :func:`curve`, one after the other from W on."""
    count = lanes(room)
    for c in range(op[MANY]):
        for n in range(op[PIXELS]):
            y = pointer(room, op[Y] + c * op[Y_STEP] + places[op[BY_Y] + n])
            x = pointer(room, op[X] + c * op[X_STEP] + places[op[BY_X] + n])
            slope = pointer(room, op[W] + (c * op[PIXELS] + n) * count)
            for j in range(count):
                y[j] = y[j] + slope[j] * x[j] if op[ADDING] else slope[j] * x[j]


@helper
def curve(op, places, room):
    """y[c, n] = f(x[c, n]), and f' from W on."""
    count, kind = lanes(room), op[KIND]
    for c in range(op[MANY]):
        for n in range(op[PIXELS]):
            y = pointer(room, op[Y] + c * op[Y_STEP] + places[op[BY_Y] + n])
            x = pointer(room, op[X] + c * op[X_STEP] + places[op[BY_X] + n])
            slope = pointer(room, op[W] + (c * op[PIXELS] + n) * count)
            if kind == GELU:
                for j in range(count):
                    u = x[j]
                    below, density = gauss(u)
                    y[j], slope[j] = u * below, below + u * density
            elif kind == SILU:
                for j in range(count):
                    u = x[j]
                    s = logistic(u)
                    y[j], slope[j] = u * s, s + u * s * (1 - s)
            elif kind == TANH:
                for j in range(count):
                    v = tanh(x[j])
                    y[j], slope[j] = v, 1 - v * v
            elif kind == SOFTPLUS:
                for j in range(count):
                    u = x[j]
                    y[j], slope[j] = max(u, 0) + math.log1p(exp(-abs(u))), logistic(u)
            else:
                for j in range(count):
                    u = x[j]
                    y[j], slope[j] = max(u, 0), u > 0


@helper
def loss(kind, classes, room, z, dz, step, target, weight, losses):
    """Add w l to ``losses``, and fill dz with w times the slope of l along the outputs z, each lane by itself."""
    count = lanes(room)
    for j in range(count):
        w = weight[j]
        if kind == SQUARED:
            for c in range(classes):
                gap = room[z + c * count + j] - target[c, j]
                losses[j] += w * gap * gap / 2
                room[dz + c * step + j] = w * gap
        elif kind == TWO_CLASSES:
            u = room[z + j]
            losses[j] += w * (max(u, 0.0) + math.log1p(math.exp(-abs(u))) - target[0, j] * u)
            room[dz + j] = w * (logistic(u) - target[0, j])
        else:
            label, largest, total = int(target[0, j]), room[z + j], 0.0
            for c in range(1, classes):
                largest = max(largest, room[z + c * count + j])
            for c in range(classes):
                share = math.exp(room[z + c * count + j] - largest)
                total += share
                room[dz + c * step + j] = share
            losses[j] += w * (math.log(total) + largest - room[z + label * count + j])
            for c in range(classes):
                room[dz + c * step + j] *= w / total
            room[dz + label * step + j] -= w


@helper
def run(ops, places, room, weights, slopes, factors):
    """Take rows of the table one after the other."""
    for i in range(ops.shape[0]):
        op = ops[i]
        if op[0] == PRODUCTS:
            products(op, places, room, weights)
        elif op[0] == WEIGHTS:
            weight_slopes(op, places, room, slopes)
        elif op[0] == SHARE:
            share(op, places, room, factors[i])
        elif op[0] == CURVE:
            curve(op, places, room)
        else:
            times(op, places, room)


@helper
def gather(points, shares, decay, slopes, sums, begin, own, copies, slopes_too, totals, losses):
    """What the lanes of a group found, with weight decay, for each of its replicas."""
    count = lanes(slopes)
    pull = np.zeros(own)
    for r in range(own):
        for s in range(shares.shape[1]):
            pull[r] += decay * shares[begin + r, s]
        for copy in range(copies):
            losses[begin + r] += sums[r + copy * own]
    for i in range(points.shape[1]):
        for r in range(own):
            x, slope = points[begin + r, i], 0.0
            losses[begin + r] += pull[r] / 2 * x * x
            if slopes_too:
                for copy in range(copies):
                    slope += slopes[i * count + r + copy * own]
                totals[begin + r, i] = slope + pull[r] * x


def _signature(real):
    integer, double = types.int64, types.float64
    return types.void(
        double[:, ::1], real[:, ::1], integer[:, ::1], double[:, ::1], integer[:, ::1], integer[:, ::1], integer[::1],
        real[::1], integer[::1], double, types.boolean, integer, integer, double[:, ::1], double[::1],
    )  # fmt: skip


@compiled(_signature)
def network_slopes(
    points, table, picks, shares, forward, backward, places, factors, facts, decay, slopes_too, first, last, totals,
    losses,
):
    """Gradients and losses of groups ``first`` ... ``last`` - 1 of replicas, a group as large as the lanes are many.

    Args:
        points: (R, d) parameters.
        table: (m, inputs + targets) examples.
        picks, shares: (R, S) numbers of examples, and their weights.
        forward, backward: rows of the table.
        places: what they name.
        factors: of the rows, one after the other.
        facts: size of the room, where the inputs' places begin, how many, output, its slope, from one slope to the
            next, outputs, kind of loss.
        decay: weight decay, part of every example's loss.
        slopes_too: whether gradients are wanted.
        totals: (R, d), filled with the sums of gradients.
        losses: (R,) of zeros, filled with the sums of losses.
    """
    size, at_input, inputs, z, dz, step = facts[0], facts[1], facts[2], facts[3], facts[4], facts[5]
    classes, kind = facts[6], facts[7]
    count, dimension = lanes(factors), points.shape[1]
    room, weights = aligned(size, factors), aligned(dimension * count, factors)
    slopes, weight = aligned(dimension * count, factors), np.zeros(count)
    target, sums, replica = np.zeros((table.shape[1] - inputs, count)), np.zeros(count), np.zeros(count, np.int64)
    for begin in range(first * count, min(last * count, len(points)), count):
        own = min(count, len(points) - begin)
        copies = count // own
        for j in range(count):
            replica[j] = begin + j % own
        for i in range(dimension):
            for j in range(count):
                weights[i * count + j] = points[replica[j], i]
        slopes[:], sums[:] = 0, 0
        for s in range(0, picks.shape[1], copies):
            for j in range(count):
                example = s + j // own
                busy = j < own * copies and example < picks.shape[1]
                weight[j] = shares[replica[j], example] if busy else 0.0
                pick = picks[replica[j], example if busy else s]
                for i in range(inputs):
                    room[places[at_input + i] + j] = table[pick, i]
                for i in range(inputs, table.shape[1]):
                    target[i - inputs, j] = table[pick, i]
            run(forward, places, room, weights, slopes, factors[: len(forward)])
            loss(kind, classes, room, z, dz, step, target, weight, sums)
            if slopes_too:
                run(backward, places, room, weights, slopes, factors[len(forward) :])
        gather(points, shares, decay, slopes, sums, begin, own, copies, slopes_too, totals, losses)
