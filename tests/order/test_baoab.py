"""BAOAB is of weak order 2, also where D depends on x: second moments of its step against closed equations."""

import numpy as np
import pytest
from scipy.linalg import expm

import fpsim
from fpsim.paths.step import numpy_step
from landscapes import Landscape

CURVATURE, FRICTION, MASS, TEMPERATURE = 1.3, 0.7, 0.8, 0.4
BOWL = Landscape.from_expression("k*x**2/2", k=CURVATURE)


def moments_of_a_step(sde, step):
    """M and c of m' = M m + c for m = E(x^2, x v, v^2): a step is linear in x, v and sqrt(D(x)) z, and E z^2 = 1."""
    states = np.array([[0.0, 1.0, 0.0, 1.0], [0.0, 0.0, 1.0, 1.0]])
    ends = [numpy_step(sde, step, None)(states, np.full(states.shape, z)) for z in (-1.0, 1.0)]
    second = np.mean([[x * x, x * v, v * v] for x, v in ends], axis=0)
    constant, first, last, both = second.T
    return np.column_stack([first - constant, both - first - last + constant, last - constant]), constant


def closed(slope):
    """d/dt of (E x^2, E x v, E v^2, 1) for D = T (1 + slope x^2)."""
    k, g, heat = CURVATURE / MASS, FRICTION / MASS, 2 * FRICTION * TEMPERATURE / MASS**2
    return np.array([[0, 2, 0, 0], [-k, -g, 1, 0], [heat * slope, -2 * k, -2 * g, heat], [0, 0, 0, 0]])


@pytest.mark.parametrize("slope", [0.0, 0.5])
def test_second_moments_of_order_two(slope):
    field = fpsim.DiffusionField.from_expression(["T*(1 + a*x**2)"], "x", T=TEMPERATURE, a=slope)
    sde = fpsim.Underdamped(BOWL, field, FRICTION, MASS)
    exact = (expm(2.0 * closed(slope)) @ [1.0, 0.3, 0.5, 1.0])[:3]
    errors = []
    for step in (0.2, 0.1, 0.05, 0.025):
        matrix, constant = moments_of_a_step(sde, step)
        m = np.array([1.0, 0.3, 0.5])
        for _ in range(round(2.0 / step)):
            m = matrix @ m + constant
        errors.append(np.abs(m - exact).max())
    assert np.allclose(np.log2(np.array(errors[:-1]) / errors[1:]), 2, atol=0.1)
    assert errors[-1] < 3e-4


@pytest.mark.parametrize("step", [0.1, 0.5, 1.0])
def test_the_places_of_an_oscillator_are_exactly_boltzmann(step):
    """E x^2 = T / k for every step, E v^2 = (T / mass) (1 - h^2 k / (4 mass)) (Leimkuhler and Matthews 2013)."""
    sde = fpsim.Underdamped(BOWL, fpsim.ConstantDiffusion(TEMPERATURE), FRICTION, MASS)
    matrix, constant = moments_of_a_step(sde, step)
    found = np.linalg.solve(np.eye(3) - matrix, constant)
    slower = 1 - step**2 * CURVATURE / (4 * MASS)
    np.testing.assert_allclose(found, [TEMPERATURE / CURVATURE, 0, TEMPERATURE / MASS * slower], atol=1e-13)


def modes(sde):
    return np.sort_complex(np.linalg.eigvals(sde.landscape.jacobian(np.zeros((2, 1)))[..., 0]))


def roots(eta, beta, curvature):
    """Growth per unit of time of the noiseless iteration x'' - (1 + beta - eta h) x' + beta x = 0."""
    return np.sort_complex(np.log(np.roots([1, -(1 + beta - eta * curvature), beta]).astype(complex)) / eta)


def test_heavy_ball_is_motion_with_inertia():
    """Both modes to second order in the step sqrt(eta), where 1 - beta is as small; else the slow one, in eta."""
    bowl, noise = Landscape.from_expression("k*x**2/2", k=1.7), fpsim.ConstantDiffusion(0.3)
    gaps, slow = [], []
    for eta in (0.01, 0.0025, 0.000625):
        beta = 1 - 1.5 * np.sqrt(eta)
        exact = roots(eta, beta, 1.7)
        gaps.append(np.abs(modes(fpsim.Underdamped.of_heavy_ball(bowl, noise, eta, beta)) / exact - 1).max())
        exact = roots(eta / 5, 0.8, 1.7)
        slow.append(abs(modes(fpsim.Underdamped.of_heavy_ball(bowl, noise, eta / 5, 0.8))[1] / exact[1] - 1))
    assert np.allclose(np.log2(np.array(gaps[:-1]) / gaps[1:]), 2, atol=0.2)
    assert np.allclose(np.log2(np.array(slow[:-1]) / slow[1:]) / 2, 2, atol=0.2)


@pytest.mark.parametrize("beta", [0.0, 0.5, 0.9])
def test_variance_of_heavy_ball_to_first_order(beta):
    """eta C (1 + beta) / ((1 - beta) h ((1 + beta)^2 - (1 + beta - eta h)^2) / eta^2) against D / ((1 - beta) h)."""
    curvature, gaps = 1.7, []
    bowl = Landscape.from_expression("k*x**2/2", k=curvature)
    for eta in (0.02, 0.01, 0.005):
        sde = fpsim.Underdamped.of_heavy_ball(bowl, fpsim.ConstantDiffusion(0.3), eta, beta)
        above, kicks = 1 + beta, 2 * eta * 0.3
        exact = kicks * above / ((1 - beta) * (above**2 - (above - eta * curvature) ** 2))
        gaps.append(exact / (sde.inertia.overdamped.diffusion(np.zeros((1, 1))).item() / curvature) - 1)
    np.testing.assert_allclose(gaps, np.array([0.02, 0.01, 0.005]) * curvature / (2 * (1 + beta)), rtol=0.02)
