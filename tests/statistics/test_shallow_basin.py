"""SGD in all parameters where its second moments are known exactly: linear regression as a network.

With u_j the inputs, r_j the residuals at the optimum and A = (1/m) sum u_j u_j^T,

    Sig <- (I - eta A) Sig (I - eta A) + (eta^2/S) f Q(Sig),
    Q = (1/m) sum_j (r_j^2 + u_j^T Sig u_j) u_j u_j^T - A Sig A        (isotropic noise: tr Q I/d)

for mini-batches (f = 1, or (m - S)/(m - 1) without replacement) and for Gaussian noise of their covariance.
"""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch (extra `network`) is not installed")
pytestmark = pytest.mark.network

from fpsim.networks.advance import advance  # noqa: E402
from fpsim.networks.exits import LEFT, beyond, network_exits  # noqa: E402
from fpsim.networks.quench import Basin  # noqa: E402
from fpsim.networks.replicas import Replicas  # noqa: E402
from fpsim.networks.sgd import NetworkSGD  # noqa: E402
from fpsim.sgd.stationary_covariance import stationary_covariance  # noqa: E402
from landscapes.networks.landscape import NeuralLandscape  # noqa: E402
from validation.shallow_basin.around import Surroundings, linear_excess, spectrum  # noqa: E402

M, D, ETA, SIZE = 40, 3, 0.12, 2
SIGMAS = 5.0


def regression(labels=None):
    draws = np.random.default_rng(1)
    u = draws.normal(size=(M, D)) * [1.5, 1.0, 0.5]
    y = u @ [1.0, -1.0, 0.5] + draws.normal(size=M) if labels is None else labels
    one = NeuralLandscape(torch.nn.Linear(D, 1, bias=False), u, y, loss="squared")
    return one, u, y, np.linalg.lstsq(u, y, rcond=None)[0]


def second_moments(u, y, best, noise, iterations):
    a, r, sig = u.T @ u / M, y - u @ best, np.zeros((D, D))
    factor = {"with-replacement": 1, "gaussian": 1, "isotropic": 1, "without-replacement": (M - SIZE) / (M - 1)}[noise]
    step = np.eye(D) - ETA * a
    for _ in range(iterations):
        q = np.einsum("j,ja,jb->ab", r**2 + np.einsum("ja,ab,jb->j", u, sig, u), u, u) / M - a @ sig @ a
        q = np.eye(D) * np.trace(q) / D if noise == "isotropic" else q
        sig = step @ sig @ step + ETA**2 / SIZE * factor * q
    return a, sig


@pytest.mark.parametrize("noise", ["with-replacement", "without-replacement", "gaussian", "isotropic"])
def test_excess_loss_and_covariance_after_some_iterations(noise):
    one, u, y, best = regression()
    chain, replicas, n = NetworkSGD(one, ETA, SIZE, noise, best), 3000, 30
    engine = Replicas(one)
    x, lost = advance(chain, engine, np.tile(best, (replicas, 1)), np.arange(replicas), 0, n, seed=3)
    assert not lost.any()
    a, sig = second_moments(u, y, best, noise, n)
    excess = engine.losses(x) - one.loss(best)
    error = excess.std(ddof=1) / np.sqrt(replicas)
    assert abs(excess.mean() - np.trace(a @ sig) / 2) < SIGMAS * error
    gaps = x - best
    products = gaps[:, :, None] * gaps[:, None, :]
    errors = products.std(axis=0, ddof=1) / np.sqrt(replicas)
    assert np.all(np.abs(products.mean(axis=0) - sig) < SIGMAS * errors)
    # the other kinds of noise would have been noticed
    other = second_moments(u, y, best, "gaussian" if noise == "isotropic" else "isotropic", n)[1]
    assert np.abs((products.mean(axis=0) - other) / errors).max() > SIGMAS


def test_linear_excess_is_that_of_the_lyapunov_equation():
    draws = np.random.default_rng(2)
    root, own = draws.normal(size=(2, 4, 4))
    a, c = root @ root.T / 4 + 0.2 * np.eye(4), own @ own.T / 4
    eta, size = 0.3, 5.0
    values, vectors = np.linalg.eigh(a)
    spread = np.diag(vectors.T @ c @ vectors)
    expected = np.trace(a @ stationary_covariance(a, c / size, eta)) / 2
    np.testing.assert_allclose(linear_excess(values, spread, eta, size, np.inf), expected, rtol=1e-12)
    sig, step = np.zeros((4, 4)), np.eye(4) - eta * a
    for n in range(1, 8):
        sig = step @ sig @ step + eta**2 * c / size
        np.testing.assert_allclose(linear_excess(values, spread, eta, size, n), np.trace(a @ sig) / 2, rtol=1e-12)
    np.testing.assert_allclose(linear_excess(values, spread, 1e-7, size, np.inf), 1e-7 * np.trace(c) / 20, rtol=1e-6)
    # a flat direction contributes no loss, a falling one a growing loss below L(a)
    assert linear_excess([0.0], [1.0], eta, size, 10) == 0
    np.testing.assert_allclose(linear_excess([-0.5], [1.0], 0.2, 1.0, 2), -0.25 * 0.04 * (1 + 1.1**2), rtol=1e-12)


def around(one, basin):
    found = spectrum(one, basin.minimum)
    own = found.attrs["curvature_spread"]
    values, spread = found["curvature"].values, found["gradient_spread"].values
    return Surroundings(Replicas(one), basin, values, spread, own)


def test_surroundings_of_a_regression():
    one, u, y, best = regression()
    basin = Basin(best, float(one.loss(best)), 0.0, (0.1, 2.0), 1.0)
    found = around(one, basin)
    a, r = u.T @ u / M, y - u @ best
    values, vectors = np.linalg.eigh(a)
    np.testing.assert_allclose(found.curvatures, values, rtol=1e-10)
    np.testing.assert_allclose(found.spread, ((r[:, None] * u @ vectors) ** 2).mean(axis=0), rtol=1e-9)
    np.testing.assert_allclose(found.curvature_spread, ((u @ vectors[:, -1]) ** 2).var(), rtol=1e-6)


def test_linear_networks_diverge_where_the_second_moments_do():
    """One direction: E x_n^2 multiplies by (1 - eta A)^2 + eta^2 Var(u^2)/S."""
    u = np.random.default_rng(5).normal(size=(M, 1))
    one = NeuralLandscape(torch.nn.Linear(1, 1, bias=False), u, np.zeros(M), loss="squared")
    basin = Basin(np.zeros(1), 0.0, 0.0, (1.0, 1.0), 1.0)
    found = around(one, basin)
    draws = np.random.default_rng(6)
    for kappa in (0.3, 1.2):
        chain = found.chain(kappa, 2, "with-replacement")
        factor = found.second_moment_factor(chain)
        steps = 1 - chain.learning_rate * (u[draws.integers(0, M, (200_000, 2)), 0] ** 2).mean(axis=1)
        assert abs((steps**2).mean() - factor) < SIGMAS * (steps**2).std() / np.sqrt(200_000)


def test_mean_exit_of_one_parameter():
    """Two examples make steps x <- 3 x/4 +- 1/2, simulated again in numpy; out at x >= 1.45."""
    u = np.array([[0.5], [-0.5]])
    one = NeuralLandscape(torch.nn.Linear(1, 1, bias=False), u, np.array([1.0, 1.0]), loss="squared")
    chain = NetworkSGD(one, 1.0, 1, "with-replacement", [0.0])
    exits = network_exits(chain, Replicas(one), beyond([0.0], [1.0], 1.45), 300, 2000, every=1, seed=2)
    mean, low, high = exits.mean_and_interval()
    assert exits.count(LEFT) == 300
    assert np.all(exits.half_widths == 0.5)
    walk, times = np.zeros(4000), np.zeros(4000)
    signs = np.random.default_rng(8)
    for n in range(1, 2001):
        going = times == 0
        walk[going] = 0.75 * walk[going] + 0.5 * signs.choice([-1, 1], going.sum())
        times[going & (walk >= 1.45)] = n
    assert (times > 0).all()
    spread = times.std() * np.sqrt(1 / 300 + 1 / 4000)
    assert abs(mean + 0.5 - times.mean()) < SIGMAS * spread
    assert low < mean < high
    np.testing.assert_allclose(exits.sample().mean_and_error()[0], mean)
