"""Does mini-batch SGD escape as Cramer's exponent says, and Gaussian noise of the same covariance as the SDE's?

    ln(iterations) = ln(1/eta) + const + (S/eta) I + O(eta),      I = |int_a^b q dx|  against  |int_a^b 2 L'/C1 dx|

Both chains run at the same ratios barrier/noise, that is at learning rates eta = S I / k with their own I.  The slope
is fitted to ln(eta * iterations), which takes the known ln(1/eta) out, against S/eta.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from fpsim.escape import EscapeProblem
from fpsim.kernels.random_numbers import own_seed
from fpsim.paths.exits import exit_times
from fpsim.sgd.cramer import CramerExponent, cramer_exponent
from fpsim.sgd.minibatch import MiniBatchSGD, exit_iterations
from fpsim.targets import as_target
from fpsim.valleys.valley import valley
from landscapes.examples.dataset import DatasetLandscape

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
    paths: int = 2000,
    seed: int = 0,
    threads: int | None = None,
) -> CramerLaw:
    """Measure both escape slopes on a 1-D data-set landscape.

    Args:
        landscape: with a pass between start and target.
        start, target: numbers; the target beyond the pass.
        batch_size: S.
        barriers: values (S/eta) I to run at, with I each chain's own exponent; three at least, for a slope with an
            error.  A large barrier is a small eta.
        paths: per learning rate.
        seed, threads: as in :func:`fpsim.simulate`.

    Raises:
        ValueError: without a pass, or for fewer than three learning rates.
    """
    if len(barriers) < 3:
        raise ValueError("a slope with an error needs three learning rates at least; give three barriers")
    found = valley(landscape, [start], as_target(target, np.array([float(start)])))
    if found.saddle is None:
        raise ValueError(f"there is no pass between {start:g} and {target:g}, so there is no exponent")
    exponent = cramer_exponent(landscape, found.minimum.x, found.saddle.x)
    runs: list[EscapeSlope] = []
    noises: tuple[tuple[Noise, float], ...] = (("mini-batches", exponent.exponent), ("gaussian", exponent.gaussian))
    for noise, value in noises:
        chains = [MiniBatchSGD(landscape, batch_size * value / barrier, batch_size) for barrier in barriers]
        means = [_mean(noise, sgd, start, target, paths, own_seed(seed, k), threads) for k, sgd in enumerate(chains)]
        ratios = _ratios(chains, means, start, target) if noise == "mini-batches" else ()
        runs.append(_fit(noise, chains, means, ratios, value))
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


def _ratios(
    chains: list[MiniBatchSGD], means: list[tuple[float, float]], start: float, target: float
) -> tuple[float, ...]:
    """Measured times over those of the Cramer formula with its prefactor."""
    formulas = [EscapeProblem(sgd.surrogate(), start, target).by_formula("cramer").log_mean for sgd in chains]
    pairs = zip(chains, means, formulas, strict=True)
    return tuple(math.exp(math.log(sgd.learning_rate * mean) - formula) for sgd, (mean, _), formula in pairs)


def _fit(
    noise: Noise,
    chains: list[MiniBatchSGD],
    means: list[tuple[float, float]],
    ratios: tuple[float, ...],
    expected: float,
) -> EscapeSlope:
    """Weighted straight line through ln(eta * iterations) against S/eta."""
    mean, error = np.array(means).T
    eta = np.array([sgd.learning_rate for sgd in chains])
    x, y, weight = chains[0].batch_size / eta, np.log(eta * mean), (mean / error) ** 2
    gap = x - np.average(x, weights=weight)
    spread = np.sum(weight * gap**2)
    return EscapeSlope(
        noise,
        learning_rates=tuple(eta.tolist()),
        iterations=tuple(mean.tolist()),
        errors=tuple(error.tolist()),
        ratios=ratios,
        slope=float(np.sum(weight * gap * y) / spread),
        slope_error=float(1 / math.sqrt(spread)),
        expected=expected,
        correlation=float(np.corrcoef(x, np.log(mean))[0, 1]),
    )
