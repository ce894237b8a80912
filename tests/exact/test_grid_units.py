"""By grid: one problem in other units of length and energy is the same problem."""

import numpy as np
import pytest

import fpsim
from landscapes import Landscape


def problems(length, energy):
    def sde(formula, noise, variables="x"):
        landscape = Landscape.from_expression(formula, variables=variables, u=energy, l=length)
        return fpsim.SDE(landscape, fpsim.ConstantDiffusion(noise * energy))

    bowl = "u*(x**2+2*y**2)/l**2/2"
    ring = fpsim.Walls("periodic", [(-np.pi * length / 2, 3 * np.pi * length / 2)])
    yield fpsim.EscapeProblem(sde("u*((x/l)**2-1)**2/4", 0.1), -length, 0.5 * length), None
    yield fpsim.EscapeProblem(sde("u*(x/l-0.6*log(x/l))", 0.5), length, 4 * length), None
    yield fpsim.EscapeProblem(sde("u*(((x/l)**2-1)**2/4-exp(-((x/l-.2)/.001)**2))", 0.1), -length, length), None
    yield fpsim.EscapeProblem(sde("-u*cos(2*x/l)", 1.0), 0.0, fpsim.Ball(np.pi * length, 0.2 * length), ring), None
    place = (2 * length, 0.3 * length)
    yield fpsim.EscapeProblem(sde(bowl, 1.0, "x y"), place, fpsim.Ball((0, 0), 0.05 * length)), 100
    yield (
        fpsim.EscapeProblem(sde(bowl, 1.0, "x y"), place, lambda x: (0.05 * length) ** 2 - x[0] ** 2 - x[1] ** 2),
        100,
    )


def times(length, energy):
    return np.array([case.by_grid(cells).mean for case, cells in problems(length, energy)]) * energy / length**2


@pytest.fixture(scope="module")
def in_natural_units():
    return times(1.0, 1.0)


@pytest.mark.parametrize(("length", "energy"), [(1e-9, 1.0), (1e9, 1.0), (1.0, 1e-9), (1.0, 1e9), (1e-8, 4.1e-21)])
def test_times_in_other_units(length, energy, in_natural_units):
    assert times(length, energy) == pytest.approx(in_natural_units, rel=1e-9)
