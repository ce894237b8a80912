"""What a chain refuses, and in which words."""

import math

import numpy as np
import pytest

import fpsim
import landscapes
from fpsim import ConstantDiffusion, GradientNoise, HessianDiffusion
from fpsim.paths.step import DivergenceError
from fpsim.routes.chain import escape_time_by_chain
from fpsim.sgd.chain import Chain

WELL = landscapes.DoubleWell()
LITERAL = HessianDiffusion(learning_rate=0.2, batch_size=2, at="everywhere", floor=0)


def test_the_learning_rate_comes_from_one_place():
    assert Chain(WELL, LITERAL).eta == 0.2
    assert Chain(WELL, ConstantDiffusion(0.1), 0.3).eta == 0.3
    assert Chain(WELL, LITERAL, 0.2).eta == 0.2
    with pytest.raises(ValueError, match="give learning_rate="):
        Chain(WELL, ConstantDiffusion(0.1))
    with pytest.raises(ValueError, match=r"learning rate 0\.2"):
        Chain(WELL, LITERAL, 0.3)
    with pytest.raises(ValueError, match="positive number"):
        Chain(WELL, ConstantDiffusion(0.1), -1.0)


def test_conventions_other_than_ito_are_refused():
    sde = fpsim.SDE(WELL, ConstantDiffusion(0.1), convention="anti-ito")
    with pytest.raises(ValueError, match="Ito"):
        escape_time_by_chain(sde, -1.0, 0.3, learning_rate=0.1)


def test_a_corrected_sde_is_no_chain():
    sde = fpsim.SDE(WELL, ConstantDiffusion(0.1), correction=0.1)
    with pytest.raises(ValueError, match="without correction"):
        Chain.from_sde(sde, 0.1)


def test_exact_routes_are_for_one_dimension_and_plain_sets():
    flat = landscapes.Landscape.from_expression("x**2 + y**2", variables="x y")
    chain = Chain(flat, ConstantDiffusion(0.1), 0.1)
    for route in (chain.mean_exit_time, chain.quasipotential):
        with pytest.raises(ValueError, match="2 dimensions"):
            route([0.0, 0.0], fpsim.Ball([1.0, 1.0], 0.1))
    with pytest.raises(ValueError, match="level function"):
        Chain(WELL, LITERAL).mean_exit_time(-1.0, lambda x: x[0])
    with pytest.raises(ValueError, match="already lies in the target"):
        Chain(WELL, LITERAL).mean_exit_time(1.0, fpsim.Ball(1.0, 0.1))


def test_an_open_far_side_is_refused():
    slope = landscapes.Landscape.from_expression("x**3/3 - x")  # escapes to -infinity never come back
    with pytest.raises(ValueError, match=r"infinite|confine"):
        Chain(slope, ConstantDiffusion(0.3), 0.1).mean_exit_time(1.0, 2.5)


def test_a_quasipotential_needs_a_place_to_rest():
    bowl = landscapes.Landscape.from_expression("x**2/2")
    with pytest.raises(ValueError, match="does not come to rest"):
        Chain(bowl, ConstantDiffusion(0.1), 2.0).quasipotential(0.5, 3.0)
    with pytest.raises(ValueError, match="into the target"):
        Chain(WELL, LITERAL).quasipotential(0.1, 0.9)


def test_momentum_lies_between_0_and_1():
    for wrong in (-0.1, 1.0, math.nan):
        with pytest.raises(ValueError, match="momentum"):
            Chain(WELL, LITERAL).exit_times(-1.0, 0.3, paths=10, momentum=wrong)


def test_iterations_are_whole():
    with pytest.raises(ValueError, match="whole number"):
        Chain(WELL, LITERAL).simulate(-1.0, 2.5)


def test_divergence_is_an_error():
    with pytest.raises(DivergenceError, match=r"at iteration \d+: the learning rate 2.5 is too large"):
        Chain(WELL, ConstantDiffusion(0.1), 2.5).simulate(-3.0, 100, paths=10)


def test_times_count_iterations():
    chain = Chain(WELL, LITERAL)
    found = chain.simulate(-1.0, 20, paths=5, save_every=5)
    assert found.time.tolist() == [0, 5, 10, 15, 20]
    assert found.x.shape == (5, 5, 1)
    moments = chain.simulate(-1.0, 20, paths=5, save_every=10, momentum=0.5, keep="moments")
    assert moments.mean.shape == (3, 1)
    sample = chain.exit_times(-1.0, 0.3, paths=50, horizon=8)
    assert sample.horizon == 8
    assert np.all(sample.times[sample.censored] == 8)


def test_a_start_may_be_a_distribution():
    chain = Chain(WELL, LITERAL)
    sample = chain.exit_times(lambda u: -1 - 0.2 * u, fpsim.HalfSpace([1.0], 0.3), paths=64, momentum=0.2)
    assert np.isfinite(sample.times).all()
    with pytest.raises(ValueError, match="level function"):
        chain.exit_times(lambda u: -1 - u, 0.3, paths=64)


def test_corrections_are_checked():
    noise = GradientNoise(learning_rate=0.2, batch_size=2, covariance=1.0)
    with pytest.raises(ValueError, match="learning rate of the noise"):
        fpsim.SDE(WELL, noise, correction=0.1)
    with pytest.raises(ValueError, match="Ito equation"):
        fpsim.SDE(WELL, ConstantDiffusion(0.1), convention="anti-ito", correction=0.1)
    with pytest.raises(ValueError, match="positive"):
        fpsim.SDE(WELL, ConstantDiffusion(0.1), correction=0.0)
    jump = HessianDiffusion(learning_rate=0.2, batch_size=2, at="path", climb_fraction=0.5, minimum=-1.0, saddle=0.0)
    with pytest.raises(ValueError, match="jumps"):
        fpsim.SDE(WELL, jump, correction=0.2)
