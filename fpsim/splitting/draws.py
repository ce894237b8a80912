"""Mini-batch SGD on a line, draw by draw, so that a batch of rare examples can be split, too.

The state is (y, x, j): the batch begun at x has drawn j examples and come to y,

    y' = y - (eta/S) g_i(x),      x' = y' and j' = 0 after S draws, else x' = x and j' = j + 1.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fpsim.paths.step import Compiled, made
from fpsim.sgd.batch_paths import kernel_arguments
from fpsim.splitting.batches import BatchFlights

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class DrawFlights(BatchFlights):
    """As :class:`BatchFlights`, with a step for every draw; it needs a score."""

    @property
    def dimension(self) -> int:
        """End so far, begin, and number of draws of a batch."""
        return 3

    def score(self, x: Array) -> Array:
        """Scores (n,) of states (n, 3)."""
        assert self.own is not None
        return np.asarray(self.own(np.ascontiguousarray(x.T)))

    @cached_property
    def _moving(self) -> tuple[tuple[Any, ...], Compiled, Compiled | None]:
        import sympy

        from landscapes.formula.symbolic import derivative, symbol

        examples, goal = self.sgd.landscape.examples, self.target
        x = symbol(examples.variables[0])
        y, j, rate, size = (sympy.Symbol(name, real=True) for name in ("batch end", "draw", "draw rate", "batch size"))
        last = j > size - sympy.Rational(3, 2)
        moved = y - rate * derivative(examples.expression, x)
        new = moved, sympy.Piecewise((moved, last), (x, True)), sympy.Piecewise((0, last), (j + 1, True))
        rows = [symbol(name) for name, _ in examples.data]
        values = {symbol(name): value for name, value in examples.parameters}
        values |= {rate: self.sgd.learning_rate / self.sgd.batch_size, size: float(self.sgd.batch_size)}
        state = [y, x, j]
        step = made(
            self.device, [a - b for a, b in zip(state, new, strict=True)], {"x": state, "u": rows}, values, np.float64
        )
        geometry = goal.symbolic([x])
        assert geometry is not None
        wall = made(self.device, [geometry[0]], {"x": state}, geometry[1], np.float64)
        table, _, _, _, _, *others = kernel_arguments(replace(self.sgd, batch_size=1), self.seed, self.device)
        return (table, step.data, step.function, 3, 1.0, *others), wall, self._score()
