"""Means of exit times of which some are censored at a horizon c:

    E T = E min(T, c) + P(T > c) R,        R = E[T - c | T > c] = 1 / (exit rate beyond c)

What happens beyond the horizon was not seen.  It can be told from what was seen late, for c/3 < t < c, only if the exit
rate has settled there, as it does once the paths that are left are in quasi-equilibrium.  That is tested: the exits of
the late part are a Poisson process given the number at risk (Cox and Lewis 1966), whose rate is fitted as

    log rate = a + b u,      u = (t - 2c/3) / (2c/3) in (-1/2, 1/2)

b = 0 for a settled rate.  A rate that has risen and is about to fall has b = 0 too.  It is found, where the paths
themselves can be asked, by their places: those left at c/2 and at c must be distributed alike (:func:`moved`); else by
the curvature of log rate over c/6 < t < c.  The error of R is what b leaves open, continued over as long a time
as R itself.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
FEWEST = 30
"""Late exits below which no rate is estimated."""
LEVEL = 3.0
"""Deviations of b (or g) from zero at which a rate is called unsettled: one sample of 370 by chance."""
SMALL = 0.01
"""Probability below which two samples of places are called different."""
UNDECIDED = 1.0
"""Largest |b| + 2 sigma(b) left open: beyond a factor e over the late part nothing can be said about what follows."""
NO_MATTER = 0.02
"""Share of the mean beyond the horizon up to which an unsettled rate only widens the error."""
BINS = 24


class UnsettledError(ValueError):
    """A sample whose horizon is too short to tell what follows."""


@dataclass(frozen=True)
class Tail:
    """What is known of the exits beyond the horizon.

    Attributes:
        share: P(T > c), the share of censored paths.
        residual: R, the mean time beyond c of those paths.
        change: b, the change of log rate over the late part of the horizon.
        change_error: its standard error.
        bend: the curvature of log rate, in its standard errors.
        exits: number of exits in the late part.
        window: length 2c/3 of the late part.
        alike: probability that the places of survivors at c/2 and at c are of one law, where it was looked at.
    """

    share: float
    residual: float
    change: float
    change_error: float
    bend: float
    exits: int
    window: float
    alike: float | None = None

    @property
    def settled(self) -> bool:
        """Whether a rate constant over the late part is compatible with the exits and the places of survivors."""
        at_rest = self.alike is None or self.alike >= SMALL
        return at_rest and abs(self.change) <= LEVEL * self.change_error and abs(self.bend) <= LEVEL

    @property
    def decided(self) -> bool:
        """Whether there are enough late exits to tell."""
        return abs(self.change) + 2 * self.change_error <= UNDECIDED

    @property
    def error(self) -> float:
        """Systematic error of ``share * residual``: the trend that the late exits leave open, continued over R."""
        seen = math.sqrt(max(self.change**2 - self.change_error**2, 0.0) + self.change_error**2 / 4)
        stretch = min(max(self.residual / self.window, 0.5), 1.5)
        return self.share * self.residual * (seen * stretch if self.settled and self.decided else 2.0)

    def __str__(self) -> str:
        places = "" if self.alike is None else f"; places of survivors at c/2 and c alike with p = {self.alike:.2g}"
        return f"log rate changes by {self.change:.2g} +- {self.change_error:.2g}, {self.exits} late exits{places}"


@dataclass(frozen=True)
class CensoredMean:
    """A mean exit time.

    Attributes:
        mean: E T.
        standard_error: its sampling error, that of the tail's rate included.
        tail_error: what a rate that goes on changing would add; 0 without censored paths.
        tail: what is known beyond the horizon; ``None`` without censored paths.
    """

    mean: float
    standard_error: float
    tail_error: float = 0.0
    tail: Tail | None = None


def censored_mean(
    times: NDArray[Any], censored: NDArray[Any], horizon: float, alike: float | None = None
) -> CensoredMean:
    """Mean of exit times (n,), ``horizon`` standing for the ``censored`` ones; standard error by the delta method.

    ``alike`` is the probability that the survivors at half of the horizon and at its end are of one law, where known.

    Raises:
        UnsettledError: if fewer than 30 paths left late, or their rate still changes, or too few to tell whether it
            does, and what lies beyond the horizon matters.
    """
    n = times.size
    if not censored.any():
        return CensoredMean(float(times.mean()), float(times.std(ddof=1) / math.sqrt(n)) if n > 1 else math.inf)
    late = horizon / 3
    at_risk = np.maximum(times - late, 0.0)
    left = ~censored & (times > late)
    tail = _tail(times, censored, left, at_risk, horizon, alike)
    mean = float(times.mean() + tail.share * tail.residual)
    _require_settled(tail, mean, n, horizon)
    # mean = m + q R with R = sum(risk)/exits: linearise all three in the single paths
    influence = times + tail.residual * censored + tail.share * n / tail.exits * (at_risk - tail.residual * left)
    return CensoredMean(mean, float(influence.std(ddof=1) / math.sqrt(n)), tail.error, tail)


def _tail(
    times: NDArray[Any], censored: NDArray[Any], left: NDArray[Any], at_risk: NDArray[Any], horizon: float,
    alike: float | None,
) -> Tail:  # fmt: skip
    exits, window = int(left.sum()), 2 * horizon / 3
    if exits < FEWEST:
        raise UnsettledError(
            f"only {exits} of {times.size} paths left late in the horizon of {horizon:g}, too few to extrapolate "
            f"({int(censored.sum())} censored); use a longer horizon, more paths, or an exact route"
        )
    (_, change), (_, change_error) = _poisson(times, ~censored, horizon / 3, horizon, 1)
    (_, _, bend), (_, _, bend_error) = _poisson(times, ~censored, horizon / (6 if alike is None else 3), horizon, 2)
    return Tail(
        float(censored.mean()), float(at_risk.sum()) / exits, float(change), float(change_error),
        float(bend / max(bend_error, 1e-300)), exits, window, alike,
    )  # fmt: skip


def _poisson(times: NDArray[Any], seen: NDArray[Any], low: float, high: float, degree: int) -> tuple[Array, Array]:
    """Coefficients of log rate as a polynomial in u over (low, high), with errors: Poisson regression by Newton."""
    edges = np.linspace(low, high, BINS + 1)
    counts = np.histogram(times[seen], edges)[0].astype(float)
    ordered = np.sort(times)
    below = np.searchsorted(ordered, edges)
    upto = np.concatenate([[0.0], np.cumsum(ordered)])[below] + edges * (times.size - below)  # sum min(t, edge)
    exposure = np.maximum(np.diff(upto), 1e-12 * upto[-1])
    basis = ((np.arange(BINS) + 0.5) / BINS - 0.5) ** np.arange(degree + 1)[:, None]
    found = np.zeros(degree + 1)
    found[0] = math.log(counts.sum() / exposure.sum())
    for _ in range(50):
        expected = exposure * np.exp(np.clip(found @ basis, -700, 700))
        information = (basis * expected) @ basis.T
        step = np.linalg.lstsq(information, basis @ (counts - expected), rcond=None)[0]
        found = found + step * min(1.0, 2.0 / max(float(np.abs(step).max()), 1e-300))
        if np.abs(step).max() < 1e-9:
            break
    return found, np.sqrt(np.maximum(np.diag(np.linalg.pinv(information)), 0.0))


def moved(early: Array, late: Array) -> float:
    """Probability (Kolmogorov, Smirnov) that survivors' places ``early`` (n, d) and ``late`` (m, d) are of one law."""
    columns = range(early.shape[1])
    return min(1.0, len(columns) * min(_alike(early[:, i], late[:, i]) for i in columns))


def _alike(one: Array, two: Array) -> float:
    """Probability of a larger distance of distribution functions; form for small samples of Stephens (1970)."""
    from scipy.special import kolmogorov

    both = np.concatenate([one, two])
    shares = [np.searchsorted(np.sort(sample), both, side="right") / sample.size for sample in (one, two)]
    root = math.sqrt(one.size * two.size / both.size)
    return float(kolmogorov((root + 0.12 + 0.11 / root) * np.abs(shares[0] - shares[1]).max()))


def _require_settled(tail: Tail, mean: float, paths: int, horizon: float) -> None:
    beyond = tail.share * tail.residual / mean
    if beyond <= NO_MATTER or (tail.settled and tail.decided):
        return
    what = (
        f"the {tail.exits} late exits of {paths} paths cannot tell whether their rate has settled"
        if tail.settled
        else "exits have not settled late in the horizon"
    )
    raise UnsettledError(
        f"{what} ({tail}; horizon {horizon:g}), and {100 * beyond:.0f} % of the mean would lie beyond it; use a longer "
        "horizon, more paths, or an exact route"
    )
