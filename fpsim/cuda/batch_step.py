"""A step of mini-batch SGD of one thread, as :mod:`fpsim.kernels.batch_step` makes it: the slope, and what it moves."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from fpsim.cuda.batch_draws import normal_function
from fpsim.cuda.functions import generated, inlined
from fpsim.kernels.batch_step import ADAM, HEAVY_BALL, PLAIN, SIGN
from fpsim.kernels.draws import DIRECTIONS, GAUSSIAN, ISOTROPIC


def slope_function(source: str, dimension: int, law: int, real: str) -> tuple[int, Any]:
    """How many numbers ``total`` has, and ``pull(x, k, quad, path, lane, terms, batches, slope, total)``.

    It fills the first d of ``total`` with the sum of the gradients of the examples of step 4 quad + k; with that of all
    examples times the weights 1/m + spread (z - mean z); or with their mean, and a kick as long as that of the weights
    in a direction of its own.
    """
    gradient, zero = generated(source, real), np.dtype(real).type(0)
    if law < GAUSSIAN:
        return dimension, inlined(_picked(gradient, dimension, zero))
    pull = inlined(_weighted(gradient, dimension, law == ISOTROPIC, real))
    if law == GAUSSIAN:
        return dimension, pull
    return 2 * dimension, inlined(_turned(pull, dimension, real))


def _picked(gradient: Any, dimension: int, zero: Any) -> Any:
    def pull(x, k, quad, path, lane, terms, batches, slope, total):
        """Of the examples drawn."""
        for i in range(dimension):
            total[i] = zero
        for draw in range(k * batches.batch, k * batches.batch + terms.size):
            gradient(x, batches.table[:, batches.picks[draw, lane]], batches.data, slope)
            for i in range(dimension):
                total[i] += slope[i]

    return pull


def _weighted(gradient: Any, dimension: int, apart: bool, real: str) -> Any:
    """The weighted sum over all examples; ``apart``: their sum, and below it what the weights add to their mean."""
    normal, cast = normal_function(real), np.dtype(real).type
    zero, whole, kick, sums = cast(0), cast(not apart), dimension if apart else 0, 2 if apart else 1

    def pull(x, k, quad, path, lane, terms, batches, slope, total):
        """Of all examples."""
        tag, m, mean = batches.stream << 24, batches.table.shape[1], zero
        for example in range(m):
            mean += normal(k, quad, tag | example, path, batches)
        for i in range(sums * dimension):
            total[i] = zero
        for example in range(m):
            z = normal(k, quad, tag | example, path, batches)
            weight = (whole + terms.spread * (cast(m) * z - mean)) / cast(m)
            gradient(x, batches.table[:, example], batches.data, slope)
            for i in range(dimension):
                if apart:
                    total[i] += slope[i]
                total[kick + i] += weight * slope[i]

    return pull


def _turned(pull: Any, dimension: int, real: str) -> Any:
    normal, cast, tag = normal_function(real), np.dtype(real).type, DIRECTIONS << 24
    zero = cast(0)

    def turned(x, k, quad, path, lane, terms, batches, slope, total):
        """The kick in a direction of d normals; none for a direction without length."""
        pull(x, k, quad, path, lane, terms, batches, slope, total)
        m, size, length = cast(batches.table.shape[1]), zero, zero
        for i in range(dimension):
            u = normal(k, quad, tag | i, path, batches)
            size += total[dimension + i] * total[dimension + i]
            length += u * u
        scale = math.sqrt(size / length) if length > zero else zero
        for i in range(dimension):
            total[i] = total[i] / m + scale * normal(k, quad, tag | i, path, batches)

    return turned


def coordinates(dimension: int, rule: int) -> int:
    """Of a state: the position, and what a rule remembers."""
    return {PLAIN: dimension, ADAM: 3 * dimension + 2}.get(rule, 2 * dimension)


def step_function(dimension: int, rule: int, real: str) -> Any:
    """``move(x, u, total, terms, numbers)``: u (which may be x) one step after x, by a rule and its numbers."""
    make = {PLAIN: _plain, HEAVY_BALL: _heavy, SIGN: _sign, ADAM: _adam}[rule]
    return inlined(make(dimension, np.dtype(real).type))


def _plain(dimension: int, cast: Any) -> Any:
    def move(x, u, total, terms, numbers):
        """x' = x - rate total."""
        for i in range(dimension):
            u[i] = x[i] - terms.rate * total[i]

    return move


def _heavy(dimension: int, cast: Any) -> Any:
    def move(x, u, total, terms, numbers):
        """v' = beta v - rate total, x' = x + v'; velocities are below positions."""
        for i in range(dimension):
            u[dimension + i] = numbers[0] * x[dimension + i] - terms.rate * total[i]
            u[i] = x[i] + u[dimension + i]

    return move


def _sign(dimension: int, cast: Any) -> Any:
    zero, one = cast(0), cast(1)

    def move(x, u, total, terms, numbers):
        """m' = beta m + (1 - beta) g, x' = x - eta sign(m')."""
        beta, size = numbers[0], cast(terms.size)
        eta = terms.rate * size
        for i in range(dimension):
            mean = beta * x[dimension + i] + (one - beta) * (total[i] / size)
            u[dimension + i] = mean
            u[i] = x[i] - (eta if mean > zero else (-eta if mean < zero else zero))

    return move


def _adam(dimension: int, cast: Any) -> Any:
    one, last = cast(1), 3 * dimension

    def move(x, u, total, terms, numbers):
        """Means of g and g^2 so far, below them the weights so far."""
        beta1, beta2, epsilon, size = numbers[0], numbers[1], numbers[2], cast(terms.size)
        eta = terms.rate * size
        u[last] = beta1 * x[last] + (one - beta1)
        u[last + 1] = beta2 * x[last + 1] + (one - beta2)
        first, second = (one - beta1) / u[last], (one - beta2) / u[last + 1]
        for i in range(dimension):
            g = total[i] / size
            mean = (one - first) * x[dimension + i] + first * g
            square = (one - second) * x[2 * dimension + i] + second * g * g
            u[dimension + i] = mean
            u[2 * dimension + i] = square
            u[i] = x[i] - eta * mean / (math.sqrt(square) + epsilon)

    return move
