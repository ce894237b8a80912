"""Orders of the Euler-Maruyama scheme against exact solutions driven by the same Brownian paths.

    geometric Brownian motion  dX = -m X dt + s X dB      X_T = x0 exp(-(m + s^2/2) T + s B_T)      strong order 1/2
    Ornstein-Uhlenbeck         dX = -k X dt + sqrt(2D) dB X_T = x0 e^{-kT} + sqrt(2D) int e^{-k(T-t)} dB      order 1

Both have weak order 1 (Kloeden and Platen, theorems 10.2.2 and 14.1.5).  An order is the slope of log(error) against
log(step) over four halvings.  A second kind of test checks the limit itself: a scheme can converge to the wrong thing.
"""

import numpy as np
import pytest

import fpsim
from fpsim.kernels.random_numbers import normals
from fpsim.paths.simulate import simulate
from landscapes import DoubleWell, Quadratic

DURATION, PATHS = 1.0, 2**15
STEPS = np.array([8, 16, 32, 64, 128])
SIZES = DURATION / STEPS
RATE, SPREAD = 0.5, 0.6  # m and s, of geometric Brownian motion
SPRING, LEVEL = 1.5, 0.3  # k and D, of Ornstein-Uhlenbeck

GEOMETRIC = fpsim.SDE(Quadratic(RATE, 1), fpsim.DiffusionField.from_expression("s**2*x**2/2", "x", s=SPREAD))
ORNSTEIN = fpsim.SDE(Quadratic(SPRING, 1), fpsim.ConstantDiffusion(LEVEL))


def order(errors):
    """Slope of log(error) against log(step)."""
    return np.polyfit(np.log(SIZES), np.log(errors), 1)[0]


def ends(sde, steps, seed, start=1.0, paths=PATHS, **how):
    return simulate(sde, start, DURATION, DURATION / steps, paths=paths, seed=seed, keep="final", **how).x[0, :, 0]


def brownian(steps, seed, paths=PATHS):
    """The increments (steps, paths) that these paths were driven by."""
    return np.sqrt(DURATION / steps) * normals(seed, paths, steps)[:, 0]


def geometric_pair(steps, seed, weight=0.0):
    """Scheme and exact solution at the end; ``weight`` is l of the convention, which adds l s^2 X to the drift."""
    sde = fpsim.SDE(GEOMETRIC.landscape, GEOMETRIC.noise, {0.0: "ito", 0.5: "stratonovich", 1.0: "anti-ito"}[weight])
    motion = brownian(steps, seed).sum(axis=0)
    drift = -RATE + (weight - 0.5) * SPREAD**2
    return ends(sde, steps, seed), np.exp(drift * DURATION + SPREAD * motion)


def ornstein_pair(steps, seed):
    """Scheme, the exact solution's mean given the increments, and its variance given them.

    Within a step the integral of e^{-k(T-t)} dB is the increment times the mean of e^{-k(T-t)}, plus an independent
    rest.
    """
    edges = np.exp(-SPRING * (DURATION - np.linspace(0, DURATION, steps + 1)))
    weights = np.diff(edges) / SPRING * steps / DURATION
    exact = np.exp(-SPRING * DURATION) + np.sqrt(2 * LEVEL) * (weights @ brownian(steps, seed))
    rest = 2 * LEVEL * ((1 - np.exp(-2 * SPRING * DURATION)) / (2 * SPRING) - np.sum(weights**2) * DURATION / steps)
    return ends(ORNSTEIN, steps, seed), exact, rest


@pytest.mark.parametrize("weight", [0.0, 0.5, 1.0])
def test_strong_order_with_state_dependent_noise_is_one_half(weight):
    errors = [np.abs(np.subtract(*geometric_pair(n, i, weight))).mean() for i, n in enumerate(STEPS)]
    assert order(errors) == pytest.approx(0.5, abs=0.07)


def test_strong_order_with_constant_noise_is_one():
    errors = []
    for i, n in enumerate(STEPS):
        scheme, exact, rest = ornstein_pair(n, i)
        errors.append(np.sqrt(np.mean((scheme - exact) ** 2) + rest))
    assert order(errors) == pytest.approx(1.0, abs=0.07)


def test_weak_order_is_one_with_state_dependent_noise():
    # the exact solution on the same Brownian path takes most of the scatter out of the difference
    errors = [np.subtract(*(v**2 for v in geometric_pair(n, 100 + i))).mean() for i, n in enumerate(STEPS[:4])]
    slope = np.polyfit(np.log(SIZES[:4]), np.log(np.abs(errors)), 1)[0]
    assert slope == pytest.approx(1.0, abs=0.25)


def test_weak_order_is_one_with_constant_noise():
    errors = []
    for i, n in enumerate(STEPS[:4]):
        scheme, exact, rest = ornstein_pair(n, 100 + i)
        errors.append(abs((scheme**2 - exact**2).mean() - rest))
    slope = np.polyfit(np.log(SIZES[:4]), np.log(errors), 1)[0]
    assert slope == pytest.approx(1.0, abs=0.25)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("steps", [4, 32])
def test_moments_of_the_scheme_itself(steps, dtype):
    # closed for both schemes, at any step: E X -> (1 - k h) E X, E X^2 -> (1 - k h)^2 E X^2 + 2 h E D; 5 sigma
    h = DURATION / steps
    shrink, grow = (1 - RATE * h) ** steps, ((1 - RATE * h) ** 2 + SPREAD**2 * h) ** steps
    factor = (1 - SPRING * h) ** 2
    kept, added = (1 - SPRING * h) ** steps, 2 * LEVEL * h * (1 - factor**steps) / (1 - factor)
    for sde, mean, square in ((GEOMETRIC, shrink, grow), (ORNSTEIN, kept, kept**2 + added)):
        x = ends(sde, steps, 7, paths=4 * PATHS, dtype=dtype).astype(float)
        for values, expected in ((x, mean), (x**2, square)):
            assert abs(values.mean() - expected) < 5 * values.std() / np.sqrt(x.size)


@pytest.mark.parametrize(("convention", "weight"), [("ito", 0.0), ("stratonovich", 0.5), ("anti-ito", 1.0)])
def test_limit_of_state_dependent_noise(convention, weight):
    # E X_T = exp((l s^2 - m) T): conventions differ by 20 %, the scheme's bias is 0.1 %
    sde = fpsim.SDE(GEOMETRIC.landscape, GEOMETRIC.noise, convention)
    x = ends(sde, 256, 3, paths=4 * PATHS)
    exact = np.exp((weight * SPREAD**2 - RATE) * DURATION)
    assert abs(x.mean() - exact) < 5 * x.std() / np.sqrt(x.size) + 1e-3


def test_limit_of_constant_noise():
    x = ends(ORNSTEIN, 512, 3, paths=4 * PATHS)
    variance = LEVEL / SPRING * (1 - np.exp(-2 * SPRING * DURATION))
    assert abs(x.mean() - np.exp(-SPRING * DURATION)) < 5 * np.sqrt(variance / x.size) + 1e-3
    assert abs(x.var() - variance) < 5 * variance * np.sqrt(2 / x.size) + 1e-3


def test_double_well_meets_the_transfer_operator_of_the_scheme():
    # no closed solution, but a density: E X_1^2 by powers of a fine one-step kernel (trapezoidal rule, spectral here)
    level, start = 0.3, -0.5
    x = np.linspace(-4, 4, 801)
    spacing, steps = x[1] - x[0], 256
    h = DURATION / steps
    centres = x - h * DoubleWell().gradient(x[None])[0]
    kernel = np.exp(-((x[:, None] - centres) ** 2) / (4 * level * h)) * spacing / np.sqrt(4 * np.pi * level * h)
    first = start - h * float(DoubleWell().gradient(np.array([[start]]))[0, 0])
    density = np.exp(-((x - first) ** 2) / (4 * level * h)) / np.sqrt(4 * np.pi * level * h)
    density = np.linalg.matrix_power(kernel, steps - 1) @ density
    assert density.sum() * spacing == pytest.approx(1, abs=1e-10)
    sde = fpsim.SDE(DoubleWell(), fpsim.ConstantDiffusion(level))
    found = ends(sde, steps, 11, start=start, paths=4 * PATHS)
    for power in (1, 2, 4):
        expected = (density * x**power).sum() * spacing
        assert abs((found**power).mean() - expected) < 5 * (found**power).std() / np.sqrt(found.size)
