"""Splitting where a flow turns around the minimum thirty times while it relaxes, so that loops come in clusters."""

import math

import fpsim
from landscapes import DriftField


def test_loops_in_clusters_have_the_time_of_plain_paths():
    spin = DriftField.from_expression(
        ["-(x**3 - x) - 30*y", "-y + 30*(x**3 - x)"], variables="x y", bounds=[(-2.0, 2.0)] * 2
    )
    problem = fpsim.EscapeProblem(
        fpsim.SDE(spin, fpsim.ConstantDiffusion(0.1)), (-1.0, 0.0), fpsim.Ball((1.0, 0.0), 0.3)
    )
    step = {"step": 2.5e-4, "step_bias": False}
    plain = problem.by_paths(paths=4000, seed=5, **step)
    cloned = problem.by_splitting(repetitions=8, particles=1000, seed=11, **step)
    error = math.hypot(plain.standard_error, cloned.standard_error)
    assert abs(cloned.mean - plain.mean) <= 5 * error < 0.1 * plain.mean
