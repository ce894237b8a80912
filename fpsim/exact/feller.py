"""Can a path reach the end of its line?  Feller's test for the ends of a 1-D diffusion.

    scale s' = e^W D^-l,   speed m = e^-W D^(l-1),   W = int L'/D dx

    Sigma = int_e s'(x) m[x, c] dx  < inf:  the end e is reached in finite time     (regular, exit)
    N     = int_e m(x) s[x, c] dx   < inf:  a path can be started at the end         (regular, entrance)

Both are decided by the exponents that s' and m have in the distance u to the end (or in |x| towards infinity), taken
from a ladder of points: for a logarithmic wall a ln u under constant D, s' = u^(-a/D), so it is reached if a < D.
Feller, Ann. Math. 55 (1952) 468; Karlin and Taylor, A Second Course in Stochastic Processes (1981), section 15.6.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Fields = Callable[[Array], tuple[Array, Array]]  # (L'/D, ln D) at points x of any shape
Kind = Literal["regular", "exit", "entrance", "natural", "undecided"]
STEEP = 25.0  # an exponent beyond this that still grows is an exponential
EXACT = 1e-12
OCTAVES = 130
RUNGS = 32
LATE = 12
"""Points of the ladder that must agree on the sign of a growing exponent."""


@dataclass(frozen=True)
class Edge:
    """One end of the line on which a path lives.

    Attributes:
        place: the end, finite or infinite.
        kind: Feller's class; ``"undecided"`` where no exponent settles (an endless ripple).
        draws: whether the scale is finite there, so that a path may run to the end and never come back.
        holds: whether the speed measure (the stationary weight) is finite there.
        exponent: power of the distance (finite ends) or of |x| with which the speed density goes.
    """

    place: float
    kind: Kind
    draws: bool
    holds: bool
    exponent: float

    @property
    def is_reached(self) -> bool:
        """Whether paths arrive at the end in finite time."""
        return self.kind in ("regular", "exit")

    def __str__(self) -> str:
        words = {
            "regular": "can be reached and left",
            "exit": "can be reached, never left",
            "entrance": "cannot be reached",
            "natural": "cannot be reached" + (", but draws paths towards it" if self.draws else ""),
            "undecided": "no verdict: drift or D ripples without end",
        }
        return f"x = {self.place:g} is {self.kind}: {words[self.kind]}"


def classify(
    fields: Fields, inside: float, place: float, weight: float, length: float, sight: float = math.inf
) -> Edge:
    """Feller's class of the end ``place`` of a line that holds ``inside``.

    ``weight`` is l, ``length`` the scale of the line; towards infinity nothing beyond ``sight`` lengths is asked.
    """
    side = 1.0 if place > inside else -1.0
    away = -side if math.isfinite(place) else side  # dx / du
    u = _ladder(inside, place, side, length)
    if math.isinf(place):
        u = u[u <= (abs(inside) + length) * sight]
    if u.size < LATE:  # the end is as near as rounding allows
        return Edge(place, "undecided", False, False, math.nan)
    with np.errstate(all="ignore"):
        for _ in range(2):
            slope, log_d = fields(place + away * u if math.isfinite(place) else side * u)
            bend = np.gradient(log_d, np.log(u))
            pull = away * u * slope
            bend = np.where(np.abs(bend) < EXACT, 0.0, bend)
            scale, speed = pull - weight * bend, -pull + (weight - 1) * bend
            usable = np.isfinite(scale) & np.isfinite(speed)
            stop = int(np.argmin(usable)) if not usable.all() else usable.size
            if stop > RUNGS // 2 or stop < 2:
                break
            u = np.geomspace(u[0], u[stop - 1], RUNGS)  # beyond, an exponential overflows
        if stop < LATE:
            return Edge(place, "undecided", False, False, math.nan)
        return _judged(place, _flow(scale, log_d, u, stop), _limit(scale[:stop]), _limit(speed[:stop]))


def _ladder(inside: float, place: float, side: float, length: float) -> Array:
    """Distances to a finite end, each half of the last, or |x| on the way to an infinite one, each twice the last."""
    if math.isinf(place):
        with np.errstate(over="ignore"):
            x = np.asarray((abs(inside) + length) * 2.0 ** np.arange(OCTAVES), dtype=np.float64)
        return x[np.isfinite(x)]
    u = np.abs(place - (place - side * abs(place - inside) * 0.5 ** np.arange(1, OCTAVES)))
    return np.asarray(u[u > 1e-12 * abs(place)], dtype=np.float64)


def _limit(values: Array) -> tuple[float, float]:
    """The limit of a sequence (infinite if it grows without end) and its error; nan where it does not settle."""
    last = values[-LATE:]
    if abs(last[-1]) > STEEP and np.all(np.diff(np.abs(last)) > 0) and np.all(last * last[-1] > 0):
        return math.copysign(math.inf, last[-1]), 0.0
    steps = np.abs(np.diff(values))
    k = values.size - 2 - int(np.argmin(steps[::-1]))
    error = float(steps[k])
    if error > 1e-3 * (1 + abs(values[k + 1])):
        return math.nan, math.inf
    return float(values[k + 1]), 4 * error + EXACT * (1 + abs(float(values[k + 1])))


def _flow(scale: Array, log_d: Array, u: Array, stop: int) -> tuple[float, float]:
    """Exponent of D |d ln s'/du|, the speed of the drift that makes the scale."""
    logs = np.log(np.abs(scale[:stop])) + log_d[:stop] - np.log(u[:stop])
    steps = np.diff(logs) / np.diff(np.log(u[:stop]))
    return _limit(steps[np.isfinite(steps)]) if np.isfinite(steps).sum() >= LATE else (math.nan, math.inf)


def _judged(place: float, flow: tuple[float, float], scale: tuple[float, float], speed: tuple[float, float]) -> Edge:
    """The class, from exponents in the distance to a finite end, or in |x| towards an infinite one."""
    sign = 1.0 if math.isfinite(place) else -1.0  # u^p is integrable at 0 for p > -1, at infinity for p < -1

    def finite(exponent: float, error: float, threshold: float = -1.0) -> bool:
        return sign * (exponent - threshold) > error

    if math.isnan(scale[0]) or math.isnan(speed[0]):
        return Edge(place, "undecided", False, False, math.nan)
    draws, holds = finite(*scale), finite(*speed)
    if math.isfinite(scale[0]) and math.isfinite(speed[0]):
        double = finite(scale[0] + speed[0], scale[1] + speed[1], -2.0)
    else:  # the flow crosses in the time int du / |b|
        double = sign * (1.0 - flow[0]) > max(flow[1], 1e-6)
    reached, entered = draws and (holds or double), holds and (draws or double)
    kind: Kind = "regular" if reached and entered else "exit" if reached else "entrance" if entered else "natural"
    return Edge(place, kind, draws, holds, speed[0])


def why_infinite(edge: Edge, is_wall: bool) -> str:
    """Why no finite mean time to the other side can be given, in a sentence; or nothing."""
    place, infinite = f"x = {edge.place:g}", "so the mean first-passage time is infinite"
    if edge.kind == "undecided" or (edge.holds and (is_wall or not edge.draws)):
        return ""
    if is_wall:
        return (
            f"a wall at {place} cannot hold paths back: the stationary weight has no finite integral there, "
            f"{infinite}; put the wall elsewhere"
        )
    if edge.is_reached and math.isinf(edge.place):
        return (
            f"the far side does not confine: paths run off to {place} in finite time ({edge.kind} by Feller's test), "
            f"{infinite}; choose a landscape that rises on the side away from the target, or give a boundary"
        )
    if edge.is_reached:
        return (
            f"paths reach the landscape's edge {place} in finite time ({edge.kind} by Feller's test), and what happens "
            "there is not said; give a boundary, such as boundary=Walls('reflecting', ...) with a wall at or before it"
        )
    if edge.draws:
        return (
            f"the far side does not confine: a share of the paths goes to {place} and never meets the target, "
            f"{infinite}; choose a landscape that rises on the side away from the target, or give a boundary"
        )
    return (
        f"the far side does not confine: every path meets the target, but the stationary weight towards {place} has no "
        f"finite integral, {infinite}; give a boundary"
    )
