"""What the formulas of a 1-D SDE say about drift and D between the points at which they are evaluated.

    |f - p| <= C M rho^-n      f = L'/D or ln D,  p its polynomial through n Gauss nodes of a panel,  M >= |f| on a disc

so a panel on which M rho^-n is small hides no well and no narrow piece of noise.  And where  L' + (1 - l) D'  keeps its
sign, the stationary weight e^-W D^(l-1) is monotone: behind that there is no further well.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fpsim.exact.balls import Balls, log, power, times
from fpsim.exact.integrals import ORDER
from fpsim.exact.intervals import Intervals, NoRuleError
from fpsim.sde.sde import SDE

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

RHO = 4.0
FACTOR = (RHO + 1 / RHO) / 2  # a disc of this many half-widths holds the ellipse of RHO


@dataclass(frozen=True)
class Features:
    """The formulas of L' and D of a 1-D SDE, and the values of their parameters."""

    variable: Any
    slope: Any
    noise: Any
    loss: Any
    values: tuple[tuple[Any, float], ...]
    weight: float

    @classmethod
    def of(cls, sde: SDE) -> Features | None:
        """The formulas of an SDE; ``None`` where drift or D has none, or one without known bounds."""
        try:
            return _features(sde)
        except TypeError:  # a noise model that cannot be hashed
            return None

    @cached_property
    def is_polynomial(self) -> bool:
        """Whether L'/D is a polynomial that the nodes of a panel determine."""
        if self.noise.has(self.variable) or not self.slope.is_polynomial(self.variable):
            return False
        return self._coefficients.size <= ORDER - 2 and bool(np.isfinite(self._coefficients).all())

    @cached_property
    def _coefficients(self) -> Array:
        """Coefficients of a polynomial slope, highest first."""
        import sympy

        terms = sympy.Poly(self.slope.xreplace(dict(self.values)), self.variable).all_coeffs()
        return np.array([float(c) for c in terms])

    def hidden(self, middle: Array, half: Array) -> Array:
        """Bound of what the nodes of panels may miss of W and of ln D, shape (panels,)."""
        if self.is_polynomial:
            return np.zeros(middle.size)
        balls = Balls(self.variable, middle, half, FACTOR, dict(self.values))
        slope, noise = balls(self.slope), balls(self.noise)
        with np.errstate(all="ignore"):
            rise = half * times(slope, power(noise, -1)).rad
            bound = np.maximum(rise, log(noise).rad) * RHO**-ORDER
        return np.asarray(np.broadcast_to(np.where(np.isnan(bound), np.inf, bound), middle.shape))

    def turns(self, low: Array, high: Array, outward: float) -> Mask:
        """Boxes on which the stationary weight may rise in the direction ``outward`` (+1 or -1), shape (boxes,)."""
        least, most = Intervals({self.variable: (low, high), **dict(self.values)})(self._fall)
        fall = least if outward > 0 else -most
        return np.asarray(np.broadcast_to(~(fall >= 0), low.shape))

    def lowest(self, low: Array, high: Array) -> Array:
        """Lower bounds of the loss on boxes; -inf where nothing is known."""
        if self.loss is None or self.noise.has(self.variable):
            return np.full(low.shape, -np.inf)
        found = Intervals({self.variable: (low, high), **dict(self.values)})(self.loss)[0]
        return np.asarray(np.broadcast_to(np.where(np.isnan(found), -np.inf, found), low.shape))

    @cached_property
    def _fall(self) -> Any:
        """L' + (1 - l) D', which has the sign of -(ln weight)'."""
        from landscapes.formula.symbolic import derivative

        return self.slope + (1 - self.weight) * derivative(self.noise, self.variable)

    @cached_property
    def turning_points(self) -> Array | None:
        """All places where the weight turns, if L'/D is a polynomial; else ``None``."""
        if not self.is_polynomial:
            return None
        roots = np.roots(self._coefficients) if self._coefficients.size > 1 else np.empty(0)
        return np.real(roots[np.abs(np.imag(roots)) <= 1e-6 * np.abs(roots)])


@lru_cache(maxsize=64)
def _features(sde: SDE) -> Features | None:
    base, noise = sde.landscape.symbolic, sde.noise.symbolic(sde.landscape)
    if base is None or noise is None or sde.dimension != 1:
        return None
    tensor, parameters = noise
    values = {**base.parameters, **parameters}
    found = Features(
        base.variables[0], -base.drift[0], tensor[0, 0], base.loss, tuple(values.items()), sde.convention_weight
    )
    try:
        found.hidden(np.array([0.5]), np.array([0.25]))
        found.turns(np.array([0.25]), np.array([0.75]), 1.0)
    except NoRuleError:
        return None
    return found
