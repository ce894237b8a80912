"""One repetition of adaptive multilevel splitting, and what it tells of a mean time.

A loop leads from A = {score <= low} up to {score >= high} and from there on an excursion, back to A or into the target.
With entries in A distributed as they settle, p the chance that a loop ends in the target and l its duration,

    T(start) = E[time of the first transit] + P(back in A) E[l] / p             (renewal; Hill's relation)

The first transit runs from the start through a time in which flights settle, and some loops more, to an entry in A.
p and E[l] come from N excursions: the k lowest maxima z are killed, all ties with them, and copies of others branch off
where these first passed z.  p = prod(1 - killed/N) is unbiased for chains of discrete time (Cerou, Guyader, Stoch.
Anal. Appl. 25 (2007) 417; Brehier, Gazeau, Goudenege, Lelievre, Rousset, Ann. Appl. Probab. 26 (2016) 3559, Theorem
3.2), and so is every weighted sum over killed and remaining flights.  For an ideal score the relative variance of p is
about -ln p / N.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fpsim.splitting.dynamics import ALOFT, ARRIVED, Dynamics, Flown, Log, Stop, Until

Array = NDArray[np.float64]
KILLED = 0.25
"""Share of the flights that a level kills at least."""
REPETITION = 2**32
"""Flight numbers that one repetition may use."""
FEWEST_PARTICLES = 8
MOST_REPETITIONS = 2**15 - 4
PILOT, TRIAL = 2**15 - 1, 2**15 - 2
"""Repetitions whose numbers walkers and a trial draw by."""
FEWEST_LOOPS, WARMING = 2, 16
"""Loops between settling and the first entry that counts, and where a flow turns around A, so that entries come in
clusters."""
MOST_LEVELS = 100_000
TRAIL = 4
"""Places of a level that a trail keeps."""


@dataclass(frozen=True)
class Plan:
    """Where loops begin and end.

    Attributes:
        start: (d,) the problem's start.
        low, high: scores of A's edge and of the surface above it.
        settled: steps after which entries in A are distributed as they settle, a multiple of four.
        particles: N.
    """

    start: Array
    low: float
    high: float
    settled: int
    particles: int


@dataclass(frozen=True)
class Repetition:
    """What one repetition found, in steps.

    Attributes:
        number: which repetition.
        transit: mean steps of the first transit.
        back: share of its flights that came back to A.
        log_chance: ln p; -inf if the flights died out; NaN if none came back, so that no loop was made.
        loop: mean steps of a loop.
        levels: how many were passed.
        lines: number of first flights from which those that arrived descend.
        steps: steps of all flights.
    """

    number: int
    transit: float
    back: float
    log_chance: float
    loop: float
    levels: int
    lines: int
    steps: float

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers."""
        return asdict(self)


def repetition(
    dynamics: Dynamics, plan: Plan, number: int, seed: int, stop: Stop, trail: list[Array] | None = None
) -> Repetition:
    """Run one repetition, the same on any thread; a ``trail`` gets places (n, d) at which flights branched off."""
    return _Run(dynamics, plan, number, seed, stop, trail).result()


class _Run:
    def __init__(
        self, dynamics: Dynamics, plan: Plan, number: int, seed: int, stop: Stop, trail: list[Array] | None
    ) -> None:
        self.dynamics, self.plan, self.number, self.stop, self.trail = dynamics, plan, number, stop, trail
        self.next, self.steps = number * REPETITION, 0.0
        self.rng = np.random.Generator(np.random.Philox(key=np.array([seed, number], dtype=np.uint64)))

    def result(self) -> Repetition:
        """First transits, excursions and their levels, in this order."""
        plan, n = self.plan, self.plan.particles
        steps, back = self._transit()
        found = steps / n, len(back) / n
        if not len(back):
            return Repetition(self.number, *found, math.nan, math.nan, 0, 0, self.steps)
        entries = back if len(back) == n else back[_spread(self.rng, np.arange(len(back)), n)]
        climb = self._fly(entries, Until(high=plan.high))
        flights = self._excursions(climb)
        log_chance, duration, levels = self._split(flights)
        lines = len(np.unique(flights.line[np.isinf(flights.best)])) if math.isfinite(log_chance) else 0
        loop = float(climb.steps.mean()) + duration
        return Repetition(self.number, *found, log_chance, loop, levels, lines, self.steps)

    def _transit(self) -> tuple[float, Array]:
        """Steps of all first transits, and the entries in A at their ends: some loops after flights have settled.

        Where a flight is when it has settled may be deep in A; an entry comes from above.
        """
        plan = self.plan
        aloft = np.tile(plan.start, (plan.particles, 1))
        steps, settling = 0.0, Until(low=plan.low, low_from=plan.settled)
        for k in range((WARMING if self.dynamics.turns else FEWEST_LOOPS) + 1):
            if k > FEWEST_LOOPS and 2 * len(aloft) < plan.particles:
                break  # the target is near: what is left shall make loops that count
            for until in (Until(high=plan.high), Until(low=plan.low)) if k else (settling,):
                if len(aloft):
                    flown = self._fly(aloft, until)
                    steps += float(flown.steps.sum())
                    aloft = flown.places[flown.ends != ARRIVED]
        return steps, aloft

    def _fly(self, starts: Array, until: Until, first: Array | None = None) -> Flown:
        numbers = self.next + np.arange(len(starts), dtype=np.int64)
        self.next += len(starts)
        above = np.full(len(starts), np.inf) if first is None else first
        flown = self.dynamics.fly(starts, numbers, above, until, first is not None, self.stop)
        self.steps += float(flown.steps.sum())
        return flown

    def _excursions(self, climb: Flown) -> _Flights:
        """The first flights from the surface; a climb may have jumped into the target already."""
        n = len(climb.ends)
        scores = np.where(climb.ends == ARRIVED, np.inf, self.dynamics.score(climb.places))
        flights = _Flights(np.arange(n), np.zeros(n), Log(np.arange(n), scores, np.zeros(n), climb.places))
        self._fly_on(flights, np.arange(n))
        return flights

    def _fly_on(self, flights: _Flights, slots: NDArray[np.int64]) -> None:
        """Let the flights of ``slots``, whose log ends where they branch off, go on unless they have arrived."""
        last = flights.last(slots)
        begun = np.isfinite(flights.log.score[last])
        slots, last = slots[begun], last[begun]
        if not slots.size:
            return
        base = flights.log.step[last]
        flown = self._fly(flights.log.place[last], Until(low=self.plan.low), flights.log.score[last])
        assert not (flown.ends == ALOFT).any()
        flights.duration[slots] = base + flown.steps
        log = flown.log
        flights.extend(Log(slots[log.owner], log.score, base[log.owner] + log.step, log.place))

    def _split(self, flights: _Flights) -> tuple[float, float, int]:
        """Ln p, mean duration of an excursion, and the number of levels."""
        n = self.plan.particles
        kill = max(1, int(KILLED * n))
        log_weight, duration = 0.0, 0.0
        for level in range(MOST_LEVELS):
            z = float(np.partition(flights.best, kill - 1)[kill - 1])
            weight = math.exp(log_weight) / n
            if math.isinf(z):
                share = float(np.mean(np.isinf(flights.best)))
                return log_weight + math.log(share), duration + weight * float(flights.duration.sum()), level
            dead = np.flatnonzero(flights.best <= z)
            duration += weight * float(flights.duration[dead].sum())
            if len(dead) == n:
                return -math.inf, duration, level
            parents = _spread(self.rng, np.flatnonzero(flights.best > z), len(dead))
            flights.branch(z, dead, parents)
            if self.trail is not None:
                self.trail.append(flights.log.place[flights.last(dead[:TRAIL])])
            self._fly_on(flights, dead)
            log_weight += math.log1p(-len(dead) / n)
        raise ValueError(f"{MOST_LEVELS} levels of the score did not lead to the target; use another score")


def _spread(rng: np.random.Generator, among: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """``count`` of the numbers ``among``, each as often as the others up to one, at random."""
    rounds = [rng.permutation(among) for _ in range(-(-count // len(among)))]
    return np.asarray(np.concatenate(rounds)[:count])


class _Flights:
    """N flights with their records above the last level, sorted by flight and time."""

    def __init__(self, line: NDArray[np.int64], duration: Array, log: Log) -> None:
        self.line, self.duration, self.log = line, duration, log

    @property
    def best(self) -> Array:
        """(N,) largest score of each flight; at arrival infinite."""
        return self.log.score[self.last(np.arange(len(self.line)))]

    def last(self, slots: NDArray[np.int64]) -> NDArray[np.int64]:
        """The last row of each of ``slots``."""
        return np.searchsorted(self.log.owner, slots, side="right") - 1

    def extend(self, more: Log) -> None:
        """Add later records."""
        old = self.log
        owner = np.concatenate([old.owner, more.owner])
        order, names = np.argsort(owner, kind="stable"), ("score", "step", "place")
        parts = [np.concatenate([getattr(old, name), getattr(more, name)])[order] for name in names]
        self.log = Log(owner[order], *parts)

    def branch(self, z: float, dead: NDArray[np.int64], parents: NDArray[np.int64]) -> None:
        """Put copies of ``parents`` in place of the ``dead``, up to where they first passed ``z``."""
        keep = self.log.score > z  # which no row of a dead flight is
        old = Log(*(getattr(self.log, name)[keep] for name in ("owner", "score", "step", "place")))
        first = np.searchsorted(old.owner, parents)
        self.log = old
        self.extend(Log(dead, old.score[first], old.step[first], old.place[first]))
        self.line[dead] = self.line[parents]
        self.duration[dead] = old.step[first]
