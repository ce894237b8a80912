"""Least actions in all parameters of a network: its products against autograd, and the same loss as a formula."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch (extra `network`) is not installed")
pytestmark = pytest.mark.network

import fpsim  # noqa: E402
from fpsim.action.gradients import divided  # noqa: E402
from fpsim.action.hamiltonian import unbent  # noqa: E402
from fpsim.action.systems import dynamics  # noqa: E402
from landscapes import DatasetLandscape, NeuralLandscape  # noqa: E402
from landscapes.networks import many_points  # noqa: E402
from landscapes.networks.architectures import perceptron  # noqa: E402


class Neuron(torch.nn.Module):
    """a tanh(w u), two parameters."""

    def __init__(self):
        super().__init__()
        self.inner = torch.nn.Linear(1, 1, bias=False)
        self.outer = torch.nn.Linear(1, 1, bias=False)

    def forward(self, u):
        return self.outer(torch.tanh(self.inner(u)))


U, V = np.array([-1.0, -0.4, 0.3, 0.9, 1.4]), np.array([0.8, 0.5, -0.4, -0.7, 0.4])
NETWORK = NeuralLandscape(Neuron(), U[:, None], V, loss="squared", weight_decay=0.05)
FORMULA = DatasetLandscape.from_expression(
    "(a*tanh(w*u) - v)**2/2 + 0.025*(w**2 + a**2)", "w a", data={"u": U, "v": V}, bounds=[(-2, 2)] * 2
)


def perceptrons(m=9):
    draws = np.random.default_rng(2)
    labels = draws.integers(0, 3, m)
    return NeuralLandscape(perceptron([4, 5, 3], "tanh", seed=1), draws.normal(size=(m, 4)), labels, weight_decay=0.1)


@pytest.mark.parametrize("images", [4096, 12, 3])
def test_products_at_many_points_are_those_at_single_ones(monkeypatch, images):
    """To rounding, in any blocks; weighted by chance, with Hessians of single examples by autograd."""
    monkeypatch.setattr(many_points, "MOST_IMAGES", images)
    place, draws = perceptrons(), np.random.default_rng(0)
    d, m, n = place.dimension, 9, 4
    x, v, w = draws.normal(size=(d, n)), draws.normal(size=(d, n)), draws.normal(size=(m, n))
    found = place.weighted_products(x, w, v), place.gradient(x), place.example_gradients(x), place.hessian(x)
    for k in range(n):
        point = torch.tensor(x[:, k])

        def mean(y, k=k):
            return torch.tensor(w[:, k]) @ place._examples(y, place.inputs, place.labels)

        bend = torch.func.hessian(mean)(point).detach().numpy()
        slopes = torch.func.jacrev(lambda y: place._examples(y, place.inputs, place.labels))(point).detach().numpy()
        np.testing.assert_allclose(found[0][:, k], bend @ v[:, k], atol=1e-12)
        np.testing.assert_allclose(found[1][:, k], slopes.mean(axis=0), atol=1e-13)
        np.testing.assert_allclose(found[2][..., k], slopes, atol=1e-13)
        products = np.stack([place.hessian_vector(x[:, k], e) for e in np.eye(d)])
        np.testing.assert_allclose(found[3][..., k], products, atol=1e-12)
    with pytest.raises(ValueError, match=r"weights \(m, n\)"):
        place.weighted_products(x, w.T, v)


def test_a_network_has_the_action_of_its_formula():
    start = min(FORMULA.minima, key=lambda point: point.x[0]).x
    end = np.add(start, [0.3, -0.2])
    sgds = [fpsim.MiniBatchSGD(place, learning_rate=0.1, batch_size=2) for place in (NETWORK, FORMULA)]
    network, formula = (fpsim.minimum_action(sgd, start, end, starts=1, pieces=16, floor=0.05) for sgd in sgds)
    assert network.action == pytest.approx(formula.action, rel=1e-6) and network.action > 0.01
    assert network.gaussian == pytest.approx(formula.gaussian, rel=1e-6)
    assert network.floor_share == pytest.approx(formula.floor_share, rel=1e-3)


@pytest.mark.parametrize("kind", ["batches", "surrogate"])
@pytest.mark.parametrize("m", [9, 60])
def test_derivatives_in_all_parameters(kind, m):
    """Of H by momentum and place against its differences; H_pp and its inverse, also where m < d."""
    place, draws = perceptrons(m), np.random.default_rng(1)
    sgd = fpsim.MiniBatchSGD(place, learning_rate=0.1, batch_size=2)
    x, p = 0.5 * draws.normal(size=(2, place.dimension, 3))
    h = dynamics(sgd if kind == "batches" else sgd.surrogate(), x[:, 0], x[:, 1], 1e-2).hamiltonian
    side, step = draws.normal(size=x.shape), 1e-5
    for move, slope in (((step * side, 0 * side), h.by_place(x, p)), ((0 * side, step * side), h.by_momentum(x, p))):
        change = (h.value(x + move[0], p + move[1]) - h.value(x - move[0], p - move[1])) / (2 * step)
        np.testing.assert_allclose((slope * side).sum(axis=0), change, rtol=1e-6, atol=1e-8)
    bend = (h.by_momentum(x, p + step * side) - h.by_momentum(x, p - step * side)) / (2 * step)
    np.testing.assert_allclose(np.einsum("ijn,jn->in", h.bend(x, p), side), bend, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(unbent(h, x, p, bend[..., None])[..., 0], side, rtol=1e-5, atol=1e-6)


def test_few_columns_are_divided_as_their_matrix():
    columns, vectors = (np.random.default_rng(3).normal(size=(2, 40, k)) for k in (7, 3))
    found = divided(columns, 1e-3, vectors)
    matrix = columns @ np.swapaxes(columns, 1, 2) + 1e-3 * np.eye(40)
    np.testing.assert_allclose(matrix @ found, vectors, atol=1e-9)


@pytest.mark.parametrize("kind", ["batches", "surrogate"])
def test_second_derivatives_in_all_parameters(kind):
    """H_xx and H_px against differences of the first ones."""
    place, draws = perceptrons(9), np.random.default_rng(4)
    sgd = fpsim.MiniBatchSGD(place, learning_rate=0.1, batch_size=2)
    x, p = 0.5 * draws.normal(size=(2, place.dimension, 2))
    h = dynamics(sgd if kind == "batches" else sgd.surrogate(), x[:, 0], x[:, 1], 1e-2).hamiltonian
    side, step = draws.normal(size=x.shape), 1e-4
    for found, slope in zip(h.second(x, p), (h.by_place, h.by_momentum), strict=True):
        change = (slope(x + step * side, p) - slope(x - step * side, p)) / (2 * step)
        np.testing.assert_allclose(np.einsum("nij,jn->in", found, side), change, rtol=1e-5, atol=1e-6)
