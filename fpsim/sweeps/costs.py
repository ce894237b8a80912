"""What points cost, from those that are finished:  ln seconds ~ a + sum_k b_k x_k.

x_k is the logarithm of a parameter where it is positive, itself where not, and which of its values where it is a word.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fpsim.sweeps.design import Design, Value

Array = NDArray[np.float64]
RIDGE = 1e-3
LEAST = 1e-6


class Costs:
    """Seconds of points by their parameters."""

    def __init__(self, design: Design, seeds: int) -> None:
        self.design, self.seeds = design, seeds
        columns = [_column(design.column(name)) for name in design.names]
        self.tables = [c for c in columns if c is not None]
        self.kept = [k for k, c in enumerate(columns) if c is not None]
        self.numbers: list[int] = []
        self.logs: list[float] = []

    def add(self, number: int, seconds: float) -> None:
        """A call finished."""
        self.numbers.append(number)
        self.logs.append(float(np.log(max(seconds, LEAST))))

    def predicted(self, numbers: NDArray[np.int64]) -> Array:
        """Seconds of calls (n,)."""
        if not self.logs:
            return np.ones(numbers.size)
        x, y = self._features(np.array(self.numbers[-2000:])), np.array(self.logs[-2000:])
        middle = x.mean(axis=0)
        apart = x - middle
        slopes = np.linalg.solve(apart.T @ apart + RIDGE * np.eye(x.shape[1]), apart.T @ (y - y.mean()))
        return np.asarray(np.exp(np.clip(y.mean() + (self._features(numbers) - middle) @ slopes, -14, 20)))

    def _features(self, numbers: NDArray[np.int64]) -> Array:
        points = numbers // self.seeds
        names = self.design.names
        places = [points] * len(names) if self.design.listed else np.unravel_index(points, self.design.shape)
        found = [table[places[k]] for k, table in zip(self.kept, self.tables, strict=True)]
        return np.concatenate(found, axis=1) if found else np.zeros((numbers.size, 0))


def _column(values: Sequence[Value]) -> Array | None:
    """Features of an axis, (values, k); ``None`` for one that says nothing."""
    if all(isinstance(v, int | float) and not isinstance(v, bool) for v in values):
        x = np.array(values, dtype=float)
        return (np.log(x) if (x > 0).all() else x)[:, None]
    kinds = sorted({repr(v) for v in values})
    if not 1 < len(kinds) <= 16:
        return None
    return np.array([[float(repr(v) == kind) for kind in kinds[1:]] for v in values])
