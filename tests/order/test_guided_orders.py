"""Drifts that are no gradients: second order in the cells, and values that upwind rates miss by far."""

import numpy as np
import pytest
from scipy.integrate import quad

import fpsim
from fpsim import ConstantDiffusion, FokkerPlanck, Grid
from landscapes import DriftField


def rotation(turn, cells, noise=0.1, boundary="reflecting"):
    field = DriftField.from_expression(["-x + w*y", "-w*x - y"], variables="x y", w=turn)
    return FokkerPlanck(fpsim.SDE(field, ConstantDiffusion(noise)), Grid((-2, 2, cells), (-2, 2, cells)), boundary)


def oscillator(cells, half=5.0, friction=0.5, noise=0.35):
    field = DriftField.from_expression(["v", "-x - g*v"], variables="x v", g=friction)
    return FokkerPlanck(fpsim.SDE(field, ConstantDiffusion([0, noise])), Grid(*[(-half, half, cells)] * 2))


def second_moments(equation):
    density = equation.stationary()["density"].values.ravel() * equation.grid.volume
    assert density.min() >= 0
    assert density.sum() == pytest.approx(1, abs=1e-12)
    return (equation.grid.points * density) @ equation.grid.points.T


def normal(grid, variances):
    return np.exp(-sum(x**2 / (2 * v) for x, v in zip(grid.points, variances, strict=True))) / (
        2 * np.pi * np.sqrt(np.prod(variances))
    )


@pytest.mark.parametrize(
    ("make", "variance"), [(lambda n: rotation(10, n), 0.1), (lambda n: rotation(3, n), 0.1), (oscillator, 0.7)]
)
def test_density_of_second_order(make, variance):
    errors = []
    for cells in (30, 60, 120):
        equation = make(cells)
        density = equation.stationary()["density"].values.ravel()
        exact = normal(equation.grid, (variance, variance))
        errors.append(np.abs(density - exact).sum() * equation.grid.volume)
    rates = np.log2(np.array(errors[:-1]) / errors[1:])
    assert rates.min() > 1.9
    assert errors[-1] < 2e-4


def test_rotation_of_the_slowest_modes_of_second_order():
    errors = [abs(rotation(10, cells).spectrum(6).gap - 1) for cells in (100, 150)]
    assert np.log(errors[0] / errors[1]) / np.log(1.5) > 1.8
    assert errors[1] < 1e-3


@pytest.mark.parametrize("cells", [60, 120])
def test_variance_of_a_rotating_process(cells):
    np.testing.assert_allclose(second_moments(rotation(10, cells)), 0.1 * np.eye(2), atol=2e-6)


def test_variance_of_a_very_fast_rotation():
    equation = rotation(100, 200)
    np.testing.assert_allclose(second_moments(equation), 0.1 * np.eye(2), atol=1e-6)
    assert 0 < equation.fallbacks["upwind"] < 10_000


@pytest.mark.parametrize("cells", [60, 120, 240])
def test_variances_of_an_underdamped_oscillator(cells):
    np.testing.assert_allclose(second_moments(oscillator(cells)), 0.7 * np.eye(2), atol=2e-5)


def test_variances_of_an_overdamped_oscillator_with_cells_to_spare():
    found = second_moments(oscillator(100, half=6.0, friction=2.0, noise=0.3))
    np.testing.assert_allclose(found, 0.15 * np.eye(2), atol=1e-4)


@pytest.mark.parametrize(("turn", "cells", "within"), [(0, 90, 6e-4), (3, 120, 3e-4), (10, 120, 2e-3), (10, 240, 3e-4)])
def test_time_out_of_a_disc_does_not_know_of_the_rotation(turn, cells, within):
    """int_0^1 (e^(r^2/2D) - 1) / r dr at D = 0.1: 18.9993."""
    exact = quad(lambda r: np.expm1(r**2 / 0.2) / r, 0, 1)[0]
    assert exact == pytest.approx(18.9993, abs=1e-4)
    equation = rotation(turn, cells)
    found = equation.mean_first_passage_time(lambda x: np.hypot(x[0], x[1]) - 1)
    assert found["mean"].min() >= 0
    assert equation.grid.at(found["mean"], (0.0, 0.0)) == pytest.approx(exact, rel=within)


def test_a_guided_generator_conserves_mass_and_no_mode_grows():
    equation = rotation(10, 40)
    generator = equation.generator.toarray()
    assert np.abs(generator.sum(axis=0)).max() < 1e-11 * np.abs(generator).max()
    values = np.linalg.eigvals(generator)
    assert values.real.max() < 1e-9


def test_three_dimensions_with_a_current():
    field = DriftField.from_expression(["-x + 3*y", "-3*x - y", "-z + x"], variables="x y z")
    equation = FokkerPlanck(fpsim.SDE(field, ConstantDiffusion(0.1)), Grid(*[(-1.6, 1.6, 20)] * 3))
    from scipy.linalg import solve_continuous_lyapunov

    matrix = np.array([[1.0, -3, 0], [3, 1, 0], [-1, 0, 1]])
    np.testing.assert_allclose(second_moments(equation), solve_continuous_lyapunov(matrix, 0.2 * np.eye(3)), atol=2e-3)


def test_constant_drift_around_a_ring():
    """Eigenvalues -D k^2 + i b k: no numerical diffusion of the drift."""
    drift = DriftField(lambda x: np.full_like(x, 3.0), lambda x: np.zeros((1, *x.shape)), dimension=1)
    ring = FokkerPlanck(fpsim.SDE(drift, ConstantDiffusion(0.2)), Grid((0, 2 * np.pi, 100)), "periodic")
    found = np.sort_complex(ring.spectrum(5).eigenvalues)
    exact = np.sort_complex(np.array([-0.2 * k**2 - 3j * k for k in range(-2, 3)]))
    np.testing.assert_allclose(found.real, exact.real, atol=2e-3)
    np.testing.assert_allclose(found.imag, exact.imag, atol=2e-2)
