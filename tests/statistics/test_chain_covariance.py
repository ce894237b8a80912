"""Stationary covariance of the discrete chain on quadratics, fixed seeds, 5 standard errors.

plain, C = A/S        Sigma = eta/(2 S) (I - eta A/2)^-1             (Mandt, Hoffman, Blei 2017)
heavy ball, 1-D       sigma^2 = eta^2 C (1 + beta) / ((1 - beta) ((1 + beta)^2 - (1 + beta - eta A)^2))     (AR(2))
"""

import numpy as np
import pytest

import landscapes
from fpsim import HessianDiffusion
from fpsim.sgd.chain import Chain

ETA, SIZE, PATHS = 0.4, 3.0, 20_000


def final_covariance(chain, iterations, **options):
    x = chain.simulate(np.zeros(chain.dimension), iterations, paths=PATHS, seed=21, keep="final", **options).x[-1]
    return x.T @ x / PATHS


def assert_within_five_errors(found, exact):
    """Var of an entry of x x^T averaged over n Gaussian draws: (S_ii S_jj + S_ij^2)/n."""
    diagonal = np.diag(exact)
    error = np.sqrt((np.outer(diagonal, diagonal) + exact**2) / PATHS)
    assert np.max(np.abs(found - exact) / error) < 5


@pytest.mark.parametrize("at", [{"at": "everywhere", "floor": 0}, {"at": "minimum", "minimum": 0.0}])
def test_one_dimension(at):
    noise = HessianDiffusion(learning_rate=ETA, batch_size=SIZE, **at)
    found = final_covariance(Chain(landscapes.Quadratic([2.0]), noise), 40)
    exact = np.array([[ETA / (2 * SIZE) / (1 - ETA * 2.0 / 2)]])
    assert_within_five_errors(found, exact)
    assert abs(found[0, 0] - ETA / (2 * SIZE)) > 20 * exact[0, 0] * np.sqrt(2 / PATHS)  # the SDE's value is far off


def test_ten_dimensions_with_a_full_matrix():
    q, _ = np.linalg.qr(np.random.default_rng(3).normal(size=(10, 10)))
    matrix = q @ np.diag(np.linspace(0.3, 3.0, 10)) @ q.T
    noise = HessianDiffusion(learning_rate=ETA, batch_size=SIZE, at="minimum", minimum=np.zeros(10))
    found = final_covariance(Chain(landscapes.Quadratic(matrix), noise), 120)
    assert_within_five_errors(found, ETA / (2 * SIZE) * np.linalg.inv(np.eye(10) - ETA * matrix / 2))


def test_ten_dimensions_with_hessian_noise_everywhere():
    curvatures = np.linspace(0.3, 3.0, 10)
    noise = HessianDiffusion(learning_rate=ETA, batch_size=SIZE, at="everywhere", floor=0)
    found = final_covariance(Chain(landscapes.Quadratic(curvatures), noise), 120)
    assert_within_five_errors(found, np.diag(ETA / (2 * SIZE) / (1 - ETA * curvatures / 2)))


@pytest.mark.parametrize("momentum", [0.0, 0.5, 0.9])
def test_heavy_ball(momentum):
    curvature = 2.0
    noise = HessianDiffusion(learning_rate=ETA, batch_size=SIZE, at="everywhere", floor=0)
    found = final_covariance(Chain(landscapes.Quadratic([curvature]), noise), 400, momentum=momentum)
    above = 1 + momentum
    exact = ETA**2 * curvature / SIZE * above / ((1 - momentum) * (above**2 - (above - ETA * curvature) ** 2))
    assert_within_five_errors(found, np.array([[exact]]))
