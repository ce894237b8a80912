"""The chain's routes against each other: Monte Carlo, transfer matrix, a plain transfer matrix, quasi-potential.

Statistical comparisons have fixed seeds and a margin of 5 standard errors.
"""

import math

import numpy as np
import pytest
from scipy.special import ndtr

import fpsim
import landscapes
from fpsim import Ball, ConstantDiffusion, GradientNoise, HessianDiffusion
from fpsim.routes.chain import escape_time_by_chain
from fpsim.sgd.chain import Chain

WELL = landscapes.DoubleWell()


def literal(learning_rate, batch_size, landscape=WELL):
    noise = HessianDiffusion(learning_rate=learning_rate, batch_size=batch_size, at="everywhere", floor=0)
    return Chain(landscape, noise)


def plain_matrix(chain, start, edge, low, cells):
    """Mean number of iterations with the kernel integrated over equal cells (points at their centres): order 2."""
    edges = np.linspace(low, edge, cells + 1)
    x = (edges[1:] + edges[:-1]) / 2
    mean, spread = chain.line(x)
    with np.errstate(divide="ignore", invalid="ignore"):
        below = ndtr((edges[None, :] - mean[:, None]) / spread[:, None])
    below = np.where(spread[:, None] > 0, below, edges[None, :] >= mean[:, None])
    moves = np.diff(below, axis=1)
    moves[:, 0] += below[:, 0]
    times = np.linalg.solve(np.eye(cells) - moves, np.ones(cells))
    return np.interp(start, x, times)


@pytest.mark.parametrize(
    "chain", [literal(0.3, 3), Chain(WELL, ConstantDiffusion(0.1), 0.2)], ids=["literal Hessian noise", "white noise"]
)
def test_plain_transfer_matrices_converge_to_it(chain):
    exact = chain.mean_exit_time(-1.0, 0.3).iterations
    coarse, fine = (plain_matrix(chain, -1.0, 0.3, -6.2, n) for n in (650, 1300))
    assert fine == pytest.approx(exact, rel=2e-3)
    assert abs(fine - exact) < 0.6 * abs(coarse - exact)
    assert fine + (fine - coarse) / 3 == pytest.approx(exact, rel=1e-3)


@pytest.mark.parametrize(
    ("chain", "target"),
    [
        (literal(0.3, 3), 0.3),
        (literal(0.2, 0.5), 0.0),
        (Chain(WELL, ConstantDiffusion(0.1), 0.2), 0.0),
        (Chain(WELL, ConstantDiffusion(0.1), 0.1), Ball(1.0, 0.2)),
        (Chain(WELL, GradientNoise(learning_rate=0.2, batch_size=2, covariance=1.5)), 1.0),
    ],
    ids=["literal", "literal, strong", "white", "ball", "measured"],
)
def test_monte_carlo_agrees_with_the_transfer_matrix(chain, target):
    exact = chain.mean_exit_time(-1.0, target)
    sample = chain.exit_times(-1.0, target, paths=20_000, seed=11)
    mean, error = sample.mean_and_error()
    assert np.array_equal(sample.times, np.rint(sample.times))
    assert abs(mean - exact.iterations) < 5 * error
    # var(s^2) = (mu4 - s^4)/n with the exponential's mu4 = 9 s^4
    assert abs(sample.times.var() - exact.variance) < 5 * exact.variance * math.sqrt(8 / 20_000)


def test_a_formula_and_plain_functions_give_the_same_chain():
    plain = landscapes.Landscape(WELL.loss, WELL.gradient, WELL.hessian, dimension=1)
    formula, functions = literal(0.3, 3), literal(0.3, 3, plain)
    ours, theirs = (c.exit_times(-1.0, 0.3, paths=256, seed=3, horizon=200) for c in (formula, functions))
    assert ours.settings["engine"] == "compiled"
    assert theirs.settings["engine"] == "numpy"
    assert np.array_equal(ours.times, theirs.times)
    assert np.allclose(ours.places, theirs.places, rtol=0, atol=1e-9)
    assert functions.mean_exit_time(-1.0, 0.3).iterations == pytest.approx(
        formula.mean_exit_time(-1.0, 0.3).iterations, rel=1e-9
    )


def test_zero_momentum_is_plain():
    chain = literal(0.3, 3)
    plain, zero = (chain.exit_times(-1.0, 0.3, paths=2000, seed=5, momentum=m) for m in (None, 0.0))
    assert np.array_equal(plain.times, zero.times)
    assert np.allclose(plain.places, zero.places, rtol=0, atol=1e-10)
    paths = [chain.simulate(-1.0, 40, paths=300, seed=5, momentum=m) for m in (None, 0.0)]
    assert np.allclose(paths[0].x, paths[1].x, rtol=0, atol=1e-12)


def test_momentum_compiled_and_in_numpy():
    """x'' = x' + beta (x' - x) + eta b(x') + kick(x'), step by step from the same normals."""
    chain, beta = literal(0.1, 3), 0.7
    found = chain.simulate(-1.0, 30, paths=256, save_every=1, seed=9, momentum=beta).x[..., 0]
    z = fpsim.kernels.random_numbers.normals(9, 256, 30)[:, 0]
    x, v = np.full(256, -1.0), np.zeros(256)
    for n in range(30):
        mean, spread = chain.line(x)
        v = beta * v + (mean - x) + spread * z[n]
        x = x + v
        assert np.allclose(found[n + 1], x, rtol=0, atol=1e-11)
    plain = landscapes.Landscape(WELL.loss, WELL.gradient, WELL.hessian, dimension=1)
    times = [
        c.exit_times(-1.0, 0.3, paths=256, seed=9, momentum=beta, horizon=400).times
        for c in (chain, literal(0.1, 3, plain))
    ]
    assert np.array_equal(*times)


def test_rates_in_the_batch_size_approach_the_quasipotential():
    """d ln(iterations) / dS falls to V from above, faster than ln(iterations) / S does."""
    sizes = [5, 10, 20, 30]
    logs = [math.log(literal(0.3, s).mean_exit_time(-1.0, 0.0, tolerance=1e-6).iterations) for s in sizes]
    value = literal(0.3, 1).quasipotential(-1.0, 0.0, points=400).value
    slopes = np.diff(logs) / np.diff(sizes)
    ratios = np.array(logs) / sizes
    assert np.all(np.diff(slopes) < 0)
    assert np.all(np.diff(ratios) < 0)
    assert np.all(slopes > value)
    assert slopes[-1] == pytest.approx(value, rel=0.03)
    assert ratios[2] == pytest.approx(1.14 * value, rel=0.01)


def test_a_cut_domain_would_be_wrong_by_percents():
    chain = literal(0.2, 0.5)
    exact = chain.mean_exit_time(-1.0, 0.3).iterations
    assert plain_matrix(chain, -1.0, 0.3, -2.2, 1000) / exact > 1.03


def test_escape_time_by_chain_in_one_dimension():
    noise = HessianDiffusion(learning_rate=0.3, batch_size=3, at="everywhere", floor=0)
    exact = escape_time_by_chain(fpsim.SDE(WELL, noise), -1.0, 0.3)
    assert exact.method == "chain"
    assert exact.mean == pytest.approx(129.40139, rel=1e-7)
    assert exact.settings["iterations"] * 0.3 == pytest.approx(exact.mean)
    assert exact.variance == pytest.approx(0.09 * 182511.96, rel=1e-6)
    assert 0 < exact.systematic_error < 1e-6
    assert "domain" in str(exact)
    sampled = escape_time_by_chain(fpsim.SDE(WELL, noise), -1.0, lambda x: x[0] - 0.3, paths=2000, seed=4, horizon=3000)
    assert abs(sampled.z_score(exact)) < 5
    assert sampled.settings["engine"] == "Monte Carlo"


def test_an_idle_second_coordinate_changes_nothing():
    flat = landscapes.Landscape.from_expression("(x**2-1)**2/4 + w*y**2/2", variables="x y", w=2.0)
    sde = fpsim.SDE(flat, ConstantDiffusion(0.1))
    found = escape_time_by_chain(sde, [-1.0, 0.0], fpsim.HalfSpace([1.0, 0.0], 0.2), learning_rate=0.2, paths=20_000)
    exact = escape_time_by_chain(fpsim.SDE(WELL, ConstantDiffusion(0.1)), -1.0, 0.2, learning_rate=0.2)
    assert abs(found.z_score(exact)) < 5
    assert found.standard_error > 0
