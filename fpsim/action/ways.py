"""Ways from one point to another: found from several curves, split at the fixed points that they meet, refined.

A way of least action stops at fixed points: it climbs from one (its leg has the action) and falls to the next along the
drift (its leg has none).  Legs are told apart on a coarse curve, and each is then a smooth curve between its own ends,

    S_n = S + c_2/n^2 + c_4/n^4 + ...

whose limit is extrapolated from n/4, n/2 and n pieces.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fpsim.action.curve import Curve, Rests, curve, lengths_along, spaced
from fpsim.action.descent import Least, least
from fpsim.action.flow import FixedPoint, fixed_point, free_way
from fpsim.action.hamiltonian import Hamiltonian, dot, solved

Array = NDArray[np.float64]
COARSE = 32
FREE = 0.3  # a leg with less than this share of what it would cost against the drift may cost nothing
MOST_SPLITS = 8
UNRESOLVED = 1e-3  # of an action: errors by refinement above this are not believed alone
FINER = 8  # times as many pieces tell what the curve itself costs
NEAR = 2.0  # pieces of the coarse curve within which it meets a fixed point


@dataclass(frozen=True)
class Leg:
    """A piece of a way between two points, of which the inner ones are fixed points.

    Attributes:
        x: (d, n + 1) points.
        momentum: (d, n) on the pieces between them.
        time: (n,) of the pieces.
        action: its action, extrapolated.
        error: of the action, by refinement.
        force: the largest force across it, in units of (largest momentum) / (length).
        energy: the largest |H| on it, in units of |b . p|.
        settled: whether the descent has come to an end.
        rests: whether its ends are fixed points.
    """

    x: Array
    momentum: Array
    time: Array
    action: float
    error: float
    force: float
    energy: float
    settled: bool
    rests: Rests


@dataclass(frozen=True)
class Part:
    """A piece of a curve between two of its stops: points (d, n), and the fixed points that it begins and ends at."""

    x: Array
    begin: FixedPoint | None
    end: FixedPoint | None

    @property
    def rests(self) -> Rests:
        """Whether its ends are fixed points."""
        return self.begin is not None, self.end is not None


def split(h: Hamiltonian, x: Array) -> list[Part]:
    """A curve (d, n + 1) cut at the fixed points that it meets."""
    along = lengths_along(x)
    piece = along[-1] / (x.shape[1] - 1)
    speed = np.linalg.norm(h.by_momentum(x, np.zeros_like(x)), axis=0)
    inner = [k for k in range(1, len(speed) - 1) if speed[k] <= speed[k - 1] and speed[k] <= speed[k + 1]]
    first, last = (fixed_point(h, x[:, k], 1e-5 * along[-1]) for k in (0, -1))
    cuts: list[tuple[int, FixedPoint]] = []
    for k in inner[:MOST_SPLITS]:
        found = fixed_point(h, x[:, k], NEAR * piece)
        known = [x[:, 0], x[:, -1], *(cut.x for _, cut in cuts)]
        if found is not None and min(np.linalg.norm(found.x - y) for y in known) > 0.5 * piece:
            cuts.append((k, found))
    stops = [(0, first), *cuts, (x.shape[1] - 1, last)]
    parts = []
    for (i, begin), (j, end) in itertools.pairwise(stops):
        points = x[:, i : j + 1].copy()
        for k, at in ((0, begin), (-1, end)):
            if at is not None and 0 < (i, j)[k] < x.shape[1] - 1:
                points[:, k] = at.x
        parts.append(Part(points, begin, end))
    return parts


def leg(h: Hamiltonian, part: Part, pieces: int, tolerance: float, watch: Callable[[], None] | None) -> Leg:
    """The leg of least action next to a part of a curve; one that the drift itself runs down costs nothing."""
    found = least(h, part.x, max(8, pieces // 4), part.rests, tolerance, watch=watch)
    if found.curve.action <= FREE * _against(h, found.curve):
        line = free_way(h, found.curve.x, part.begin, part.x[:, -1])
        if line is not None:
            return along_drift(h, spaced(line, pieces, part.rests))
    levels = [found]
    for n in (pieces // 2, pieces):
        levels.append(least(h, levels[-1].curve.x, n, part.rests, tolerance, watch=watch))
    return _limit(h, levels, part.rests)


def _against(h: Hamiltonian, at: Curve) -> float:
    """What a curve would cost against the drift, int b . K^-1 b dt."""
    rest = np.zeros_like(at.middles)
    b = h.by_momentum(at.middles, rest)
    return float((at.pieces.time * dot(b, solved(h.bend(at.middles, rest), b))).sum())


def along_drift(h: Hamiltonian, x: Array) -> Leg:
    """A leg along the drift."""
    middles = (x[:, 1:] + x[:, :-1]) / 2
    speed = np.linalg.norm(h.by_momentum(middles, np.zeros_like(middles)), axis=0)
    time = np.linalg.norm(np.diff(x), axis=0) / np.maximum(speed, 1e-300)
    return Leg(x, np.zeros_like(middles), time, 0.0, 0.0, 0.0, 0.0, True, (False, False))


def rough_leg(found: Least, rests: Rests) -> Leg:
    """A coarse curve as it is, with nothing extrapolated."""
    at = found.curve
    return Leg(
        at.x, at.pieces.momentum, at.pieces.time, at.action, math.inf, found.force, math.inf, found.settled, rests
    )


def _limit(h: Hamiltonian, levels: list[Least], rests: Rests) -> Leg:
    """Extrapolation over three refinements."""
    coarse, middle, fine = (level.curve.action for level in levels)
    at = levels[-1].curve
    ratio = (coarse - middle) / (middle - fine) if middle != fine else 4.0
    level = 1e-13 * abs(fine) + sum(found.promise for found in levels)
    if 3.0 <= ratio <= 5.3 or abs(coarse - fine) <= 100 * level:
        twice = fine + (fine - middle) / 3, middle + (middle - coarse) / 3
        value = twice[0] + (twice[0] - twice[1]) / 15
        error = abs(twice[0] - twice[1]) / 3
    else:  # no second order: kinks, or a way that is not resolved
        value, error = fine, 2 * abs(fine - middle)
    settled = all(found.settled for found in levels)
    if error > UNRESOLVED * abs(fine) or not settled:  # what the smooth curve through the points costs is no less
        error = max(error, curve(h, spaced(at.x, FINER * at.x.shape[1], rests)).action - value)
    p, x = at.pieces.momentum, at.middles
    work = np.abs(np.einsum("in,in->n", h.by_momentum(x, np.zeros_like(x)), p))
    energy = float(np.abs(h.value(x, p)).max() / max(float(work.max()), 1e-300))
    return Leg(at.x, p, at.pieces.time, max(value, 0.0), error + level, levels[-1].force, energy, settled, rests)
