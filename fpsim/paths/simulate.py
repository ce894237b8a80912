"""Random paths of an SDE by the Euler-Maruyama scheme,

    X_{n+1} = X_n + b(X_n) h + sqrt(2 h D(X_n)) Z_n     (strong order 1/2, or 1 for constant D; weak order 1).

Maruyama 1955; orders: Kloeden and Platen, "Numerical Solution of Stochastic Differential Equations", theorems 10.2.2
and 14.1.5.  Paths run in blocks on a pool of threads; their numbers depend on neither.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from fpsim.cuda.device import Device, check_fast_math, chosen
from fpsim.kernels.pacing import Watch
from fpsim.kernels.random_numbers import seed_words
from fpsim.memory import require_memory
from fpsim.paths.chunks import FRAME_BYTES, ChunkedRun
from fpsim.paths.clocked_body import clocked
from fpsim.paths.composed import has_text
from fpsim.paths.edges import start_edges
from fpsim.paths.ensembles import Moments, Paths
from fpsim.paths.run import Keep
from fpsim.paths.step import EULER, Scheme, check_drift, check_precision, check_scheme, check_step, require_count
from fpsim.paths.threads import in_order, thread_count
from fpsim.schedules.clocked import Clocked
from fpsim.schedules.scheduled import Scheduled, require_clock
from fpsim.sde.gates import require_open
from fpsim.sde.sde import SDE, require_sde
from fpsim.sde.underdamped import Underdamped
from fpsim.sde.wide import Jumping, widened, widened_start
from fpsim.walls import as_walls
from landscapes.progress import Progress, shows_progress

Array = NDArray[Any]
PILOT = 256


@shows_progress("paths")
def simulate(
    sde: SDE | Scheduled,
    start: Any,
    duration: float,
    step: float,
    paths: int = 1000,
    save_every: int | None = None,
    seed: int = 0,
    threads: int | None = None,
    boundary: Any = None,
    keep: Keep = "paths",
    dtype: DTypeLike = np.float64,
    progress: Progress = None,
    device: Device = "cpu",
    scheme: Scheme = EULER,
    fast_math: bool = False,
) -> Paths | Moments:
    """Simulate an ensemble of paths.

    Args:
        sde: what to integrate; under a :class:`fpsim.Scheduled` one, duration and step are in units of its clock.
        start: a point, an array (d, paths), or a callable of uniforms (d, n) -> points (d, n).
        duration: total time; rounded up to whole steps.
        step: time step h.
        paths: number of paths.
        save_every: keep every k-th step (and the start); default: about 100 times, or only the last for ``"final"``.
        seed: integer in [0, 2^64).  A path depends on seed and its own number only.
        threads: worker threads; default all cores.
        boundary: ``None``, ``"reflecting"`` or ``"periodic"`` (walls on the landscape's box), or
            :class:`fpsim.walls.Walls`.
        keep: ``"paths"``, ``"final"`` (last states only) or ``"moments"`` (mean to fourth moment, no paths in memory).
        dtype: float64 or float32 (faster; for steps whose increments stay above 1e-6 |x|).  Plain Python functions run
            in float64 and are rounded at the end.
        progress: ``True`` for a bar, or called with the finished share in [0, 1].
        device: ``"cpu"``, ``"cuda"`` (an NVIDIA GPU, through the extra ``gpu``: the same paths up to rounding), or
            ``"auto"``: the GPU for work worth its start (:data:`fpsim.cuda.device.WORTH`) where one is.
        scheme: ``"euler-maruyama"``, or for constant D in free space ``"weak-2"``, of weak order 2: means have a bias
            of O(h^2) for two drifts and one normal a step (Kloeden and Platen 1992, section 15.1).
        fast_math: on a GPU in float32, make the normals by its own log, sin, cos and square root: within 1e-5 of the
            strict ones, but for one in a thousand, within 1e-3 (:mod:`fpsim.cuda.fast_normals`).  Divisions and square
            roots of formulas are then good to two units of the last place; their other functions stay as they are.

    Returns:
        :class:`Paths`, or :class:`Moments` for ``keep="moments"``.

    Raises:
        DivergenceError: when a path leaves the finite numbers, or the landscape's domain; names path, step and time.
        ValueError: for impossible arguments.
    """
    check_step(step)
    sde, boundary = _fenced(sde, boundary)
    if not (np.isfinite(duration) and duration > 0):
        raise ValueError(f"duration must be a positive number (a time); got {duration!r}")
    wide = _wide(sde, duration, step, dtype, scheme)
    if wide is not None:
        return _widened(
            wide, sde, start, duration, step, paths, save_every, seed, threads, boundary, keep, dtype, progress, device,
            fast_math,
        )  # fmt: skip
    require_sde(sde, "simulate")
    assert not isinstance(sde, Scheduled)
    start = sde.started(start)
    check_drift(sde)
    require_open(sde)
    require_count(paths, "paths")
    if keep not in ("paths", "final", "moments"):
        raise ValueError(f"keep must be 'paths', 'final' or 'moments'; got {keep!r}")
    check_precision(dtype)
    check_fast_math(fast_math, device, dtype)
    seed_words(seed)
    steps = max(1, int(np.ceil(duration / step - 1e-9)))
    every = steps if keep == "final" else save_every if save_every is not None else max(1, steps // 100)
    if not (isinstance(every, int | np.integer) and every >= 1):
        raise ValueError(f"save_every counts steps and must be a whole number >= 1; got {save_every!r}")
    walls = boundary if isinstance(sde, Clocked | Jumping) else as_walls(boundary, sde.landscape)
    precision, edges = np.dtype(dtype), start_edges(sde, start, walls, seed)
    check_scheme(scheme, sde, edges)
    work = float(paths) * steps * sde.dimension
    written = partial(has_text, sde, 0.0 if edges or scheme != EULER else work, precision)
    on = chosen(device, work, written)
    run = ChunkedRun(
        sde, start, float(step), steps, int(every), int(paths), seed, edges, keep, precision, on, scheme, fast_math
    )
    return _collected(run, threads, progress)


def _fenced(sde: SDE | Scheduled, boundary: Any) -> tuple[SDE | Scheduled, Any]:
    """Motion with inertia takes the walls into its own step, and none are left."""
    body = sde.sde if isinstance(sde, Scheduled) else sde
    if boundary is None or not isinstance(body, Underdamped):
        return sde, boundary
    body = body.between(boundary)
    return replace(sde, sde=body) if isinstance(sde, Scheduled) else body, None


def _wide(
    sde: SDE | Scheduled, duration: float, step: float, dtype: DTypeLike, scheme: Scheme
) -> Clocked | Jumping | None:
    """The state with more than the place that a step of this SDE needs, or ``None``."""
    if isinstance(sde, Scheduled):
        if scheme != EULER:
            raise ValueError(
                f"scheme='{scheme}' is for a D that stays the same, and here a schedule changes it; omit it"
            )
        check_drift(sde.sde)
        if not (sde.clock == "iterations" and step == 1):  # SGD's own steps jump over points without noise
            require_open(sde.sde)
        require_clock(sde, duration, dtype)
        return clocked(sde, float(step), duration)
    if isinstance(sde, Jumping | Clocked) or not isinstance(sde, SDE) or scheme != EULER:
        return None
    return widened(sde)


def _widened(
    wide: Clocked | Jumping, plain: SDE | Scheduled, start: Any, duration: float, step: float, paths: int,
    save_every: int | None, seed: int, threads: int | None, boundary: Any, keep: Keep, dtype: DTypeLike,
    progress: Callable[[float], None] | None, device: Device, fast_math: bool,
) -> Paths | Moments:  # fmt: skip
    """Paths of a wider state, of which only the places are left in the result."""
    d, more, walls = plain.dimension, wide.dimension - plain.dimension, as_walls(boundary, plain.landscape)
    if isinstance(plain, Scheduled):
        start = plain.sde.started(start)
        walls = walls if plain.sde.inertia is None else plain.sde.inertia.fences
    found = simulate(
        wide, widened_start(start, d, more), duration, step, paths, save_every, seed, threads,
        None if walls is None else walls.widened(more), keep, dtype, progress, device, EULER, fast_math,
    )  # fmt: skip
    facts = {**found.settings, "boundary": "none" if walls is None else str(walls)}
    if isinstance(facts["start"], list):
        facts["start"] = facts["start"][:d]
    if isinstance(plain, Scheduled):
        facts["units"] = plain.units
    if isinstance(found, Paths):
        return replace(found, x=found.x[..., :d], settings=facts)
    moments = {name: getattr(found, name)[:, :d] for name in ("mean", "variance", "third", "fourth")}
    return replace(found, settings=facts, **moments)


def _collected(run: ChunkedRun, threads: int | None, progress: Callable[[float], None] | None) -> Paths | Moments:
    """All chunks of a run in one result."""
    d, threads = run.sde.dimension, 1 if run.device == "cuda" else threads
    times = run.frames + 1 if run.keep == "paths" else 1
    _require_memory(run, times, thread_count(threads))
    time = np.minimum(np.arange(run.frames + 1) * run.every, run.steps) * run.step
    x = np.empty((times, run.paths, d), dtype=run.dtype) if run.keep != "moments" else None
    sums = np.zeros((run.frames + 1, 4, d) if x is None else (0, 4, d))
    pilot = replace(run, paths=min(run.paths, PILOT), keep="paths")
    watch = Watch(float(run.steps) * (run.paths + (pilot.paths if x is None else 0)), progress)
    origin = sums[:, 0] if x is not None else _rough_mean(pilot, watch)

    pace = run.pace()

    def work(chunk: tuple[int, int]) -> Array:
        return run.march(chunk, watch, pace, origin, None if x is None else x[:, slice(*chunk)])

    for _, _, piece in in_order(run.chunks(), work, threads, watch):
        if x is None:
            sums += piece
    watch.report()
    if x is None:
        return Moments.from_sums(time, sums, origin, run.paths, run.settings())
    return Paths(time if run.keep == "paths" else time[-1:], x, run.settings())


def _rough_mean(pilot: ChunkedRun, watch: Watch) -> Array:
    """Mean of the first 256 paths, (times, d): powers about it keep their digits wherever the ensemble goes."""
    found = _Means(np.empty((pilot.frames + 1, pilot.sde.dimension)))
    pilot.march((0, pilot.paths), watch, pilot.pace(), np.empty((0, 0)), found)
    return found.mean


@dataclass(frozen=True)
class _Means:
    """Takes frames (..., paths, d) as an array does, and keeps their means (times, d)."""

    mean: Array

    def __setitem__(self, times: int | slice, x: Array) -> None:
        """Frames at some times."""
        self.mean[times] = x.mean(axis=-2, dtype=float)


def _require_memory(run: ChunkedRun, times: int, threads: int) -> None:
    """Refuse a result that does not fit, before anything of its size is made."""
    d, frames = run.sde.dimension, run.frames + 1
    if run.keep == "moments":
        pilot = min(frames * min(run.paths, PILOT) * d * run.dtype.itemsize, FRAME_BYTES) + 8 * frames * d
        size, advice = frames * 4 * d * 8 * (3 * threads + 2) + pilot, "use a larger save_every"
        require_memory(size, f"the moments at {frames} times", advice)
    else:
        size = times * run.paths * d * run.dtype.itemsize
        advice = "use a larger save_every, or keep='moments' or 'final'" if run.keep == "paths" else "use fewer paths"
        require_memory(size, "the paths", advice)
