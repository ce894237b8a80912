"""The film ``kramers``: particles leave their valleys, one escape after another.

    dX = b dt + sqrt(2 D) dB,   dp/dt = -dJ/dx,   J = b p - d(D p)/dx,   P(T > t) = 1 - exits(t)/N,   tau = E[T]

The density is that of all particles, those that have been in the target included; survival counts those that have
never been there.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar

from animations.film.captions import typeset
from animations.film.clock import Clock
from animations.film.film import Film, require_open_space, scheduled

if TYPE_CHECKING:
    from fpsim.escape import EscapeProblem
    from fpsim.survival.problem import SurvivalProblem


@dataclass(frozen=True)
class Shot:
    """One escape to be filmed: a label for its panel, its noise in a sentence, the problem (1-D, with a loss; under a
    schedule a ``SurvivalProblem``), and the noise as a formula (Typst; empty: none).
    """

    label: str
    noise: str
    problem: EscapeProblem | SurvivalProblem
    law: str = ""

    def __post_init__(self) -> None:
        sde: Any = self.problem.sde
        if sde.dimension != 1 or not hasattr(sde.landscape, "loss"):
            raise ValueError(
                f"the film 'kramers' needs a loss in one dimension; '{sde.landscape.name}' is "
                + ("a drift field" if sde.dimension == 1 else f"{sde.dimension}-dimensional")
            )
        if scheduled(self.problem) and sde.parameters:
            raise ValueError("the film 'kramers' draws one loss, and here its parameters move; leave parameters out")


@dataclass(frozen=True)
class KramersFilm(Film):
    """A film of escapes.

    Args:
        acts: each one or two shots that run side by side; they share the frames equally.
        particles: per shot.
        paths: for the Monte Carlo route to the mean time.
        horizon: time that a shot shows, in the problem's clock; by default 2.2 mean escape times, and under a schedule
            1.25 times what it takes to settle (where it never does, 2.2 of the mean times at its strongest break).
        before, after: shares of each act in which it stands still, at its start and at its end.

    Raises:
        ValueError: for empty acts, or fewer than two moving frames per act.
    """

    name: ClassVar[str] = "kramers"
    length: ClassVar[float] = 12.0
    with_manim: ClassVar[Mapping[str, Any]] = MappingProxyType({"before": 0.25, "after": 0.08})

    acts: tuple[tuple[Shot, ...], ...]
    particles: int = 250
    paths: int = 4000
    horizon: float | None = None
    before: float = 0.0
    after: float = 0.0
    clock: Clock | str | float = field(default="slow-fast", kw_only=True)

    def __post_init__(self) -> None:
        if not self.acts or not all(1 <= len(act) <= 2 for act in self.acts):
            raise ValueError("a film has at least one act, and an act one or two shots")
        self.require(frames=2 * len(self.acts), particles=2)
        if self.horizon is not None and not 0 < self.horizon < math.inf:
            raise ValueError(f"the horizon of the film 'kramers' is a time > 0; got {self.horizon}")
        if self.before < 0 or self.after < 0 or self.before + self.after > 0.5:
            raise ValueError(
                "an act stands still for at most half its time; got the shares "
                f"{self.before:g} before and {self.after:g} after"
            )

    @classmethod
    def standard(cls, **options: Any) -> KramersFilm:
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
    def of(cls, problem: EscapeProblem | SurvivalProblem, **options: Any) -> KramersFilm:
        """One escape, one act, one panel; under a schedule it is named by its curves."""
        require_open_space(problem, schedules=True)
        label = f"L(x) = {typeset(problem.sde.landscape.name)}"
        plan: Any = problem.sde
        noise = plan.sde.noise if scheduled(problem) else plan.noise
        law, kind = noise.typeset, noise.title
        words = f"{kind}: {noise}" if law and kind else str(noise)
        if scheduled(problem):
            law, curves = "", [f"{name.replace('_', ' ')}: {curve}" for name, curve in plan.curves.items()]
            words = ", ".join([kind or str(noise), *curves])
        return cls(((Shot(label, words, problem, law),),), **options)
