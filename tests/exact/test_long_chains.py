"""Chains with times that double precision cannot subtract, and targets smaller than a step."""

import math

import numpy as np
import pytest

from fpsim import SDE, Ball, ConstantDiffusion, EscapeProblem
from fpsim.noise import HessianDiffusion
from fpsim.sgd.chain import Chain
from fpsim.sgd.elimination import long_passage
from landscapes import DoubleWell, Landscape

WELL = DoubleWell()


def chain(noise, eta=0.1):
    return Chain(WELL, ConstantDiffusion(noise), eta)


@pytest.mark.parametrize("goal", [1.0, Ball([1.0], 0.05), Ball([1.0], 0.4)])
def test_positive_weights_agree_with_collocation(goal):
    one = chain(0.05)
    known = one.mean_exit_time(-1.0, goal)
    ends = (1.0, math.inf) if goal == 1.0 else (1.0 - goal.radius, 1.0 + goal.radius)
    found = long_passage(one.line, -1.0, ends, (-2.6, 1.0 if goal == 1.0 else 2.6))
    assert math.exp(found.log_mean) == pytest.approx(known.iterations, rel=1e-9)
    assert found.relative_variance == pytest.approx(known.variance / known.iterations**2, rel=1e-9)


def test_times_keep_their_digits_beyond_rounding():
    """Where collocation loses its digits to rounding, positive weights keep them."""
    times = {noise: chain(noise).mean_exit_time(-1.0, 1.0) for noise in (0.02, 0.01, 0.006, 0.003)}
    assert times[0.01].iterations == pytest.approx(3.084738018e12, rel=1e-8)
    assert times[0.006].iterations == pytest.approx(5.2297256370e19, rel=1e-8)
    assert times[0.003].iterations == pytest.approx(6.26025341506e37, rel=1e-8)
    assert all(t.relative_error < 1e-8 for t in times.values())
    assert math.sqrt(times[0.003].variance) == pytest.approx(times[0.003].iterations, rel=1e-9)
    for noise, found in times.items():  # the finite step costs a few per cent of Kramers' time, here as before
        assert math.log(found.time) == pytest.approx(math.log(math.pi * math.sqrt(2)) + 0.25 / noise, abs=0.12)


def test_times_beyond_floats_are_logarithms():
    found = EscapeProblem(SDE(Landscape.from_expression("9*(x**2 - 1)**2/4", bounds=[(-1.5, 1.5)]),
                              ConstantDiffusion(0.003)), -1.0, 1.0).by_chain(0.05)  # fmt: skip
    assert found.mean == math.inf
    assert 709.7 < found.log_mean < 760.0
    assert "e^" in str(found)


def test_what_is_beyond_reach_says_so():
    with pytest.raises(ValueError, match="states of a step's width"):
        Chain(WELL, ConstantDiffusion(0.001), 0.005).mean_exit_time(-1.0, 1.0)


@pytest.mark.parametrize("radius", [0.2, 0.05, 0.01])
def test_a_ball_that_steps_jump_over(radius):
    """Steps have width 0.14 and more: paths come and go across the ball until one lands in it."""
    one = chain(0.1)
    exact = one.mean_exit_time(-1.0, Ball([1.0], radius))
    sample = one.exit_times(-1.0, Ball([1.0], radius), paths=4000, seed=7)
    mean, error = sample.mean_and_error()
    assert abs(mean - exact.iterations) < 5 * error
    assert exact.relative_error < 1e-8


@pytest.mark.parametrize(("radius", "known"), [(0.05, 875728.89), (0.01, 875782.75)])
def test_a_small_ball_under_noise_that_vanishes(radius, known):
    """Once "it is infinite": the domain had grown to where the explicit step runs away."""
    noise = HessianDiffusion(learning_rate=0.1, batch_size=1, at="everywhere", floor=0.0)
    found = Chain(WELL, noise).mean_exit_time(-1.0, Ball([1.0], radius))
    assert found.iterations == pytest.approx(known, rel=1e-7)
    beyond = Chain(WELL, noise).mean_exit_time(-1.0, 1.0).iterations
    assert found.iterations == pytest.approx(beyond, rel=1e-4)


def test_a_side_that_does_not_confine_is_not_called_long():
    slope = Landscape.from_expression("x", bounds=[(-2, 2)])
    with pytest.raises(ValueError, match="does not confine"):
        Chain(slope, ConstantDiffusion(0.1), 0.1).mean_exit_time(0.0, 1.0)
    assert np.isfinite(chain(0.1).mean_exit_time(-1.0, 1.0).iterations)
