"""What SGD of replicas refuses, and what it reports instead of hiding."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch (extra `network`) is not installed")
pytestmark = pytest.mark.network

import landscapes  # noqa: E402
from fpsim.networks.advance import advance  # noqa: E402
from fpsim.networks.exits import (  # noqa: E402
    INSIDE,
    LEFT,
    UNDECIDED,
    UNSTABLE,
    Criterion,
    NetworkExits,
    beyond,
    loss_above,
    network_exits,
)  # fmt: skip
from fpsim.networks.replicas import Replicas  # noqa: E402
from fpsim.networks.sgd import NetworkSGD  # noqa: E402
from landscapes.networks import architectures as networks  # noqa: E402
from landscapes.networks.landscape import NeuralLandscape  # noqa: E402


@pytest.fixture(scope="module")
def one():
    draws = np.random.default_rng(1)
    network = networks.perceptron([4, 3, 3], seed=1)
    return NeuralLandscape(network, draws.normal(size=(9, 2, 2)), draws.integers(0, 3, 9), weight_decay=0.1)


def line():
    """L(x) = x^2/2 with gradients x - 1 and x + 1 of its two examples."""
    network = torch.nn.Linear(1, 1, bias=False)
    return NeuralLandscape(network, np.ones((2, 1)), np.array([1.0, -1.0]), loss="squared")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"noise": "white"}, "noise is one of 'with-replacement'"),
        ({"learning_rate": 0.0}, "learning_rate is a positive number"),
        ({"learning_rate": np.nan}, "learning_rate is a positive number"),
        ({"batch_size": 1.5}, "whole number of examples"),
        ({"batch_size": np.inf}, "whole number of examples"),
        ({"batch_size": 10, "noise": "reshuffled"}, "10 different examples cannot be drawn from 9"),
        ({"batch_size": 0, "noise": "gaussian"}, "batch_size is a positive number"),
        ({"start": np.zeros(4)}, "start is 27 finite parameters"),
        ({"start": np.full(27, np.inf)}, "start is 27 finite parameters"),
    ],
)
def test_chain(one, change, message):
    settings = {"learning_rate": 0.1, "batch_size": 2, "noise": "with-replacement", "start": one.initial, **change}
    with pytest.raises(ValueError, match=message):
        NetworkSGD(one, **settings)


def test_chain_needs_a_network():
    with pytest.raises(TypeError, match="needs a NeuralLandscape"):
        NetworkSGD(landscapes.DoubleWell(), 0.1, 1, "gaussian", [0.0])


def test_fractions_of_a_batch_are_for_gaussian_noise(one):
    assert NetworkSGD(one, 0.1, 1.5, "gaussian", one.initial).covariance_factor == 1
    assert NetworkSGD(one, 0.1, 3, "without-replacement", one.initial).covariance_factor == 6 / 8


def test_replicas(one):
    with pytest.raises(ValueError, match="engine is 'compiled', 'grouped', 'vmap' or None"):
        Replicas(one, "fast")
    with pytest.raises(ValueError, match="not Sequential; use None"):
        Replicas(one, "grouped")
    normed = NeuralLandscape(networks.resnet(8, 4, normalization="group"), np.ones((2, 8, 8)), [0, 1])
    with pytest.raises(ValueError, match=r"'compiled' is not for this network: .* a GroupNorm, is not written out"):
        Replicas(normed, "compiled")
    many, x = Replicas(one), np.zeros((2, 27))
    with pytest.raises(ValueError, match=r"shape \(R, 27\)"):
        many.losses(np.zeros(27))
    with pytest.raises(ValueError, match="one row per replica"):
        many.weighted_gradients(x, [[1]], [[1.0]])
    with pytest.raises(ValueError, match="from 0 to 8"):
        many.weighted_gradients(x, [[9], [0]], [[1.0], [1.0]])
    with pytest.raises(ValueError, match=r"\(2, 9\)"):
        many.combined_gradients(x, np.ones((2, 3)))


def test_what_diverges_is_reported_and_keeps_finite_numbers():
    found = line()
    chain = NetworkSGD(found, 12.0, 1, "with-replacement", [0.0])  # x <- -11 x +- 12
    x, lost = advance(chain, Replicas(found), np.zeros((3, 1)), [0, 1, 2], 0, 20, seed=1)
    assert np.isfinite(x).all()
    assert np.all((lost > 3) & (lost < 10))
    for looks in (1, 3):
        exits = network_exits(chain, Replicas(found), beyond([0.0], [1.0], 1e5), 3, 40, every=20, looks=looks)
        assert exits.count(UNSTABLE) == 3
        assert "3 left by instability" in str(exits)
        assert np.isfinite(exits.places).all()


def test_undecided_is_neither_inside_nor_out():
    found = line()
    chain = NetworkSGD(found, 0.1, 1, "with-replacement", [0.0])

    def unsure(x):
        return np.where(np.abs(x[:, 0]) > 0.05, UNDECIDED, "returned")

    exits = network_exits(chain, Replicas(found), Criterion("a test that cannot say", unsure), 5, 12, every=2, looks=2)
    assert exits.count(UNDECIDED) + exits.count(INSIDE) == 5
    assert exits.count(UNDECIDED) > 0
    assert np.all(exits.iterations[exits.outcomes == UNDECIDED] < 12)
    mean, low, high = exits.mean_and_interval()
    assert mean == high == np.inf
    assert 0 < low < np.inf


def test_exit_times_lie_in_the_gap_of_the_snapshots():
    found = line()
    chain = NetworkSGD(found, 0.5, 1, "with-replacement", [0.0])
    target = beyond([0.0], [2.0], 0.6)
    coarse = network_exits(chain, Replicas(found), target, 20, 100, every=4, looks=1, seed=3)
    fine = network_exits(chain, Replicas(found), target, 20, 100, every=1, looks=1, seed=3)
    assert set(coarse.outcomes) == {LEFT}
    assert np.all(coarse.half_widths == 2)
    assert np.all(fine.iterations <= coarse.iterations + 2)
    level = loss_above(Replicas(found), float(found.loss(np.array([0.6]))))
    assert "not an exit" in str(level)
    both = network_exits(chain, Replicas(found), level, 20, 100, every=1, looks=1, seed=3)
    assert np.all(both.iterations <= fine.iterations)


def test_arguments_of_exits(one):
    chain = NetworkSGD(one, 0.1, 2, "gaussian", one.initial)
    with pytest.raises(ValueError, match="horizon is a whole number"):
        network_exits(chain, Replicas(one), beyond(one.initial, np.ones(27), 1.0), 2, 0)
    with pytest.raises(ValueError, match="horizon is a whole number"):
        network_exits(chain, Replicas(one), beyond(one.initial, np.ones(27), 1.0), 2, np.inf)
    with pytest.raises(ValueError, match="start from the minimum"):
        network_exits(chain, Replicas(one), beyond(one.initial, np.ones(27), -1.0), 2, 10)


def test_interval_of_exponential_times():
    """1000 samples: the 95 % interval holds the mean in 95 % of them, within 5 sigma (0.0345)."""
    draws = np.random.default_rng(4)
    inside = 0
    for _ in range(1000):
        times = draws.exponential(10.0, 20)
        words = np.where(times < 12, LEFT, INSIDE)
        exits = NetworkExits(np.minimum(times, 12), np.zeros(20), words, np.zeros((20, 1)), 12)
        _, low, high = exits.mean_and_interval()
        inside += low < 10 < high
    assert abs(inside / 1000 - 0.95) < 0.0345
