"""MiniBatchSGD in all parameters of a network: the loop by hand, and the laws that its linear case has."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch (extra `network`) is not installed")
pytestmark = pytest.mark.network

import fpsim  # noqa: E402
from fpsim.sgd import network_batches  # noqa: E402
from landscapes import LinearRegression, NeuralLandscape  # noqa: E402
from landscapes.networks import architectures as networks  # noqa: E402

DRAWS = np.random.default_rng(0)
U = DRAWS.normal(size=(12, 2))
V = U @ [1.0, -1.0] + DRAWS.normal(size=12)


def linear():
    return NeuralLandscape(torch.nn.Linear(2, 1, bias=False), U, V, loss="squared")


def small():
    return NeuralLandscape(networks.perceptron([2, 3, 2], seed=1), U, (V > 0).astype(int), weight_decay=0.1)


@pytest.mark.parametrize("sampling", ["with-replacement", "without-replacement", "reshuffled"])
def test_paths_are_the_loop_by_hand(sampling):
    place = small()
    sgd = fpsim.MiniBatchSGD(place, 0.1, 5, sampling)
    run = fpsim.simulate_batches(sgd, place.initial, 70, paths=3, save_every=35, seed=4)
    assert run.x.shape == (3, 3, place.dimension)
    np.testing.assert_allclose(run.time, [0, 3.5, 7])
    for path in (0, 2):
        x = place.initial
        for n in range(70):
            picks = network_batches.drawn(sgd, 4, np.array([path]), n, 1)[0, :, 0]
            assert len(picks) == 5 and (sampling == "with-replacement" or len(set(picks)) == 5)
            x = x - 0.1 * place.weighted_gradient(x, np.bincount(picks, minlength=12) / 5)
        np.testing.assert_allclose(run.x[2, path], x, atol=1e-12)
    moments = fpsim.simulate_batches(sgd, place.initial, 70, paths=3, save_every=35, seed=4, keep="moments")
    np.testing.assert_allclose(moments.mean, run.x.mean(axis=1), atol=1e-12)
    last = fpsim.simulate_batches(sgd, place.initial, 70, paths=3, seed=4, keep="final")
    np.testing.assert_allclose(last.x[0], run.x[2], atol=1e-12)


def test_epochs_use_every_example_once():
    sgd = fpsim.MiniBatchSGD(small(), 0.1, 4, "reshuffled")
    batches = network_batches.drawn(sgd, 1, np.array([0]), 0, 32)[:, :, 0]
    for epoch in range(10):
        assert sorted(batches[3 * epoch : 3 * epoch + 3].ravel()) == list(range(12))


def test_stationary_spread_is_that_of_the_same_regression_by_the_compiled_kernel():
    """Two engines of one law: 400 paths each, every second moment within five of its errors."""
    place, table = linear(), LinearRegression(U, V)
    start = np.linalg.lstsq(U, V, rcond=None)[0]
    runs = [
        fpsim.simulate_batches(fpsim.MiniBatchSGD(one, 0.2, 2), start, 60, paths=400, seed=3, keep="final").x[0] - start
        for one in (place, table)
    ]
    first, second = ((x[:, [0, 0, 1]] * x[:, [0, 1, 1]]) for x in runs)
    error = np.sqrt(first.var(axis=0) / 400 + second.var(axis=0) / 400)
    assert np.all(np.abs(first.mean(axis=0) - second.mean(axis=0)) < 5 * error)


def test_exits_agree_with_the_compiled_kernel():
    start = np.linalg.lstsq(U, V, rcond=None)[0]
    target = fpsim.HalfSpace([1.0, 0.0], float(start[0]) + 0.15)
    found = [
        fpsim.exit_iterations(fpsim.MiniBatchSGD(one, 0.2, 2), start, target, paths=100, seed=5)
        for one in (linear(), LinearRegression(U, V))
    ]
    (one, first), (two, second) = (sample.mean_and_error() for sample in found)
    assert abs(one - two) < 5 * np.hypot(first, second)
    assert not found[0].censored.any()
    assert np.all(found[0].places[:, 0] >= start[0] + 0.15)
    short = fpsim.exit_iterations(fpsim.MiniBatchSGD(linear(), 0.2, 2), start, target, paths=100, seed=5, horizon=4)
    out = found[0].times <= 4
    assert out.any() and np.array_equal(short.censored, ~out)
    np.testing.assert_array_equal(short.times[out], found[0].times[out])


def test_a_level_function_is_a_target_here():
    place = linear()
    start = np.linalg.lstsq(U, V, rcond=None)[0]
    level = float(place.loss(start)) + 0.05
    found = fpsim.exit_iterations(
        fpsim.MiniBatchSGD(place, 0.2, 2), start, lambda x: place.loss(x) - level, paths=20, seed=5
    )
    assert np.all(place.loss(found.places.T) >= level)


def test_sentences():
    with pytest.raises(TypeError, match="a DatasetLandscape or a NeuralLandscape"):
        fpsim.MiniBatchSGD(fpsim.landscapes.DoubleWell(), 0.1, 1)
    network = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.BatchNorm1d(3), torch.nn.Linear(3, 2)).eval()
    with pytest.raises(ValueError, match=r"NeuralLandscape\(\.\.\., buffers='frozen'\)"):
        fpsim.MiniBatchSGD(NeuralLandscape(network, U, (V > 0).astype(int)), 0.1, 1)
    still = NeuralLandscape(network, U, (V > 0).astype(int), buffers="frozen")
    assert fpsim.simulate_batches(fpsim.MiniBatchSGD(still, 0.1, 1), still.initial, 3, paths=2).x.shape[1] == 2
    with pytest.raises(ValueError, match=r"path . diverged at iteration .*: the learning rate 1e\+80 is too large"):
        fpsim.simulate_batches(fpsim.MiniBatchSGD(linear(), 1e80, 1), [0.0, 0.0], 9, paths=2)
    with pytest.raises(ValueError, match="already lies in the target"):
        fpsim.exit_iterations(fpsim.MiniBatchSGD(linear(), 0.1, 1), [5.0, 0.0], fpsim.HalfSpace([1, 0], 1.0), paths=2)


def test_the_surrogate_has_the_same_covariance():
    place = small()
    sgd = fpsim.MiniBatchSGD(place, 0.1, 4, "without-replacement")
    surrogate = sgd.surrogate()
    assert surrogate.normals == 12
    expected = 0.1 / 8 * (8 / 11) * place.gradient_covariance(place.initial)
    np.testing.assert_allclose(surrogate.diffusion(place.initial[:, None])[..., 0], expected, atol=1e-14)
