"""Motion with inertia under schedules: one that stays the same is none, and an oscillator that is heated."""

import numpy as np
import pytest
from scipy.linalg import expm

import fpsim
import landscapes
from fpsim import schedules

WELL = landscapes.DoubleWell()
PLAIN = landscapes.Landscape(WELL.loss, WELL.gradient, WELL.hessian, 1, bounds=[(-2, 2)])


def body(landscape, friction=0.5, temperature=0.1):
    return fpsim.Underdamped(landscape, fpsim.ConstantDiffusion(temperature), friction)


@pytest.mark.parametrize("landscape", [WELL, PLAIN], ids=["compiled", "plain"])
def test_a_constant_schedule_is_none(landscape):
    """Starts at rest from places, too; in iterations a step of one is a step of the learning rate."""
    sde = body(landscape)
    found = fpsim.simulate(sde, -1.0, 4.0, 0.1, 32, seed=1).x
    warm = fpsim.simulate(fpsim.Scheduled(sde, temperature=0.1), -1.0, 4.0, 0.1, 32, seed=1).x
    rate = fpsim.Scheduled(sde, learning_rate=schedules.steps([0.1, 0.2], [40.0]), clock="iterations")
    counted = fpsim.simulate(rate, -1.0, 40, 1.0, 32, seed=1).x
    np.testing.assert_allclose(warm, found, atol=1e-12)
    np.testing.assert_allclose(counted[-1], found[-1], atol=1e-12)


def test_compiled_steps_and_numpy_agree_while_it_cools():
    plan = [fpsim.Scheduled(body(place), temperature=schedules.cosine(0.1, 0.02, 2.0)) for place in (WELL, PLAIN)]
    np.testing.assert_allclose(*[fpsim.simulate(one, -1.0, 3.0, 0.1, 32, seed=2).x for one in plan], atol=1e-12)


def test_an_oscillator_of_weak_friction_that_is_heated():
    """T = 0.2 for two units of time, then 0.6 for three; covariances of 40 000 paths to five standard errors."""
    friction, exact = 0.05, np.zeros((2, 2))
    for temperature, time in ((0.2, 2.0), (0.6, 3.0)):
        flow, rest = expm(np.array([[0, 1], [-1, -friction]]) * time), temperature * np.eye(2)
        exact = rest + flow @ (exact - rest) @ flow.T
    bowl = landscapes.Landscape.from_expression("x**2/2", bounds=[(-5, 5)])
    plan = fpsim.Scheduled(body(bowl, friction, 0.2), temperature=schedules.steps([0.2, 0.6], [2.0]))
    found = np.cov(fpsim.simulate(plan, 0.0, 5.0, 0.1, 40_000, keep="final", seed=1).x[-1].T)
    error = np.sqrt((np.outer(np.diag(exact), np.diag(exact)) + exact**2) / 40_000)
    assert (np.abs(found - exact) < 5 * error).all()
