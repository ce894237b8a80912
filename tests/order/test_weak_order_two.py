"""scheme='weak-2': the bias of means falls as h^2, where Euler-Maruyama's falls as h; no sampling, by quadrature."""

import numpy as np
import pytest
from numpy.polynomial import chebyshev, hermite_e

import fpsim
from fpsim import ConstantDiffusion, HessianDiffusion
from fpsim.kernels.random_numbers import normals
from fpsim.paths.simulate import simulate
from fpsim.paths.step import numpy_step
from fpsim.walls import Walls
from landscapes import CoupledDoubleWells, DoubleWell
from landscapes.landscape import Landscape

WELL = fpsim.SDE(DoubleWell(tilt=0.1), ConstantDiffusion(0.25))
NODES, WEIGHTS = hermite_e.hermegauss(24)
EDGE, DEGREE = 4.0, 120
POINTS = EDGE * chebyshev.chebpts1(DEGREE + 1)
START = -1.2


def mean_square(scheme, steps):
    """E x^2 after steps of length 1 / steps from START, backwards in time: u(x) <- E u(step(x, z))."""
    step = numpy_step(WELL, 1.0 / steps, None, scheme)
    x = np.repeat(POINTS, NODES.size)
    ends = np.clip(step(x[None], np.tile(NODES, POINTS.size)[None])[0], -EDGE, EDGE) / EDGE
    value = POINTS**2
    for _ in range(steps):
        series = chebyshev.chebfit(POINTS / EDGE, value, DEGREE)
        value = chebyshev.chebval(ends, series).reshape(POINTS.size, -1) @ WEIGHTS / WEIGHTS.sum()
    return chebyshev.chebval(START / EDGE, chebyshev.chebfit(POINTS / EDGE, value, DEGREE))


def richardson(values, order):
    """Limit of values at h, h/2, h/4, ... whose error is a_1 h^order + a_2 h^(order + 1) + ..."""
    values = np.asarray(values)
    while values.size > 1:
        values = values[1:] + (values[1:] - values[:-1]) / (2**order - 1)
        order += 1
    return values[0]


def test_order_and_limit():
    two = np.array([mean_square("weak-2", steps) for steps in (32, 64, 128, 256)])
    one = np.array([mean_square("euler-maruyama", steps) for steps in (32, 64, 128, 256)])
    limit = richardson(one, 1)
    assert richardson(two, 2) == pytest.approx(limit, abs=2e-7)
    assert np.log2((two[:-1] - limit) / (two[1:] - limit)) == pytest.approx(2, abs=0.15)
    assert np.log2((one[:-1] - limit) / (one[1:] - limit)) == pytest.approx(1, abs=0.15)
    assert abs(two[0] - limit) < abs(one[3] - limit)  # with an eighth of the steps, so a quarter of the drifts


@pytest.mark.parametrize("dimension", [1, 3])
def test_compiled_step_and_its_twin(dimension):
    loss = CoupledDoubleWells(dimension) if dimension > 1 else DoubleWell(tilt=0.1)
    matrix = np.diag(np.arange(1.0, dimension + 1)) + 0.2
    sde = fpsim.SDE(loss, ConstantDiffusion(matrix) if dimension > 1 else ConstantDiffusion(0.3))
    begin = -np.ones(dimension)
    found = simulate(sde, begin, 0.2, 0.02, paths=20, save_every=10, seed=4, scheme="weak-2")
    assert found.settings["scheme"] == "weak-2"
    step = numpy_step(sde, 0.02, None, "weak-2")
    x = np.repeat(begin[:, None], 20, axis=1)
    for z in normals(4, 20, 10, dimension):
        x = step(x, z)
    assert np.abs(found.x[-1] - x.T).max() < 1e-12
    euler = simulate(sde, begin, 0.2, 0.02, paths=20, save_every=10, seed=4)
    assert np.abs(found.x[-1] - euler.x[-1]).max() > 1e-4


def test_where_it_would_not_be_of_order_two_it_is_refused():
    with pytest.raises(ValueError, match="scheme must be 'euler-maruyama' or 'weak-2'; got 'heun'"):
        simulate(WELL, -1.0, 0.1, 0.01, paths=2, scheme="heun")
    with pytest.raises(ValueError, match="not with walls"):
        simulate(WELL, -1.0, 0.1, 0.01, paths=2, scheme="weak-2", boundary=Walls("reflecting", [(-2, 2)]))
    noise = HessianDiffusion(learning_rate=0.2, batch_size=1.0, floor=0.5, at="everywhere")
    with pytest.raises(ValueError, match="not with a D that depends on x"):
        simulate(fpsim.SDE(DoubleWell(), noise), -1.0, 0.1, 0.01, paths=2, scheme="weak-2")
    edge = fpsim.SDE(Landscape.from_expression("x - log(x)"), ConstantDiffusion(0.3))
    with pytest.raises(ValueError, match="not with an edge of the domain"):
        simulate(edge, 1.0, 0.1, 0.01, paths=2, scheme="weak-2")
