"""Implicit steps in time, positive and L-stable:  joined = fine^2 / coarse  of one step dt and of two of dt/2."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fpsim.density.motion import Motion
from fpsim.density.solver import factorise
from landscapes.progress import tell

Array = NDArray[np.float64]


class ImplicitStepper:
    """Backward Euler over dt and over 2 x dt/2, joined as fine^2 / coarse: second order, positive, L-stable.

    Steps are halved and doubled, so that a factorisation serves two step sizes.
    """

    def __init__(self, motion: Motion, tolerance_per_time: float, dt: float) -> None:
        from scipy.sparse import diags, identity

        self.generator = (motion.rates.T - diags(motion.leaving)).tocsc()
        self.identity = identity(motion.killing.size, format="csc")
        self.tolerance, self.dt, self.error = tolerance_per_time, dt, 0.0
        self.signed = motion.opposed > 0
        self.factors: dict[float, Any] = {}

    def _euler(self, p: Array, dt: float) -> Array:
        if dt not in self.factors:
            if len(self.factors) >= 6:
                self.factors.pop(next(iter(self.factors)))
            self.factors[dt] = factorise((self.identity - dt * self.generator).tocsc())
        after = self.factors[dt].solve(p)
        return np.asarray(after) if self.signed else np.maximum(after, 0.0)

    def advance(self, p: Array, duration: float) -> Array:
        """Masses after ``duration``; the step starts where the last call left it and ends on the time asked for."""
        if duration <= 0:
            return p
        level = max(0, int(np.ceil(np.log2(duration / self.dt))))
        done = 0  # in units of duration / 2^level
        while done < 2**level:
            dt = duration / 2**level
            coarse, fine = self._euler(p, dt), self._euler(self._euler(p, dt / 2), dt / 2)
            joined = 2 * fine - coarse if self.signed else log_extrapolated(coarse, fine)
            # the joined step errs one order higher than the difference of the two shows
            local = float(np.abs(joined - fine).sum()) ** 1.5
            if local > self.tolerance * dt and level < 60:
                level, done = level + 1, 2 * done
                continue
            p, done, self.error = joined, done + 1, self.error + local
            tell(done / 2**level)
            if local < self.tolerance * dt / 16 and level > 0 and done % 2 == 0:
                level, done = level - 1, done // 2
        self.dt = duration / 2**level
        return p


def log_extrapolated(coarse: Array, fine: Array) -> Array:
    """fine^2 / coarse, scaled to the mass of the linear extrapolation 2 fine - coarse."""
    with np.errstate(divide="ignore", invalid="ignore"):
        joined = np.where(coarse > 0, fine * np.minimum(fine / coarse, 4.0), fine)
    mass = max(2 * fine.sum() - coarse.sum(), 0.0)
    return np.asarray(joined * (mass / joined.sum()))
