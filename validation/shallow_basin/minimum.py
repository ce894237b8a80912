"""The minimum around which SGD is watched in all parameters, and how it was found.

A norm-free ResNet-8 of width 1 (378 parameters, tanh) on 64 digits of 8 x 8 pixels, 30 % of them with wrong labels, and
weight decay 0.05: small enough for many replicas, smooth enough for a stationary point to be reached to rounding, and
with low barriers to its neighbours.  Sixteen networks are trained together from sixteen initial weights; the seventh
came to rest where the largest curvature is smallest (7.3), so that SGD at a stable learning rate makes much noise.

    OMP_NUM_THREADS=1 python -m validation.shallow_basin.minimum FILE.npz      (extra ``network``; about a minute)

Other processors and libraries round differently, which training amplifies; that is why the result is kept.  What is
kept is only parameters: that they are a minimum is tested each time.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from landscapes.networks.recipe import Recipe

Array = NDArray[np.float64]

NETWORK = Recipe(examples=64, label_noise=0.3, data_seed=1, width=1, activation="tanh", weight_decay=0.05)
NETWORKS, CHOSEN = 16, 6
STEPS, SLOW_STEPS, RATE, BATCH = 350, 150, 0.01, 16
FILE = Path(__file__).parents[1] / "data" / "full_space_minimum.npz"


def load() -> Array:
    """The parameters (378,) that are kept."""
    with np.load(FILE, allow_pickle=False) as archive:
        return np.asarray(archive["parameters"], dtype=np.float64)


def train() -> Array:
    """Find them again: Adam for all networks together, L-BFGS and Newton steps for the chosen one."""
    from fpsim.networks.replicas import Replicas
    from landscapes.networks.architectures import resnet
    from landscapes.networks.torch_extra import nn
    from landscapes.networks.training import polish

    fast = NETWORK.landscape("float32")
    engine, draws = Replicas(fast), np.random.default_rng(0)
    networks = [resnet(8, NETWORK.width, activation=NETWORK.activation, seed=seed) for seed in range(NETWORKS)]
    x = np.stack([nn.utils.parameters_to_vector(one.parameters()).detach().numpy() for one in networks]).astype(float)
    first, second, shares = np.zeros_like(x), np.zeros_like(x), np.full((NETWORKS, BATCH), 1 / BATCH)
    for n in range(1, STEPS + SLOW_STEPS + 1):
        g = engine.weighted_gradients(x, draws.integers(0, NETWORK.examples, shares.shape), shares)
        first, second = 0.9 * first + 0.1 * g, 0.999 * second + 0.001 * g**2
        rate = RATE if n < STEPS else RATE / 5
        x = x - rate * (first / (1 - 0.9**n)) / (np.sqrt(second / (1 - 0.999**n)) + 1e-8)
    near = polish(fast, x[CHOSEN], 300, newton=0)
    return polish(NETWORK.landscape(), near, 200, 8)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m validation.shallow_basin.minimum FILE.npz")
    from landscapes.networks.torch_extra import torch

    torch.set_num_threads(1)
    np.savez_compressed(sys.argv[1], parameters=train())
