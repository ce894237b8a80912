"""The film ``gate``: noise shaped like |L''| dies out where the curvature changes sign.

    D = kappa (|L''| + eps),   delta = 2 |L'| / (kappa |L'''|) at the inflection,   tau ~ eps^-delta

Without a floor no continuous path passes the inflection (:mod:`fpsim.sde.gates`), so particles pile up before it as the
floor shrinks.  SGD itself, x' = x - eta L' + eta sqrt(|L''|/S) zeta, needs no floor: its finite steps jump over.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from animations.film.clock import Clock
from animations.film.film import Film, require_open_space

if TYPE_CHECKING:
    from fpsim.escape import EscapeProblem
    from fpsim.noise import HessianDiffusion


@dataclass(frozen=True)
class GateFilm(Film):
    """A film of one gate: the floors one below the other, then SGD's chain.

    Args:
        problem: one-dimensional, with ``HessianDiffusion(at="everywhere")``; its own floor does not matter.
        floors: from large to small.
        particles: per floor, and of the chain.

    Raises:
        ValueError: for noise of another kind, a way without a gate, floors that do not shrink, or too few frames.
    """

    name: ClassVar[str] = "gate"

    problem: EscapeProblem
    floors: tuple[float, ...] = (0.1, 0.01, 0.001)
    particles: int = 220
    clock: Clock | str | float = field(default="slow-fast", kw_only=True)

    def __post_init__(self) -> None:
        noise = self.problem.sde.noise
        if noise.floor_of is None or self.problem.sde.dimension != 1:
            raise ValueError(
                "the film 'gate' needs one dimension and noise shaped by |H(x)|: --noise hessian --at everywhere"
            )
        if noise.floor_of.injected:
            raise ValueError("the film 'gate' varies the floor, which an injected temperature would hide; leave it out")
        if len(self.floors) < 2 or min(self.floors) <= 0 or any(np.diff(self.floors) >= 0):
            raise ValueError(f"the film 'gate' needs at least two floors > 0 that shrink; got {self.floors}")
        self.require(frames=8, particles=2)
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

    @property
    def noise(self) -> HessianDiffusion:
        """The noise with its own floor."""
        found: Any = self.problem.sde.noise
        return found

    def with_floor(self, floor: float) -> EscapeProblem:
        """The escape with another floor."""
        return replace(self.problem, sde=self.problem.sde.with_noise(replace(self.noise, floor=floor)))
