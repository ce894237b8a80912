"""What a network, its data and its labels must be: everything else is refused in a sentence, or made to work."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch (extra `network`) is not installed")
pytestmark = pytest.mark.network

from torch import nn  # noqa: E402

from fpsim.networks.replicas import Replicas  # noqa: E402
from landscapes.networks.landscape import NeuralLandscape  # noqa: E402

DRAWS = np.random.default_rng(0)
X, Y = DRAWS.normal(size=(20, 6)), DRAWS.integers(0, 3, 20)
SERIES = DRAWS.normal(size=(20, 5, 2))


@pytest.fixture(autouse=True)
def seeded():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


def mlp(*middle):
    return nn.Sequential(nn.Linear(6, 4), *(middle or (nn.Tanh(),)), nn.Linear(4, 3))


class Own(nn.Module):
    """A linear layer, and what its test makes of it."""

    def __init__(self, forward):
        super().__init__()
        self.layer, self.rule = nn.Linear(6, 3), forward
        self.register_buffer("count", torch.zeros(1))

    def forward(self, x):
        return self.rule(self, x)


def counting(self, x):
    self.count += 1
    return self.layer(x) + self.count


class Attention(nn.Module):
    def __init__(self, whole=False):
        super().__init__()
        self.into, self.out = nn.Linear(2, 8), nn.Linear(8, 3)
        self.whole = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True) if whole else None
        self.plain = None if whole else nn.MultiheadAttention(8, 2, batch_first=True)

    def forward(self, x):
        z = self.into(x)
        z = self.plain(z, z, z)[0] if self.whole is None else self.whole(z)
        return self.out(z.mean(dim=1))


class Recurrent(nn.Module):
    def __init__(self, **settings):
        super().__init__()
        self.cells, self.out = nn.LSTM(2, 4, batch_first=True, **settings), nn.Linear(4, 3)

    def forward(self, x):
        return self.out(self.cells(x)[0][:, -1])


class Tied(nn.Module):
    """Two layers with one weight."""

    def __init__(self):
        super().__init__()
        self.one, self.two, self.out = nn.Linear(6, 6), nn.Linear(6, 6), nn.Linear(6, 3)
        self.two.weight = self.one.weight

    def forward(self, x):
        return self.out(torch.tanh(self.two(torch.tanh(self.one(x)))))


class Words(nn.Module):
    def __init__(self):
        super().__init__()
        self.table, self.out = nn.Embedding(10, 4), nn.Linear(4, 3)

    def forward(self, x):
        return self.out(self.table(x).mean(dim=1))


RANDOM = {
    "RReLU": lambda: mlp(nn.RReLU()),
    "dropout": lambda: mlp(nn.Dropout(0.1)),
    "alpha dropout": lambda: mlp(nn.AlphaDropout(0.1)),
    "dropout of a whole layer": lambda: Attention(whole=True),
    "dropout between cells": lambda: Recurrent(num_layers=2, dropout=0.2),
}


@pytest.mark.parametrize("kind", RANDOM)
def test_layers_that_draw_are_refused_until_they_are_switched_off(kind):
    network, data = RANDOM[kind](), X if kind in ("RReLU", "dropout", "alpha dropout") else SERIES
    with pytest.raises(ValueError, match=r"makes the loss random; switch it off with network\.eval\(\)"):
        NeuralLandscape(network, data, Y)
    assert np.isfinite(NeuralLandscape(network.eval(), data, Y).loss(NeuralLandscape(network, data, Y).initial))


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        (lambda self, x: nn.functional.dropout(self.layer(x), 0.5, training=True), "its loss is random"),
        (lambda self, x: self.layer(x) + 0.01 * torch.rand_like(self.layer(x)), "its loss is random"),
        (lambda self, x: self.layer(x - x.mean(dim=0)), "depend on the other examples"),
        (lambda self, x: self.layer(x).cumsum(dim=0), "depend on the other examples"),
        (counting, "changes the network's buffer 'count'"),
        (lambda self, x: self.layer(x).squeeze(), "for one example alone the network gives outputs of shape"),
        (lambda self, x: (self.layer(x), x), "gave tuple"),
        (lambda self, x: self.layer(x).sum(dim=1), r"gave \(2,\)"),
        (lambda self, x: self.layer(x) * float("nan"), "outputs are not finite"),
        (lambda self, x: self.missing(x), "has no attribute 'missing'"),
    ],
)
def test_other_networks_are_tried(rule, message):
    with pytest.raises(ValueError, match=message):
        NeuralLandscape(Own(rule).eval(), X, Y)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"labels": Y + 1}, "classes 0 to 2, but the labels go from 1 to 3"),
        ({"labels": Y - 1}, "labels go from -1 to 1"),
        ({"labels": np.where(Y == 0, -100, Y)}, "labels are -100, torch's ignore_index"),
        ({"labels": np.eye(3)[Y]}, r"one-hot rows, take labels\.argmax"),
        ({"labels": Y[:, None]}, r"whole numbers of shape \(m,\)"),
        ({"labels": Y.astype(str)}, "labels are real numbers"),
        ({"labels": Y + 0.5}, "whole numbers"),
        ({"labels": np.where(Y == 0, np.nan, Y)}, "labels hold values that are not finite"),
        ({"labels": Y * 1.0, "loss": "squared"}, r"3 output\(s\) for each example and the labels 1"),
        ({"labels": np.ones((20, 2)), "loss": "squared"}, r"3 output\(s\) for each example and the labels 2"),
        ({"labels": np.full((20, 3), np.inf), "loss": "squared"}, "labels hold values that are not finite"),
        ({"loss": nn.CrossEntropyLoss()}, "a mean over examples; got CrossEntropyLoss"),
        ({"loss": lambda outputs, labels: outputs.sum()}, "a mean over examples; got <function"),
        ({"inputs": X[:0], "labels": Y[:0]}, "m >= 1"),
        ({"inputs": X[0]}, r"inputs have shape \(m, \.\.\.\)"),
        ({"inputs": X[:, :5]}, r"for inputs of shape \(20, 5\) it does not: mat1 and mat2"),
        ({"inputs": X + 1j}, "inputs are real numbers"),
        ({"inputs": [[1.0, 2.0], [3.0]]}, "inputs are an array of numbers"),
        ({"inputs": np.where(X > 1, np.inf, X)}, "inputs hold values that are not finite"),
        ({"device": "no such device"}, "torch cannot compute in"),
        ({"device": "meta"}, "torch cannot compute in"),
        ({"dtype": "float16"}, "'float64' or 'float32'"),
        ({"buffers": "recomputed"}, "buffers is 'frozen' or None"),
        ({"network": nn.Linear(6, 1)}, "network's one output tells 0 and 1 apart, but the labels go from 0 to 2"),
        ({"network": nn.Sequential(nn.LazyLinear(3))}, "has no shape yet"),
        ({"network": nn.Flatten()}, "no parameter to move in"),
        ({"network": mlp().requires_grad_(False)}, "all are frozen"),
        ({"network": nn.Conv2d(1, 3, 3), "inputs": DRAWS.normal(size=(20, 6, 6))}, r"gave \(2, 3, 4, 4\)"),
        ({"network": Words(), "inputs": DRAWS.integers(5, 20, (20, 5))}, "index out of range"),
    ],
)
def test_data_and_labels(change, message):
    settings = {"network": mlp(), "inputs": X, "labels": Y, **change}
    with pytest.raises(ValueError, match=message):
        NeuralLandscape(**settings)


@pytest.mark.parametrize("axis", [0, 1, None])
def test_products_with_a_weight_norm_are_those_of_its_formula(axis):
    """torch's own kernel gave products that were off by 39 %, and a Hessian that was not symmetric."""
    network = mlp().double()
    nn.utils.parametrizations.weight_norm(network[0], dim=axis)
    place = NeuralLandscape(network, X, Y)
    x, along = place.initial, np.random.default_rng(1).normal(size=place.dimension)
    np.testing.assert_allclose(place.loss(x), NeuralLandscape(mlp_of(network), X, Y).loss(plain(network)), rtol=1e-12)
    difference = (place.gradient(x + 1e-5 * along) - place.gradient(x - 1e-5 * along)) / 2e-5
    for product in (place.hessian_vector(x, along), place.hessian(x) @ along):
        np.testing.assert_allclose(product, difference, atol=1e-7)


def mlp_of(network):
    """The same network without its parametrisation."""
    found = mlp().double()
    with torch.no_grad():
        for own, other in zip((found[0], found[2]), (network[0], network[2]), strict=True):
            own.weight.copy_(other.weight)
            own.bias.copy_(other.bias)
    return found


def plain(network):
    return nn.utils.parameters_to_vector(mlp_of(network).parameters()).detach().double().numpy()


def through(own, x):
    """A sign whose gradient is taken for that of the identity."""
    h = own.layer(x)
    return h + (torch.sign(h) - h).detach()


class Twisted(torch.autograd.Function):
    """The product of the first two coordinates, in whose second derivative one of two equal parts is missing."""

    @staticmethod
    def forward(context, x):
        context.save_for_backward(x)
        return torch.cat([x[:, :1] * x[:, 1:2], x[:, 1:]], dim=1)

    @staticmethod
    def backward(context, slope):
        (x,) = context.saved_tensors
        first = slope[:, :1]
        return torch.cat([first * x[:, 1:2].detach(), first * x[:, :1] + slope[:, 1:2], slope[:, 2:]], dim=1)


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        (through, "torch's gradient is not that of the loss"),
        (lambda own, x: own.layer(x) * own.layer(x).detach(), "torch's gradient is not that of the loss"),
        (lambda own, x: Twisted.apply(own.layer(x)), "a Hessian is symmetric"),
    ],
)
def test_derivatives_that_are_not_those_of_the_loss(rule, message):
    with pytest.raises(ValueError, match=message):
        NeuralLandscape(Own(rule), X, Y)


def test_batch_normalisation_without_running_statistics_cannot_be_frozen():
    with pytest.raises(ValueError, match="track_running_stats=True"):
        NeuralLandscape(mlp(nn.BatchNorm1d(4, track_running_stats=False)).eval(), X, Y)


def test_a_compiled_network_is_taken_as_it_was_written():
    """torch.compile's wrapper compiles anew for every shape, which took a minute."""
    wrapper = Own(lambda own, x: pytest.fail("compiled"))
    wrapper._orig_mod = mlp()
    assert NeuralLandscape(wrapper, X, Y).name.startswith("Sequential")


def test_what_is_no_module():
    for wrong in (mlp, nn.Linear, None, "resnet"):
        with pytest.raises(TypeError, match=r"a torch\.nn\.Module"):
            NeuralLandscape(wrong, X, Y)
    broken = mlp()
    with torch.no_grad():
        broken[0].weight[0, 0] = np.nan
    with pytest.raises(ValueError, match=r"parameter '0\.weight' holds values that are not finite"):
        NeuralLandscape(broken, X, Y)
    older = mlp()
    older[0] = nn.utils.spectral_norm(older[0])
    older.eval()(torch.as_tensor(X).float())
    with pytest.raises(ValueError, match=r"cannot be copied .* those of torch\.nn\.utils\.parametrizations do not"):
        NeuralLandscape(older, X, Y)


def test_frozen_layers_are_no_coordinates():
    network = mlp()
    network[0].requires_grad_(False)
    part, whole = NeuralLandscape(network, X, Y, weight_decay=0.1), NeuralLandscape(mlp(), X, Y, weight_decay=0.1)
    assert (part.dimension, whole.dimension) == (15, 43)
    assert "15 of 43 parameters (the others are frozen)" in part.name
    network.requires_grad_(True)
    free = NeuralLandscape(network, X, Y, weight_decay=0.1)
    x, full = part.initial, free.initial
    assert np.array_equal(x, full[28:])
    np.testing.assert_allclose(part.gradient(x), free.gradient(full)[28:], atol=1e-14)
    np.testing.assert_allclose(part.hessian(x), free.hessian(full)[28:, 28:], atol=1e-14)
    np.testing.assert_allclose(part.example_gradients(x), free.example_gradients(full)[:, 28:], atol=1e-14)
    np.testing.assert_allclose(Replicas(part).gradients(x[None])[0], part.gradient(x), atol=1e-14)
    # weight decay acts on what moves
    frozen = 0.05 * full[:28] @ full[:28]
    np.testing.assert_allclose(part.loss(x) + frozen, free.loss(full), rtol=1e-13)


def test_numbers_of_other_kinds():
    plain = NeuralLandscape(mlp(), X, Y)
    x = plain.initial
    same = [
        NeuralLandscape(plain.network, X, Y.astype(float)),
        NeuralLandscape(plain.network, torch.as_tensor(X), torch.as_tensor(Y)),
        NeuralLandscape(plain.network, torch.as_tensor(X).requires_grad_(), Y.astype(np.uint8)),
    ]
    for other in same:
        assert other.loss(x) == plain.loss(x)
    assert plain.loss(torch.as_tensor(x)) == plain.loss(x)
    half = NeuralLandscape(mlp().half(), X, Y)
    assert half.gradient(half.initial).dtype == np.float64
    np.testing.assert_allclose(half.hessian_vector(half.initial, x), half.hessian(half.initial) @ x, atol=1e-13)
    coarse = NeuralLandscape(plain.network, torch.as_tensor(X).bfloat16(), Y)
    assert abs(coarse.loss(x) - plain.loss(x)) < 0.02
    classes = NeuralLandscape(plain.network, X, Y, loss="squared")
    vectors = NeuralLandscape(plain.network, X, np.eye(3)[Y], loss="squared")
    assert classes.loss(x) == vectors.loss(x)
    pixels = np.rint(50 * np.abs(X)).astype(np.uint8)
    assert NeuralLandscape(plain.network, pixels, Y).loss(x) == NeuralLandscape(plain.network, pixels * 1.0, Y).loss(x)


DIFFERENTIABLE = {
    "attention": (lambda: Attention(), SERIES),
    "transformer layer": (lambda: Attention(whole=True), SERIES),
    "LSTM": (lambda: Recurrent(), SERIES),
    "tied weights": (lambda: Tied(), X),
    "embedding": (lambda: Words(), DRAWS.integers(0, 10, (20, 5))),
    "branches on values": (lambda: Own(lambda self, x: self.layer(x) if float(x.sum()) > 0 else 1 * self.layer(x)), X),
    "in place": (lambda: mlp(nn.SiLU(inplace=True)), X),
}


@pytest.mark.parametrize("kind", DIFFERENTIABLE)
def test_derivatives_of_other_layers_against_differences(kind):
    make, data = DIFFERENTIABLE[kind]
    place = NeuralLandscape(make().eval(), data, Y)
    x, v, h = place.initial, np.random.default_rng(5).normal(size=place.dimension), 1e-5
    slope = (place.loss(x + h * v) - place.loss(x - h * v)) / (2 * h)
    assert slope == pytest.approx(place.gradient(x) @ v, abs=1e-8)
    bend = (place.gradient(x + h * v) - place.gradient(x - h * v)) / (2 * h)
    np.testing.assert_allclose(place.hessian_vector(x, v), bend, atol=1e-7)
    each = place.example_gradients(x)
    np.testing.assert_allclose(each.mean(axis=0), place.gradient(x), atol=1e-13)
    np.testing.assert_allclose(each @ v, place.slopes(x, v), atol=1e-12)
    assert torch.backends.mha.get_fastpath_enabled()  # torch's switch is as it was


def test_a_layer_that_cannot_be_differentiated_twice_is_said():
    def prototypes(self, x):  # torch has no second derivative of its distances
        return -torch.cdist(self.layer(x), torch.eye(3, dtype=x.dtype))

    place = NeuralLandscape(Own(prototypes).eval(), X, Y)
    x = place.initial
    assert np.isfinite(place.gradient(x)).all()
    with pytest.raises(ValueError, match=r"differentiate .* twice, which torch cannot do for one of its layers"):
        place.hessian_vector(x, x)


def test_points_and_directions_have_shapes():
    place = NeuralLandscape(mlp(), X, Y)
    for ask in (place.accuracy, lambda x: place.weighted_gradient(x, np.ones(20)), lambda x: place.slopes(x, x)):
        with pytest.raises(ValueError, match=r"x has shape \(43, \.\.\.\) here"):
            ask(np.zeros(3))
        with pytest.raises(ValueError, match="this takes one point"):
            ask(np.zeros((43, 2)))
    with pytest.raises(ValueError, match=r"a direction has shape \(43,\)"):
        place.hessian_vector(place.initial, np.zeros(2))
