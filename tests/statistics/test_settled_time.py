"""Escape times counted beyond a lag: against the exact rate of a chain, and what a start-up does to them."""

from itertools import pairwise

import numpy as np
import pytest

import fpsim
from fpsim.paths.exit_sample import ExitSample
from fpsim.sgd.settled import Risk, settled_time
from landscapes.catalogue.example_losses import LinearRegression

KEPT, KICK, EDGE = 0.9, 0.5, 2.6  # x' = KEPT x + KICK z, out at x >= EDGE


def exact_time():
    """1/(1 - largest eigenvalue of the killed chain), by Gauss-Legendre quadrature of its kernel; iterations."""
    nodes, weights = np.polynomial.legendre.leggauss(200)
    low = -9.0
    x = low + (EDGE - low) * (nodes + 1) / 2
    w = weights * (EDGE - low) / 2
    kernel = np.exp(-0.5 * ((x[:, None] - KEPT * x[None]) / KICK) ** 2) / (KICK * np.sqrt(2 * np.pi))
    return 1 / (1 - np.abs(np.linalg.eigvals(kernel * w)).max())


def sample(paths, horizon, start, seed):
    draws = np.random.default_rng(seed)
    x, times, alive = np.full(paths, start), np.full(paths, float(horizon)), np.ones(paths, bool)
    for n in range(1, horizon + 1):
        x = KEPT * x + KICK * draws.standard_normal(paths)
        out = alive & (x >= EDGE)
        times[out] = n
        alive &= ~out
        if not alive.any():
            break
    return ExitSample(times, x[:, None], alive, float(horizon), 1.0, {"units": "iterations"})


@pytest.mark.parametrize("horizon", [300, 5000])
def test_the_rate_of_a_chain(horizon):
    """Deep in the valley at first: the plain mean is too long, the rate beyond the lag is right; 5 sigma."""
    found, exact = settled_time(sample(2000, horizon, -8.0, 1), 60.0), exact_time()
    assert abs(found.mean - exact) < 5 * found.standard_error < 0.3 * exact
    assert not found.violated
    assert found.settings["exits"] > 300 and found.settings["exits before the lag"] > 0
    low, high = (float(v) for v in found.settings["95 % interval"].split(" to "))
    assert low < found.mean < high


def test_the_mean_from_the_start_is_the_sample_s_where_nothing_is_censored():
    every = sample(2000, 5000, -8.0, 2)
    assert not every.censored.any()
    mean, error = (float(v) for v in settled_time(every, 60.0).settings["from the start"].split(" +- "))
    plain = every.times.mean()
    assert abs(mean - plain) < error and plain - exact_time() > 10


def test_an_unfilled_valley_is_seen():
    early = settled_time(sample(4000, 400, -8.0, 3), 2.0)
    assert {a.key for a in early.violated} == {"even", "settled"}


def test_false_alarms_are_as_rare_as_said():
    """200 samples of exponential times: two tests of 1 % each; five standard deviations of the number of alarms."""
    draws, alarms = np.random.default_rng(4), 0
    for _ in range(200):
        times = draws.exponential(100.0, 150)
        out = ExitSample(np.minimum(times, 250), np.zeros((150, 1)), times > 250, 250.0, 1.0)
        alarms += bool(settled_time(out, 20.0).violated)
    assert alarms <= 4 + 5 * np.sqrt(4)


def test_time_at_risk_is_cut_evenly():
    risk = Risk(np.array([1.0, 4.0, 4.0, 9.0]), np.array([True, True, False, True]))
    assert risk.exposure(2.0) == 2 + 2 + 7 and risk.exposure(2.0, 3.0) == 3 and risk.exits(1.0) == 2
    edges = risk.edges(2.0, 4)
    np.testing.assert_allclose([risk.exposure(a, b) for a, b in pairwise(edges)], 11 / 4)


def test_sentences():
    one = sample(20, 8, -8.0, 5)
    with pytest.raises(ValueError, match=r"no exit in a time at risk of 120 beyond the lag 2: 1/rate is above 40 with"):
        settled_time(one, 2.0)
    with pytest.raises(ValueError, match="no path was followed beyond the lag 8; follow them longer"):
        settled_time(one, 8.0)
    with pytest.raises(ValueError, match="a lag is an age >= 0; got -1"):
        settled_time(one, -1)


def test_settling_takes_as_long_as_the_slowest_direction():
    """SGD of a regression forgets its start at the rate eta * (least curvature)."""
    place = LinearRegression.random(dimension=2, examples=40, seed=1)
    x = np.linalg.lstsq(place.examples.table[:2].T, place.examples.table[2], rcond=None)[0]
    goal = fpsim.HalfSpace([1.0, 0.0], float(x[0]) + 50.0)
    far = x - [20.0, 0.0]
    ages = [fpsim.settling_iterations(fpsim.MiniBatchSGD(place, rate, 4), far, goal, seed=3) for rate in (0.2, 0.02)]
    slowest = np.linalg.eigvalsh(place.hessian(x[:, None])[..., 0])[0]
    assert ages[0] * 0.2 * slowest > 3 and ages[1] * 0.02 * slowest > 3
    assert ages[1] >= 4 * ages[0]
