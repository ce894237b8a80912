"""Every route on the slice of a trained ResNet that ships with the package."""

import math
from dataclasses import asdict

import numpy as np
import pytest
from scipy.optimize import brentq

import fpsim
from fpsim.paths.exits import exit_times
from fpsim.sgd.cramer import cramer_exponent, root_at
from fpsim.sgd.minibatch import MiniBatchSGD, exit_iterations
from landscapes.catalogue.shipped import resnet_slice
from landscapes.networks.recipe import Recipe

CLIMB = 3.5  # exponent of the escapes: (S/eta) int 2 L'/C1 dx


@pytest.fixture(scope="module")
def line():
    return resnet_slice()


@pytest.fixture(scope="module")
def places(line):
    """The minimum where escapes start, the barrier, the other minimum."""
    a, b = (float(m.x[0]) for m in line.minima)
    (top,) = (float(s.x[0]) for s in line.saddles)
    return a, top, b


@pytest.fixture(scope="module")
def sgd(line, places):
    a, top, _ = places
    rate = cramer_exponent(line, a, top).gaussian / CLIMB
    return MiniBatchSGD(line, rate, 1)


def test_the_slice_is_what_its_facts_say(line, places):
    assert line.facts["recipe"] == asdict(Recipe())
    assert line.facts["minimum_barrier_minimum"] == pytest.approx(places, abs=1e-9)
    a, top, b = line.loss(np.array([places]))
    assert 0.05 < top - a < 0.1
    assert 0.05 < top - b < 0.1
    assert line.spline_error < 1e-4
    assert max(line.facts["gradient_norms"]) < 0.03
    assert (*line.default_start, *line.default_target) == pytest.approx((places[0], places[2]), rel=1e-13)


def test_the_slice_reaches_up_its_walls(line):
    ends = line.loss(line.nodes[[0, -1]][None])
    assert ends.min() > line.loss(np.array([[float(line.saddles[0].x[0])]]))[0]
    assert line.critical_points().confining


def test_surrogate_paths_quadrature_and_grid_agree(line, places, sgd):
    noise = fpsim.GradientNoise(learning_rate=sgd.learning_rate, batch_size=1, covariance=line.gradient_covariance)
    problem = fpsim.EscapeProblem(fpsim.SDE(line, noise), start=places[0], target=places[2])
    exact = problem.by_quadrature()
    assert problem.by_grid().mean == pytest.approx(exact.mean, rel=1e-3)
    # the same noise as a formula, which compiles
    compiled = fpsim.EscapeProblem(sgd.surrogate(), start=places[0], target=places[2])
    assert compiled.by_quadrature().mean == pytest.approx(exact.mean, rel=1e-9)
    paths = compiled.by_paths(paths=2000, step=0.08, seed=1)
    assert paths.sample.settings["engine"] == "compiled"
    gap = abs(paths.mean - exact.mean)
    assert gap < 3 * math.hypot(paths.standard_error, paths.systematic_error)
    assert paths.systematic_error < 0.1 * paths.mean


def test_quadrature_and_grid_agree_on_the_way_back_under_every_convention(line, places, sgd):
    for convention in ("ito", "stratonovich", "anti-ito"):
        sde = fpsim.SDE(line, sgd.noise(), convention=convention)
        problem = fpsim.EscapeProblem(sde, start=places[2], target=places[0])
        assert problem.by_grid().mean == pytest.approx(problem.by_quadrature().mean, rel=1e-3)


def test_chain_is_the_walk_with_gaussian_steps(line, places, sgd):
    """The discrete chain by its transfer matrix, and by paths with step eta and no bridge."""
    problem = fpsim.EscapeProblem(sgd.surrogate(), start=places[0], target=places[2])
    chain = problem.by_chain()
    eta = sgd.learning_rate
    assert eta * line.wall < 2  # the walls do not throw the chain out
    sample = exit_times(sgd.surrogate(), places[0], places[2], 2000, eta, seed=2, bridge=False)
    mean, error = sample.mean_and_error()
    assert abs(chain.mean - mean) < 5 * error


def test_formulas_take_the_slice(line, places, sgd):
    """Kramers' formula for state-dependent noise is near; Cramer's exponent is far from the Gaussian one here."""
    problem = fpsim.EscapeProblem(sgd.surrogate(), start=places[0], target=places[2])
    exact = problem.by_quadrature().mean
    assert problem.by_formula("state-dependent").mean == pytest.approx(exact, rel=0.1)
    found = cramer_exponent(line, places[0], places[1])
    assert found.exponent > 3 * found.gaussian
    gap = math.log(problem.by_formula("cramer").mean / exact)
    assert gap == pytest.approx((found.exponent - found.gaussian) / sgd.learning_rate, abs=3)


def test_cramer_root_against_its_equation(line, places):
    a, top, _ = places
    for x in np.linspace(a, top, 6)[1:-1]:
        g = line.example_gradients(np.array([x]))[:, 0]
        high = math.log(len(g)) / -g.min()
        root = brentq(lambda q, g=g: math.log(np.mean(np.exp(-q * g))), 1e-3 * high, high, xtol=1e-14)
        assert root_at(line, np.array([[x]]))[0] == pytest.approx(root, rel=1e-9)


def test_mini_batches_against_a_plain_loop(line, places, sgd):
    """Real SGD on the slice: the compiled chain with its table of examples, and ten lines of NumPy."""
    a, _, b = places
    compiled = exit_iterations(sgd, a, b, paths=2000, seed=3, horizon=4000)
    mean, error = compiled.mean_and_error()
    draws, paths = np.random.default_rng(4), 600
    slopes = line.examples.slopes
    x, total, exits = np.full(paths, a), 0, 0
    for _ in range(4000):
        x = x - sgd.learning_rate * slopes(x, draws.integers(0, line.number_of_examples, len(x)))
        total += len(x)
        exits += int(np.count_nonzero(x >= b))
        x = x[x < b]
        if not len(x):
            break
    plain = total / exits  # the maximum-likelihood mean of exponential times, censored ones included
    assert exits > 300
    assert abs(mean - plain) < 5 * math.hypot(error, plain / exits**0.5)
