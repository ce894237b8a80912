"""Grids against quadrature on one double well, from times of order one to beyond the largest float, without a gap."""

import pytest

from fpsim import SDE, ConstantDiffusion, EscapeProblem
from landscapes import DoubleWell


@pytest.mark.parametrize("noise", [0.1, 2e-3, 8e-4, 7e-4, 5e-4, 3.6e-4, 3.5e-4, 1e-4])
def test_a_time_of_any_size(noise: float) -> None:
    problem = EscapeProblem(SDE(DoubleWell(), ConstantDiffusion(noise)), -1.0, 1.0)
    exact, found = problem.by_quadrature(), problem.by_grid()
    assert abs(found.log_mean - exact.log_mean) < 1e-6
