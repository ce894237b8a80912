"""By which age has SGD filled its valley?  By the age t at which walkers look at t as at t/2 (Kolmogorov, Smirnov).

Walkers from the start run for t, 2 t, 4 t, ...; scores and places of those that have not arrived are compared
(:mod:`fpsim.splitting.plan`).  An age that is found so on one seed is a lag for exits counted on others.
"""

from __future__ import annotations

import math
import time as clock
from typing import Any

from fpsim.kernels.random_numbers import own_seed, seed_words
from fpsim.paths.exits import check_deadline
from fpsim.splitting.dynamics import Stop, most_steps
from fpsim.splitting.moving import moving
from fpsim.splitting.multilevel import PILOT
from fpsim.splitting.plan import planned
from fpsim.targets import as_target
from landscapes.field import as_point
from landscapes.progress import Progress, heard, shows_progress

FIRST = 64
PARTICLES = 8


@shows_progress("settling")
def settling_iterations(
    sgd: Any, start: Any, target: Any, seed: int = 0, score: Any = None, deadline: float = math.inf,
    progress: Progress = None,
) -> int:  # fmt: skip
    """Iterations after which walkers from ``start`` are distributed as they stay; 0 if they arrive before that.

    Args:
        sgd, start, target, score: as in :func:`fpsim.split_iterations`.
        seed: of the walkers; exits that are counted beyond this age take another.
        deadline: seconds.
        progress: as in :func:`fpsim.split_iterations`.

    Raises:
        ValueError: for walkers that do not settle.
        Stopped: when the deadline comes first.
    """
    seed_words(seed)
    point = as_point(start, int(sgd.landscape.dimension))
    found = moving(sgd, point, as_target(target, point), own_seed(seed, "settling"), score, None, None)
    stop = Stop(clock.perf_counter() + check_deadline(deadline), most_steps(found.dynamics))
    with heard(progress):
        plan = planned(found.dynamics, found.start, PARTICLES, PILOT, FIRST * found.parts, stop)
    return 0 if plan.direct else int(plan.plan.settled // found.parts)
