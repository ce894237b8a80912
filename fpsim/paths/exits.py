"""Exit times by Monte Carlo:  T = inf {t : X_t in the target}, with a standard error and honest censoring.

Watched only at the steps, an exit is seen O(sqrt h) too late; the Brownian-bridge test between the steps restores weak
order 1 (Gobet 2000).  A discrete chain (SGD itself) needs no such test: it exits when a step lands in the target.
Paths that have not arrived at the horizon are censored; what follows is told from the exit rate seen late in the run,
if that has settled (:mod:`fpsim.paths.censoring`).
"""

from __future__ import annotations

import math
import time as clock
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from fpsim.cuda.device import Device, check_fast_math
from fpsim.kernels.random_numbers import seed_words
from fpsim.memory import require_memory
from fpsim.paths.edges import Edges, start_edges
from fpsim.paths.enclosure import enclosed, lengths_met
from fpsim.paths.exit_run import ExitRun
from fpsim.paths.exit_sample import ExitSample, sample_of
from fpsim.paths.starts import start_points
from fpsim.paths.step import check_drift, check_precision, check_step, require_count
from fpsim.schedules.clocked import Clocked
from fpsim.schedules.scheduled import Scheduled, require_clock
from fpsim.sde.sde import SDE, require_sde
from fpsim.sde.wide import Jumping, PlaceOf, widened, widened_start
from fpsim.targets import Point, Target, as_target
from fpsim.walls import Walls
from landscapes.progress import Progress, shows_progress

Array = NDArray[Any]


@shows_progress("exits")
def exit_times(
    sde: SDE | Scheduled,
    start: Any,
    target: Any,
    paths: int,
    step: float,
    seed: int = 0,
    horizon: float = np.inf,
    bridge: bool = True,
    threads: int | None = None,
    walls: Walls | None = None,
    dtype: DTypeLike = np.float64,
    coarse: bool = False,
    progress: Progress = None,
    deadline: float = math.inf,
    device: Device = "cpu",
    fast_math: bool = False,
) -> ExitSample:
    """Follow every path until it enters ``target`` or the horizon ends.

    Args:
        sde, start, seed, threads, dtype: as in :func:`fpsim.simulate`; under a schedule the horizon is finite.
        target: where paths end, as in :class:`fpsim.EscapeProblem`.
        paths, step: how many, and the time step.
        horizon: longest time to follow a path; rounded up to four steps.
        bridge: correct for crossings between steps; ``False`` for a discrete chain (and whatever is said, for jumps).
        walls: reflecting or periodic walls.
        coarse: draw from a second, independent stream (for the run that measures the step bias).
        progress: ``True`` for a bar, or called with the finished share of the paths.
        deadline: seconds from now, by the clock on the wall, after which all paths stop where they are (within about
            half a second).  The sample then has one horizon that all its paths were followed for, and holds the paths
            that were begun in time for it (:mod:`fpsim.paths.deadline`); ``settings["stopped"]`` says how many of how
            many. A run that ends before its deadline is the same as without one.
        device, fast_math: as in :func:`fpsim.simulate`; ``"auto"`` takes an exit to last 1000 steps, or up to the
            horizon.

    Raises:
        DivergenceError: when a path leaves the finite numbers.
        ValueError: if a start lies in the target, for impossible arguments, or if the deadline came before four steps
            were done.
    """
    wide = _wide(sde, horizon, step, dtype)
    if wide is not None:
        return _widened(
            wide, sde, start, target, paths, step, seed, horizon, bridge, threads, walls, dtype, coarse, progress,
            deadline, device, fast_math,
        )  # fmt: skip
    require_sde(sde, "exit_times")
    assert not isinstance(sde, Scheduled)
    sde = sde if walls is None else sde.between(walls)
    start = sde.started(start)
    bridge = bridge and not sde.noise.leaps
    ends = clock.perf_counter() + check_deadline(deadline)
    _check(sde, start, paths, step, seed, horizon, dtype)
    check_fast_math(fast_math, device, dtype)
    edges = start_edges(sde, start, walls, seed)
    points = start_points(start, sde.dimension, 0, int(paths), seed)
    watched = _watched(sde, target, edges, points, bridge, step)
    quads = int(np.clip(np.ceil(horizon / (4 * step) - 1e-9), 1, 2**45)) if np.isfinite(horizon) else 2**45
    work = ExitRun(
        sde, points, watched, int(paths), float(step), seed, quads, bridge, edges, np.dtype(dtype), coarse, ends,
        fast_math,
    )  # fmt: skip
    found, facts = work.followed(device, horizon, threads, progress)
    if edges.walls is not None:  # places lie between two ends of a free step
        out = np.isfinite(found.times)
        found.places[out] = edges.walls.fold(found.places[out].T).T
    return sample_of(found, horizon, quads, float(step), deadline, facts)


def _check(sde: SDE, start: Any, paths: int, step: float, seed: int, horizon: float, dtype: DTypeLike) -> None:
    """Numbers that are possible, and exits that fit into memory; ``ValueError`` else."""
    check_step(step)
    require_count(paths, "paths")
    if not horizon > 0:
        raise ValueError(f"the horizon must be a positive time; got {horizon!r}")
    check_precision(dtype)
    check_drift(sde)
    seed_words(seed)
    size = 8 * int(paths) * (sde.dimension * (3 if callable(start) else 1) + 6)
    require_memory(size, "the exits", "use fewer paths")


def _watched(sde: SDE, target: Any, edges: Edges, points: Array, bridge: bool, step: float) -> Target:
    """The target between walls and edges, in which no start lies and over which no step jumps."""
    edges.require(points)
    target = sde.goal(target, points[:, 0])
    watched = enclosed(target, edges, bridge)
    inside = np.asarray(watched.level(points)) >= 0
    if inside.any():
        raise ValueError(f"{int(inside.sum())} start points already lie in the target ({target}); choose others")
    if bridge:
        require_fine_step(sde, watched, edges, step)
    return watched


def _wide(sde: SDE | Scheduled, horizon: float, step: float, dtype: DTypeLike) -> Clocked | Jumping | None:
    """The state with more than the place that a step of this SDE needs, or ``None``."""
    if isinstance(sde, Scheduled):
        if not np.isfinite(horizon):
            raise ValueError("under a schedule paths need a horizon: it may well keep some of them for ever")
        sde.refuse_inertia("exit_times")
        check_drift(sde.sde)
        require_clock(sde, horizon, dtype)
        return Clocked(sde, check_step(step), horizon)
    return None if isinstance(sde, Jumping | Clocked) or not isinstance(sde, SDE) else widened(sde)


def _widened(
    wide: Clocked | Jumping, plain: SDE | Scheduled, start: Any, target: Any, paths: int, step: float, seed: int,
    horizon: float, bridge: bool, threads: int | None, walls: Walls | None, dtype: DTypeLike, coarse: bool,
    progress: Callable[[float], None] | None, deadline: float, device: Device, fast_math: bool,
) -> ExitSample:  # fmt: skip
    """Exits of a wider state, of which only the places are left in the result."""
    d = plain.dimension
    more = wide.dimension - d
    first = start_points(start, d, 0, 1, seed)[:, 0]
    goal = as_target(target, first)
    edge = goal.edge(first) if d == 1 and walls is None else None
    if edge is not None and bridge and not wide.noise.leaps:  # a continuous path meets the near end first
        goal = Point(edge, float(first[0]))
    found = exit_times(
        wide, widened_start(start, d, more), PlaceOf(goal, d), paths, step, seed, horizon, bridge, threads,
        None if walls is None else walls.widened(more), dtype, coarse, progress, deadline, device, fast_math,
    )  # fmt: skip
    units = {"units": plain.units} if isinstance(plain, Scheduled) else {}
    return replace(found, places=found.places[:, :d], settings={**found.settings, **units})


def require_fine_step(sde: SDE, target: Target, edges: Edges, step: float) -> None:
    """Refuse steps whose kick is longer than a ball's radius or the box, which a path would jump over unseen."""
    if sde.inertia is not None:  # a body's flight is followed through any image of its box
        return
    at, ball = edges.origin[:, None], target.ball()
    if ball is not None:
        away = at - ball[0][:, None]
        at = np.concatenate([at, at - (1 - ball[1] / np.linalg.norm(away)) * away], axis=1)
    found = lengths_met(target, edges.walls)
    if not found:
        return
    tensor = np.moveaxis(sde.diffusion(edges.evaluable(at)), -1, 0)
    for axis, length in found:
        strength = float((np.linalg.eigvalsh(tensor) if axis is None else tensor[:, axis, axis]).max())
        kick = float(np.sqrt(2 * step * strength))
        if kick > length:
            what = "the target's radius" if axis is None else "the box between walls"
            raise ValueError(
                f"a step of {step:g} kicks paths by about {kick:.3g}, past {what} of {length:g}, where exits between "
                f"two steps cannot be told; use step <= {length**2 / (32 * strength):.2g}"
            )


def check_deadline(deadline: float) -> float:
    """A positive number of seconds, or ``ValueError``."""
    if not deadline > 0:
        raise ValueError(f"the deadline must be a positive number of seconds; got {deadline!r}")
    return float(deadline)
