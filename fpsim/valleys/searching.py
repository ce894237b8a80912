"""The search for saddles between two neighbouring minima.

Strings bent at random, climbs out of both valleys, and climbs from beside each known pass along its softest transverse
modes (a ridge between two valleys has its passes for minima) find saddles; those that join the two minima are kept.
"""

from __future__ import annotations

import time as clock
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fpsim.valleys.climbing import LeftError, climb
from fpsim.valleys.joining import SAME, add, beside
from fpsim.valleys.patience import half_is_over
from fpsim.valleys.relaxing import relaxed, tops
from fpsim.valleys.saddle import Saddle, certified
from landscapes.critical.points import CriticalPoint
from landscapes.field import in_words

Array = NDArray[np.float64]
SIDEWAYS = (1 / 32, 1 / 8, 1 / 4)
"""How far beside a pass climbs begin, in lengths."""
MODES = 2
"""Softest transverse modes of a pass that are followed."""


class PassSearch:
    """The saddles seen so far, and those of them that join the two ends."""

    def __init__(
        self, landscape: Any, ends: tuple[CriticalPoint, CriticalPoint], length: float, told: Callable[[float], None]
    ) -> None:
        self.landscape, self.ends, self.length, self.told = landscape, ends, length, told
        self.seen: list[Saddle] = []
        self.joining: list[Saddle] = []
        self.refusals: list[str] = []
        self.count = self.last_new = 0
        self.began = clock.monotonic()

    @property
    def enough(self) -> bool:
        """Whether there is a pass, and half of the time is over."""
        return bool(self.joining) and half_is_over(self.began)

    def run(self, starts: int, seed: int) -> bool:
        """Look everywhere; whether all critical points of the box are known."""
        if self.landscape.dimension > 2 or self.landscape.bounds is None:
            _everywhere(self, starts, seed)
            return False
        points = self.landscape.critical_points()
        for k, p in enumerate(points.saddles):
            self.look(partial(np.array, p.x))
            self.told((k + 1) / len(points.saddles))
        return bool(points.complete)

    def found(self) -> str:
        """What is known, in words."""
        places = ", ".join(in_words(s.x) for s in self.joining[:3]) or "none"
        return f"{len(self.joining)} pass(es) were known ({places})"

    def look(self, guess: Callable[[], Array]) -> None:
        """Certify what a climb finds; what is refused is no pass, and why is kept."""
        if self.enough:
            return
        self.count += 1
        try:
            place = guess()
            if any(np.linalg.norm(s.x - place) <= 1e-5 * self.length for s in self.seen):
                return
            found = certified(self.landscape, place, self.length, self.ends[0].x)
        except ValueError as error:
            if not isinstance(error, LeftError):
                self.refusals.append(str(error))
            return
        if not add(self.seen, found, self.length):
            return
        near = [[bool(np.linalg.norm(m.x - end.x) <= SAME * self.length) for end in self.ends] for m in found.minima]
        if near == [[True, False], [False, True]]:
            self.joining.append(found)
        elif near == [[False, True], [True, False]]:
            self.joining.append(found.turned())
        else:
            return
        self.last_new = self.count


def _everywhere(search: PassSearch, starts: int, seed: int) -> None:
    """Strings, straight and bent both ways; climbs out of both valleys; climbs beside every pass, new ones too."""
    rng, place, length = np.random.default_rng(seed), search.landscape, search.length
    a, b = (end.x for end in search.ends)
    bends = [sign * v for v in (beside(a, b, rng) for _ in range(starts)) for sign in (1.0, -1.0)]
    total = 1 + len(bends) + starts
    for k, bend in enumerate((None, *bends)):
        if search.enough:
            break
        try:
            highest = tops(place, relaxed(place, a, b, 15, bend)[0])[:3]
        except ValueError as error:
            search.refusals.append(str(error))
            continue
        for top, tangent in highest:
            search.look(partial(climb, place, top, tangent, length))
        search.told((k + 1) / total / 2)  # the other half is beside the passes
    for k in range(starts):
        for end in (a, b):
            v = rng.standard_normal(len(a))
            search.look(partial(climb, place, end, v / float(np.linalg.norm(v)), length))
        search.told((1 + len(bends) + k + 1) / total / 2)
    for s in search.joining:  # grows as it goes
        if len(s.eigenvalues) < len(s.x):
            continue
        vectors = np.linalg.eigh(np.asarray(place.hessian(s.x)))[1]
        for v in vectors.T[1 : 1 + MODES]:
            for step in (sign * t * length for t in SIDEWAYS for sign in (1, -1)):
                search.look(partial(climb, place, s.x + step * v, s.direction, length))
    search.told(1.0)
