"""A 1-D chain whose single steps are taken in k parts, so that a rare long jump can be split, too.

A step x -> m(x) + s(x) zeta is k small ones: with (u, sigma, j) the place of the j-th part and the noise to come,

    j = k:   u' = m(u) + s(u) z/k^(1/2),        sigma' = s(u) (1 - 1/k)^(1/2),                    j' = 1
    j < k:   u' = u + sigma z/(k - j)^(1/2),    sigma' = sigma (1 - 1/(k - j))^(1/2),             j' = j + 1

Where j = k, u is the chain itself, and only there may it be in the target.  Given (u, sigma) the step ends at
u + sigma xi, xi standard normal: the chance to arrive is that of the chain, averaged over xi.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fpsim.sde.sde import SDE, SymbolicSDE
from fpsim.targets import Target

if TYPE_CHECKING:
    import sympy

Array = NDArray[np.float64]


class StepInParts(SDE):
    """The state (u, sigma, j) in the form that flights take: its Euler-Maruyama step of length 1 is a part."""

    plain: SDE
    rate: float
    parts: int

    def __init__(self, plain: SDE, rate: float, parts: int) -> None:
        for name, value in (
            ("landscape", plain.landscape), ("noise", plain.noise), ("convention", plain.convention),
            ("plain", plain), ("rate", rate), ("parts", parts),
        ):  # fmt: skip
            object.__setattr__(self, name, value)

    def begun(self, x: Array) -> Array:
        """The state (3,) of the chain at ``x`` (1,)."""
        return np.array([x[0], 0.0, self.parts])

    @property
    def dimension(self) -> int:
        """Place, noise to come, part."""
        return 3

    @property
    def structure(self) -> str:
        """Only the place is kicked, by much or little."""
        return "diagonal"

    @property
    def normals(self) -> int:
        """Three, of which the first is used, as in compiled steps."""
        return 3

    def _deviation(self, x: Array) -> Array:
        """Of the next part, (...)."""
        u, sigma, j = x
        whole = np.sqrt(2 * self.rate * np.maximum(self.plain.diffusion(u[None])[0, 0], 0.0))
        return np.where(self._ended(j), whole / np.sqrt(self.parts), sigma / np.sqrt(np.maximum(self.parts - j, 1)))

    def _ended(self, j: Array) -> NDArray[np.bool_]:
        return np.asarray(j > self.parts - 0.5)

    def drift(self, x: Array) -> Array:
        """What a part adds to (u, sigma, j) without noise, (3, ...)."""
        u, sigma, j = x
        ended, part = self._ended(j), np.where(self._ended(j), 0.0, j)
        place = np.where(ended, self.rate * self.plain.drift(u[None])[0], 0.0)
        left = np.sqrt(np.maximum(self.parts - part - 1, 0.0)) * self._deviation(x)
        return np.stack([place, left - sigma, part + 1 - j])

    def diffusion(self, x: Array) -> Array:
        """Half the variance of a part in the first entry, (3, 3, ...)."""
        tensor = np.zeros((3, 3, *x.shape[1:]))
        tensor[0, 0] = self._deviation(x) ** 2 / 2
        return tensor

    def kick(self, x: Array, z: Array) -> Array:
        """The noise of a part."""
        kick = np.zeros_like(x)
        kick[0] = self._deviation(x) * z[0]
        return kick

    def along(self, x: Array, n: Array) -> Array:
        """n . D n, (...)."""
        return np.asarray(self._deviation(x) ** 2 / 2 * n[0] ** 2)

    @property
    def symbolic(self) -> SymbolicSDE | None:
        """The same as formulas."""
        base = self.plain.symbolic
        if base is None:
            return None
        import sympy

        (u,) = base.variables
        sigma, j = sympy.symbols("part_sigma part_number", real=True)
        rate, k = sympy.symbols("part_rate part_count", real=True)
        ended = j > k - sympy.Rational(1, 2)
        whole = sympy.sqrt(rate) * base.root[0, 0] / sympy.sqrt(k)
        deviation = sympy.Piecewise((whole, ended), (sigma / sympy.sqrt(sympy.Max(k - j, 1)), True))
        part = sympy.Piecewise((0, ended), (j, True))
        left = sympy.sqrt(sympy.Max(k - part - 1, 0)) * deviation
        return SymbolicSDE(
            (u, sigma, j),
            {**base.parameters, rate: self.rate, k: float(self.parts)},
            (sympy.Piecewise((rate * base.drift[0], ended), (0, True)), left - sigma, part + 1 - j),
            sympy.diag(deviation**2 / 2, 0, 0),
            sympy.diag(deviation, 0, 0),
            base.statements,
        )

    def __str__(self) -> str:
        return f"{self.plain}; steps in {self.parts} parts"


@dataclass(frozen=True)
class AtStepEnd(Target):
    """A target for the chain, which is met at the last part of a step only."""

    inner: Target
    parts: int

    def level(self, x: Array) -> Array:
        """That of the chain; -1 under way."""
        return np.where(x[2] > self.parts - 0.5, self.inner.level(x[:1]), -1.0)

    def gradient(self, x: Array) -> Array:
        """That of the chain in the first entry."""
        slope = self.inner.gradient(x[:1])
        return np.concatenate([slope, np.zeros((2, *x.shape[1:]))])

    def symbolic(self, variables: Sequence[sympy.Symbol]) -> tuple[sympy.Expr, dict[sympy.Symbol, float]] | None:
        """The same as a formula."""
        import sympy

        found = self.inner.symbolic(variables[:1])
        if found is None:
            return None
        k = sympy.Symbol("part_count_at_end", real=True)
        under_way = (sympy.Integer(-1), True)
        return sympy.Piecewise((found[0], variables[2] > k), under_way), {**found[1], k: self.parts - 0.5}

    def __str__(self) -> str:
        return str(self.inner)
