"""Steps of real mini-batches with momentum, Adam and sign SGD, also under schedules: loops as the papers write them."""

from dataclasses import replace

import numpy as np
import pytest

import fpsim
from fpsim import schedules
from fpsim.kernels.pacing import Watch
from fpsim.kernels.random_numbers import Stream
from fpsim.paths.exit_pool import Exits
from fpsim.paths.exits import sample_of
from fpsim.sgd import draws, network_batches, scheduled_batches
from fpsim.targets import as_target
from landscapes.catalogue.example_losses import LinearRegression, PerExampleDoubleWell

REGRESSION = LinearRegression.random(dimension=2, examples=7, seed=1)
RATES, SIZES = schedules.inverse_time(0.3, 8.0), schedules.steps([1, 3], [6])
RULES = {
    "plain": {},
    "heavy ball": {"momentum": 0.7},
    "sign": {"optimiser": fpsim.SignSGD()},
    "signum": {"optimiser": fpsim.SignSGD(0.6)},
    "adam": {"optimiser": fpsim.Adam(0.8, 0.95, 1e-3)},
    "adam without memory": {"optimiser": fpsim.Adam(0.0, 0.0, 0.1)},
}


def gradient(sgd, x, seed, k, size, paths):
    """Mean gradient of the batch of iteration k, (d, n), or that of all examples with Gaussian or isotropic noise."""
    slopes = sgd.landscape.example_gradients(x)  # (m, d, n)
    m = len(slopes)
    if not sgd.draws_examples:
        z = draws.normals(m, seed, paths, k, 1, Stream.INCREMENTS)[0]
        kick = np.einsum("mn,mdn->dn", (z - z.mean(axis=0)) / np.sqrt(m * size), slopes)
        if sgd.sampling == "isotropic":
            u = draws.normals(len(x), seed, paths, k, 1, Stream.DIRECTIONS)[0]
            kick = np.linalg.norm(kick, axis=0) * u / np.linalg.norm(u, axis=0)
        return slopes.mean(axis=0) + kick
    picked = draws.picks(sgd.sampling, m, int(size), seed, paths, k, 1)[0]
    return slopes[picked, :, np.arange(paths.size)].mean(axis=0).T


def loop(sgd, x, seed, iterations, rate, size):
    """Positions (iterations + 1, d, n)."""
    paths, found = np.arange(x.shape[1]), [x]
    m = s = v = np.zeros_like(x)
    for k in range(iterations):
        x, eta = found[-1], rate(k)
        g = gradient(sgd, x, seed, k, size(k), paths)
        if isinstance(sgd.optimiser, fpsim.Adam):  # Kingma and Ba, algorithm 1
            b1, b2, epsilon = sgd.optimiser.numbers.values()
            m, s = b1 * m + (1 - b1) * g, b2 * s + (1 - b2) * g**2
            x = x - eta * (m / (1 - b1 ** (k + 1))) / (np.sqrt(s / (1 - b2 ** (k + 1))) + epsilon)
        elif sgd.optimiser is not None:  # Bernstein et al., algorithm 2
            m = sgd.optimiser.momentum * m + (1 - sgd.optimiser.momentum) * g
            x = x - eta * np.sign(m)
        else:
            v = sgd.momentum * v - eta * g
            x = x + v
        found.append(x)
    return np.array(found)


@pytest.mark.parametrize("sampling", ["with-replacement", "gaussian", "isotropic"])
@pytest.mark.parametrize("rule", RULES)
def test_paths_are_the_loop(rule, sampling):
    sgd = fpsim.MiniBatchSGD(REGRESSION, 0.1, 2, sampling, **RULES[rule])
    start = np.random.default_rng(0).normal(size=(2, 130))
    for scheduled, rate, size in (({}, lambda k: 0.1, lambda k: 2), (_schedules(), RATES, SIZES)):
        found = fpsim.simulate_batches(sgd, start, 14, 130, 1, seed=4, **scheduled)
        exact = loop(sgd, start, 4, 14, rate, size)
        np.testing.assert_allclose(np.moveaxis(found.x, 2, 1), exact, rtol=0, atol=1e-11)


def _schedules():
    return {"learning_rate": RATES, "batch_size": SIZES}


@pytest.mark.parametrize("rule", ["heavy ball", "signum", "adam"])
def test_exits_are_those_of_the_loop(rule):
    sgd = fpsim.MiniBatchSGD(PerExampleDoubleWell(), 0.15, 1, **RULES[rule])
    rate = schedules.steps([0.15, 0.05], [20])
    for scheduled, eta in (({}, lambda k: 0.15), ({"learning_rate": rate}, rate)):
        found = fpsim.exit_iterations(sgd, -1.0, 0.3, 150, seed=2, horizon=40, **scheduled)
        walk = loop(sgd, np.full((1, 150), -1.0), 2, 40, eta, lambda k: 1)[:, 0]
        inside = walk >= 0.3
        first = np.where(inside.any(axis=0), inside.argmax(axis=0), 40)
        assert np.array_equal(found.times, first) and 10 < (first < 40).sum() < 150
        left = first < 40
        np.testing.assert_allclose(found.places[left, 0], walk[first[left], np.flatnonzero(left)], atol=1e-11)


def test_sign_sgd_of_one_example_is_a_walk_on_a_lattice():
    """Its mean time, from the chances that the examples' signs give, by linear algebra; 5 standard errors."""
    well, eta = PerExampleDoubleWell(), 0.1
    sgd = fpsim.MiniBatchSGD(well, eta, 1, optimiser=fpsim.SignSGD())
    found = fpsim.exit_iterations(sgd, -1.0, 0.95, 2000, seed=1)
    x = -1.0 + eta * np.arange(-20, 20)
    slopes = well.example_gradients(x[None])[:, 0]
    down, up = (slopes > 0).mean(axis=0), (slopes < 0).mean(axis=0)
    down[0] = 0.0
    matrix = np.diag(down + up) - np.diag(down[1:], -1) - np.diag(up[:-1], 1)
    mean, error = found.mean_and_error()
    assert abs(mean - np.linalg.solve(matrix, np.ones(x.size))[20]) < 5 * error


class Ticking:
    """A clock that is asked three times before the deadline of 2.5."""

    def __init__(self):
        self.now = -1

    def perf_counter(self):
        self.now += 1
        return self.now


@pytest.mark.parametrize("scheduled", [True, False])
def test_a_deadline_keeps_those_still_inside(scheduled, monkeypatch):
    """All paths are seen for the same iterations, so that a share of them is censored, not left out."""

    class Held:
        """Mini-batches of a network that does not compile, as far as an exit asks."""

        dimension, number_of_examples, keeps_buffers = 1, 4, False

        def batch_gradients(self, x, batch):
            return np.where(batch[0] < 2, -1.0, 1.0)[None]

    sgd, goal = fpsim.MiniBatchSGD(Held(), 0.3, 2), as_target(1.0, np.zeros(1))
    module = scheduled_batches if scheduled else network_batches
    monkeypatch.setattr(module, "clock", Ticking())
    if scheduled:
        plan = scheduled_batches.Plan.of(sgd, 4000, 0.3, 2)
        walk = scheduled_batches.NetworkWalk(plan, 5, np.zeros((1, 1)), (0, 200))
        times, followed, *_ = scheduled_batches._leave(walk, 4000, np.zeros(1), goal.level, Watch(200.0, None), 2.5).T
        assert np.all(followed == 3)
    else:
        found = network_batches.exits(sgd, np.zeros((1, 1)), goal, 200, 5, 1000, Watch(200.0, None), 2.5)
        times, followed = found.times, found.followed
        assert np.all(followed == 24)
    under_way = np.isnan(times)
    assert 5 < under_way.sum() < 195 and np.all(times[~under_way] <= 4 * followed[~under_way])
    sample = sample_of(Exits(times, np.zeros((200, 1)), followed), 4000, 1000, 1.0, 2.5, {})
    assert sample.censored.sum() == under_way.sum()


@pytest.mark.parametrize(
    ("options", "call", "words"),
    [
        ({"optimiser": 3}, {}, "an optimiser is fpsim.Adam"),
        ({"optimiser": "signsgd", "momentum": 0.5}, {}, "SignSGD.* own momentum"),
        ({"optimiser": fpsim.Adam(), "momentum": 0.5}, {}, "own momentum"),
        ({}, {"learning_rate": 0.1, "dtype": np.float32}, "in float64"),
        ({}, {"batch_size": schedules.wave(0, 2, 10)}, "batch size must be positive"),
        ({"sampling": "gaussian"}, {"batch_size": -1}, "batch size must be positive"),
    ],
)
def test_refusals(options, call, words):
    with pytest.raises((TypeError, ValueError), match=words):
        sgd = fpsim.MiniBatchSGD(REGRESSION, 0.1, 2, **options)
        fpsim.exit_iterations(sgd, [0, 0], fpsim.Ball([3, 3], 1), 5, horizon=8, **call)


def test_isotropic_noise_in_one_dimension_is_gaussian_and_has_no_sde_beyond():
    line = fpsim.MiniBatchSGD(PerExampleDoubleWell(), 0.1, 2, "isotropic")
    x = np.array([[-1.0, 0.3]])
    np.testing.assert_array_equal(
        line.surrogate().diffusion(x), replace(line, sampling="gaussian").surrogate().diffusion(x)
    )
    with pytest.raises(ValueError, match=r"covariance tr C1\(x\)/\(S d\) I"):
        fpsim.MiniBatchSGD(REGRESSION, 0.1, 2, "isotropic").surrogate()


def test_splitting_names_the_optimiser():
    sgd = fpsim.MiniBatchSGD(PerExampleDoubleWell(), 0.1, 1, optimiser=fpsim.SignSGD())
    with pytest.raises(ValueError, match="not SignSGD"):
        fpsim.split_iterations(sgd, -1.0, 0.3)
