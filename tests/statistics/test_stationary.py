"""Stationary laws of simulated paths against quadrature.

    constant D       p ~ exp(-L/D)                       (Boltzmann)
    D(x), 1-D        p ~ D^(l-1) exp(-int L'/D dx)       (l = 0 Ito, 1/2 Stratonovich, 1 anti-Ito)
    linear, any d    S = (1 - hH) S (1 - hH) + 2 h D     (covariance of the scheme itself, exact at any step)

All within 5 standard errors.  The O(h) bias is removed by 2 m(h) - m(2h) from independent runs.
"""

import numpy as np
import pytest
from scipy.integrate import cumulative_trapezoid, trapezoid
from scipy.linalg import solve_discrete_lyapunov

import fpsim
from fpsim.paths.simulate import simulate
from fpsim.walls import Walls
from landscapes import DoubleWell, Landscape, Quadratic, TiltedCosine

PATHS = 40_000


def observed(sde, start, duration, step, functions, boundary=None, dtype=np.float64):
    """Means of functions of the final state at a step towards 0, and their standard errors."""
    runs = []
    for h, seed in ((step, 1), (2 * step, 2)):
        x = simulate(sde, start, duration, h, PATHS, seed=seed, boundary=boundary, keep="final", dtype=dtype).x[0]
        values = np.array([f(x[:, 0].astype(float)) for f in functions])
        runs.append((values.mean(axis=1), values.std(axis=1) / np.sqrt(PATHS)))
    (fine, error), (coarse, other) = runs
    return 2 * fine - coarse, np.hypot(2 * error, other)


def expected(log_density, low, high, functions):
    """The same means under a density, by the trapezoidal rule on 40 001 points."""
    x = np.linspace(low, high, 40_001)
    density = np.exp(log_density(x) - log_density(x).max())
    return np.array([trapezoid(f(x) * density, x) for f in functions]) / trapezoid(density, x)


def agree(found, truth):
    means, errors = found
    z = (means - truth) / errors
    assert np.all(np.abs(z) < 5), z
    return z


POWERS = [lambda x, k=k: x**k for k in (1, 2, 3, 4)]


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_double_well(dtype):
    well, level = DoubleWell(tilt=0.1), 0.5
    sde = fpsim.SDE(well, fpsim.ConstantDiffusion(level))
    found = observed(sde, -1.0, 16.0, 0.02, POWERS, dtype=dtype)
    agree(found, expected(lambda x: -well.loss(x[None]) / level, -5, 5, POWERS))


def test_reflecting_walls_on_a_slope():
    # p ~ exp(-x/D) between 0 and 1: a wall with a wrong sign would let the paths slide away
    slope, level = Landscape.from_expression("x", bounds=[(0, 1)]), 0.5
    sde = fpsim.SDE(slope, fpsim.ConstantDiffusion(level))
    found = observed(sde, 0.9, 2.0, 0.001, POWERS, boundary="reflecting")
    agree(found, expected(lambda x: -x / level, 0, 1, POWERS))


def test_periodic_walls_with_a_current():
    # p(x) ~ exp(-L(x)/D) int_x^{x + period} exp(L/D): the tilted cosine carries a current round the circle
    circle, level = TiltedCosine(tilt=0.3), 0.5
    period = 2 * np.pi
    sde = fpsim.SDE(circle, fpsim.ConstantDiffusion(level))
    functions = [np.cos, np.sin, lambda x: np.cos(2 * x), lambda x: np.sin(2 * x)]
    walls = Walls("periodic", [(-1.0, -1.0 + period)])
    found = observed(sde, 0.0, 12.0, 0.02, functions, boundary=walls)
    x = np.linspace(-1.0, -1.0 + 2 * period, 80_001)
    weight = cumulative_trapezoid(np.exp(circle.loss(x[None]) / level), x, initial=0)
    half = x.size // 2
    log_density = -circle.loss(x[None, : half + 1]) / level + np.log(weight[half:] - weight[: half + 1])
    agree(found, expected(lambda t: np.interp(t, x[: half + 1], log_density), -1.0, -1.0 + period, functions))


DIFFUSION = fpsim.DiffusionField.from_expression("0.4 + 0.3*sin(2*x)", "x")


def state_dependent_law(weight):
    x = np.linspace(-6, 6, 60_001)
    diffusion = 0.4 + 0.3 * np.sin(2 * x)
    log_density = (weight - 1) * np.log(diffusion) - cumulative_trapezoid(x / diffusion, x, initial=0)
    return lambda t: np.interp(t, x, log_density)


@pytest.mark.parametrize(("convention", "weight"), [("ito", 0.0), ("stratonovich", 0.5), ("anti-ito", 1.0)])
def test_conventions_with_state_dependent_noise(convention, weight):
    sde = fpsim.SDE(Quadratic(1.0, 1), DIFFUSION, convention)
    functions = [*POWERS[:2], np.sin, lambda x: np.sin(2 * x)]
    found = observed(sde, 0.0, 8.0, 0.01, functions)
    agree(found, expected(state_dependent_law(weight), -5, 5, functions))
    for other in {0.0, 0.5, 1.0} - {weight}:  # the test can tell them apart
        z = (found[0] - expected(state_dependent_law(other), -5, 5, functions)) / found[1]
        assert np.abs(z).max() > 8


def test_hessian_noise_in_the_anti_ito_convention():
    # D = kappa sqrt(L''^2 + floor^2): div D changes fast at the inflection points
    kappa, floor = 0.5, 1.0  # large enough to pass the inflection points in a short time
    noise = fpsim.HessianDiffusion(learning_rate=1, batch_size=1, at="everywhere", floor=floor, floor_shape="smooth")
    sde = fpsim.SDE(DoubleWell(), noise, "anti-ito")
    found = observed(sde, lambda u: 3 * u - 1.5, 16.0, 0.005, POWERS)
    x = np.linspace(-4, 4, 40_001)
    diffusion = kappa * np.sqrt((3 * x**2 - 1) ** 2 + floor**2)
    log_density = -cumulative_trapezoid((x**3 - x) / diffusion, x, initial=0)
    agree(found, expected(lambda t: np.interp(t, x, log_density), -4, 4, POWERS))


CURVATURE = np.array([[2.0, 0.6], [0.6, 1.0]])
TENSOR = np.array([[0.5, -0.2], [-0.2, 0.3]])


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_covariance_in_two_dimensions_with_a_full_tensor(dtype):
    sde, h = fpsim.SDE(Quadratic(CURVATURE), fpsim.ConstantDiffusion(TENSOR)), 0.1
    x = simulate(sde, [0.0, 0.0], 25.0, h, PATHS, seed=5, keep="final", dtype=dtype).x[0].astype(float)
    truth = solve_discrete_lyapunov(np.eye(2) - h * CURVATURE, 2 * h * TENSOR)
    found = x.T @ x / PATHS
    deviation = np.sqrt((np.outer(np.diag(truth), np.diag(truth)) + truth**2) / PATHS)
    assert np.all(np.abs(found - truth) < 5 * deviation)
    assert np.all(np.abs(x.mean(axis=0)) < 5 * np.sqrt(np.diag(truth) / PATHS))


def test_moments_without_storing_paths():
    # skewness 0 and kurtosis 3 of a Gaussian law, by the sums that the kernel keeps
    sde, h = fpsim.SDE(Quadratic(1.0, 1), fpsim.ConstantDiffusion(0.7)), 0.1
    law = simulate(sde, 2.0, 20.0, h, PATHS, seed=6, keep="moments")
    variance = 2 * h * 0.7 / (1 - (1 - h) ** 2)
    assert law.time[-1] == pytest.approx(20.0)
    n = law.paths
    assert abs(law.mean[-1, 0]) < 5 * np.sqrt(variance / n)
    assert abs(law.variance[-1, 0] - variance) < 5 * variance * np.sqrt(2 / n)
    assert abs(law.third[-1, 0]) < 5 * np.sqrt(6 * variance**3 / n)
    assert abs(law.fourth[-1, 0] - 3 * variance**2) < 5 * variance**2 * np.sqrt(96 / n)
    # on the way: mean 2 (1 - h)^n, at every kept time
    steps = np.rint(law.time / h)
    spread = np.sqrt(variance * (1 - (1 - h) ** (2 * steps)) / n)
    assert np.all(np.abs(law.mean[:, 0] - 2 * (1 - h) ** steps) <= 5 * spread + 1e-12)
