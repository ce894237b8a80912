"""Stationary covariances against the equations they solve and against averages over all batches."""

import itertools

import numpy as np
import pytest

from fpsim.sgd.minibatch import SAMPLINGS, MiniBatchSGD
from fpsim.sgd.stationary_covariance import regression_covariance, stationary_covariance
from landscapes.catalogue.example_losses import LinearRegression, LogisticRegression

rng = np.random.default_rng(7)
ROOT = rng.standard_normal((5, 5))
A, C = ROOT @ ROOT.T / 5 + 0.3 * np.eye(5), np.diag(rng.random(5)) + 0.1


def test_mandts_equations():
    eta = 0.2
    continuous = stationary_covariance(A, C, eta, discrete=False)
    np.testing.assert_allclose(A @ continuous + continuous @ A, eta * C, atol=1e-14)
    chain = stationary_covariance(A, C, eta)
    np.testing.assert_allclose(A @ chain + chain @ A - eta * A @ chain @ A, eta * C, atol=1e-14)


def test_hessian_shaped_noise():
    eta, size = 0.2, 4
    expected = eta / (2 * size) * np.linalg.inv(np.eye(5) - eta * A / 2)
    np.testing.assert_allclose(stationary_covariance(A, A / size, eta), expected, rtol=1e-11, atol=1e-15)
    assert stationary_covariance(2.0, 0.5, 0.1)[0, 0] == pytest.approx(0.1 * 0.5 / (2 * 2.0 - 0.1 * 4.0), rel=1e-13)


@pytest.mark.parametrize("sampling", SAMPLINGS[:2])
def test_regression_covariance_is_invariant_under_all_batches(sampling):
    land = LinearRegression.random(dimension=2, examples=5, seed=2)
    eta, size = 0.15, 2
    sgd = MiniBatchSGD(land, eta, size, sampling)
    found = regression_covariance(sgd)
    u = land.inputs
    r = land.targets - u @ found.optimum
    draws = itertools.product(range(5), repeat=size) if sgd.replacement else itertools.combinations(range(5), size)
    after = []
    for batch in draws:
        picked = list(batch)
        shrink = np.eye(2) - eta * u[picked].T @ u[picked] / size
        kick = eta * u[picked].T @ r[picked] / size
        after.append(shrink @ found.exact @ shrink.T + np.outer(kick, kick))
    np.testing.assert_allclose(np.mean(after, axis=0), found.exact, rtol=1e-12)


def test_multiplicative_noise_adds_about_a_tenth_to_mandt():
    """d = 10, m = 400, S = 4, eta = 0.05: about +11 %, of which the discrete chain explains 3 %."""
    land = LinearRegression.random(dimension=10, examples=400, seed=0)
    found = regression_covariance(MiniBatchSGD(land, 0.05, 4))
    assert 0.08 < found.excess < 0.14
    assert np.trace(found.continuous) < np.trace(found.discrete) < np.trace(found.exact)
    assert "excess" in str(found)
    tiny = regression_covariance(MiniBatchSGD(land, 1e-4, 4))
    assert abs(tiny.excess) < 1e-3


def test_whole_data_set_has_no_noise():
    land = LinearRegression.random(dimension=2, examples=6, seed=2)
    assert np.all(regression_covariance(MiniBatchSGD(land, 0.1, 6, "without-replacement")).exact == 0)


def test_refusals():
    with pytest.raises(ValueError, match="below 2"):
        stationary_covariance(2.0, 1.0, 1.1)
    with pytest.raises(ValueError, match="positive definite"):
        stationary_covariance(-1.0, 1.0, 0.1)
    with pytest.raises(ValueError, match="one shape"):
        stationary_covariance(np.eye(2), 1.0, 0.1)
    with pytest.raises(ValueError, match="symmetric"):
        stationary_covariance([[1.0, 0.5], [0.0, 1.0]], np.eye(2), 0.1)
    with pytest.raises(TypeError, match="LinearRegression"):
        regression_covariance(MiniBatchSGD(LogisticRegression.random(2, 10), 0.1, 1))
    with pytest.raises(ValueError, match="not independent"):
        regression_covariance(MiniBatchSGD(LinearRegression.random(2, 10), 0.1, 1, "reshuffled"))
    with pytest.raises(ValueError, match="grow"):
        regression_covariance(MiniBatchSGD(LinearRegression.random(5, 50), 1.5, 1))
    with pytest.raises(ValueError, match="span"):
        regression_covariance(MiniBatchSGD(LinearRegression([[1.0, 1.0], [2.0, 2.0]], [1.0, 0.0]), 0.1, 1))
