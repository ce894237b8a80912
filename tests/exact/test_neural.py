"""Networks as landscapes: every product with a vector against dense autograd, and networks of known sizes."""

import importlib.util

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch (extra `network`) is not installed")
pytestmark = pytest.mark.network

from landscapes.catalogue.shipped import resnet_slice  # noqa: E402
from landscapes.examples.sampled import SampledLandscape  # noqa: E402
from landscapes.networks import architectures as networks  # noqa: E402
from landscapes.networks.eigenpairs import top_eigenpairs  # noqa: E402
from landscapes.networks.landscape import NeuralLandscape  # noqa: E402
from landscapes.networks.recipe import Recipe  # noqa: E402
from landscapes.networks.training import adam, polish  # noqa: E402


def data(m=23, side=6, classes=4):
    draws = np.random.default_rng(1)
    return draws.normal(size=(m, side, side)), draws.integers(0, classes, m)


def tiny(**settings):
    """A perceptron with 30 parameters."""
    images, labels = data(side=2)
    return NeuralLandscape(networks.perceptron([4, 3, 4], "softplus", seed=2), images, labels, **settings)


def residual(normalization="none", **settings):
    network = networks.resnet(8, 2, classes=4, normalization=normalization, seed=5)
    return NeuralLandscape(network, *data(), **settings)


def dense(landscape, x):
    """Losses, Jacobian (m, d) and Hessian (d, d) by torch.func on the whole loss, in one piece."""
    shapes = [p.shape for p in landscape.network.parameters()]
    names = [name for name, _ in landscape.network.named_parameters()]

    def losses(flat):
        pieces = torch.split(flat, [s.numel() for s in shapes])
        parameters = {n: piece.reshape(s) for n, piece, s in zip(names, pieces, shapes, strict=True)}
        outputs = torch.func.functional_call(landscape.network, parameters, (landscape.inputs,))
        logs = torch.log_softmax(outputs, dim=1)[torch.arange(len(landscape.labels)), landscape.labels]
        return -logs + landscape.weight_decay * (flat**2).sum() / 2

    point = torch.as_tensor(x)
    jacobian = torch.func.jacrev(losses)(point)
    hessian = torch.func.jacrev(torch.func.jacrev(lambda p: losses(p).mean()))(point)
    return (part.detach().numpy() for part in (losses(point), jacobian, hessian))


@pytest.mark.parametrize("chunk", [1024, 10])
def test_everything_against_dense_autograd(chunk):
    landscape = tiny(weight_decay=0.1, chunk=chunk)
    draws = np.random.default_rng(3)
    x = landscape.initial + 0.3 * draws.normal(size=landscape.dimension)
    losses, jacobian, hessian = dense(landscape, x)
    m, d = jacobian.shape
    assert (m, d) == (landscape.number_of_examples, landscape.dimension) == (23, 31)
    close = {"rtol": 1e-11, "atol": 1e-12}
    np.testing.assert_allclose(landscape.example_losses(x), losses, **close)
    np.testing.assert_allclose(landscape.loss(x), losses.mean(), **close)
    np.testing.assert_allclose(landscape.example_gradients(x), jacobian, **close)
    np.testing.assert_allclose(landscape.gradient(x), jacobian.mean(axis=0), **close)
    np.testing.assert_allclose(landscape.drift(x), -jacobian.mean(axis=0), **close)
    np.testing.assert_allclose(landscape.hessian(x), hessian, **close)
    gaps = jacobian - jacobian.mean(axis=0)
    covariance = gaps.T @ gaps / m
    np.testing.assert_allclose(landscape.gradient_covariance(x), covariance, **close)
    v, w = draws.normal(size=d), draws.normal(size=m)
    np.testing.assert_allclose(landscape.slopes(x, v), jacobian @ v, **close)
    np.testing.assert_allclose(landscape.weighted_gradient(x, w), jacobian.T @ w, **close)
    np.testing.assert_allclose(landscape.hessian_vector(x, v), hessian @ v, **close)
    np.testing.assert_allclose(landscape.hessian_operator(x) @ v, hessian @ v, **close)
    np.testing.assert_allclose(landscape.covariance_operator(x) @ v, covariance @ v, **close)
    np.testing.assert_allclose(landscape.covariance_operator(x) @ np.eye(d), covariance, **close)


@pytest.mark.parametrize("normalization", ["none", "group", "batch"])
def test_residual_networks(normalization):
    landscape = residual(normalization, weight_decay=0.01)
    draws = np.random.default_rng(4)
    x, v = landscape.initial, draws.normal(size=landscape.dimension)
    gradients = landscape.example_gradients(x)
    np.testing.assert_allclose(gradients.mean(axis=0), landscape.gradient(x), atol=1e-13)
    np.testing.assert_allclose(landscape.slopes(x, v), gradients @ v, atol=1e-11)
    gaps = gradients - gradients.mean(axis=0)
    np.testing.assert_allclose(landscape.covariance_operator(x) @ v, gaps.T @ (gaps @ v) / 23, atol=1e-11)
    # central differences of the gradient, order 2: the error falls fourfold
    product = landscape.hessian_vector(x, v)
    errors = []
    for h in (2e-4, 1e-4):
        difference = (landscape.gradient(x + h * v) - landscape.gradient(x - h * v)) / (2 * h)
        errors.append(np.abs(difference - product).max())
    assert 3.5 < errors[0] / errors[1] < 4.5


def test_one_example_does_not_feel_the_others():
    for normalization in ("none", "group", "batch"):
        landscape = residual(normalization)
        images, labels = data()
        alone = NeuralLandscape(landscape.network, images[3:5], labels[3:5])
        both = landscape.example_losses(landscape.initial)[3:5]
        np.testing.assert_allclose(alone.example_losses(alone.initial), both, rtol=1e-12)


def test_batch_statistics_and_dropout_are_refused():
    network = networks.resnet(8, 2, classes=4, normalization="batch").train()
    with pytest.raises(ValueError, match=r"one example's loss then depends on the others.*network\.eval\(\)"):
        NeuralLandscape(network, *data())
    without = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.BatchNorm1d(36, track_running_stats=False)).eval()
    with pytest.raises(ValueError, match="batch's own statistics"):
        NeuralLandscape(without, *data())
    noisy = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Dropout(0.5), torch.nn.Linear(36, 4))
    with pytest.raises(ValueError, match="makes the loss random"):
        NeuralLandscape(noisy, *data())
    assert NeuralLandscape(noisy.eval(), *data()).dimension == 148


def test_top_eigenpairs_against_dense():
    landscape = tiny(weight_decay=0.05)
    x = landscape.initial
    for operator, matrix in (
        (landscape.hessian_operator(x), landscape.hessian(x)),
        (landscape.covariance_operator(x), landscape.gradient_covariance(x)),
    ):
        exact = np.linalg.eigvalsh(matrix)
        values, vectors = top_eigenpairs(operator, 4)
        np.testing.assert_allclose(values, exact[::-1][:4], rtol=1e-9)
        np.testing.assert_allclose(matrix @ vectors, vectors * values, atol=1e-9)
    lowest = top_eigenpairs(landscape.hessian_operator(x), 1, "SA")[0]
    np.testing.assert_allclose(lowest, np.linalg.eigvalsh(landscape.hessian(x))[:1], atol=1e-9)
    with pytest.raises(ValueError, match="between 1 and 30"):
        top_eigenpairs(operator, 31)


def test_gaussian_noise_from_weights_has_the_covariance():
    """E (J^T w)(J^T w)^T = C1/S for w = (z - mean z)/(m S)^(1/2): here exactly, by the basis of all z."""
    landscape, batch = tiny(), 4
    x, m = landscape.initial, landscape.number_of_examples
    basis = (np.eye(m) - 1 / m) / (m * batch) ** 0.5
    draws = np.stack([landscape.weighted_gradient(x, w) for w in basis])
    np.testing.assert_allclose(draws.T @ draws, landscape.gradient_covariance(x) / batch, atol=1e-13)


def test_squared_loss_is_least_squares():
    draws = np.random.default_rng(7)
    u, v = draws.normal(size=(20, 3)), draws.normal(size=20)
    landscape = NeuralLandscape(networks.perceptron([3, 1]), u, v, loss="squared", weight_decay=0.2)
    x = draws.normal(size=4)
    design = np.column_stack([u, np.ones(20)])
    residuals = design @ x - v
    np.testing.assert_allclose(landscape.loss(x), (residuals**2).mean() / 2 + 0.1 * x @ x, rtol=1e-12)
    np.testing.assert_allclose(landscape.hessian(x), design.T @ design / 20 + 0.2 * np.eye(4), atol=1e-12)
    with pytest.raises(ValueError, match="no accuracy"):
        landscape.accuracy(x)


def test_shapes_follow_the_points():
    landscape = tiny()
    points = landscape.initial[:, None, None] + 0.1 * np.random.default_rng(8).normal(size=(31, 2, 3))
    assert landscape.loss(points).shape == (2, 3)
    assert landscape.example_losses(points).shape == (23, 2, 3)
    assert landscape.gradient(points).shape == (31, 2, 3)
    assert landscape.example_gradients(points).shape == (23, 31, 2, 3)
    assert landscape.hessian(points[:, 0]).shape == (31, 31, 3)
    one = points[:, 1, 2]
    np.testing.assert_allclose(landscape.gradient(points)[:, 1, 2], landscape.gradient(one), atol=1e-14)


def test_single_precision_and_own_copy():
    network = networks.resnet(8, 2, classes=4, seed=5)
    low, high = (NeuralLandscape(network, *data(), dtype=dtype) for dtype in ("float32", "float64"))
    x = high.initial
    assert low.gradient(x).dtype == np.float64
    gap = np.abs(low.gradient(x) - high.gradient(x)).max()
    assert 0 < gap < 1e-5
    assert next(network.parameters()).dtype == torch.float32
    with torch.no_grad():
        next(network.parameters()).zero_()
    assert np.array_equal(high.initial, x)


def test_too_large_arrays_are_refused(monkeypatch):
    monkeypatch.setattr("landscapes.networks.losses.MOST_NUMBERS", 500)
    landscape = tiny()
    for what in ("hessian", "example_gradients", "gradient_covariance"):
        with pytest.raises(ValueError, match="use products with vectors"):
            getattr(landscape, what)(landscape.initial)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"labels": [0.5] * 23}, "whole numbers"),
        ({"labels": [0, 1]}, "inputs have shape"),
        ({"inputs": np.full((23, 6, 6), np.nan)}, "not finite"),
        ({"weight_decay": -1.0}, "weight_decay"),
        ({"dtype": "float16"}, "dtype"),
        ({"loss": "hinge"}, "loss is"),
        ({"chunk": 0}, "chunk"),
    ],
)
def test_wrong_arguments(settings, message):
    images, labels = data()
    arguments = {"inputs": images, "labels": labels, **settings}
    with pytest.raises(ValueError, match=message):
        NeuralLandscape(networks.perceptron([36, 4]), **arguments)


# --- networks ---


@pytest.mark.parametrize(
    ("settings", "parameters"),
    [
        # ResNet-18 of the literature has 11 689 512 for 1000 classes and 3 channels: less 990 * 513 and 2 * 49 * 64
        ({"depth": 18, "width": 64, "stem": "7x7", "normalization": "batch"}, 11_175_370),
        ({"depth": 18, "width": 64, "stem": "3x3", "normalization": "batch"}, 11_172_810),
        ({"depth": 8, "width": 2}, 1342),
        ({"depth": 8, "width": 4, "normalization": "group"}, 5142),
    ],
)
def test_sizes(settings, parameters):
    network = networks.resnet(**settings)
    assert sum(p.numel() for p in network.parameters()) == parameters
    assert not network.training
    # 3 x 3 and 7 x 7 stems both take 28 x 28 and 8 x 8 images
    if parameters < 10_000:
        with torch.no_grad():
            assert network(torch.zeros(2, 1, 8, 8)).shape == (2, 10)


def test_depth_counts_the_layers_with_weights():
    for depth in (8, 14, 20, 10, 18):
        network = networks.resnet(depth, 2)
        kernels = [m for m in network.modules() if isinstance(m, torch.nn.Conv2d) and m.kernel_size != (1, 1)]
        assert len(kernels) + 1 == depth


def test_block_is_the_residual_formula():
    block = networks.ResidualBlock(2, 2, 1, "none", "tanh")
    x = torch.as_tensor(np.random.default_rng(9).normal(size=(1, 2, 5, 5)), dtype=torch.float32)
    with torch.no_grad():
        expected = torch.tanh(x + block.second(torch.tanh(block.first(x))))
        np.testing.assert_allclose(block(x), expected, atol=1e-6)


def test_seeds_and_the_global_generator():
    torch.manual_seed(0)
    a = torch.rand(1)
    torch.manual_seed(0)
    one, two, other = (networks.resnet(8, 2, seed=s) for s in (1, 1, 2))
    assert torch.equal(torch.rand(1), a)
    flat = [torch.nn.utils.parameters_to_vector(n.parameters()) for n in (one, two, other)]
    assert torch.equal(flat[0], flat[1])
    assert not torch.equal(flat[0], flat[2])


def test_signals_keep_their_size_at_any_depth():
    """He's initial weights: logits of a deep norm-free network neither vanish nor explode."""
    images = torch.as_tensor(np.random.default_rng(10).normal(size=(50, 1, 8, 8)), dtype=torch.float32)
    for depth in (8, 32):
        with torch.no_grad():
            spread = float(networks.resnet(depth, 8, seed=3)(images).std())
        assert 0.05 < spread < 20


IMPOSSIBLE = [{"depth": 9}, {"depth": 2}, {"stem": "5x5"}, {"activation": "sine"}, {"width": 0}]


@pytest.mark.parametrize("settings", IMPOSSIBLE)
def test_impossible_networks(settings):
    with pytest.raises(ValueError, match=r"ResNet has depth|stem is|activation is|width is"):
        networks.resnet(**settings)
    with pytest.raises(ValueError, match="perceptron"):
        networks.perceptron([3])


# --- from training to a slice ---


def test_train_polish_and_cut_a_line():
    landscape = tiny(weight_decay=0.05)
    x = adam(landscape, landscape.initial, 60, 0.03, 8, seed=1)
    assert landscape.loss(x) < landscape.loss(landscape.initial)
    assert np.array_equal(x, adam(landscape, landscape.initial, 60, 0.03, 8, seed=1))
    a = polish(landscape, x)
    assert np.linalg.norm(landscape.gradient(a)) < 1e-6
    assert np.linalg.eigvalsh(landscape.hessian(a))[0] > 0
    _, vectors = top_eigenpairs(landscape.hessian_operator(a), 1)
    line = SampledLandscape.along(landscape, a, vectors[:, 0], np.linspace(-2, 2, 65))
    (minimum,) = line.minima
    assert abs(minimum.x[0]) < 1e-6
    t = np.array([[-0.7, 0.0, 0.4]])
    points = a[:, None] + vectors * t
    np.testing.assert_allclose(line.loss(t), landscape.loss(points), rtol=1e-8)
    np.testing.assert_allclose(line.gradient(t)[0], vectors[:, 0] @ landscape.gradient(points), atol=1e-6)
    curvature = [vectors[:, 0] @ landscape.hessian_vector(p, vectors[:, 0]) for p in points.T]
    np.testing.assert_allclose(line.hessian(t)[0, 0], curvature, rtol=1e-5)
    with pytest.raises(ValueError, match="batch_size >= 1"):
        adam(landscape, x, 3, 0.1, 0, seed=0)


def test_recipe_of_the_shipped_slice():
    """Training it takes minutes; here the landscape that it is cut from, and a few steps of the recipe."""
    if importlib.util.find_spec("sklearn") is None:
        pytest.skip("scikit-learn is not installed")
    recipe = Recipe(examples=20, trunk_steps=4, branch_steps=3, polish_steps=2, newton_steps=0, nodes=9)
    assert Recipe().landscape().dimension == resnet_slice().facts["parameters"]
    a, b = recipe.minima()
    again = recipe.minima()
    assert np.array_equal(a, again[0])
    assert np.array_equal(b, again[1])
    assert recipe.landscape().loss(a) < recipe.landscape().loss(recipe.landscape().initial)
