"""Splitting of SGD itself against transfer matrix and plain paths; five standard errors of both bound deviations."""

import math

import numpy as np
import pytest

import fpsim
import landscapes

WELL = landscapes.DoubleWell()
INFLECTION = -1 / math.sqrt(3)


def jump(rate, size):
    """How far, in its standard deviations, the next step ends before the inflection, where the noise vanishes."""

    def score(x):
        mean, deviation = x[0] - rate * (x[0] ** 3 - x[0]), rate * np.sqrt(np.abs(3 * x[0] ** 2 - 1) / size)
        return np.where(x[0] < INFLECTION, (mean - INFLECTION) / (deviation + 1e-9), 50 + x[0])

    return score


@pytest.mark.parametrize(("rate", "size"), [(0.3, 3), (0.2, 2)])
def test_the_chain_against_its_transfer_matrix(rate, size):
    noise = fpsim.HessianDiffusion(learning_rate=rate, batch_size=size, at="everywhere", floor=0)
    chain = fpsim.Chain(WELL, noise)
    found = fpsim.split_iterations(chain, -1.0, 0.3, seed=1, repetitions=12, particles=150, score=jump(rate, size))
    exact = chain.mean_exit_time(-1.0, 0.3).iterations
    assert found.units == "iterations" and found.method == "splitting"
    assert abs(found.mean - exact) < 5 * found.standard_error < 0.8 * exact


def test_a_bad_score_says_so():
    """The chain's best way first climbs the outer wall, away from the target: the distance to it misleads."""
    noise = fpsim.HessianDiffusion(learning_rate=0.2, batch_size=6, at="everywhere", floor=0)
    found = fpsim.split_iterations(fpsim.Chain(WELL, noise), -1.0, 0.3, seed=1, repetitions=12, particles=300)
    assert {"scatter", "weights"} & {a.key for a in found.violated}


def test_mini_batches_of_a_slice_of_a_network_against_plain_paths():
    sgd = fpsim.MiniBatchSGD(landscapes.resnet_slice(), 2.0, 2)
    found = fpsim.split_iterations(sgd, 0.0184, 3.022, seed=1, particles=300)
    mean, error = fpsim.exit_iterations(sgd, 0.0184, 3.022, paths=1500, seed=2).mean_and_error()
    assert abs(found.mean - mean) < 5 * math.hypot(error, found.standard_error) < 0.5 * mean


@pytest.mark.network
def test_all_parameters_of_a_network_against_plain_paths():
    torch = pytest.importorskip("torch", reason="torch (extra `network`) is not installed")
    draws = np.random.default_rng(0)
    u = draws.normal(size=(12, 2))
    v = u @ [1.0, -1.0] + draws.normal(size=12)
    place = landscapes.NeuralLandscape(torch.nn.Linear(2, 1, bias=False), u, v, loss="squared")
    start, goal = np.array([1.1952, -0.9927]), fpsim.HalfSpace([1.0, 0.0], 1.46)
    sgd = fpsim.MiniBatchSGD(place, 0.2, 2)
    found = fpsim.split_iterations(sgd, start, goal, seed=1, repetitions=6, particles=48)
    mean, error = fpsim.exit_iterations(sgd, start, goal, paths=200, seed=2).mean_and_error()
    assert mean > 100
    assert abs(found.mean - mean) < 5 * math.hypot(error, found.standard_error) < 1.2 * mean
