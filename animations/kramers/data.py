"""What the film ``kramers`` holds, and how it is computed; the renderers read it and compute no physics.

survival = 1 - exits(t)/N within +- sqrt(ln(2/0.05)/(2 N))        (Massart 1990: the whole curve, 95 %)
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import numpy as np

from animations.film.clock import Clock
from animations.film.data import barrier_of, follow, require_affordable, staying, step_of, window_of
from animations.film.fields import Array, Drawn, FilmData, Pieces
from animations.film.noises import formula_for
from animations.kramers.film import KramersFilm, Shot
from landscapes.progress import Progress

HORIZON = 2.2
"""Length of a shot, in mean escape times."""
ROUTE_STEPS = 6e8
"""Path-steps spent on the Monte Carlo route of one shot."""
CELLS, BINS, CURVE = 600, 40, 600


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
    route_mean: Annotated[Array, Drawn("route", "time", "mean escape time")]
    route_error: Annotated[Array, Drawn("route", "time", "error of the mean escape time")]
    time: Annotated[Array, Drawn("frame", "time", "learning rate * iterations")]
    positions: Annotated[Array, Drawn("frame particle", "", "position")]
    exit_times: Annotated[Array, Drawn("particle", "time", "first time in the target, infinite if not within the film")]
    survivors: Annotated[Array, Drawn("frame", "", "particles that have never been in the target")]
    survival: Annotated[Array, Drawn("frame", "", "chance never to have been in the target, on the grid")]
    formula_survival: Annotated[Array, Drawn("frame", "", "exponential of the formula's time")]
    x: Annotated[Array, Drawn("cell", "", "cell centres")]
    density: Annotated[Array, Drawn("frame cell", "1/length", "probability density")]
    current: Annotated[Array, Drawn("frame", "1/time", "probability current at the barrier towards the target")]
    edges: Annotated[Array, Drawn("edge", "", "edges of the bins")]
    histogram: Annotated[Array, Drawn("frame bin", "1/length", "density of the particles")]
    curve_x: Annotated[Array, Drawn("curve", "", "where the loss is drawn")]
    curve_loss: Annotated[Array, Drawn("curve", "", "loss")]

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
    particles = film.particles
    routes, failed = _routes(problem, film.paths, seed)
    exact, step = routes["quadrature"][0], step_of(problem)
    require_affordable(exact, particles, HORIZON * exact, step)
    time, positions, exits = follow(problem, film.particles, frames, HORIZON * exact, step, seed, Clock.of(film.clock))
    barrier = barrier_of(problem)
    x, density, current, survival = _densities(problem, time, barrier)
    window = window_of(problem, (x[0], x[-1]))
    curve = np.linspace(window[0], window[1], CURVE)
    edges = np.linspace(window[0], window[1], BINS + 1)
    histogram = np.array([np.histogram(row, edges)[0] for row in positions]) / (particles * (edges[1] - edges[0]))
    formula = routes.get(formula_for(problem.sde.noise), (math.nan, 0.0))[0]
    return ShotData(
        label=shot.label, noise=shot.noise, law=shot.law, problem=str(problem), start=problem.start[0],
        target=problem.target.value, barrier=barrier, band=math.sqrt(math.log(2 / 0.05) / (2 * particles)),
        window=window, routes=tuple(routes), failed=failed,
        route_mean=np.array([mean for mean, _ in routes.values()]),
        route_error=np.array([error for _, error in routes.values()]),
        time=time, positions=positions, exit_times=exits, survivors=staying(exits, time), survival=survival,
        formula_survival=np.exp(-time / formula), x=x, density=density, current=current, edges=edges,
        histogram=histogram, curve_x=curve, curve_loss=problem.sde.landscape.loss(curve[None]),
    )  # fmt: skip


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
