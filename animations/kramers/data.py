"""What the film ``kramers`` holds, and how it is computed; the renderers read it and compute no physics.

survival = 1 - exits(t)/N within +- sqrt(ln(2/0.05)/(2 N))        (Massart 1990: the whole curve, 95 %)
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar

import numpy as np

from animations.film.clock import Clock
from animations.film.data import FINER, barrier_of, follow, require_affordable, staying, step_of, window_of
from animations.film.fields import Array, FilmData, Pieces
from animations.film.film import scheduled
from animations.film.noises import formula_for
from animations.kramers.film import KramersFilm, Shot
from fpsim.fields import Kept
from landscapes.progress import Progress

HORIZON = 2.2
"""Length of a shot, in mean escape times."""
SETTLED = 1.25
"""Length of a shot under a schedule, in times until it settles."""
DRAWN = 1e-3
"""L1 error of the density under a schedule that the time steps may make: less than can be seen."""
ROUTE_STEPS = 6e8
"""Path-steps spent on the Monte Carlo route of one shot."""
CELLS, BINS, CURVE, LOOKS = 600, 40, 600, 200


@dataclass(frozen=True)
class ShotData:
    """Everything that is drawn of one shot.

    Attributes:
        label, noise, problem: in words.
        law: the noise in Typst's mathematics; empty where it has no short formula.
        start, target, barrier: positions.
        band: half width of the simultaneous 95 % band of ``survivors / particles`` (Massart 1990).
        window: (x low, x high, loss low, loss high) worth drawing.
        routes: to the mean escape time; an error is one sigma or a bound, 0 if not known.
        failed: assumptions of the formula that do not hold.
        units: of the clock, "time" or "iterations".
        scale: what the noise is proportional to, "T" or "eta/S"; its value is ``strength``.

    Under a schedule there are no mean times and no routes to them; ``formula_survival`` is the quasi-static one.
    """

    label: str
    noise: str
    law: str
    problem: str
    start: float
    target: float
    barrier: float
    band: float
    window: tuple[float, float, float, float]
    routes: tuple[str, ...]
    failed: tuple[str, ...]
    route_mean: Annotated[Array, Kept("route", "time", "mean escape time")]
    route_error: Annotated[Array, Kept("route", "time", "error of the mean escape time")]
    time: Annotated[Array, Kept("frame", "time", "learning rate * iterations")]
    positions: Annotated[Array, Kept("frame particle", "", "position")]
    exit_times: Annotated[Array, Kept("particle", "time", "first time in the target, infinite if not within the film")]
    survivors: Annotated[Array, Kept("frame", "", "particles that have never been in the target")]
    survival: Annotated[Array, Kept("frame", "", "chance never to have been in the target, on the grid")]
    formula_survival: Annotated[Array, Kept("frame", "", "exponential of the formula's time")]
    x: Annotated[Array, Kept("cell", "", "cell centres")]
    density: Annotated[Array, Kept("frame cell", "1/length", "probability density")]
    current: Annotated[Array, Kept("frame", "1/time", "probability current at the barrier towards the target")]
    edges: Annotated[Array, Kept("edge", "", "edges of the bins")]
    histogram: Annotated[Array, Kept("frame bin", "1/length", "density of the particles")]
    curve_x: Annotated[Array, Kept("curve", "", "where the loss is drawn")]
    curve_loss: Annotated[Array, Kept("curve", "", "loss")]
    strength: Annotated[Array, Kept("frame", "", "strength of the noise")] = field(default_factory=lambda: np.zeros(0))
    scale: str = ""
    units: str = "time"

    @property
    def scheduled(self) -> bool:
        """Whether the noise's strength follows a schedule."""
        return not self.routes

    @property
    def particles(self) -> int:
        """Number of particles."""
        return int(self.exit_times.size)

    def tau(self, route: str) -> tuple[float, float]:
        """Mean escape time and its error by one route."""
        i = self.routes.index(route)
        return float(self.route_mean[i]), float(self.route_error[i])


@dataclass(frozen=True)
class KramersData(FilmData):
    """Acts of one or two shots, in the order in which they are shown, with ``seconds`` for all of them.

    Each act stands still for some frames before it starts and after it ends: ``standing`` holds both numbers per act.
    """

    film: ClassVar[str] = "kramers"
    gathered: ClassVar[bool] = False

    acts: Annotated[
        tuple[tuple[ShotData, ...], ...], Pieces(ShotData, "shot", own_dims=True, told="; {label}, {noise}")
    ]
    seconds: float
    seed: int
    standing: tuple[tuple[int, int], ...]

    @property
    def rate(self) -> float:
        """Pictures per second."""
        return self.frames / self.seconds

    def frames_of(self, act: int) -> int:
        """Frames of one act, those in which it stands still included."""
        return int(self.acts[act][0].time.size) + sum(self.standing[act])

    @property
    def frames(self) -> int:
        """Frames of the whole film."""
        return sum(self.frames_of(act) for act in range(len(self.acts)))

    def moment(self, act: int, frame: int) -> int:
        """Which of an act's moments its ``frame`` shows."""
        return min(max(frame - self.standing[act][0], 0), self.acts[act][0].time.size - 1)

    def ratio(self, act: int) -> float:
        """Mean escape time of an act's second shot over that of its first, by quadrature."""
        first, second = self.acts[act]
        return second.tau("quadrature")[0] / first.tau("quadrature")[0]


def compute(film: KramersFilm, progress: Progress) -> KramersData:
    """All that will be drawn."""
    count, done = sum(map(len, film.acts)), 0
    acts, standing = [], []
    for i, act in enumerate(film.acts):
        frames = film.frames * (i + 1) // len(film.acts) - film.frames * i // len(film.acts)
        standing.append((int(film.before * frames), int(film.after * frames)))
        shots = []
        for shot in act:
            shots.append(_shot(film, shot, frames - sum(standing[-1]), film.seed + done))
            done += 1
            progress(done / count)
        acts.append(tuple(shots))
    return KramersData(tuple(acts), float(film.seconds), film.seed, tuple(standing))


def _shot(film: KramersFilm, shot: Shot, frames: int, seed: int) -> ShotData:
    problem: Any = shot.problem
    particles, moving = film.particles, scheduled(problem)
    routes, failed = ({}, ()) if moving else _routes(problem, film.paths, seed)
    end = film.horizon or (_settling(problem.sde, problem) if moving else HORIZON * routes["quadrature"][0])
    step = _scheduled_step(problem, end) if moving else step_of(problem)
    require_affordable(end / HORIZON, particles, end, step)
    time, positions, exits = follow(problem, particles, frames, end, step, seed, Clock.of(film.clock))
    barrier = barrier_of(problem)
    if moving:
        x, density, current, survival, guessed, failed = _under_schedule(problem, time, barrier)
    else:
        x, density, current, survival = _densities(problem, time, barrier)
        guessed = np.exp(-time / routes.get(formula_for(problem.sde.noise), (math.nan, 0.0))[0])
    scale, strength = _strength(problem.sde, time, moving)
    window = window_of(problem, (x[0], x[-1]))
    curve = np.linspace(window[0], window[1], CURVE)
    edges = np.linspace(window[0], window[1], BINS + 1)
    histogram = np.array([np.histogram(row, edges)[0] for row in positions]) / (particles * (edges[1] - edges[0]))
    return ShotData(
        label=shot.label, noise=shot.noise, law=shot.law, problem=str(problem), start=problem.start[0],
        target=problem.target.value, barrier=barrier, band=math.sqrt(math.log(2 / 0.05) / (2 * particles)),
        window=window, routes=tuple(routes), failed=failed,
        route_mean=np.array([mean for mean, _ in routes.values()]),
        route_error=np.array([error for _, error in routes.values()]),
        time=time, positions=positions, exit_times=exits, survivors=staying(exits, time), survival=survival,
        formula_survival=guessed, strength=strength, scale=scale,
        units=problem.sde.units if moving else "time", x=x, density=density, current=current, edges=edges,
        histogram=histogram, curve_x=curve, curve_loss=problem.sde.landscape.loss(curve[None]),
    )  # fmt: skip


def _strength(sde: Any, time: Array, moving: bool) -> tuple[str, Array]:
    """What the noise is proportional to, and its value at all times; NaN where it has no single strength."""
    name, value = sde.scale if moving else sde.noise.strength or ("", math.nan)
    return name, value * (sde.strength(time) if moving else np.ones(time.size))


def _routes(problem: Any, paths: int, seed: int) -> tuple[dict[str, tuple[float, float]], tuple[str, ...]]:
    """Mean escape times with errors by each route, and assumptions of the formula that fail."""
    step = step_of(problem)
    found = {"quadrature": problem.by_quadrature(), "grid": problem.by_grid()}
    affordable = int(min(paths, ROUTE_STEPS / 1.5 * step / found["quadrature"].mean))
    if affordable >= 100:
        found["paths"] = problem.by_paths(affordable, step, seed)
    name = formula_for(problem.sde.noise)
    failed: tuple[str, ...] = ()
    try:
        found[name] = problem.by_formula(name)
        failed = tuple(a.statement for a in found[name].violated)
    except ValueError as error:  # the formula does not apply here; the film says so and goes on without it
        failed = (str(error),)
    return {key: (route.mean, route.error) for key, route in found.items()}, failed


def _densities(problem: Any, time: Array, barrier: float) -> tuple[Array, Array, Array, Array]:
    """Cell centres (cells,), density (frames, cells), current at the barrier (frames,) and survival (frames,)."""
    from fpsim.density.automatic import automatic_grid
    from fpsim.density.fokker_planck import FokkerPlanck

    grid = automatic_grid(problem.sde, problem.point, None, CELLS)
    solver = FokkerPlanck(problem.sde, grid)
    fitted = FokkerPlanck(problem.sde, automatic_grid(problem.sde, problem.point, problem.target, CELLS))
    density = solver.evolve(problem.point, time).density.values
    x, direction = grid.centers(0), problem.target.direction
    current = np.array([direction * np.interp(barrier, x, solver.current(p).current.values[0]) for p in density])
    survival = fitted.survival(problem.point, problem.target, time).survival.values
    return x, density, current, survival


# --- under a schedule -------------------------------------------------------------------------------------------------


def _settling(plan: Any, problem: Any) -> float:
    """A time after which the schedule has settled; where it never does, some mean times of its strongest break."""
    if 0 < plan.settled < math.inf:
        return float(SETTLED * plan.settled)
    strongest = max([0.0, *plan.breaks], key=lambda t: float(plan.strength(t)))
    fastest = _moment(problem, strongest).by_quadrature().mean / plan.pace(strongest)
    return float(max(SETTLED * max(plan.breaks, default=0.0), HORIZON * fastest))


def _moment(problem: Any, time: float) -> Any:
    """The escape under what the schedule says at this time."""
    from fpsim.escape import EscapeProblem

    return EscapeProblem(problem.sde.at(time), list(problem.start), problem.target)


def _scheduled_step(problem: Any, end: float) -> float:
    """The step of the particles in the schedule's clock: fine enough at every moment."""
    plan, times = problem.sde, np.linspace(0.0, end, LOOKS)
    strength = plan.strength(times)
    finest = min(_moment(problem, times[k]).default_step for k in (np.argmin(strength), np.argmax(strength)))
    return float(finest / plan.pace(times).max() * (1.0 if plan.sde.noise.is_constant else FINER))


def _under_schedule(
    problem: Any, time: Array, barrier: float
) -> tuple[Array, Array, Array, Array, Array, tuple[str, ...]]:
    """As :func:`_densities`, with the quasi-static survival (frames,) and its assumptions that fail."""
    from fpsim.density.automatic import automatic_grid
    from fpsim.density.fokker_planck import FokkerPlanck

    plan, point = problem.sde, np.array(problem.start)
    times = np.linspace(0.0, time[-1], LOOKS)
    strongest = plan.at(times[np.argmax(plan.strength(times))])
    grid = automatic_grid(strongest, point, None, CELLS)
    density = FokkerPlanck(plan, grid).evolve(point, time, tolerance=DRAWN).density.values
    x, direction = grid.centers(0), problem.target.direction
    flows = [FokkerPlanck(plan.at(t), grid).current(p).current.values[0] for t, p in zip(time, density, strict=True)]
    current = direction * plan.pace(time) * np.array([np.interp(barrier, x, flow) for flow in flows])
    fitted = FokkerPlanck(plan, automatic_grid(strongest, point, problem.target, CELLS))
    survival = fitted.survival(point, problem.target, time).survival.values
    guessed = problem.quasi_static(time[1:])
    supposed = np.concatenate([[1.0], guessed.chance])
    return x, density, current, survival, supposed, tuple(check.statement for check in guessed.violated)
