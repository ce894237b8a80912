"""Does mini-batch SGD escape as Cramer's exponent says, and Gaussian noise of the same covariance as the SDE's?

    ln(iterations) = ln(1/eta) + const + (S/eta) I + O(eta),      I = |int_a^b q dx|  against  |int_a^b 2 L'/C1 dx|

Both chains run at the same ratios barrier/noise, that is at learning rates eta = S I / k with their own I.  The slope
is fitted to ln(eta * iterations), which takes the known ln(1/eta) out, against S/eta.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from fpsim.cramer import CramerExponent, cramer, cramer_exponent
from fpsim.exits import exit_times
from fpsim.minibatch import MiniBatchSGD, exit_iterations
from fpsim.targets import as_target
from fpsim.valleys import valley
from landscapes.dataset import DatasetLandscape

Noise = Literal["mini-batches", "gaussian"]


@dataclass(frozen=True)
class EscapeSlope:
    """Mean exits of one chain at several learning rates, with the fitted slope.

    Attributes:
        noise: ``"mini-batches"`` or ``"gaussian"``.
        learning_rates: eta.
        iterations, errors: mean number of iterations to the target, and its standard error.
        ratios: mean over the Cramer formula with its prefactor (mini-batches only; else empty).
        slope, slope_error: of ln(eta * iterations) against S/eta, and its standard error.
        expected: the exponent that this chain has for eta -> 0.
        correlation: Pearson's r of ln(iterations) and S/eta.
    """

    noise: Noise
    learning_rates: tuple[float, ...]
    iterations: tuple[float, ...]
    errors: tuple[float, ...]
    ratios: tuple[float, ...]
    slope: float
    slope_error: float
    expected: float
    correlation: float

    def __str__(self) -> str:
        lines = [f"{self.noise}: slope {self.slope:.5g} +- {self.slope_error:.2g}, expected {self.expected:.5g}"]
        rows = zip(self.learning_rates, self.iterations, self.errors, strict=True)
        for k, (eta, mean, error) in enumerate(rows):
            ratio = f", {self.ratios[k]:.4f} of the formula" if self.ratios else ""
            lines.append(f"  eta = {eta:.5g}: {mean:.6g} +- {error:.2g} iterations{ratio}")
        return "\n".join([*lines, f"  Pearson r = {self.correlation:.5f}"])


@dataclass(frozen=True)
class CramerLaw:
    """Both chains on one landscape.

    Attributes:
        landscape: its description.
        batch_size: S.
        exponent: the two exponents by quadrature.
        batches, surrogate: the measured slopes.
    """

    landscape: str
    batch_size: int
    exponent: CramerExponent
    batches: EscapeSlope
    surrogate: EscapeSlope

    def __str__(self) -> str:
        parts = (self.exponent, self.batches, self.surrogate)
        return "\n".join([f"{self.landscape}, S = {self.batch_size}", *map(str, parts)])


def cramer_law(
    landscape: DatasetLandscape,
    start: float = -1.0,
    target: float = 1.0,
    batch_size: int = 1,
    barriers: Sequence[float] = (4.0, 5.5, 7.0),
    surrogate_barriers: Sequence[float] = (5.0, 6.5, 8.0),
    paths: int = 2000,
    seed: int = 0,
    threads: int | None = None,
) -> CramerLaw:
    """Measure both escape slopes on a 1-D data-set landscape.

    Args:
        landscape: with a pass between start and target.
        start, target: numbers; the target beyond the pass.
        batch_size: S.
        barriers, surrogate_barriers: values (S/eta) I to run at, with I the exponent of mini-batches and of Gaussian
            noise; three at least, for a slope with an error.  Small eta is a large barrier.
        paths: per learning rate.
        seed, threads: as in :func:`fpsim.simulate`.

    Raises:
        ValueError: without a pass, or for fewer than three learning rates.
    """
    if min(len(barriers), len(surrogate_barriers)) < 3:
        raise ValueError("a slope with an error needs three learning rates at least; give three barriers")
    found = valley(landscape, [start], as_target(target, np.array([float(start)])))
    if found.saddle is None:
        raise ValueError(f"there is no pass between {start:g} and {target:g}, so there is no exponent")
    exponent = cramer_exponent(landscape, found.minimum.x, found.saddle.x)
    runs: list[EscapeSlope] = []
    for noise, value, levels in (
        ("mini-batches", exponent.exponent, barriers),
        ("gaussian", exponent.gaussian, surrogate_barriers),
    ):
        rates = [batch_size * value / level for level in levels]
        means = [_mean(noise, MiniBatchSGD(landscape, eta, batch_size), start, target, paths, seed, threads) for eta in rates]
        runs.append(_slope(noise, landscape, batch_size, rates, means, value, start, target))
    return CramerLaw(str(landscape), batch_size, exponent, *runs)


def _mean(
    noise: str, sgd: MiniBatchSGD, start: float, target: float, paths: int, seed: int, threads: int | None
) -> tuple[float, float]:
    """Mean iterations to the target, and its standard error."""
    if noise == "mini-batches":
        return exit_iterations(sgd, start, target, paths, seed, threads=threads).mean_and_error()
    goal, eta = as_target(target, np.array([float(start)])), sgd.learning_rate
    sample = exit_times(sgd.surrogate(), start, goal, paths, eta, seed, bridge=False, threads=threads)
    mean, error = sample.mean_and_error()
    return mean / eta, error / eta


def _slope(
    noise: Any, landscape: DatasetLandscape, batch_size: int, rates: list[float], means: list[tuple[float, float]],
    expected: float, start: float, target: float,
) -> EscapeSlope:  # fmt: skip
    """Weighted straight line through ln(eta * iterations) against S/eta."""
    mean, error = np.array(means).T
    eta = np.array(rates)
    x, y, weight = batch_size / eta, np.log(eta * mean), (mean / error) ** 2
    centre = np.average(x, weights=weight)
    spread = np.sum(weight * (x - centre) ** 2)
    ratios: tuple[float, ...] = ()
    if noise == "mini-batches":
        formulas = [cramer(MiniBatchSGD(landscape, r, batch_size).surrogate(), start, target).log_mean for r in rates]
        ratios = tuple(math.exp(value - formula) for value, formula in zip(y, formulas, strict=True))
    return EscapeSlope(
        noise, tuple(rates), tuple(mean.tolist()), tuple(error.tolist()), ratios,
        float(np.sum(weight * (x - centre) * y) / spread), float(1 / math.sqrt(spread)), expected,
        float(np.corrcoef(x, np.log(mean))[0, 1]),
    )  # fmt: skip
