"""SGD of a network compiled from its layers against torch and against loops by hand: the same draws, to rounding."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch (extra `network`) is not installed")
pytestmark = pytest.mark.network

import fpsim  # noqa: E402
from fpsim.kernels import elementary  # noqa: E402
from fpsim.kernels.random_numbers import Stream  # noqa: E402
from fpsim.networks.advance import advance  # noqa: E402
from fpsim.networks.replicas import Replicas  # noqa: E402
from fpsim.networks.sgd import NetworkSGD  # noqa: E402
from fpsim.sgd import batches, draws, minibatch  # noqa: E402
from landscapes import NeuralLandscape  # noqa: E402
from landscapes.networks import architectures as networks  # noqa: E402
from landscapes.networks.torch_extra import nn  # noqa: E402

NUMBERS = np.random.default_rng(0)
M, ETA, S, PATHS = 9, 0.3, 2, 5
PLACE = NeuralLandscape(
    networks.perceptron([3, 2, 2], seed=1), NUMBERS.normal(size=(M, 3)), NUMBERS.integers(0, 2, M), weight_decay=0.05
)
START = PLACE.initial
FIRST = np.eye(PLACE.dimension)[0]
GOAL = fpsim.HalfSpace(-FIRST, 0.2 - float(START[0]))


def both(monkeypatch, run, *arguments, **options):
    """Compiled and in torch."""
    monkeypatch.setattr(minibatch, "WORTH", 0)
    first = run(*arguments, **options)
    monkeypatch.setattr(minibatch, "WORTH", np.inf)
    second = run(*arguments, **options)
    assert (first.settings["engine"], second.settings["engine"]) == ("compiled", "torch")
    return first, second


@pytest.mark.parametrize("sampling", minibatch.SAMPLINGS)
def test_paths_and_exits_are_torch_s(sampling, monkeypatch):
    sgd = fpsim.MiniBatchSGD(PLACE, ETA, S, sampling)
    one, two = both(monkeypatch, fpsim.simulate_batches, sgd, START, 37, paths=PATHS, save_every=37, seed=2**40 + 3)
    np.testing.assert_allclose(one.x, two.x, rtol=0, atol=1e-12)
    assert np.ptp(one.x[-1]) > 0.1
    one, two = both(monkeypatch, fpsim.exit_iterations, sgd, START, GOAL, paths=40, seed=5, horizon=200)
    assert np.array_equal(one.times, two.times) and one.exits.size > 5
    np.testing.assert_allclose(one.places, two.places, rtol=0, atol=1e-12)


RULES = {
    "heavy ball": ({"momentum": 0.6}, lambda p: torch.optim.SGD([p], lr=0.1, momentum=0.6)),
    "adam": ({"optimiser": fpsim.Adam(0.8, 0.95, 1e-3)}, lambda p: torch.optim.Adam([p], 0.1, (0.8, 0.95), 1e-3)),
    "sign": ({"optimiser": fpsim.SignSGD(0.5)}, None),
}


@pytest.mark.parametrize("rule", RULES)
def test_optimisers_and_schedules_in_both_engines(rule, monkeypatch):
    """Momentum, Adam and sign SGD under schedules of learning rate and batch size, compiled and in torch."""
    sgd = fpsim.MiniBatchSGD(PLACE, 0.1, S, **RULES[rule][0])
    plan = {"learning_rate": fpsim.schedules.inverse_time(0.2, 20), "batch_size": fpsim.schedules.steps([1, 3], [10])}
    for chosen in ({}, plan):
        one, two = both(monkeypatch, fpsim.simulate_batches, sgd, START, 18, paths=3, save_every=9, seed=3, **chosen)
        np.testing.assert_allclose(one.x, two.x, rtol=0, atol=1e-10)
        arguments = {"paths": 10, "seed": 5, "horizon": 40, **chosen}
        one, two = both(monkeypatch, fpsim.exit_iterations, sgd, START, GOAL, **arguments)
        assert np.array_equal(one.times, two.times) and one.exits.size > 0
        np.testing.assert_allclose(one.places, two.places, rtol=0, atol=1e-10)


@pytest.mark.parametrize("rule", ["heavy ball", "adam"])
def test_optimisers_are_torch_s_own(rule, monkeypatch):
    monkeypatch.setattr(minibatch, "WORTH", np.inf)
    options, library = RULES[rule]
    sgd = fpsim.MiniBatchSGD(PLACE, 0.1, S, **options)
    found = fpsim.simulate_batches(sgd, START, 25, paths=1, save_every=1, seed=7).x[:, 0]
    place = torch.tensor(np.array(START), dtype=torch.float64)
    optimiser = library(place)
    for n in range(25):
        batch = draws.picks(sgd.sampling, M, S, 7, np.array([0]), n, 1)[0]
        place.grad = torch.tensor(PLACE.batch_gradients(place.numpy()[:, None], batch)[:, 0])
        optimiser.step()
        np.testing.assert_allclose(found[n + 1], place.numpy(), rtol=0, atol=1e-11)


@pytest.mark.parametrize("momentum", [0.0, 0.6])
@pytest.mark.parametrize("sampling", ["with-replacement", "gaussian", "isotropic"])
def test_noise_and_momentum_are_the_loop_by_hand(sampling, momentum, monkeypatch):
    monkeypatch.setattr(minibatch, "WORTH", 0)
    sgd = fpsim.MiniBatchSGD(PLACE, ETA, S, sampling, momentum)
    found = fpsim.simulate_batches(sgd, START, 12, paths=3, save_every=4, seed=7).x
    assert found.shape == (4, 3, PLACE.dimension)
    for path in range(3):
        x, v, own = np.array(START), np.zeros(PLACE.dimension), np.array([path])
        for n in range(12):
            if sampling == "with-replacement":
                weights = np.bincount(draws.picks(sampling, M, S, 7, own, n, 1)[0, :, 0], minlength=M) / S
                slope = PLACE.weighted_gradient(x, weights)
            else:
                z = draws.normals(M, 7, own, n, 1, Stream.INCREMENTS)[0, :, 0]
                kick = PLACE.weighted_gradient(x, (z - z.mean()) / np.sqrt(M * S))
                u = draws.normals(PLACE.dimension, 7, own, n, 1, Stream.DIRECTIONS)[0, :, 0]
                turned = np.linalg.norm(kick) * u / np.linalg.norm(u)
                slope = PLACE.gradient(x) + (kick if sampling == "gaussian" else turned)
            v = momentum * v - ETA * slope
            x = x + v
            if (n + 1) % 4 == 0:
                np.testing.assert_allclose(found[(n + 1) // 4, path], x, rtol=0, atol=1e-12)


@pytest.mark.parametrize("sampling", ["gaussian", "isotropic"])
def test_noise_has_the_covariance_of_the_batches_or_its_trace(sampling, monkeypatch):
    """One step from one point: 20 000 kicks, every entry within 5 of its standard errors."""
    monkeypatch.setattr(minibatch, "WORTH", 0)
    sgd, n = fpsim.MiniBatchSGD(PLACE, ETA, 1.5, sampling), 20_000
    kicks = (fpsim.simulate_batches(sgd, START, 1, paths=n, keep="final").x[0] - START) / ETA + PLACE.gradient(START)
    exact = PLACE.gradient_covariance(START) / 1.5
    if sampling == "isotropic":
        exact = np.trace(exact) / len(exact) * np.eye(len(exact))
    found = kicks.T @ kicks / n
    error = np.sqrt((kicks**2).T @ kicks**2 / n**2)
    assert np.all(np.abs(found - exact) < 5 * error + 1e-12)


@pytest.mark.parametrize("noise", batches.LAWS)
def test_replicas_in_torch_draw_the_same(noise, monkeypatch):
    monkeypatch.setattr(minibatch, "WORTH", 0)
    sgd = NetworkSGD(PLACE, ETA, S, noise, START)
    x, _ = advance(sgd, Replicas(PLACE), np.tile(START, (4, 1)), np.arange(4), 0, 21, seed=11)
    found = fpsim.simulate_batches(sgd.batches, START, 21, paths=4, keep="final", seed=11)
    np.testing.assert_allclose(found.x[0], x, rtol=0, atol=1e-12)
    sample = fpsim.exit_iterations(sgd, START, GOAL, paths=8, seed=5, horizon=40)
    assert sample.settings["engine"] == "compiled" and sample.places.shape == (8, PLACE.dimension)


def test_splitting_flies_by_the_compiled_layers():
    """With momentum too, against plain exits; five standard errors."""
    for sampling, momentum, distance in (("with-replacement", 0.0, 0.15), ("gaussian", 0.5, 0.4)):
        sgd, goal = fpsim.MiniBatchSGD(PLACE, ETA, S, sampling, momentum), fpsim.HalfSpace(FIRST, START[0] + distance)
        plain = fpsim.exit_iterations(sgd, START, goal, paths=300, seed=1, horizon=10**5)
        mean, error = plain.mean_and_error()
        found = fpsim.split_iterations(sgd, START, goal, seed=2, repetitions=8, particles=100)
        assert abs(found.mean - mean) < 5 * np.hypot(error, found.standard_error) < 1.5 * mean
        assert ("coasts" in found.settings["score"]) == (momentum > 0)


def test_elementary_functions_are_those_of_the_library():
    import numba
    from scipy.special import erf, expit

    exact = np.tanh, expit, np.exp, erf
    u = np.concatenate([np.linspace(-30, 30, 4001), [0.0, 1e-300, 1e-8, 400.0, -400.0]])
    for real, most in (("float64", 5e-16), ("float32", 5e-7)):
        values = u.astype(real)
        for place, function in enumerate(elementary.WORDS[real][1:]):
            apply = numba.vectorize([f"{real}({real})"])(function.py_func)
            at = -abs(values) if place == 2 else values
            assert np.abs(apply(at) - exact[place](at.astype(float))).max() < most
            with np.errstate(invalid="ignore"):
                assert np.isnan(apply(np.full(9, np.nan, dtype=real))).all()  # what diverges is seen


def test_sentences():
    normed = nn.Sequential(nn.Linear(3, 2), nn.LayerNorm(2)).eval()
    odd = NeuralLandscape(normed, NUMBERS.normal(size=(M, 3)), NUMBERS.integers(0, 2, M))
    with pytest.raises(ValueError, match=r"sampling='gaussian' is for what compiles.*LayerNorm"):
        fpsim.simulate_batches(fpsim.MiniBatchSGD(odd, 0.1, 2, "gaussian"), odd.initial, 2, paths=2)
    with pytest.raises(ValueError, match="device='cuda' is for what compiles"):
        fpsim.simulate_batches(fpsim.MiniBatchSGD(odd, 0.1, 2), odd.initial, 2, paths=2, device="cuda")
    with pytest.raises(ValueError, match=r"momentum must be a number in \[0, 1\); got 1"):
        fpsim.MiniBatchSGD(PLACE, 0.1, 2, momentum=1)
    with pytest.raises(ValueError, match=r"sampling='isotropic' is for what compiles.*LayerNorm"):
        sgd = NetworkSGD(odd, 0.1, 2, "isotropic", odd.initial)
        fpsim.exit_iterations(sgd, odd.initial, fpsim.Ball(odd.initial + 1, 0.1), paths=2)
