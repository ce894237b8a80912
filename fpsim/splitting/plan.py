"""Where loops begin and end, found by a few walkers from the start.

Walkers run for a time t, then 2t, 4t, ... until scores and places of those that have not arrived look alike at t and 2t
(Kolmogorov, Smirnov).  A is the lower half of the scores then, the surface above it is passed by one in ten.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fpsim.assumption import Assumption
from fpsim.paths.censoring import SMALL, moved
from fpsim.splitting.dynamics import ALOFT, Dynamics, Stop, Until
from fpsim.splitting.multilevel import REPETITION, Plan
from landscapes.progress import tell

Array = NDArray[np.float64]
WALKERS = 512
FEWEST = 128
"""Walkers left without which nothing settles: flights from the start then run to their ends."""
LOW, HIGH = 0.5, 0.9
DOUBLINGS = 24
COORDINATES = 16
"""Coordinates whose laws are compared; of more, as many random directions."""


@dataclass(frozen=True)
class Planned:
    """A plan, and how sure it is.

    Attributes:
        plan: where loops begin and end.
        alike: probability with which the walkers' laws at t and 2t are one.
        direct: whether the walkers had arrived before anything settled, so that there are no loops.
    """

    plan: Plan
    alike: float
    direct: bool = False

    @property
    def check(self) -> Assumption:
        """Whether the walkers had settled."""
        what = "walkers from the start had settled when loops began, or had all arrived (Kolmogorov, Smirnov; 1 %)"
        detail = "all arrived" if self.direct else f"p = {self.alike:.2g}"
        return Assumption(what, self.direct or self.alike >= SMALL, detail, key="settled")


def planned(dynamics: Dynamics, start: Array, particles: int, number: int, first: float, stop: Stop) -> Planned:
    """A plan for flights from ``start`` (d,); walkers draw as repetition ``number``, for ``first`` steps to begin with.

    Raises:
        ValueError: for a score that does not tell places apart, or walkers that do not settle.
    """
    _check_score(dynamics, start)
    steps, serial = 4 * max(2, math.ceil(first / 4)), number * REPETITION
    places, before = np.tile(start, (WALKERS, 1)), np.empty((0, start.size))
    total, alike = 0, 0.0
    for doubling in range(DOUBLINGS):
        numbers = serial + doubling * WALKERS + np.arange(len(places), dtype=np.int64)
        span = total or steps
        flown = dynamics.fly(places, numbers, np.full(len(places), np.inf), Until(horizon=span), False, stop)
        total += span
        tell(1 - 2.0 ** -(doubling + 1))  # how many it takes is known at the end
        places = flown.places[flown.ends == ALOFT]
        if len(places) < FEWEST:
            return Planned(Plan(start, -math.inf, math.inf, 2**52, particles), 1.0, direct=True)
        if doubling:
            alike = moved(_looked_at(dynamics, before), _looked_at(dynamics, places))
            if alike >= SMALL:
                break
        before = places
    else:
        raise ValueError(
            f"what starts at {start[:6]} has not settled after {total:.3g} steps: it drifts away, or its valley is "
            "flat or holds valleys of its own; loops from there have no law"
        )
    scores = dynamics.score(np.concatenate([before, places]))
    low, high = (float(q) for q in np.quantile(scores, [LOW, HIGH]))
    if not low < high:
        raise ValueError(
            f"the score is {low:.6g} at half of the places around the start and at nine of ten: it does not tell them "
            "apart; give one that rises on the way to the target"
        )
    return Planned(Plan(start, low, high, total, particles), alike)


def _check_score(dynamics: Dynamics, start: Array) -> None:
    value = np.asarray(dynamics.score(start[None]), dtype=float)
    if value.shape != (1,) or not np.isfinite(value).all():
        raise ValueError(f"a score is one finite number per point; at the start it is {value!r}")


def _looked_at(dynamics: Dynamics, places: Array) -> Array:
    """Score and coordinates of places (n, d), or of many coordinates some random combinations: (n, m)."""
    scores = dynamics.score(places)[:, None]
    d = places.shape[1]
    if d > COORDINATES:
        places = places @ np.random.default_rng(0).standard_normal((d, COORDINATES))
    return np.concatenate([scores, places], axis=1)
