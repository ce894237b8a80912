"""A film is the same in any units: clock, camera, bins and particles scale with the problem."""

import numpy as np
import pytest

import fpsim
import landscapes
from animations.kramers.film import KramersFilm


def shot(width: float, heat: float):
    formula = "height*((x/width)**2 - 1)**2/4"
    bounds = [(-2 * width, 2 * width)]
    well = landscapes.Landscape.from_expression(formula, bounds=bounds, height=8 * heat, width=width)
    problem = fpsim.EscapeProblem(fpsim.SDE(well, fpsim.ConstantDiffusion(heat)), -width, width)
    return KramersFilm.of(problem, particles=40, frames=8, paths=60, seed=3).compute().acts[0][0]


@pytest.mark.parametrize(("width", "heat"), [(2.0**-27, 2.0**-68), (2.0**20, 2.0**30)])
def test_units_change_no_picture(width: float, heat: float) -> None:
    one, other = shot(1.0, 1.0), shot(width, heat)
    pace = width**2 / heat
    np.testing.assert_allclose(other.time / pace, one.time, rtol=0.02)  # a step is chosen to two digits
    np.testing.assert_allclose(np.array(other.window) / [width, width, heat, heat], one.window, rtol=1e-9)
    np.testing.assert_allclose(other.barrier / width, one.barrier, atol=1e-9)
    np.testing.assert_allclose(other.curve_loss / heat, one.curve_loss, rtol=1e-9, atol=1e-12)
    assert other.tau("quadrature")[0] / pace == pytest.approx(one.tau("quadrature")[0], rel=1e-9)
    assert np.abs(other.positions).max() / width < 4
