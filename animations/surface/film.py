"""The data of the film ``surface``: real paths from one valley of a surface L(x, y) to another, over its saddle.

    dX = -grad L dt + sqrt(2 D) dB,      most probable path (D = T I): steepest descent from the saddle, both ways

Minima and saddles are certified (:meth:`landscapes.Landscape.critical_points`).  A crossing is the piece of a path from
its last visit to the neighbourhood of the first minimum until it enters the target.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from animations.film.space import require_open_space
from animations.kramers.film import MOST_STEPS, Progress
from animations.surface.data import SurfaceData

if TYPE_CHECKING:
    from fpsim.escape import EscapeProblem

Array = NDArray[Any]

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
class SurfaceFilm:
    """A film of particles on a surface.

    Args:
        problem: two-dimensional, with a loss and a box.
        particles: how many.
        seconds, frames: of the film.
        seed: of the random paths.

    Raises:
        ValueError: for another dimension, a drift field, a landscape without a box, or too few frames.
    """

    problem: EscapeProblem
    particles: int = 80
    seconds: float = 10.0
    frames: int = 200
    seed: int = 0

    def __post_init__(self) -> None:
        place = self.problem.sde.landscape
        if place.dimension != 2 or not hasattr(place, "loss"):
            kind = f"{place.dimension}-dimensional" if place.dimension != 2 else "a drift field"
            raise ValueError(f"the film 'surface' needs a loss in two dimensions; '{place.name}' is {kind}")
        if place.bounds is None:
            raise ValueError("the film 'surface' needs a box in which minima and saddles are found: give bounds")
        if self.frames < 2 or self.particles < 2 or not self.seconds > 0:
            raise ValueError("the film 'surface' needs two frames, two particles and a positive length")

    @classmethod
    def standard(cls, **options: Any) -> SurfaceFilm:
        """From a sharp valley at (-1, 0) to a flat one at (1, 0), equally deep, round a bend; T = 0.08.

        L = (x^2 - 1)^2/4 + w/2 exp(-s x) (y - a (x^2 - 1))^2 has exactly these minima and the saddle (0, -a).
        """
        from fpsim.escape import EscapeProblem
        from fpsim.noise import ConstantDiffusion
        from fpsim.sde.sde import SDE
        from fpsim.targets import Ball
        from landscapes import Landscape

        place = Landscape.from_expression(
            "(x**2 - 1)**2/4 + w/2*exp(-s*x)*(y - a*(x**2 - 1))**2", variables="x y",
            bounds=((-2, 2.2), (-2, 2.5)), w=2.0, s=0.7, a=0.6,
        )  # fmt: skip
        problem = EscapeProblem(SDE(place, ConstantDiffusion(0.08)), (-1.0, 0.0), Ball((1.0, 0.0), 0.3))
        return cls(problem, **options)

    @classmethod
    def of(cls, problem: EscapeProblem, **options: Any) -> SurfaceFilm:
        """Another escape in two dimensions."""
        require_open_space(problem)
        return cls(problem, **options)

    def compute(self, progress: Progress | None = None) -> SurfaceData:
        """All that will be drawn.

        Raises:
            ValueError: where no saddles join start and target, or the escape takes more steps than can be filmed.
        """
        from fpsim.density.automatic import automatic_grid
        from fpsim.density.fokker_planck import FokkerPlanck
        from fpsim.valleys.steepest_path import branches, steepest_path

        problem, place = self.problem, self.problem.sde.landscape
        points = place.critical_points()
        minima = np.array([p.x for p in points.minima])
        if len(minima) < 2:
            raise ValueError(f"'{place.name}' has {len(minima)} minimum in its box; the film 'surface' needs two")
        first = minima[np.argmin(np.hypot(*(minima - problem.point).T))]
        last = minima[np.argmax(problem.target.level(minima.T))]
        path, saddles = steepest_path(place, first, last)
        top = max(saddles, key=lambda p: p.loss)
        down, up = branches(place, top, minima, np.array(points.bounds), uphill=True)
        ridge = np.concatenate([down[::-1], up[1:]])
        grid = problem.by_grid()
        equation = FokkerPlanck(problem.sde, automatic_grid(problem.sde, problem.point, problem.target, CELLS))
        motion = self._follow(grid.mean, first, top.x)
        if progress is not None:
            progress(0.6)
        temperature = isotropic(problem.sde)
        lowest = min(p.loss for p in points.minima if np.hypot(*(path - p.x).T).min() < 1e-6)
        ceiling = lowest + HEADROOM * (top.loss - lowest)
        ridge = ridge[place.loss(ridge.T) <= ceiling]
        x, y, surface = mesh(place, ceiling, np.concatenate([path, ridge, motion["positions"].reshape(-1, 2)]))
        on_path = np.array([p.x for p in points.minima if np.hypot(*(path - p.x).T).min() < 1e-6])
        data = SurfaceData(
            problem=str(problem), name=place.name, temperature=temperature, tau=grid.mean, tau_error=grid.error,
            path_name="most probable path" if np.isfinite(temperature) else "steepest descent",
            formula=formula_of(problem), near=NEAR * across(problem.sde, top.x), ceiling=ceiling,
            seconds=float(self.seconds), seed=self.seed, **motion,
            survival=equation.survival(problem.point, problem.target, motion["time"]).survival.values,
            loss=heights(place, motion["positions"]),
            crossing_loss=heights(place, motion["crossing"]), path=path, path_loss=heights(place, path), ridge=ridge,
            ridge_loss=heights(place, ridge), minima=np.column_stack([on_path, heights(place, on_path)]),
            saddle=np.array([*top.x, top.loss]), grid_x=x, grid_y=y, grid_loss=surface,
        )  # fmt: skip
        if progress is not None:
            progress(1.0)
        return data

    def _follow(self, tau: float, first: Array, saddle: Array) -> dict[str, Array]:
        """Times, positions and exits of the frames, and the crossings at all saved times."""
        from fpsim.paths.exits import exit_times
        from fpsim.paths.simulate import simulate

        problem, length = self.problem, HORIZON * tau
        step = problem.default_step
        if self.particles * length / step > MOST_STEPS:
            raise ValueError(
                f"the mean escape time is {tau:.3g}, more than can be filmed at a step of {step:g}; use stronger "
                "noise, a lower barrier or fewer particles"
            )
        every = max(1, int(length / step / max(FINEST, 4 * self.frames)))
        paths = simulate(problem.sde, problem.start, length, step, self.particles, every, self.seed)
        time, x = paths.time, paths.x.astype(float)  # type: ignore[union-attr]
        end = float(time[-1])
        sample = exit_times(problem.sde, problem.start, problem.target, self.particles, step, self.seed, end)
        exits = np.where(sample.censored, np.inf, sample.times)
        chosen = np.rint(np.linspace(0, len(time) - 1, self.frames)).astype(int)
        pieces, closest = [], []
        home = HOME * float(np.hypot(*(first - saddle)))
        for particle in np.flatnonzero(np.isfinite(exits)):
            last = min(int(np.searchsorted(time, exits[particle])), len(time) - 1)
            at_home = np.hypot(*(x[: last + 1, particle] - first).T) < home
            begin = int(np.flatnonzero(at_home)[-1]) if at_home.any() else 0
            pieces.append(np.column_stack([x[begin : last + 1, particle], time[begin : last + 1],
                                           np.full(last + 1 - begin, particle)]))  # fmt: skip
            closest.append(np.hypot(*(x[begin : last + 1, particle] - saddle).T).min())
        rows = np.concatenate(pieces) if pieces else np.empty((0, 4))
        return {
            "time": time[chosen], "positions": x[chosen], "exit_times": exits, "crossing": rows[:, :2],
            "crossing_time": rows[:, 2], "crossing_particle": rows[:, 3].astype(int), "closest": np.array(closest),
        }  # fmt: skip


def heights(place: Any, points: Array) -> Array:
    """The loss at ``points`` (..., 2), shape (...)."""
    return np.asarray(place.loss(np.moveaxis(points, -1, 0)))


def isotropic(sde: Any) -> float:
    """T of constant isotropic noise, NaN for any other."""
    if not sde.noise.is_constant:
        return float("nan")
    tensor = np.asarray(sde.diffusion(np.zeros((2, 1))))[..., 0]
    return float(tensor[0, 0]) if np.allclose(tensor, tensor[0, 0] * np.eye(2), rtol=1e-12) else float("nan")


def across(sde: Any, saddle: Array) -> float:
    """Standard deviation sqrt(D_ss / lambda_s) of the density along the ridge at the saddle, s its stable direction."""
    values, vectors = np.linalg.eigh(sde.landscape.hessian(saddle[:, None])[..., 0])
    tensor = np.asarray(sde.diffusion(saddle[:, None]))[..., 0]
    return float(np.sqrt(vectors[:, 1] @ tensor @ vectors[:, 1] / values[1]))


def formula_of(problem: EscapeProblem) -> float:
    """Eyring and Kramers' time, NaN where their formula does not apply."""
    try:
        return problem.by_formula("eyring-kramers").mean
    except ValueError:
        return float("nan")


def mesh(place: Any, ceiling: float, points: Array) -> tuple[Array, Array, Array]:
    """x (nx,), y (ny,) and loss (ny, nx) around what is drawn: where the loss is below ``ceiling`` near ``points``."""
    seen = points[heights(place, points) <= ceiling]
    (left, low), (right, high) = seen.min(axis=0), seen.max(axis=0)
    box, room = np.array(place.bounds), 0.12 * np.array([right - left, high - low])
    left, low = np.maximum(np.array([left, low]) - room, box[:, 0])
    right, high = np.minimum(np.array([right, high]) + room, box[:, 1])
    x, y = np.linspace(left, right, MESH), np.linspace(low, high, MESH)
    return x, y, np.asarray(place.loss(np.stack(np.meshgrid(x, y))))
