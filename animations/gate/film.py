"""The data of the film ``gate``: noise shaped like |L''| dies out where the curvature changes sign.

    D = kappa (|L''| + eps),   delta = 2 |L'| / (kappa |L'''|) at the inflection,   tau ~ eps^-delta

Without a floor no continuous path passes the inflection (:mod:`fpsim.sde.gates`), so particles pile up before it as the
floor shrinks.  SGD itself, x' = x - eta L' + eta sqrt(|L''|/S) zeta, needs no floor: its finite steps jump over.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from animations.film.space import require_open_space
from animations.gate.data import GateData
from animations.kramers.film import Progress

if TYPE_CHECKING:
    from fpsim.escape import EscapeProblem

Array = NDArray[Any]

HORIZON = 2.2
"""Length of the first act, in mean escape times of the largest floor."""
SHARE = 0.58
"""Share of the film that the first act takes."""
DRAWN, CURVE = 500, 600
LINE = 13
"""Floors on the line of escape times."""


@dataclass(frozen=True)
class GateFilm:
    """A film of one gate: the floors one below the other, then SGD's chain.

    Args:
        problem: one-dimensional, with ``HessianDiffusion(at="everywhere")``; its own floor does not matter.
        floors: from large to small.
        particles: per floor, and of the chain.
        seconds, frames: of the whole film.
        seed: of the random paths.

    Raises:
        ValueError: for noise of another kind, a way without a gate, floors that do not shrink, or too few frames.
    """

    problem: EscapeProblem
    floors: tuple[float, ...] = (0.1, 0.01, 0.001)
    particles: int = 220
    seconds: float = 12.0
    frames: int = 240
    seed: int = 0

    def __post_init__(self) -> None:
        noise = self.problem.sde.noise
        if getattr(noise, "at", "") != "everywhere" or self.problem.sde.dimension != 1:
            raise ValueError(
                "the film 'gate' needs one dimension and noise shaped by |H(x)|: --noise hessian --at everywhere"
            )
        if getattr(noise, "injected", 0.0):
            raise ValueError("the film 'gate' varies the floor, which an injected temperature would hide; leave it out")
        if len(self.floors) < 2 or min(self.floors) <= 0 or any(np.diff(self.floors) >= 0):
            raise ValueError(f"the film 'gate' needs at least two floors > 0 that shrink; got {self.floors}")
        if self.frames < 8 or self.particles < 2 or not self.seconds > 0:
            raise ValueError("the film 'gate' needs eight frames, two particles and a positive length")
        self.gate  # noqa: B018  (raises where there is none)

    @property
    def gate(self) -> Any:
        """The first gate between start and target."""
        from fpsim.sde.gates import gates

        problem = self.with_floor(self.floors[0])
        found = gates(problem.sde, problem.start[0], problem.target.value)
        if not found:
            raise ValueError("there is no inflection between start and target at which the drift points home: no gate")
        return found[0]

    @classmethod
    def standard(cls, **options: Any) -> GateFilm:
        """The quartic double well from -1 to 0.3, eta = 0.4, S = 1: delta = 10/9."""
        from fpsim.escape import EscapeProblem
        from fpsim.noise import HessianDiffusion
        from fpsim.sde.sde import SDE
        from landscapes import DoubleWell

        noise = HessianDiffusion(learning_rate=0.4, batch_size=1, at="everywhere", floor=0.0)
        return cls(EscapeProblem(SDE(DoubleWell(), noise), -1.0, 0.3), **options)

    @classmethod
    def of(cls, problem: EscapeProblem, **options: Any) -> GateFilm:
        """The gates of another escape."""
        require_open_space(problem)
        return cls(problem, **options)

    def with_floor(self, floor: float) -> EscapeProblem:
        """The escape with another floor."""
        sde = self.problem.sde
        noise: Any = sde.noise
        return replace(self.problem, sde=sde.with_noise(replace(noise, floor=floor)))

    def compute(self, progress: Progress | None = None) -> GateData:
        """All that will be drawn.

        Raises:
            ValueError: where the largest floor's escape takes more steps than can be filmed.
        """
        from animations.gate.motion import film_chain, film_lane

        gate, share, count = self.gate, round(SHARE * self.frames), len(self.floors) + 1
        horizon = HORIZON * self.with_floor(self.floors[0]).by_quadrature().mean
        place = self.problem.sde.landscape
        slope = float(place.gradient(np.array([[gate.x]]))[0, 0])
        kappa = self.problem.sde.noise.kappa  # type: ignore[attr-defined]
        leak = 2 * slope**2 / (kappa * gate.delta)  # |L' L'''| at the gate: a step h leaks like a floor of h times this
        window = self._window()
        edges = np.linspace(window[0], window[1], DRAWN + 1)
        lanes, time = [], np.zeros(0)
        for i, floor in enumerate(self.floors):
            problem, seed = self.with_floor(floor), self.seed + i
            time, lane = film_lane(problem, floor, leak, horizon, share, self.particles, edges, seed)
            lanes.append(lane)
            if progress is not None:
                progress((i + 1) / count)
        floors = np.geomspace(self.floors[0], self.floors[-1] / 10, LINE)
        taus = np.array([self.with_floor(float(f)).by_quadrature().mean for f in floors])
        curve = np.linspace(window[0], window[1], CURVE)
        chain = film_chain(self.with_floor(0.0), gate.delta, self.particles, self.frames - share, self.seed + count)
        if progress is not None:
            progress(1.0)
        return GateData(
            problem=str(self.with_floor(0.0)), name=place.name, start=self.problem.start[0],
            target=self.problem.target.value, gate=gate.x, slope=slope, delta=gate.delta, kappa=kappa,
            learning_rate=self.problem.sde.noise.learning_rate,  # type: ignore[attr-defined]
            batch_size=self.problem.sde.noise.batch_size,  # type: ignore[attr-defined]
            measured=float(-np.diff(np.log(taus))[-1] / np.diff(np.log(floors))[-1]), window=window,
            seconds=float(self.seconds), seed=self.seed, lanes=tuple(lanes), chain=chain, time=time,
            x=(edges[1:] + edges[:-1]) / 2, heights=np.random.default_rng(self.seed).random(self.particles),
            floors=floors, taus=taus, curve_x=curve, curve_loss=place.loss(curve[None]),
            curve_noise=np.abs(place.hessian(curve[None])[0, 0]),
        )  # fmt: skip

    def _window(self) -> tuple[float, float, float, float]:
        """Where the loss stays low, seen from the minima on both sides of the way."""
        from animations.kramers.motion import barrier_of, window_of

        place, problem = self.problem.sde.landscape, self.problem
        ends = [problem.start[0], problem.target.value]
        if place.bounds is not None:  # the valley behind the barrier belongs into the picture
            direction = np.sign(ends[1] - ends[0])
            beyond = [float(p.x[0]) for p in place.minima if direction * (p.x[0] - ends[1]) > 0]
            ends[1] = min(beyond, key=lambda x: abs(x - ends[1]), default=ends[1])
        wide = replace(problem, target=ends[1])
        low, high = place.bounds[0] if place.bounds is not None else (min(ends) - 5.0, max(ends) + 5.0)
        return window_of(wide, barrier_of(wide), np.array([low, high]))
