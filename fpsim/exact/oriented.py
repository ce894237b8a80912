"""A 1-D SDE seen along y = direction * x, so that the end that matters lies to the left and the target to the right."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from fpsim.exact.ends import Line
from fpsim.exact.features import Features
from fpsim.sde.sde import SDE
from landscapes.field import NotDefinedError

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Oriented:
    """Drift and noise of an SDE on a line, in the coordinate y = direction * x."""

    sde: SDE
    line: Line
    direction: float
    is_bounded: bool = True

    @property
    def weight(self) -> float:
        """The convention's l."""
        return self.sde.convention_weight

    def place(self, y: Array) -> Array:
        """Points y as points x of the landscape."""
        return self.line.place(self.direction * y)

    def fields(self, y: Array) -> tuple[Array, Array]:
        """(L'/D, ln D) at points y of any shape; not finite where D <= 0 or where there is no loss."""
        x = self.place(y).reshape(1, -1)
        with np.errstate(all="ignore"):
            diffusion = self.sde.diffusion(x)[0, 0]
            slope = -self.direction * self.sde.landscape.drift(x)[0] / diffusion
            if self.features is None and hasattr(self.sde.landscape, "loss"):
                slope = np.where(np.isfinite(self.sde.landscape.loss(x)), slope, np.nan)
            return slope.reshape(y.shape), np.log(diffusion).reshape(y.shape)

    def tried(self, y: Array) -> tuple[Array, Array]:
        """The same with nan at points outside the domain; what else a user's function raises is shown."""
        try:
            return self.fields(y)
        except NotDefinedError:
            if y.size == 1:
                return np.full(y.shape, np.nan), np.full(y.shape, np.nan)
        parts = [self.tried(y.reshape(-1)[k : k + 1]) for k in range(y.size)]
        return tuple(np.concatenate([part[i] for part in parts]).reshape(y.shape) for i in (0, 1))  # type: ignore[return-value]

    def breaks(self, low: float, high: float) -> Array:
        """Points of [low, high] where D is known to jump or to have a kink; on a ring, on every turn of it."""
        ends = sorted((self.direction * low, self.direction * high))
        first, last = self.line.ring or ends
        found = self.sde.noise.breaks(self.sde.landscape, first, last)
        if found is None or self.line.ring is None:
            return self.direction * (np.empty(0) if found is None else found)
        turns = (last - first) * np.arange(
            math.floor((ends[0] - first) / (last - first)), 1 + (ends[1] - first) // (last - first)
        )
        return self.direction * np.add.outer(found, turns).ravel()

    @cached_property
    def features(self) -> Features | None:
        """What the formulas know, if there are formulas (and their bounds are to be used)."""
        return Features.of(self.sde) if self.is_bounded else None

    def hidden(self, middle: Array, half: Array) -> Array:
        """Bound of what the nodes of panels may miss (0 where nothing is known)."""
        if self.features is None:
            return np.zeros(middle.size)
        return self.features.hidden(self.place(middle), half)

    def turns(self, low: Array, high: Array) -> Mask:
        """Boxes [low, high] on which the stationary weight may rise towards smaller y."""
        assert self.features is not None
        if self.direction < 0:
            low, high = -high, -low
        return self.features.turns(low, high, -self.direction)

    def lowest(self, low: Array, high: Array) -> Array:
        """Lower bounds of the loss on boxes."""
        assert self.features is not None
        return self.features.lowest(-high, -low) if self.direction < 0 else self.features.lowest(low, high)
