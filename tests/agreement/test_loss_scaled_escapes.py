"""The power law of Mori et al. against random paths, and in two dimensions against the grid."""

import numpy as np
import pytest

import fpsim
import landscapes


def noise(temperature: float) -> fpsim.LossScaledDiffusion:
    return fpsim.LossScaledDiffusion(learning_rate=temperature, batch_size=1, curvature=1.0)


def test_the_exponent_by_paths():
    """d ln(tau)/d ln(L_b/L_a) at T = 0.15 by 2 x 4000 paths: the quadrature's within 5 standard errors, and 2 %.

    That of the quadrature is held against the law in tests/exact.
    """
    points = []
    for offset, seed in ((0.3, 1), (0.15, 2)):
        sde = fpsim.SDE(landscapes.DoubleWell(offset=offset), noise(0.15))
        problem = fpsim.EscapeProblem(sde, -1.0, 1.0)
        paths, exact = problem.by_paths(4000, step=0.05, seed=seed), problem.by_quadrature()
        points.append((np.log(1 + 0.25 / offset), paths.log_mean, exact.log_mean, paths.standard_error / paths.mean))
    x, sampled, exact, errors = np.array(points).T
    error = float(np.hypot(*errors) / np.diff(x)[0])
    by_paths, by_quadrature = (float(np.diff(y)[0] / np.diff(x)[0]) for y in (sampled, exact))
    assert abs(by_paths - by_quadrature) < 5 * error < 0.05 * by_quadrature
    assert abs(by_paths / by_quadrature - 1) < 0.02 and abs(by_paths / (1 / 0.15 + 0.5) - 1) < 0.02 + 5 * error


@pytest.mark.slow
def test_in_two_dimensions_the_power_is_one_less_half_the_dimension():
    """n = 2: at T = 0.05 the slope is 1/T = 20, not 1/T + 1/2; grid and formula within 2 %."""
    slopes = []
    for route in ("grid", "mori"):
        times = []
        for offset in (0.5, 0.3):
            place = landscapes.Landscape.from_expression(
                "(x**2 - 1)**2/4 + y**2/2 + c", variables="x y", bounds=[(-2.2, 2.2), (-2.5, 2.5)], c=offset
            )
            problem = fpsim.EscapeProblem(fpsim.SDE(place, noise(0.05)), (-1.0, 0.0), fpsim.Ball((1.0, 0.0), 0.3))
            times.append(problem.by(route).log_mean)
        slopes.append((times[1] - times[0]) / np.log((0.55 / 0.3) / (0.75 / 0.5)))
    assert slopes[1] == pytest.approx(20.0, rel=1e-9)
    assert slopes[0] == pytest.approx(slopes[1], rel=0.02)
