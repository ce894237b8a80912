"""Stationary covariances against the equations that they solve."""

import numpy as np
import pytest

from fpsim.sgd.stationary_covariance import stationary_covariance

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


def test_refusals():
    with pytest.raises(ValueError, match="below 2"):
        stationary_covariance(2.0, 1.0, 1.1)
    with pytest.raises(ValueError, match="positive definite"):
        stationary_covariance(-1.0, 1.0, 0.1)
    with pytest.raises(ValueError, match="one shape"):
        stationary_covariance(np.eye(2), 1.0, 0.1)
    with pytest.raises(ValueError, match="symmetric"):
        stationary_covariance([[1.0, 0.5], [0.0, 1.0]], np.eye(2), 0.1)
