"""The escape time of a valley that is filled, from exits of which some are censored:

    1/rate = (time at risk beyond an age A) / (exits beyond A),         relative error n^(-1/2)
    mean from the start = E min(T, A) + P(T > A) / rate                 (renewal at A)

A path that starts in a minimum fills its valley first, and exits are rarer meanwhile: in many parameters the mean of
all exit times is then longer than 1/rate, by the filling.  Beyond an age A by which valleys are filled the exits of a
path are those of a Poisson process, whose rate a theory of escapes means.  That the rate has settled at A is tested, by
exits against time at risk over ages beyond A.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fpsim.assumption import Assumption
from fpsim.escape_time import EscapeTime
from fpsim.paths.exit_sample import ExitSample

Array = NDArray[np.float64]
FEWEST = 10
"""Exits from which on n^(-1/2) is an error, and in each window of ages that is compared."""
WINDOWS = 8
SMALL = 0.01
"""Probability below which a rate is called unsettled."""


@dataclass(frozen=True)
class Risk:
    """Times at risk and exits of paths.

    Attributes:
        times: (paths,) when each left, or was last seen.
        left: (paths,) whether it left.
    """

    times: Array
    left: NDArray[np.bool_]

    def exposure(self, low: float, high: float = math.inf) -> float:
        """Time at risk of all paths between two ages."""
        return float(np.clip(self.times, low, high).sum() - low * self.times.size)

    def exits(self, low: float, high: float = math.inf) -> int:
        """Exits at ages in (low, high]."""
        return int(np.count_nonzero(self.left & (self.times > low) & (self.times <= high)))

    def edges(self, low: float, windows: int) -> Array:
        """Ages that cut the time at risk beyond ``low`` into equal parts, (windows + 1,)."""
        ages = np.concatenate([[low], np.sort(self.times[self.times > low])])
        alive = ages.size - 1 - np.arange(ages.size - 1)
        passed = np.concatenate([[0.0], np.cumsum(np.diff(ages) * alive)])
        return np.interp(np.linspace(0, passed[-1], windows + 1), passed, ages)


def settled_time(sample: ExitSample, lag: float) -> EscapeTime:
    """The escape time of a filled valley, with what it rests on.

    Args:
        sample: exits, such as :func:`fpsim.exit_iterations` gives.
        lag: A, in the sample's units: an age by which valleys are filled, fixed before these exits are seen
            (:func:`fpsim.settling_iterations` finds one on another seed).

    Returns:
        1/rate beyond A with its standard error; in its settings the mean from the start, the exits before A, those
        counted, and the time at risk.

    Raises:
        ValueError: for a lag that leaves nothing, or without any exit beyond it.
    """
    if not (np.isfinite(lag) and lag >= 0):
        raise ValueError(f"a lag is an age >= 0; got {lag!r}")
    risk = Risk(np.asarray(sample.times, dtype=float), ~np.asarray(sample.censored))
    exposure, exits = risk.exposure(lag), risk.exits(lag)
    if exposure <= 0:
        raise ValueError(f"no path was followed beyond the lag {lag:g}; follow them longer, or take a smaller lag")
    if exits == 0:
        raise ValueError(
            f"no exit in a time at risk of {exposure:.4g} beyond the lag {lag:g}: 1/rate is above {exposure / 3:.3g} "
            "with 95 % confidence; follow more paths, or use split_iterations"
        )
    mean, error = exposure / exits, exposure / exits**1.5
    low, high = interval(exposure, exits)
    settings = {
        **{key: value for key, value in sample.settings.items() if key != "problem"}, "lag": float(lag), "exits": exits,
        "exits before the lag": risk.exits(0.0, lag), "at risk": exposure, "95 % interval": f"{low:.5g} to {high:.5g}",
        "from the start": "{:.5g} +- {:.2g}".format(*from_start(risk, lag)),
    }  # fmt: skip
    return EscapeTime(
        mean=mean, standard_error=error, method="paths beyond a lag", units=str(sample.settings.get("units", "time")),
        target=str(sample.settings.get("target", "")), censored=int(np.count_nonzero(sample.censored)),
        seed=sample.settings.get("seed"), settings=settings, assumptions=assumptions(risk, lag),
    )  # fmt: skip


def interval(exposure: float, exits: int, coverage: float = 0.95) -> tuple[float, float]:
    """Central interval of 1/rate for a Poisson number of exits (Garwood 1936)."""
    from scipy.stats import chi2

    tail = (1 - coverage) / 2
    return 2 * exposure / float(chi2.ppf(1 - tail, 2 * exits + 2)), 2 * exposure / float(chi2.ppf(tail, 2 * exits))


def from_start(risk: Risk, lag: float) -> tuple[float, float]:
    """Mean exit time from the start, renewed at the lag, and its standard error."""
    n, exits = risk.times.size, risk.exits(lag)
    residual, share = risk.exposure(lag) / exits, float(np.mean(risk.times > lag))
    parts = np.minimum(risk.times, lag) + residual * (risk.times > lag)  # the rate's own error is independent of these
    return float(parts.mean()), math.hypot(float(parts.std(ddof=1)) / math.sqrt(n), share * residual / math.sqrt(exits))


def assumptions(risk: Risk, lag: float) -> tuple[Assumption, ...]:
    """Whether the rate had settled at the lag, and whether there are exits enough to tell."""
    from scipy.stats import binom, chi2

    exits = risk.exits(lag)
    enough = Assumption(f"{FEWEST} exits or more were counted", exits >= FEWEST, f"{exits}", key="exits")
    windows = min(WINDOWS, exits // FEWEST)
    if windows < 2:
        return (enough, Assumption("the rate can be seen to have settled", False, "too few exits", key="settled"))
    edges = risk.edges(lag, windows)
    counts = np.array([risk.exits(*pair) for pair in pairwise(edges)])
    even = float(chi2.sf(np.sum((counts - exits / windows) ** 2) / (exits / windows), windows - 1))
    share = risk.exposure(lag, 2 * lag) / risk.exposure(lag)
    early = risk.exits(lag, 2 * lag)
    sides = float(binom.cdf(early, exits, share)), float(binom.sf(early - 1, exits, share))
    again = min(1.0, 2 * min(sides))
    return (
        enough,
        Assumption(f"exits are even over {windows} windows of age (1 %)", even >= SMALL, f"p = {even:.2g}", key="even"),
        Assumption(
            "start-up is over: the rate between the lag and twice the lag is that of later (1 %)", again >= SMALL,
            f"{early} exits where {share * exits:.3g} were due, p = {again:.2g}", key="settled",
        ),
    )  # fmt: skip


def pooled(times: list[EscapeTime]) -> dict[str, Any]:
    """Several such times of one law as one: exits and times at risk add up."""
    exits = sum(int(t.settings["exits"]) for t in times)
    exposure = sum(float(t.settings["at risk"]) for t in times)
    return {"mean": exposure / exits, "standard_error": exposure / exits**1.5, "exits": exits, "at risk": exposure}
