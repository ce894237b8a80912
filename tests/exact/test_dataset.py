"""Data-set landscapes against sums over their examples, and C1 against all batches there are."""

import itertools

import numpy as np
import pytest

import fpsim
from fpsim.sgd.minibatch import MiniBatchSGD
from landscapes.catalogue.example_losses import (
    LinearRegression,
    LogisticRegression,
    PerExampleDoubleWell,
    PerExampleTent,
)
from landscapes.examples.dataset import DatasetLandscape

rng = np.random.default_rng(3)
U, V = rng.standard_normal((2, 30))
REGRESSION = DatasetLandscape.from_expression("(x*u - v)**2/2", variables="x", data={"u": U, "v": V})
COUPLED = DatasetLandscape.from_expression(
    "a*(x*u - y)**2 + exp(-x**2)*v + sin(y)*u*v", variables="x y", data={"u": U, "v": V}, a=0.3
)
MIXED = DatasetLandscape.from_expression("log(1 + exp(u*x - v*y)) + b*x**2", "x y", data={"u": U, "v": V}, b=0.2)
NAMED = [LinearRegression.random(3, 20), LogisticRegression.random(2, 20), PerExampleDoubleWell()]
ALL = [REGRESSION, COUPLED, MIXED, *NAMED]


def test_values_by_hand():
    x = np.linspace(-2, 2, 5)[None]
    error = x * U[:, None] - V[:, None]
    np.testing.assert_allclose(REGRESSION.example_losses(x), error**2 / 2, rtol=1e-13)
    np.testing.assert_allclose(REGRESSION.example_gradients(x)[:, 0], error * U[:, None], rtol=1e-12)
    np.testing.assert_allclose(REGRESSION.hessian(x)[0, 0], np.mean(U**2), rtol=1e-13)
    np.testing.assert_allclose(REGRESSION.gradient_covariance(x)[0, 0], np.var(error * U[:, None], axis=0), rtol=1e-12)


@pytest.mark.parametrize("landscape", ALL, ids=lambda landscape: landscape.name)
def test_the_loss_is_the_mean_of_its_examples(landscape):
    x = np.random.default_rng(0).standard_normal((landscape.dimension, 3, 4))
    losses, gradients = landscape.example_losses(x), landscape.example_gradients(x)
    m, d = landscape.number_of_examples, landscape.dimension
    assert losses.shape == (m, 3, 4)
    assert gradients.shape == (m, d, 3, 4)
    np.testing.assert_allclose(landscape.loss(x), losses.mean(axis=0), rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(landscape.gradient(x), gradients.mean(axis=0), rtol=1e-11, atol=1e-12)
    h = 1e-5  # the Hessian against differences of the examples' gradients
    for j in range(d):
        shift = h * np.eye(d)[j].reshape(d, 1, 1)
        ahead, behind = landscape.example_gradients(x + shift), landscape.example_gradients(x - shift)
        difference = (ahead - behind).mean(axis=0) / (2 * h)
        np.testing.assert_allclose(landscape.hessian(x)[:, j], difference, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("landscape", ALL, ids=lambda landscape: landscape.name)
def test_covariance_and_its_formula(landscape):
    x = np.random.default_rng(1).standard_normal((landscape.dimension, 6))
    gradients = landscape.example_gradients(x)
    side = landscape.dimension
    direct = np.stack([np.cov(g.T, bias=True).reshape(side, side) for g in np.moveaxis(gradients, 2, 0)], axis=-1)
    c1 = landscape.gradient_covariance(x)
    np.testing.assert_allclose(c1, direct, rtol=1e-11, atol=1e-13)
    found = landscape.covariance_formula()
    assert (found is None) == (landscape.symbolic is None) == (landscape in (MIXED, NAMED[1]))
    if found is not None:
        import sympy

        matrix, values = found
        variables = landscape.symbolic.variables
        function = sympy.lambdify([*variables, *values], list(matrix), "numpy")
        rows = [np.broadcast_to(row, 6) for row in function(*x, *values.values())]
        np.testing.assert_allclose(np.stack(rows).reshape(c1.shape), c1, rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize("sampling", ["with-replacement", "without-replacement"])
def test_covariance_of_all_batches(sampling):
    small = LinearRegression.random(dimension=2, examples=5, seed=4)
    x = np.array([[0.4], [-0.3]])
    g = small.example_gradients(x)[:, :, 0]
    free = sampling == "with-replacement"
    draws = itertools.product(range(5), repeat=3) if free else itertools.combinations(range(5), 3)
    batches = np.array([g[list(batch)].mean(axis=0) for batch in draws])
    exact = np.cov(batches.T, bias=True)
    factor = MiniBatchSGD(small, 0.1, 3, sampling).covariance_factor / 3
    np.testing.assert_allclose(factor * small.gradient_covariance(x)[..., 0], exact, rtol=1e-12)


def test_memory_is_bounded_by_parts(monkeypatch):
    x = np.random.default_rng(2).standard_normal((2, 7, 5))
    whole = MIXED.gradient_covariance(x), MIXED.hessian(x)
    monkeypatch.setattr("landscapes.examples.averages.AT_ONCE", 300)
    np.testing.assert_array_equal(MIXED.gradient_covariance(x), whole[0])
    np.testing.assert_array_equal(MIXED.hessian(x), whole[1])


def test_noise_models_take_it():
    x = np.random.default_rng(5).standard_normal((2, 4))
    plain = fpsim.GradientNoise(learning_rate=0.1, batch_size=4, covariance=COUPLED.gradient_covariance)
    compiled = MiniBatchSGD(COUPLED, 0.1, 4).noise()
    expected = 0.1 / 8 * COUPLED.gradient_covariance(x)
    np.testing.assert_allclose(fpsim.SDE(COUPLED, plain).diffusion(x), expected, rtol=1e-12)
    np.testing.assert_allclose(fpsim.SDE(COUPLED, compiled).diffusion(x), expected, rtol=1e-12)


def test_parameters_data_and_identity():
    assert COUPLED.parameters == {"a": 0.3}
    assert set(COUPLED.data) == {"u", "v"}
    with pytest.raises(ValueError, match="read-only"):
        COUPLED.data["u"][0] = 1.0
    other = COUPLED.with_parameters(a=0.7)
    x = np.ones((2, 1))
    change = 0.4 * np.mean((U - 1) ** 2)
    assert other.loss(x)[0] - COUPLED.loss(x)[0] == pytest.approx(change, rel=1e-12)
    assert other != COUPLED
    assert other.with_parameters(a=0.3) == COUPLED
    assert hash(other.with_parameters(a=0.3)) == hash(COUPLED)


def test_named_double_wells():
    well = PerExampleDoubleWell(noise=0.7, positive=20)
    assert [round(float(p.x[0]), 9) for p in well.minima] == [-1, 1]
    x = np.linspace(-1.5, 1.5, 7)[None]
    np.testing.assert_allclose(well.loss(x), (x[0] ** 2 - 1) ** 2 / 4, atol=1e-14)
    np.testing.assert_allclose(well.gradient_covariance(x)[0, 0], 0.49, rtol=1e-12)
    tent = PerExampleTent(root=1.5 * np.log((1 + np.sqrt(5)) / 2), noise=1.0)
    assert tent.parameters["slope"] == pytest.approx(1 / 3, rel=1e-14)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({}, "needs data"),
        ({"u": [1.0], "v": [1.0, 2.0]}, "1 and 2 examples"),
        ({"u": [[1.0]], "v": [1.0]}, r"shape \(m,\)"),
        ({"u": [np.nan], "v": [1.0]}, "not finite"),
        ({"u": [1.0]}, "v"),
    ],
)
def test_refusals(data, words):
    with pytest.raises(ValueError, match=words):
        DatasetLandscape.from_expression("(x*u - v)**2/2", data=data)


def test_only_from_examples():
    with pytest.raises(TypeError, match="from_expression"):
        DatasetLandscape(lambda x: x[0] ** 2)
    with pytest.raises(ValueError, match="-1 or 1"):
        LogisticRegression([[1.0]], [0.5])
    with pytest.raises(ValueError, match="examples"):
        PerExampleDoubleWell(positive=100)
