"""How fast this machine follows the paths of a problem, and how many of them fit into some seconds."""

from __future__ import annotations

import math
import time as clock
from typing import Any

from fpsim.cuda.device import Device
from fpsim.paths.exits import exit_times
from fpsim.paths.threads import thread_count
from fpsim.routes.allowance import Allowance, OverBudgetError
from fpsim.routes.problem import Problem

WITH_COARSE = 1.9
"""Cost of by_paths in runs at its step: those at 2, 4 and 8 times the step come with it."""
FEWEST_PATHS = 1000
FEWEST_EXITS = 100
"""Exits that a run stopped at the budget must be expected to see, or it is not begun."""
TRIAL_PATHS = 256
CARD_PATHS = 2**16
"""Paths of a trial on a GPU, enough to keep it busy."""
TRIAL_SECONDS = 0.05
TRIAL_SHARE = 0.1
"""Most of the seconds left that measuring the speed, or a rough time, may take."""


def predicted_seconds(
    problem: Problem, paths: int, step: float, expected: float, threads: int | None, most: float = 1.0
) -> float:
    """Cost of ``problem.by_paths``, its runs at 2, 4 and 8 times the step included, from the speed of a short trial."""
    return WITH_COARSE * paths * expected / step / measured_speed(problem, step, threads, most)[0]


def affordable_paths(
    problem: Problem, paths: int, step: float, expected: float | None, allowance: Allowance, threads: int | None,
    device: Device = "cpu",
) -> int:  # fmt: skip
    """Number of paths that fits into what is left of ``allowance``, as this machine follows them.

    With ``device="auto"`` that is as its CPU does.

    Raises:
        OverBudgetError: if too few would leave within the time to say anything.
    """
    if expected == math.inf:
        raise OverBudgetError("no simulation reaches a mean time beyond 1e308")
    speed, rough = measured_speed(problem, step, threads, TRIAL_SHARE * allowance.left, device)
    if expected is None:
        expected = rough or _pilot(problem, step, speed, allowance, threads)
    affordable = 0.8 * allowance.left * speed * step / WITH_COARSE  # time that all paths together can be followed
    if paths * expected <= affordable:
        return paths
    fewest = min(FEWEST_PATHS, paths)
    if affordable < min(FEWEST_EXITS, fewest) * expected:
        needed = WITH_COARSE * fewest * expected / step / speed
        raise OverBudgetError(f"{fewest} paths would take about {needed:.3g} s of {allowance.left:.0f} s left", needed)
    return max(fewest, int(affordable / expected))


def measured_speed(
    problem: Problem, step: float, threads: int | None, most: float, device: Device = "cpu"
) -> tuple[float, float | None]:
    """Path-steps per second of this problem on this machine, and a rough mean time if enough trial paths left.

    Runs of a few paths grow until one takes TRIAL_SECONDS; the first, which compiles, is not counted.
    """
    on: Device = "cuda" if device == "cuda" else "cpu"
    steps, count = 4, CARD_PATHS if on == "cuda" else TRIAL_PATHS * thread_count(threads)
    _trial(problem, step, steps, count, threads, on)
    allowance = Allowance(max(most, TRIAL_SECONDS))
    while True:
        sample, spent = _trial(problem, step, steps, count, threads, on)
        done = max(float(sample.times.sum()) / step, 1.0)
        if spent >= TRIAL_SECONDS or 4 * spent > allowance.left or sample.exits.size == count:
            out = int(sample.exits.size)
            return done / max(spent, 1e-6), float(sample.times.sum() / out) if out >= count / 2 else None
        steps *= 4


def _trial(
    problem: Problem, step: float, steps: int, count: int, threads: int | None, device: Device = "cpu"
) -> tuple[Any, float]:
    began = clock.perf_counter()
    sample = exit_times(
        problem.sde, problem.start, problem.target, count, step, 0, steps * step, threads=threads, walls=problem.walls,
        device=device,
    )  # fmt: skip
    return sample, clock.perf_counter() - began


def _pilot(problem: Problem, step: float, speed: float, allowance: Allowance, threads: int | None) -> float:
    """A rough mean exit time over a short horizon, where no other route gives one."""
    steps = max(1000, int(TRIAL_SHARE * allowance.left * speed / TRIAL_PATHS))
    sample, _ = _trial(problem, step, steps, TRIAL_PATHS, threads)
    exits = int(sample.exits.size)
    if exits < 10:
        raise OverBudgetError(
            f"only {exits} of {TRIAL_PATHS} trial paths left within t = {steps * step:.3g}: the escape is too rare"
        )
    return float(sample.times.sum() / exits)
