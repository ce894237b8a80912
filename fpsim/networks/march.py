"""Replicas that take steps of SGD on the device of their network, without a word to the host:

    x <- x - eta g(x, draws of the iteration),      for each replica until a parameter is lost

Draws of a block of iterations are copied there at once.  One step is the same function everywhere; on an NVIDIA GPU it
is recorded as a CUDA graph (:mod:`fpsim.networks.recorded`), and the recording is kept for the next call.
This module needs torch (extra ``network``).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fpsim.networks.recorded import cuda_of, recorded
from fpsim.networks.replicas import Replicas
from fpsim.networks.sgd import FAR, NetworkSGD, block_of, slopes_of
from landscapes.networks.torch_extra import torch

Array = NDArray[np.float64]
Draws = tuple[NDArray[Any], ...]


class March:
    """Room for ``width`` replicas of one kind of SGD: tensors that stay where they are, and the step that changes them.

    Attributes:
        x: (width, d) places, float64.
        lost: (width,) iterations at which replicas were lost; 0 for those that walk, -1 where there is none.
        draws: what is drawn in a block of iterations, each (block, width, ...).
        row, now: (1,) which of the block comes next, and the number of that iteration, from 1.
    """

    def __init__(self, sgd: NetworkSGD, engine: Replicas, width: int) -> None:
        self.sgd, self.many = sgd, engine.tensors
        there, block, m = self.many, block_of(sgd, width), sgd.landscape.number_of_examples
        self.start = there.tensor(sgd.start)
        self.x = self.start.repeat(width, 1)
        self.lost, self.row, self.now = (self._whole(n) for n in (width, 1, 1))
        self.draws = [self._whole(block, width, int(sgd.batch_size))] if sgd.draws_examples else []
        for size in () if sgd.draws_examples else (m,) if sgd.noise == "gaussian" else (m, self.x.shape[1]):
            self.draws.append(self.x.new_zeros(block, width, size))
        cuda = cuda_of(there.device)
        self.worth_keeping = cuda is not None
        self.step = recorded(self.by_kernels, there.device, cuda) if self.worth_keeping else self.by_kernels

    def by_kernels(self) -> None:
        """One step of all replicas; shapes and tensors are always the same, and nothing is asked of the host."""
        own = tuple(part.index_select(0, self.row)[0] for part in self.draws)
        moved = self.x - self.sgd.learning_rate * slopes_of(self.sgd, self.many, self.x, own)
        sound = ((moved - self.start).abs() <= FAR).all(dim=1)  # false for NaN too
        walking = self.lost == 0
        self.x.copy_(torch.where((walking & sound)[:, None], moved, self.x))
        self.lost.copy_(torch.where(walking & ~sound, self.now, self.lost))
        self.row.add_(1)
        self.now.add_(1)

    def put(self, x: Array, begin: int) -> None:
        """Put replicas to places (R, d), R <= width, at iteration ``begin``."""
        self.x[: len(x)].copy_(torch.from_numpy(x))
        self.lost.fill_(-1)[: len(x)] = 0
        self.now.fill_(begin + 1)

    def walk(self, draws: Draws) -> None:
        """Take as many steps as draws (steps, R, ...) are given; returns before a GPU has taken them."""
        steps, replicas = draws[0].shape[:2]
        for room, part in zip(self.draws, draws, strict=True):
            room[:steps, :replicas].copy_(torch.from_numpy(part))
        self.row.zero_()
        for _ in range(steps):
            self.step()

    def found(self, replicas: int) -> tuple[Array, NDArray[np.int64]]:
        """Places (R, d), and iterations (R,) at which replicas were lost."""
        x, lost = (part[:replicas].to("cpu", copy=True).numpy() for part in (self.x, self.lost))
        return x.astype(np.float64), lost

    @property
    def block(self) -> int:
        """Iterations whose draws there is room for."""
        return len(self.draws[0])

    def walking(self) -> int:
        """How many replicas are not lost; waits for a GPU."""
        return int((self.lost == 0).sum())

    def serves(self, sgd: NetworkSGD, replicas: int) -> bool:
        """Whether this is room for them, and not for twice as many."""
        return sgd is self.sgd and replicas <= len(self.x) <= 2 * replicas

    def _whole(self, *shape: int) -> Any:
        return torch.zeros(shape, dtype=torch.int64, device=self.many.device)


def march_of(sgd: NetworkSGD, engine: Replicas, replicas: int) -> March:
    """The march that the engine keeps, taken from it, or a new one."""
    while engine.kept:
        found: March = engine.kept.pop()
        if found.serves(sgd, replicas):
            return found
        del found  # before there is another one, in the same memory
    return March(sgd, engine, replicas)
