"""Paths under alpha-stable noise against Getoor's times in balls, and against the fractional equation under a drift."""

import numpy as np
import pytest

import fpsim
import landscapes


@pytest.mark.parametrize("alpha", [0.7, 1.5])
@pytest.mark.parametrize("d", [1, 2, 3])
def test_getoor_by_paths(d: int, alpha: float):
    """4000 paths from (0.3, 0, ...) in the unit ball: five standard errors and the measured bias of the step."""
    free = landscapes.DriftField.from_expression(["0"] * d, variables="x y z"[: 2 * d - 1])
    problem = fpsim.EscapeProblem(
        fpsim.SDE(free, fpsim.LevyNoise(alpha, 1.0)), [0.3] + [0.0] * (d - 1), fpsim.Outside([0.0] * d, 1.0)
    )
    found = problem.by_paths(4000, seed=2)
    assert not found.settings["bridge"] and found.sample.settings["engine"] == "compiled"
    assert abs(found.mean - problem.by("getoor").mean) < 5 * found.standard_error + found.systematic_error
    assert found.systematic_error < 0.06 * found.mean


def test_paths_and_equation_under_a_drift():
    """Out of (-1.8, -0.2) in a double well: 2000 paths, five standard errors; mean and variance."""
    noise = fpsim.LevyNoise(1.5, 0.3)
    problem = fpsim.EscapeProblem(fpsim.SDE(landscapes.DoubleWell(), noise), -1.0, lambda x: np.abs(x[0] + 1) - 0.8)
    exact = problem.by("fractional", cells=800)
    found = problem.by_paths(2000, step=0.004, seed=3)
    assert abs(found.mean - exact.mean) < 5 * found.standard_error + found.systematic_error + exact.error
    assert found.systematic_error < 0.15 * found.mean
    assert found.variance / found.mean**2 == pytest.approx(exact.variance / exact.mean**2, rel=0.15)


def test_a_comparison_takes_what_applies_and_says_why_not_else():
    bowl = landscapes.Landscape.from_expression("x**2/2", bounds=[(-2, 2)])
    problem = fpsim.EscapeProblem(fpsim.SDE(bowl, fpsim.LevyNoise(1.5, 0.2)), 0.0, fpsim.Outside([0.0], 1.0))
    found = problem.compare(budget=15, paths=1000)
    assert {time.method for time in found.routes} == {"fractional", "imkeller-pavlyukevich", "paths"}
    assert found.reference is not None and found.reference.method == "fractional"
    assert "no diffusion tensor D" in str(found) and "fractional" in str(problem.diagnose())


def test_white_noise_leaves_a_ball_in_the_time_that_is_known():
    """(R^2 - r^2) / (2 d D) in the plane, by paths with the bridge; on a line by quadrature."""
    target, noise = fpsim.Outside([0.5, 0.0], 1.0), fpsim.ConstantDiffusion(0.5)
    plane = landscapes.DriftField.from_expression(["0", "0"], variables="x y")
    found = fpsim.EscapeProblem(fpsim.SDE(plane, noise), (0.0, 0.0), target).by_paths(4000, seed=4)
    assert found.settings["bridge"]
    assert abs(found.mean - 0.375) < 5 * found.standard_error + found.systematic_error
    line = landscapes.DriftField.from_expression(["0"], variables="x")
    exact = fpsim.EscapeProblem(fpsim.SDE(line, noise), 0.0, fpsim.Outside([0.5], 1.0)).by_quadrature()
    assert exact.mean == pytest.approx(0.75, rel=1e-9)
