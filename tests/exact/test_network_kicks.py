"""Kicks of networks without a matrix: their covariance is 2 D, exactly or to the stated tolerance."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch (extra `network`) is not installed")
pytestmark = pytest.mark.network

import fpsim  # noqa: E402
from fpsim.noise import krylov  # noqa: E402
from fpsim.noise.kicks import dense_kicks, matrix_root  # noqa: E402
from landscapes import DatasetLandscape, NeuralLandscape  # noqa: E402
from landscapes.networks import architectures as networks  # noqa: E402
from landscapes.networks import many_points  # noqa: E402

ETA, S = 0.1, 4
DRAWS = np.random.default_rng(0)


def network(width=3, examples=17, **settings):
    x, y = DRAWS.normal(size=(examples, 4)), DRAWS.integers(0, 3, examples)
    return NeuralLandscape(networks.perceptron([4, width, 3], "tanh", seed=1), x, y, **settings)


def by_basis(sde, x):
    """The covariance of a kick at x (d,): it is linear in its normals, so that their basis gives it exactly."""
    columns = np.eye(sde.normals)
    kicks = sde.kick(np.repeat(x[:, None], sde.normals, axis=1), columns)
    return kicks @ kicks.T


@pytest.mark.parametrize("given", ["landscape", "method"])
def test_gradient_noise_takes_one_normal_per_example(given, monkeypatch):
    place = network()
    covariance = place if given == "landscape" else place.gradient_covariance
    sde = fpsim.SDE(place, fpsim.GradientNoise(learning_rate=ETA, batch_size=S, covariance=covariance))
    x, dense = place.initial, place.gradient_covariance(place.initial)
    assert (sde.normals, sde.dimension) == (17, 27)
    monkeypatch.setattr(NeuralLandscape, "gradient_covariance", None)  # no matrix is asked for
    np.testing.assert_allclose(by_basis(sde, x), ETA / S * dense, atol=1e-14)
    n = DRAWS.normal(size=(27, 3))
    expected = np.einsum("ik,ij,jk->k", n, ETA / (2 * S) * dense, n)
    np.testing.assert_allclose(sde.along(np.repeat(x[:, None], 3, axis=1), n), expected, rtol=1e-10)
    run = fpsim.simulate(sde, x, 0.3, 0.1, paths=2, seed=1, keep="final")
    assert run.x.shape == (1, 2, 27)


def test_few_examples_of_a_table_too():
    formula = "((a0*x0 + a1*x1 + a2*x2 + a3*x3)*x0 - b)**2/2"
    data = {**{f"a{i}": DRAWS.normal(size=3) for i in range(4)}, "b": DRAWS.normal(size=3)}
    place = DatasetLandscape.from_expression(formula, "x0 x1 x2 x3", data=data)
    noise = fpsim.GradientNoise(learning_rate=ETA, batch_size=S, covariance=place)
    sde, x = fpsim.SDE(place, noise), DRAWS.normal(size=4)
    assert sde.normals == 3
    dense = ETA / S * place.gradient_covariance(x)
    np.testing.assert_allclose(by_basis(sde, x), dense, atol=1e-13)
    n = DRAWS.normal(size=(4, 1))
    np.testing.assert_allclose(sde.along(x[:, None], n), n.T @ dense @ n / 2 @ [1], rtol=1e-12)
    many = fpsim.SDE(place, fpsim.GradientNoise(learning_rate=ETA, batch_size=S, covariance=place.gradient_covariance))
    np.testing.assert_allclose(by_basis(many, x), dense, atol=1e-13)  # by a root: the same law


SHAPES = {
    "additive": {"floor": 0.1},
    "smooth": {"floor": 0.1, "floor_shape": "smooth"},
    "injected": {"floor": 0.02, "injected": 0.3},
}


@pytest.mark.parametrize("shape", SHAPES)
def test_hessian_noise_by_lanczos_is_that_of_the_dense_root(shape, monkeypatch):
    place = network(width=9, examples=40, weight_decay=0.01)
    noise = fpsim.HessianDiffusion(learning_rate=ETA, batch_size=S, at="everywhere", **SHAPES[shape])
    x = np.stack([place.initial, place.initial + 0.3 * DRAWS.normal(size=place.dimension)], axis=1)
    z = DRAWS.normal(size=x.shape)
    dense = dense_kicks(noise, place, symmetric=True)
    exact, across = dense.kick(x, z), dense.along(x, z)
    monkeypatch.setattr(NeuralLandscape, "hessian", None)
    for tolerance, bound in ((krylov.TOLERANCE, 5e-3), (1e-8, 1e-6)):
        monkeypatch.setattr(krylov, "TOLERANCE", tolerance)
        sde = fpsim.SDE(place, noise)
        assert sde.dimension == 75 and sde.normals == 75
        gaps = np.linalg.norm(sde.kick(x, z) - exact, axis=0) / np.linalg.norm(exact, axis=0)
        assert np.all(gaps < bound), (tolerance, gaps)
        np.testing.assert_allclose(sde.along(x, z), across, rtol=bound)


def test_a_frozen_hessian_has_one_root(monkeypatch):
    place = network(width=9, examples=40)
    x = place.initial
    noise = fpsim.HessianDiffusion(learning_rate=ETA, batch_size=S, at="minimum", minimum=x, floor=0.1)
    asked, exact = [], matrix_root(noise.tensor(place, x[:, None])[..., 0])
    hessians = many_points.weighted_hessians
    monkeypatch.setattr(many_points, "weighted_hessians", lambda *both: asked.append(1) or hessians(*both))
    sde, z = fpsim.SDE(place, noise), DRAWS.normal(size=(75, 4))
    for _ in range(3):
        np.testing.assert_allclose(sde.kick(np.zeros((75, 4)), z), exact @ z, atol=1e-12)
    assert len(asked) == 1


def test_what_does_not_converge_is_refused(monkeypatch):
    monkeypatch.setattr(krylov, "MOST", 20)
    place = network(width=9, examples=40)
    noise = fpsim.HessianDiffusion(learning_rate=ETA, batch_size=S, at="everywhere", floor=1e-6)
    with pytest.raises(ValueError, match=r"had not converged to 0\.001 after 20 products .* GradientNoise"):
        fpsim.simulate(fpsim.SDE(place, noise), place.initial, 0.2, 0.1, paths=1)


def test_functions_of_a_matrix_against_its_eigenvectors():
    """Matrices of low rank, with few eigenvalues, of one, and zero end early and exactly."""
    for values in ([3.0] * 5 + [0.0] * 30, [1.0] * 35, np.linspace(-1, 2, 35), [0.0] * 35, [-2.0]):
        d = len(values)
        q = np.linalg.qr(DRAWS.normal(size=(d, d)))[0]
        matrix, z, asked = (q * values) @ q.T, DRAWS.normal(size=d), []

        def product(v, matrix=matrix, asked=asked):
            asked.append(1)
            return matrix @ v

        expected = (q * np.sqrt(np.abs(values) + 0.5)) @ q.T @ z
        found = krylov.applied(product, lambda t: np.sqrt(np.abs(t) + 0.5), z)
        np.testing.assert_allclose(found, expected, atol=1e-3 * np.linalg.norm(expected))
        distinct = len(set(values))
        assert len(asked) <= distinct + 1
        assert krylov.form(product, np.abs, z) == pytest.approx(z @ (q * np.abs(values)) @ q.T @ z, rel=2e-3, abs=1e-12)
    assert not krylov.applied(lambda v: v, np.abs, np.zeros(3)).any()


def test_paths_have_the_stationary_spread():
    """SDE of a linear network with squared loss: dX = -A X dt + sqrt(2 D) dB, D constant at least near the minimum."""
    u = np.random.default_rng(3).normal(size=(6, 2))
    y = u @ [1.0, -1.0] + 0.5 * np.random.default_rng(4).normal(size=6)
    place = NeuralLandscape(torch.nn.Linear(2, 1, bias=False), u, y, loss="squared", weight_decay=0.5)
    hessian = u.T @ u / 6 + 0.5 * np.eye(2)
    x = np.linalg.solve(hessian, u.T @ y / 6)
    noise = fpsim.GradientNoise(learning_rate=1e-3, batch_size=1, covariance=place)  # little: C1 is that at x
    step, paths = 0.2, 120
    run = fpsim.simulate(fpsim.SDE(place, noise), x, 4.0, step, paths=paths, seed=5, keep="final")
    # Euler-Maruyama: P = M P M + 2 D h, M = 1 - h A
    kept, twice = np.eye(2) - step * hessian, 2 * step * noise.tensor(place, x[:, None])[..., 0]
    expected = np.zeros((2, 2))
    for _ in range(20):
        expected = kept @ expected @ kept + twice
    gaps = run.x[0] - x
    z = (gaps**2).mean(axis=0) / np.diag(expected) - 1
    assert np.all(np.abs(z) < 5 * np.sqrt(2 / paths)), z
