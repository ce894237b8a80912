"""Steps of mini-batch SGD from the gradient g of a batch, and what they remember.

    plain        x' = x - eta g
    heavy ball   v' = beta v - eta g,                  x' = x + v'                                            (x, v)
    SignSGD      m' = b m + (1 - b) g,                 x' = x - eta sign(m')                                  (x, m)
    Adam         m' = (1 - p) m + p g,   p = (1 - b1)/w1',   w1' = b1 w1 + 1 - b1
                 s' = (1 - q) s + q g^2, q = (1 - b2)/w2',   w2' = b2 w2 + 1 - b2
                 x' = x - eta m' / (sqrt(s') + epsilon)                                              (x, m, s, w1, w2)

All memories are 0 at the start.  m and s are Adam's means divided by 1 - b^n, the correction of Kingma and Ba (ICLR
2015, algorithm 1) after n iterations, which is what w becomes: so a state knows its own correction, and can be copied.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fpsim.sgd.batches import MiniBatchSGD
from fpsim.sgd.optimisers import Adam

Array = NDArray[np.float64]
PLAIN, HEAVY_BALL, SIGN, ADAM = 0, 1, 2, 3
"""As numbered in :mod:`fpsim.kernels.batch_step`."""


def rule_of(sgd: MiniBatchSGD, size: float) -> tuple[int, Array]:
    """The kernels' number of a rule and its numbers, the last of them S (1 where gradients are means already)."""
    if sgd.optimiser is None:
        return (HEAVY_BALL if sgd.momentum else PLAIN), np.array([float(sgd.momentum), size])
    rule = ADAM if isinstance(sgd.optimiser, Adam) else SIGN
    return rule, np.array([*sgd.optimiser.numbers.values(), size], dtype=float)


def at_rest(sgd: MiniBatchSGD, points: Array) -> Array:
    """States (coordinates, ...) of points (d, ...), with memories 0."""
    more = sgd.coordinates - len(points)
    return np.concatenate([points, np.zeros((more, *points.shape[1:]))]) if more else points


def moved(sgd: MiniBatchSGD, state: Array, g: Array, eta: float) -> Array:
    """States (coordinates, n) after a step with gradients g (d, n) of batches."""
    d = len(g)
    x, memory = state[:d], state[d:]
    if sgd.optimiser is None:
        if not sgd.momentum:
            return np.asarray(x - eta * g)
        speed = sgd.momentum * memory - eta * g
        return np.concatenate([x + speed, speed])
    if not isinstance(sgd.optimiser, Adam):
        step, after = sgd.optimiser.step(g, [memory], [sgd.optimiser.momentum], np)
        return np.concatenate([x - eta * step, *after])
    betas = np.array([[sgd.optimiser.beta1], [sgd.optimiser.beta2]])
    weights = betas * memory[-2:] + (1 - betas)
    kept = 1 - (1 - betas) / weights
    step, after = sgd.optimiser.step(g, [memory[:d], memory[d : 2 * d]], [*kept, sgd.optimiser.epsilon], np)
    return np.concatenate([x - eta * step, *after, weights])
