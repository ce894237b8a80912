"""True mini-batches escape with Cramer's exponent, Gaussian noise of the same covariance with the SDE's."""

from functools import cache

import pytest

from fpsim.escape import EscapeProblem
from fpsim.routes.formulas.cramer import cramer
from fpsim.sgd.minibatch import MiniBatchSGD, exit_iterations
from landscapes.catalogue.example_losses import PerExampleDoubleWell
from validation.cramer_law import cramer_law

FINITE_STEP = 0.02
"""Share of the slope that finite eta may still cost: the next order is O(eta^2) in the slope."""


@cache
def measured(positive):
    """Skewed noise (a factor 1.9 between the exponents) or symmetric noise (1.13)."""
    well = PerExampleDoubleWell(noise={20: 1.0, 50: 0.8}[positive], positive=positive)
    return cramer_law(well, barriers=(4.0, 5.0, 6.5), paths=2000, seed=5)


@pytest.mark.parametrize("positive", [20, 50])
def test_slopes(positive):
    law = measured(positive)
    for run in (law.batches, law.surrogate):
        assert abs(run.slope - run.expected) < 5 * run.slope_error + FINITE_STEP * run.expected, str(law)
        assert run.slope_error < 0.02 * run.expected
        assert run.correlation > 0.99
    apart = abs(law.exponent.exponent - law.exponent.gaussian)
    assert abs(law.batches.slope - law.exponent.gaussian) > 0.7 * apart
    assert abs(law.surrogate.slope - law.exponent.exponent) > 0.7 * apart


def test_prefactor_of_symmetric_noise():
    """With its prefactor the formula gives the time itself, not only its growth."""
    run = measured(50).batches
    for ratio, mean, error in zip(run.ratios, run.iterations, run.errors, strict=True):
        assert abs(ratio - 1) < 5 * error / mean + 0.02


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
