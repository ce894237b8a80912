"""The data of the ``kramers`` film: one escape after another, computed before anything is drawn.

    dX = b dt + sqrt(2 D) dB,   dp/dt = -dJ/dx,   J = b p - d(D p)/dx,   P(T > t) = 1 - exits(t)/N,   tau = E[T]

The particles that are drawn are the paths whose exits are counted: a path is a function of seed and number alone, so
:func:`fpsim.simulate` and :func:`fpsim.paths.exits.exit_times` see the same one.  The density is that of all
particles, those that have been in the target included; survival counts those that have never been there.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from animations.film.captions import typeset
from animations.film.space import require_open_space
from animations.kramers.data import KramersData, ShotData

if TYPE_CHECKING:
    from fpsim.escape import EscapeProblem

Progress = Callable[[float], None]

HORIZON = 2.2
"""Length of a shot, in mean escape times."""
MOST_STEPS = 2e10
CELLS, BINS, CURVE = 600, 40, 600


@dataclass(frozen=True)
class Shot:
    """One escape to be filmed: a label for its panel, its noise in a sentence, the problem (1-D, with a loss), and the
    noise as a formula (Typst; empty: none).
    """

    label: str
    noise: str
    problem: EscapeProblem
    law: str = ""

    def __post_init__(self) -> None:
        sde = self.problem.sde
        if sde.dimension != 1 or not hasattr(sde.landscape, "loss"):
            raise ValueError(
                f"the film 'kramers' needs a loss in one dimension; '{sde.landscape.name}' is "
                + ("a drift field" if sde.dimension == 1 else f"{sde.dimension}-dimensional")
            )


@dataclass(frozen=True)
class KramersFilm:
    """A film of escapes.

    Args:
        acts: each one or two shots that run side by side.
        particles: per shot.
        seconds, frames: of the whole film; the acts share them equally.
        seed: of the random paths.
        paths: for the Monte Carlo route to the mean time.
        before, after: shares of each act in which it stands still, at its start and at its end.

    Raises:
        ValueError: for empty acts, or fewer than two moving frames per act.
    """

    acts: tuple[tuple[Shot, ...], ...]
    particles: int = 250
    seconds: float = 12.0
    frames: int = 240
    seed: int = 0
    paths: int = 4000
    before: float = 0.0
    after: float = 0.0

    def __post_init__(self) -> None:
        if not self.acts or not all(1 <= len(act) <= 2 for act in self.acts):
            raise ValueError("a film has at least one act, and an act one or two shots")
        if self.frames < 2 * len(self.acts) or self.particles < 2 or not self.seconds > 0:
            raise ValueError(
                f"a film needs two frames per act, two particles and a positive length; got {self.frames} frames, "
                f"{self.particles} particles and {self.seconds:g} seconds"
            )
        if self.before < 0 or self.after < 0 or self.before + self.after > 0.5:
            raise ValueError(
                "an act stands still for at most half its time; got the shares "
                f"{self.before:g} before and {self.after:g} after"
            )

    @classmethod
    def sharp_and_flat(cls, **options: Any) -> KramersFilm:
        """Out of the sharp and out of the flat valley of one landscape, under white noise and under Hessian noise.

        Curvatures 8 and 2, barrier 1/4; eta = 0.1, S = 1; D = eta sigma^2/(2S) with sigma^2 = 1.6, or
        D = eta/(2S) (|L''| + 0.5), read after Ito.
        """
        from fpsim.escape import EscapeProblem
        from fpsim.noise import ConstantDiffusion, HessianDiffusion
        from fpsim.sde.sde import SDE
        from landscapes import SharpFlatWell

        well: Any = SharpFlatWell(sharp=8.0, flat=2.0)
        sharp, flat = well.default_start[0], well.default_target[0]
        eta, size, floor, variance = 0.1, 1.0, 0.5, 1.6
        white = eta * variance / (2 * size)
        noises = (
            (
                ConstantDiffusion(white), f"White noise: D = ησ²/2S = {white:g}",
                f"D = (eta sigma^2) / (2 S) = {white:g}",
            ),
            (
                HessianDiffusion(learning_rate=eta, batch_size=size, at="everywhere", floor=floor),
                f"Hessian noise: D = η/2S (|L''| + {floor:g}),  η/2S = {eta / 2 / size:g}",
                f"D(x) = eta / (2 S) (abs(L''(x)) + {floor:g}), quad eta / (2 S) = {eta / 2 / size:g}",
            ),
        )  # fmt: skip
        ends = (("sharp", sharp, flat), ("flat", flat, sharp))
        acts = []
        for noise, words, law in noises:
            labels = [f"{name} valley, L'' = {well.parameters[name]:g}" for name, _, _ in ends]
            problems = [EscapeProblem(SDE(well, noise), a, b) for _, a, b in ends]
            acts.append(tuple(Shot(x, words, y, law) for x, y in zip(labels, problems, strict=True)))
        return cls(tuple(acts), **options)

    @classmethod
    def of(cls, problem: EscapeProblem, **options: Any) -> KramersFilm:
        """One escape, one act, one panel."""
        require_open_space(problem)
        noise = problem.sde.noise
        label = f"L(x) = {typeset(problem.sde.landscape.name)}"
        law, kind = law_of(noise), name_of(noise)
        words = f"{kind}: {noise}" if law and kind else str(noise)
        return cls(((Shot(label, words, problem, law),),), **options)

    def compute(self, progress: Progress | None = None) -> KramersData:
        """All that will be drawn.

        Raises:
            ValueError: where an escape has no finite time or takes more steps than can be filmed.
        """
        count, done = sum(map(len, self.acts)), 0
        acts, standing = [], []
        for i, act in enumerate(self.acts):
            frames = self.frames * (i + 1) // len(self.acts) - self.frames * i // len(self.acts)
            standing.append((int(self.before * frames), int(self.after * frames)))
            moving = frames - sum(standing[-1])
            shots = []
            for shot in act:
                shots.append(film_shot(shot, self.particles, moving, self.seed + done, self.paths))
                done += 1
                if progress is not None:
                    progress(done / count)
            acts.append(tuple(shots))
        return KramersData(tuple(acts), float(self.seconds), self.seed, tuple(standing))


def name_of(noise: Any) -> str:
    """A noise in two words; empty for other kinds."""
    words = {"ConstantDiffusion": "White noise", "HessianDiffusion": "Hessian noise", "GradientNoise": "Gradient noise"}
    return words.get(type(noise).__name__, "")


def law_of(noise: Any) -> str:
    """A noise in Typst's mathematics; empty for one without a short formula."""
    from fpsim.noise import ConstantDiffusion, GradientNoise, HessianDiffusion

    if isinstance(noise, ConstantDiffusion) and np.ndim(noise.value) == 0:
        return f"D = {noise.value:g}"
    if not isinstance(noise, HessianDiffusion | GradientNoise):
        return ""
    factor = f"eta / (2 S) = {noise.learning_rate / (2 * noise.batch_size):g}"
    if isinstance(noise, GradientNoise):
        return f"D(x) = eta / (2 S) C(x), quad {factor}"
    if noise.at != "everywhere" or noise.clip or noise.injected:
        return ""
    curvature = "abs(L''(x))"
    if noise.floor:
        smooth = f"sqrt(L''(x)^2 + {noise.floor:g}^2)"
        curvature = smooth if noise.floor_shape == "smooth" else f"({curvature} + {noise.floor:g})"
    return f"D(x) = eta / (2 S) {curvature}, quad {factor}"


def film_shot(shot: Shot, particles: int, frames: int, seed: int, paths: int) -> ShotData:
    """Compute one shot; see :class:`ShotData`."""
    from animations.kramers.motion import barrier_of, densities, follow, routes_to, window_of

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
        label=shot.label, noise=shot.noise, law=shot.law, problem=str(problem), start=problem.start[0], target=target,
        barrier=barrier, band=math.sqrt(math.log(2 / 0.05) / (2 * particles)), window=window,
        routes=tuple(routes), failed=failed,
        route_mean=np.array([mean for mean, _ in routes.values()]),
        route_error=np.array([error for _, error in routes.values()]),
        time=time, positions=positions, exit_times=exits,
        survivors=(exits[None, :] > time[:, None]).sum(axis=1), survival=survival,
        formula_survival=np.exp(-time / formula), x=x, density=density, current=current, edges=edges,
        histogram=histogram, curve_x=curve, curve_loss=problem.sde.landscape.loss(curve[None]),
    )  # fmt: skip
