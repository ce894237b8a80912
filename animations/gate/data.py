"""What the film ``gate`` holds, and how it is computed: one lane per floor, and SGD's chain without one.

    dX = -L' dt + sqrt(2 kappa (|L''| + eps)) dB,       x' = x - eta L' + eta sqrt(|L''|/S) zeta

The continuous equation needs a floor eps, and tau ~ eps^-delta; the chain needs none, and tau = eta * iterations.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import numpy as np

from animations.film.clock import Clock
from animations.film.data import FINER, MOST_STEPS, follow, staying, window_of
from animations.film.fields import Array, FilmData, Pieces
from animations.gate.film import GateFilm
from fpsim.fields import Kept
from landscapes.progress import Progress

if TYPE_CHECKING:
    from fpsim.escape import EscapeProblem

HORIZON = 2.2
"""Length of the first act, in mean escape times of the largest floor."""
SHARE = 0.58
"""Share of the film that the first act takes."""
DRAWN, CURVE = 500, 600
LINE = 13
"""Floors on the line of escape times."""
CELLS = 16000
"""Cells of the grid: wide ones would leak through the gate like a floor of their own."""
FLOOR_STEP = 0.05
"""Step of the paths times |L' L'''| at the gate, as a share of the floor: larger steps would jump the gate too."""
ITERATIONS = 3.2
"""Length of the second act, in mean numbers of iterations of the chain."""
RUN = 0.85
"""Share of the second act in which the chain runs; then its end stands."""
CHAIN_PATHS = 4000
MOST_ITERATIONS = 40
"""Longest chain, in mean numbers of iterations."""


@dataclass(frozen=True)
class LaneData:
    """The continuous-time equation with one floor.

    Attributes:
        floor: eps, in units of curvature.
        tau: mean escape time by quadrature, ``grid`` the same from the Fokker-Planck grid that is drawn.
        density: averaged over the cells of the grid.
    """

    floor: float
    tau: float
    grid: float
    positions: Annotated[Array, Kept("frame particle", "", "position")]
    exit_times: Annotated[Array, Kept("particle", "time", "first time in the target, infinite if not within the act")]
    survivors: Annotated[Array, Kept("frame", "", "particles that have never been in the target")]
    survival: Annotated[Array, Kept("frame", "", "chance never to have been in the target, on the grid")]
    density: Annotated[Array, Kept("frame cell", "1/length", "probability density")]


@dataclass(frozen=True)
class ChainData:
    """SGD's own chain without a floor.

    Attributes:
        tau, iterations: exact means by transfer matrix, in time and in iterations.
        sampled, error: mean number of iterations of ``paths`` simulated chains, with its standard error.
        best_jump: z-score of the best single jump over the gate, sqrt(delta).
    """

    tau: float
    iterations: float
    sampled: float
    error: float
    paths: int
    best_jump: float
    iteration: Annotated[Array, Kept("picture", "", "iteration of the frame")]
    positions: Annotated[Array, Kept("iteration particle", "", "position of SGD")]
    exits: Annotated[Array, Kept("particle", "", "iterations until the target, infinite if not within the act")]

    def escaped(self, iteration: int) -> int:
        """Particles that have been in the target by then."""
        return int((self.exits <= iteration).sum())


@dataclass(frozen=True)
class GateData(FilmData):
    """Everything that is drawn.

    Attributes:
        problem, name: in words; ``name`` is the loss.
        start, target, gate: positions; ``slope`` is L' at the gate.
        delta, kappa, learning_rate, batch_size: numbers of the noise.
        measured: slope of ln tau against ln eps between the two smallest floors of the line.
        window: (x low, x high, loss low, loss high) worth drawing.
        lanes: the first act, one per floor, from large to small; ``time`` is theirs.
        chain: the second act.
        heights: uniform numbers that spread the particles under the density.
    """

    film: ClassVar[str] = "gate"

    problem: str
    name: str
    start: float
    target: float
    gate: float
    slope: float
    delta: float
    kappa: float
    learning_rate: float
    batch_size: float
    measured: float
    window: tuple[float, float, float, float]
    seconds: float
    seed: int
    lanes: Annotated[tuple[LaneData, ...], Pieces(LaneData, "group", "count")]
    chain: Annotated[ChainData, Pieces(ChainData, "group")]
    time: Annotated[Array, Kept("frame", "time", "learning rate * iterations")]
    x: Annotated[Array, Kept("cell", "", "middle of the drawn cells")]
    heights: Annotated[Array, Kept("particle", "", "where a particle stands between axis and density")]
    floors: Annotated[Array, Kept("floor", "curvature", "floors of the line of escape times")]
    taus: Annotated[Array, Kept("floor", "time", "mean escape time by quadrature")]
    curve_x: Annotated[Array, Kept("curve", "", "where the loss is drawn")]
    curve_loss: Annotated[Array, Kept("curve", "", "loss")]
    curve_noise: Annotated[Array, Kept("curve", "curvature", "absolute curvature")]

    @property
    def frames(self) -> int:
        """Frames of the whole film."""
        return int(self.time.size + self.chain.iteration.size)

    @property
    def particles(self) -> int:
        """Particles per lane, and of the chain."""
        return int(self.heights.size)


def compute(film: GateFilm, progress: Progress) -> GateData:
    """All that will be drawn."""
    gate, share, count = film.gate, round(SHARE * film.frames), len(film.floors) + 1
    bare = film.with_floor(0.0)
    place, window, noise = bare.sde.potential, _window(film), film.noise
    slope = float(place.gradient(np.array([[gate.x]]))[0, 0])
    leak = 2 * slope**2 / (noise.kappa * gate.delta)  # a step h leaks through the gate like a floor of h times this
    horizon = HORIZON * film.with_floor(film.floors[0]).by_quadrature().mean
    edges = np.linspace(window[0], window[1], DRAWN + 1)
    lanes, time = [], np.zeros(0)
    for i, floor in enumerate(film.floors):
        problem, seed = film.with_floor(floor), film.seed + i
        time, lane = _lane(film, problem, floor, leak, horizon, share, edges, seed)
        lanes.append(lane)
        progress((i + 1) / count)
    floors = np.geomspace(film.floors[0], film.floors[-1] / 10, LINE)
    taus = np.array([film.with_floor(float(f)).by_quadrature().mean for f in floors])
    curve = np.linspace(window[0], window[1], CURVE)
    chain = _chain(bare, gate.delta, film.particles, film.frames - share, film.seed + count)
    progress(1.0)
    return GateData(
        problem=str(bare), name=place.name, start=bare.start[0], target=bare.target.value, gate=gate.x, slope=slope,
        delta=gate.delta, kappa=noise.kappa, learning_rate=noise.learning_rate, batch_size=noise.batch_size,
        measured=float(-np.diff(np.log(taus))[-1] / np.diff(np.log(floors))[-1]), window=window,
        seconds=float(film.seconds), seed=film.seed, lanes=tuple(lanes), chain=chain, time=time,
        x=(edges[1:] + edges[:-1]) / 2, heights=np.random.default_rng(film.seed).random(film.particles),
        floors=floors, taus=taus, curve_x=curve, curve_loss=place.loss(curve[None]),
        curve_noise=np.abs(place.hessian(curve[None])[0, 0]),
    )  # fmt: skip


def _window(film: GateFilm) -> tuple[float, float, float, float]:
    """Where the loss stays low, seen from the minima on both sides of the way."""
    problem = film.problem
    place, start, end = problem.sde.potential, problem.start[0], problem.target.value
    if place.bounds is None:
        return window_of(problem, (min(start, end) - 5.0, max(start, end) + 5.0))
    direction = np.sign(end - start)  # the valley behind the barrier belongs into the picture
    beyond = [float(p.x[0]) for p in place.minima if direction * (p.x[0] - end) > 0]
    end = min(beyond, key=lambda x: abs(x - end), default=end)
    return window_of(replace(problem, target=end), place.bounds[0])


def _lane(
    film: GateFilm, problem: EscapeProblem, floor: float, leak: float, horizon: float, frames: int, edges: Array,
    seed: int,
) -> tuple[Array, LaneData]:  # fmt: skip
    """Times (frames,) and what is drawn of one floor."""
    from fpsim.density.automatic import automatic_grid
    from fpsim.density.fokker_planck import FokkerPlanck

    step = min(FINER * problem.default_step, FLOOR_STEP * floor / leak)
    if film.particles * horizon / step > MOST_STEPS:
        raise ValueError(
            f"a floor of {floor:g} needs a step of {step:.2g} for a time of {horizon:.3g}, more than can be filmed; "
            "use larger floors, stronger noise or fewer particles"
        )
    time, positions, exits = follow(problem, film.particles, frames, horizon, step, seed, Clock.of(film.clock))
    free = automatic_grid(problem.sde, problem.point, None, CELLS)
    fitted = automatic_grid(problem.sde, problem.point, problem.target, CELLS)
    to_target = FokkerPlanck(problem.sde, fitted)
    density = FokkerPlanck(problem.sde, free).evolve(problem.point, time).density.values
    mean = fitted.at(to_target.mean_first_passage_time(problem.target)["mean"].values, problem.point)
    return time, LaneData(
        floor=float(floor), tau=problem.by_quadrature().mean, grid=mean, positions=positions, exit_times=exits,
        survivors=staying(exits, time),
        survival=to_target.survival(problem.point, problem.target, time).survival.values,
        density=_averaged(free, density, edges),
    )  # fmt: skip


def _averaged(grid: Any, density: Array, edges: Array) -> Array:
    """Densities (frames, cells) on ``grid`` as means over the drawn cells, (frames, edges - 1); mass is kept."""
    low, high, cells = grid.axes[0]
    faces = np.linspace(low, high, cells + 1)
    below = np.concatenate([np.zeros((len(density), 1)), np.cumsum(density, axis=1)], axis=1) * (high - low) / cells
    at = np.array([np.interp(edges, faces, row) for row in below])
    return np.diff(at, axis=1) / np.diff(edges)


def _chain(problem: EscapeProblem, delta: float, particles: int, frames: int, seed: int) -> ChainData:
    """SGD's chain; the particles that are drawn are the first of those whose exits are counted."""
    from fpsim.sgd.chain import Chain

    chain, exact = Chain.from_sde(problem.sde), problem.by_chain()
    mean = float(exact.settings["iterations"])
    last = max(4, round(ITERATIONS * mean))
    paths = max(particles, CHAIN_PATHS)
    positions, exits = _walk(chain, problem, paths, round(MOST_ITERATIONS * mean), seed)
    return ChainData(
        tau=exact.mean, iterations=mean, sampled=float(exits.mean()), error=float(exits.std(ddof=1) / np.sqrt(paths)),
        paths=paths, best_jump=float(np.sqrt(delta)),
        iteration=np.minimum(np.arange(frames) * (last + 1) // max(1, round(RUN * frames)), last),
        positions=positions[: last + 1, :particles],
        exits=np.where(exits <= last, exits, np.inf)[:particles],
    )  # fmt: skip


def _walk(chain: Any, problem: EscapeProblem, paths: int, most: int, seed: int) -> tuple[Array, Array]:
    """Positions (iterations + 1, paths) and iterations until the target, (paths,).

    A path stays where it lands in the target: SGD at a finite learning rate may leave every valley for ever.
    """
    draws = np.random.default_rng(seed)
    x, exits, rows = np.full(paths, problem.start[0]), np.full(paths, np.inf), []
    for iteration in range(most + 1):
        rows.append(x)
        out = problem.target.level(x[None]) >= 0
        exits = np.where(out & np.isinf(exits), iteration, exits)
        if out.all():
            break
        mean, spread = chain.line(np.where(out, problem.start[0], x))
        x = np.where(out, x, mean + spread * draws.standard_normal(paths))
    if np.isinf(exits).any():
        raise ValueError(f"{np.isinf(exits).sum()} of {paths} chains are still in the valley after {most} iterations")
    return np.concatenate([rows, np.repeat(rows[-1][None], max(0, most + 1 - len(rows)), axis=0)]), exits
