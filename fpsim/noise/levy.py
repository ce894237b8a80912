"""Heavy-tailed noise: symmetric alpha-stable jumps,  dX = b dt + dL,  E exp(i k . L_t) = exp(-t |scale k|^alpha).

    L_h = h^(1/alpha) scale sqrt(2 A) N(0, I),      A > 0 stable of index alpha/2,   E exp(-u A) = exp(-u^(alpha/2))

(the sub-Gaussian law; in one dimension by Chambers, Mallows and Stuck).  SGD as such a process: Simsekli, Sagun and
Gurbuzbalaban, ICML 2019 (arXiv 1901.06053).  At alpha = 2 this is white noise, D = scale^2 I.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fpsim.noise.constant import ConstantDiffusion
from fpsim.noise.facts import StableLaw
from fpsim.noise.kicks import Kicks
from fpsim.noise.model import Array, Diffusion, Structure, SymbolicTensor
from fpsim.statistics.stable import chambers_mallows_stuck, kanter
from landscapes.kinds import HasDrift

SMALL = 2.0**-32
"""Resolution of the random numbers: angles stay this far from where a jump would be infinite."""


@dataclass(frozen=True)
class LevyNoise(Diffusion[HasDrift]):
    """Isotropic symmetric alpha-stable noise.

    It jumps, so that it has no tensor D: paths take it (without the bridge test between steps), and for what leaves an
    interval the fractional equation does; whatever asks for D refuses.

    Where the drift grows faster than x, a rare long jump makes explicit steps diverge, however small they are, which is
    told; let paths end there (:class:`~fpsim.targets.Outside`).

    Args:
        alpha: the tail index, 0 < alpha <= 2: P(|L| > r) ~ r^-alpha.
        scale: > 0, in units of coordinate / time^(1/alpha).

    Raises:
        ValueError: for other values.
    """

    alpha: float
    scale: float

    def __post_init__(self) -> None:
        if not 0 < self.alpha <= 2:
            raise ValueError(f"a stable law has 0 < alpha <= 2; got {self.alpha!r}")
        if not (np.isfinite(self.scale) and self.scale > 0):
            raise ValueError(f"scale must be a positive number; got {self.scale!r}")

    @property
    def _white(self) -> ConstantDiffusion | None:
        return ConstantDiffusion(self.scale**2) if self.alpha == 2 else None

    @property
    def stable(self) -> StableLaw | None:
        """Its law, unless it is Gaussian."""
        return StableLaw(self.alpha, self.scale) if self._white is None else None

    @property
    def is_constant(self) -> bool:
        """The jumps are the same everywhere."""
        return True

    def structure(self, landscape: HasDrift) -> Structure:
        """The same in all directions."""
        return "isotropic"

    def tensor(self, landscape: HasDrift, x: Array) -> Array:
        """D = scale^2 I at alpha = 2; ``ValueError`` below."""
        if self._white is None:
            raise ValueError(
                f"alpha-stable noise (alpha = {self.alpha:g}) jumps and has no diffusion tensor D; use by_paths(), and "
                "for what leaves an interval or a ball by('fractional') or the formulas 'getoor' and "
                "'imkeller-pavlyukevich'"
            )
        return self._white.tensor(landscape, x)

    def symbolic(self, landscape: HasDrift) -> SymbolicTensor | None:
        """That of white noise at alpha = 2; else None, and paths run in NumPy."""
        return None if self._white is None else self._white.symbolic(landscape)

    def kicks(self, landscape: HasDrift) -> Kicks:
        """Jumps of unit time from d + 2 normals, of which two give an angle and an exponential; in 1-D from two."""
        if self._white is not None:
            return self._white.kicks(landscape)
        d = landscape.dimension

        def line(x: Array, z: Array) -> Array:
            angle, w = _angle(z[0], z[1])
            return self.scale * chambers_mallows_stuck(self.alpha, angle / 2, w)[None]

        def space(x: Array, z: Array) -> Array:
            angle, w = _angle(z[d], z[d + 1])
            return np.asarray(self.scale * np.sqrt(2 * kanter(self.alpha / 2, np.abs(angle), w)) * z[:d])

        def along(x: Array, n: Array) -> Array:
            return np.asarray(self.tensor(landscape, x))

        return Kicks(2, line, along) if d == 1 else Kicks(d + 2, space, along)

    @property
    def title(self) -> str:
        """Heavy tails."""
        return "Heavy tails"

    @property
    def typeset(self) -> str:
        """Its characteristic function."""
        return f"E e^(i k L_t) = e^(-t abs({self.scale:g} k)^{self.alpha:g})"

    def __str__(self) -> str:
        return f"alpha-stable noise, E exp(i k.L_t) = exp(-t |{self.scale:g} k|^{self.alpha:g})"


def _angle(first: Array, second: Array) -> tuple[Array, Array]:
    """An angle in (-pi, pi) without its ends and zero, and an exponential, from two normals."""
    angle = np.arctan2(second, first)
    size = np.clip(np.abs(angle), SMALL, np.pi * (1 - SMALL))
    return np.copysign(size, angle), np.maximum((first**2 + second**2) / 2, SMALL**2)
