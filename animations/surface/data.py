"""What the film ``surface`` holds, and how it is computed; the renderer reads it and computes no physics.

    crossed(t) = #{particles: exit time <= t},   near the saddle: closest <= sqrt(D_ss / lambda_s)

Minima and saddles are certified (:meth:`landscapes.Landscape.critical_points`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import numpy as np

from animations.film.clock import Clock
from animations.film.data import require_affordable, ticks_of, watched
from animations.film.fields import Array, FilmData
from animations.surface.film import SurfaceFilm
from fpsim.fields import Kept
from landscapes.progress import Progress

if TYPE_CHECKING:
    from fpsim.escape import EscapeProblem

HORIZON = 0.8
"""Length of the film, in mean escape times."""
FINEST = 3000
"""Saved times, from which crossings are cut out and among which the frames are chosen."""
HOME = 0.35
"""Radius of the first minimum's neighbourhood, in distances from minimum to saddle."""
NEAR = 1.0
"""A crossing passes near the saddle within so many standard deviations of the Gaussian across the pass."""
HEADROOM = 1.9
"""Height of what is drawn, in barriers above the lowest minimum."""
MESH, CELLS = 301, 140


@dataclass(frozen=True)
class SurfaceData(FilmData):
    """Everything that is drawn; ``*_loss`` is the height of the points named before.

    Attributes:
        problem, name, path_name: in words; ``path_name`` says whether the path is the most probable one.
        temperature: T of isotropic constant noise, NaN for other noise.
        tau, tau_error: mean escape time on a Fokker-Planck grid.
        formula: the same by Eyring and Kramers, NaN where it does not apply.
        near: radius about the saddle that counts as near it.
        ceiling: largest loss drawn.
        turn: degrees by which the camera turns.
    """

    film: ClassVar[str] = "surface"

    problem: str
    name: str
    path_name: str
    temperature: float
    tau: float
    tau_error: float
    formula: float
    near: float
    ceiling: float
    seconds: float
    seed: int
    time: Annotated[Array, Kept("frame", "time", "learning rate * iterations")]
    positions: Annotated[Array, Kept("frame particle axis", "", "position")]
    loss: Annotated[Array, Kept("frame particle", "loss", "loss at the particle")]
    exit_times: Annotated[Array, Kept("particle", "time", "first time in the target, infinite if not within the film")]
    survival: Annotated[Array, Kept("frame", "", "chance never to have been in the target, on the grid")]
    crossing: Annotated[Array, Kept("point axis", "", "crossings, one after another")]
    crossing_loss: Annotated[Array, Kept("point", "loss", "loss along the crossings")]
    crossing_time: Annotated[Array, Kept("point", "time", "time of the point")]
    crossing_particle: Annotated[Array, Kept("point", "", "particle of the point")]
    closest: Annotated[Array, Kept("crossing_number", "", "least distance from the saddle")]
    path: Annotated[Array, Kept("step axis", "", "steepest descent from the saddles to the minima")]
    path_loss: Annotated[Array, Kept("step", "loss", "loss along the path")]
    ridge: Annotated[Array, Kept("ridge_step axis", "", "border of the valleys through the saddle")]
    ridge_loss: Annotated[Array, Kept("ridge_step", "loss", "loss along the border")]
    minima: Annotated[Array, Kept("minimum axis_and_loss", "", "x, y and loss of the minima on the path")]
    saddle: Annotated[Array, Kept("axis_and_loss", "", "x, y and loss of the highest saddle on the path")]
    grid_x: Annotated[Array, Kept("column", "", "first coordinate")]
    grid_y: Annotated[Array, Kept("row", "", "second coordinate")]
    grid_loss: Annotated[Array, Kept("row column", "loss", "loss of the surface")]
    turn: float = 0.0

    @property
    def frames(self) -> int:
        """Frames of the film."""
        return int(self.time.size)

    @property
    def particles(self) -> int:
        """Number of particles."""
        return int(self.exit_times.size)

    def crossed(self, frame: int) -> int:
        """Particles that have been in the target by then."""
        return int((self.exit_times <= self.time[frame]).sum())

    def crossed_near(self, frame: int) -> int:
        """Those of them that passed within ``near`` of the saddle."""
        done = np.sort(np.flatnonzero(np.isfinite(self.exit_times)))
        return int(((self.exit_times[done] <= self.time[frame]) & (self.closest <= self.near)).sum())


def compute(film: SurfaceFilm, progress: Progress) -> SurfaceData:
    """All that will be drawn."""
    from fpsim.density.automatic import automatic_grid
    from fpsim.density.fokker_planck import FokkerPlanck
    from fpsim.valleys.steepest_path import branches, steepest_path

    problem, place = film.problem, film.problem.sde.potential
    points = place.critical_points()
    minima = np.array([p.x for p in points.minima])
    if len(minima) < 2:
        raise ValueError(f"'{place.name}' has {len(minima)} minimum in its box; the film 'surface' needs two")
    first = minima[np.argmin(np.hypot(*(minima - problem.point).T))]
    last = minima[np.argmax(problem.target.level(minima.T))]
    path, saddles = steepest_path(place, first, last)
    top = max(saddles, key=lambda p: p.loss)
    down, up = branches(place, top, minima, np.array(points.bounds), uphill=True)
    grid = problem.by_grid()
    equation = FokkerPlanck(problem.sde, automatic_grid(problem.sde, problem.point, problem.target, CELLS))
    motion = _motion(film, grid.mean, first, top.x)
    progress(0.6)
    on_path = np.array([p.x for p in points.minima if np.hypot(*(path - p.x).T).min() < 1e-6])
    valleys = np.column_stack([on_path, _heights(place, on_path)])
    ceiling = float(valleys[:, 2].min() + HEADROOM * (top.loss - valleys[:, 2].min()))
    ridge = np.concatenate([down[::-1], up[1:]])
    ridge = ridge[place.loss(ridge.T) <= ceiling]
    x, y, surface = _mesh(place, ceiling, np.concatenate([path, ridge, motion["positions"].reshape(-1, 2)]))
    temperature = _isotropic(problem.sde)
    progress(1.0)
    return SurfaceData(
        problem=str(problem), name=place.name, temperature=temperature, tau=grid.mean, tau_error=grid.error,
        path_name="most probable path" if np.isfinite(temperature) else "steepest descent",
        formula=_formula(problem), near=NEAR * _across(problem.sde, top.x), ceiling=ceiling,
        seconds=float(film.seconds), seed=film.seed, **motion,
        survival=equation.survival(problem.point, problem.target, motion["time"]).survival.values,
        loss=_heights(place, motion["positions"]), crossing_loss=_heights(place, motion["crossing"]), path=path,
        path_loss=_heights(place, path), ridge=ridge, ridge_loss=_heights(place, ridge), minima=valleys,
        saddle=np.array([*top.x, top.loss]), grid_x=x, grid_y=y, grid_loss=surface, turn=float(film.turn),
    )  # fmt: skip


def _motion(film: SurfaceFilm, tau: float, first: Array, saddle: Array) -> dict[str, Array]:
    """Times, positions and exits of the frames, and the crossings at all saved times."""
    problem, length = film.problem, HORIZON * tau
    step = problem.default_step
    require_affordable(tau, film.particles, length, step)
    every = max(1, int(length / step / max(FINEST, 4 * film.frames)))
    time, x, exits = watched(problem, film.particles, length, step, every, film.seed)
    chosen = np.minimum(ticks_of(Clock.of(film.clock), film.frames, len(time) - 1, 1.0), len(time) - 1)
    pieces, closest = [np.empty((0, 4))], []
    home = HOME * float(np.hypot(*(first - saddle)))
    for particle in np.flatnonzero(np.isfinite(exits)):
        last = min(int(np.searchsorted(time, exits[particle])), len(time) - 1) + 1
        at_home = np.hypot(*(x[:last, particle] - first).T) < home
        begin = int(np.flatnonzero(at_home)[-1]) if at_home.any() else 0
        way = x[begin:last, particle]
        pieces.append(np.column_stack([way, time[begin:last], np.full(len(way), particle)]))
        closest.append(np.hypot(*(way - saddle).T).min())
    rows = np.concatenate(pieces)
    return {
        "time": time[chosen], "positions": x[chosen], "exit_times": exits, "crossing": rows[:, :2],
        "crossing_time": rows[:, 2], "crossing_particle": rows[:, 3].astype(int), "closest": np.array(closest),
    }  # fmt: skip


def _heights(place: Any, points: Array) -> Array:
    """The loss at ``points`` (..., 2), shape (...)."""
    return np.asarray(place.loss(np.moveaxis(points, -1, 0)))


def _isotropic(sde: Any) -> float:
    """T of constant isotropic noise, NaN for any other."""
    if not sde.noise.is_constant:
        return float("nan")
    tensor = np.asarray(sde.diffusion(np.zeros((2, 1))))[..., 0]
    return float(tensor[0, 0]) if np.allclose(tensor, tensor[0, 0] * np.eye(2), rtol=1e-12) else float("nan")


def _across(sde: Any, saddle: Array) -> float:
    """Standard deviation sqrt(D_ss / lambda_s) of the density along the ridge at the saddle, s its stable direction."""
    values, vectors = np.linalg.eigh(sde.landscape.hessian(saddle[:, None])[..., 0])
    tensor = np.asarray(sde.diffusion(saddle[:, None]))[..., 0]
    return float(np.sqrt(vectors[:, 1] @ tensor @ vectors[:, 1] / values[1]))


def _formula(problem: EscapeProblem) -> float:
    """Eyring and Kramers' time, NaN where their formula does not apply."""
    try:
        return problem.by_formula("eyring-kramers").mean
    except ValueError:
        return float("nan")


def _mesh(place: Any, ceiling: float, points: Array) -> tuple[Array, Array, Array]:
    """x (nx,), y (ny,) and loss (ny, nx) around what is drawn: where the loss is below ``ceiling`` near ``points``."""
    seen = points[_heights(place, points) <= ceiling]
    (left, low), (right, high) = seen.min(axis=0), seen.max(axis=0)
    box, room = np.array(place.bounds), 0.12 * np.array([right - left, high - low])
    left, low = np.maximum(np.array([left, low]) - room, box[:, 0])
    right, high = np.minimum(np.array([right, high]) + room, box[:, 1])
    x, y = np.linspace(left, right, MESH), np.linspace(low, high, MESH)
    return x, y, np.asarray(place.loss(np.stack(np.meshgrid(x, y))))
