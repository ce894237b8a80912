"""Splitting of SGD itself against transfer matrix and plain paths; five standard errors of both bound deviations."""

import math

import numpy as np
import pytest

import fpsim
import landscapes
from fpsim.sgd.cramer import cramer_exponent

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
    """z of 6 chains, constant noise and |H|: none beyond 4, mean and root mean square as those of 6 normals."""
    z, rng = [], np.random.default_rng(3)
    for k in range(6):
        made = chain(rng.uniform(0.15, 0.3), int(rng.integers(2, 5)))
        if k % 2:
            made = fpsim.Chain(WELL, fpsim.ConstantDiffusion(rng.uniform(0.03, 0.06)), rng.uniform(0.15, 0.3))
        target = rng.uniform(0.2, 0.8)
        found = fpsim.split_iterations(made, -1.0, target, seed=k, repetitions=6, particles=128)
        exact = made.mean_exit_time(-1.0, target, accepted=1e-4).log_iterations
        z.append((math.exp(found.log_mean - exact) - 1) / found.log_error)
    z = np.array(z)
    assert np.abs(z).max() < 4
    assert abs(z.mean()) < 3 / math.sqrt(6)
    assert 0.3 < math.sqrt(np.mean(z**2)) < 1.85


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


SLICE, BEGIN, END = landscapes.resnet_slice(), 0.0184, 3.022


def end_of_batch(rate, size, cells):
    """Chances (cells, cells) from cell to cell of one batch, by the sum of its draws' laws."""
    low, high = SLICE.bounds[0]
    x = np.linspace(low, high, cells)
    moves = -rate / size / (x[1] - x[0]) * np.asarray(SLICE.example_gradients(x[None]))[:, 0]
    law = np.zeros((cells, cells))
    for i, column in enumerate(moves.T):
        first = math.floor(column.min())
        cell = np.floor(column).astype(int) - first
        share = column - first - cell
        one = np.bincount(cell, 1 - share, cell.max() + 2) + np.bincount(cell + 1, share, cell.max() + 2)
        total = np.ones(1)
        for _ in range(size):
            total = np.convolve(total, one / share.size)
        np.add.at(law[i], np.clip(i + size * first + np.arange(total.size), 0, cells - 1), total)
    return x, law


def log_iterations(rate, size, cells):
    """Ln of the mean from BEGIN to END, by taking states out without a difference (Grassmann, Taksar, Heyman)."""
    x, law = end_of_batch(rate, size, cells)
    home, live = int(np.abs(x - BEGIN).argmin()), np.flatnonzero(x < END)
    order = np.array([home, *[i for i in live[np.argsort(x[live])] if i != home]])  # taken out from the target on
    moves, out, time = law[np.ix_(order, order)], law[order][:, x >= END].sum(axis=1), np.ones(order.size)
    for k in range(order.size - 1, 0, -1):
        share = moves[:k, k] / (moves[k, :k].sum() + out[k])
        moves[:k, :k] += share[:, None] * moves[k, :k]
        out[:k] += share * out[k]
        time[:k] += share * time[k]
    return math.log(time[0] / out[0])


def quasipotential(rate, cells):
    """The least sum of rate functions sup_p (p v - ln mean exp(p g)), v = (x - x')/rate, over iterations x -> x'."""
    x = np.linspace(-1.0, 3.2, cells)
    p = np.concatenate([-np.geomspace(1e3, 1e-3, 300), np.geomspace(1e-3, 1e3, 300)])
    cost = np.full((cells, cells), np.inf)
    for i, g in enumerate(np.asarray(SLICE.example_gradients(x[None]))[:, 0].T):
        powers = p[:, None] * g
        weights = np.exp(powers - powers.max(axis=1, keepdims=True))
        pull, v = np.log(weights.mean(axis=1)) + powers.max(axis=1), (weights @ g) / weights.sum(axis=1)
        wanted = (x[i] - x) / rate
        cost[i] = np.where((v[0] <= wanted) & (wanted <= v[-1]), np.interp(wanted, v, p * v - pull), np.inf)
    found = np.where(x == x[np.abs(x - BEGIN).argmin()], 0.0, np.inf)
    for _ in range(400):
        found = np.minimum(found, (found[:, None] + cost).min(axis=0))
    return float(found[x >= 1.4665].min())


def split_slice(size, **options):
    return fpsim.split_iterations(fpsim.MiniBatchSGD(SLICE, 2.0, size), BEGIN, END, seed=1, repetitions=8, **options)


def test_mini_batches_on_a_slice_of_a_network_beyond_plain_reach():
    """5e4 and 5e8 iterations against sums over batches; their slope in S against the quasi-potential of mini-batches.

    That is Cramer's exponent for kicks of finite length: 2.10 per example at eta = 2, where eta -> 0 would have 7.0.
    Finite S leaves a term of O(1/S).
    """
    found = {size: split_slice(size, particles=200) for size in (4, 8)}
    for size, each in found.items():
        coarse, fine = (log_iterations(2.0, size, cells) for cells in (300, 600))
        exact = fine + (fine - coarse) / 3  # the cells' own error falls like their square
        assert abs(each.log_mean - exact) < 5 * each.log_error + abs(fine - coarse) / 3
        assert each.log_error < 0.5 and not each.violated
    slope = (found[8].log_mean - found[4].log_mean) / 4
    exponent = quasipotential(2.0, 200)
    assert cramer_exponent(SLICE, BEGIN, 1.46651).exponent / 2 > 3 * exponent
    assert abs(slope - exponent) < 5 * math.hypot(found[8].log_error, found[4].log_error) / 4 + 1 / 4


def test_whole_batches_by_distance_go_round_the_rare_examples():
    """All repetitions agree on a time e^39 too long; that examples alone move batches says so."""
    found = split_slice(8, particles=60, score="distance")
    assert found.log_mean > 40
    assert "lone example" in {a.key for a in found.violated}


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
