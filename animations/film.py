"""The data of the ``kramers`` film: one escape after another, computed before anything is drawn.

    dX = b dt + sqrt(2 D) dB,   dp/dt = -dJ/dx,   J = b p - d(D p)/dx,   P(T > t) = 1 - exits(t)/N,   tau = E[T]

The particles that are drawn are the paths whose exits are counted: a path is a function of seed and number alone, so
:func:`fpsim.simulate` and :func:`fpsim.exits.exit_times` see the same one.  The density is that of all particles, those
that have been in the target included; survival counts those that have never been there.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import xarray

    from fpsim.escape import EscapeProblem

Array = NDArray[Any]
Progress = Callable[[float], None]

HORIZON = 2.2
"""Length of a shot, in mean escape times."""
SPEED_UP = 4.0
"""A shot's clock runs exp(4) times faster at its end than at its start, so that single steps are seen at first."""
FINEST = 6000
"""Saved times per shot, among which the frames are chosen."""
MOST_STEPS = 2e10
CELLS, BINS, CURVE = 600, 40, 600


@dataclass(frozen=True)
class Shot:
    """One escape to be filmed: a label for its panel, a sentence for its noise, and the problem (1-D, with a loss)."""

    label: str
    noise: str
    problem: EscapeProblem

    def __post_init__(self) -> None:
        sde = self.problem.sde
        if sde.dimension != 1 or not hasattr(sde.landscape, "loss"):
            raise ValueError(
                f"the film 'kramers' needs a loss in one dimension; '{sde.landscape.name}' is "
                + ("a drift field" if sde.dimension == 1 else f"{sde.dimension}-dimensional")
            )


@dataclass(frozen=True)
class ShotData:
    """Everything that is drawn of one shot.

    Attributes:
        label, noise, problem: in words.
        start, target, barrier: positions.
        band: half width of the simultaneous 95 % band of ``survivors / particles`` (Massart 1990).
        window: (x low, x high, loss low, loss high) worth drawing.
        routes, route_mean, route_error: routes to the mean escape time; error one sigma or bound, 0 if not known.
        failed: assumptions of the formula that do not hold.
        time: (frames,) time since the start.
        positions: (frames, particles).
        exit_times: (particles,), infinite if not within the shot.
        survivors: (frames,) particles that have never been in the target.
        survival: (frames,) the same chance on the grid.
        formula_survival: (frames,) exp(-t / tau of the formula); NaN without one.
        x, density, current: cell centres (cells,), probability per length (frames, cells), and its current at the
            barrier, positive towards the target, (frames,).
        edges, histogram: edges (bins + 1,) and density (frames, bins) of the particles.
        curve_x, curve_loss: the loss to draw.
    """

    label: str
    noise: str
    problem: str
    start: float
    target: float
    barrier: float
    band: float
    window: tuple[float, float, float, float]
    routes: tuple[str, ...]
    failed: tuple[str, ...]
    route_mean: Array
    route_error: Array
    time: Array
    positions: Array
    exit_times: Array
    survivors: Array
    survival: Array
    formula_survival: Array
    x: Array
    density: Array
    current: Array
    edges: Array
    histogram: Array
    curve_x: Array
    curve_loss: Array

    @property
    def particles(self) -> int:
        """Number of particles."""
        return int(self.exit_times.size)

    def tau(self, route: str) -> tuple[float, float]:
        """Mean escape time and its error by one route."""
        i = self.routes.index(route)
        return float(self.route_mean[i]), float(self.route_error[i])


ARRAYS = {
    "route_mean": (("route",), "time", "mean escape time"),
    "route_error": (("route",), "time", "error of the mean escape time"),
    "time": (("frame",), "time", "learning rate * iterations"),
    "positions": (("frame", "particle"), "", "position"),
    "exit_times": (("particle",), "time", "first time in the target, infinite if not within the film"),
    "survivors": (("frame",), "", "particles that have never been in the target"),
    "survival": (("frame",), "", "chance never to have been in the target, on the grid"),
    "formula_survival": (("frame",), "", "exponential of the formula's time"),
    "x": (("cell",), "", "cell centres"),
    "density": (("frame", "cell"), "1/length", "probability density"),
    "current": (("frame",), "1/time", "probability current at the barrier towards the target"),
    "edges": (("edge",), "", "edges of the bins"),
    "histogram": (("frame", "bin"), "1/length", "density of the particles"),
    "curve_x": (("curve",), "", "where the loss is drawn"),
    "curve_loss": (("curve",), "", "loss"),
}


@dataclass(frozen=True)
class KramersData:
    """Acts of one or two shots, in the order in which they are shown, with ``seconds`` for all of them."""

    acts: tuple[tuple[ShotData, ...], ...]
    seconds: float
    seed: int

    @property
    def frames(self) -> int:
        """Frames of the whole film."""
        return sum(act[0].time.size for act in self.acts)

    def ratio(self, act: int) -> float:
        """Mean escape time of an act's second shot over that of its first, by quadrature."""
        first, second = self.acts[act]
        return second.tau("quadrature")[0] / first.tau("quadrature")[0]

    def to_xarray(self) -> xarray.Dataset:
        """One dataset; variables and dims of shot j of act i end in ``_i_j``."""
        from fpsim.storage import dataset

        entries: dict[str, Any] = {}
        words: dict[str, Any] = {}
        for i, act in enumerate(self.acts):
            for j, shot in enumerate(act):
                for name, (dims, units, meaning) in ARRAYS.items():
                    entries[f"{name}_{i}_{j}"] = (
                        [f"{d}_{i}_{j}" for d in dims], getattr(shot, name), units,
                        f"{meaning}; {shot.label}, {shot.noise}",
                    )  # fmt: skip
                words[f"shot_{i}_{j}"] = {f.name: getattr(shot, f.name) for f in fields(shot) if f.name not in ARRAYS}
        shape = json.dumps([len(act) for act in self.acts])
        return dataset(entries, film="kramers", acts=shape, seconds=self.seconds, seed=self.seed, **words)

    def save(self, path: str | Path) -> Path:
        """Write netCDF and return the path."""
        from fpsim.storage import write

        return write(self.to_xarray(), path)

    @classmethod
    def load(cls, path: str | Path) -> KramersData:
        """Read what :meth:`save` wrote."""
        import xarray

        with xarray.open_dataset(path, engine="h5netcdf") as data:
            if data.attrs.get("film") != "kramers":
                raise ValueError(f"'{path}' does not hold the data of the film 'kramers'")
            counts = json.loads(data.attrs["acts"])
            acts = tuple(tuple(_shot(data, f"_{i}_{j}") for j in range(n)) for i, n in enumerate(counts))
            return cls(acts, float(data.attrs["seconds"]), int(data.attrs["seed"]))


def _shot(data: xarray.Dataset, ending: str) -> ShotData:
    words: dict[str, Any] = json.loads(data.attrs["shot" + ending])
    words |= {name: tuple(words[name]) for name in ("window", "routes", "failed")}
    words |= {name: data[name + ending].values for name in ARRAYS}
    return ShotData(**words)


@dataclass(frozen=True)
class KramersFilm:
    """A film of escapes.

    Args:
        acts: each one or two shots that run side by side.
        particles: per shot.
        seconds, frames: of the whole film; the acts share them equally.
        seed: of the random paths.
        paths: for the Monte Carlo route to the mean time.

    Raises:
        ValueError: for empty acts, or fewer than two frames per act.
    """

    acts: tuple[tuple[Shot, ...], ...]
    particles: int = 250
    seconds: float = 12.0
    frames: int = 240
    seed: int = 0
    paths: int = 4000

    def __post_init__(self) -> None:
        if not self.acts or not all(1 <= len(act) <= 2 for act in self.acts):
            raise ValueError("a film has at least one act, and an act one or two shots")
        if self.frames < 2 * len(self.acts) or self.particles < 2 or not self.seconds > 0:
            raise ValueError(
                f"a film needs two frames per act, two particles and a positive length; got {self.frames} frames, "
                f"{self.particles} particles and {self.seconds:g} seconds"
            )

    @classmethod
    def sharp_and_flat(cls, **options: Any) -> KramersFilm:
        """Out of the sharp and out of the flat valley of one landscape, under white noise and under Hessian noise.

        Curvatures 8 and 2, barrier 1/4; eta = 0.1, S = 1; D = eta sigma^2/(2S) with sigma^2 = 1.6, or
        D = eta/(2S) (|L''| + 0.5), read after Ito.
        """
        from fpsim.diffusion import ConstantDiffusion, HessianDiffusion
        from fpsim.escape import EscapeProblem
        from fpsim.sde import SDE
        from landscapes import SharpFlatWell

        well: Any = SharpFlatWell(sharp=8.0, flat=2.0)
        sharp, flat = well.default_start[0], well.default_target[0]
        eta, size, floor, variance = 0.1, 1.0, 0.5, 1.6
        white = eta * variance / (2 * size)
        noises = (
            (ConstantDiffusion(white), f"White noise: D = ησ²/2S = {white:g}"),
            (
                HessianDiffusion(learning_rate=eta, batch_size=size, at="everywhere", floor=floor),
                f"Hessian noise: D = η/2S (|L''| + {floor:g}),  η/2S = {eta / 2 / size:g}",
            ),
        )
        ends = (("sharp", sharp, flat), ("flat", flat, sharp))
        acts = tuple(
            tuple(Shot(f"{name} valley, L'' = {well.parameters[name]:g}", words, EscapeProblem(SDE(well, noise), a, b))
                  for name, a, b in ends)
            for noise, words in noises
        )  # fmt: skip
        return cls(acts, **options)

    @classmethod
    def of(cls, problem: EscapeProblem, **options: Any) -> KramersFilm:
        """One escape, one act, one panel."""
        label = f"L(x) = {problem.sde.landscape.name}"
        return cls(((Shot(label, str(problem.sde.noise), problem),),), **options)

    def compute(self, progress: Progress | None = None) -> KramersData:
        """All that will be drawn.

        Raises:
            ValueError: where an escape has no finite time or takes more steps than can be filmed.
        """
        count, done = sum(map(len, self.acts)), 0
        acts = []
        for i, act in enumerate(self.acts):
            frames = self.frames * (i + 1) // len(self.acts) - self.frames * i // len(self.acts)
            shots = []
            for shot in act:
                shots.append(film_shot(shot, self.particles, frames, self.seed + done, self.paths))
                done += 1
                if progress is not None:
                    progress(done / count)
            acts.append(tuple(shots))
        return KramersData(tuple(acts), float(self.seconds), self.seed)


def film_shot(shot: Shot, particles: int, frames: int, seed: int, paths: int) -> ShotData:
    """Compute one shot; see :class:`ShotData`."""
    from animations.motion import barrier_of, densities, follow, routes_to, window_of

    problem = shot.problem
    target = problem.target.value
    routes, failed, step = routes_to(problem, paths, seed)
    exact = routes["quadrature"][0]
    if particles * HORIZON * exact / step > MOST_STEPS:
        raise ValueError(
            f"the mean escape time is {exact:.3g}, more than can be filmed at a step of {step:g}; use stronger noise, "
            "a lower barrier or fewer particles"
        )
    time, positions, exits = follow(problem, particles, frames, HORIZON * exact, step, seed)
    barrier = barrier_of(problem)
    x, density, current, survival = densities(problem, time, barrier, CELLS)
    window = window_of(problem, barrier, x)
    curve = np.linspace(window[0], window[1], CURVE)
    edges = np.linspace(window[0], window[1], BINS + 1)
    histogram = np.array([np.histogram(row, edges)[0] for row in positions]) / (particles * (edges[1] - edges[0]))
    closed = [mean for name, (mean, _) in routes.items() if name not in ("quadrature", "grid", "paths")]
    formula = closed[0] if closed else math.nan
    return ShotData(
        label=shot.label, noise=shot.noise, problem=str(problem), start=problem.start[0], target=target,
        barrier=barrier, band=math.sqrt(math.log(2 / 0.05) / (2 * particles)), window=window,
        routes=tuple(routes), failed=failed,
        route_mean=np.array([mean for mean, _ in routes.values()]),
        route_error=np.array([error for _, error in routes.values()]),
        time=time, positions=positions, exit_times=exits,
        survivors=(exits[None, :] > time[:, None]).sum(axis=1), survival=survival,
        formula_survival=np.exp(-time / formula), x=x, density=density, current=current, edges=edges,
        histogram=histogram, curve_x=curve, curve_loss=problem.sde.landscape.loss(curve[None]),
    )  # fmt: skip
