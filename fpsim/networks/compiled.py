"""Replicas of a network of known layers in compiled loops (:mod:`fpsim.kernels.network`), in which it is a table."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fpsim.networks.program import Program, program_of
from landscapes.networks.landscape import NeuralLandscape
from landscapes.networks.network_code import KnownLayers, UnknownLayerError, examples_table
from landscapes.networks.torch_extra import torch

Array = NDArray[np.float64]
MOST_PRODUCTS = 1_000_000
"""Products of one example's forward pass from which on libraries are as fast."""
WORTH_THREADS = 20_000_000
"""Products of a call from which on threads gain more than they cost (some milliseconds of work)."""


def known_layers(landscape: NeuralLandscape) -> KnownLayers:
    """The layers of a network on a CPU.

    Raises:
        UnknownLayerError: for layers that are not known, and a landscape on a GPU.
    """
    if landscape.inputs.device.type != "cpu":
        raise UnknownLayerError(f"its examples are on {landscape.inputs.device}, and compiled loops run on CPUs")
    return KnownLayers(landscape)


@dataclass(frozen=True, eq=False)
class CompiledReplicas:
    """What :class:`fpsim.networks.replicas.Replicas` asks, of one network.

    Attributes:
        program: the network.
        table: (m, inputs + targets) examples, in the landscape's precision.
        decay: weight decay.
        products: of one example's forward pass.
    """

    program: Program
    table: NDArray[Any]
    decay: float
    products: int

    @staticmethod
    def of(landscape: NeuralLandscape) -> CompiledReplicas:
        """Write the table of a network.

        Raises:
            UnknownLayerError: where :func:`known_layers` does.
        """
        layers, dtype = known_layers(landscape), str(landscape.inputs.dtype).removeprefix("torch.")
        table = examples_table(landscape, dtype)
        return CompiledReplicas(program_of(layers, dtype), table, landscape.weight_decay, layers.products)

    def sums(self, x: Array, picks: NDArray[np.int64] | slice, weights: Array, slopes: bool) -> tuple[Array, Array]:
        """Weighted sums of losses (R,) and their gradients (R, d) if they are wanted.

        As many threads as torch may have share the replicas; what each of them finds does not depend on it.

        Args:
            x: (R, d).
            picks: examples (R, S), or a slice of the examples, which all replicas see.
            weights: (R, S).
            slopes: whether gradients are wanted.
        """
        from fpsim.kernels.network import network_slopes

        kernel, own = network_slopes[self.table.dtype], self.program
        if isinstance(picks, slice):
            picks = np.broadcast_to(np.arange(picks.start, picks.start + weights.shape[1]), weights.shape)
        groups = -(-len(x) * self.table.itemsize // 64)
        losses, total = np.zeros(len(x)), np.zeros(x.shape if slopes else (len(x), 0))
        points, chosen, shares = (np.require(part, requirements=["C", "W"]) for part in (x, picks, weights))
        rows = own.forward, own.backward, own.places, own.factors, own.facts, self.decay, slopes

        def take(first: int, last: int) -> None:
            kernel(points, self.table, chosen, shares, *rows, first, last, total, losses)

        threads = min(groups, torch.get_num_threads())
        if threads == 1 or picks.size * self.products < WORTH_THREADS:
            take(0, groups)
        else:
            cuts = np.linspace(0, groups, threads + 1).astype(int)
            with ThreadPoolExecutor(threads) as pool:
                list(pool.map(take, cuts[:-1].tolist(), cuts[1:].tolist()))
        return losses, total
