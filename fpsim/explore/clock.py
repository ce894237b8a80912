"""How much time the page shows: a film of some relaxations, and the survival curve of some escapes.

    film = min(2 tau, 200 / H),   survival = 3 tau,   H the stiffness where the start comes to rest

so that a film shows both jiggling and, where it is in reach, the escape.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from fpsim.escape import EscapeProblem
from fpsim.explore.settings import Settings
from fpsim.results import Comparison

FRAMES = 900
"""Of the film: 15 seconds at 60 a second."""
DENSITIES = 75
"""Times at which the density is told; between them the page goes straight."""
RELAXATIONS = (10.0, 200.0)
FINER = 4
"""Steps of the film within one of the problem's own, which is chosen for means and not for the look of a gate."""
MOST_STEPS = 240_000
"""Of one path in the film."""


@dataclass(frozen=True)
class Clock:
    """Time of the film, its step, and the time of the survival curve (``None`` where no mean time is known)."""

    film: float
    step: float
    survival: float | None


def clock(settings: Settings, problem: EscapeProblem, found: Comparison) -> Clock:
    """The times for a problem whose quick comparison is ``found``.

    Raises:
        ValueError: for a duration that asks for too many steps.
    """
    best = found.reference or next(iter(found.routes), None)
    mean = best.mean if best is not None and math.isfinite(best.mean) else None
    relaxation = 50 * problem.default_step
    shortest, longest = (count * relaxation for count in RELAXATIONS)
    film = settings.duration or min(max(2 * (mean or math.inf), shortest), longest)
    finest = problem.default_step / FINER
    if film / finest > MOST_STEPS:
        raise ValueError(
            f"a film of {film:g} takes {film / finest:.3g} steps of a path, and at most {MOST_STEPS} are walked; give "
            f"a duration below {MOST_STEPS * finest:.3g}"
        )
    return Clock(film, step_of(problem, film), None if mean is None else 3 * mean)


def step_of(problem: EscapeProblem, film: float) -> float:
    """The largest step that divides a frame and is no larger than the problem's own over FINER."""
    frame = film / FRAMES
    return frame / max(1, math.ceil(FINER * frame / problem.default_step - 1e-9))
