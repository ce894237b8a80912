"""By grid: targets smaller than a cell, starts close to their target, balls in two and three dimensions.

Truth: the time to a ball in an isotropic well is a one-dimensional integral (ln 20 for the standard well from 2 to .1).
"""

import numpy as np
import pytest

import fpsim
from landscapes import DriftField, Landscape

WELL = Landscape.from_expression("(x**2 + y**2)/2", variables="x y")
WHITE = fpsim.ConstantDiffusion(1.0)


def by_grid(landscape, start, target, noise=WHITE, cells=160, **options):
    return fpsim.EscapeProblem(fpsim.SDE(landscape, noise), start, target, **options).by_grid(cells)


def close(found, exact, most):
    """Within its own error, which is not silly, and nothing violated."""
    assert abs(found.mean - exact) <= found.systematic_error
    assert found.systematic_error <= most * exact
    assert not found.violated


@pytest.mark.parametrize("radius", [0.1, 1e-6])
def test_balls_smaller_than_a_cell(radius):
    close(by_grid(WELL, (2.0, 0.0), fpsim.Ball((0, 0), radius)), np.log(2 / radius), 2e-3)


def test_a_small_ball_off_the_axes_and_off_the_origin():
    moved = Landscape.from_expression("((x-1)**2 + (y+2)**2)/2", variables="x y", bounds=[(-3, 5), (-6, 2)])
    close(by_grid(moved, (1 + 2**0.5, -2 + 2**0.5), fpsim.Ball((1, -2), 0.05)), np.log(40), 1e-3)


def test_a_level_set_smaller_than_a_cell_is_found():
    boxed = Landscape.from_expression("(x**2 + y**2)/2", variables="x y", bounds=[(-3, 3), (-3, 3)])
    close(by_grid(boxed, (2.0, 0.0), lambda x: 1e-3 - np.hypot(x[0], x[1])), np.log(2000), 2e-3)


@pytest.mark.parametrize("gap", [1e-2, 1e-4])
def test_a_start_within_a_cell_of_its_target(gap, radial_time):
    exact = radial_time(lambda r: r * r / 2, 1.0, 2, 1 + gap, 1.0, 10.0)
    start = ((1 + gap) / 2**0.5, (1 + gap) / 2**0.5)
    close(by_grid(WELL, start, fpsim.Ball((0, 0), 1.0)), exact, 2e-3)


def test_a_start_close_to_its_target_on_the_line():
    line = Landscape.from_expression("(x**2-1)**2/4")
    problem = fpsim.EscapeProblem(fpsim.SDE(line, fpsim.ConstantDiffusion(0.1)), -1.0, -0.9999999)
    close(problem.by_grid(), problem.by_quadrature().mean, 1e-7)


def test_a_small_ball_close_to_the_start():
    close(by_grid(WELL, (0.02, 0.0), fpsim.Ball((0, 0), 0.01)), np.log(2), 5e-3)


def test_rotation_does_not_change_the_time_to_a_ball(radial_time):
    swirl = DriftField.from_expression(["-x + 10*y", "-y - 10*x"], variables="x y")
    exact = radial_time(lambda r: r * r / 2, 1.0, 2, 2.0, 0.3, 10.0)
    close(by_grid(swirl, (2.0, 0.0), fpsim.Ball((0, 0), 0.3), cells=None), exact, 1e-3)


def test_a_ball_in_three_dimensions(radial_time):
    well = Landscape.from_expression("(x**2 + y**2 + z**2)/2", variables="x y z")
    exact = radial_time(lambda r: r * r / 2, 1.0, 3, 2.0, 1.0, 10.0)
    found = by_grid(well, (2.0, 0.0, 0.0), fpsim.Ball((0, 0, 0), 1.0), cells=48)
    assert abs(found.mean - exact) <= found.systematic_error < 0.05 * exact
