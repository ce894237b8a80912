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
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import DTypeLike, NDArray

from fpsim.cuda.device import EXIT_STEPS, Device, chosen
from fpsim.kernels.random_numbers import seed_words
from fpsim.memory import require_memory
from fpsim.paths.censoring import CensoredMean, censored_mean
from fpsim.paths.composed import why_numpy
from fpsim.paths.deadline import common_horizon
from fpsim.paths.edges import Edges, start_edges
from fpsim.paths.enclosure import enclosed, smallest_length
from fpsim.paths.exit_pool import Exits
from fpsim.paths.exit_run import ExitRun
from fpsim.paths.starts import start_points
from fpsim.paths.step import check_drift, check_precision, check_step, compiled_step, compiled_wall, require_count
from fpsim.paths.threads import thread_count
from fpsim.schedules.clocked import Clocked
from fpsim.schedules.scheduled import Scheduled, require_clock
from fpsim.sde.sde import SDE, require_sde
from fpsim.sde.underdamped import Underdamped
from fpsim.sde.wide import Jumping, PlaceOf, widened, widened_start, widened_walls
from fpsim.storage import Stored, dataset, facts_of
from fpsim.targets import Point, Target, as_target
from fpsim.walls import Walls
from landscapes.progress import Progress, shows_progress

if TYPE_CHECKING:
    import xarray

Array = NDArray[Any]


@dataclass(frozen=True, repr=False)
class ExitSample(Stored):
    """Single exits.

    Attributes:
        times: (paths,) exit times; ``horizon`` for censored paths.
        places: (paths, d) where each path left; for censored paths, where they were last seen.
        censored: (paths,) whether the path had not arrived at the horizon.
        horizon: longest time a path was followed (infinite: until it was out).
        step: time step.
        settings: everything else.
    """

    times: Array
    places: Array
    censored: Array
    horizon: float
    step: float
    settings: dict[str, Any] = field(default_factory=dict)

    @property
    def exits(self) -> Array:
        """Times of the paths that left."""
        return np.asarray(self.times[~self.censored])

    def mean_and_error(self) -> tuple[float, float]:
        """Mean exit time and its standard error; censored paths enter through an exponential tail.

        The error holds the sampling error and, where paths are censored, what a rate that still changes at the horizon
        would add (:mod:`fpsim.paths.censoring`).

        Raises:
            ValueError: if the late part of the horizon cannot tell what follows it.
        """
        found = self.censored_mean()
        return found.mean, math.hypot(found.standard_error, found.tail_error)

    def censored_mean(self) -> CensoredMean:
        """Mean, standard error and what is known beyond the horizon; raises as :meth:`mean_and_error`."""
        return censored_mean(self.times, self.censored, self.horizon)

    def survival(self, points: int = 200) -> tuple[Array, Array, Array]:
        """Survival probability P(T > t) with a simultaneous 95 % band (Dvoretzky-Kiefer-Wolfowitz, Massart 1990).

        Returns:
            (t, probability, half width of the band), each (points,).
        """
        t = np.linspace(0, float(self.times.max()), points)
        probability = 1 - np.searchsorted(np.sort(self.exits), t, side="right") / self.times.size
        return t, probability, np.full(points, np.sqrt(np.log(2 / 0.05) / (2 * self.times.size)))

    def __str__(self) -> str:
        """Mean exit time with its error, how many left, and the settings."""
        out, paths = int(self.exits.size), self.times.size
        units = self.settings.get("units", "time")
        try:
            mean, error = self.mean_and_error()
            head = f"mean exit time {mean:.6g} +- {error:.2g} {units}"
        except ValueError:
            head = f"{out} of {paths} paths left, too few for a mean exit time"
        lines = [f"{head}; {out} of {paths} paths left" + (f" within t = {self.horizon:g}" if out < paths else "")]
        facts = {"step": self.step, **self.settings}
        return "\n".join(lines + [f"  {key}: {value}" for key, value in facts.items() if key != "problem"])

    def __repr__(self) -> str:
        """The first line of what ``print`` shows."""
        return f"<ExitSample: {str(self).splitlines()[0]}>"

    def plot(self, axes: Any = None) -> Any:
        """Share of paths that have not left, against the exponential law of the same mean."""
        from fpsim.plotting import survival_chart

        return survival_chart(self, self.mean_and_error()[0], axes=axes)

    @classmethod
    def from_xarray(cls, data: xarray.Dataset) -> Self:
        """The inverse of :meth:`to_xarray`; of a saved ``EscapeTime``, its sample."""
        facts = facts_of(data)
        horizon = np.inf if facts["horizon"] is None else float(facts["horizon"])  # JSON has no infinity
        step = float(facts["step"])
        censored = np.asarray(data["censored"].values, dtype=bool)
        return cls(data.exit_time.values, data.exit_place.values, censored, horizon, step, facts["sample_settings"])

    def to_xarray(self) -> xarray.Dataset:
        """Dataset over the dims path and (path, dimension)."""
        entries = {
            "exit_time": ("path", self.times, "time", "exit time (horizon if censored)"),
            "exit_place": (("path", "dimension"), self.places, "", "where the path left"),
            "censored": ("path", self.censored.astype(np.int8), "", "1 if the path had not left at the horizon"),
        }
        facts = {**self.settings, "horizon": self.horizon, "step": self.step}
        return dataset(entries, **facts, sample_settings=self.settings)


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
        device: as in :func:`fpsim.simulate`; ``"auto"`` takes an exit to last 1000 steps, or up to the horizon.

    Raises:
        DivergenceError: when a path leaves the finite numbers.
        ValueError: if a start lies in the target, for impossible arguments, or if the deadline came before four steps
            were done.
    """
    wide = _wide(sde, horizon, step, dtype)
    if wide is not None:
        return _widened(
            wide, sde, start, target, paths, step, seed, horizon, bridge, threads, walls, dtype, coarse, progress,
            deadline, device,
        )  # fmt: skip
    require_sde(sde, "exit_times")
    assert not isinstance(sde, Scheduled)
    if isinstance(sde, Underdamped) and walls is not None:
        sde, walls = sde.between(walls), None
    start = sde.started(start)
    bridge = bridge and not sde.noise.leaps
    ends = clock.perf_counter() + check_deadline(deadline)
    check_step(step)
    require_count(paths, "paths")
    if not horizon > 0:
        raise ValueError(f"the horizon must be a positive time; got {horizon!r}")
    check_precision(dtype)
    check_drift(sde)
    seed_words(seed)
    size = 8 * int(paths) * (sde.dimension * (3 if callable(start) else 1) + 6)
    require_memory(size, "the exits", "use fewer paths")
    edges = start_edges(sde, start, walls, seed)
    points = start_points(start, sde.dimension, 0, int(paths), seed)
    edges.require(points)
    target = sde.goal(target, points[:, 0])
    watched = enclosed(target, edges, bridge)
    inside = np.asarray(watched.level(points)) >= 0
    if inside.any():
        raise ValueError(f"{int(inside.sum())} start points already lie in the target ({target}); choose others")
    if bridge:
        require_fine_step(sde, watched, edges, step)
    quads = int(np.clip(np.ceil(horizon / (4 * step) - 1e-9), 1, 2**45)) if np.isfinite(horizon) else 2**45
    work = ExitRun(
        sde, points, watched, int(paths), float(step), seed, quads, bridge, edges, np.dtype(dtype), coarse, ends
    )
    steps = float(paths) * sde.dimension * min(horizon / step, EXIT_STEPS)
    on, given = chosen(device, steps, sde), 0.0 if edges else steps  # plain functions compile in free space
    advance = compiled_step(sde, step, None, dtype, on, work=given)
    wall = compiled_wall(sde, watched, step, dtype, on, given)
    if on == "cuda" and wall is None:
        raise ValueError(f"a GPU runs formulas, and the target {target} is a plain Python function; use device='cpu'")
    engine = "numpy" if advance is None or wall is None else "cuda" if on == "cuda" else "compiled"
    facts = {"seed": int(seed), "bridge": bridge, "dtype": np.dtype(dtype).name, "engine": engine}
    if advance is None or wall is None:
        facts["numpy"] = why_numpy(sde, steps, not edges)
        found = work.numpy(progress)
    elif engine == "cuda":
        found = work.cuda(advance, wall, progress)
    else:
        found = work.compiled(advance, wall, thread_count(threads), progress)
    if walls is not None:  # places lie between two ends of a free step
        out = np.isfinite(found.times)
        found.places[out] = walls.fold(found.places[out].T).T
    return sample_of(found, horizon, quads, float(step), deadline, facts)


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
    progress: Callable[[float], None] | None, deadline: float, device: Device,
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
        widened_walls(walls, more), dtype, coarse, progress, deadline, device,
    )  # fmt: skip
    units = {"units": plain.units} if isinstance(plain, Scheduled) else {}
    return replace(found, places=found.places[:, :d], settings={**found.settings, **units})


def require_fine_step(sde: SDE, target: Target, edges: Edges, step: float) -> None:
    """Refuse steps whose kick is longer than a ball's radius or the box, which a path would jump over unseen."""
    length = smallest_length(target, edges.walls)
    if not np.isfinite(length):
        return
    at = edges.origin[:, None]
    ball = target.ball()
    if ball is not None:
        away = at - ball[0][:, None]
        at = np.concatenate([at, at - (1 - ball[1] / np.linalg.norm(away)) * away], axis=1)
    strength = float(np.linalg.eigvalsh(np.moveaxis(sde.diffusion(edges.evaluable(at)), -1, 0)).max())
    kick = float(np.sqrt(2 * step * strength))
    if kick > length:
        what = "the target's radius" if ball is not None and length == ball[1] else "the box between walls"
        raise ValueError(
            f"a step of {step:g} kicks paths by about {kick:.3g}, past {what} of {length:g}, where exits between two "
            f"steps cannot be told; use step <= {length**2 / (32 * strength):.2g}"
        )


def check_deadline(deadline: float) -> float:
    """A positive number of seconds, or ``ValueError``."""
    if not deadline > 0:
        raise ValueError(f"the deadline must be a positive number of seconds; got {deadline!r}")
    return float(deadline)


def sample_of(
    found: Exits, horizon: float, quads: int, step: float, deadline: float, facts: dict[str, Any]
) -> ExitSample:
    """Exits in units of time: all of them, or, if the deadline came first, those with one common horizon."""
    times, places = found.times, found.places
    end = 4 * quads * step if np.isfinite(horizon) else np.inf
    if np.isnan(times).any():
        chosen, common = common_horizon(times, found.followed, quads)
        if common == 0:
            raise ValueError(f"no path did four steps in the {deadline:.2g} s that were left for them; give more time")
        times, places, end = times[chosen], places[chosen], 4 * common * step
        times = np.where(times <= 4 * common, times, np.inf)  # NaN is under way
        facts["stopped"] = f"after {deadline:g} s: {times.size} of {chosen.size} paths, followed up to t = {end:g}"
    censored = np.isinf(times)
    return ExitSample(np.where(censored, end, times * step), places, censored, end, step, facts)
