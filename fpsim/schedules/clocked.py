"""A scheduled SDE as one that stays the same, with the clock as one coordinate more,

    Y = (X, n),      dX = a b dt + sqrt(2 a m D) dB,      dn = dt/h,        t = h n

Path kernels take it as it is, exits and GPUs included.  The clock counts steps, so that it is exact however long a
path is; a step that begins at t uses the schedules' values at t.  Compiled steps look them up in a table with a row
per step, so that another curve compiles nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fpsim.schedules.scheduled import Scheduled
from fpsim.sde.sde import SDE, SymbolicSDE

Array = NDArray[np.float64]
NEAR = 1e-8
"""Steps within which the clock is at a jump, which else rounding could put on its other side."""
MOST_STEPS = 2**23
"""Rows of a table, 64 MB for every quantity that moves."""


class Clocked(SDE):
    """The state (x, n) in the form that the path kernels take, for steps of length ``size`` up to ``duration``."""

    scheduled: Scheduled
    size: float
    duration: float

    def __init__(self, scheduled: Scheduled, size: float, duration: float) -> None:
        plain = scheduled.sde
        shortest = min(curve.period for curve in scheduled.curves.values())
        if scheduled.clock == "time" and 4 * size > shortest:
            raise ValueError(
                f"a step of {size:g} is too long for a schedule that repeats itself after {shortest:g}; use step <= "
                f"{shortest / 4:g}"
            )
        for name, value in (
            ("landscape", plain.landscape), ("noise", plain.noise), ("convention", plain.convention),
            ("correction", None), ("scheduled", scheduled), ("size", size), ("duration", duration),
        ):  # fmt: skip
            object.__setattr__(self, name, value)

    @property
    def dimension(self) -> int:
        """The d coordinates and the clock."""
        return self.scheduled.dimension + 1

    @property
    def structure(self) -> str:
        """The clock has no noise."""
        return "full"

    def _time(self, count: Array) -> Array:
        """The clock after so many steps."""
        t, breaks = np.asarray(self.size * count), np.array(self.scheduled.breaks)
        if breaks.size == 0:
            return t
        last = breaks[np.maximum(np.searchsorted(breaks, t + NEAR * self.size) - 1, 0)]
        return np.where(np.abs(t - last) <= NEAR * self.size, last, t)

    def drift(self, x: Array) -> Array:
        """(a b, 1/h) at (x, n), shape (d + 1, ...)."""
        t = self._time(x[-1])
        own = self._each(t, x[:-1], lambda sde, place: sde.drift(place), self._plain_drift)
        return np.concatenate([self.scheduled.pace(t) * own, np.full((1, *t.shape), 1 / self.size)])

    def _plain_drift(self, t: Array, place: Array) -> Array:
        sde = self.scheduled.sde
        slope = np.asarray(sde.landscape.drift(place))
        if sde.convention_weight == 0 or sde.noise.is_constant:
            return slope
        return np.asarray(slope + self.scheduled.strength(t) * sde.convention_weight * sde.divergence(place))

    def diffusion(self, x: Array) -> Array:
        """The tensor a m D with a row and a column of zeros, (d + 1, d + 1, ...)."""
        d, t = self.scheduled.dimension, self._time(x[-1])
        own = self._each(t, x[:-1], lambda sde, place: sde.diffusion(place), self._plain_tensor)
        out = np.zeros((d + 1, d + 1, *t.shape))
        out[:d, :d] = self.scheduled.pace(t) * own
        return out

    def _plain_tensor(self, t: Array, place: Array) -> Array:
        return np.asarray(self.scheduled.strength(t) * self.scheduled.sde.diffusion(place))

    def _each(
        self, t: Array, place: Array, moving: Callable[[SDE, Array], Array], plain: Callable[[Array, Array], Array]
    ) -> Array:
        """``plain(t, place)``; where the loss moves, ``moving`` of the SDE of every moment."""
        if not self.scheduled.parameters:
            return plain(t, place)
        flat, points = np.asarray(t).reshape(-1), place.reshape(len(place), -1)
        moments, index = np.unique(flat, return_inverse=True)
        parts = [moving(self.scheduled.at(moment), points[:, index == k]) for k, moment in enumerate(moments)]
        out = np.empty((*parts[0].shape[:-1], flat.size))
        for k, part in enumerate(parts):
            out[..., index == k] = part
        return out.reshape((*out.shape[:-1], *np.shape(t)))

    def kick(self, x: Array, z: Array) -> Array:
        """sqrt(2 a m D) z, and none for the clock."""
        t = self._time(x[-1])
        if self.scheduled.parameters and not self.scheduled.sde.noise.is_constant:
            normals = z[: self.scheduled.sde.normals]
            both = np.concatenate([x[:-1], normals])
            d = self.scheduled.dimension
            own = self._each(t, both, lambda sde, y: sde.kick(y[:d], y[d:]), lambda t, y: y)
            own = np.sqrt(self.scheduled.pace(t)) * own
        else:
            factor = np.sqrt(self.scheduled.pace(t) * self.scheduled.strength(t))
            own = factor * self.scheduled.sde.kick(x[:-1], z[: self.scheduled.sde.normals])
        return np.concatenate([own, np.zeros((1, *own.shape[1:]))])

    @property
    def normals(self) -> int:
        """One more than d where the plain noise takes d, as compiled steps do, the last unused; else as plain."""
        plain = self.scheduled.sde
        return self.dimension if plain.normals == plain.dimension else plain.normals

    def along(self, x: Array, n: Array) -> Array:
        """n . a m D n, shape (...)."""
        return np.asarray(np.einsum("i...,ij...,j...->...", n, self.diffusion(x), n))

    @cached_property
    def symbolic(self) -> SymbolicSDE | None:
        """The formulas with the clock's."""
        base = self.scheduled.sde.symbolic
        if base is None:
            return None
        import sympy

        clock, inverse = (sympy.Symbol(f"clock {name}", real=True) for name in ("n", "inverse step"))
        pace, strength, root = (sympy.Symbol(f"schedule {name}", real=True) for name in ("pace", "strength", "root"))
        made = self._looked_up(self._moving(pace, strength, root), clock)
        plain = self.scheduled.landscape.symbolic.drift
        # what the convention adds to the drift grows with D
        drift = [pace * (b + strength * (full - b)) for b, full in zip(plain, base.drift, strict=True)]
        nothing = sympy.zeros(1, 1)
        kept = {symbol: value for symbol, value in base.parameters.items() if symbol not in made}
        return SymbolicSDE(
            (*base.variables, clock),
            {**kept, inverse: 1 / self.size},
            (*drift, inverse),
            sympy.diag(pace * strength * sympy.Matrix(base.tensor), nothing).xreplace(made),
            sympy.diag(root * sympy.Matrix(base.root), nothing),
            (*made.items(), *base.statements),
        )

    def _moving(self, pace: Any, strength: Any, root: Any) -> dict[Any, Array]:
        """What moves, as functions of the number of the step."""
        import sympy

        t = self._rows()
        a, m = self.scheduled.pace(t), self.scheduled.strength(t)
        values = {pace: a, strength: m, root: np.sqrt(a * m)}
        return values | {sympy.Symbol(name, real=True): curve.at(t) for name, curve in self.scheduled.parameters}

    def _looked_up(self, values: dict[Any, Array], clock: Any) -> dict[Any, Any]:
        """Rows of values as formulas of the number of the step, constant around each."""
        from landscapes.formula.tables import Table
        from landscapes.formula.tabulated import table_function

        return {symbol: table_function(Table(-0.5, 1.0, row[:, None]))(clock) for symbol, row in values.items()}

    def _rows(self) -> Array:
        """The times of all steps before the schedule has come to rest, (rows,)."""
        plan = self.scheduled
        rows = int(np.ceil(min(self.duration, plan.settled + self.size) / self.size)) + 4
        if rows > MOST_STEPS:
            raise ValueError(
                f"the schedule changes over {rows:.3g} steps of {self.size:g}, and compiled paths take "
                f"{MOST_STEPS:.3g} at most; use a larger step"
            )
        return self._time(np.arange(rows, dtype=float))

    def __str__(self) -> str:
        return str(self.scheduled)
