"""Motion with inertia, the underdamped Langevin equation for states (x, v),

    dx = v dt,      mass dv = (b(x) - friction v) dt + sqrt(2 friction D(x)) dB,      b = -grad L.

For D = T I the stationary density is exp(-(L + mass v^2 / 2) / T) whatever the friction, which sets how fast a barrier
is crossed (Kramers, Physica 7 (1940) 284).  For mass -> 0 (or friction -> infinity) x follows the SDE of the same
landscape and noise on the clock t / friction, in Ito's convention, also where D depends on x (Freidlin, J. Stat. Phys.
117 (2004) 617).

Heavy-ball SGD, v' = beta v - eta g, x' = x + v', is this with t = eta * iterations and

    friction = 1 - beta,      mass = eta (1 + beta) / 2,      D = D_sgd / (1 - beta):

its drift to second order in the step (friction x_t + mass x_tt = -grad L + O(eta^2)), its noise to first.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fpsim.noise.model import Diffusion
from fpsim.numbers import positive, share
from fpsim.sde.phase_space import PhaseSpace, VelocityNoise
from fpsim.sde.sde import SDE, Inertia
from fpsim.targets import PlaceTarget, Target, as_target
from fpsim.walls import as_walls
from landscapes.field import in_words
from landscapes.kinds import HasDrift

Array = NDArray[np.float64]


class Underdamped(SDE):
    """Landscape and noise of an SDE, moved with mass and friction; its states are (x, v), 2 d coordinates.

    Starts and targets may be given for x alone: paths then start at rest, and end whatever their velocity.

    Args:
        place: a landscape or drift field in x.
        place_noise: a noise model for x; a constant D = T I is the temperature T.
        friction: of the velocity, > 0.
        mass: > 0.

    Raises:
        ValueError: for a friction or mass that is not positive, jumps, or a noise that does not fit the landscape.
    """

    own: Inertia

    def __init__(self, place: HasDrift, place_noise: Diffusion[Any], friction: float, mass: float = 1.0) -> None:
        plain = SDE(place, place_noise)
        positive(friction, "friction")
        positive(mass, "mass")
        _refuse_jumps(place_noise)
        phase = PhaseSpace(place, float(friction), float(mass))
        super().__init__(phase, VelocityNoise(place_noise, phase))
        object.__setattr__(self, "own", Inertia(plain, phase.friction, phase.mass))

    @classmethod
    def of_heavy_ball(
        cls, place: HasDrift, noise: Diffusion[Any], learning_rate: float, momentum: float
    ) -> Underdamped:
        """Heavy-ball SGD with D = ``noise`` at momentum 0, in time = learning rate * iterations.

        Raises:
            ValueError: for a momentum outside [0, 1), or a noise without a single strength (T or eta/S).
        """
        share(momentum, "momentum")
        _refuse_jumps(noise)
        mass = positive(learning_rate, "learning_rate") * (1 + momentum) / 2
        return cls(place, noise.scaled(1 / (1 - momentum)), 1 - momentum, mass)

    @property
    def inertia(self) -> Inertia:
        """Mass, friction, and landscape and noise in x."""
        return self.own

    def started(self, start: Any) -> Any:
        """States of a start: places (d,) or (d, n) begin at rest, states (2 d, ...) and functions stay."""
        if callable(start):
            return start
        points, d = np.asarray(start, dtype=float), self.own.overdamped.dimension
        points = np.atleast_1d(points)
        if self.own.walls is not None and not self.own.walls.contains(points[:d]).all():
            raise ValueError(f"the start {in_words(points[:d])} lies outside the {self.own.walls}; choose one inside")
        return np.concatenate([points, np.zeros_like(points)]) if len(points) == d else points

    def goal(self, target: Any, start: Array) -> Target:
        """A target for the place, where nothing else is given."""
        if isinstance(target, PlaceTarget):
            return as_target(target, start)
        return as_target(PlaceTarget(as_target(target, np.split(start, 2)[0])), start)

    def between(self, boundary: Any) -> Underdamped:
        """The same between walls around the place; ``boundary`` as in :func:`fpsim.simulate`."""
        if boundary is None:
            return self
        found = Underdamped(self.own.overdamped.landscape, self.own.overdamped.noise, self.own.friction, self.own.mass)
        walls = as_walls(boundary, self.own.overdamped.landscape)
        object.__setattr__(found, "own", replace(found.own, walls=walls))
        return found

    def with_noise(self, noise: Diffusion[Any]) -> Underdamped:
        """The same under another noise, of states or of places."""
        inner = noise.inner if isinstance(noise, VelocityNoise) else noise
        found = Underdamped(self.own.overdamped.landscape, inner, self.own.friction, self.own.mass)
        return found if self.own.walls is None else found.between(self.own.walls)

    def __str__(self) -> str:
        own, plain = self.own, self.own.overdamped
        walls = "" if own.walls is None else f"; {own.walls}"
        return f"{plain.landscape}; {plain.noise}; underdamped, mass {own.mass:g}, friction {own.friction:g}{walls}"


def _refuse_jumps(noise: Diffusion[Any]) -> None:
    if noise.leaps:
        raise ValueError(f"inertia is for noise with a D, and {noise} jumps; use SDE, without inertia")
