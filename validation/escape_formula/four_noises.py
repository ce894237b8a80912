"""One double well under four kinds of SGD noise, each with its exact (or sampled) escape time and its theory.

ln(time) = exponent + ln(prefactor) + o(1),        L = dL ((x/w)^2 - 1)^2,   w^2 = 8 dL / H,   L''(0) = -H/2

two-level      D = kappa H below a fraction s of the climb, kappa H/2 beyond      (theorem 3.2 of Xie et al. 2021)
floored        D = kappa (|L''| + floor)
chain          x' = x - eta L' + eta sqrt(|L''|/S) zeta                          (SGD with Gaussian noise, no floor)
mini-batches   x' = x - (eta/S) sum_j (L' + sqrt(H) s_j),  s_j of two values     (SGD itself; C1 = H at the minimum)
surrogate      x' = x - eta L' + eta sqrt(H/S) zeta                              (the same with Gaussian noise)
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import numpy as np

from fpsim.escape import EscapeProblem
from fpsim.kernels.random_numbers import own_seed
from fpsim.noise import HessianDiffusion
from fpsim.sde.sde import SDE, Convention
from fpsim.sgd.chain import Chain
from fpsim.sgd.cramer import cramer_exponent
from fpsim.sgd.minibatch import MiniBatchSGD, exit_iterations
from landscapes import DoubleWell
from landscapes.examples.dataset import DatasetLandscape
from validation.sharp_flat.two_valleys import log_time

CLIMB = 0.5
RELATIVE_FLOOR = 0.05
"""The floor over the curvature of the minimum, so that a rescaled well is the same problem."""
POSITIVE, EXAMPLES = 20, 100
"""Examples that push to the left, of all: their noise is skewed."""


@dataclass(frozen=True)
class Setting:
    """SGD's two numbers and the well's two."""

    learning_rate: float = 0.1
    batch_size: float = 5.0
    barrier: float = 0.25
    curvature: float = 2.0

    @property
    def width(self) -> float:
        """Distance from the top to either minimum."""
        return math.sqrt(8 * self.barrier / self.curvature)

    @property
    def well(self) -> DoubleWell:
        """The landscape."""
        return _well(self.barrier, self.width)

    @property
    def unit(self) -> float:
        """2 S dL / (eta H): theorem 3.2 has the exponent (2 - s) times this on every such well."""
        return 2 * self.batch_size * self.barrier / (self.learning_rate * self.curvature)

    @property
    def examples(self) -> DatasetLandscape:
        """The same loss as a mean over examples with slopes sqrt(H) s_j of mean 0 and variance H."""
        return _examples(self.barrier, self.width, math.sqrt(self.curvature))

    def varied(self, variable: str, factor: float) -> Setting:
        """``variable`` ("S", "1/eta", "dL" or "1/H") made ``factor`` times as large, all else as it is."""
        eta, size, barrier, curvature = self.learning_rate, self.batch_size, self.barrier, self.curvature
        return {
            "S": Setting(eta, factor * size, barrier, curvature),
            "1/eta": Setting(eta / factor, size, barrier, curvature),
            "dL": Setting(eta, size, factor * barrier, curvature),
            "1/H": Setting(eta, size, barrier, curvature / factor),
        }[variable]

    def value(self, variable: str) -> float:
        """The value of ``variable``."""
        return {
            "S": self.batch_size, "1/eta": 1 / self.learning_rate, "dL": self.barrier, "1/H": 1 / self.curvature,
        }[variable]  # fmt: skip


@cache
def _well(barrier: float, width: float) -> DoubleWell:
    return DoubleWell(barrier=barrier, width=width)


@cache
def _examples(barrier: float, width: float, noise: float) -> DatasetLandscape:
    p = POSITIVE / EXAMPLES
    s = np.where(np.arange(EXAMPLES) < POSITIVE, math.sqrt((1 - p) / p), -math.sqrt(p / (1 - p)))
    return DatasetLandscape.from_expression(
        "barrier*((x/width)**2 - 1)**2 + noise*s*x", variables="x", bounds=[(-2 * width, 2 * width)],
        data={"s": s}, barrier=barrier, width=width, noise=noise,
    )  # fmt: skip


VARIABLES = ("S", "1/eta", "dL", "1/H")


# --- continuous models ------------------------------------------------------------------------------------------------


def continuous(
    setting: Setting, model: str, convention: Convention = "ito", floor: float | None = None
) -> EscapeProblem:
    """The escape under ``"two-level"`` or ``"floored"`` noise."""
    eta, size = setting.learning_rate, setting.batch_size
    if model == "two-level":
        noise = HessianDiffusion(learning_rate=eta, batch_size=size, at="path", climb_fraction=CLIMB)
    else:
        level = RELATIVE_FLOOR * setting.curvature if floor is None else floor
        noise = HessianDiffusion(learning_rate=eta, batch_size=size, at="everywhere", floor=level)
    return EscapeProblem(SDE(setting.well, noise, convention), -setting.width, setting.width)


def continuous_log_time(setting: Setting, model: str, convention: Convention = "ito") -> float:
    """Exact ln(time)."""
    return log_time(continuous(setting, model, convention))


def continuous_theory(setting: Setting, model: str, convention: Convention = "ito") -> tuple[float, float]:
    """Exponent (proportional to S) and ln(prefactor) (free of S) of the shipped formula."""
    formula, logs = "xie" if model == "two-level" else "state-dependent", []
    for case in (setting, setting.varied("S", 2.0)):
        logs.append(continuous(case, model, convention).by_formula(formula).log_mean)
    return logs[1] - logs[0], 2 * logs[0] - logs[1]


# --- the discrete chain -----------------------------------------------------------------------------------------------


def literal_chain(setting: Setting) -> Chain:
    """SGD with Gaussian noise of covariance |L''|/S, without a floor."""
    noise = HessianDiffusion(
        learning_rate=setting.learning_rate, batch_size=setting.batch_size, at="everywhere", floor=0.0
    )
    return Chain(setting.well, noise)


def chain_log_iterations(setting: Setting) -> float:
    """Exact ln(iterations) by transfer matrix."""
    return math.log(literal_chain(setting).mean_exit_time(-setting.width, setting.width).iterations)


@cache
def quasi_potential(learning_rate: float) -> tuple[float, float]:
    """V and its error on the well with H = 2, dL = 1/4."""
    setting = Setting(learning_rate, 1.0)
    found = literal_chain(setting).quasipotential(-setting.width, setting.width)
    return found.value, found.error


def chain_exponent(setting: Setting) -> float:
    """S V of any setting, from the well with H = 2, dL = 1/4: eta enters as eta H, dL as S dL."""
    rate = float(f"{setting.learning_rate * setting.curvature / 2:.12g}")
    return setting.batch_size * setting.barrier / 0.25 * quasi_potential(rate)[0]


# --- mini-batches -----------------------------------------------------------------------------------------------------


def mini_batches(setting: Setting) -> MiniBatchSGD:
    """SGD on the examples."""
    return MiniBatchSGD(setting.examples, setting.learning_rate, round(setting.batch_size))


def sampled_log_time(setting: Setting, paths: int, seed: int, threads: int | None = None) -> tuple[float, float]:
    """ln(eta * iterations) of true mini-batch SGD with its standard error."""
    # settings that only scale the coordinate are one experiment and draw the same mini-batches
    stiffness = f"{setting.learning_rate * setting.curvature:.6g}"
    sgd, own = mini_batches(setting), own_seed(seed, stiffness, setting.batch_size, setting.barrier)
    sample = exit_iterations(sgd, -setting.width, setting.width, paths, own, threads=threads)
    mean, error = sample.mean_and_error()
    return math.log(setting.learning_rate * mean), error / mean


def cramer_theory(setting: Setting) -> tuple[float, float]:
    """Exponent and ln(prefactor) of mini-batch SGD."""
    scale = setting.batch_size / setting.learning_rate
    exponent = scale * cramer_exponent(setting.examples, -setting.width, 0.0).exponent
    problem = EscapeProblem(mini_batches(setting).surrogate(), -setting.width, setting.width)
    return exponent, problem.by_formula("cramer").log_mean - exponent


def surrogate_log_time(setting: Setting) -> float:
    """Exact ln(eta * iterations) of the chain with Gaussian noise of the same covariance."""
    chain = Chain.from_sde(mini_batches(setting).surrogate())
    return math.log(chain.mean_exit_time(-setting.width, setting.width).time)


def surrogate_theory(setting: Setting) -> tuple[float, float]:
    """Kramers' exponent and ln(prefactor) for the constant noise D = eta H / (2 S) of the surrogate."""
    return setting.unit, math.log(2 * math.pi / (setting.curvature / math.sqrt(2)))
