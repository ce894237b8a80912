"""Motion with inertia under a schedule, as BAOAB steps (:mod:`fpsim.paths.baoab`) with the numbers of their moment:

    (x, v, n) -> (step of (x, v) by h a(t) under m(t) D, n + 1),        t = h n

A step that begins at t uses the schedules' values at t (:mod:`fpsim.schedules.clocked`), so that a schedule that stays
the same is none.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fpsim.paths import baoab
from fpsim.schedules.clocked import Clocked

Array = NDArray[np.float64]


class ClockedBody(Clocked):
    """The state (x, v, n) of a body under a schedule; its step is its own."""

    @property
    def own_step(self) -> ClockedBody:
        """Itself: see :attr:`fpsim.sde.sde.SDE.own_step`."""
        return self

    def on_arrays(self, state: Array, z: Array) -> Array:
        """The next states (2 d + 1, n) from normals z."""
        t, out = self._time(state[-1]), np.empty_like(state)
        for moment in np.unique(t):
            here = t == moment
            body = self.scheduled.at(float(moment)).inertia
            assert body is not None
            step = self.size * float(self.scheduled.pace(moment))
            out[:-1, here] = baoab.on_arrays(body, step)(state[:-1, here], z[:, here])
        out[-1] = state[-1] + 1
        return out

    def formulas(self) -> baoab.Formulas | None:
        """Outputs, inputs, parameters and statements of the step; ``None`` where there are plain functions."""
        body = self.scheduled.sde.inertia
        assert body is not None
        found = baoab.formulas(body, self.size)
        if found is None:
            return None
        import sympy

        outputs, inputs, parameters, statements = found
        clock = sympy.Symbol("clock n", real=True)
        t = self._rows()
        values = baoab.numbers(body, self.size * self.scheduled.pace(t))
        values["spread"] = values["spread"] * np.sqrt(self.scheduled.strength(t))
        moving = self._looked_up({baoab.symbol(name): row for name, row in values.items()}, clock)
        kept = {symbol: value for symbol, value in parameters.items() if symbol not in moving}
        unused = sympy.Symbol(f"normal {len(inputs['z'])}", real=True)
        wider = {"x": [*inputs["x"], clock], "z": [*inputs["z"], unused]}
        return [*outputs, clock + 1], wider, kept, [*moving.items(), *statements]


def clocked(scheduled: Any, step: float, duration: float) -> Clocked:
    """A scheduled SDE with its clock, with or without inertia."""
    return (Clocked if scheduled.sde.inertia is None else ClockedBody)(scheduled, step, duration)
