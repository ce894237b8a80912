"""Exits under a full D(x) in three dimensions whose last coordinate is a process of its own, known by quadrature."""

import numpy as np
import pytest

import fpsim
from fpsim.paths.exits import exit_times
from landscapes import Landscape

SPACE = Landscape.from_expression("x**2/2 + y**2 + (z**2 - 1)**2/4", "x y z")
LINE = Landscape.from_expression("(z**2 - 1)**2/4", "z", bounds=[(-3, 3)])
OWN = "0.15 + z**2/20"
SHARED = fpsim.DiffusionField.from_expression(
    [["1 + x**2/9", "sin(y)/4", "x*y/(9 + x**2*y**2)"], ["sin(y)/4", "0.6", "cos(x)/4"],
     ["x*y/(9 + x**2*y**2)", "cos(x)/4", OWN]], "x y z",
)  # fmt: skip


@pytest.mark.parametrize("seed", [1])
def test_exit_of_the_last_coordinate(seed):
    alone = fpsim.SDE(LINE, fpsim.DiffusionField.from_expression(OWN, "z"))
    exact = fpsim.EscapeProblem(alone, -1.0, 0.0).by_quadrature().mean
    sample = exit_times(
        fpsim.SDE(SPACE, SHARED), [0.0, 0.0, -1.0], fpsim.HalfSpace([0.0, 0.0, 1.0], 0.0), 6000, 0.01, seed
    )
    assert sample.settings["engine"] == "compiled"
    error = sample.times.std() / np.sqrt(sample.times.size)
    assert error < 0.02 * exact
    assert abs(sample.times.mean() - exact) < 5 * error
