"""True mini-batches escape with Cramer's exponent, Gaussian noise of the same covariance with the SDE's."""

import math
from functools import cache

import numpy as np
import pytest

from fpsim.escape import EscapeProblem
from fpsim.paths.exits import exit_times
from fpsim.routes.formulas.cramer import cramer
from fpsim.sgd.cramer import cramer_exponent
from fpsim.sgd.minibatch import MiniBatchSGD, exit_iterations
from fpsim.targets import as_target
from landscapes.catalogue.example_losses import PerExampleDoubleWell
from validation.study.lines import straight_line

FINITE_STEP = 0.02
"""Share of the slope that finite eta may still cost: the next order is O(eta^2) in the slope."""
BARRIERS = (4.0, 5.0, 6.5)
"""S I/eta of the runs, with I the exponent of each noise."""
SIGMAS = 5


@cache
def well_and_exponents(positive):
    """Skewed noise (a factor 1.9 between the exponents) or symmetric noise (1.13)."""
    well = PerExampleDoubleWell(noise={20: 1.0, 50: 0.8}[positive], positive=positive)
    found = cramer_exponent(well, -1.0, 0.0)
    return well, {"mini-batches": found.exponent, "gaussian": found.gaussian}


@cache
def exits(positive, noise):
    """The chains, and mean and error of eta times the iterations from -1 to 1."""
    well, exponents = well_and_exponents(positive)
    chains = [MiniBatchSGD(well, exponents[noise] / barrier, 1) for barrier in BARRIERS]
    found = []
    for k, sgd in enumerate(chains):
        if noise == "mini-batches":
            mean, error = exit_iterations(sgd, -1.0, 1.0, 2000, 50 + k).mean_and_error()
            found.append((sgd.learning_rate * mean, sgd.learning_rate * error))
        else:
            goal = as_target(1.0, np.array([-1.0]))
            sample = exit_times(sgd.surrogate(), -1.0, goal, 2000, sgd.learning_rate, 60 + k, bridge=False)
            found.append(sample.mean_and_error())
    return chains, np.array(found).T


@pytest.mark.parametrize("noise", ["mini-batches", "gaussian"])
@pytest.mark.parametrize("positive", [20, 50])
def test_slopes(positive, noise):
    """Of ln(eta * iterations) against 1/eta: each noise has its own exponent and not the other's."""
    chains, (mean, error) = exits(positive, noise)
    line = straight_line([1 / sgd.learning_rate for sgd in chains], np.log(mean), error / mean)
    exponents = dict(well_and_exponents(positive)[1])
    own = exponents.pop(noise)
    (other,) = exponents.values()
    assert abs(line.slope - own) < SIGMAS * line.slope_error + FINITE_STEP * own
    assert line.slope_error < 0.02 * own and line.correlation > 0.99
    assert abs(line.slope - other) > 0.7 * abs(own - other)


def test_prefactor_of_symmetric_noise():
    """With its prefactor the formula gives the time itself, not only its growth."""
    chains, (mean, error) = exits(50, "mini-batches")
    for sgd, time, sigma in zip(chains, mean, error, strict=True):
        log = cramer(EscapeProblem(sgd.surrogate(), -1.0, 1.0)).log_mean
        assert abs(math.exp(math.log(time) - log) - 1) < SIGMAS * sigma / time + 0.02


def test_prefactor_at_a_larger_batch():
    """S enters the prefactor beyond S/eta; the ratio tends to 1 as eta falls (0.89, 0.92, 0.96 at larger eta)."""
    well = PerExampleDoubleWell(noise=1.0, positive=80)
    ratios = []
    for eta in (0.5, 0.15):
        sgd = MiniBatchSGD(well, eta, 3)
        mean, error = exit_iterations(sgd, -1.0, 1.0, 2000, seed=3).mean_and_error()
        ratios.append(mean * eta / cramer(EscapeProblem(sgd.surrogate(), -1.0, 1.0)).mean)
    assert abs(ratios[1] - 1) < 0.05 + 5 * error / mean
    assert abs(ratios[1] - 1) < abs(ratios[0] - 1)
