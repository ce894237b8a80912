"""Splitting of SGD itself against transfer matrix and plain paths; five standard errors of both bound deviations."""

import math

import numpy as np
import pytest

import fpsim
import landscapes

WELL = landscapes.DoubleWell()


def chain(rate, size):
    """The chain under |H|-shaped noise, which vanishes at the inflections: it jumps over them."""
    return fpsim.Chain(WELL, fpsim.HessianDiffusion(learning_rate=rate, batch_size=size, at="everywhere", floor=0))


@pytest.mark.parametrize(("rate", "size"), [(0.3, 3), (0.2, 12)])
def test_a_chain_by_its_own_committor_against_its_transfer_matrix(rate, size):
    """The best way first climbs the outer wall; times of 4e2 and 6e15 iterations."""
    found = fpsim.split_iterations(chain(rate, size), -1.0, 0.3, seed=1, repetitions=8, particles=150)
    exact = chain(rate, size).mean_exit_time(-1.0, 0.3).log_iterations
    assert found.units == "iterations" and found.method == "splitting"
    assert abs(found.log_mean - exact) < 5 * found.log_error < 3
    assert not found.violated


def test_stated_errors_of_chains_cover():
    """z of 8 chains, constant noise and |H|: none beyond 4, mean and root mean square as those of 8 normals."""
    z, rng = [], np.random.default_rng(3)
    for k in range(8):
        made = chain(rng.uniform(0.15, 0.3), int(rng.integers(2, 5)))
        if k % 2:
            made = fpsim.Chain(WELL, fpsim.ConstantDiffusion(rng.uniform(0.03, 0.06)), rng.uniform(0.15, 0.3))
        target = rng.uniform(0.2, 0.8)
        found = fpsim.split_iterations(made, -1.0, target, seed=k, repetitions=8, particles=128)
        exact = made.mean_exit_time(-1.0, target, accepted=1e-4).log_iterations
        z.append((math.exp(found.log_mean - exact) - 1) / found.log_error)
    z = np.array(z)
    assert np.abs(z).max() < 4
    assert abs(z.mean()) < 3 / math.sqrt(8)
    assert 0.35 < math.sqrt(np.mean(z**2)) < 1.75


def test_a_bad_score_says_so():
    """The distance to the target misleads: flights that rise in it never climb the outer wall."""
    found = fpsim.split_iterations(chain(0.2, 6), -1.0, 0.3, seed=1, repetitions=8, particles=300, score="distance")
    assert {"scatter", "weights"} & {a.key for a in found.violated}


@pytest.mark.parametrize("momentum", [0.5, 0.9])
def test_momentum_against_plain_paths(momentum):
    heavy = fpsim.Chain(WELL, fpsim.ConstantDiffusion(0.06 * (1 - momentum)), 0.05)
    found = fpsim.split_iterations(heavy, -1.0, 0.5, seed=1, particles=200, repetitions=8, momentum=momentum)
    mean, error = heavy.exit_times(-1.0, 0.5, 2000, seed=3, momentum=momentum).mean_and_error()
    assert abs(found.mean - mean) < 5 * math.hypot(error, found.standard_error) < 0.4 * mean
    assert not found.violated


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
