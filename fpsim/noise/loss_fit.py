"""How well the loss describes the noise of its examples:  C1(x) = 2 h L(x), fitted in logarithms.

    ln h = mean of ln(c / (2 L)),     c = tr C1 / d,     residual = standard deviation of ln(c / (2 L))

Beside it stand what a constant C1 leaves (the same without L) and the power of L that fits best, which is 1 if the law
of Mori et al. 2022 (arXiv 2105.09557) holds.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from fpsim.assumption import Assumption
from fpsim.noise.loss_scaled import LossScaledDiffusion
from landscapes.kinds import HasDrift, has_examples

CLOSE = 0.2
"""Residual of ln C1 up to which the loss is said to describe it."""


@dataclass(frozen=True)
class LossScaling:
    """The fit of C1 = 2 h L.

    Attributes:
        curvature: h.
        residual: standard deviation of ln(C1 / (2 h L)); 0.2 is 20 % of C1.
        constant: the same for a constant C1: what there is to be described.
        power: slope of ln C1 against ln L.
        points: how many points were looked at.
    """

    curvature: float
    residual: float
    constant: float
    power: float
    points: int

    @property
    def assumption(self) -> Assumption:
        """Whether the loss describes the noise here, to 20 %."""
        statement = f"the examples' C1 is proportional to the loss (residual of ln C1 <= {CLOSE:g})"
        return Assumption(statement, self.residual <= CLOSE, str(self), key="loss scaling")

    def noise(self, learning_rate: float, batch_size: float) -> LossScaledDiffusion:
        """The loss-scaled noise of this h."""
        return LossScaledDiffusion(learning_rate=learning_rate, batch_size=batch_size, curvature=self.curvature)

    def __str__(self) -> str:
        return (
            f"C1 = 2 h L with h = {self.curvature:.4g} leaves {self.residual:.3g} of ln C1, a constant C1 "
            f"{self.constant:.3g}; C1 ~ L^{self.power:.3g}; {self.points} points"
        )


def loss_scaling(landscape: HasDrift, points: ArrayLike) -> LossScaling:
    """Fit C1 = 2 h L at ``points`` (d, n) of a landscape with examples.

    Raises:
        ValueError: without examples, for fewer than three points, or where L or tr C1 is not positive, or L constant.
    """
    if not has_examples(landscape):
        raise ValueError(f"C1 is of a landscape with examples, and {landscape} has none")
    x = np.asarray(points, dtype=float)
    if x.ndim != 2 or x.shape[0] != landscape.dimension or x.shape[1] < 3:
        raise ValueError(f"points have shape ({landscape.dimension}, n) with n >= 3; got {x.shape}")
    loss = np.asarray(landscape.loss(x))
    level = np.einsum("ii...->...", landscape.gradient_covariance(x)) / landscape.dimension
    if not (loss.min() > 0 and level.min() > 0 and np.ptp(loss) > 0):
        raise ValueError(
            f"the fit C1 = 2 h L needs positive values and a loss that varies; L is from {loss.min():.4g} to "
            f"{loss.max():.4g}, C1 from {level.min():.4g} to {level.max():.4g}"
        )
    ratio, noise = np.log(level / (2 * loss)), np.log(level)
    power = float(np.polyfit(np.log(loss), noise, 1)[0])
    return LossScaling(float(np.exp(ratio.mean())), float(ratio.std()), float(noise.std()), power, x.shape[1])
