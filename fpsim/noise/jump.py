"""White noise with rare jumps of finite variance:  dX = b dt + sqrt(2 T) dB + dJ,

    J jumps ``rate`` times per unit of time, each time by size N(0, I)          (Merton's jump diffusion, 1976)

What the mean of S examples leaves of a heavy tail that has a variance: :meth:`JumpNoise.of_batches`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from fpsim.noise.constant import ConstantDiffusion
from fpsim.noise.kicks import Kicks
from fpsim.noise.leaps import Formulas, Leap
from fpsim.noise.model import Array, Diffusion, Structure
from fpsim.numbers import not_negative, number, positive
from landscapes.kinds import HasDrift

MOST = 12
"""Jumps in one step that are told apart; of steps with less than one on average, 1e-10 have more."""
NEVER = 100.0


@dataclass(frozen=True)
class JumpNoise(Diffusion[HasDrift]):
    """White noise and jumps of finite variance.

    It has no tensor D that would decide exits, so that paths take it (without the bridge test between steps) and what
    asks for D refuses; :attr:`white` is the white noise of the same covariance.

    Args:
        temperature: T >= 0 of the white noise.
        rate: > 0, jumps per unit of time.
        size: > 0, standard deviation of a jump along each axis.

    Raises:
        ValueError: for other values.
    """

    temperature: float
    rate: float
    size: float

    def __post_init__(self) -> None:
        not_negative(self.temperature, "temperature")
        positive(self.rate, "rate")
        positive(self.size, "size")

    @classmethod
    def of_batches(cls, learning_rate: float, batch_size: float, spread: float, chance: float, jump: float) -> Self:
        """The noise of means of S examples, each N(0, spread^2), or with a small ``chance`` N(0, jump^2).

        A step of eta moves by eta/S times their sum: T = eta spread^2/(2 S), rate = chance S/eta, size = eta jump/S.
        """
        eta, size = positive(learning_rate, "learning_rate"), positive(batch_size, "batch_size")
        not_negative(spread, "spread")
        positive(jump, "jump")
        number(chance, "the chance of a large example", "a number between 0 and 1", lambda x: 0 < x < 1)
        return cls(eta * spread**2 / (2 * size), chance * size / eta, eta * jump / size)

    @property
    def white(self) -> ConstantDiffusion:
        """White noise of the same covariance, D = T + rate size^2 / 2."""
        return ConstantDiffusion(self.temperature + self.rate * self.size**2 / 2)

    @property
    def leaps(self) -> bool:
        """True."""
        return True

    @property
    def longest_step(self) -> float:
        """A twentieth of the time between jumps."""
        return 0.05 / self.rate

    @property
    def is_constant(self) -> bool:
        """The jumps are the same everywhere."""
        return True

    def structure(self, landscape: HasDrift) -> Structure:
        """The same in all directions."""
        return "isotropic"

    def tensor(self, landscape: HasDrift, x: Array) -> Array:
        """``ValueError``: jumps are no diffusion."""
        raise ValueError(
            f"the noise '{self}' jumps and has no diffusion tensor D; use by_paths(), or its white noise of the same "
            "covariance, noise.white"
        )

    def leap(self, landscape: HasDrift) -> Leap:
        """sqrt(2 T h + N size^2) z with N jumps in the step, told by one more normal."""
        d = landscape.dimension

        def moved(z: Array, step: float) -> Array:
            jumps = sum((z[d] > place).astype(float) for place in self._places(step))
            return np.asarray(np.sqrt(2 * self.temperature * step + jumps * self.size**2) * z[:d])

        def formulas(z: Sequence[Any], step: float) -> Formulas:
            """The same of d + 1 normals, to be compiled."""
            import sympy

            places = [sympy.Symbol(f"jump place {k}", real=True) for k in range(MOST)]
            white, size, spread = (sympy.Symbol(f"jump {name}", real=True) for name in ("white", "square", "spread"))
            number = sum(sympy.Heaviside(z[d] - place, 0, evaluate=False) for place in places)
            known = dict(zip(places, self._places(step), strict=True))
            known |= {white: 2 * self.temperature * step, size: self.size**2}
            return Formulas(
                tuple(spread * z[i] for i in range(d)), ((spread, sympy.sqrt(white + size * number)),), known
            )

        return Leap(d + 1, moved, formulas)

    def _places(self, step: float) -> list[float]:
        """What a normal is above if a step has more than k jumps, k = 0, 1, ..."""
        from scipy.special import pdtrc
        from scipy.stats import norm

        mean = self.rate * step
        if mean > 1:
            raise ValueError(
                f"a step of {step:g} has {mean:.3g} jumps on average, and at most one is taken; use step <= "
                f"{1 / self.rate:.3g}"
            )
        return np.minimum(norm.isf(pdtrc(np.arange(MOST), mean)), NEVER).tolist()

    def kicks(self, landscape: HasDrift) -> Kicks:
        """How many normals; a kick by itself has no size without its step."""

        def none(x: Array, z: Array) -> Array:
            return np.asarray(self.tensor(landscape, x))

        return Kicks(landscape.dimension + 1, none, none)

    @property
    def title(self) -> str:
        """White noise and jumps."""
        return "White noise and jumps"

    def __str__(self) -> str:
        return f"white noise T = {self.temperature:g} and jumps of size {self.size:g} N(0, 1) at rate {self.rate:g}"
