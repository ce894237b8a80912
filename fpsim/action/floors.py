"""What a floor f of the noise takes from a least action, from two floors:  S(f) = S(0) - c f^a.

    f dS/df = -f int p . p dt = -a c f^a,       S(0) - S(f) = S(f/4) - S(f) + (f int p . p dt at f/4) / a

by the envelope theorem; the power a is told by that integral at f and at f/4.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from fpsim.action.curve import curve
from fpsim.action.descent import least
from fpsim.action.ways import Leg
from fpsim.assumption import Assumption

LOWER = 4.0
SLOWEST = 0.25
"""Powers below which an action is not known to settle."""


def lower(h: Any) -> Any:
    """The Hamiltonian with a quarter of the floor."""
    return replace(h, floor=h.floor / LOWER)


def loss_of(fall: float, here: float, there: float) -> tuple[float, float]:
    """S(0) - S(f) and the power a, from S(f/4) - S(f) and f int p . p dt at f and at f/4."""
    power = math.log(here / there) / math.log(LOWER) if here > 0 and there > 0 else 1.0
    return max(fall, 0.0) + there / max(power, SLOWEST), power


def loss_along(
    h: Any, legs: Sequence[Leg], tolerance: float, watch: Callable[[], None] | None
) -> tuple[float, float]:
    """The same of a way, whose climbs descend a little more under a quarter of the floor."""
    other, fall, here, there = lower(h), 0.0, 0.0, 0.0
    for part in legs:
        if not part.momentum.any():
            continue
        found = least(other, part.x, part.x.shape[1] - 1, part.rests, tolerance, watch=watch).curve
        fall += found.action - curve(h, part.x).action
        here += h.floor * float((part.time * (part.momentum**2).sum(axis=0)).sum())
        there += other.floor * float((found.pieces.time * (found.pieces.momentum**2).sum(axis=0)).sum())
    return loss_of(fall, here, there)


def settles(loss: float, power: float, action: float) -> Assumption:
    """Whether the action tends to a limit as the floor falls."""
    what = f"the action settles as the floor falls: what it takes goes like floor^a with a >= {SLOWEST:g}"
    share = loss / max(abs(action), float(np.finfo(float).tiny))
    return Assumption(what, power >= SLOWEST, f"a = {power:.3g}; it takes {share:.2g} of the action", "floor")
