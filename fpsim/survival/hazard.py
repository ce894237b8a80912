"""Quasi-static survival: at every moment the rate of the noise and the loss of that moment,

    S(t) = exp(-int_0^t k(s) ds),        k(s) = a(s) / tau(s)        (tau: the mean time if the moment stayed)

It holds where exits are rare and the schedule is slow against the time in which a valley comes to rest.  That time is

    lag = (1/lambda_a + 1/|lambda_b|) (1 + ln(1 + dL/D_a)) / a

at the rest a and the pass b: paths need it to climb to the pass.  What k was a lag ago differs from what it is, and a
mean time has a lag in it, so that |ln S| errs by k(0) lag + int |dk| lag + int k^2 lag dt, which is the error given.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fpsim.assumption import Assumption
from fpsim.escape import EscapeProblem
from fpsim.schedules.scheduled import Scheduled
from landscapes.progress import part, tell

Array = NDArray[np.float64]
NODES = 17
"""Moments of a stretch between two breaks at which the rate is worked out, at first."""
MOST_NODES = 129
AGREEMENT = 1e-3
"""Largest change of ln k between moments when their number is doubled."""
SLOW = 0.3
"""Largest |d ln k/dt| lag that is called slow."""
RARE = 0.1
"""Largest k lag that is called rare."""
FOLLOWED = 0.05
"""Largest error of ln k between moments that is called small."""
MATTERS = 0.01
"""Part of the largest k below which it does not matter how fast k changes."""


@dataclass(frozen=True)
class Hazard:
    """The rate of exits between 0 and an end.

    Attributes:
        knots: moments in order, (n,); a break stands there twice, for both of its sides.
        log_rate: ln k, (n,).
        lag: (n,) in units of the clock.
        interpolation: error of ln k between the knots.
        errors: relative error of k as the route gives it, the largest.
    """

    knots: Array
    log_rate: Array
    lag: Array
    interpolation: float
    errors: float

    @property
    def rate(self) -> Array:
        """The rate k, (n,)."""
        return np.exp(self.log_rate)

    def integral(self, times: Array) -> Array:
        """int_0^t k ds, (times,): k between knots is an exponential of a cubic."""
        return np.array([self._upto(t) for t in times])

    def _upto(self, end: float) -> float:
        x, weights = np.polynomial.legendre.leggauss(8)
        total = 0.0
        for low, high, spline in self._pieces():
            top = min(high, end)
            if top > low:
                fine = np.linspace(low, top, 33)
                for a, b in pairwise(fine):
                    total += float(weights @ np.exp(spline(a + (b - a) * (x + 1) / 2))) * (b - a) / 2
        return total

    def _pieces(self) -> list[tuple[float, float, Any]]:
        from scipy.interpolate import CubicSpline

        cuts = np.flatnonzero(np.diff(self.knots) == 0) + 1
        parts = zip(np.split(self.knots, cuts), np.split(self.log_rate, cuts), strict=True)
        return [(float(t[0]), float(t[-1]), CubicSpline(t, k)) for t, k in parts]

    def error(self, times: Array) -> Array:
        """k(0) lag + int |dk| lag + int k^2 lag dt up to t, (times,): the error of int k."""
        k, lag = self.rate, np.maximum(self.lag[1:], self.lag[:-1])
        late = np.maximum(k[1:], k[:-1]) ** 2 * np.diff(self.knots)
        steps = np.concatenate([[self.lag[0] * k[0]], (np.abs(np.diff(k)) + late) * lag])
        return np.asarray(np.cumsum(steps)[np.minimum(np.searchsorted(self.knots, times), k.size - 1)])

    def checks(self) -> tuple[Assumption, ...]:
        """Whether the schedule is slow and exits are rare."""
        gaps = np.diff(self.knots)
        inside = gaps > 0
        lag = np.maximum(self.lag[1:], self.lag[:-1])
        slope = np.abs(np.diff(self.log_rate)[inside] / gaps[inside]) * lag[inside]
        rare = float((self.rate * self.lag).max())
        jumps = np.abs(np.diff(self.rate)[~inside]) * self.lag[1:][~inside]
        matters = np.maximum(self.rate[1:], self.rate[:-1])[inside] >= MATTERS * self.rate.max()
        speed = float(slope[matters].max(initial=0.0))
        return (
            Assumption(
                f"the schedule is slow while k matters: |d ln k/dt| lag <= {SLOW:g}", speed <= SLOW,
                f"{speed:.2g}; lag {self.lag.max():.3g}" + (f"; jumps {jumps.sum():.2g}" if jumps.size else ""),
                key="slow",
            ),
            Assumption(f"exits are rare: k lag <= {RARE:g}", rare <= RARE, f"{rare:.2g}", key="rare"),
            Assumption(
                f"the rate is followed from moment to moment: ln k within {FOLLOWED:g}", self.interpolation <= FOLLOWED,
                f"{self.interpolation:.2g} between {self.knots.size} moments", key="followed",
            ),
        )  # fmt: skip


def hazard(scheduled: Scheduled, start: Any, target: Any, end: float, name: str) -> Hazard:
    """The rate between 0 and ``end`` by the route ``name``, at as many moments as it takes to interpolate it."""
    corners = scheduled.corners(end)
    knots, logs, lags, misses, errors = [], [], [], [], []
    for low, high in pairwise(corners):
        with part(low / end, high / end):
            t, found, miss = _stretch(scheduled, start, target, float(low), float(high), name)
        knots.append(t)
        logs.append([f[0] for f in found])
        lags.append([f[1] for f in found])
        misses.append(miss)
        errors += [f[2] for f in found]
    return Hazard(np.concatenate(knots), np.concatenate(logs), np.concatenate(lags), max(misses), max(errors))


def _stretch(
    scheduled: Scheduled, start: Any, target: Any, low: float, high: float, name: str
) -> tuple[Array, list[tuple[float, float, float]], float]:
    """Moments between two breaks, what is known there, and how well cubics between half of them tell the others."""
    from scipy.interpolate import CubicSpline

    known: dict[float, tuple[float, float, float]] = {}

    def at(t: float) -> tuple[float, float, float]:
        if t not in known:
            inside = min(max(t, low + 1e-9 * (high - low)), high - 1e-9 * (high - low))
            known[t] = moment(scheduled, start, target, inside, name)
            tell(len(known) / MOST_NODES)
        return known[t]

    count = NODES
    while True:
        t = np.linspace(low, high, count)
        found = [at(float(moment)) for moment in t]
        logs = np.array([f[0] for f in found])
        miss = float(np.abs(CubicSpline(t[::2], logs[::2])(t[1::2]) - logs[1::2]).max())
        if miss <= AGREEMENT or count >= MOST_NODES:
            return t, found, miss
        count = 2 * count - 1


def moment(scheduled: Scheduled, start: Any, target: Any, t: float, name: str) -> tuple[float, float, float]:
    """ln k, the lag, and the relative error of k at one moment, in units of the clock."""
    problem = EscapeProblem(scheduled.at(t), start, target)
    found = problem.by(name)
    pace = float(scheduled.pace(t))
    return math.log(pace) - found.log_mean, _lag(problem) / pace, found.log_error


def _lag(problem: EscapeProblem) -> float:
    """The time in which the valley comes to rest up to its pass, in the loss's own time."""
    valley = problem.valley
    slowest = float(np.min(valley.minimum.eigenvalues))
    lag, climb = 1 / slowest, 0.0
    if valley.saddle is not None:
        lag += 1 / abs(float(np.min(valley.saddle.eigenvalues)))
        noise = np.linalg.eigvalsh(problem.sde.diffusion(valley.minimum.x[:, None])[..., 0]).max()
        climb = valley.barrier / float(noise)
    return lag * (1 + math.log1p(climb))
