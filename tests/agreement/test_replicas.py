"""Many networks at once against one after the other: gradients to rounding, SGD against a loop written by hand."""

import numpy as np
import pytest
from scipy import stats

torch = pytest.importorskip("torch", reason="torch (extra `network`) is not installed")
nn = torch.nn
pytestmark = pytest.mark.network

from fpsim.kernels import elementary  # noqa: E402
from fpsim.kernels.random_numbers import Stream  # noqa: E402
from fpsim.networks import compiled, parts, sgd  # noqa: E402
from fpsim.networks.advance import advance  # noqa: E402
from fpsim.networks.replicas import Replicas  # noqa: E402
from fpsim.networks.sgd import NetworkSGD  # noqa: E402
from fpsim.sgd import draws  # noqa: E402
from landscapes.networks import architectures as networks  # noqa: E402
from landscapes.networks.landscape import NeuralLandscape  # noqa: E402

CLASSES, EXAMPLES = 4, 23
CLOSE = {"rtol": 1e-10, "atol": 1e-10}


def landscape(network, loss="cross-entropy", **settings):
    draws = np.random.default_rng(1)
    images, labels = draws.normal(size=(EXAMPLES, 8, 8)), draws.integers(0, CLASSES, EXAMPLES)
    if loss == "squared":
        labels = draws.normal(size=(EXAMPLES, CLASSES))
    return NeuralLandscape(network, images, labels, loss=loss, weight_decay=0.1, **settings)


def spread(found, count, seed=2):
    draws = np.random.default_rng(seed)
    return found.initial + 0.1 * draws.normal(size=(count, found.dimension))


def odd_layers():
    """Even and odd kernels, strides beyond them, borders, no bias; an odd number of everything."""
    torch.manual_seed(4)
    layers = (
        nn.Tanh(), nn.Conv2d(1, 3, 4, 2, 1, bias=False), nn.SiLU(), nn.Conv2d(3, 5, 2, 3, 0), nn.ReLU(),
        nn.Conv2d(5, 3, 3, 1, 2), nn.Softplus(), nn.Flatten(), nn.Linear(27, CLASSES),
    )  # fmt: skip
    return nn.Sequential(*layers).eval()


NETWORKS = {
    "norm-free": networks.resnet(8, 2, classes=CLASSES, seed=3),
    "group": networks.resnet(8, 4, classes=CLASSES, normalization="group", seed=3),
    "frozen batch": networks.resnet(8, 2, classes=CLASSES, normalization="batch", seed=3),
    "7x7 stem": networks.resnet(10, 1, classes=CLASSES, stem="7x7", activation="tanh", seed=3),
    "perceptron": networks.perceptron([64, 3, CLASSES], seed=3),
    "odd layers": odd_layers(),
}
RESIDUAL = ("norm-free", "group", "frozen batch", "7x7 stem")
CASES = [
    *((name, "vmap") for name in NETWORKS),
    *((name, "grouped") for name in RESIDUAL),
    *((name, "compiled") for name in ("norm-free", "perceptron", "odd layers")),
]


@pytest.mark.parametrize("most", [parts.MOST_IMAGES, 12])
@pytest.mark.parametrize(("name", "engine"), CASES)
def test_all_replicas_at_once_equal_one_after_the_other(name, engine, most, monkeypatch):
    monkeypatch.setattr(parts, "MOST_IMAGES", most)
    one = landscape(NETWORKS[name])
    x, draws = spread(one, 5), np.random.default_rng(4)
    picks, weights = draws.integers(0, EXAMPLES, (5, 7)), draws.normal(size=(5, 7))
    dense = np.stack([np.bincount(p, w, minlength=EXAMPLES) for p, w in zip(picks, weights, strict=True)])
    expected = np.stack([one.weighted_gradient(point, w) for point, w in zip(x, dense, strict=True)])
    many = Replicas(one, engine)
    np.testing.assert_allclose(many.weighted_gradients(x, picks, weights), expected, **CLOSE)
    np.testing.assert_allclose(many.combined_gradients(x, dense), expected, **CLOSE)
    losses, gradients = many.losses_and_gradients(x)
    np.testing.assert_allclose(losses, one.loss(x.T), **CLOSE)
    np.testing.assert_allclose(many.losses(x), losses, **CLOSE)
    np.testing.assert_allclose(gradients, one.gradient(x.T).T, **CLOSE)


class Recurrent(nn.Module):
    """What vmap cannot take: a recurrent layer, and a branch on values."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(1)
        self.layer, self.last = nn.LSTM(8, 2, batch_first=True), nn.Linear(2, CLASSES)

    def forward(self, x):
        y = self.last(self.layer(x[:, 0])[0][:, -1])
        return y if torch.isfinite(y.detach()).all() else 0 * y


class Full(nn.Module):
    """What does not fit into a GPU's memory, as often as it is tried; copies of it count together."""

    tried, fits = 0, True

    def __init__(self):
        super().__init__()
        self.only = nn.Parameter(torch.ones(CLASSES))

    def forward(self, x):
        Full.tried += 1
        if not Full.fits:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory")
        return x.flatten(1)[:, :CLASSES] * self.only


def test_a_full_memory_is_no_reason_to_go_one_after_the_other(monkeypatch):
    one = landscape(Full())
    many, x = Replicas(one, "vmap"), spread(one, 3)
    monkeypatch.setattr(Full, "tried", 0)
    monkeypatch.setattr(Full, "fits", False)
    with pytest.raises(torch.cuda.OutOfMemoryError):
        many.losses(x)
    assert Full.tried == 1


def test_networks_that_cannot_be_mapped_go_one_after_the_other():
    one = landscape(Recurrent().eval())
    x, picks = spread(one, 3), np.array([[0, 5], [5, 5], [22, 1]])
    many = Replicas(one)
    dense = np.stack([np.bincount(p, minlength=EXAMPLES) / 2 for p in picks])
    expected = np.stack([one.weighted_gradient(point, w) for point, w in zip(x, dense, strict=True)])
    np.testing.assert_allclose(many.batch_gradients(x, picks), expected, **CLOSE)
    np.testing.assert_allclose(many.losses(x), one.loss(x.T), **CLOSE)


def test_squared_loss():
    one = landscape(NETWORKS["norm-free"], "squared")
    x, picks = spread(one, 3), np.array([[0, 5], [5, 5], [22, 1]])
    dense = np.stack([np.bincount(p, minlength=EXAMPLES) / 2 for p in picks])
    expected = np.stack([one.weighted_gradient(point, w) for point, w in zip(x, dense, strict=True)])
    for engine in ("compiled", "grouped", "vmap"):
        many = Replicas(one, engine)
        np.testing.assert_allclose(many.weighted_gradients(x, picks, np.full((3, 2), 0.5)), expected, **CLOSE)
        np.testing.assert_allclose(many.losses(x), one.loss(x.T), **CLOSE)


def test_the_faster_engine_is_chosen():
    assert Replicas(landscape(NETWORKS["norm-free"])).engine == "compiled"
    assert Replicas(landscape(NETWORKS["perceptron"])).engine == "compiled"
    assert Replicas(landscape(NETWORKS["group"])).engine == "grouped"
    assert Replicas(landscape(networks.resnet(8, 20, classes=CLASSES))).engine == "grouped"
    assert Replicas(landscape(nn.Sequential(nn.Flatten(), nn.LayerNorm(64), nn.Linear(64, CLASSES)))).engine == "vmap"


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("count", [1, 3, 8, 19])
def test_lanes_are_filled_by_replicas_and_examples(count, dtype, monkeypatch):
    """Compiled loops against autograd in float64: to its rounding, and in float32 to that of its own."""
    one, close = landscape(NETWORKS["norm-free"]), 1e-12 if dtype == "float64" else 1e-5
    x, draws = spread(one, count), np.random.default_rng(5)
    picks, weights = draws.integers(0, EXAMPLES, (count, 6)), draws.normal(size=(count, 6))
    expected = Replicas(one, "vmap").weighted_gradients(x, picks, weights)
    many = Replicas(landscape(NETWORKS["norm-free"], dtype=dtype), "compiled")
    found = many.weighted_gradients(x, picks, weights)
    assert np.abs(found - expected).max() < close * np.abs(expected).max()
    np.testing.assert_allclose(many.losses(x), one.loss(x.T), rtol=close)
    monkeypatch.setattr(compiled, "WORTH_THREADS", 0)
    torch.set_num_threads(3)
    np.testing.assert_array_equal(many.weighted_gradients(x, picks, weights), found)


def picked(function, place):
    return lambda v: function(v)[place]


def test_normal_distribution_of_lanes():
    """What "gelu" is made of, against scipy."""
    import numba

    u = np.concatenate([np.linspace(-38, 38, 20_001), [1e-300, -1e-8]])
    for real, gauss, most in (
        ("float64", elementary.gauss_double, 1e-15), ("float32", elementary.gauss_single, 3e-7),
    ):  # fmt: skip
        values = u.astype(real)
        for place, law in enumerate((stats.norm.cdf, stats.norm.pdf)):
            part = numba.vectorize([f"{real}({real})"])(picked(gauss, place))
            assert np.abs(part(values) - law(values.astype(float))).max() < most


def by_hand(chain, replica, steps, seed):
    """The loop for one replica, with the landscape's own products."""
    one, x, own = chain.landscape, np.array(chain.start), np.array([replica])
    m, eta = one.number_of_examples, chain.learning_rate
    for n in range(steps):
        if chain.draws_examples:
            picks = draws.picks(chain.noise, m, chain.batch_size, seed, own, n, 1)[0, :, 0]
            x = x - eta * one.weighted_gradient(x, np.bincount(picks, minlength=m) / chain.batch_size)
            continue
        z = draws.normals(m, seed, own, n, 1, Stream.INCREMENTS)[0, :, 0]
        noise = one.weighted_gradient(x, (z - z.mean()) / np.sqrt(m * chain.batch_size))
        if chain.noise == "isotropic":
            u = draws.normals(one.dimension, seed, own, n, 1, Stream.DIRECTIONS)[0, :, 0]
            noise = np.linalg.norm(noise) * u / np.linalg.norm(u)
        x = x - eta * (one.gradient(x) + noise)
    return x


NOISES = ("with-replacement", "without-replacement", "reshuffled", "gaussian", "isotropic")


@pytest.mark.parametrize("noise", NOISES)
def test_sgd_is_the_loop_for_each_replica(noise):
    one = landscape(NETWORKS["perceptron"])
    chain = NetworkSGD(one, 0.05, 3, noise, spread(one, 1)[0])
    numbers = np.array([7, 0, 2])
    x, lost = advance(chain, Replicas(one), np.tile(chain.start, (3, 1)), numbers, 0, 40, seed=5)
    assert not lost.any()
    expected = np.stack([by_hand(chain, r, 40, 5) for r in numbers])
    np.testing.assert_allclose(x, expected, rtol=1e-9, atol=1e-9)
    alone, _ = advance(chain, Replicas(one), np.array(chain.start)[None], [2], 0, 25, seed=5)
    alone, _ = advance(chain, Replicas(one), alone, [2], 25, 15, seed=5)
    np.testing.assert_allclose(alone[0], x[2], rtol=1e-9, atol=1e-9)
    other, _ = advance(chain, Replicas(one), np.tile(chain.start, (3, 1)), numbers, 0, 40, seed=6)
    assert np.abs(other - x).max() > 1e-4


def test_what_is_drawn():
    one = landscape(NETWORKS["perceptron"])
    start = one.initial

    def drawn(noise, size, blocks=2):
        chain = NetworkSGD(one, 0.1, size, noise, start)
        return sgd.drawn(chain, 1, np.array([4]), 0, 32 * blocks)[0][:, 0]

    epochs = drawn("reshuffled", 5)  # 23 examples: four batches of 5 an epoch, 3 examples left over
    for e in range(16):
        assert len(np.unique(epochs[4 * e : 4 * e + 4])) == 20
    assert len(np.unique(epochs[2:6])) < 20
    different = drawn("without-replacement", 20)
    assert all(len(np.unique(batch)) == 20 for batch in different)
    assert any(len(np.unique(batch)) < 20 for batch in drawn("with-replacement", 20))
    chain = NetworkSGD(one, 0.1, 2, "isotropic", start)
    of, other = np.array([4]), np.array([5])
    w, u = sgd.drawn(chain, 1, of, 0, 32)
    np.testing.assert_allclose(np.linalg.norm(u, axis=2), 1)
    np.testing.assert_allclose(w.sum(axis=2), 0, atol=1e-14)
    gaussian = sgd.drawn(NetworkSGD(one, 0.1, 2, "gaussian", start), 1, of, 0, 32)[0]
    np.testing.assert_allclose(gaussian - w, 1 / EXAMPLES, atol=1e-15)
    assert not np.array_equal(w, sgd.drawn(chain, 1, other, 0, 32)[0])


@pytest.mark.parametrize("engine", ["compiled", "grouped", "vmap"])
def test_one_logit(engine):
    images, labels = np.random.default_rng(6).normal(size=(EXAMPLES, 8, 8)), np.arange(EXAMPLES) % 2
    one = NeuralLandscape(networks.small_resnet(2, seed=1), images, labels, weight_decay=0.1)
    x, picks = spread(one, 3), np.array([[0, 5], [5, 5], [22, 1]])
    dense = np.stack([np.bincount(p, minlength=EXAMPLES) / 2 for p in picks])
    expected = np.stack([one.weighted_gradient(point, w) for point, w in zip(x, dense, strict=True)])
    many = Replicas(one, engine)
    np.testing.assert_allclose(many.weighted_gradients(x, picks, np.full((3, 2), 0.5)), expected, **CLOSE)
    np.testing.assert_allclose(many.losses(x), one.loss(x.T), **CLOSE)
